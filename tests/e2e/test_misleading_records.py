"""Somebody edits what RAM says of a grant before its ticket is withdrawn: the key dies all the
same, or the revocation stays open."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_ram20150501 import models as ram_models

from demo import actors
from demo.stage import Stage
from tests.e2e.conftest import Scene, furnish
from tests.e2e.test_revoke import (
    GONE,
    administrator,
    ended,
    issued,
    key_of,
    refusal_code,
    remains,
    revoked,
    withdraw,
)


@pytest.fixture(scope="module", autouse=True)
def honest(stage: Stage) -> Iterator[None]:
    """What was edited here stays, as a finding: other tests begin without it."""
    yield
    stage.manage("POST", "/reset")
    furnish(stage)


def test_forged_description_does_not_save_the_key(scene: Scene) -> None:
    """A policy that calls itself self-service, of a holder that does not exist."""
    key = key_of(scene, issued(scene))
    name = f"akw-{scene.application}-prod"
    forged = json.dumps({
        "grant": {"source": "standard-webhooks", "ticket": f"T-{scene.application}"},
        "permissions": [["x", {"user_name": "akw-none-x"}]],
    })  # fmt: skip
    document = json.dumps({"Version": "1", "Statement": [
        {"Effect": "Allow", "Action": ["oss:*"], "Resource": ["*"]}
    ]})  # fmt: skip
    whose = {"policy_type": "Custom", "policy_name": name, "user_name": name}
    administrator(scene, lambda ram: (
        ram.detach_policy_from_user(ram_models.DetachPolicyFromUserRequest(**whose)),
        ram.delete_policy(ram_models.DeletePolicyRequest(policy_name=name)),
        ram.create_policy(ram_models.CreatePolicyRequest(
            policy_name=name, policy_document=document, description=forged)),
        ram.attach_policy_to_user(ram_models.AttachPolicyToUserRequest(**whose)),
    ))  # fmt: skip

    end = revoked(scene)

    assert [f"policy {name} calls itself self-service"] == end["left"]
    assert GONE == refusal_code(scene, key)
    assert [] == remains(scene)


def test_lost_tag_does_not_save_the_key(scene: Scene) -> None:
    """The log knows for which ticket it was issued."""
    key = key_of(scene, issued(scene))
    user_id = scene.state()["ram"]["users"][f"akw-{scene.application}-prod"]["id"]
    with scene.stage.proxied():
        ims = ImsClient(actors.administrator(scene.stage).config("ims.aliyuncs.com"))
        ims.untag_resources(ims_models.UntagResourcesRequest(
            resource_type="user", resource_id=[user_id], tag_key=["akw:ticket", "akw:source"]
        ))  # fmt: skip

    revoked(scene)

    assert GONE == refusal_code(scene, key)
    assert [] == remains(scene)


def test_key_of_a_renamed_user_keeps_the_revocation_open(scene: Scene) -> None:
    """Its name is not the grant's any more: nothing is called ended, and its secret stays."""
    issued(scene)
    name = f"akw-{scene.application}-prod"
    administrator(scene, lambda ram: ram.update_user(
        ram_models.UpdateUserRequest(user_name=name, new_user_name=f"{scene.application}-moved")
    ))  # fmt: skip

    withdraw(scene)

    assert "Failed" == ended(scene, "akw-revoke")[-1]["state"]
    assert f"akw/{scene.application}/prod" in remains(scene)
    assert "success" not in {row["outcome"] for row in scene.audit('event_type: "ticket.revoked"')}
