"""Hand an accepted delivery over to its worker: to issue or extend once, to revoke as often as it
is asked.

The task id stops double submissions only; once-only is the lease's and the audit log's job.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from shared import hints, naming, orders, reasons, tickets, timestamps
from shared.deliveries import ACTIONS, Delivery
from shared.hints import Hint
from shared.orders import Order
from shared.refusals import Denied

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.chat.messages import Message
    from shared.ports import Functions

ENDED_BADLY = frozenset({"Failed", "Stopped", "Expired", "Invalid"})
ENDED = ENDED_BADLY | {"Succeeded"}
MAX_ATTEMPTS = 20  # submissions of one delivery whose tasks all failed; then a person must look
PAYLOAD_FORMAT = "1"
INCIDENT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]{1,63}")  # how an incident is named
LONGEST_DELAY = timedelta(days=1)  # maxAsyncEventAgeInSeconds in s.yaml
SOURCES = frozenset({hints.WEBHOOKS, *hints.KINDS, *hints.CHATS, *hints.BUSES})


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
    body = payload(delivery, now)
    return _once(functions, function, body, partial(_task_id, delivery)) or _accepted(delivery)


def submit_hint(functions: Functions, function: str, hint: Hint) -> Denied | None:
    """Submit the hint as a task of `function`: one for each event, and another one for an event
    that comes again after its task ended badly."""
    number = partial(naming.task_id, hint.kind, hint.record, "fetch", hint.event)
    return _once(functions, function, hints.payload(hint), number)


def submit_message(functions: Functions, function: str, message: Message) -> None:
    """Submit what somebody said: once, however often the chat sends it."""
    from shared.chat import messages  # what hands a ticket over runs none of it

    number = naming.task_id(message.kind, message_digest(message), "say", "", 1)
    functions.invoke_async(function, messages.payload(message), number)


def message_digest(message: Message) -> str:
    return hashlib.sha256(message.event.encode(errors="replace")).hexdigest()


def _once(
    functions: Functions, function: str, body: bytes, task_id: Callable[[int], str]
) -> Denied | None:
    for attempt in range(1, MAX_ATTEMPTS + 1):
        task = task_id(attempt)
        submitted = functions.invoke_async(function, body, task)
        if submitted or functions.get_async_task(function, task) not in ENDED_BADLY:
            return None
    return Denied("too_many_failures")


def submit_again(
    functions: Functions, function: str, delivery: Delivery, now: datetime
) -> Accepted:
    """Submit the delivery as a task of `function` unless one of it is still at work.

    Never refused as a repeat: what ended, well or badly, is submitted anew. Beyond the attempts
    that are numbered, the second it came in is the number.
    """
    _again(functions, function, payload(delivery, now), partial(_task_id, delivery), now)
    return _accepted(delivery)


def submit_order(functions: Functions, function: str, order: Order, now: datetime) -> None:
    """The same with a revocation order."""
    task_id = partial(naming.task_id, "order", order.id, "revoke", "")
    _again(functions, function, orders.event_of(order), task_id, now)


def _again(
    functions: Functions, function: str, body: bytes, task_id: Callable[[int], str], now: datetime
) -> None:
    for attempt in (*range(1, MAX_ATTEMPTS + 1), int(now.timestamp())):
        task = task_id(attempt)
        submitted = functions.invoke_async(function, body, task)
        if submitted or functions.get_async_task(function, task) not in ENDED:
            return


def _task_id(delivery: Delivery, attempt: int) -> str:
    ticket = delivery.ticket
    digest = tickets.digest(ticket)
    return naming.task_id(ticket.source, ticket.id, delivery.action, digest, attempt)


def _accepted(delivery: Delivery) -> Accepted:
    ticket = delivery.ticket
    operation = naming.operation_id(ticket.source, ticket.id, delivery.action)
    return Accepted(operation, ticket.id, delivery.action, ticket.use_case)


def payload(delivery: Delivery, now: datetime) -> bytes:
    """The event of the worker: the delivery as parsed, nothing of what was not understood."""
    content = {
        "format": PAYLOAD_FORMAT,
        "type": delivery.type,
        "source": delivery.ticket.source,
        "accepted_at": timestamps.text(now),
        "ticket": tickets.canonical(delivery.ticket),
    } | ({"incident": delivery.incident} if delivery.incident else {})
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode()


@dataclass(frozen=True)
class Case:
    """What a worker is given: the ticket, when it was accepted, what it asks for (`issue`,
    `revoke`, `extend`, `amend`), why a revoked one ends, and for which incident one is issued that
    nobody has approved."""

    ticket: tickets.Ticket
    accepted_at: datetime
    action: str = "issue"
    reason: str = reasons.WITHDRAWN
    incident: str = ""

    def judged_at(self, now: datetime) -> datetime:
        """The moment at which approvals are judged: their acceptance, so that a retry after a
        crash decides as the first attempt did; but never the future, nor longer ago than FC keeps
        an event."""
        return min(now, max(self.accepted_at, now - LONGEST_DELAY))


def case_of(event: bytes, *actions: str) -> Case | Denied:
    """Read the event of the worker for these actions; the ticket is validated again, from nothing.

    No webhook brings a `reason`: whoever may invoke the revoking function may give another one.
    """
    content: Any
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return Denied("not_json")
    if not isinstance(content, dict) or content.get("format") != PAYLOAD_FORMAT:
        return Denied("invalid_value", "format")
    kind = content.get("type")
    action = ACTIONS.get(kind, "") if isinstance(kind, str) else ""
    if not action or action not in actions:
        return Denied("invalid_value", "type")
    source, accepted = content.get("source"), content.get("accepted_at")
    if not isinstance(source, str) or source not in SOURCES:
        return Denied("invalid_value", "source")
    accepted_at = timestamps.parse(accepted) if isinstance(accepted, str) else None
    if accepted_at is None:
        return Denied("invalid_value", "accepted_at")
    reason = content.get("reason", reasons.WITHDRAWN)
    if reason not in (reasons.ALL if action == "revoke" else (reasons.WITHDRAWN,)):
        return Denied("invalid_value", "reason")
    incident = content.get("incident", "")
    if not isinstance(incident, str) or (incident and (
            action != "issue" or source not in hints.CHATS or not INCIDENT.fullmatch(incident))):
        return Denied("invalid_value", "incident")
    ticket = tickets.parse(content.get("ticket"), source=source)
    if isinstance(ticket, Denied):
        return ticket
    return Case(ticket, accepted_at, action, reason, incident)
