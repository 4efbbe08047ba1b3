"""What commands work with, and what all of them do: refuse in words, wait for the log."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared import chat_log
from shared.audit import Attempt, Row
from shared.chat import words
from shared.chat.messages import Reply
from shared.chat.terms import Terms
from shared.errors import StateChanged
from shared.people import People
from shared.ports import AuditLog, Functions
from shared.refusals import Denied
from shared.rules import Rules
from shared.secrecy import Secret

VISIBLE_SECONDS, PAUSE_SECONDS = 15.0, 0.5  # until a row that was written is found
Replies = Iterator[Reply]
Recorder = Callable[[str, str], Attempt]  # starts one of a ticket's action: its id, application


@dataclass(frozen=True)
class Desk:
    """What commands work with; `key` signs offers and ballots."""

    people: People
    rules: Rules
    terms: Terms
    key: Secret
    most_requests: int  # of one person, within a day
    language: str
    issuing: bool
    functions: Functions
    audit_log: AuditLog
    account_id: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    remaining_seconds: Callable[[], float]

    def say(self, key: str, **values: object) -> str:
        return words.say(self.language, key, **values)


def refusal(desk: Desk, denied: Denied) -> Reply:
    return Reply(words.refused(desk.language, denied))


def awaited(
    desk: Desk, rows: Callable[[], Sequence[Row]], wanted: Callable[[Row], bool]
) -> Row | None:
    """The first row that is wanted, as soon as there is one; None if time runs out before."""
    while desk.remaining_seconds() > 0:
        if found := next((row for row in rows() if wanted(row)), None):
            return found
        desk.sleep(PAUSE_SECONDS)
    return None


def once_visible(
    desk: Desk, ticket: str, shows: Callable[[Sequence[Row]], object]
) -> Sequence[Row]:
    """The ticket's rows once what was just written is among them: then, most likely, what others
    wrote before is, too. Of votes, whoever presses again counts again, should that not be so."""
    for _ in range(int(VISIBLE_SECONDS / PAUSE_SECONDS)):
        rows = chat_log.of_ticket(desk.audit_log, ticket, desk.now())
        if shows(rows):
            return rows
        desk.sleep(PAUSE_SECONDS)
    raise StateChanged(f"ticket {ticket}: what was written is not visible yet")
