"""Rejections that were seen stay: at its source a comment can be edited or deleted afterwards.

A look writes a row for each person who has rejected the record. Whether they may is decided with
the ticket, by the rules of what it asks for by then. Who else writes such a row refuses a ticket,
and can have none issued.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from shared.audit import (
    AMENDED,
    EXTENDED,
    INTENT,
    NOTE,
    REJECTED,
    REMAINS_REMOVED,
    SERVED,
    SUCCESS,
    Attempt,
    Change,
    Outcome,
    Row,
)
from shared.ports import AuditLog
from shared.refusals import Denied
from shared.resumption import MEMORY_DAYS
from shared.tickets import REJECT, Approval, Principal, Ticket

SEEN = "rejection.seen"  # `approver_id` has rejected the record
FINAL = "approval_rejected"  # the reason of a ticket that was refused for it
ENDS = (*SERVED, EXTENDED, AMENDED)  # what is announced once a ticket was approved
AHEAD = timedelta(minutes=15)  # a row's clock may be


def remember(log: AuditLog, people: AbstractSet[str], record: Attempt, now: datetime) -> None:
    """Put on record that these people (e-mail addresses) have rejected the record's ticket, each
    once. Raises CloudError: who could not be put on record has not been seen."""
    if not people:
        return
    rows = _rows(log, record.base["ticket_system"], record.base["ticket_id"], now)
    known = {row["approver_id"] for row in rows if row["event_type"] == SEEN}
    seen, noted = Change(SEEN, "", ""), Outcome(SUCCESS)
    for person in sorted(people - known):
        log.put_logs(record.rows([(seen, NOTE, noted)], now, approver_id=person, reason=REJECT))


def with_seen(log: AuditLog, ticket: Ticket, now: datetime) -> Ticket | Denied:
    """The ticket with the rejections that its source may not show any more, to be decided on;
    Denied if it was refused for one before. A retry of what was begun finds those of before: what
    came later is too late to end it. Raises CloudError: then nothing may be issued."""
    rows = _rows(log, ticket.source, ticket.id, now)
    if _is_begun(rows):
        return ticket
    if any(row["event_type"] == REJECTED and row["reason"].split()[:1] == [FINAL] for row in rows):
        return Denied(FINAL, "approvals")
    people = sorted({row["approver_id"] for row in rows if row["event_type"] == SEEN})
    seen = (Approval(Principal(person, person), REJECT, now) for person in people)
    return replace(ticket, approvals=(*ticket.approvals, *seen))


def _is_begun(rows: list[Row]) -> bool:
    """Whether it was approved, and what that began has not been cleared away since."""
    begun = [int(row["time_ms"]) for row in rows
             if row["event_type"] in ENDS and row["phase"] == INTENT]  # fmt: skip
    cleared = [int(row["time_ms"]) for row in rows
               if (row["event_type"], row["outcome"]) == (REMAINS_REMOVED, SUCCESS)]  # fmt: skip
    return max(begun, default=0) > max(cleared, default=0)


def _rows(log: AuditLog, source: str, ticket_id: str, now: datetime) -> list[Row]:
    """Both values are of a pattern without quotes."""
    events = " or ".join(f'event_type: "{name}"'
                         for name in (SEEN, REJECTED, REMAINS_REMOVED, *ENDS))  # fmt: skip
    query = f'ticket_id: "{ticket_id}" and ticket_system: "{source}" and ({events})'
    return list(log.get_logs(query, now - timedelta(days=MEMORY_DAYS), now + AHEAD))
