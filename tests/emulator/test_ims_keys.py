"""AccessKeys by principal name, their network policies and recycle bins."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.emulator.sdk import Sdk, ims, key_of, ram, sts

ACCOUNT = "1234567890123456"
WHO = {"UserPrincipalName": f"u@{ACCOUNT}.onaliyun.com"}


def policy(*addresses: str, status: str = "Active") -> str:
    return json.dumps({"Status": status, "Statements": [
        {"Type": "ClassicWhiteList", "IPList": list(addresses)}]})  # fmt: skip


@pytest.fixture
def admin(emulator: Any) -> Sdk:
    return ims(emulator)


@pytest.fixture
def key(emulator: Any) -> tuple[str, str]:
    return key_of(ram(emulator), "u")


@pytest.fixture
def user_id(admin: Sdk, key: tuple[str, str]) -> str:
    return str(admin("GetUser", **WHO)["User"]["UserId"])


def test_key_lives_through_ims(emulator: Any, admin: Sdk, key: tuple[str, str]) -> None:
    """Create, list (with UpdateDate), disable, last use, delete."""
    made = admin("CreateAccessKey", **WHO)["AccessKey"]
    admin("UpdateAccessKey", UserAccessKeyId=made["AccessKeyId"], Status="Inactive", **WHO)
    listed = admin("ListAccessKeys", **WHO)["AccessKeys"]["AccessKey"]
    unused = admin("GetAccessKeyLastUsed", UserAccessKeyId=key[0], **WHO)["AccessKeyLastUsed"]
    sts(emulator, *key)("GetCallerIdentity")
    used = admin("GetAccessKeyLastUsed", UserAccessKeyId=key[0], **WHO)["AccessKeyLastUsed"]

    assert {k["AccessKeyId"]: k["Status"] for k in listed} == {
        key[0]: "Active", made["AccessKeyId"]: "Inactive",
    }  # fmt: skip
    assert all("UpdateDate" in k for k in listed)
    assert unused == {"LastUsedDate": "N/A", "ServiceName": "N/A"}
    assert used["ServiceName"] == "Sts"
    admin("DeleteAccessKey", UserAccessKeyId=made["AccessKeyId"], **WHO)
    assert admin.refusal("DeleteAccessKey", UserAccessKeyId=made["AccessKeyId"], **WHO) == (
        404, "EntityNotExist.User.AccessKey",
    )  # fmt: skip


def test_account_manages_its_own_keys_without_a_name(emulator: Any, admin: Sdk) -> None:
    """Without a principal name the account's own keys are meant, if the account calls."""
    from emulator.ram.state import AccessKey

    now = emulator.cloud.clock.now()
    emulator.cloud.ram.keys["LTAIroot"] = AccessKey(
        "LTAIroot", "root-secret", ACCOUNT, created_at=now, updated_at=now,
        status_since=[(0.0, "Active")],
    )  # fmt: skip
    root = ims(emulator, "LTAIroot", "root-secret")

    second = root("CreateAccessKey")["AccessKey"]["AccessKeyId"]

    assert root.refusal("CreateAccessKey") == (409, "LimitExceeded.User.AccessKey")
    listed = root("ListAccessKeys")["AccessKeys"]["AccessKey"]
    assert {k["AccessKeyId"] for k in listed} == {"LTAIroot", second}
    report = admin("GetAccountSecurityPracticeReport")["AccountSecurityPracticeInfo"]
    assert report["AccountSecurityPracticeUserInfo"]["RootWithAccessKey"] == 2


def test_network_policy_decides_who_may_use_the_key(
    emulator: Any, admin: Sdk, key: tuple[str, str]
) -> None:
    """Only listed addresses, until it is switched off; the answer is normalised."""
    probe = sts(emulator, *key)
    assert admin("GetAccessKeyPolicy", UserAccessKeyId=key[0], **WHO)["AccessKeyPolicy"] == "{}"
    admin("SetAccessKeyPolicy", UserAccessKeyId=key[0],
          AccessKeyPolicy=policy("203.0.113.0/24", "2001:db8::1"), **WHO)  # fmt: skip
    refusal = probe.refusal("GetCallerIdentity")
    stored = admin("GetAccessKeyPolicy", UserAccessKeyId=key[0], **WHO)["AccessKeyPolicy"]
    off = json.dumps({"Version": 1, "Status": "Inactive", "Statements": []})

    admin("SetAccessKeyPolicy", UserAccessKeyId=key[0], AccessKeyPolicy=off, **WHO)

    assert refusal == (403, "Forbidden.AccessKeyNetworkRestricted")
    assert json.loads(stored) == {"Version": 1, **json.loads(policy("203.0.113.0/24",
                                                                    "2001:db8::1"))}  # fmt: skip
    assert probe("GetCallerIdentity")["IdentityType"] == "RAMUser"


def test_own_network_policy_replaces_the_accounts(
    emulator: Any, admin: Sdk, key: tuple[str, str]
) -> None:
    """Not both: the key's own one alone counts once it is set."""
    own = policy("127.0.0.0/8")
    admin("SetAccessKeyPolicy", UserAccessKeyId="LTAI5tAdministrator00001", AccessKeyPolicy=own)
    probe = sts(emulator, *key)
    admin("SetAccessKeyPolicyForAccount", AccessKeyPolicy=policy("203.0.113.1"))

    assert probe.refusal("GetCallerIdentity") == (403, "Forbidden.AccessKeyNetworkRestricted")
    admin("SetAccessKeyPolicy", UserAccessKeyId=key[0], AccessKeyPolicy=own, **WHO)
    assert probe("GetCallerIdentity")["IdentityType"] == "RAMUser"
    stored = json.loads(admin("GetAccessKeyPolicyForAccount")["AccessKeyPolicy"])
    assert stored["Statements"][0]["IPList"] == ["203.0.113.1"]


def test_network_policy_is_read_and_enforced_late(
    emulator: Any, admin: Sdk, key: tuple[str, str]
) -> None:
    """Set answers with the new one; Get and authentication follow after the delay."""
    choices = emulator.cloud.choices
    choices.key_propagation_min_seconds = choices.key_propagation_max_seconds = 30.0
    asked = {"UserAccessKeyId": key[0], **WHO}
    made = admin("SetAccessKeyPolicy", AccessKeyPolicy=policy("203.0.113.1"), **asked)
    early = admin("GetAccessKeyPolicy", **asked)["AccessKeyPolicy"]
    assert sts(emulator, *key)("GetCallerIdentity")["IdentityType"] == "RAMUser"

    emulator.cloud.clock.advance(31)

    assert early == "{}"
    assert admin("GetAccessKeyPolicy", **asked)["AccessKeyPolicy"] == made["AccessKeyPolicy"]
    assert sts(emulator, *key).refusal("GetCallerIdentity")[0] == 403


STATEMENT = {"Type": "ClassicWhiteList", "IPList": ["192.0.2.1"]}
BAD_POLICIES: list[Any] = [
    "{}", "x", "[]", "[" * 5000, '"x"',
    {"Status": "Active"},
    {"Status": "Active", "Statements": None},
    {"Status": "on", "Statements": []},
    {"Version": 2, "Status": "Active", "Statements": []},
    {"Version": True, "Status": "Active", "Statements": []},
    {"Version": "1", "Status": "Active", "Statements": []},
    {"Status": "Active", "Statements": [STATEMENT], "More": 1},
    {"Status": "Active", "Statements": ["x"]},
    {"Status": "Active", "Statements": [STATEMENT | {"Type": "WhiteList"}]},
    {"Status": "Active", "Statements": [STATEMENT | {"Value": "vpc-1"}]},
    {"Status": "Active", "Statements": [STATEMENT | {"Type": "VPCWhiteList"}]},
    {"Status": "Active", "Statements": [STATEMENT | {"Type": "VPCWhiteList", "Value": "x"}]},
    {"Status": "Active", "Statements": [STATEMENT | {"IPList": []}]},
    {"Status": "Active", "Statements": [STATEMENT | {"IPList": ["300.0.0.1"]}]},
    {"Status": "Active", "Statements": [STATEMENT | {"IPList": [1]}]},
    {"Status": "Active", "Statements": [STATEMENT | {"IPList": ["fe80::1%\ud800"]}]},
    {"Status": "Active", "Statements": [STATEMENT] * 9},
    {"Status": "Active", "Statements": [STATEMENT | {"IPList": ["192.0.2.1"] * 51}]},
]  # fmt: skip


@pytest.mark.parametrize("document", BAD_POLICIES)
def test_malformed_network_policy_is_refused(
    admin: Sdk, key: tuple[str, str], document: Any
) -> None:
    """400, and nothing is stored."""
    text = document if isinstance(document, str) else json.dumps(document)
    asked = {"UserAccessKeyId": key[0], **WHO}

    refusal = admin.refusal("SetAccessKeyPolicy", AccessKeyPolicy=text, **asked)

    assert refusal == (400, "InvalidParameter.AccessKeyPolicy")
    assert admin("GetAccessKeyPolicy", **asked)["AccessKeyPolicy"] == "{}"


def test_vpc_statement_is_kept_and_lets_nobody_in(
    emulator: Any, admin: Sdk, key: tuple[str, str]
) -> None:
    """Calls to this cloud never come from a VPC."""
    statement = {"Type": "VPCWhiteList", "Value": "AllowAllVPC", "IPList": ["0.0.0.0/0"]}
    text = json.dumps({"Status": "Active", "Statements": [statement]})
    admin("SetAccessKeyPolicy", UserAccessKeyId=key[0], AccessKeyPolicy=text, **WHO)

    assert sts(emulator, *key).refusal("GetCallerIdentity")[0] == 403


def test_recycled_key_is_described_and_restored(
    emulator: Any, admin: Sdk, key: tuple[str, str], user_id: str
) -> None:
    """It comes back disabled, and works again once enabled: deleted is not gone."""
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    listed = admin("ListAccessKeysInRecycleBin", UserId=user_id)["AccessKeys"]["AccessKey"]
    info = admin("GetAccessKeyInfoInRecycleBin", UserAccessKeyId=key[0])["AccessKey"]
    admin("RestoreAccessKeyFromRecycleBin", UserId=user_id, UserAccessKeyId=key[0])
    status = admin("ListAccessKeys", **WHO)["AccessKeys"]["AccessKey"][0]["Status"]
    disabled = sts(emulator, *key).refusal("GetCallerIdentity")
    admin("UpdateAccessKey", UserAccessKeyId=key[0], Status="Active", **WHO)

    assert [k["AccessKeyId"] for k in listed] == [key[0]]
    days = [datetime.strptime(listed[0][d], "%Y-%m-%dT%H:%M:%SZ")
            for d in ("RecycleDate", "DeleteDate")]  # fmt: skip
    assert days[1] - days[0] == timedelta(days=30)
    assert (info["UserId"], info["UserRecycled"]) == (user_id, False)
    assert info["UserPrincipalName"] == WHO["UserPrincipalName"]
    assert (status, disabled) == ("Inactive", (400, "InvalidAccessKeyId.Inactive"))
    assert sts(emulator, *key)("GetCallerIdentity")["UserId"] == user_id


def test_bin_holds_three_keys_and_drops_the_oldest(
    admin: Sdk, key: tuple[str, str], user_id: str
) -> None:
    """The fourth deletion purges the first key for good."""
    deleted = [key[0]]
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    for _ in range(3):
        made = admin("CreateAccessKey", **WHO)["AccessKey"]["AccessKeyId"]
        admin("DeleteAccessKey", UserAccessKeyId=made, **WHO)
        deleted.append(made)

    listed = admin("ListAccessKeysInRecycleBin", UserId=user_id)["AccessKeys"]["AccessKey"]

    assert [k["AccessKeyId"] for k in listed] == deleted[1:]


def test_bin_of_one_user_is_not_anothers(
    emulator: Any, admin: Sdk, key: tuple[str, str], user_id: str
) -> None:
    """Three keys per user: a neighbour's deletions push nothing out, and are not shown."""
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    for _ in range(3):
        admin("DeleteAccessKey", UserAccessKeyId=admin("CreateAccessKey")["AccessKey"][
            "AccessKeyId"])  # fmt: skip

    listed = admin("ListAccessKeysInRecycleBin", UserId=user_id)["AccessKeys"]["AccessKey"]

    assert [k["AccessKeyId"] for k in listed] == [key[0]]
    assert len(admin("ListAccessKeysInRecycleBin")["AccessKeys"]["AccessKey"]) == 3


@pytest.mark.parametrize("action", ["CreateAccessKey", "ListAccessKeys", "DeleteLoginProfile"])
@pytest.mark.parametrize("name", ["u", "u@example.com", f"u@{ACCOUNT}.onaliyun.com.cn"])
def test_name_outside_the_default_domain_is_nobody(
    admin: Sdk, key: tuple[str, str], action: str, name: str
) -> None:
    """A user of that bare name is not meant."""
    assert admin.refusal(action, UserPrincipalName=name) == (404, "EntityNotExist.User")


def test_keys_in_the_bin_expire(emulator: Any, admin: Sdk, key: tuple[str, str],
                                user_id: str) -> None:  # fmt: skip
    """After 30 days nothing is left to restore."""
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    emulator.cloud.ram.recycled_keys[key[0]].recycled_at -= timedelta(days=30)

    listed = admin("ListAccessKeysInRecycleBin", UserId=user_id)["AccessKeys"]["AccessKey"]

    assert listed == []


def test_purged_key_cannot_be_restored(admin: Sdk, key: tuple[str, str], user_id: str) -> None:
    """DeleteAccessKeyInRecycleBin is the end."""
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    admin("DeleteAccessKeyInRecycleBin", UserId=user_id, UserAccessKeyId=key[0])

    for action in ("RestoreAccessKeyFromRecycleBin", "DeleteAccessKeyInRecycleBin"):
        refusal = admin.refusal(action, UserId=user_id, UserAccessKeyId=key[0])
        assert refusal == (404, "EntityNotExist.User.AccessKey")
    assert admin.refusal("GetAccessKeyInfoInRecycleBin", UserAccessKeyId=key[0])[0] == 404


def test_restoring_a_third_key_is_refused(
    admin: Sdk, key: tuple[str, str], user_id: str
) -> None:
    """The bin does not count against the quota; a restored key does."""
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    for _ in range(2):
        admin("CreateAccessKey", **WHO)

    refusal = admin.refusal(
        "RestoreAccessKeyFromRecycleBin", UserId=user_id, UserAccessKeyId=key[0]
    )

    assert refusal == (409, "LimitExceeded.User.AccessKey")


def test_recycled_user_is_found_and_restored_without_rights(
    admin: Sdk, key: tuple[str, str], user_id: str
) -> None:
    """By id, by the id of one of its keys, and by filter."""
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    admin("DeleteUser", UserId=user_id)
    name = WHO["UserPrincipalName"]
    listed = admin("ListUsersInRecycleBin", Filter=f"UserPrincipalName eq {name}")["Users"]["User"]
    others = admin("ListUsersInRecycleBin", Filter=f"UserPrincipalName eq x{name}")["Users"]["User"]
    by_key = admin("GetUserInRecycleBin", UserAccessKeyId=key[0])["User"]["UserId"]
    orphan = admin.refusal(
        "RestoreAccessKeyFromRecycleBin", UserId=user_id, UserAccessKeyId=key[0]
    )
    admin("RestoreUserFromRecycleBin", UserId=user_id)

    assert ([u["UserId"] for u in listed], others, by_key) == ([user_id], [], user_id)
    assert orphan == (404, "EntityNotExist.User")
    assert admin("GetUser", **WHO)["User"]["UserId"] == user_id
    assert admin("ListAccessKeys", **WHO)["AccessKeys"]["AccessKey"] == []
    admin("RestoreAccessKeyFromRecycleBin", UserId=user_id, UserAccessKeyId=key[0])


def test_user_is_not_restored_over_a_namesake(admin: Sdk, key: tuple[str, str],
                                              user_id: str) -> None:  # fmt: skip
    """A refused restoration leaves the user in the bin."""
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    admin("DeleteUser", UserId=user_id)
    admin("CreateUser", DisplayName="again", **WHO)

    refusal = admin.refusal("RestoreUserFromRecycleBin", UserId=user_id)

    assert refusal == (409, "EntityAlreadyExists.User")
    assert admin("GetUserInRecycleBin", UserId=user_id)["User"]["UserId"] == user_id


def test_purged_user_takes_its_keys_along(admin: Sdk, key: tuple[str, str], user_id: str) -> None:
    """Nothing of it can come back."""
    admin("DeleteAccessKey", UserAccessKeyId=key[0], **WHO)
    admin("DeleteUser", UserId=user_id)
    admin("DeleteUserInRecycleBin", UserId=user_id)

    assert admin.refusal("GetUserInRecycleBin", UserId=user_id) == (404, "EntityNotExist.User")
    assert admin.refusal("GetAccessKeyInfoInRecycleBin", UserAccessKeyId=key[0])[0] == 404
    assert admin.refusal("ListAccessKeysInRecycleBin", UserId=user_id)[0] == 404


@pytest.mark.parametrize(
    ("action", "parameters", "code"),
    [
        ("ListUsersInRecycleBin", {"MaxItems": 101}, "InvalidParameter"),
        ("ListUsersInRecycleBin", {"Filter": "UserId eq 1"}, "InvalidParameter.Filter.Format"),
        ("GetUserInRecycleBin", {}, "InvalidParameter"),
        ("RestoreUserFromRecycleBin", {}, "MissingUserId"),
        ("RestoreAccessKeyFromRecycleBin", {"UserId": "1"}, "MissingUserAccessKeyId"),
    ],
)
def test_bad_call_of_the_bins_is_refused(
    admin: Sdk, action: str, parameters: dict[str, Any], code: str
) -> None:
    """400 before anything is looked up."""
    assert admin.refusal(action, **parameters) == (400, code)
