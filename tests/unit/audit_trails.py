"""Audit logs as SLS could hold them, signed as akw-digest signs them, and ways to tamper with them.

Chains come from the product's own `Attempt`; the key is a local HMAC.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from shared import audit, audit_verification, digests
from shared.audit import Attempt, Change
from shared.audit_verification import PULL, QUERY, Report
from shared.digests import WINDOW_SECONDS, Stored
from shared.ports import Received
from tests.unit.samples import NOW

KEY_ID, KEY = "key-mac", b"a key that never leaves"
FIRST = digests.window_of(NOW.timestamp())
COPY, OWN = "copy", "own"
PLACES = (COPY, OWN)


def mac(digest: str, key: bytes = KEY) -> str:
    return base64.b64encode(hmac.digest(key, digests.message(digest), hashlib.sha256)).decode()


def signed(number: int, received: Sequence[Received], previous: str) -> Stored:
    """The digest of a window's rows, written when the window had settled."""
    text = digests.document(number, received, previous)
    digest = digests.digest(text)
    written_at = (number + 1) * WINDOW_SECONDS + digests.SETTLE_SECONDS
    return Stored(number, text, digest, mac(digest), KEY_ID, written_at)


def chain(name: str, length: int) -> list[dict[str, str]]:
    """The rows of one attempt."""
    attempt = Attempt(name, "run", {"schema": audit.SCHEMA, "chain_id": f"{name}/run",
                                    "ticket_id": "REQ-1", "operation_id": name})  # fmt: skip
    changes = [Change(f"event.{i}", "ram", "CreateUser", f"LTAI{i}") for i in range(length)]
    return [dict(row) for row in attempt.intents(changes, NOW)]


@dataclass
class Trail:
    """What the two views of the log and the places of digests show at `now`."""

    views: dict[str, list[Received]]
    places: dict[str, list[Stored]]
    windows: int

    @property
    def now(self) -> int:
        return (FIRST + self.windows) * WINDOW_SECONDS + digests.SETTLE_SECONDS + 400

    def verify(self, since: int | None = None) -> Report:
        """Keys confirm what they made: every MAC is asked about."""
        genuine = {
            (s.key_id, s.digest, s.mac) for held in self.places.values() for s in held
            if s.key_id == KEY_ID and s.mac == mac(s.digest)
        }  # fmt: skip
        return audit_verification.verify(
            self.views, self.places, genuine=genuine, now_seconds=self.now, since=since
        )

    def classes(self, since: int | None = None) -> set[str]:
        return {finding.kind for finding in self.verify(since).findings}

    def covered(self) -> list[dict[str, str]]:
        """Distinct rows that a digest binds, in their chains' order."""
        end = (FIRST + self.windows) * WINDOW_SECONDS
        found = {r.row["hash"]: dict(r.row) for r in self.views[PULL]
                 if r.received_at is not None and r.received_at < end}  # fmt: skip
        return sorted(found.values(), key=lambda row: (row["chain_id"], int(row["seq"])))

    def rewrite(self, change: Callable[[Mapping[str, str]], Mapping[str, str] | None],
                views: Sequence[str]) -> None:  # fmt: skip
        """Every copy of a row becomes what `change` makes of it; None drops it."""
        for view in views:
            kept = []
            for received in self.views[view]:
                row = change(received.row)
                if row is not None:
                    kept.append(replace(received, row=row))
            self.views[view] = kept


def trail(batches: Sequence[tuple[list[dict[str, str]], int]], windows: int) -> Trail:
    """Rows with the second (after the first window's start) at which SLS received them."""
    start = FIRST * WINDOW_SECONDS
    received = [Received(row, start + at) for rows, at in batches for row in rows]
    stored: list[Stored] = []
    for number in range(FIRST, FIRST + windows):
        inside = [r for r in received if digests.window_of(r.received_at or 0) == number]
        stored.append(signed(number, inside, stored[-1].digest if stored else ""))
    return Trail({QUERY: list(received), PULL: list(received)},
                 {place: list(stored) for place in PLACES}, windows)  # fmt: skip


@st.composite
def trails(draw: Any) -> Trail:
    """Chains of several attempts, written in batches that arrive in any order, some twice, some
    after the newest digest; the first row of all arrives within covered time."""
    windows = draw(st.integers(2, 4))
    batches: list[tuple[list[dict[str, str]], int]] = []
    for index in range(draw(st.integers(1, 3))):
        rows = chain(f"op-{index}", draw(st.integers(2, 5)))
        cut = draw(st.integers(1, len(rows) - 1))
        latest = windows * WINDOW_SECONDS + 300
        times = st.integers(0, windows * WINDOW_SECONDS - 1)
        batches.append((rows[:cut], draw(times)))
        batches.append((rows[cut:], draw(st.integers(0, latest))))
        for _ in range(draw(st.integers(0, 2))):
            batches.append((rows[draw(st.integers(0, cut - 1)):cut], draw(st.integers(0, latest))))
    return trail(draw(st.permutations(batches)), windows)


def at(number: int) -> datetime:
    return digests.starts_at(number)
