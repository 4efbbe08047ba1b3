"""The kill switch: nothing is issued while it is off, and what must end ends all the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from demo.stage import Stage
from shared import deliveries, handover
from shared.deliveries import Delivery
from tests.e2e.conftest import Scene, furnish, until, watched


@pytest.fixture
def scene() -> Iterator[Scene]:
    """A cloud of its own, with the switch off."""
    stage = Stage(calm=True, max_lag_seconds=1, quiet=True,
                  choices={"fc_retry_interval_seconds": 0.2, "fc_timers": False},
                  settings={"AKWARDEN_ISSUING": "off"})  # fmt: skip
    furnish(stage)
    with watched(stage) as scene:
        yield scene
    stage.stop()


def task_of(scene: Scene, function: str, *states: str) -> dict[str, str]:
    """The function's only task, once it is in one of these states."""
    return dict(until(lambda: next(
        (t for t in scene.stage.manage("GET", "/tasks")["tasks"]
         if t["function"] == function and t["state"] in states), None)))


def test_only_revocations_pass(scene: Scene) -> None:
    """The sender is told to come back; a revocation is carried out; what was handed over before is
    tried again and again, and makes nothing."""
    body = scene.body()
    told = scene.deliver(body)
    extended = scene.deliver(scene.body(type="accesskey.ticket.extended"))
    revoked = scene.deliver(scene.body(type="accesskey.ticket.revoked", status="revoked",
                                       id="T-other"))  # fmt: skip
    delivery = deliveries.parse(body, source="standard-webhooks")
    assert isinstance(delivery, Delivery)
    handed = json.loads(handover.payload(delivery, datetime.now(UTC)))
    scene.stage.manage("POST", "/invoke/akw-issue", handed)

    assert (503, "issuing_stopped") == (told[0], told[1]["reason"])
    assert (503, "issuing_stopped") == (extended[0], extended[1]["reason"])
    assert 202 == revoked[0]
    assert "Succeeded" == task_of(scene, "akw-revoke", "Succeeded", "Failed")["state"]
    failed = task_of(scene, "akw-issue", "Failed")
    assert "waits" in failed["error"]
    assert not [call for call in scene.changes() if "role/akw-issue" in call["principal"]]
    assert f"akw-{scene.application}-prod" not in scene.state()["ram"]["users"]
