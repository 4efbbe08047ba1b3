"""EventBridge: from an event on the bus to a key and its end, and from every bad one to a refusal.

`publish` goes through the rule of s.yaml; `invoke` hands an event to the function past any rule, as
one could that a mistaken rule lets through.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo import actors, eventbridge
from demo.stage import Stage
from tests.e2e.conftest import Scene, until, watched
from tests.e2e.ordering import outcome
from tests.unit.samples import approved_ticket


def ticket(scene: Scene, **changes: Any) -> dict[str, Any]:
    """An approved one of this scene, for development."""
    values = {"id": f"T-{scene.application}", "application": scene.application,
              "environment": "dev", "network": {"source_ips": []}} | changes  # fmt: skip
    return approved_ticket(datetime.now(UTC), **values)


def publish(scene: Scene, event: dict[str, Any]) -> dict[str, Any]:
    """Put it on the bus; what the one function that gets it has answered."""
    (got,) = scene.stage.manage("POST", "/events", event)["delivered"]
    assert ("akw-event", "approvals") == (got["function"], got["trigger"])
    return outcome(scene, got["request_id"])


def invoke(scene: Scene, event: object) -> dict[str, Any]:
    """Hand it to the function as it is; what it has answered."""
    told = scene.stage.manage("POST", "/invoke/akw-event", event)
    return outcome(scene, told["request_id"])


def worked(scene: Scene, function: str, count: int = 1) -> list[dict[str, Any]]:
    """What that worker has answered to what this scene's events led to, once there is so much."""

    def done() -> list[dict[str, Any]] | None:
        calls = [c for c in scene.history() if c["action"] == "InvokeFunction"
                 and "role/akw-event" in c["principal"]]  # fmt: skip
        accepted = {call["request_id"] for call in calls}
        found = [t for t in scene.stage.manage("GET", "/tasks")["tasks"]
                 if t["request_id"] in accepted and t["function"] == function]  # fmt: skip
        ended = all(t["state"] in ("Succeeded", "Failed") for t in found)
        return found if len(found) >= count and ended else None

    return [outcome(scene, one["request_id"]) for one in until(done)]


def rows(scene: Scene, answer: dict[str, Any]) -> list[dict[str, str]]:
    """What the log says of an event."""
    return actors.audit_rows(scene.stage, f'resources: "event/{answer["event"]}"')


def made(scene: Scene) -> list[str]:
    """What was changed or handed over, but for the audit rows."""
    return [call["action"] for call in scene.changes() if "role/akw-" in call["principal"]]


def test_event_becomes_a_key_and_a_withdrawal_ends_it(scene: Scene) -> None:
    """The story: the same ticket, worker, rows and end as by a webhook."""
    taken = publish(scene, eventbridge.published(ticket(scene)))
    assert ("handed over", f"T-{scene.application}", "issue") == (
        taken["status"], taken["ticket"], taken["action"])  # fmt: skip
    (issued,) = worked(scene, "akw-issue")
    assert ("issued", f"akw/{scene.application}/dev") == (issued["status"], issued["secret_name"])
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER),
                          issued["secret_name"])  # fmt: skip
    assert f"user/akw-{scene.application}-dev" in actors.identity(
        scene.stage, key, "198.51.100.7")
    assert {"eventbridge"} == {row["ticket_system"] for row in scene.audit("phase: result")}

    gone = publish(scene, eventbridge.published(ticket(scene, status="withdrawn"), "revoked"))

    assert "revoke" == gone["action"]
    worked(scene, "akw-revoke")
    assert f"akw-{scene.application}-dev" not in scene.state()["ram"]["users"]
    assert not [s for s in scene.state()["kms"]["secrets"] if scene.application in s]


def test_event_that_is_delivered_twice_makes_one_key(scene: Scene) -> None:
    """EventBridge: at least once. Another event about the same ticket changes nothing either, nor
    does a withdrawal that comes twice."""
    event, data = eventbridge.published(ticket(scene)), ticket(scene)
    again = eventbridge.published(event["data"])
    answers = [publish(scene, one) for one in (event, event, again)]

    assert 1 == len(worked(scene, "akw-issue"))
    assert ["handed over"] * 3 == [one["status"] for one in answers]
    assert answers[0] == answers[1]
    assert 1 == made(scene).count("CreateAccessKey")
    withdrawal = eventbridge.published(data | {"status": "revoked"}, "revoked")
    assert publish(scene, withdrawal) == publish(scene, withdrawal)
    worked(scene, "akw-revoke")
    assert f"akw-{scene.application}-dev" not in scene.state()["ram"]["users"]


@pytest.mark.parametrize("changes", [
    {"source": "akwarden.leak"}, {"source": "shop"}, {"type": "accesskey.ticket.created"},
], ids=str)  # fmt: skip
def test_event_of_another_publisher_or_type_reaches_nobody(
    scene: Scene, changes: dict[str, str]
) -> None:
    """The rule's pattern is the first to look."""
    told = scene.stage.manage("POST", "/events", eventbridge.published(ticket(scene), **changes))

    assert [] == told["delivered"]
    assert [] == made(scene)


def late(**by: int) -> str:
    return (datetime.now(UTC) + timedelta(**by)).strftime("%Y-%m-%dT%H:%M:%SZ")


@pytest.mark.parametrize(("changes", "reason"), [
    ({"aliyunaccountid": "6543210987654321"}, "other_tenant at aliyunaccountid"),
    ({"aliyuneventbusname": "shop"}, "other_tenant at aliyuneventbusname"),
    ({"source": "shop"}, "other_tenant at source"),
    ({"time": late(hours=-25)}, "delivery_too_old at time"),
    ({"data": {"id": "OPS-1", "note": "said-in-the-event"}}, "unknown_field at data.note"),
], ids=["account", "bus", "source", "stale", "malformed"])  # fmt: skip
def test_bad_event_makes_nothing_but_its_row(
    scene: Scene, changes: dict[str, Any], reason: str
) -> None:
    answer = invoke(scene, eventbridge.delivered(ticket(scene), **changes))

    assert "refused" == answer["status"]
    assert reason == f"{answer['reason']} at {answer['where']}"
    (row,) = rows(scene, answer)
    assert ("ticket.rejected", "failure", reason, "akw-event") == (
        row["event_type"], row["outcome"], row["reason"], row["fc_function"])  # fmt: skip
    assert "said-in-the-event" not in str(row)
    assert [] == made(scene)


def test_production_is_not_for_events_unless_config_says_so(scene: Scene) -> None:
    """The worker says so, whoever has approved it."""
    data = ticket(scene, environment="prod", network={"source_ips": ["198.51.100.7"]})

    publish(scene, eventbridge.published(data))

    (refused,) = worked(scene, "akw-issue")
    assert ("refused", "source_not_allowed_here") == (refused["status"], refused["reason"])
    (row,) = scene.audit("event_type: ticket.rejected")
    assert "source_not_allowed_here at environment" == row["reason"]
    assert ["InvokeFunction"] == made(scene)


@pytest.fixture
def silent() -> Iterator[Scene]:
    """A cloud whose settings name no source."""
    stage = Stage(calm=True, max_lag_seconds=1, quiet=True,
                  choices={"fc_retry_interval_seconds": 0.2, "fc_timers": False})  # fmt: skip
    stage.provision(lambda line: None)
    with watched(stage) as scene:
        yield scene
    stage.stop()


def test_events_are_off_unless_a_setting_names_them(silent: Scene) -> None:
    """The rule of s.yaml is there and delivers; nothing comes of it."""
    answer = publish(silent, eventbridge.published(ticket(silent)))

    assert ("refused", "source_not_enabled") == (answer["status"], answer["reason"])
    assert ["source_not_enabled"] == [row["reason"] for row in rows(silent, answer)]
    assert [] == made(silent)
