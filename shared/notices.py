"""What happened to a grant, as people are told of it unasked: pure, from rows of the audit log.

Nothing is told that is not on record: a notice is made of an acknowledged row, and what was told is
a row again, by which nothing is told twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared.audiences import Address
from shared.audit import (
    AMENDED,
    BROKEN_GLASS,
    EXPIRING,
    EXTENDED,
    REMAINS_REMOVED,
    REVOKED,
    SERVED,
    Row,
)
from shared.chat import words
from shared.key_text import shortened

LOOKED = "notices.looked"  # each hour, whether there was something to tell or not
SENT, FAILED = "notification.sent", "notification.failed"
LOOKBACK = timedelta(days=1)  # what could not be told for so long is given up
AHEAD = timedelta(minutes=15)  # a row's clock may be
SHORTEST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)  # between two tries
MOST = 10_000
MOST_REFUSALS = 100  # of a day that are told; the alert and the dashboard show all
REJECTED = "ticket.rejected"
ISSUED, GRANTED = SERVED
# An event, what people call it, and the sentence that tells it.
_RESULTS = {
    ISSUED: ("issued", "told_issued"),
    GRANTED: ("granted", "told_granted"),
    EXTENDED: ("extended", "told_extended"),
    AMENDED: ("amended", "told_amended"),
    "key.rotated": ("rotated", "told_rotated"),
    REVOKED: ("ended", "told_ended"),
    REMAINS_REMOVED: ("failed", "told_failed"),
}
_NOTES = {
    REJECTED: ("refused", "told_refused"), EXPIRING: ("expiring", "told_expiring"),
}
# What is told beside the issue of what nobody has approved.
_GLASS = {BROKEN_GLASS: ("break_glass", "told_break_glass")}
EVENTS = _RESULTS | _NOTES | _GLASS
KINDS = tuple(kind for kind, _ in EVENTS.values())
_UNTOLD = ("ticket_consumed",)  # the answer to a second delivery, which vendors make unasked

_FIELDS = ("event_type", "reason", "message", "resources", "ticket_system", "ticket_id",
           "application", "environment", "operation_id", "requester_id", "approver_id",
           "secret_name", "access_key_id", "policy_decision", "time_ms")  # fmt: skip


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


_ANY_OF_THEM = " or ".join(f'event_type: "{name}"' for name in _RESULTS | _NOTES)
HAPPENED = (
    f"{_ANY_OF_THEM} "  # noqa: S608 (ours)
    f"| select {', '.join(_FIELDS)}, if(event_type = '{REJECTED}', 1, 0) as refused from log "
    f"where (phase = 'result' and outcome = 'success' and event_type in ({_listed(_RESULTS)})) "
    f"or (phase = 'note' and event_type in ({_listed(_NOTES)})) "
    # Many refusals, which anybody may cause who can send something, push nothing else out.
    f"order by refused, time_ms limit {MOST}"
)
TOLD = (
    f'event_type: "{SENT}" or event_type: "{FAILED}" | '  # noqa: S608 (ours)
    "select message, resources, event_type, count(distinct event_id) as times, "
    "max(time_ms) as last_ms from log "
    f"group by message, resources, event_type limit {MOST * 10}"
)


@dataclass(frozen=True)
class Notice:
    """One thing to tell. `id` is the same whenever the same thing is told, so that receivers can
    drop what comes twice."""

    id: str
    event: str
    source: str
    ticket: str
    application: str
    environment: str
    requester: str
    approvers: tuple[str, ...]
    secret: str
    key_id: str
    reason: str
    within: str
    ends: str
    at: datetime

    @property
    def kind(self) -> str:
        return EVENTS[self.event][0]


def of_rows(rows: Iterable[Row]) -> list[Notice]:
    """The oldest first, refusals last; what is the same for people is there once. A row that is
    none of our form (others can write into the log) tells nothing, and keeps no other from being
    told; nor do refusals beyond the first hundred, or of what names no ticket."""
    found: dict[str, Notice] = {}
    refused = 0
    for notice in (one for row in rows for one in _of(row)):
        if notice.event == REJECTED:
            if notice.reason.partition(" ")[0] in _UNTOLD or not notice.ticket:
                continue
            refused += notice.id not in found
            if refused > MOST_REFUSALS:
                continue
        found.setdefault(notice.id, notice)
    return sorted(found.values(), key=lambda one: (one.event == REJECTED, one.at))


def _of(row: Row) -> list[Notice]:
    try:
        event = row["event_type"]
        glass = row["policy_decision"] == BROKEN_GLASS and event in SERVED
        return [_read(row, one) for one in ((BROKEN_GLASS,) if glass else ()) + (event,)
                if one in EVENTS]  # fmt: skip
    except (KeyError, ValueError, OverflowError, OSError):
        return []


def _read(row: Row, event: str) -> Notice:
    expiring = event == EXPIRING
    within, ends = (row["resources"], row["message"]) if expiring else ("", "")
    # Each run of an operation tells the same; an end tells the same for each order that asks for
    # it; a refusal for each delivery.
    same = {REVOKED: "", REJECTED: row["reason"], EXPIRING: within + ends}.get(
        event, row["operation_id"])
    named = (event, row["ticket_system"], row["ticket_id"], row["application"],
             row["environment"], same)  # fmt: skip
    return Notice(
        hashlib.sha256("\n".join(named).encode()).hexdigest()[:32], event, row["ticket_system"],
        row["ticket_id"], row["application"], row["environment"], row["requester_id"],
        tuple(filter(None, row["approver_id"].split(","))), row["secret_name"],
        row["access_key_id"], row["reason"], within, ends,
        datetime.fromtimestamp(int(row["time_ms"]) / 1000, UTC),
    )  # fmt: skip


def with_people(notice: Notice, requester: str, approvers: Sequence[str]) -> Notice:
    """The people of the ticket, where the notice's own row does not name them."""
    return replace(notice, requester=notice.requester or requester,
                   approvers=notice.approvers or tuple(approvers))  # fmt: skip


@dataclass(frozen=True)
class Past:
    """What was told, and how often in vain, by (notice's id, address)."""

    told: frozenset[tuple[str, str]]
    failures: Mapping[tuple[str, str], tuple[int, datetime]]

    def is_due(self, notice: Notice, address: Address, now: datetime) -> bool:
        """Not yet told, and not tried in vain a moment ago: pauses double, up to an hour."""
        key = notice.id, str(address)
        if key in self.told:
            return False
        times, last = self.failures.get(key, (0, notice.at))
        pause = min(LONGEST_PAUSE, SHORTEST_PAUSE * 2 ** min(times - 1, 10)) if times else None
        return pause is None or now >= last + pause


def past_of(rows: Iterable[Row]) -> Past:
    """Of TOLD's rows."""
    told, failures = set(), {}
    for row in rows:
        key = row["message"], row["resources"]
        if row["event_type"] == SENT:
            told.add(key)
        else:
            with suppress(ValueError, OverflowError, OSError):
                last = datetime.fromtimestamp(int(float(row["last_ms"])) / 1000, UTC)
                failures[key] = int(row["times"]), last
    return Past(frozenset(told), failures)


def text(notice: Notice, language: str) -> str:
    """What people read."""
    reason = notice.reason.partition(" ")[0]
    return words.say(
        language, EVENTS[notice.event][1], ticket=notice.ticket, application=notice.application,
        environment=notice.environment, requester=notice.requester, secret=notice.secret,
        key_id=shortened(notice.key_id), reason=notice.reason,
        sentence=words.sentence(language, reason), within=notice.within, ends=notice.ends,
    )  # fmt: skip


def content(notice: Notice, told: str) -> dict[str, object]:
    """What machines read, a webhook's body; `told` is what people read. The id of a secret's
    version is the AccessKey's, of which nobody is told more than its ends."""
    key = shortened(notice.key_id) if notice.key_id else ""
    data = {
        "ticket_id": notice.ticket, "source": notice.source, "application": notice.application,
        "environment": notice.environment, "requester": notice.requester,
        "approvers": list(notice.approvers), "secret_name": notice.secret,
        "secret_version": key if notice.secret else "", "access_key_id": key,
        "reason": notice.reason, "ends_at": notice.ends, "text": told,
    }  # fmt: skip
    return {
        "type": f"accesskey.notice.{notice.kind}",
        "timestamp": notice.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "data": {name: value for name, value in data.items() if value},
    }
