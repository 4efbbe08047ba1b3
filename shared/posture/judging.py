"""A control, and how it is judged: it passes only if all that it rests on was read; pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.posture.facts import Facts, NotKnown

PASS, FAIL, UNKNOWN = "pass", "fail", "unknown"
HIGH, MEDIUM, LOW = "high", "medium", "low"


@dataclass(frozen=True)
class Failure:
    """A resource (kind and name) that does not meet the control, and why. `design` is the reason
    if akwarden itself causes it, `until` the moment up to which it does; both empty otherwise."""

    resource: str
    why: str
    design: str = ""
    until: datetime | None = None


@dataclass(frozen=True)
class Doubt:
    """A resource about which the control could not be decided."""

    resource: str
    why: str


Check = Callable[[Facts], Iterable[Failure | Doubt]]


@dataclass(frozen=True)
class Control:
    """`sources` are the numbers of CIS Alibaba Cloud Foundations 2.0 (`CIS 1.2`), Cloud Config's
    rule ids, or `akwarden`. `passes` says when it passes, `advice` what to do if it does not."""

    id: str
    severity: str
    sources: tuple[str, ...]
    passes: str
    advice: str
    check: Check


@dataclass(frozen=True)
class Judgement:
    """What came of one control. FAIL stands even beside doubts; PASS has neither."""

    control: Control
    result: str
    failures: tuple[Failure, ...] = ()
    doubts: tuple[Doubt, ...] = ()

    @property
    def by_design(self) -> bool:
        """Whether it fails by nothing but what akwarden causes, within its time."""
        return self.result == FAIL and all(failure.design for failure in self.failures)

    @property
    def alarming(self) -> bool:
        return self.result == FAIL and not self.by_design


def judge(control: Control, facts: Facts) -> Judgement:
    """Judge one control; whatever was not read is UNKNOWN, never PASS."""
    try:
        found = list(control.check(facts))
    except NotKnown as err:
        return Judgement(control, UNKNOWN, doubts=(Doubt("account", str(err)),))
    failures = tuple(one for one in found if isinstance(one, Failure))
    doubts = tuple(one for one in found if isinstance(one, Doubt))
    return Judgement(
        control, FAIL if failures else UNKNOWN if doubts else PASS, failures, doubts
    )


def judge_all(controls: Sequence[Control], facts: Facts) -> list[Judgement]:
    """Every control, in order."""
    return [judge(control, facts) for control in controls]
