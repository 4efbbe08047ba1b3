"""Read the audit log and its digests as an auditor, and verify them: `make verify-audit` as a
function. Needs no right to sign or to write."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import audit_verification, digests
from shared.audit_verification import PULL, QUERY, Report
from shared.digests import Stored
from shared.errors import ConfigError
from shared.ports import AuditReader, Macs, Received

_KEY_ID = re.compile(r"[^A-Za-z0-9:/_-]")  # whoever writes a digest writes this: it is printed
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
    """Everything that was received from the window of `since` on; None, and any time before there
    was a log or a digest: all there is. CloudError if something could not be read, ConfigError if
    the digests are not of the key that is set: nothing is then known."""
    now, created = auditor.now(), auditor.audit.created_at()
    made = {project: place.created_at() for project, place in auditor.places.items()}
    # What lies before has no digests, and the first one must then say that it is the first.
    within = since and since > min(created, *made.values())
    first = digests.window_of(since.timestamp()) if since and within else None
    begins = digests.starts_at(first) if first is not None else None
    # Each from its own beginning: where the log itself was deleted and made anew, the digests of
    # what it held before are older than it.
    held = {
        f"{project}, by {view}": digests.assembled(received)
        for project, place in auditor.places.items()
        for view, received in _read(place, begins or made[project], now).items()
    }
    _check_key(auditor.macs.key_id, held)
    return audit_verification.verify(
        _read(auditor.audit, begins or created, now), held,
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


def _check_key(key_id: str, held: Mapping[str, list[Stored]]) -> None:
    """ConfigError if there are digests and none of them names our key: of all that can be wrong
    then, the setting is the likeliest. One among others that names another key is a finding."""
    named = {stored.key_id for place in held.values() for stored in place}
    if named and key_id not in named:
        told = ", ".join(_KEY_ID.sub("", name)[:64] or "none" for name in sorted(named)[:3])
        raise ConfigError([
            f"the digests name key {told}, the setting AKWARDEN_DIGEST_KEY_ID says {key_id}: "
            "nothing is known. Set the key that you know to be akwarden's; if that is it, "
            "every digest is forged."
        ])  # fmt: skip


def _genuine(
    macs: Macs, held: Mapping[str, list[Stored]]
) -> set[tuple[str, str, str]]:
    """What the key confirms; a digest that names another key is not even asked about."""
    claimed = {(s.key_id, s.digest, s.mac) for place in held.values() for s in place}
    return {
        (key_id, digest, mac) for key_id, digest, mac in claimed
        if key_id == macs.key_id and mac and macs.verify_mac(digests.message(digest), mac)
    }  # fmt: skip
