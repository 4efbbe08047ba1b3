"""The inventory: one audit row per key and day, and what is read back from it; pure.

`event_type` is `key.inventory`; key, status, age, user, place, ticket and requester stand in the
row's own fields, where statements can ask for them, the rest as JSON in `message`. What could not
be read is unknown there, never a date.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared import hygiene, timestamps
from shared.audit import NOTE, Attempt, Change, Outcome, Row
from shared.ledger import LiveGrant
from shared.ports import KeyStatus, LastUse

EVENT = "key.inventory"
NEVER, UNKNOWN = "never", "unknown"


@dataclass(frozen=True)
class Entry:
    """A key as it was seen on its day. `used` (by others than us) is UNKNOWN, NEVER or a moment;
    `service` where it was used last."""

    application: str
    environment: str
    user: str
    key_id: str
    status: str
    created_at: datetime | None
    used: datetime | str
    service: str
    expires_at: datetime
    ticket: tuple[str, str]
    requester: str
    approvers: tuple[str, ...]
    templates: tuple[str, ...]
    seen_at: datetime


def entry(grant: LiveGrant, key: KeyStatus, use: LastUse | None, now: datetime) -> Entry:
    """What is known of a grant's key; `use` None: its last use could not be read."""
    used: datetime | str = UNKNOWN
    if use is not None:
        used = hygiene.used_by_others(use, key.created_at) or NEVER
    return Entry(
        grant.application, grant.environment, grant.user, key.id, key.status, key.created_at, used,
        use.service if use else "", grant.expires_at, (grant.source, grant.ticket_id),
        grant.requester, grant.approvers,
        tuple(sorted({permission.template for permission in grant.permissions})), now,
    )  # fmt: skip


def rows(record: Attempt, entries: Iterable[Entry], now: datetime) -> list[Row]:
    """A row for each."""
    made: list[Row] = []
    for one in entries:
        source, ticket_id = one.ticket
        made += record.rows(
            [(Change(EVENT, "", "", one.key_id), NOTE, Outcome("", message=_message(one)))], now,
            application=one.application, environment=one.environment, target_user=one.user,
            ticket_system=source, ticket_id=ticket_id, requester_id=one.requester,
            approver_id=",".join(one.approvers), key_status=one.status, key_age_days=_age(one),
        )  # fmt: skip
    return made


def _age(one: Entry) -> str:
    """Whole days; empty if it is not known."""
    return str((one.seen_at - one.created_at).days) if one.created_at else ""


def read(row: Mapping[str, str]) -> Entry | None:
    """The entry that a row tells; None if it is none that this version understands."""
    try:
        said = json.loads(row["message"])
        seen_at = datetime.fromtimestamp(int(row["time_ms"]) / 1000, UTC)
        expires_at = timestamps.parse(said["expires"])
        if row["event_type"] != EVENT or expires_at is None:
            return None
        used = said["used"] if said["used"] in (NEVER, UNKNOWN) else timestamps.parse(said["used"])
        return Entry(
            row["application"], row["environment"], row["target_user"], row["access_key_id"],
            str(said["status"]), timestamps.parse(said["created"]), used or UNKNOWN,
            str(said["service"]), expires_at, (row["ticket_system"], row["ticket_id"]),
            row["requester_id"], tuple(filter(None, row["approver_id"].split(","))),
            tuple(map(str, said["templates"])), seen_at,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError):
        return None


def latest(found: Iterable[Row]) -> list[Entry]:
    """The newest entry of each key, by place and age: the oldest key first."""
    newest: dict[str, Entry] = {}
    for row in found:
        one = read(row)
        if one and (one.key_id not in newest or one.seen_at > newest[one.key_id].seen_at):
            newest[one.key_id] = one
    return sorted(newest.values(), key=lambda one: (
        one.created_at is None, one.created_at or one.seen_at, one.key_id))  # fmt: skip


def _message(one: Entry) -> str:
    content: dict[str, Any] = {
        "status": one.status,
        "created": timestamps.text(one.created_at) if one.created_at else UNKNOWN,
        "used": one.used if isinstance(one.used, str) else timestamps.text(one.used),
        "service": one.service, "expires": timestamps.text(one.expires_at),
        "templates": list(one.templates),
    }  # fmt: skip
    return json.dumps(content, ensure_ascii=False, sort_keys=True)
