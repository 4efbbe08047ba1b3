"""Random interleavings of tickets, duplicates, revocations, time and faults keep the invariants.

The use cases run in this process over real HTTP (`kept_house`), so that thousands of calls take
seconds, retries can come at any moment, and one run can happen in the middle of another. A failing
example is printed with a blob that reproduces it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest
import time_machine
from hypothesis import Phase, settings, stateful
from hypothesis import strategies as st

from tests.faults import evidence, invariants
from tests.faults.kept_house import MAX_LAG_SECONDS, TIMEOUT_SECONDS, House, Operation
from tests.faults.workflows import ticket_id
from tests.integration.clouds import LocalCloud
from tests.integration.conftest import lead_to

APPLICATIONS = ("m0001x", "m0002x", "m0003x")
CALLS = (
    ("sls", "PutLogs"), ("sls", "GetLogs"), ("ims", "GetUser"), ("ims", "CreateUser"),
    ("ims", "SetAccessKeyPolicy"), ("ram", "CreatePolicy"), ("ram", "GetPolicy"),
    ("ram", "AttachPolicyToUser"), ("ram", "CreateAccessKey"), ("ram", "ListAccessKeys"),
    ("ram", "UpdateAccessKey"), ("ram", "DeleteAccessKey"), ("ram", "DetachPolicyFromUser"),
    ("ram", "DeletePolicy"), ("ram", "DeleteUser"), ("ram", "ListPoliciesForUser"),
    ("kms", "CreateSecret"), ("kms", "DescribeSecret"), ("kms", "ListSecretVersionIds"),
    ("kms", "PutSecretValue"), ("kms", "UpdateSecretVersionStage"), ("kms", "DeleteSecret"),
    ("sts", "GetCallerIdentity"),
)  # fmt: skip
STALE = ("ims", "ram", "kms")
# Over http the SLS SDK repeats what is a 5xx ten times, so that only refusals and lost answers
# are worth drawing there.
RULES = st.sampled_from(CALLS).flatmap(lambda call: st.fixed_dictionaries({
    "product": st.just(call[0]), "action": st.just(call[1]), "nth": st.integers(1, 3),
    "kind": st.sampled_from([
        "drop", "throttle", "refused", *(["error"] if call[0] != "sls" else []),
        *(["expire-token"] if call[0] != "sts" else []),
        *(["stale-not-found"] if call[0] in STALE and call[1].startswith(("Get", "List", "Desc"))
          else []),
    ]),
}))  # fmt: skip
WHATS = st.sampled_from(["issue", "issue", "revoke"])
OPERATIONS = st.builds(Operation, WHATS, st.sampled_from(APPLICATIONS))
LONGEST_RUN = 40  # calls

WORLD: list[Any] = []  # the local cloud and the traveller; a state machine takes no arguments


class Stories(stateful.RuleBasedStateMachine):
    """Operations in any order, alone or one within another, under faults or not."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House(*WORLD)
        self.open: set[Operation] = set()  # begun and not ended well: FC tries them again
        self.revoked_from: dict[str, int] = {}

    @stateful.rule(operation=OPERATIONS, rules=st.lists(RULES, max_size=2))
    def run(self, operation: Operation, rules: list[dict[str, Any]]) -> None:
        """A delivery, a duplicate or a retry."""
        self._begin(operation)
        self._under(rules, operation)

    @stateful.rule(outer=OPERATIONS, what=WHATS, at=st.integers(1, LONGEST_RUN),
                   rules=st.lists(RULES, max_size=1))  # fmt: skip
    def run_within(
        self, outer: Operation, what: str, at: int, rules: list[dict[str, Any]]
    ) -> None:
        """A run that begins and ends between two calls of another one of the same ticket."""
        inner = Operation(what, outer.application)
        self._begin(outer)
        self._begin(inner)
        self._under(rules, outer, between=inner, at=at)

    def _begin(self, operation: Operation) -> None:
        self.open.add(operation)
        if operation.what == "revoke":
            placed = max((c["order"] for c in self.house.history()), default=0)
            self.revoked_from.setdefault(operation.application, placed)

    def _under(self, rules: list[dict[str, Any]], operation: Operation, **more: Any) -> None:
        for rule in rules:
            refused = {"kind": "error", "status": 403, "code": "NoPermission"}
            self.house.cloud.faults.add(rule | (refused if rule["kind"] == "refused" else {}))
        if self.house.run(operation, **more):
            self.open.discard(operation)
        self.house.cloud.faults.clear()

    @stateful.rule(seconds=st.sampled_from([1, MAX_LAG_SECONDS, 60, TIMEOUT_SECONDS, 3600]))
    def time_goes_by(self, seconds: int) -> None:
        self.house.sleep(seconds)

    @stateful.rule()
    def everything_lags(self) -> None:
        """From now on RAM's reads are some seconds late, within the bound."""
        self.house.cloud.faults.add({"kind": "lag", "product": "ram", "seconds": 2.0})

    @stateful.invariant()
    def nothing_is_violated(self) -> None:
        """What must hold at every moment holds now."""
        for application in APPLICATIONS:
            case = self._evidence(application)
            found = {name: check(case) for name, check in invariants.CHECKS.items()
                     if name not in ("I1", "I7")}  # fmt: skip
            assert {name: [] for name in found} == found

    def teardown(self) -> None:
        """Once all faults are over and FC has tried everything again, all of it holds."""
        self.house.cloud.faults.clear()
        for _ in range(4):
            self.house.sleep(TIMEOUT_SECONDS + MAX_LAG_SECONDS + 1)
            self.open -= {operation for operation in self.open if self.house.run(operation)}
        assert set() == self.open
        for application in APPLICATIONS:
            case = self._evidence(application)
            assert {} == invariants.violations(case, self._end(application))

    def _evidence(self, application: str) -> evidence.Evidence:
        return evidence.of(
            application, ticket_id(application), self.house.history(), self.house.state(),
            revoked_from=self.revoked_from.get(application, 0), max_lag_seconds=MAX_LAG_SECONDS,
        )  # fmt: skip

    def _end(self, application: str) -> Any:
        if application in self.revoked_from:
            return invariants.end_nothing_left
        return invariants.end_nothing_abandoned


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A local cloud behind this process's proxy variables, and time that only moves by sleeping."""
    running = LocalCloud()
    lead_to(running.port, monkeypatch)
    with (
        time_machine.travel("2026-11-01T00:00:00+00:00", tick=True) as traveller,
        mock.patch("time.sleep", traveller.shift),
    ):
        WORLD[:] = running, traveller
        yield
    WORLD.clear()
    running.stop()


def test_any_interleaving_keeps_the_invariants(world: None) -> None:
    """I1 to I7, whatever comes in whatever order."""
    # Threads make no two runs of an example quite the same: shrinking would only wander.
    bounds = settings(max_examples=40, stateful_step_count=12, database=None,
                      phases=[Phase.generate])  # fmt: skip

    stateful.run_state_machine_as_test(Stories, settings=bounds)
