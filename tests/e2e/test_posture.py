"""The timer's look at the account, and the command's, in the local cloud."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from alibabacloud_ram20150501 import models

from demo import actors
from demo.stage import ROOT
from shared.posture import controls
from tests.e2e.conftest import Scene, until
from tests.e2e.test_revoke import administrator, issued


def checked(scene: Scene) -> dict[str, Any]:
    """What the function answers to its timer."""
    request_id = scene.stage.manage("POST", "/timers/akw-posture/check")["request_id"]

    def ended() -> dict[str, Any] | None:
        tasks = scene.stage.manage("GET", "/tasks")["tasks"]
        return next((t for t in tasks if t["request_id"] == request_id
                     and t["state"] in ("Succeeded", "Failed")), None)  # fmt: skip

    task = until(ended)
    assert "Succeeded" == task["state"], task
    return dict(json.loads(task["return_payload"]))


def test_timer_judges_every_control_and_writes_it_down(scene: Scene) -> None:
    """With its own narrow role; what akwarden causes is marked, what a person did is not."""
    issued(scene)
    intruder = f"helper-{scene.application}"

    def let_in(ram: Any) -> None:
        ram.create_user(models.CreateUserRequest(user_name=intruder))
        ram.attach_policy_to_user(models.AttachPolicyToUserRequest(
            policy_type="System", policy_name="AliyunKMSCryptoAccess", user_name=intruder))

    administrator(scene, let_in)
    since = scene.stage.now()

    answer = checked(scene)

    rows = actors.audit_rows(scene.stage, 'event_type: "posture.result"', since)
    results = {row["reason"]: row for row in rows}
    assert {control.id for control in controls.ALL} == set(results)
    assert sum(answer["counts"][word] for word in ("pass", "fail", "unknown")) == len(controls.ALL)
    assert 0 == answer["counts"]["unknown"]
    first = json.loads(results["secret-readers"]["resources"])["first"]
    assert f"user/{intruder}" in {one["resource"] for one in first}
    direct = json.loads(results["direct-attachment"]["resources"])["first"]
    ours = [one for one in direct if one["resource"] == f"user/akw-{scene.application}-prod"]
    assert ["one policy for one application"] == [one["by_design"] for one in ours]
    (summary,) = actors.audit_rows(scene.stage, 'event_type: "posture.checked"', since)
    assert ("fail", answer["counts"]) == (summary["outcome"], json.loads(summary["message"]))


def test_command_shows_the_same_and_changes_nothing(scene: Scene) -> None:
    """`make posture`: a table, and an exit code that says what kind of news it is."""
    with scene.stage.proxied():  # whose proxy variables the command inherits
        done = subprocess.run(
            [sys.executable, "-m", "deploy.posture"], cwd=ROOT, text=True, capture_output=True,
            env=os.environ | scene.stage.administrator_environment(), timeout=120,
        )  # fmt: skip

    assert (1, "") == (done.returncode, done.stderr)
    assert "FAIL       high    admin-policy" in done.stdout
    assert "user/administrator: holds AdministratorAccess" in done.stdout
    changed = {c["action"] for c in scene.history() if c["changed"]}
    assert changed <= {"GenerateCredentialReport"}
