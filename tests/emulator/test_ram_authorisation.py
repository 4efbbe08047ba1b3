"""What RAM asks about for each action: the resources of its authorisation tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.emulator.sdk import Sdk, allow, deny, ims, key_of, ram

ACCOUNT = "acs:ram:*:1234567890123456"
DOMAIN = "1234567890123456.onaliyun.com"
DOCUMENT = json.dumps({"Version": "1", "Statement": [allow("oss:GetObject")]})
ATTACH = {"UserName": "broker-1", "PolicyType": "Custom", "PolicyName": "broker-1"}


@pytest.fixture
def admin(emulator: Any) -> Sdk:
    """The administrator, with user and policy `broker-1`, and user `other`."""
    client = ram(emulator)
    for name in ("broker-1", "other"):
        client("CreateUser", UserName=name)
    client("CreatePolicy", PolicyName="broker-1", PolicyDocument=DOCUMENT)
    return client


def asked(emulator: Any) -> list[tuple[str, str]]:
    """The (action, resource) pairs of the last call."""
    return [(d["action"], d["resource"]) for d in emulator.cloud.history.since()[-1]["decisions"]]


USER, POLICY = f"{ACCOUNT}:user/broker-1", f"{ACCOUNT}:policy/broker-1"


@pytest.mark.parametrize(
    ("action", "parameters", "resources"),
    [
        ("CreateUser", {"UserName": "broker-2"}, [f"{ACCOUNT}:user/*"]),
        ("CreatePolicy", {"PolicyName": "p", "PolicyDocument": DOCUMENT}, [f"{ACCOUNT}:policy/*"]),
        ("ListUsers", {}, [f"{ACCOUNT}:user/*"]),
        ("GetUser", {"UserName": "broker-1"}, [USER]),
        ("CreateAccessKey", {"UserName": "broker-1"}, [USER]),
        ("ListAccessKeys", {}, [f"{ACCOUNT}:user/administrator"]),
        ("AttachPolicyToUser", ATTACH, [USER, POLICY]),
        ("AttachPolicyToUser",
         ATTACH | {"PolicyType": "System", "PolicyName": "ReadOnlyAccess"},
         [USER, "acs:ram:*:system:policy/ReadOnlyAccess"]),
        ("GetPolicy", {"PolicyType": "System", "PolicyName": "ReadOnlyAccess"},
         ["acs:ram:*:system:policy/ReadOnlyAccess"]),
        ("DeletePolicy", {"PolicyName": "broker-1"}, [POLICY]),
        ("GetAccountAlias", {}, ["*"]),
        ("GetSecurityPreference", {}, ["*"]),
        ("TagResources", {"ResourceType": "policy", "ResourceNames": ["broker-1"],
                          "Tag": [{"Key": "k", "Value": "v"}]}, [POLICY]),
    ],
)  # fmt: skip
def test_ram_action_asks_about(
    emulator: Any, admin: Sdk, action: str, parameters: dict[str, Any], resources: list[str]
) -> None:
    """Create… ask about all of a kind, attaching asks about both sides."""
    admin(action, **parameters)

    assert asked(emulator) == [(f"ram:{action}", resource) for resource in resources]


PRINCIPAL = {"UserPrincipalName": f"broker-1@{DOMAIN}"}


@pytest.mark.parametrize(
    ("action", "parameters", "resource"),
    [
        ("CreateUser", {"UserPrincipalName": f"new@{DOMAIN}", "DisplayName": "n"}, "user/*"),
        ("GetUser", PRINCIPAL, "user/broker-1"),
        ("ListAccessKeys", PRINCIPAL, "user/broker-1"),
        ("CreateAccessKey", PRINCIPAL, "user/broker-1"),
        ("ListAccessKeys", {}, "user/administrator"),
        ("ListUsers", {}, "user/*"),
        ("ListUsersInRecycleBin", {}, "*"),
        ("GetAccountSummary", {}, "*"),
        ("GetDefaultDomain", {}, "*"),
    ],
)
def test_ims_action_asks_ram_about(
    emulator: Any, admin: Sdk, action: str, parameters: dict[str, Any], resource: str
) -> None:
    """IMS asks for `ram:<Action>`, the principal name's domain stripped."""
    ims(emulator)(action, **parameters)

    wanted = resource if resource == "*" else f"{ACCOUNT}:{resource}"
    assert asked(emulator) == [(f"ram:{action}", wanted)]


@pytest.mark.parametrize("selector", ["UserId", "UserAccessKeyId"])
def test_ims_get_user_by_number_asks_about_the_user_found(
    emulator: Any, admin: Sdk, selector: str
) -> None:
    """Ids are resolved before RAM is asked."""
    key = admin("CreateAccessKey", UserName="broker-1")["AccessKey"]["AccessKeyId"]
    user_id = admin("GetUser", UserName="broker-1")["User"]["UserId"]

    ims(emulator)("GetUser", **{selector: user_id if selector == "UserId" else key})

    assert asked(emulator) == [("ram:GetUser", USER)]


def test_prefix_does_not_cover_creation(emulator: Any, admin: Sdk) -> None:
    """A pattern `user/broker-*` is no permission to create users: RAM asks about `user/*`."""
    caller = ram(emulator, *key_of(admin, "c", allow("ram:*", on=f"{ACCOUNT}:user/broker-*")))

    assert caller.refusal("CreateUser", UserName="broker-2") == (403, "NoPermission")
    assert caller("GetUser", UserName="broker-1")["User"]["UserName"] == "broker-1"


@pytest.mark.parametrize("missing", ["user", "policy"])
def test_attaching_needs_both_sides(emulator: Any, admin: Sdk, missing: str) -> None:
    """Allowed on one side only is not allowed."""
    sides = {"user": f"{ACCOUNT}:user/broker-*", "policy": f"{ACCOUNT}:policy/broker-*"}
    del sides[missing]
    caller = ram(emulator, *key_of(admin, "c", allow("ram:*", on=list(sides.values()))))

    assert caller.refusal("AttachPolicyToUser", **ATTACH) == (403, "NoPermission")


def test_system_policies_are_not_the_accounts(emulator: Any, admin: Sdk) -> None:
    """`policy/*` of the account does not allow attaching AdministratorAccess."""
    caller = ram(emulator, *key_of(admin, "c", allow("ram:*", on=f"{ACCOUNT}:*")))
    caller("AttachPolicyToUser", **ATTACH)

    refusal = caller.refusal(
        "AttachPolicyToUser", UserName="broker-1", PolicyType="System",
        PolicyName="AdministratorAccess",
    )  # fmt: skip

    assert refusal == (403, "NoPermission")


def test_refusal_names_action_resource_and_kind_of_denial(emulator: Any, admin: Sdk) -> None:
    """As live answers do; explicit and implicit denials are told apart."""
    from Tea.exceptions import TeaException

    key = key_of(admin, "c", allow("ram:*"), deny("ram:DeleteUser"))
    with pytest.raises(TeaException) as raised:
        ram(emulator, *key)("DeleteUser", UserName="other")

    detail = raised.value.access_denied_detail
    assert f"Resource: {ACCOUNT}:user/other Action: ram:DeleteUser" in raised.value.message
    assert (detail["NoPermissionType"], detail["AuthAction"], detail["AuthPrincipalType"]) == (
        "ExplicitDeny", "ram:DeleteUser", "SubUser",
    )  # fmt: skip


def test_stranger_learns_not_who_exists(emulator: Any, admin: Sdk) -> None:
    """RAM is asked before the user is looked for."""
    caller = ram(emulator, *key_of(admin, "c"))

    refusals = {caller.refusal("CreateAccessKey", UserName=name) for name in ("other", "nobody")}

    assert refusals == {(403, "NoPermission")}


def test_preference_lets_users_manage_their_own_keys_only(emulator: Any, admin: Sdk) -> None:
    """AllowUserToManageAccessKeys: one's own, through both APIs, and cited in the history."""
    key = key_of(admin, "c")
    own = ram(emulator, *key)
    assert own.refusal("CreateAccessKey") == (403, "NoPermission")
    admin("SetSecurityPreference", AllowUserToManageAccessKeys=True)

    assert own("CreateAccessKey")["AccessKey"]["Status"] == "Active"
    decision = emulator.cloud.history.since()[-1]["decisions"][0]
    assert decision["policy"] == "Preference:AllowUserToManageAccessKeys"
    listed = ims(emulator, *key)("ListAccessKeys", UserPrincipalName=f"c@{DOMAIN}")
    assert len(listed["AccessKeys"]["AccessKey"]) == 2
    assert own.refusal("ListAccessKeys", UserName="other") == (403, "NoPermission")


def test_explicit_deny_beats_the_preference(emulator: Any, admin: Sdk) -> None:
    """A policy can still forbid users their own keys."""
    admin("SetSecurityPreference", AllowUserToManageAccessKeys=True)

    refusal = ram(emulator, *key_of(admin, "c", deny("ram:CreateAccessKey"))).refusal(
        "CreateAccessKey"
    )

    assert refusal == (403, "NoPermission")


def test_preference_is_read_back(admin: Sdk) -> None:
    """Defaults, then what was set."""
    before = admin("GetSecurityPreference")["SecurityPreference"]
    admin("SetSecurityPreference", AllowUserToManageAccessKeys=True,
          AllowUserToChangePassword=False, LoginNetworkMasks="10.0.0.0/8",
          LoginSessionDuration=8)  # fmt: skip
    after = admin("GetSecurityPreference")["SecurityPreference"]

    assert before["AccessKeyPreference"] == {"AllowUserToManageAccessKeys": False}
    assert after["AccessKeyPreference"] == {"AllowUserToManageAccessKeys": True}
    assert after["LoginProfilePreference"].items() >= {
        "AllowUserToChangePassword": False, "LoginNetworkMasks": "10.0.0.0/8",
        "LoginSessionDuration": 8,
    }.items()  # fmt: skip
