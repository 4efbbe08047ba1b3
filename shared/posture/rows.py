"""A judgement as audit rows: one note for each control, and one for all of them; pure.

`event_type` is `posture.result`, `reason` the control's id, `outcome` pass, fail or unknown,
`resources` JSON with the first resources and how many there are, `message` its severity and, where
akwarden itself causes it, that it is by design.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.audit import NOTE, Attempt, Change, Outcome, Row
from shared.posture.judging import FAIL, PASS, UNKNOWN, Doubt, Failure, Judgement

RESULT, CHECKED = "posture.result", "posture.checked"
MOST_RESOURCES = 20


def rows(record: Attempt, judged: Sequence[Judgement], now: datetime) -> list[Row]:
    """All rows of one look."""
    made: list[Row] = []
    for one in judged:
        change = Change(RESULT, "", "", resource=resources(one.failures or one.doubts))
        said = f"{one.control.severity}; by design" if one.by_design else one.control.severity
        made += record.rows([(change, NOTE, Outcome(one.result, message=said))], now,
                            reason=one.control.id)  # fmt: skip
    worst = FAIL if any(one.alarming for one in judged) else UNKNOWN if any(
        one.result == UNKNOWN for one in judged) else PASS  # fmt: skip
    return [*made, *record.rows(
        [(Change(CHECKED, "", ""), NOTE, Outcome(worst, message=json.dumps(counts(judged))))], now
    )]  # fmt: skip


def counts(judged: Iterable[Judgement]) -> dict[str, int]:
    """How many controls have which result; `by_design` are among `fail`."""
    found = Counter(one.result for one in judged)
    return {PASS: found[PASS], FAIL: found[FAIL], UNKNOWN: found[UNKNOWN],
            "by_design": sum(one.by_design for one in judged)}  # fmt: skip


def resources(found: Sequence[Failure | Doubt]) -> str:
    """The first of them, by name, with the number of all; empty if there are none."""
    if not found:
        return ""
    named = sorted(found, key=lambda one: (one.resource, one.why))[:MOST_RESOURCES]
    return json.dumps({"count": len(found), "first": [_told(one) for one in named]})


def _told(one: Failure | Doubt) -> dict[str, str]:
    told = {"resource": one.resource, "why": one.why}
    if isinstance(one, Failure) and one.design:
        told |= {"by_design": one.design}
        if one.until:
            told |= {"until": f"{one.until:%Y-%m-%dT%H:%M:%SZ}"}
    return told
