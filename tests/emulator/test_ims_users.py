"""Users by principal name, with their tags, through the SDK of IMS 2019-08-15."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.ram.state import User
from tests.emulator.sdk import Sdk, ims, ram

DOMAIN = "1234567890123456.onaliyun.com"
TAGS = [{"Key": "ticket", "Value": "T-1"}, {"Key": "empty", "Value": ""}]


def upn(name: str) -> str:
    return f"{name}@{DOMAIN}"


@pytest.fixture
def admin(emulator: Any) -> Sdk:
    return ims(emulator)


@pytest.fixture
def user_id(admin: Sdk) -> str:
    """The id of a new user `u` with two tags."""
    created = admin("CreateUser", UserPrincipalName=upn("u"), DisplayName="U", Tag=TAGS)
    return str(created["User"]["UserId"])


def test_user_is_created_with_its_tags_in_one_call(admin: Sdk, user_id: str) -> None:
    """Tags come back doubly nested, empty values included."""
    read = admin("GetUser", UserPrincipalName=upn("u"))["User"]

    assert (read["UserId"], read["UserName"]) == (user_id, "u")
    assert read["Tags"]["Tag"] == [
        {"TagKey": "ticket", "TagValue": "T-1"}, {"TagKey": "empty", "TagValue": ""},
    ]  # fmt: skip


def test_user_is_found_by_each_selector(emulator: Any, admin: Sdk, user_id: str) -> None:
    """By name, by id, and by the id of a key: the owner of a leaked one."""
    key = admin("CreateAccessKey", UserPrincipalName=upn("u"))["AccessKey"]["AccessKeyId"]

    selectors = ({"UserPrincipalName": upn("u")}, {"UserId": user_id}, {"UserAccessKeyId": key})
    found = [admin("GetUser", **selector)["User"]["UserId"] for selector in selectors]

    assert found == [user_id] * 3


def test_users_are_listed_with_tags_and_filtered(admin: Sdk, user_id: str) -> None:
    """By tag (an empty value matches any) and by status; active ones unless asked."""
    admin("CreateUser", UserPrincipalName=upn("v"), DisplayName="V")

    def names(**asked: Any) -> list[str]:
        users = admin("ListUsers", **asked)["Users"]["User"]
        return [user["UserPrincipalName"].split("@")[0] for user in users]

    assert names() == ["administrator", "u", "v"]
    assert names(Tag=[{"Key": "ticket", "Value": "T-1"}]) == ["u"]
    assert names(Tag=[{"Key": "ticket"}]) == ["u"]
    assert names(Tag=[{"Key": "ticket", "Value": "T-2"}]) == []
    assert names(Status="freeze") == []
    assert names(Status="active,freeze") == ["administrator", "u", "v"]


def test_list_has_a_thousand_users_a_page(emulator: Any, admin: Sdk) -> None:
    """MaxItems is 1,000 unless given: 2,500 users are three calls."""
    now = datetime.now(UTC)
    for number in range(2499):
        name = f"user-{number}"
        emulator.cloud.ram.users[name] = User(str(number), name, created_at=now, updated_at=now)

    sizes, marker = [], {}
    while True:
        page = admin("ListUsers", **marker)
        sizes.append(len(page["Users"]["User"]))
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}

    assert sizes == [1000, 1000, 500]


def test_basic_infos_are_listed(admin: Sdk, user_id: str) -> None:
    """The short form of the list."""
    found = admin("ListUserBasicInfos", Tag=TAGS)["UserBasicInfos"]["UserBasicInfo"]

    assert found == [{"UserId": user_id, "DisplayName": "U", "Status": "active",
                      "UserPrincipalName": upn("u")}]  # fmt: skip


def test_user_is_renamed_by_id(admin: Sdk, user_id: str) -> None:
    """The id stays, the principal name changes."""
    changed = admin("UpdateUser", UserId=user_id, NewUserPrincipalName=upn("w"),
                    NewDisplayName="W")["User"]  # fmt: skip

    assert (changed["UserId"], changed["UserPrincipalName"]) == (user_id, upn("w"))
    assert admin.refusal("GetUser", UserPrincipalName=upn("u")) == (404, "EntityNotExist.User")


def test_tags_are_added_listed_and_taken_by_id_or_name(admin: Sdk, user_id: str) -> None:
    """`ResourceId.N` or `ResourcePrincipalName.N`."""
    admin("TagResources", ResourceType="user", ResourceId=[user_id],
          Tag=[{"Key": "new", "Value": "1"}, {"Key": "ticket", "Value": "T-2"}])  # fmt: skip
    admin("UntagResources", ResourceType="user", ResourcePrincipalName=[upn("u")],
          TagKey=["empty"])  # fmt: skip
    first = admin("ListTagResources", ResourceType="user", ResourceId=[user_id], PageSize=1)
    second = admin("ListTagResources", ResourceType="user", PageSize=1,
                   NextToken=first["NextToken"])  # fmt: skip

    rows = first["TagResources"]["TagResource"] + second["TagResources"]["TagResource"]

    assert [(r["ResourceId"], r["TagKey"], r["TagValue"]) for r in rows] == [
        (user_id, "new", "1"), (user_id, "ticket", "T-2"),
    ]  # fmt: skip
    assert (first["IsTruncated"], second["IsTruncated"]) == (True, False)
    admin("UntagResources", ResourceType="user", ResourceId=[user_id], All=True)
    left = admin("ListTagResources", ResourceType="user", ResourceId=[user_id])
    assert left["TagResources"]["TagResource"] == []


TWENTY_ONE = [{"Key": f"k{number}", "Value": ""} for number in range(21)]


@pytest.mark.parametrize(
    ("action", "parameters", "status", "code"),
    [
        ("CreateUser", {"UserPrincipalName": upn("a")}, 400, "MissingDisplayName"),
        ("CreateUser", {"DisplayName": "a"}, 400, "MissingUserPrincipalName"),
        ("CreateUser", {"UserPrincipalName": upn("a"), "DisplayName": "a" * 25}, 400,
         "InvalidParameter.DisplayName.Length"),
        ("CreateUser", {"UserPrincipalName": "a@example.com", "DisplayName": "a"}, 400,
         "InvalidParameter.UserPrincipalName.Format"),
        ("CreateUser", {"UserPrincipalName": upn("a b"), "DisplayName": "a"}, 400,
         "InvalidParameter.UserPrincipalName.InvalidChars"),
        ("CreateUser", {"UserPrincipalName": upn("a" * 65), "DisplayName": "a"}, 400,
         "InvalidParameter.UserPrincipalName.Length"),
        ("CreateUser", {"UserPrincipalName": upn("u"), "DisplayName": "a"}, 409,
         "EntityAlreadyExists.User"),
        ("CreateUser", {"UserPrincipalName": upn("a"), "DisplayName": "a", "Tag": TWENTY_ONE}, 409,
         "LimitExceeded.Tag"),
        ("CreateUser", {"UserPrincipalName": upn("a"), "DisplayName": "a",
                        "Tag": [{"Key": "k", "Value": "v" * 129}]}, 400,
         "InvalidParameter.TagValue.Length"),
        ("CreateUser", {"UserPrincipalName": upn("a"), "DisplayName": "a",
                        "Tag": [{"Key": "aliyun-k", "Value": "v"}]}, 400,
         "InvalidParameter.TagKey"),
        ("CreateUser", {"UserPrincipalName": upn("a"), "DisplayName": "a",
                        "Tag": [{"Key": "k", "Value": "see http://x"}]}, 400,
         "InvalidParameter.TagValue"),
        ("GetUser", {}, 400, "InvalidParameter"),
        ("GetUser", {"UserPrincipalName": upn("u"), "UserId": "1"}, 400, "InvalidParameter"),
        ("GetUser", {"UserPrincipalName": upn("no")}, 404, "EntityNotExist.User"),
        ("GetUser", {"UserPrincipalName": "u@example.com"}, 404, "EntityNotExist.User"),
        ("GetUser", {"UserPrincipalName": "u"}, 404, "EntityNotExist.User"),
        ("GetUser", {"UserId": "1"}, 404, "EntityNotExist.User"),
        ("GetUser", {"UserAccessKeyId": "no"}, 404, "EntityNotExist.User.AccessKey"),
        ("ListUsers", {"Status": "gone"}, 400, "InvalidParameter.Status"),
        ("ListUsers", {"MaxItems": 1001}, 400, "InvalidParameter"),
        ("UpdateUser", {"UserPrincipalName": upn("u"), "NewUserPrincipalName": "u@x"}, 400,
         "InvalidParameter.UserPrincipalName.Format"),
        ("TagResources", {"ResourceType": "user", "ResourceId": ["1"],
                          "ResourcePrincipalName": [upn("u")],
                          "Tag": [{"Key": "k", "Value": "v"}]}, 400, "InvalidParameter"),
        ("TagResources", {"ResourceType": "group", "ResourcePrincipalName": [upn("u")],
                          "Tag": [{"Key": "k", "Value": "v"}]}, 400,
         "InvalidParameter.ResourceType"),
        ("TagResources", {"ResourceType": "user", "ResourcePrincipalName": [upn("u")]}, 400,
         "MissingTag.1.Key"),
        ("TagResources", {"ResourceType": "user", "ResourcePrincipalName": [upn("u")] * 51,
                          "Tag": [{"Key": "k", "Value": "v"}]}, 400,
         "InvalidParameter.ResourcePrincipalName.Length"),
        ("TagResources", {"ResourceType": "user", "ResourceId": ["1"],
                          "Tag": [{"Key": "k", "Value": "v"}]}, 404, "EntityNotExist.User"),
        ("ListTagResources", {"ResourceType": "user", "NextToken": "???"}, 400,
         "InvalidParameter.NextToken"),
    ],
)  # fmt: skip
def test_bad_call_is_refused(
    admin: Sdk, user_id: str, action: str, parameters: dict[str, Any], status: int, code: str
) -> None:
    """IMS answers with the codes of RAM's family."""
    assert admin.refusal(action, **parameters) == (status, code)


def test_twenty_tags_are_accepted(admin: Sdk) -> None:
    """The quota itself is not over it."""
    created = admin("CreateUser", UserPrincipalName=upn("a"), DisplayName="a", Tag=TWENTY_ONE[:20])

    assert len(created["User"]["Tags"]["Tag"]) == 20


def test_groups_logins_and_devices_go_by_principal_name(
    emulator: Any, admin: Sdk, user_id: str
) -> None:
    """The same state as RAM's, addressed IMS's way."""
    device = ram(emulator)("CreateVirtualMFADevice", VirtualMFADeviceName="d")["VirtualMFADevice"]
    ram(emulator)("CreateGroup", GroupName="g")
    who = {"UserPrincipalName": upn("u")}
    admin("AddUserToGroup", GroupName="g", **who)
    admin("CreateLoginProfile", Password="long-enough-1", Status="Inactive", **who)
    before = admin("GetUserMFAInfo", **who)
    admin("BindMFADevice", SerialNumber=device["SerialNumber"], AuthenticationCode1="123456",
          AuthenticationCode2="123456", **who)  # fmt: skip

    groups = admin("ListGroupsForUser", **who)["Groups"]["Group"]
    profile = admin("UpdateLoginProfile", Status="Active", **who)["LoginProfile"]

    assert [group["GroupName"] for group in groups] == ["g"]
    assert (profile["UserPrincipalName"], profile["Status"]) == (upn("u"), "Active")
    assert admin("GetLoginProfile", **who)["LoginProfile"]["Status"] == "Active"
    assert before["IsMFAEnable"] is False
    assert admin("GetUserMFAInfo", **who)["IsMFAEnable"] is True
    admin("UnbindMFADevice", **who)
    admin("DeleteLoginProfile", **who)
    admin("RemoveUserFromGroup", GroupName="g", **who)
    admin("DeleteUser", **who)


def test_deletion_is_refused_or_cascades_by_choice(
    emulator: Any, admin: Sdk, user_id: str
) -> None:
    """Which of the two IMS does is not documented."""
    key = admin("CreateAccessKey", UserPrincipalName=upn("u"))["AccessKey"]["AccessKeyId"]
    refusal = admin.refusal("DeleteUser", UserId=user_id)
    emulator.cloud.choices.ims_delete_user_cascades = True

    admin("DeleteUser", UserId=user_id)

    assert refusal == (409, "DeleteConflict.User.AccessKey")
    recycled = admin("GetAccessKeyInfoInRecycleBin", UserAccessKeyId=key)["AccessKey"]
    assert (recycled["UserId"], recycled["UserRecycled"]) == (user_id, True)
