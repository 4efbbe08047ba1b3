"""Read the audit log and its digests as an auditor, and verify them: `make verify-audit` as a
function. Needs no right to sign or to write."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import audit_verification, digests
from shared.audit_verification import PULL, QUERY, Report
from shared.digests import Stored
from shared.ports import AuditReader, Macs, Received

# Queries go by the writers' clock, windows by SLS's: PutLogs refuses rows from further ahead, and a
# row is written right after it is stamped.
AHEAD, BEHIND = timedelta(minutes=15), timedelta(hours=1)


@dataclass(frozen=True)
class Auditor:
    """The ports; `places` are the digests' logstores by project."""

    audit: AuditReader
    places: Mapping[str, AuditReader]
    macs: Macs
    now: Callable[[], datetime]


def examine(auditor: Auditor, since: datetime | None = None) -> Report:
    """Everything that was received from the window of `since` on, None: since there is a log.
    CloudError if something could not be read: nothing is then known."""
    now = auditor.now()
    first = digests.window_of(since.timestamp()) if since else None
    begins = digests.starts_at(first) if first is not None else None
    # Each from its own beginning: where the log itself was deleted and made anew, the digests of
    # what it held before are older than it.
    held = {
        f"{project}, by {view}": digests.assembled(received)
        for project, place in auditor.places.items()
        for view, received in _read(place, begins or place.created_at(), now).items()
    }
    return audit_verification.verify(
        _read(auditor.audit, begins or auditor.audit.created_at(), now), held,
        genuine=_genuine(auditor.macs, held),
        now_seconds=int(now.timestamp()), since=first,
    )  # fmt: skip


def _read(place: AuditReader, start: datetime, now: datetime) -> dict[str, list[Received]]:
    """Both views, queries before pulls: what arrives in between is then in the pull alone, and too
    young to be missed."""
    queried = place.query_logs(start - BEHIND, now + AHEAD)
    begins = int(start.astimezone(UTC).timestamp())
    return {
        QUERY: [r for r in queried if r.received_at is None or r.received_at >= begins],
        PULL: list(place.pull_logs(start, now + AHEAD)),
    }


def _genuine(
    macs: Macs, held: Mapping[str, list[Stored]]
) -> set[tuple[str, str, str]]:
    """What the key confirms; a digest that names another key is not even asked about."""
    claimed = {(s.key_id, s.digest, s.mac) for place in held.values() for s in place}
    return {
        (key_id, digest, mac) for key_id, digest, mac in claimed
        if key_id == macs.key_id and mac and macs.verify_mac(digests.message(digest), mac)
    }  # fmt: skip
