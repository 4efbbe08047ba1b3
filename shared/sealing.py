"""Sealing: sign a digest of every window of the audit log that is over, in two places.

Every step may be repeated and may run twice at once: windows follow from the clock, documents from
their windows, MACs from documents. The copy in the project of its own is written first, so that who
can stop the writing of the audit project's own logstore cannot hide a window that was signed.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from shared import digests
from shared.digests import Stored
from shared.errors import DigestsUnusable
from shared.ports import AuditReader, DigestLog, Macs

log = logging.getLogger(__name__)

# How far back the last digest is looked for; None: from the logstore's first row on.
LOOK_BACK = (timedelta(hours=2), timedelta(days=2), None)
MOST_WINDOWS = 288  # of one run: two days of catching up


@dataclass(frozen=True)
class Sealer:
    """The ports; `places` are the digests' logstores by project, the copy's first."""

    audit: AuditReader
    places: Mapping[str, DigestLog]
    macs: Macs
    now: Callable[[], datetime]


@dataclass(frozen=True)
class Sealed:
    """Windows that this run signed, and how many that are over still wait for the next run."""

    windows: tuple[int, ...]
    waiting: int


def seal(sealer: Sealer, *, time_left: Callable[[], bool] = lambda: True) -> Sealed:
    """Sign what is due, oldest first, until `time_left` says no; CloudError, DigestsUnusable."""
    newest = digests.last_settled(sealer.now())
    last = _last(sealer)
    number = last.number + 1 if last else digests.window_of(sealer.audit.created_at().timestamp())
    previous = last.digest if last else ""
    done: list[int] = []
    while number <= newest and len(done) < MOST_WINDOWS and time_left():
        received = sealer.audit.pull_logs(digests.starts_at(number), digests.starts_at(number + 1))
        stored = _signed(sealer, number, digests.document(number, received, previous))
        for place in sealer.places.values():
            _write(place, stored)
        previous = stored.digest
        done.append(number)
        number += 1
    return Sealed(tuple(done), max(0, newest - number + 1))


def _signed(sealer: Sealer, number: int, text: str) -> Stored:
    digest = digests.digest(text)
    mac = sealer.macs.generate_mac(digests.message(digest))
    return Stored(number, text, digest, mac, sealer.macs.key_id)


def _write(place: DigestLog, stored: Stored) -> None:
    """Part by part: together they could be more than one PutLogs takes. Until all are there the
    digest counts as not written, and the next run writes it again."""
    for row in digests.rows(stored):
        place.put_logs([row])


def _last(sealer: Sealer) -> digests.Digest | None:
    """The newest digest of ours, in whichever place; what a crash left out of the other is
    copied there first. None if there is none at all: parts that a crash left count for nothing."""
    now = sealer.now()
    every: list[Stored] = []
    for back in LOOK_BACK:
        since = now - back if back else datetime.fromtimestamp(0, UTC)
        held = {
            name: digests.assembled(place.pull_logs(since, now + timedelta(minutes=15)))
            for name, place in sealer.places.items()
        }
        every = [stored for there in held.values() for stored in there if stored.sound]
        for stored in sorted(every, key=lambda s: s.number or 0, reverse=True):
            if _ours(sealer, stored):
                _complete(sealer, held, stored)
                return stored.sound
    if every:  # a chain begun anew beside this one would be a fork
        raise DigestsUnusable
    return None


def _ours(sealer: Sealer, stored: Stored) -> bool:
    """MACs are the same each time, so that no right to verify is needed beside that to sign."""
    if stored.key_id != sealer.macs.key_id:
        return False
    right = sealer.macs.generate_mac(digests.message(stored.digest))
    if hmac.compare_digest(right.encode(), stored.mac.encode()):
        return True
    log.error("a digest of window %s has a MAC that is not ours", stored.number)
    return False


def _complete(sealer: Sealer, held: Mapping[str, Sequence[Stored]], last: Stored) -> None:
    """Windows are written one after the other, so only the newest can be in one place alone."""
    for name, place in sealer.places.items():
        there = {replace(stored, received_at=None) for stored in held[name]}
        if replace(last, received_at=None) not in there:
            _write(place, last)
