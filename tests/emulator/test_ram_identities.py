"""Users, keys, groups, roles and what hangs on them, through the SDK of RAM 2015-05-01."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from tests.emulator.sdk import Sdk, key_of, ram, sts

ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
TRUST = json.dumps({"Version": "1", "Statement": [
    {"Effect": "Allow", "Action": "sts:AssumeRole",
     "Principal": {"RAM": ["acs:ram::1234567890123456:root"]}}]})  # fmt: skip


@pytest.fixture
def admin(emulator: Any) -> Sdk:
    return ram(emulator)


def test_user_is_created_read_changed_and_deleted(admin: Sdk) -> None:
    """A user's fields come back as given; a rename keeps the id."""
    details = {"DisplayName": "Nurse 护士", "MobilePhone": "86-18600000000",
               "Email": "a@example.com", "Comments": "night shift"}  # fmt: skip
    created = admin("CreateUser", UserName="n.u-r_1", **details)["User"]
    admin("UpdateUser", UserName="n.u-r_1", NewUserName="new", NewComments="")

    read = admin("GetUser", UserName="new")["User"]

    assert re.fullmatch(r"[0-9]{18}", created["UserId"])
    assert created.items() >= details.items()
    assert (read["UserId"], read["Comments"]) == (created["UserId"], "")
    assert read["DisplayName"] == details["DisplayName"]
    assert ISO.fullmatch(read["CreateDate"])
    assert ISO.fullmatch(read["UpdateDate"])
    admin("DeleteUser", UserName="new")
    assert admin.refusal("GetUser", UserName="new") == (404, "EntityNotExist.User")


def test_pages_hold_every_user_once_while_users_come_and_go(admin: Sdk) -> None:
    """The marker is opaque, and only there when the answer is truncated."""
    for number in range(7):
        admin("CreateUser", UserName=f"u{number}")
    first = admin("ListUsers", MaxItems=3)
    admin("DeleteUser", UserName="u1")  # was on the first page
    second = admin("ListUsers", MaxItems=3, Marker=first["Marker"])
    third = admin("ListUsers", MaxItems=3, Marker=second["Marker"])

    names = [u["UserName"] for page in (first, second, third) for u in page["Users"]["User"]]

    assert names == ["administrator", *(f"u{number}" for number in range(7))]
    assert [page["IsTruncated"] for page in (first, second, third)] == [True, True, False]
    assert "Marker" not in third


def test_key_has_the_documented_form_and_its_secret_is_shown_once(
    emulator: Any, admin: Sdk
) -> None:
    """24 and 30 characters; the secret is in no other answer, but among the remembered ones."""
    admin("CreateUser", UserName="u")
    created = admin("CreateAccessKey", UserName="u")["AccessKey"]

    listed = admin("ListAccessKeys", UserName="u")["AccessKeys"]["AccessKey"]

    assert re.fullmatch(r"LTAI[a-zA-Z0-9]{20}", created["AccessKeyId"])
    assert re.fullmatch(r"[a-zA-Z0-9]{30}", created["AccessKeySecret"])
    assert listed == [{k: created[k] for k in ("AccessKeyId", "Status", "CreateDate")}]
    assert {"kind": "access-key", "owner": created["AccessKeyId"],
            "value": created["AccessKeySecret"]} in emulator.cloud.secrets  # fmt: skip


def test_active_key_can_be_deleted(emulator: Any, admin: Sdk) -> None:
    """No page documents an error for it; the key lies in the recycle bin then."""
    key = key_of(admin, "u")
    admin("DeleteAccessKey", UserName="u", UserAccessKeyId=key[0])

    assert admin("ListAccessKeys", UserName="u")["AccessKeys"]["AccessKey"] == []
    assert list(emulator.cloud.ram.recycled_keys) == [key[0]]


def test_key_of_another_user_is_not_found(admin: Sdk) -> None:
    """The key must be the named user's."""
    key = key_of(admin, "u")
    admin("CreateUser", UserName="v")

    refusal = admin.refusal("DeleteAccessKey", UserName="v", UserAccessKeyId=key[0])

    assert refusal == (404, "EntityNotExist.User.AccessKey")


def test_omitted_user_name_means_the_caller(admin: Sdk) -> None:
    """The administrator lists its own key."""
    own = admin("ListAccessKeys")["AccessKeys"]["AccessKey"]

    assert [key["AccessKeyId"] for key in own] == ["LTAI5tAdministrator00001"]


def test_last_use_is_kept_and_unused_is_said(emulator: Any, admin: Sdk) -> None:
    """N/A before the first call, a date after it."""
    key = key_of(admin, "u")
    asked = {"UserName": "u", "UserAccessKeyId": key[0]}
    before = admin("GetAccessKeyLastUsed", **asked)["AccessKeyLastUsed"]["LastUsedDate"]
    sts(emulator, *key)("GetCallerIdentity")

    after = admin("GetAccessKeyLastUsed", **asked)["AccessKeyLastUsed"]["LastUsedDate"]

    assert before == "N/A"
    assert ISO.fullmatch(after)


def test_group_lends_its_policies_to_its_members(emulator: Any, admin: Sdk) -> None:
    """A member may what the group may, until it leaves."""
    key = key_of(admin, "u")
    admin("CreateGroup", GroupName="readers", Comments="c")
    admin("AttachPolicyToGroup", GroupName="readers", PolicyType="System",
          PolicyName="AliyunRAMReadOnlyAccess")  # fmt: skip
    member = ram(emulator, *key)
    assert member.refusal("ListUsers") == (403, "NoPermission")
    admin("AddUserToGroup", UserName="u", GroupName="readers")

    assert len(member("ListUsers")["Users"]["User"]) == 2
    admin("UpdateGroup", GroupName="readers", NewGroupName="watchers")
    groups = admin("ListGroupsForUser", UserName="u")["Groups"]["Group"]
    users = admin("ListUsersForGroup", GroupName="watchers")["Users"]["User"]
    attached = admin("ListPoliciesForGroup", GroupName="watchers")["Policies"]["Policy"]
    assert ([g["GroupName"] for g in groups], [u["UserName"] for u in users]) == (
        ["watchers"], ["u"],
    )  # fmt: skip
    assert [p["PolicyName"] for p in attached] == ["AliyunRAMReadOnlyAccess"]
    admin("RemoveUserFromGroup", UserName="u", GroupName="watchers")
    assert member.refusal("ListUsers") == (403, "NoPermission")
    admin("DetachPolicyFromGroup", GroupName="watchers", PolicyType="System",
          PolicyName="AliyunRAMReadOnlyAccess")  # fmt: skip
    admin("DeleteGroup", GroupName="watchers")
    assert admin("ListGroups")["Groups"]["Group"] == []


def test_role_is_created_read_changed_and_deleted(admin: Sdk) -> None:
    """Its trust policy is kept as sent; its list has tags."""
    created = admin("CreateRole", RoleName="r", AssumeRolePolicyDocument=TRUST,
                    Description="d", Tag=[{"Key": "k", "Value": "v"}])["Role"]  # fmt: skip
    admin("UpdateRole", RoleName="r", NewMaxSessionDuration=7200, NewDescription="e")
    admin("AttachPolicyToRole", RoleName="r", PolicyType="System", PolicyName="ReadOnlyAccess")

    read = admin("GetRole", RoleName="r")["Role"]
    listed = admin("ListRoles", Tag=[{"Key": "k", "Value": "v"}])["Roles"]["Role"]
    attached = admin("ListPoliciesForRole", RoleName="r")["Policies"]["Policy"]

    assert created["Arn"] == "acs:ram::1234567890123456:role/r"
    assert created["MaxSessionDuration"] == 3600
    assert read["AssumeRolePolicyDocument"] == TRUST
    assert (read["MaxSessionDuration"], read["Description"]) == (7200, "e")
    assert [role["Tags"]["Tag"] for role in listed] == [[{"TagKey": "k", "TagValue": "v"}]]
    assert [p["PolicyName"] for p in attached] == ["ReadOnlyAccess"]
    admin("DetachPolicyFromRole", RoleName="r", PolicyType="System", PolicyName="ReadOnlyAccess")
    admin("DeleteRole", RoleName="r")
    assert admin("ListRoles")["Roles"]["Role"] == []


def test_login_profile_comes_and_goes(emulator: Any, admin: Sdk) -> None:
    """The password is in no state and no history."""
    admin("CreateUser", UserName="u")
    admin("CreateLoginProfile", UserName="u", Password="Very-Secret-1", MFABindRequired=True)
    admin("UpdateLoginProfile", UserName="u", PasswordResetRequired=True)

    profile = admin("GetLoginProfile", UserName="u")["LoginProfile"]

    assert profile["MFABindRequired"] is True
    assert profile["PasswordResetRequired"] is True
    kept = repr(emulator.cloud.ram.users["u"]) + repr(emulator.cloud.history.since())
    assert "Very-Secret-1" not in kept
    admin("DeleteLoginProfile", UserName="u")
    admin("DeleteUser", UserName="u")


def test_mfa_device_is_bound_and_unbound(admin: Sdk) -> None:
    """A device belongs to one user at most, and stays when it is unbound."""
    admin("CreateUser", UserName="u")
    device = admin("CreateVirtualMFADevice", VirtualMFADeviceName="d")["VirtualMFADevice"]
    serial = device["SerialNumber"]
    admin("BindMFADevice", UserName="u", SerialNumber=serial, AuthenticationCode1="123456",
          AuthenticationCode2="123457")  # fmt: skip
    bound = admin("GetUserMFAInfo", UserName="u")["MFADevice"]["SerialNumber"]
    listed = admin("ListVirtualMFADevices")["VirtualMFADevices"]["VirtualMFADevice"]

    unbound = admin("UnbindMFADevice", UserName="u")["MFADevice"]["SerialNumber"]

    assert bound == unbound == serial == "acs:ram::1234567890123456:mfa/d"
    assert listed[0]["User"]["UserName"] == "u"
    admin("DeleteVirtualMFADevice", SerialNumber=serial)
    assert admin("ListVirtualMFADevices")["VirtualMFADevices"]["VirtualMFADevice"] == []


def test_alias_moves_the_default_domain(emulator: Any, admin: Sdk) -> None:
    """`<alias>.onaliyun.com`, and the account id's domain again without one."""
    admin("SetAccountAlias", AccountAlias="my-company")
    alias, domain = admin("GetAccountAlias")["AccountAlias"], emulator.cloud.ram.domain
    admin("ClearAccountAlias")

    assert (alias, domain) == ("my-company", "my-company.onaliyun.com")
    assert admin("GetAccountAlias")["AccountAlias"] == ""
    assert emulator.cloud.ram.domain == "1234567890123456.onaliyun.com"


def test_recycled_name_can_be_barred(emulator: Any, admin: Sdk) -> None:
    """Whether the recycle bin keeps names is a choice."""
    admin("CreateUser", UserName="u")
    admin("DeleteUser", UserName="u")
    emulator.cloud.choices.recycled_user_name_reusable = False

    assert admin.refusal("CreateUser", UserName="u") == (409, "EntityAlreadyExists.User")
    for user in emulator.cloud.ram.recycled_users.values():
        user.recycled_at -= timedelta(days=31)  # the SDK's own clock cannot follow an advance
    assert admin("CreateUser", UserName="u")["User"]["UserName"] == "u"
