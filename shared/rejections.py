"""Rejections that were seen stay: at its source a comment can be edited or deleted afterwards.

A look writes a row for each person who has rejected the record. Whether they may is decided with
the ticket, by the rules of what it asks for by then. Who else writes such a row refuses a ticket,
and can have none issued.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime, timedelta

from shared.audit import NOTE, REJECTED, SUCCESS, Attempt, Change, Outcome, Row
from shared.ports import AuditLog
from shared.refusals import Denied
from shared.resumption import MEMORY_DAYS
from shared.tickets import REJECT, Approval, Principal, Ticket

SEEN = "rejection.seen"  # `approver_id` has rejected the record
FINAL = "approval_rejected"  # the reason of a ticket that was refused for it
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
    Denied if it was refused for one before. Raises CloudError: then nothing may be issued."""
    rows = _rows(log, ticket.source, ticket.id, now)
    if any(row["event_type"] == REJECTED and row["reason"].split()[:1] == [FINAL] for row in rows):
        return Denied(FINAL, "approvals")
    people = sorted({row["approver_id"] for row in rows if row["event_type"] == SEEN})
    seen = (Approval(Principal(person, person), REJECT, now) for person in people)
    return replace(ticket, approvals=(*ticket.approvals, *seen))


def _rows(log: AuditLog, source: str, ticket_id: str, now: datetime) -> list[Row]:
    """Both values are of a pattern without quotes."""
    query = (f'ticket_id: "{ticket_id}" and ticket_system: "{source}" '
             f'and (event_type: "{SEEN}" or event_type: "{REJECTED}")')  # fmt: skip
    return list(log.get_logs(query, now - timedelta(days=MEMORY_DAYS), now + AHEAD))
