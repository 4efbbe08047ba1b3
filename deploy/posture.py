"""Look at the account now, with one's own credentials, and print what is wrong with it.

`python -m deploy.posture` with the settings and credentials that may read RAM, as
`deploy/roles/akw-posture.json` says. Nothing is changed or written. The exit code is 1 if a control
fails for a reason that is not akwarden's own design, 2 if none does and some could not be decided.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence

from deploy import invocation
from shared import bootstrap
from shared.posture import controls, judging, reading
from shared.posture.judging import FAIL, PASS, UNKNOWN, Failure, Judgement

MOST_SHOWN = 10


def main() -> int:
    """Print a line for each control, and its resources below."""
    judged = look(os.environ)
    print("\n".join(table(judged)))
    return verdict(judged)


def look(environment: Mapping[str, str]) -> list[Judgement]:
    """Every control, judged from what these credentials may read."""
    observer = bootstrap.observing(environment, lambda: float("inf"))
    return judging.judge_all(controls.ALL, reading.look(observer))


def verdict(judged: Sequence[Judgement]) -> int:
    """The exit code."""
    if any(one.alarming for one in judged):
        return 1
    return 2 if any(one.result == UNKNOWN for one in judged) else 0


def table(judged: Sequence[Judgement]) -> list[str]:
    """The worst first: what fails, what is not known, what is by design, what passes."""
    order = {FAIL: 0, UNKNOWN: 1, PASS: 3}
    lines: list[str] = []
    for one in sorted(judged, key=lambda one: 2 if one.by_design else order[one.result]):
        lines += _lines(one)
    counts = [f"{sum(one.result == word for one in judged)} {word}" for word in order]
    return [*lines, "", ", ".join(counts)]


def _lines(one: Judgement) -> Iterator[str]:
    word = "by design" if one.by_design else one.result.upper()
    control = one.control
    yield f"{word:<9}  {control.severity:<6}  {control.id:<20}  {', '.join(control.sources)}"
    if one.result == PASS:
        return
    found: Sequence[object] = [*one.failures, *one.doubts]
    for thing in found[:MOST_SHOWN]:
        yield f"{'':<11}{_told(thing)}"
    if len(found) > MOST_SHOWN:
        yield f"{'':<11}and {len(found) - MOST_SHOWN} more"
    if one.alarming:
        yield f"{'':<11}-> {control.advice}"


def _told(thing: object) -> str:
    if isinstance(thing, Failure):
        until = f" until {thing.until:%Y-%m-%d}" if thing.until else ""
        return f"{thing.resource}: {thing.why}" + (
            f" ({thing.design}{until})" if thing.design else "")  # fmt: skip
    assert isinstance(thing, judging.Doubt)
    return f"{thing.resource}: not known: {thing.why}"


if __name__ == "__main__":
    sys.exit(invocation.told(main))
