"""Take in an event from the bus: read it, hand it over, put every refusal on record.

The sender is told nothing, so what needs no cloud to be refused is left to the worker, whose
refusals are on record too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared import audit, handover, removal
from shared.audit import Attempt
from shared.deliveries import MAX_BODY_BYTES
from shared.handover import Accepted
from shared.places import Place
from shared.ports import AuditLog, Functions
from shared.refusals import Denied
from shared.sources import eventbridge
from shared.tickets import Ticket


@dataclass(frozen=True)
class EventDesk:
    """What a run works with; `place` is None where the source is not on."""

    place: Place | None
    region: str
    functions: Functions
    issue_function: str
    revoke_function: str
    audit_log: AuditLog
    now: Callable[[], datetime]


def take(desk: EventDesk, event: bytes, record: Attempt) -> Accepted | Denied:
    """Hand the event's ticket over; a refusal has its row, which holds nothing of the event but
    what names a readable ticket. Raises CloudError, to be tried again."""
    outcome = _handed_over(desk, event, record)
    if isinstance(outcome, Denied):
        desk.audit_log.put_logs(audit.refusal(record, outcome, desk.now()))
    return outcome


def _handed_over(desk: EventDesk, event: bytes, record: Attempt) -> Accepted | Denied:
    now = desk.now()
    if desk.place is None:
        return Denied("source_not_enabled")
    delivery = eventbridge.parse(event, desk.place, region=desk.region, now=now)
    if isinstance(delivery, Denied):
        return delivery
    record.base |= _names(delivery.ticket)
    if len(handover.payload(delivery, now)) > MAX_BODY_BYTES:  # FC takes no more
        return Denied("body_too_large", "data")
    if delivery.action != "revoke":
        return handover.submit(desk.functions, desk.issue_function, delivery, now)
    target = removal.target(delivery.ticket)
    if isinstance(target, Denied):
        return target
    return handover.submit_again(desk.functions, desk.revoke_function, delivery, now)


def _names(ticket: Ticket) -> dict[str, str]:
    return {
        "ticket_id": ticket.id, "ticket_url": ticket.url, "requester_id": ticket.requester.id,
        "application": ticket.application, "environment": ticket.environment,
    }  # fmt: skip
