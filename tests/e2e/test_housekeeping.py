"""The daily look in the local cloud: an idle key is disabled, in time its grant ended, and a policy
that somebody widened is put back."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient

from demo import actors
from demo.stage import DOMAIN, Stage
from deploy import sweep_plan
from shared import rotation_runs
from tests.e2e.conftest import Scene, pass_time, until
from tests.e2e.test_revoke import issued, remains
from tests.e2e.test_rotate import keys_of

WIDER = json.dumps({
    "Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:*", "Resource": "*"}],
})  # fmt: skip
Pass = Callable[[float], dict[str, int]]


@pytest.fixture
def pass_days(stage: Stage, scene: Scene, travels: contextlib.ExitStack) -> Pass:
    """So many days later, in the user's hour, its look; what the task says was done."""

    def days_later(days: float) -> dict[str, int]:
        turn = (rotation_runs.turn_of(f"akw-{scene.application}-prod") + 12) % 24
        there = (stage.now() + timedelta(days=days)).replace(hour=turn, minute=30)
        wait = (there - stage.now()).total_seconds()
        pass_time(scene, travels, max(0.0, wait))
        request_id = stage.manage("POST", "/timers/akw-cleanup/turn")["request_id"]
        task = until(lambda: next(
            (t for t in stage.manage("GET", "/tasks")["tasks"]
             if t["request_id"] == request_id and t["state"] in ("Succeeded", "Failed")), None))
        assert task["state"] == "Succeeded", task
        return dict(json.loads(task["return_payload"])["counts"])

    return days_later


def test_key_that_nobody_uses_is_disabled_and_then_its_grant_ended(
    scene: Scene, pass_days: Pass
) -> None:
    """After 30 days without any use, and 30 more without anybody who enables it."""
    issued(scene, ttl_seconds=90 * 86_400)

    early, due = pass_days(28), pass_days(4)
    (key,) = keys_of(scene)
    told = found(scene, key)
    waiting = pass_days(20)

    assert [None, 1, None] == [counts.get("disable key") for counts in (early, due, waiting)]
    assert {key: "Inactive"} == keys_of(scene)
    assert 1 == pass_days(12)["end grant"]
    assert [] == remains(scene)
    assert (["key_never_used"], ["grant_disabled"]) == (told, found(scene, key))


def found(scene: Scene, key: str) -> list[str]:
    """What the last days' findings say of a key."""
    return [row["reason"] for row in actors.audit_rows(scene.stage, f'resources: "key/{key}"')]


@pytest.mark.parametrize("kept", [True, False])
def test_widened_policy_is_put_back(scene: Scene, pass_days: Pass, kept: bool) -> None:
    """From the version that is left of it, else from the templates."""
    issued(scene)
    name = f"akw-{scene.application}-prod"
    approved = document_of(scene, name)
    with scene.stage.proxied():
        ram = RamClient(actors.administrator(scene.stage).config("ram.aliyuncs.com"))
        ram.create_policy_version(ram_models.CreatePolicyVersionRequest(
            policy_name=name, policy_document=WIDER, set_as_default=True))  # fmt: skip
        if not kept:
            ram.delete_policy_version(ram_models.DeletePolicyVersionRequest(
                policy_name=name, version_id="v1"))  # fmt: skip
    assert WIDER == document_of(scene, name)

    counts = pass_days(1)

    assert 1 == counts["restore policy"]
    assert approved == document_of(scene, name)
    assert {"policy_drifted"} == {row["reason"] for row in actors.audit_rows(
        scene.stage, f'resources: "policy/{name}"')}  # fmt: skip


def test_loosened_network_is_put_back(scene: Scene, pass_days: Pass) -> None:
    """Somebody has lifted the key's network policy; the look sees it and binds the key again."""
    secret = issued(scene)["secret_name"]
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER), secret)
    before = scene.state()["ram"]["keys"][key.access_key_id]["network_policy"]
    with scene.stage.proxied():
        ims = ImsClient(actors.administrator(scene.stage).config("ims.aliyuncs.com"))
        ims.set_access_key_policy(ims_models.SetAccessKeyPolicyRequest(
            user_principal_name=f"akw-{scene.application}-prod@{DOMAIN}",
            user_access_key_id=key.access_key_id,
            access_key_policy='{"Version":1,"Status":"Inactive","Statements":[]}'))  # fmt: skip

    counts = pass_days(1)

    assert 1 == counts["restore network"]
    assert before == scene.state()["ram"]["keys"][key.access_key_id]["network_policy"]
    assert ["network_drifted"] == found(scene, key.access_key_id)


def document_of(scene: Scene, name: str) -> str:
    with scene.stage.proxied():
        ram = RamClient(actors.administrator(scene.stage).config("ram.aliyuncs.com"))
        found = ram.get_policy(ram_models.GetPolicyRequest(policy_name=name, policy_type="Custom"))
    return str(found.body.default_policy_version.policy_document)


def test_plan_of_everybody_is_answered_and_nothing_done(
    scene: Scene, pass_days: Pass, travels: contextlib.ExitStack
) -> None:
    """`make sweep-plan ARGS=--everybody`."""
    issued(scene, ttl_seconds=90 * 86_400)
    pass_days(29)
    pass_time(scene, travels, 2 * 86_400)

    with scene.stage.proxied():
        lines = sweep_plan.plan(scene.stage.administrator_environment(), sweep_plan.OF_EVERYBODY)

    assert ["WHAT", "disable key", "finding"] == [line.split("  ")[0] for line in lines[:3]]
    assert "1 x disable key, 1 x finding; nothing was changed" == lines[-1]
    assert {"Active"} == set(keys_of(scene).values())
