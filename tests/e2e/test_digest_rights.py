"""Who writes audit rows cannot sign, and who signs cannot write them.

Tried, not read: a role of ours that people may assume gets the very policy of each function.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_ram20150501 import models as ram_models
from aliyun.log import LogException
from Tea.exceptions import TeaException

from demo import actors
from demo.actors import Keys
from demo.stage import DIGEST_KEY, DIGEST_PROJECT, PROJECT, REGION, Stage
from deploy.provision import ROLES, role_document
from shared import settings
from tests.e2e.conftest import Scene

WRITERS = sorted(path.stem for path in ROLES.glob("*.json") if path.stem != "akw-digest")


def acting(stage: Stage, policy: Path) -> Keys:
    """Temporary keys of somebody who may do what that policy says, and no more."""
    name = f"probe-{policy.stem}"
    current = settings.read(stage.administrator_environment())
    with stage.proxied():
        ram = actors.RamClient(actors.administrator(stage).config("ram.aliyuncs.com"))
        with contextlib.suppress(TeaException):  # made by an earlier test
            ram.create_role(ram_models.CreateRoleRequest(
                role_name=name, assume_role_policy_document=actors.TRUST))  # fmt: skip
            ram.create_policy(ram_models.CreatePolicyRequest(
                policy_name=name, policy_document=role_document(policy, current)))  # fmt: skip
            ram.attach_policy_to_role(ram_models.AttachPolicyToRoleRequest(
                policy_type="Custom", policy_name=name, role_name=name))  # fmt: skip
    return actors.assume(stage, name)


@contextlib.contextmanager
def refused() -> Iterator[None]:
    """For want of permission, and for nothing else."""
    with pytest.raises((TeaException, LogException)) as raised:
        yield
    code = getattr(raised.value, "code", None) or raised.value.get_error_code()
    assert code in ("Forbidden.NoPermission", "Unauthorized")


def sign(stage: Stage, keys: Keys) -> str:
    with stage.proxied():
        client = actors.KmsClient(keys.config(f"kms.{REGION}.aliyuncs.com"))
        return str(client.generate_mac(kms_models.GenerateMacRequest(
            key_id=DIGEST_KEY, algorithm="HMAC_SHA_256", message="eA==")).body.mac)  # fmt: skip


@pytest.mark.parametrize("role", WRITERS)
def test_writer_of_rows_can_neither_sign_nor_store_a_digest(scene: Scene, role: str) -> None:
    """Every function but akw-digest: what it wrote, it cannot make to look signed."""
    keys = acting(scene.stage, ROLES / f"{role}.json")

    with refused():
        sign(scene.stage, keys)
    for project in (PROJECT, DIGEST_PROJECT):
        with refused():
            actors.put_rows(scene.stage, project, "digests", [{"number": "1"}], keys)


def test_signer_cannot_write_rows(scene: Scene) -> None:
    """It signs what it finds; its own rows would be none that somebody else vouches for."""
    keys = acting(scene.stage, ROLES / "akw-digest.json")

    with refused():
        actors.put_rows(scene.stage, PROJECT, "audit", [{"event_id": "1"}], keys)
    assert sign(scene.stage, keys)
