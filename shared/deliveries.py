"""The body of a Standard Webhook, or of an event that says the same: JSON that can have one
meaning only, or a refusal.

All four types carry the whole ticket, so that a worker never has to look the rest up:
`.approved` issues, `.revoked` ends, `.extended` prolongs and `.amended` changes a grant.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared import tickets, timestamps
from shared.fields import Refused, decoded, members, text
from shared.refusals import Denied
from shared.tickets import Ticket

# FC's asynchronous payload ends at 128 KB; the hand-over adds to what came in.
MAX_BODY_BYTES = 96 * 1024
ACTIONS = {
    "accesskey.ticket.approved": "issue",
    "accesskey.ticket.revoked": "revoke",
    "accesskey.ticket.extended": "extend",
    "accesskey.ticket.amended": "amend",
}


@dataclass(frozen=True)
class Delivery:
    """What was asked for: `action` is `issue`, `revoke`, `extend` or `amend`. `incident`: issue it
    without anybody's approval, because of that; no webhook can say so."""

    type: str
    action: str
    sent_at: datetime
    ticket: Ticket
    incident: str = ""


@dataclass(frozen=True)
class Ignored:
    """A well-formed delivery of a type that is none of ours; answered with success.

    `type` is the sender's text: never logged or repeated.
    """

    type: str


def parse(body: bytes, *, source: str) -> Delivery | Ignored | Denied:
    """Read a verified body; never raises."""
    if len(body) > MAX_BODY_BYTES:
        return Denied("body_too_large")
    try:
        content = decoded(body)
    except Refused as refused:
        return refused.denied
    return read(content, source=source)


def read(content: object, *, source: str) -> Delivery | Ignored | Denied:
    """The same of what is decoded already: `type`, `timestamp` and `data`; never raises."""
    try:
        return _delivery(content, source)
    except Refused as refused:
        return refused.denied


def _delivery(content: object, source: str) -> Delivery | Ignored | Denied:
    if not isinstance(content, dict):
        raise Refused("wrong_type", "")
    if "type" not in content:
        raise Refused("missing_field", "type")
    kind = content["type"]
    if not isinstance(kind, str):
        raise Refused("wrong_type", "type")
    if kind not in ACTIONS:
        return Ignored(kind)
    given = members(content, "", required=("type", "timestamp", "data"))
    sent_at = timestamps.parse(text(given["timestamp"], "timestamp", most=40))
    if sent_at is None:
        raise Refused("invalid_value", "timestamp")
    ticket = tickets.parse(given["data"], source=source)
    if isinstance(ticket, Denied):
        where = f"data.{ticket.where}" if ticket.where else "data"
        return Denied(ticket.reason, where, ticket.advice)
    return Delivery(kind, ACTIONS[kind], sent_at, ticket)
