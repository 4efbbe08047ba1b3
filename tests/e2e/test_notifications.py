"""Notifications: what happened is told to each whom it concerns, once, after it is on record."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from standardwebhooks.webhooks import Webhook

from demo import itsm
from tests.e2e.chat import asked, press
from tests.e2e.conftest import Scene, pass_time, until
from tests.e2e.test_cleanup import fault
from tests.e2e.test_revoke import issued, remains, withdraw


def told(scene: Scene, vendor: str) -> list[dict[str, Any]]:
    """What that vendor was sent, in order."""
    found: list[dict[str, Any]] = scene.stage.manage("POST", f"/vendors/{vendor}", {})["told"]
    scene.replies += [json.dumps(one, ensure_ascii=False) for one in found]
    return found


def run(scene: Scene) -> dict[str, Any]:
    """One run by the timer; its counts."""
    task = fired(scene)
    assert task["state"] == "Succeeded", task
    return dict(json.loads(task["return_payload"])["counts"])


def posted(scene: Scene) -> list[dict[str, Any]]:
    """What was written in Slack unasked: by channel or person, not to a message's address."""
    return [one for one in told(scene, "slack") if not one["path"].startswith("/")]


def fired(scene: Scene) -> dict[str, Any]:
    """The task of one run by the timer, once it has ended."""
    request_id = scene.stage.manage("POST", "/timers/akw-notify/minute")["request_id"]
    return dict(until(lambda: next(
        (t for t in scene.stage.manage("GET", "/tasks")["tasks"]
         if t["request_id"] == request_id and t["state"] in ("Succeeded", "Failed")), None)))


def verified(scene: Scene) -> list[dict[str, Any]]:
    """The bodies of the webhooks, each signed with the newest secret and with the former one."""
    found = []
    for one in told(scene, "itsm"):
        for secret in (itsm.SECRET, itsm.FORMER):
            Webhook(secret).verify(one["body"], one["headers"])
        found.append(json.loads(one["body"]))
    return found


def test_key_its_refusal_and_its_end_are_told_once(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    """By Slack, Feishu, DingTalk and a webhook; nothing before, nothing twice."""
    assert {} == run(scene)
    answer = issued(scene)

    counts = run(scene)
    again = run(scene)

    assert {} == again
    slack, dingtalk, (notice,) = posted(scene), told(scene, "dingtalk"), verified(scene)
    assert ["C0KEYS", "UALICE", "UCAROL", "UDAVE"] == [one["path"] for one in slack]
    assert ["group/cidAKWARDEN", "user/alice01", "user/carol01", "user/dave01"] == [
        one["path"] for one in dingtalk]  # fmt: skip
    feishu = [one["to"] for one in told(scene, "feishu")]
    assert ["oc_akwarden", "on_alice", "on_carol", "on_dave"] == [
        one.rpartition(":")[2] for one in feishu]
    assert {"sent": 13} == counts
    key_id = answer["access_key_id"]
    version = f"{key_id[:4]}…{key_id[-4:]}"
    assert f"secret akw/{scene.application}/prod, version {version} (its id is" in str(slack[0])
    assert (f"akw/{scene.application}/prod", version) == (
        notice["data"]["secret_name"], notice["data"]["secret_version"])
    assert "aliyun kms GetSecretValue --SecretName akw/" in dingtalk[0]["message"]["text"]
    assert ("accesskey.notice.issued", f"T-{scene.application}", "alice") == (
        notice["type"], notice["data"]["ticket_id"], notice["data"]["requester"])
    assert key_id not in str((slack, dingtalk, notice))
    assert {"notification.sent": 13} == tally(scene)

    withdraw(scene)
    until(lambda: not remains(scene))
    until(lambda: scene.audit('event_type: "ticket.revoked" and outcome: success'))
    scene.deliver(scene.body(id="T-2", permissions=[{"template": "no-such", "parameters": {}}]))
    assert {"sent": 13} == run(scene)
    assert ["issued", "ended"] == [one["type"].rpartition(".")[2] for one in verified(scene)]
    assert ["C0KEYS", "UALICE", "UCAROL", "UDAVE"] == [
        one["path"] for one in posted(scene)[4:]]  # fmt: skip


def tally(scene: Scene) -> dict[str, int]:
    rows = [row["event_type"] for row in scene.audit()]
    return {name: rows.count(name) for name in rows if name.startswith("notification.")}


def test_what_a_vendor_does_not_take_is_told_later_and_the_others_at_once(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    """Slack is down and DingTalk has had too much; the row of each failure holds a code alone."""
    issued(scene)
    fault(scene, "outage", "slack", "PostMessage", seconds=30)
    fault(scene, "throttle", "dingtalk", "SendGroupMessage")

    first = run(scene)
    assert {"failed": 2, "left": 6, "sent": 5} == first
    failed = scene.audit('event_type: "notification.failed"')
    assert {("slack:channel", "cloud_outcome_unknown"),
            ("dingtalk:channel", "Forbidden.AccessDenied.QpsLimitForApi")} == {
        (row["resources"], row["error_code"]) for row in failed}  # fmt: skip
    pass_time(scene, travels, 61)
    assert {"sent": 8} == run(scene)
    assert 1 == len(verified(scene))


def test_nobody_is_told_of_what_is_not_on_record(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    """A killed run tells again at most what it told last; a log that cannot be read tells nothing,
    and a request that was made and approved in a chat is told of, too."""
    press(scene, "bob", asked(scene)).told(2)
    fault(scene, "error", "sls", "GetLogs", status=403, code="Unauthorized", times=0,
          function="akw-notify")  # fmt: skip
    assert "Failed" == fired(scene)["state"]
    assert [] == posted(scene)
    scene.stage.manage("DELETE", "/faults")

    fault(scene, "kill-after", "slack", "PostMessage", function="akw-notify")
    assert "Failed" == fired(scene)["state"]
    assert {"sent": 10} == run(scene)
    assert ["C0KEYS", "C0KEYS", "UALICE", "UBOB"] == [
        one["path"] for one in posted(scene)]  # fmt: skip
