"""Hand an accepted delivery over to its worker, once.

The task id stops double submissions only; once-only is the lease's and the audit log's job.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import naming, tickets, timestamps
from shared.deliveries import Delivery
from shared.ports import Functions
from shared.refusals import Denied

ENDED_BADLY = frozenset({"Failed", "Stopped", "Expired", "Invalid"})
MAX_ATTEMPTS = 20  # submissions of one delivery whose tasks all failed; then a person must look
PAYLOAD_FORMAT = "1"
ISSUE_TYPE = "accesskey.ticket.approved"
LONGEST_DELAY = timedelta(days=1)  # maxAsyncEventAgeInSeconds in s.yaml
SOURCES = frozenset({"standard-webhooks"})


@dataclass(frozen=True)
class Accepted:
    """What the sender is told, the same for the first delivery and for every repeat."""

    operation_id: str
    ticket_id: str
    action: str
    use_case: str


def submit(
    functions: Functions, function: str, delivery: Delivery, now: datetime
) -> Accepted | Denied:
    """Submit the delivery as a task of `function`.

    A repeat finds its task there and changes nothing; if that task ended badly, the next attempt
    number is submitted.
    """
    ticket = delivery.ticket
    digest = tickets.digest(ticket)
    body = payload(delivery, now)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        task = naming.task_id(ticket.source, ticket.id, delivery.action, digest, attempt)
        submitted = functions.invoke_async(function, body, task)
        if submitted or functions.get_async_task(function, task) not in ENDED_BADLY:
            operation = naming.operation_id(ticket.source, ticket.id, delivery.action)
            return Accepted(operation, ticket.id, delivery.action, ticket.use_case)
    return Denied("too_many_failures")


def payload(delivery: Delivery, now: datetime) -> bytes:
    """The event of the worker: the delivery as parsed, nothing of what was not understood."""
    content = {
        "format": PAYLOAD_FORMAT,
        "type": delivery.type,
        "source": delivery.ticket.source,
        "accepted_at": timestamps.text(now),
        "ticket": tickets.canonical(delivery.ticket),
    }
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


@dataclass(frozen=True)
class Case:
    """What a worker is given: the ticket, and when it was accepted."""

    ticket: tickets.Ticket
    accepted_at: datetime

    def judged_at(self, now: datetime) -> datetime:
        """The moment at which approvals are judged: their acceptance, so that a retry after a
        crash decides as the first attempt did; but never the future, nor longer ago than FC keeps
        an event."""
        return min(now, max(self.accepted_at, now - LONGEST_DELAY))


def case_of(event: bytes) -> Case | Denied:
    """Read the worker's event; the ticket is validated again, from nothing."""
    content: Any
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return Denied("not_json")
    if not isinstance(content, dict) or content.get("format") != PAYLOAD_FORMAT:
        return Denied("invalid_value", "format")
    if content.get("type") != ISSUE_TYPE:
        return Denied("invalid_value", "type")
    source, accepted = content.get("source"), content.get("accepted_at")
    if not isinstance(source, str) or source not in SOURCES:
        return Denied("invalid_value", "source")
    accepted_at = timestamps.parse(accepted) if isinstance(accepted, str) else None
    if accepted_at is None:
        return Denied("invalid_value", "accepted_at")
    ticket = tickets.parse(content.get("ticket"), source=source)
    return ticket if isinstance(ticket, Denied) else Case(ticket, accepted_at)
