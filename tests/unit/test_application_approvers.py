"""An application with a list of its own in config/rules.toml: whom a chat takes for its approvers.

For `parcels` bob, carol, erin and grace may, each where they may approve at all; dave and frank may
for others alone.
"""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace

import pytest

from shared import bootstrap, chat_log, lookups
from shared.audit import BROKEN_GLASS, Row
from shared.chat.messages import Message
from shared.lookups import Shelf
from tests.unit.test_chat_votes import ACCOUNTS, KEY, PEOPLE, RULES, Chat


class Unserved(Chat):
    """A log that knows of no grant."""

    def select_logs(self, query: str, since: datetime, until: datetime) -> list[Row]:
        return []


def looked_up(chat: Chat, who: str, text: str, language: str = "en") -> str:
    people = SimpleNamespace(of=lambda _, name: ACCOUNTS[name], address=lambda _, id: id)
    shelf = Shelf(people, RULES, bootstrap.templates(), language, chat, lambda: chat.now)  # type: ignore[arg-type]
    message = Message("slack", who, "https://app.slack.com/client/T1/C1", "m", "/commands/T1/1",
                      text=text)  # fmt: skip
    return lookups.answer(shelf, message).text


@pytest.mark.parametrize(("application", "environment", "expected"), [
    ("orders", "dev", "alice bob carol dave"),
    ("orders", "prod", "alice carol dave erin frank grace"),
    ("parcels", "dev", "alice bob carol"),
    ("parcels", "prod", "alice carol erin grace"),
])  # fmt: skip
def test_request_is_shown_to_who_may_decide_it(
    application: str, environment: str, expected: str
) -> None:
    """And to whoever asked: in full, as open, and by its state."""
    chat = Unserved(0.0)
    offer = chat_log.opened_ever(chat.ask("alice", environment, application=application), KEY)
    assert offer is not None
    ticket = offer.ticket.id

    shown = {who for who in PEOPLE
             if "not yours" not in chat.say(who, text=f"show {ticket}")[0].text}  # fmt: skip
    listed = {who for who in PEOPLE if ticket in looked_up(chat, who, "list pending")}
    known = {who for who in PEOPLE if ticket in looked_up(chat, who, f"status {ticket}")}

    assert set(expected.split()) == shown == listed == known


@pytest.mark.parametrize(("application", "expected"), [
    ("orders", "dave erin frank grace"), ("parcels", "erin grace"),
])  # fmt: skip
def test_break_glass_is_reviewed_by_who_may_approve_for_the_application(
    application: str, expected: str
) -> None:
    """carol took it; bob is on the list, and may approve nothing in production."""
    reviewed = set()
    for who in PEOPLE:
        chat = Chat(0.0)
        chat.forge("AK-1", "key.issued", policy_decision=BROKEN_GLASS, phase="result",
                   outcome="success", requester_id=PEOPLE["carol"], application=application,
                   environment="prod")  # fmt: skip
        (told,) = chat.say(who, text="review AK-1 ticket=SEC-1")
        reviewed |= {who} if "is reviewed by" in told.text and told.public else set()

    assert set(expected.split()) == reviewed


@pytest.mark.parametrize(("who", "language", "expected"), [
    ("bob", "en", "You may approve: dev."),
    ("dave", "en", ": dev (but not for parcels), prod (but not for parcels)."),
    ("erin", "en", "You may approve: prod."),
    ("carol", "en", "You may approve: dev, prod (but not for payments)."),
    ("frank", "zh", "prod（parcels 除外）"),
    ("alice", "en", "You may approve: nothing."),
])  # fmt: skip
def test_people_are_told_what_they_may_not_approve(
    who: str, language: str, expected: str
) -> None:
    assert expected in looked_up(Chat(0.0), who, "whoami", language)
