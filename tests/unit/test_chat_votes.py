"""Whatever people say and press in a chat, in whichever order, however late the log shows it:
nothing is handed over but what enough of the right people have approved, and that is."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared import audit, bootstrap, chat_log, naming
from shared.audit import Row
from shared.chat import offers
from shared.chat.messages import Message, Reply
from shared.chat.terms import Terms
from shared.commanding import dispatch
from shared.commanding.desk import Desk
from shared.people import People
from shared.policies import Assets
from shared.secrecy import Secret
from tests.unit.samples import ACCOUNT_ID, NOW, with_list
from tests.unit.strategies import thorough

# Of everybody who may approve for the one, some may for the other.
OWN = {"orders": {"bob", "carol", "dave", "erin", "frank"},
       "parcels": {"bob", "carol", "erin", "grace"}}  # fmt: skip
RULES = with_list("parcels", OWN["parcels"], bootstrap.rules())
TERMS = Terms(RULES, bootstrap.templates(), Assets(ACCOUNT_ID, "cn-hangzhou", "p", "d"), "all")
KEY = Secret("a key of the chat's")
# Accounts by the person who has them: two of them have two.
PEOPLE = {name: f"{name}@example.com"
          for name in ("alice", "bob", "carol", "dave", "erin", "frank", "grace")}  # fmt: skip
ACCOUNTS = PEOPLE | {"alice-too": "alice@corp.example.com", "carol-too": "carol@corp.example.com"}
VOTERS = {"dev": {"bob", "carol", "dave"}, "prod": {"carol", "dave", "erin", "frank"}}
QUORUM = {"dev": 1, "prod": 2}
OPEN = timedelta(hours=8)


def person(account: str) -> str:
    return account.removesuffix("-too")


@dataclass
class Chat:
    """A desk with a log that is behind, and a clock that moves when somebody waits."""

    lag: float
    now: datetime = NOW
    issuing: bool = True
    rows: list[tuple[datetime, Row]] = field(default_factory=list)
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    said: int = 0

    # -- ports.AuditLog
    def put_logs(self, rows: Sequence[Row]) -> None:
        self.rows += [(self.now + timedelta(seconds=self.lag), row) for row in rows]

    def get_logs(self, query: str, since: datetime, until: datetime) -> list[Row]:
        named = re.findall(r'(ticket_id|event_type): "([^"]*)"', query)
        return [row for visible, row in self.rows if visible <= self.now
                and all(row[name] == value for name, value in named)
                and since <= chat_log.moment(row) <= until]  # fmt: skip

    # -- ports.Functions
    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        if function == naming.REVOKE_FUNCTION:  # it only takes away
            return True
        assert function == naming.ISSUE_FUNCTION
        known = task_id in self.tasks
        self.tasks.setdefault(task_id, json.loads(payload))
        return not known

    def get_async_task(self, function: str, task_id: str) -> str:
        return "Running"

    def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def say(self, account: str, **what: str) -> list[Reply]:
        """One message of somebody's; what it was answered."""
        self.said += 1
        message = Message("slack", account, "https://app.slack.com/client/T1/C1",
                          f"message {self.said}", "/commands/T1/1", **what)  # fmt: skip
        desk = Desk(
            people=People({("slack", name): email for name, email in ACCOUNTS.items()}),
            rules=RULES, terms=TERMS, key=KEY, most_requests=9, language="en",
            issuing=self.issuing, functions=self, audit_log=self,  # type: ignore[arg-type]
            account_id=ACCOUNT_ID, now=lambda: self.now, sleep=self.sleep,
            remaining_seconds=lambda: 0,
        )  # fmt: skip
        return list(dispatch.answers(desk, message, lambda ticket, application: audit.attempt(
            audit.Subject("slack", ticket, application, ""),
            naming.operation_id("slack", f"{ticket} {message.event}", "chat"), fc_request_id="r",
            fc_function="akw-command", account_id=ACCOUNT_ID, region="r", trigger="chat",
            broker_version="0")))  # fmt: skip

    def ask(
        self, account: str, environment: str, beneficiary: str = "", application: str = "orders"
    ) -> str:
        """A request; what its buttons carry."""
        whom = PEOPLE[beneficiary] if beneficiary else ""
        told = self.wish(account, environment, whom, application)
        assert told[0].buttons, told
        return told[0].buttons[0].offer

    def wish(
        self, account: str, environment: str, whom: str = "", application: str = "orders"
    ) -> list[Reply]:
        """A request for whom somebody writes; what it was answered."""
        whom = f"for={whom} " if whom else ""
        return self.say(account, text=(
            f"request app={application} env={environment} template=sls-logstore-write "
            "project=orders-logs logstore=app usecase=on-premises readers=orders-reader ttl=7d "
            f"confirm=yes {whom}"
            'ip=198.51.100.7 reason="the order system writes its logs"'))  # fmt: skip

    def forge(self, ticket: str, event: str, **more: str) -> None:
        """A row that another function has written."""
        row = dict.fromkeys(audit.FIELDS, "") | {
            "event_type": event, "ticket_system": "slack", "ticket_id": ticket,
            "time_ms": str(int((self.now - timedelta(hours=1)).timestamp() * 1000))} | more
        self.rows.append((self.now, row))


@pytest.mark.parametrize("whom", [
    "dave@example.com", "Dave@Example.com", "@dave", "<@dave>", "<@dave|Dave D>",
    "<mailto:dave@example.com|dave>",
])  # fmt: skip
def test_key_is_for_who_is_named_or_mentioned(whom: str) -> None:
    """And they have no word in it."""
    chat = Chat(0)
    (card,) = chat.wish("alice", "dev", whom)
    assert "for dave@example.com" in card.text

    (refused,) = chat.say("dave", action="approve", offer=card.buttons[0].offer)

    assert "approver_is_requester" in refused.text


@pytest.mark.parametrize("whom", [
    "mallory@example.com", "dave", "@mallory", "<@mallory|dave>", "@dave@example.com", "@",
    "dave+x@example.com", "@_user_2",
])  # fmt: skip
def test_key_is_for_nobody_whom_we_do_not_know(whom: str) -> None:
    """They might be who approves it."""
    chat = Chat(0)

    (refused,) = chat.wish("alice", "dev", whom)

    assert ("beneficiary_unknown" in refused.text, ()) == (True, refused.buttons)
    assert [] == chat.rows


def test_decision_is_for_all_to_see_and_what_one_does_with_ones_own_is_not() -> None:
    """Cancelled before it was approved, and after; ended; rejected beside an approval."""
    chat = Chat(0)
    dropped, taken_back, rejected = (chat.ask(name, "dev") for name in ("alice", "grace", "erin"))
    ids = [_id(text) for text in (dropped, taken_back, rejected)]
    for text in (taken_back, rejected):
        assert chat.say("bob", action="approve", offer=text)[0].public

    (cancelled,) = chat.say("alice", text=f"cancel {ids[0]}")
    own = chat.say("grace", text=f"cancel {ids[1]}")
    decided = chat.say("carol", action="reject", offer=rejected)

    assert (f"{ids[0]} is cancelled.", False) == (cancelled.text, cancelled.public)
    for (first, *_), id, public in ((own, ids[1], False), (decided, ids[2], True)):
        assert (f"The grant of {id} is being ended (withdrawn).", public) == (
            first.text, first.public)


def _id(text: str) -> str:
    offer = chat_log.opened_ever(text, KEY)
    assert offer is not None
    return offer.ticket.id


_account = st.sampled_from(["carol", "dave", "carol", "dave", "carol-too", *sorted(ACCOUNTS)])
_decision = st.sampled_from(["approve", "approve", "reject"])
STEPS = st.lists(
    st.tuples(st.sampled_from(["press", "press", "type"]), _account, _decision)
    | st.tuples(st.sampled_from(["press", "press", "type"]), _account, _decision)
    | st.tuples(st.just("cancel"), _account, st.just(""))
    | st.tuples(st.just("wait"), st.sampled_from(["1", "3600", "28000", "29000"]), st.just(""))
    | st.tuples(st.just("forge"), _account, _decision)
    | st.tuples(st.just("copy"), _account, _decision)
    | st.tuples(st.just("redirect"), st.just(""), st.just(""))
    | st.tuples(st.just("switch"), st.sampled_from(["off", "on"]), st.just("")),
    max_size=10,
)  # fmt: skip


PRESS, TYPE = "press", "type"


@example("alice", "", "orders prod", [(PRESS, "carol", "approve"), (PRESS, "carol", "reject"),
                                      (PRESS, "dave", "approve")], 0.0)  # fmt: skip
@example("alice", "", "orders prod", [(PRESS, "carol", "approve"), (TYPE, "carol-too", "approve"),
                                      (TYPE, "dave", "approve")], 2.0)  # fmt: skip
@example("alice", "", "orders dev", [("cancel", "alice", ""), (PRESS, "bob", "approve")], 2.0)
@example("alice", "", "parcels dev", [(PRESS, "dave", "reject"), (PRESS, "grace", "approve"),
                                      (PRESS, "dave", "approve")], 0.0)  # fmt: skip
@given(_account, st.sampled_from(["", "", "bob", "carol", "grace"]),
       st.sampled_from(["orders dev", "orders prod", "parcels dev", "parcels prod"]), STEPS,
       st.sampled_from([0.0, 2.0]))  # fmt: skip
@thorough
def test_nothing_is_handed_over_but_what_was_approved_and_that_is(
    requester: str, beneficiary: str, what_for: str, steps: list[tuple[str, str, str]],
    lag: float,
) -> None:  # fmt: skip
    chat = Chat(lag)
    application, environment = what_for.split()
    voters = VOTERS[environment] & OWN[application]
    other = chat.ask("grace", "dev")
    text, asked_at = chat.ask(requester, environment, beneficiary, application), chat.now
    offer, decoy = (chat_log.opened_ever(one, KEY) for one in (text, other))
    assert offer is not None
    assert decoy is not None
    ticket, barred = offer.ticket.id, {person(requester), beneficiary}
    approved: set[str] = set()
    closed = False  # by a rejection, or by being taken back

    for what, whose, decision in steps:
        told: list[Reply] = []
        counts = person(whose) in voters - barred and chat.now < asked_at + OPEN
        if what in ("press", "type"):
            if counts and not closed and not chat.tasks:
                if decision == "reject":
                    closed = True
                elif chat.issuing:
                    approved.add(person(whose))
            told = (chat.say(whose, action=decision, offer=text) if what == "press" else
                    chat.say(whose, text=f"{decision} {ticket}"))  # fmt: skip
            assert told, "nobody is left without a word"
        elif what == "cancel":
            closed = closed or (person(whose) == person(requester) and not chat.tasks)
            if not chat.tasks:  # else it orders the end, which is told elsewhere
                chat.say(whose, text=f"cancel {ticket}")
        elif what == "wait":
            chat.now += timedelta(seconds=int(whose))
        elif what == "switch":
            chat.issuing = whose == "on"
        elif what == "redirect":
            chat.forge(ticket, chat_log.REQUESTED, message=other)
        else:
            signed = offers.ballot(decoy, ACCOUNTS[whose], decision, KEY) if what == "copy" else ""
            if decision == "approve":  # a false rejection is an outage, never an access
                chat.forge(ticket, chat_log.VOTED, reason=decision, approver_id=ACCOUNTS[whose],
                           message=signed)  # fmt: skip
        enough = len(approved) >= QUORUM[environment] and not closed
        if chat.tasks:
            assert enough, (what, whose, decision)
        elif enough and what in ("press", "type") and decision == "approve" and counts:
            pytest.fail(f"approved, and not handed over: {told}")

    handed = [task["ticket"] for task in chat.tasks.values()]
    assert len(handed) <= 1
    for content in handed:
        assert (ticket, environment) == (content["id"], content["environment"])
        assert approved == {person(one["approver"]["id"].partition("@")[0])
                            for one in content["approvals"]}  # fmt: skip
