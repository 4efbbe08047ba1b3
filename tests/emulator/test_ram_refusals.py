"""Every documented error code of RAM, made by a call through the SDK, changing nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator import snapshot
from emulator.choices import Choices
from emulator.ram.state import Group, MfaDevice, Policy, Role, User
from tests.emulator.sdk import Sdk, ram

GOOD = json.dumps({"Version": "1", "Statement": [
    {"Effect": "Allow", "Action": "oss:GetObject", "Resource": "*"}]})  # fmt: skip
TRUST = json.dumps({"Version": "1", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole",
     "Principal": {"Service": ["fc.aliyuncs.com"]}}]})  # fmt: skip
MFA = "acs:ram::1234567890123456:mfa/"
CODES = {"AuthenticationCode1": "123456", "AuthenticationCode2": "654321"}
SERVICE_POLICY = {"PolicyType": "Custom", "PolicyName": "attached"}


@pytest.fixture(scope="module")
def world(running: Any) -> Iterator[Any]:
    """One of everything that can be in somebody's way, made once: refusals change nothing."""
    running.cloud.choices = Choices()
    running.cloud.choices.calm()
    running.cloud.reset()
    admin = ram(running)
    for name in ("free", "grouped", "keyed", "logged", "bound", "held"):
        admin("CreateUser", UserName=name)
    for name in ("attached", "versioned", "grouped", "roled", "loose"):
        admin("CreatePolicy", PolicyName=name, PolicyDocument=GOOD)
    for group in ("members", "policed", "empty"):
        admin("CreateGroup", GroupName=group)
    for role in ("trusted", "idle"):
        admin("CreateRole", RoleName=role, AssumeRolePolicyDocument=TRUST)
    for _ in range(4):
        admin("CreatePolicyVersion", PolicyName="versioned", PolicyDocument=GOOD)
    for _ in range(2):
        admin("CreateAccessKey", UserName="keyed")
    admin("AddUserToGroup", UserName="grouped", GroupName="members")
    admin("CreateLoginProfile", UserName="logged", Password="long-enough-1")
    for device in ("one", "two"):
        admin("CreateVirtualMFADevice", VirtualMFADeviceName=device)
    admin("BindMFADevice", UserName="bound", SerialNumber=f"{MFA}one", **CODES)
    admin("AttachPolicyToUser", UserName="held", **SERVICE_POLICY)
    admin("AttachPolicyToGroup", GroupName="policed", PolicyType="Custom", PolicyName="grouped")
    admin("AttachPolicyToRole", RoleName="trusted", PolicyType="Custom", PolicyName="roled")
    admin("SetAccountAlias", AccountAlias="my-company")
    yield running
    running.cloud.reset()


def refused(world: Any, action: str, parameters: dict[str, Any]) -> tuple[int, str]:
    """The refusal, after checking that the state is what it was."""
    before = snapshot.take(world.cloud)
    refusal = ram(world).refusal(action, **parameters)
    assert snapshot.take(world.cloud) == before
    return refusal


LONG = "a" * 65
BAD_PARAMETERS = [
    ("CreateUser", {}, "MissingUserName"),
    ("CreateUser", {"UserName": "a b"}, "InvalidParameter.UserName.InvalidChars"),
    ("CreateUser", {"UserName": "a@b"}, "InvalidParameter.UserName.InvalidChars"),
    ("CreateUser", {"UserName": LONG}, "InvalidParameter.UserName.Length"),
    ("CreateUser", {"UserName": "a", "DisplayName": "a\x00"},
     "InvalidParameter.DisplayName.InvalidChars"),
    ("CreateUser", {"UserName": "a", "DisplayName": "a" * 129},
     "InvalidParameter.DisplayName.Length"),
    ("CreateUser", {"UserName": "a", "Comments": "a" * 129}, "InvalidParameter.Comments.Length"),
    ("CreateUser", {"UserName": "a", "MobilePhone": "1860000"},
     "InvalidParameter.MobilePhone.Format"),
    ("CreateUser", {"UserName": "a", "Email": "nobody"}, "InvalidParameter.Email.Format"),
    ("UpdateUser", {"UserName": "free", "NewUserName": "a b"},
     "InvalidParameter.NewUserName.InvalidChars"),
    ("UpdateUser", {"UserName": "free", "NewUserName": LONG},
     "InvalidParameter.NewUserName.Length"),
    ("UpdateUser", {"UserName": "free", "NewDisplayName": "\x07"},
     "InvalidParameter.NewDisplayName.InvalidChars"),
    ("UpdateUser", {"UserName": "free", "NewDisplayName": "a" * 129},
     "InvalidParameter.NewDisplayName.Length"),
    ("UpdateUser", {"UserName": "free", "NewComments": "a" * 129},
     "InvalidParameter.NewComments.Length"),
    ("UpdateUser", {"UserName": "free", "NewMobilePhone": "x"},
     "InvalidParameter.NewMobilePhone.Format"),
    ("UpdateUser", {"UserName": "free", "NewEmail": "x"}, "InvalidParameter.NewEmail.Format"),
    ("GetUser", {"UserName": "a/b"}, "InvalidParameter.UserName.InvalidChars"),
    ("CreateGroup", {"GroupName": "a b"}, "InvalidParameter.GroupName.InvalidChars"),
    ("CreateGroup", {"GroupName": LONG}, "InvalidParameter.GroupName.Length"),
    ("UpdateGroup", {"GroupName": "empty", "NewGroupName": "a b"},
     "InvalidParameter.NewGroupName.InvalidChars"),
    ("UpdateGroup", {"GroupName": "empty", "NewGroupName": LONG},
     "InvalidParameter.NewGroupName.Length"),
    ("CreatePolicy", {"PolicyName": "a_b", "PolicyDocument": GOOD},
     "InvalidParameter.PolicyName.InvalidChars"),
    ("CreatePolicy", {"PolicyName": "a.b", "PolicyDocument": GOOD},
     "InvalidParameter.PolicyName.InvalidChars"),
    ("CreatePolicy", {"PolicyName": "a" * 129, "PolicyDocument": GOOD},
     "InvalidParameter.PolicyName.Length"),
    ("CreatePolicy", {"PolicyName": "a", "PolicyDocument": GOOD + " " * (6145 - len(GOOD))},
     "InvalidParameter.PolicyDocument.Length"),
    ("CreatePolicy", {"PolicyName": "a", "PolicyDocument": GOOD, "Description": "a" * 1025},
     "InvalidParameter.Description.Length"),
    ("CreatePolicy", {"PolicyName": "a"}, "MissingPolicyDocument"),
    ("CreatePolicy", {"PolicyName": "a", "PolicyDocument": "{}"}, "MalformedPolicyDocument"),
    ("CreatePolicy", {"PolicyName": "a", "PolicyDocument": "[" * 6000}, "MalformedPolicyDocument"),
    ("CreatePolicy", {"PolicyName": "a", "PolicyDocument": GOOD.replace("Resource", "\\ud800")},
     "MalformedPolicyDocument"),
    ("CreatePolicyVersion", {"PolicyName": "loose", "PolicyDocument": "x"},
     "MalformedPolicyDocument"),
    ("CreatePolicyVersion",
     {"PolicyName": "loose", "PolicyDocument": GOOD, "RotateStrategy": "Oldest"},
     "InvalidParameter.RotateStrategy"),
    ("CreateRole", {"RoleName": "a", "AssumeRolePolicyDocument": GOOD}, "MalformedPolicyDocument"),
    ("CreateRole", {"RoleName": "a_b", "AssumeRolePolicyDocument": TRUST},
     "InvalidParameter.RoleName.InvalidChars"),
    ("CreateRole", {"RoleName": LONG, "AssumeRolePolicyDocument": TRUST},
     "InvalidParameter.RoleName.Length"),
    ("CreateRole", {"RoleName": "a", "AssumeRolePolicyDocument": TRUST + " " * 6144},
     "InvalidParameter.AssumeRolePolicyDocument.Length"),
    ("CreateRole", {"RoleName": "a", "AssumeRolePolicyDocument": TRUST, "MaxSessionDuration": 900},
     "InvalidParameter.MaxSessionDuration"),
    ("UpdateRole", {"RoleName": "idle", "NewMaxSessionDuration": 43201},
     "InvalidParameter.NewMaxSessionDuration"),
    ("GetPolicy", {"PolicyName": "loose"}, "MissingPolicyType"),
    ("GetPolicy", {"PolicyName": "loose", "PolicyType": "custom"}, "InvalidParameter.PolicyType"),
    ("ListPolicies", {"PolicyType": "Other"}, "InvalidParameter.PolicyType"),
    ("GetPolicyVersion", {**SERVICE_POLICY, "VersionId": "1"}, "InvalidParameter.VersionId.Format"),
    ("ListUsers", {"MaxItems": 0}, "InvalidParameter"),
    ("ListUsers", {"MaxItems": 1001}, "InvalidParameter"),
    ("ListUsers", {"Marker": "not-a-marker!"}, "InvalidParameter.Marker"),
    ("UpdateAccessKey", {"UserName": "keyed", "UserAccessKeyId": "x", "Status": "Paused"},
     "InvalidParameter.Status"),
    ("CreateLoginProfile", {"UserName": "free", "Password": "short"},
     "InvalidParameter.Password.TooWeak"),
    ("CreateVirtualMFADevice", {"VirtualMFADeviceName": "a b"},
     "InvalidParameter.VirtualMFADeviceName.InvalidChars"),
    ("CreateVirtualMFADevice", {"VirtualMFADeviceName": LONG},
     "InvalidParameter.VirtualMFADeviceName.Length"),
    ("BindMFADevice", {"UserName": "free", "SerialNumber": f"{MFA}two",
                       "AuthenticationCode1": "12345", "AuthenticationCode2": "123456"},
     "InvalidParameter.AuthenticationCode.Format"),
    ("SetAccountAlias", {"AccountAlias": "-a"}, "InvalidParameter.AccountAlias.Format"),
    ("SetAccountAlias", {"AccountAlias": "ab"}, "InvalidParameter.AccountAlias.Length"),
    ("SetSecurityPreference", {"LoginSessionDuration": 25}, "InvalidParameter"),
    ("SetSecurityPreference", {"LoginSessionDuration": 0}, "InvalidParameter"),
    ("TagResources", {"ResourceType": "user", "ResourceNames": ["free"],
                      "Tag": [{"Key": "k", "Value": "v"}]}, "InvalidParameter.ResourceType"),
    ("TagResources", {"ResourceType": "policy", "ResourceNames": ["loose"],
                      "Tag": [{"Key": "acs:k", "Value": "v"}]}, "InvalidParameter.TagKey"),
    ("TagResources", {"ResourceType": "policy", "ResourceNames": ["loose"],
                      "Tag": [{"Key": "", "Value": "v"}]}, "InvalidParameter.TagKey.Length"),
    ("TagResources", {"ResourceType": "policy", "ResourceNames": ["loose"],
                      "Tag": [{"Key": "k", "Value": "https://x"}]}, "InvalidParameter.TagValue"),
    ("TagResources", {"ResourceType": "policy", "ResourceNames": ["loose"],
                      "Tag": [{"Key": "k", "Value": "v" * 257}]},
     "InvalidParameter.TagValue.Length"),
    ("TagResources", {"ResourceType": "policy", "ResourceNames": ["loose"] * 51,
                      "Tag": [{"Key": "k", "Value": "v"}]},
     "InvalidParameter.ResourceNames.Length"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "parameters", "code"), BAD_PARAMETERS)
def test_bad_parameter_is_refused(
    world: Any, action: str, parameters: dict[str, Any], code: str
) -> None:
    """400, and the code names the parameter and what is wrong about it."""
    assert refused(world, action, parameters) == (400, code)


NOT_THERE = [
    ("GetUser", {"UserName": "no"}, "User"),
    ("UpdateUser", {"UserName": "no"}, "User"),
    ("DeleteUser", {"UserName": "no"}, "User"),
    ("CreateAccessKey", {"UserName": "no"}, "User"),
    ("ListAccessKeys", {"UserName": "no"}, "User"),
    ("UpdateAccessKey", {"UserName": "free", "UserAccessKeyId": "no", "Status": "Active"},
     "User.AccessKey"),
    ("DeleteAccessKey", {"UserName": "free", "UserAccessKeyId": "no"}, "User.AccessKey"),
    ("GetAccessKeyLastUsed", {"UserName": "free", "UserAccessKeyId": "no"}, "User.AccessKey"),
    ("GetLoginProfile", {"UserName": "free"}, "User.LoginProfile"),
    ("UpdateLoginProfile", {"UserName": "free"}, "User.LoginProfile"),
    ("DeleteLoginProfile", {"UserName": "free"}, "User.LoginProfile"),
    ("GetUserMFAInfo", {"UserName": "free"}, "User.MFADevice"),
    ("UnbindMFADevice", {"UserName": "free"}, "User.MFADevice"),
    ("DeleteVirtualMFADevice", {"SerialNumber": f"{MFA}no"}, "VirtualMFADevice"),
    ("BindMFADevice", {"UserName": "free", "SerialNumber": f"{MFA}no", **CODES},
     "VirtualMFADevice"),
    ("DetachPolicyFromUser", {"UserName": "free", **SERVICE_POLICY}, "User.Policy"),
    ("AttachPolicyToUser", {"UserName": "no", **SERVICE_POLICY}, "User"),
    ("AttachPolicyToUser", {"UserName": "free", "PolicyType": "System", "PolicyName": "attached"},
     "Policy"),
    ("RemoveUserFromGroup", {"UserName": "free", "GroupName": "members"}, "User.Group"),
    ("AddUserToGroup", {"UserName": "free", "GroupName": "no"}, "Group"),
    ("GetGroup", {"GroupName": "no"}, "Group"),
    ("DetachPolicyFromGroup", {"GroupName": "empty", **SERVICE_POLICY}, "Group.Policy"),
    ("GetPolicy", {"PolicyName": "no", "PolicyType": "Custom"}, "Policy"),
    ("DeletePolicy", {"PolicyName": "no"}, "Policy"),
    ("DeletePolicy", {"PolicyName": "AdministratorAccess"}, "Policy"),
    ("ListEntitiesForPolicy", {"PolicyName": "no", "PolicyType": "System"}, "Policy"),
    ("GetPolicyVersion", {**SERVICE_POLICY, "VersionId": "v9"}, "Policy.Version"),
    ("SetDefaultPolicyVersion", {"PolicyName": "attached", "VersionId": "v9"}, "Policy.Version"),
    ("DeletePolicyVersion", {"PolicyName": "attached", "VersionId": "v9"}, "Policy.Version"),
    ("GetRole", {"RoleName": "no"}, "Role"),
    ("DetachPolicyFromRole", {"RoleName": "idle", **SERVICE_POLICY}, "Role.Policy"),
    ("TagResources", {"ResourceType": "role", "ResourceNames": ["no"],
                      "Tag": [{"Key": "k", "Value": "v"}]}, "Role"),
    ("UntagResources", {"ResourceType": "policy", "ResourceNames": ["no"], "All": True}, "Policy"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "parameters", "kind"), NOT_THERE)
def test_missing_entity_is_not_found(
    world: Any, action: str, parameters: dict[str, Any], kind: str
) -> None:
    """404 EntityNotExist.<kind>"""
    assert refused(world, action, parameters) == (404, f"EntityNotExist.{kind}")


CONFLICTS = [
    ("CreateUser", {"UserName": "free"}, "EntityAlreadyExists.User"),
    ("UpdateUser", {"UserName": "free", "NewUserName": "keyed", "NewComments": "x"},
     "EntityAlreadyExists.User"),
    ("CreateLoginProfile", {"UserName": "logged", "Password": "long-enough-1"},
     "EntityAlreadyExists.User.LoginProfile"),
    ("BindMFADevice", {"UserName": "bound", "SerialNumber": f"{MFA}two", **CODES},
     "EntityAlreadyExists.User.MFADevice"),
    ("BindMFADevice", {"UserName": "free", "SerialNumber": f"{MFA}one", **CODES},
     "EntityAlreadyExists.VirtualMFADevice.User"),
    ("CreateVirtualMFADevice", {"VirtualMFADeviceName": "one"},
     "EntityAlreadyExists.VirtualMFADevice"),
    ("AddUserToGroup", {"UserName": "grouped", "GroupName": "members"},
     "EntityAlreadyExists.User.Group"),
    ("AttachPolicyToUser", {"UserName": "held", **SERVICE_POLICY},
     "EntityAlreadyExists.User.Policy"),
    ("AttachPolicyToGroup",
     {"GroupName": "policed", "PolicyType": "Custom", "PolicyName": "grouped"},
     "EntityAlreadyExists.Group.Policy"),
    ("AttachPolicyToRole", {"RoleName": "trusted", "PolicyType": "Custom", "PolicyName": "roled"},
     "EntityAlreadyExists.Role.Policy"),
    ("CreateGroup", {"GroupName": "members"}, "EntityAlreadyExists.Group"),
    ("UpdateGroup", {"GroupName": "empty", "NewGroupName": "members"},
     "EntityAlreadyExists.Group"),
    ("CreatePolicy", {"PolicyName": "loose", "PolicyDocument": GOOD}, "EntityAlreadyExists.Policy"),
    ("CreateRole", {"RoleName": "idle", "AssumeRolePolicyDocument": TRUST},
     "EntityAlreadyExists.Role"),
    ("SetAccountAlias", {"AccountAlias": "other"}, "EntityAlreadyExists.AccountAlias"),
    ("DeleteUser", {"UserName": "grouped"}, "DeleteConflict.User.Group"),
    ("DeleteUser", {"UserName": "keyed"}, "DeleteConflict.User.AccessKey"),
    ("DeleteUser", {"UserName": "logged"}, "DeleteConflict.User.LoginProfile"),
    ("DeleteUser", {"UserName": "bound"}, "DeleteConflict.User.MFADevice"),
    ("DeleteUser", {"UserName": "held"}, "DeleteConflict.User.Policy"),
    ("DeleteVirtualMFADevice", {"SerialNumber": f"{MFA}one"},
     "DeleteConflict.VirtualMFADevice.User"),
    ("DeleteGroup", {"GroupName": "members"}, "DeleteConflict.Group.User"),
    ("DeleteGroup", {"GroupName": "policed"}, "DeleteConflict.Group.Policy"),
    ("DeletePolicy", {"PolicyName": "attached"}, "DeleteConflict.Policy.User"),
    ("DeletePolicy", {"PolicyName": "attached", "CascadingDelete": True},
     "DeleteConflict.Policy.User"),
    ("DeletePolicy", {"PolicyName": "grouped"}, "DeleteConflict.Policy.Group"),
    ("DeletePolicy", {"PolicyName": "roled"}, "DeleteConflict.Policy.Role"),
    ("DeletePolicy", {"PolicyName": "versioned"}, "DeleteConflict.Policy.Version"),
    ("DeletePolicyVersion", {"PolicyName": "versioned", "VersionId": "v1"},
     "DeleteConflict.Policy.Version.Default"),
    ("DeleteRole", {"RoleName": "trusted"}, "DeleteConflict.Role.Policy"),
    ("CreateAccessKey", {"UserName": "keyed"}, "LimitExceeded.User.AccessKey"),
    ("CreatePolicyVersion", {"PolicyName": "versioned", "PolicyDocument": GOOD},
     "LimitExceeded.Policy.Version"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "parameters", "code"), CONFLICTS)
def test_conflict_is_refused(
    world: Any, action: str, parameters: dict[str, Any], code: str
) -> None:
    """409: what exists already, is still held, or is at its limit."""
    assert refused(world, action, parameters) == (409, code)


def crowd(cloud: Any) -> None:
    """Fill every quota of the account but the ones that calls can fill quickly."""
    now, state = datetime.now(UTC), cloud.ram
    for index in range(5000):
        name = f"crowd-{index:04}"
        state.users.setdefault(name, User(str(index), name, created_at=now, updated_at=now))
        serial = f"{MFA}{name}"
        state.mfa_devices[serial] = MfaDevice(serial, "")
    for index in range(300):
        state.groups[f"crowd-{index}"] = Group(str(index), f"crowd-{index}")
    for index in range(1000):
        state.roles[f"crowd-{index}"] = Role(str(index), f"crowd-{index}", TRUST)
    version = state.policies[("System", "AdministratorAccess")].versions
    for index in range(1500):
        name = f"crowd-{index}"
        state.policies[("Custom", name)] = Policy(name, versions=version)
    user = state.users["crowd-0000"]
    user.groups = {f"crowd-{index}": now for index in range(10)}
    holders: list[Any] = [user, state.groups["crowd-0"], state.roles["crowd-0"]]
    system = [name for kind, name in state.policies if kind == "System"]
    for name in [f"Extra{index}" for index in range(20 - len(system) + 1)]:
        state.policies[("System", name)] = Policy(name, "System", versions=version)
        system.append(name)
    for holder in holders:
        holder.attached = {("Custom", f"crowd-{index}"): now for index in range(10)}
        holder.attached |= {("System", name): now for name in system[:20]}
    state.policies[("Custom", "crowd-0")].tags = {str(index): "" for index in range(20)}


@pytest.fixture(scope="module")
def crowded(running: Any) -> Iterator[Any]:
    running.cloud.reset()
    crowd(running.cloud)
    yield running
    running.cloud.reset()


CUSTOM, SYSTEM = {"PolicyType": "Custom"}, {"PolicyType": "System"}
LIMITS = [
    ("CreateUser", {"UserName": "more"}, "User"),
    ("CreateGroup", {"GroupName": "more"}, "Group"),
    ("CreateRole", {"RoleName": "more", "AssumeRolePolicyDocument": TRUST}, "Role"),
    ("CreatePolicy", {"PolicyName": "more", "PolicyDocument": GOOD}, "Policy"),
    ("CreateVirtualMFADevice", {"VirtualMFADeviceName": "more"}, "VirtualMFADevice"),
    ("AddUserToGroup", {"UserName": "crowd-0000", "GroupName": "crowd-10"}, "User.Group"),
    ("AttachPolicyToUser", {"UserName": "crowd-0000", "PolicyName": "crowd-10", **CUSTOM},
     "User.Policy"),
    ("AttachPolicyToGroup", {"GroupName": "crowd-0", "PolicyName": "crowd-10", **CUSTOM},
     "Group.Policy"),
    ("AttachPolicyToRole", {"RoleName": "crowd-0", "PolicyName": "crowd-10", **CUSTOM},
     "Role.Policy"),
    ("AttachPolicyToUser", {"UserName": "crowd-0000", "PolicyName": "Extra2", **SYSTEM},
     "User.Policy"),
    ("TagResources", {"ResourceType": "policy", "ResourceNames": ["crowd-0"],
                      "Tag": [{"Key": "more", "Value": ""}]}, "Tag"),
]  # fmt: skip


@pytest.mark.parametrize(("action", "parameters", "kind"), LIMITS)
def test_quota_is_kept(
    crowded: Any, action: str, parameters: dict[str, Any], kind: str
) -> None:
    """409 LimitExceeded.<kind> at the documented quota, not one later."""
    admin: Sdk = ram(crowded)

    assert admin.refusal(action, **parameters) == (409, f"LimitExceeded.{kind}")
