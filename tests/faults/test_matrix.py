"""The matrix as every test run covers it: each class of calls in every way, and 200 random pairs.

Some six minutes on two cores, and real processes throughout: functions are killed, retried and
timed out as Function Compute does it. All of it, every call in every way, is `make faults`.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.faults import matrix, page, running
from tests.faults.arena import Arena
from tests.faults.cases import Case
from tests.faults.matrix import Calls
from tests.faults.workflows import WORKFLOWS

PAIRS = 200
SLS_OVER_TLS = ("error", "drop", "delay", "kill-after")


def assert_nothing_violated(clouds: Sequence[Arena], cases: Sequence[Case], seed: int) -> None:
    """Every case converges, and its fault came about; else what to run again, and the seed."""
    def quiet(line: str) -> None:
        """The report tells."""

    lines = running.report(running.again(clouds, running.run(clouds, cases, quiet), quiet))

    assert lines == [], "\n".join([f"seed {seed}", *lines])


def test_workflows_hold_without_faults(clouds: list[Arena], seed: int) -> None:
    """What is broken afterwards is whole before."""
    assert_nothing_violated(clouds, [Case(name) for name in WORKFLOWS], seed)


def test_each_class_of_calls_fails_in_every_way(
    clouds: list[Arena], calls: Calls, seed: int
) -> None:
    """I1 to I7 hold whatever happens to one call."""
    assert_nothing_violated(clouds, matrix.representatives(calls, seed), seed)


def test_two_faults_at_once(clouds: list[Arena], calls: Calls, seed: int) -> None:
    """I1 to I7 hold whatever happens to two calls, the second perhaps in a retry."""
    assert_nothing_violated(clouds, matrix.pairs(calls, PAIRS, seed), seed)


def test_audit_fails_over_tls(calls: Calls, seed: int) -> None:
    """SLS's SDK repeats differently over https: no change without its intent there either."""
    only = {name: [call for call in made if call.action == "PutLogs"]
            for name, made in calls.items()}  # fmt: skip
    drawn = matrix.representatives(only, seed)
    cases = [case for case in drawn if case.faults[0].kind in SLS_OVER_TLS]
    with running.arenas(1, https=True) as secure:
        assert_nothing_violated(secure, cases, seed)


def test_page_shows_the_matrix_as_it_is(calls: Calls) -> None:
    """docs/faults.md: workflows, kinds of fault, calls and mutations; `make faults` writes it."""
    assert page.problems(calls) == []
