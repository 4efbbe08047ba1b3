"""A thousand grants by one order, one of which cannot be ended: the others are, and it is told.

`AKW_BULK` is how many grants there are: a few in the suite, a thousand by `make bulk`. What it took
is printed.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest

from demo.stage import Stage
from tests.e2e.conftest import Scene, furnish, until, watched
from tests.e2e.grant_building import build
from tests.e2e.ordering import order_of, order_rows, outcome, submit, task

GRANTS = int(os.environ.get("AKW_BULK", "60"))
PATIENCE_SECONDS = 60 + GRANTS
PAUSE_SECONDS = 2 + GRANTS / 50  # between two tries: time to look at what the first one has left
SEARCHED = 100  # so many grants' secrets are searched for in every sink
PERSON = "zoe@example.com"


@pytest.fixture(scope="module")
def own_stage() -> Iterator[Stage]:
    """A cloud of its own: thousands of calls are nobody else's history."""
    stage = Stage(calm=True, max_lag_seconds=1, quiet=True,
                  choices={"fc_retry_interval_seconds": PAUSE_SECONDS})  # fmt: skip
    furnish(stage)
    yield stage
    stage.stop()


@pytest.fixture
def scene(own_stage: Stage) -> Iterator[Scene]:
    with watched(own_stage, search=GRANTS <= SEARCHED) as scene:
        yield scene


def left_of(scene: Scene, prefix: str) -> tuple[list[str], list[str], list[str]]:
    """Users, policies and secrets of the grants that were built."""
    ram, kms = scene.state()["ram"], scene.state()["kms"]
    return (
        sorted(user for user in ram["users"] if user.startswith(f"akw-{prefix}-")),
        sorted(policy for policy in ram["policies"] if f"akw-{prefix}-" in policy),
        sorted(secret for secret in kms["secrets"] if secret.startswith(f"akw/{prefix}-")),
    )


def only(user: str, error: str) -> bool:
    """Whether a run has ended, and that user's grant is all that it could not end."""
    return error.count("akw-") == 1 and user in error and "out_of_time" not in error


def test_all_but_the_one_that_cannot_be_are_ended_by_one_order(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """Done-when 3: N-1 gone, one told and tried again, and gone once its fault is; nothing of
    others is touched."""
    scene.deliver(scene.body())
    other = scene.outcome()
    prefix = f"{scene.application}-bulk"
    began = time.monotonic()
    users = build(scene.stage, prefix, GRANTS, PERSON.split("@")[0])
    built_seconds = time.monotonic() - began
    broken = users[GRANTS // 2]
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "action": "DeleteUser", "function": "akw-revoke", "contains": broken,
        "times": 0, "status": 400, "code": "InvalidParameter",
    })  # fmt: skip
    order = order_of(scene, at_most=GRANTS, by="requester", requester=PERSON.split("@")[0])
    since = len(scene.history())

    began = time.monotonic()
    request_id = submit(scene, order)
    until(lambda: only(broken, task(scene, request_id)["error"]), PATIENCE_SECONDS)
    seconds, runs = time.monotonic() - began, task(scene, request_id)["attempts"]

    assert left_of(scene, prefix)[0] == [broken]
    scene.stage.manage("DELETE", "/faults")
    outcome(scene, request_id, PATIENCE_SECONDS)
    assert left_of(scene, prefix) == ([], [], [])
    ends = [row for row in order_rows(scene, order.id) if row["phase"] == "result"]
    assert [row["outcome"] for row in ends[:runs]] == ["failure"] * runs
    assert ends[-1]["outcome"] == "success"
    calls = [c for c in scene.history()[since:] if "role/akw-revoke" in c["principal"]]
    assert other["ram_user"] in scene.state()["ram"]["users"]
    assert not [c for c in calls if other["ram_user"] in str(c["parameters"]) and c["changed"]]
    kinds = Counter(c["action"] for c in calls)
    with capsys.disabled():
        sys.stdout.write(
            f"\n{GRANTS} grants built in {built_seconds:.0f} s; {GRANTS - 1} ended in "
            f"{seconds:.0f} s by {runs} runs, {len(calls) / GRANTS:.1f} calls each\n"
            + ", ".join(f"{action} {count}" for action, count in kinds.most_common()) + "\n"
        )


def test_killed_in_the_middle_it_goes_on_where_it_was(scene: Scene) -> None:
    """FC runs it again; what was deleted stays deleted, the rest goes once the leases of the dead
    run are over. Last in this file, because it moves the clock."""
    prefix = f"{scene.application}-killed"
    build(scene.stage, prefix, 5, "yan")
    scene.stage.manage("POST", "/faults", {
        "kind": "kill-after", "action": "DeleteUser", "function": "akw-revoke", "nth": 3,
    })  # fmt: skip

    request_id = submit(scene, order_of(scene, by="person", person="yan"))
    until(lambda: scene.stage.manage("GET", "/faults")["rules"][0]["fired"])
    scene.stage.manage("POST", "/clock", {"advance_seconds": 400})

    outcome(scene, request_id, PATIENCE_SECONDS)
    users, policies, secrets = left_of(scene, prefix)
    assert (users, secrets) == ([], [])
    assert not [policy for policy in policies if "lock" not in policy]
