"""The digests themselves: one for every window, in every place, signed, each after the former."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from shared import digests
from shared.digests import Digest, Stored
from shared.findings import (
    DIGEST_ALTERED,
    DIGEST_FORKED,
    DIGEST_MISSING,
    FORGED,
    Finding,
)

EVERYWHERE = "every place"
# A digest may be this much late: the timer's period, some windows to catch up, a retry.
OVERDUE_SECONDS = 3600
# What was written this lately may not have reached the other place, or a query, yet.
JUST_WRITTEN_SECONDS = 300


@dataclass(frozen=True)
class Places:
    """`windows` are the digests that hold; `sure` the windows in which what they do not name was
    not there (a window with two signed digests is not sure)."""

    windows: Mapping[int, Digest]
    sure: AbstractSet[int]
    findings: Sequence[Finding]


def judge_places(
    places: Mapping[str, Sequence[Stored]],
    *,
    genuine: AbstractSet[tuple[str, str, str]],
    now_seconds: int,
    since: int | None,
    rows_since: int | None,
) -> Places:
    """What the places hold together, and every finding about a digest (see `verify`)."""
    findings: list[Finding] = []
    holds: dict[int, dict[str, Digest]] = defaultdict(dict)
    seen: dict[str, set[int]] = {place: set() for place in places}
    written: dict[int, int] = {}
    for place, held in places.items():
        for stored in held:
            number, fault = _judged(stored, genuine)
            if number is None or (since is not None and number < since):
                continue
            seen[place].add(number)
            written[number] = max(written.get(number, 0), stored.received_at or 0)
            if fault:
                findings.append(Finding(fault, f"window {number}", place, "not what was signed"))
            elif stored.sound:
                holds[number][stored.digest] = stored.sound
    windows = {number: held[min(held)] for number, held in holds.items()}
    forked = {number for number, held in holds.items() if len(held) > 1}
    findings += [
        Finding(DIGEST_FORKED, f"window {number}", EVERYWHERE, "two digests, both signed")
        for number in sorted(forked)
    ]
    findings += _out_of_line(windows, forked)
    findings += _absent(seen, written, windows, now_seconds, since, rows_since)
    return Places(windows, set(windows) - forked, findings)


def _judged(
    stored: Stored, genuine: AbstractSet[tuple[str, str, str]]
) -> tuple[int | None, str]:
    """The window that it is about, and what is wrong with it."""
    parsed = None if stored.text is None else digests.parse(stored.text)
    if stored.sound is None:
        # Its own text tells the window better than the field beside it, if that still fits.
        own = parsed and parsed.digest == stored.digest
        return (parsed.number if parsed and own else stored.number), DIGEST_ALTERED
    signed = (stored.key_id, stored.digest, stored.mac) in genuine
    return stored.number, "" if signed else FORGED


def _out_of_line(windows: Mapping[int, Digest], forked: set[int]) -> Iterator[Finding]:
    for number, document in sorted(windows.items()):
        before = windows.get(number - 1)
        if before and number - 1 not in forked and document.previous != before.digest:
            yield Finding(DIGEST_FORKED, f"window {number}", EVERYWHERE,
                          f"does not follow window {number - 1}")  # fmt: skip


def _absent(
    seen: Mapping[str, set[int]], written: Mapping[int, int], windows: Mapping[int, Digest],
    now_seconds: int, since: int | None, rows_since: int | None,
) -> Iterator[Finding]:  # fmt: skip
    everywhere: set[int] = set().union(*seen.values()) if seen else set()
    due = digests.window_of(now_seconds - OVERDUE_SECONDS) - 1
    first = min(everywhere, default=due + 1) if since is None else since
    if not everywhere and since is None and rows_since is not None:
        first = digests.window_of(rows_since)
    if since is None and first in windows and windows[first].previous:
        yield Finding(DIGEST_MISSING, f"window {first - 1}", EVERYWHERE, "and all before it")
    last = max(max(everywhere, default=due), due)
    for low, high in _spans(n for n in range(first, last + 1) if n not in everywhere):
        yield Finding(DIGEST_MISSING, _named(low, high), EVERYWHERE,
                      f"{high - low + 1} without a digest")  # fmt: skip
    for place, numbers in seen.items():
        gone = (n for n in sorted(everywhere - numbers)
                if written.get(n, 0) < now_seconds - JUST_WRITTEN_SECONDS)  # fmt: skip
        for low, high in _spans(gone):
            yield Finding(DIGEST_MISSING, _named(low, high), place, "other places have it")


def _spans(numbers: Iterator[int]) -> Iterator[tuple[int, int]]:
    """Runs of neighbours, as their first and last."""
    low = high = None
    for number in numbers:
        if high is not None and low is not None and number != high + 1:
            yield low, high
            low = None
        low, high = (number if low is None else low), number
    if low is not None and high is not None:
        yield low, high


def _named(low: int, high: int) -> str:
    return f"window {low}" if low == high else f"windows {low} to {high}"
