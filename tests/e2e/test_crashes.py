"""What a killed function leaves, the next attempt finishes: real SIGKILLs, real retries.

A few calls of each kind, with FC's own retries; tests/faults breaks every call in every way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from demo.stage import Stage
from tests.e2e.conftest import Scene, furnish, until, watched
from tests.e2e.test_issue import stored_versions
from tests.e2e.test_revoke import ended, issued, remains, withdraw

CALLS = [("sls", "PutLogs"), ("ram", "CreatePolicy"), ("ram", "CreateAccessKey"),
         ("kms", "PutSecretValue")]  # fmt: skip
REVOKING_CALLS = [("sls", "PutLogs"), ("ram", "UpdateAccessKey"), ("ram", "DeleteUser")]
LEASE_SECONDS = 240  # longer than the function's timeout and the lag bound


@pytest.fixture(scope="module", autouse=True)
def present(stage: Stage) -> Iterator[None]:
    """Leave the stage to other tests as they know it: furnished, and in the present."""
    yield
    stage.manage("POST", "/reset")
    furnish(stage)


@pytest.fixture
def scene(stage: Stage) -> Iterator[Scene]:
    """Time is moved here, so each test begins with an empty cloud that is back in the present."""
    stage.manage("POST", "/reset")
    furnish(stage)
    with watched(stage) as scene:
        yield scene


def broken(scene: Scene, kind: str, product: str, action: str, **more: Any) -> dict[str, Any]:
    """Deliver an approval, break that call once, let FC and time do the rest; the last task."""
    scene.stage.manage("POST", "/faults", {
        "kind": kind, "product": product, "action": action, "function": "akw-issue", **more,
    })  # fmt: skip
    # The retry comes after the jump in time, as it would wait for the lease in real seconds.
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": 30})
    scene.deliver(scene.body())
    until(lambda: any(rule["fired"] for rule in scene.stage.manage("GET", "/faults")["rules"]))
    scene.stage.manage("DELETE", "/faults")
    until(lambda: scene.tasks()[-1]["state"] != "Running")
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": 0.5})
    scene.stage.manage("POST", "/clock", {"advance_seconds": LEASE_SECONDS})
    return scene.settled()[-1]


def assert_one_stored_key(scene: Scene) -> None:
    """I1 and I2 at the end: one live key, and its secret under its own id."""
    state = scene.state()
    user = state["ram"]["users"][f"akw-{scene.application}-prod"]
    keys = [k["id"] for k in state["ram"]["keys"].values() if k["user_id"] == user["id"]]
    assert len(keys) == 1
    assert keys[0] in stored_versions(scene)
    # A run killed before its release leaves its markers: expired, so in nobody's way.
    now = datetime.fromisoformat(scene.stage.manage("GET", "/clock")["now"]).timestamp()
    leases = [p for n, p in state["ram"]["policies"].items() if "akw-lock-" in n]
    assert [p["name"] for p in leases if json.loads(p["description"])["until"] > now] == []


@pytest.mark.parametrize(("product", "action"), CALLS)
@pytest.mark.parametrize("kind", ["kill-before", "kill-after"])
def test_killed_function_is_finished_by_the_retry(
    scene: Scene, kind: str, product: str, action: str
) -> None:
    """SIGKILL before or after any change: the retry converges to one stored key."""
    task = broken(scene, kind, product, action)

    assert task["state"] == "Succeeded"
    assert '"status": "issued"' in task["return_payload"]
    assert_one_stored_key(scene)


@pytest.mark.parametrize(("product", "action"), CALLS)
def test_lost_answer_is_survived(scene: Scene, product: str, action: str) -> None:
    """The change was made, its answer lost: nothing is made twice."""
    task = broken(scene, "drop", product, action)

    assert task["state"] == "Succeeded"
    assert_one_stored_key(scene)


def test_key_from_a_lost_answer_is_cut_and_replaced(scene: Scene) -> None:
    """A key whose secret nobody has is disabled, deleted, and another one made in its place."""
    broken(scene, "drop", "ram", "CreateAccessKey")

    calls = [c["action"] for c in scene.history() if c["changed"] and c["product"] == "ram"]
    keys = [a for a in calls if a.endswith("AccessKey")]
    assert keys == [
        "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey", "CreateAccessKey"
    ]
    assert_one_stored_key(scene)


def test_no_audit_no_change(scene: Scene) -> None:
    """I3: while SLS refuses the intent, nothing in RAM or KMS is changed."""
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "sls", "action": "PutLogs", "times": 0,
        "status": 400, "code": "PostBodyInvalid",
    })  # fmt: skip
    scene.deliver(scene.body())
    until(lambda: scene.stage.manage("GET", "/faults")["rules"][0]["fired"] >= 2)
    assert [c["action"] for c in scene.changes()] == ["InvokeFunction"]

    scene.stage.manage("DELETE", "/faults")

    assert scene.outcome()["status"] == "issued"


def test_unreadable_memory_issues_nothing(scene: Scene) -> None:
    """I6: if consumed tickets cannot be read, that is unknown, not `none`."""
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "sls", "action": "GetLogs", "times": 2,
        "status": 400, "code": "ParameterInvalid",
    })  # fmt: skip

    scene.deliver(scene.body())

    assert scene.outcome()["status"] == "issued"
    failed = [c for c in scene.history() if c["code"] == "ParameterInvalid"]
    changed = [c for c in scene.history() if c["changed"] and c["product"] in ("ram", "kms", "ims")]
    assert len(failed) == 2
    assert changed[0]["at"] > failed[-1]["at"]


def test_throttling_is_waited_out(scene: Scene) -> None:
    """A throttled call was not carried out, and is sent again."""
    scene.stage.manage("POST", "/faults", {
        "kind": "throttle", "product": "ram", "action": "CreateAccessKey", "times": 2,
    })  # fmt: skip

    scene.deliver(scene.body())

    assert scene.outcome()["status"] == "issued"
    assert_one_stored_key(scene)


def test_task_that_failed_for_good_is_submitted_again(scene: Scene) -> None:
    """A later delivery of the same approval starts the next attempt."""
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "ims", "action": "GetUser", "times": 0,
        "status": 400, "code": "InvalidParameter",
    })  # fmt: skip
    body = scene.body()
    _, first = scene.deliver(body)
    assert scene.settled()[-1]["state"] == "Failed"
    scene.stage.manage("DELETE", "/faults")

    status, again = scene.deliver(body)

    assert (status, again) == (202, first)
    assert scene.settled(2)[-1]["state"] == "Succeeded"
    assert_one_stored_key(scene)


def test_refused_store_gives_the_key_up_at_once(scene: Scene) -> None:
    """I1: a key that cannot be stored is cut and removed by the run that made it."""
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "kms", "action": "PutSecretValue", "times": 2,
        "status": 403, "code": "Forbidden.NoPermission",
    })  # fmt: skip

    scene.deliver(scene.body())

    assert scene.outcome()["status"] == "issued"
    keys = [c["action"] for c in scene.history()
            if c["changed"] and c["action"].endswith("AccessKey")]  # fmt: skip
    cycle = ["CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"]
    assert keys == [*cycle, *cycle, "CreateAccessKey"]
    assert_one_stored_key(scene)


def broken_revocation(scene: Scene, kind: str, product: str, action: str, nth: int) -> None:
    """Break that call of a revocation once, let FC and time do the rest."""
    issued(scene)
    scene.stage.manage("POST", "/faults", {
        "kind": kind, "product": product, "action": action, "function": "akw-revoke", "nth": nth,
    })  # fmt: skip
    # As in `broken`: the retry comes after the jump in time.
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": 30})
    withdraw(scene)
    until(lambda: any(rule["fired"] for rule in scene.stage.manage("GET", "/faults")["rules"]))
    scene.stage.manage("DELETE", "/faults")
    until(lambda: scene.tasks()[-1]["state"] != "Running")
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": 0.5})
    scene.stage.manage("POST", "/clock", {"advance_seconds": LEASE_SECONDS})


def assert_revoked(scene: Scene) -> None:
    """Nothing of the grant is left, and the log says that it has ended."""
    task = ended(scene, "akw-revoke")[-1]
    assert task["state"] == "Succeeded"
    assert '"status": "revoked"' in task["return_payload"]
    assert remains(scene) == []
    assert not scene.state()["ram"]["keys"].keys() & {
        row["access_key_id"] for row in scene.audit("access_key_id: *")
    }
    ends = scene.audit('event_type: "ticket.revoked" and phase: result and outcome: success')
    assert ends


@pytest.mark.parametrize(("product", "action"), REVOKING_CALLS)
@pytest.mark.parametrize("kind", ["kill-before", "kill-after", "drop"])
def test_broken_revocation_is_finished_by_the_retry(
    scene: Scene, kind: str, product: str, action: str
) -> None:
    """SIGKILL before or after any change, or its answer lost: nothing is left in the end."""
    broken_revocation(scene, kind, product, action, nth=1)

    assert_revoked(scene)


@pytest.mark.parametrize("kind", ["kill-before", "kill-after", "drop"])
@pytest.mark.parametrize(("product", "action", "nth"), [
    ("sls", "PutLogs", 2), ("sls", "PutLogs", 3), ("ram", "DetachPolicyFromUser", 2),
    ("ram", "DeletePolicy", 2),
])  # fmt: skip
def test_second_call_of_a_kind_is_no_different(
    scene: Scene, kind: str, product: str, action: str, nth: int
) -> None:
    """The later intents, the results, the quarantine's end, the lease's end."""
    broken_revocation(scene, kind, product, action, nth)

    assert_revoked(scene)
