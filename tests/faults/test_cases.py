"""The lists of cases: complete, reproducible, and each case readable from its text."""

from __future__ import annotations

import pytest

from tests.faults import matrix
from tests.faults.cases import Case, Fault, parse
from tests.faults.kinds import KINDS, Call, applies

CALLS = {
    "issue": [
        Call("akw-issue", "ram", "CreatePolicy", 1, 1),
        Call("akw-issue", "ram", "CreatePolicy", 2, 2), Call("akw-issue", "kms", "DescribeSecret"),
        Call("akw-issue", "sts", "GetCallerIdentity"),
    ],
    "revoke withdrawn": [Call("akw-revoke", "ram", "ListAccessKeys", 1, 1)],
}  # fmt: skip


def test_case_is_read_from_its_text() -> None:
    """What a failure prints runs the very same case."""
    cases = matrix.every(CALLS) + matrix.pairs(CALLS, 20, seed=3)

    assert cases == [parse(str(case)) for case in cases]
    with pytest.raises(ValueError, match="not a fault"):
        parse("issue/akw-issue:ram.CreatePolicy.1=no-such-kind")


def test_every_call_meets_every_fault_that_applies() -> None:
    """The full matrix leaves out only what means nothing."""
    pairs = {(fault.call, fault.kind) for case in matrix.every(CALLS) for fault in case.faults}

    made = [call for calls in CALLS.values() for call in calls]
    assert {(call, kind) for call in made for kind in KINDS if applies(kind, call)} == pairs
    assert not [fault for fault in pairs if fault[1] == "stale-not-found" and not fault[0].reads]


def test_representatives_have_each_class_in_every_way() -> None:
    """A class is a function, a product, and whether the call reads or changes."""
    drawn = {(matrix.class_of(case.faults[0].call), case.faults[0].kind)
             for case in matrix.representatives(CALLS, seed=1)}  # fmt: skip

    wanted = {(matrix.class_of(case.faults[0].call), case.faults[0].kind)
              for case in matrix.every(CALLS)}  # fmt: skip
    assert wanted == drawn


def test_seed_decides_what_is_drawn() -> None:
    """The same seed gives the same pairs, another one gives others."""
    assert matrix.pairs(CALLS, 30, seed=5) == matrix.pairs(CALLS, 30, seed=5)
    assert matrix.pairs(CALLS, 30, seed=5) != matrix.pairs(CALLS, 30, seed=6)


def test_batches_hold_every_case_once_and_the_slow_ones_last() -> None:
    """A batch lasts as long as its slowest case, so those that wait are put together."""
    outage = Case("issue", (Fault(Call("akw-issue", "sls", "PutLogs"), "outage"),))
    cases = [outage, *matrix.pairs(CALLS, 100, seed=1)]

    batches = matrix.batches(cases)

    assert sorted(map(str, cases)) == sorted(str(case) for batch in batches for case in batch)
    assert outage == batches[-1][-1]
