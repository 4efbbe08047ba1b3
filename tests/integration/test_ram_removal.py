"""RAM and KMS through their SDKs: what a revocation lists and takes away."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from shared.adapters.ims import ImsAdapter
from shared.adapters.kms import KmsAdapter
from shared.adapters.ram import RamAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.errors import CloudRefused, NotFound, NotPermitted
from shared.ports import Attached, PolicyVersion
from shared.secrecy import Secret
from tests.integration.clouds import ACCOUNT, LocalCloud

USER, POLICY, OTHER = "akw-orders-prod", "akw-orders-prod", "akw-other-prod"
HELD, SYSTEM = Attached("Custom", POLICY), Attached("System", "AliyunOSSReadOnlyAccess")
DOCUMENT = json.dumps({
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": ["*"]}],
})  # fmt: skip


@pytest.fixture
def ram(local: LocalCloud, endpoint: Endpoint, admin: Credentials) -> RamAdapter:
    """Two users, and a policy with two versions that both of them hold."""
    ims = ImsAdapter(endpoint, admin, f"{ACCOUNT}.onaliyun.com")
    adapter = RamAdapter(endpoint, admin)
    adapter.create_policy(POLICY, DOCUMENT, "")
    for user in (USER, OTHER):
        ims.create_user(user, "akw", {})
        adapter.attach_policy_to_user(POLICY, user)
    client: Any = adapter._client
    from alibabacloud_ram20150501 import models

    client.create_policy_version(models.CreatePolicyVersionRequest(
        policy_name=POLICY, policy_document=DOCUMENT))  # fmt: skip
    client.attach_policy_to_user(models.AttachPolicyToUserRequest(
        policy_type=SYSTEM.kind, policy_name=SYSTEM.name, user_name=USER))  # fmt: skip
    client.create_group(models.CreateGroupRequest(group_name="developers"))
    client.add_user_to_group(models.AddUserToGroupRequest(
        user_name=USER, group_name="developers"))  # fmt: skip
    client.create_login_profile(models.CreateLoginProfileRequest(
        user_name=USER, password="Very-long-password-1"))  # fmt: skip
    return adapter


def test_lists_show_what_is_there(ram: RamAdapter) -> None:
    """Policies of both kinds, holders, versions, groups."""
    assert {HELD, SYSTEM} == set(ram.list_policies_for_user(USER))
    assert [f"user/{USER}", f"user/{OTHER}"] == list(ram.list_entities_for_policy(POLICY))
    assert [PolicyVersion("v1", True), PolicyVersion("v2", False)] == list(
        ram.list_policy_versions(POLICY)
    )
    assert ["developers"] == list(ram.list_groups_for_user(USER))


def test_lists_of_nobody_are_empty(ram: RamAdapter) -> None:
    """What does not exist holds nothing."""
    assert [[], [], [], []] == [
        list(ram.list_policies_for_user("akw-none")),
        list(ram.list_entities_for_policy("akw-none")),
        list(ram.list_policy_versions("akw-none")),
        list(ram.list_groups_for_user("akw-none")),
    ]


def test_user_goes_when_everything_is_taken_from_it(ram: RamAdapter, local: LocalCloud) -> None:
    """Until then RAM refuses; afterwards the name is free."""
    with pytest.raises(CloudRefused) as refused:
        ram.delete_user(USER)
    for held in (HELD, SYSTEM):
        ram.detach_policy_from_user(held, USER)
    ram.remove_user_from_group(USER, "developers")
    ram.delete_login_profile(USER)

    request_id = ram.delete_user(USER)

    assert refused.value.code.startswith("DeleteConflict.User.")
    assert request_id == local.calls("DeleteUser")[-1]["request_id"]
    assert USER not in local.cloud.ram.users


def test_policy_goes_after_its_holders_and_versions(ram: RamAdapter, local: LocalCloud) -> None:
    """Each of them is a conflict of its own."""
    codes = []
    for user in (USER, OTHER):
        codes.append(_code(lambda: ram.delete_policy(POLICY)))
        ram.detach_policy_from_user(HELD, user)
    codes.append(_code(lambda: ram.delete_policy(POLICY)))
    ram.delete_policy_version(POLICY, "v2")

    ram.delete_policy(POLICY)

    assert ["DeleteConflict.Policy.User"] * 2 + ["DeleteConflict.Policy.Version"] == codes
    assert ("Custom", POLICY) not in local.cloud.ram.policies


def _code(call: Callable[[], object]) -> str:
    with pytest.raises(CloudRefused) as refused:
        call()
    return refused.value.code


GONE: dict[str, Callable[[RamAdapter], object]] = {
    "attachment": lambda ram: ram.detach_policy_from_user(Attached("Custom", POLICY), "akw-none"),
    "membership": lambda ram: ram.remove_user_from_group(OTHER, "developers"),
    "login": lambda ram: ram.delete_login_profile(OTHER),
    "device": lambda ram: ram.unbind_mfa_device(USER),
    "version": lambda ram: ram.delete_policy_version(POLICY, "v9"),
    "user": lambda ram: ram.delete_user("akw-none"),
}


@pytest.mark.parametrize("what", GONE)
def test_what_is_gone_is_not_found(ram: RamAdapter, what: str) -> None:
    """A revocation reads that as success."""
    with pytest.raises(NotFound):
        GONE[what](ram)


@pytest.mark.parametrize("what", GONE)
def test_missing_permission_is_not_permitted(
    ram: RamAdapter, endpoint: Endpoint, stranger: Credentials, what: str
) -> None:
    """And never taken for `gone`."""
    with pytest.raises(NotPermitted):
        GONE[what](RamAdapter(endpoint, stranger))


def test_secret_is_deleted_at_once(
    local: LocalCloud, endpoint: Endpoint, admin: Credentials
) -> None:
    """No recovery window, so that the name is free; and then it is not found."""
    kms = KmsAdapter(endpoint, admin, instance_id="kst-emulator0001", key_id="key-emulator0001")
    for _ in range(2):
        kms.create_secret("akw/orders/prod", Secret("{}"), policy=_open_policy(), tags={})
        kms.delete_secret("akw/orders/prod")

    with pytest.raises(NotFound):
        kms.delete_secret("akw/orders/prod")
    assert kms.describe_secret("akw/orders/prod") is None


def _open_policy() -> str:
    return json.dumps({"Version": "1", "Statement": [
        {"Effect": "Allow", "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:*"]},
         "Action": ["kms:*"], "Resource": ["*"]}]})  # fmt: skip
