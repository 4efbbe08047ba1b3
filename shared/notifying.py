"""Tell people, unasked, what happened to their grants: each thing to each address once.

A timer's work. The audit log is both what there is to tell and what was told: a message goes out
after the row it speaks of, and a row follows the message. Who dies in between tells it again, with
the same id. What fails is tried again for a day, with pauses that double.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import audiences, notices
from shared.audiences import Address, Audience
from shared.audit import BROKEN_GLASS, FAILURE, NOTE, SERVED, SUCCESS, Attempt, Change, Outcome
from shared.errors import AkwardenError, CloudRefused, Throttled
from shared.notices import Notice
from shared.people import People
from shared.ports import AuditLog, Messenger
from shared.rules import Rules

log = logging.getLogger(__name__)
SLOW = timedelta(seconds=5)
LONGEST_LIFE = timedelta(days=730)  # of a grant whose people are looked for, since its issue


@dataclass(frozen=True)
class Herald:
    """What telling works with. `messengers`: by way; made when there is something to tell, so that
    a way that cannot be used stops no other."""

    audiences: Mapping[str, Audience]
    messengers: Mapping[str, Callable[[], Messenger]]
    people: People
    rules: Rules
    language: str
    audit_log: AuditLog
    now: Callable[[], datetime]


def say_so_hourly(run: Herald, record: Attempt) -> None:
    """In the first minute of each hour: else nobody would miss what is not told."""
    if run.now().minute == 0:
        looked(run, record)


def looked(run: Herald, record: Attempt) -> None:
    """A row that says that somebody looked what is to be told."""
    change, ways = Change(notices.LOOKED, "", ""), ", ".join(sorted(run.audiences)) or "off"
    outcome = Outcome(SUCCESS, message=ways)
    run.audit_log.put_logs(record.rows([(change, NOTE, outcome)], run.now()))


def tell(
    run: Herald, record: Callable[[Notice | None], Attempt], remaining_seconds: Callable[[], float]
) -> dict[str, int]:
    """What is due, the oldest first; how many messages by outcome. `remaining_seconds` keeps two
    runs apart: what one has told must be visible to the next."""
    if not run.audiences:
        return {}
    now = run.now()
    since, until = now - notices.LOOKBACK, now + notices.AHEAD
    happened = notices.of_rows(run.audit_log.select_logs(notices.HAPPENED, since, until))
    if not happened:
        return {}
    past = notices.past_of(run.audit_log.select_logs(notices.TOLD, since, until))
    counts: Counter[str] = Counter()
    ways = _Ways(run)
    due = [(notice, address) for notice in _with_people(run, happened)
           for address in _addresses(run, notice) if past.is_due(notice, address, now)]  # fmt: skip
    if due:  # a log that takes no rows now would have the same told again each minute
        looked(run, record(None))
    for notice, address in due:
        if remaining_seconds() <= 0 or ways.is_down(address.way):
            counts["left"] += 1
            continue
        counts[_told(run, ways, notice, address, record(notice))] += 1
    return dict(counts)


def _told(
    run: Herald, ways: _Ways, notice: Notice, address: Address, attempt: Attempt
) -> str:
    outcome, event, began = Outcome(SUCCESS, message=notice.id), notices.SENT, run.now()
    try:
        ways.messenger(address.way).send(address, notice, notices.text(notice, run.language))
    except AkwardenError as err:
        ways.failed(address.way, err)
        log.warning("%s of %s not told to %s: %s", notice.kind, notice.ticket, address, err)
        code = getattr(err, "code", "") or err.reason
        outcome, event = Outcome(FAILURE, code=code, message=notice.id), notices.FAILED
    if run.now() - began > SLOW:
        ways.leave(address.way)
    change = Change(event, address.way, "", resource=str(address))
    run.audit_log.put_logs(attempt.rows([(change, NOTE, outcome)], run.now(), reason=notice.kind))
    return event.rpartition(".")[2]


class _Ways:
    """The messengers of one run. A way of which nobody knows whether it works, or that has had too
    much, is left alone until the next; one that refuses an address may take others."""

    def __init__(self, run: Herald) -> None:
        self._make = run.messengers
        self._made: dict[str, Messenger] = {}
        self._down: set[str] = set()

    def messenger(self, way: str) -> Messenger:
        if way not in self._made:
            self._made[way] = self._make[way]()
        return self._made[way]

    def failed(self, way: str, err: AkwardenError) -> None:
        if way not in self._made or not isinstance(err, CloudRefused) or isinstance(err, Throttled):
            self._down.add(way)

    def leave(self, way: str) -> None:
        """It takes the others' time."""
        self._down.add(way)

    def is_down(self, way: str) -> bool:
        return way in self._down


def _with_people(run: Herald, happened: Sequence[Notice]) -> list[Notice]:
    """Rows of an end or of a rotation do not name everybody: the row of the issue does."""
    if all(one.requester and one.approvers for one in happened):
        return list(happened)
    events = ", ".join(f"'{event}'" for event in sorted(SERVED))
    rows = run.audit_log.select_logs(
        f"* | select ticket_system, ticket_id, "  # noqa: S608 (ours)
        "max_by(requester_id, time_ms) as requester, max_by(approver_id, time_ms) as approvers "
        f"from log where event_type in ({events}) and outcome = '{SUCCESS}' "
        f"group by ticket_system, ticket_id limit {notices.MOST}",
        run.now() - LONGEST_LIFE, run.now() + notices.AHEAD)  # fmt: skip
    known = {(row["ticket_system"], row["ticket_id"]): row for row in rows}
    found = []
    for one in happened:
        row = known.get((one.source, one.ticket))
        approvers = list(filter(None, row["approvers"].split(","))) if row else []
        found.append(notices.with_people(one, row["requester"], approvers) if row else one)
    return found


def _addresses(run: Herald, notice: Notice) -> list[Address]:
    """Whoever has no account at a vendor is told by no message there."""
    concerned = [run.rules.person(run.people.address(notice.source, one))
                 for one in (notice.requester, *notice.approvers) if one]  # fmt: skip
    environment = run.rules.environment(notice.environment, notice.application)
    if notice.event == BROKEN_GLASS and environment:
        concerned += sorted(environment.everybody)
    found = audiences.addresses(list(run.audiences.values()), concerned)
    return [one for one in found if not one.person or run.people.accounts(one.way, one.person)]
