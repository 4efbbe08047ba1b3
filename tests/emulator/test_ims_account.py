"""The account as IMS sees it: summary, domain, preference, credential report."""

from __future__ import annotations

import base64
import csv
from datetime import timedelta
from typing import Any

import pytest

from tests.emulator.sdk import Sdk, ims, key_of, ram


@pytest.fixture
def admin(emulator: Any) -> Sdk:
    return ims(emulator)


def test_summary_counts_and_shows_the_quotas_that_are_enforced(
    emulator: Any, admin: Sdk
) -> None:
    """Counts follow; quotas are those of the limits page."""
    key_of(ram(emulator), "u")

    summary = admin("GetAccountSummary")["SummaryMap"]

    assert summary.items() >= {
        "Users": 2, "UsersQuota": 5000, "Policies": 0, "PoliciesQuota": 1500,
        "AccessKeysPerUserQuota": 2, "AttachedPoliciesPerUserQuota": 10,
        "AttachedSystemPoliciesPerUserQuota": 20, "VersionsPerPolicyQuota": 5,
        "PolicySizeQuota": 6144, "GroupsPerUserQuota": 10,
    }.items()  # fmt: skip


def test_default_domain_is_the_account_id(admin: Sdk) -> None:
    """Until an alias is set."""
    assert admin("GetDefaultDomain")["DefaultDomainName"] == "1234567890123456.onaliyun.com"


def test_preference_has_idle_days_and_is_shared_with_ram(emulator: Any, admin: Sdk) -> None:
    """730 unless set to one of four; RAM reads the same switches."""
    before = admin("GetSecurityPreference")["SecurityPreference"]["MaxIdleDays"]
    admin("SetSecurityPreference", MaxIdleDaysForAccessKeys=90, AllowUserToManageAccessKeys=True)
    after = admin("GetSecurityPreference")["SecurityPreference"]["MaxIdleDays"]
    shared = ram(emulator)("GetSecurityPreference")["SecurityPreference"]

    assert before == {"MaxIdleDaysForAccessKeys": 730, "MaxIdleDaysForUsers": 730}
    assert after == {"MaxIdleDaysForAccessKeys": 90, "MaxIdleDaysForUsers": 730}
    assert shared["AccessKeyPreference"]["AllowUserToManageAccessKeys"] is True
    assert admin.refusal("SetSecurityPreference", MaxIdleDaysForUsers=91) == (
        400, "InvalidParameter.MaxIdleDaysForUsers",
    )  # fmt: skip


RULES: dict[str, Any] = {
    "MinimumPasswordLength": 14, "RequireLowercaseCharacters": True,
    "RequireUppercaseCharacters": True, "RequireNumbers": True, "RequireSymbols": True,
    "MaxPasswordAge": 365, "PasswordReusePrevention": 5, "MaxLoginAttemps": 5,
}  # fmt: skip


def test_password_policy_is_one_under_two_names(emulator: Any, admin: Sdk) -> None:
    """RAM sets its rules, IMS shows them beside its own, and what is left out is the default."""
    admin("SetPasswordPolicy", PasswordNotContainUserName=True, InitialPasswordAge=7)
    old = ram(emulator)
    shown = old("SetPasswordPolicy", HardExpiry=True, **RULES)["PasswordPolicy"]

    assert shown == RULES | {"HardExpiry": True}
    assert admin("GetPasswordPolicy")["PasswordPolicy"] == RULES | {
        "HardExpire": True, "PasswordNotContainUserName": True, "InitialPasswordAge": 7,
        "MinimumPasswordDifferentCharacter": 0, "InterceptRiskPasswordOnApi": False,
    }  # fmt: skip
    old("SetPasswordPolicy", MaxLoginAttemps=3)
    assert old("GetPasswordPolicy")["PasswordPolicy"] == {
        "MinimumPasswordLength": 8, "RequireLowercaseCharacters": False,
        "RequireUppercaseCharacters": False, "RequireNumbers": False, "RequireSymbols": False,
        "MaxPasswordAge": 0, "PasswordReusePrevention": 0, "MaxLoginAttemps": 3,
        "HardExpiry": False,
    }  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [
    ("MinimumPasswordLength", 7), ("MinimumPasswordLength", 33), ("MaxPasswordAge", 1096),
    ("PasswordReusePrevention", 25), ("MaxLoginAttemps", 33),
    ("MinimumPasswordDifferentCharacter", 9), ("InitialPasswordAge", 91),
])  # fmt: skip
def test_password_rules_have_limits(admin: Sdk, name: str, value: int) -> None:
    """Nothing is set then."""
    assert admin.refusal("SetPasswordPolicy", **{name: value}) == (
        400, f"InvalidParameter.{name}")  # fmt: skip
    assert admin("GetPasswordPolicy")["PasswordPolicy"]["MinimumPasswordLength"] == 8


@pytest.mark.parametrize("password", [
    "Short-enough1", "no-upper-case-1", "NO-LOWER-CASE-1", "No-number-there", "NoSymbolThere123",
    "Of-the-user-u-123", "Aa1-" * 9,
])  # fmt: skip
def test_weak_password_is_refused(emulator: Any, admin: Sdk, password: str) -> None:
    """By every rule that can be seen in a password itself."""
    admin("SetPasswordPolicy", PasswordNotContainUserName=True, **RULES)
    client = ram(emulator)
    client("CreateUser", UserName="the-user-u")

    given = {"UserName": "the-user-u", "Password": password}
    assert client.refusal("CreateLoginProfile", **given) == (
        400, "InvalidParameter.Password.TooWeak")  # fmt: skip
    client("CreateLoginProfile", UserName="the-user-u", Password="Good-enough-by-1-rule")


def rows_of(*contents: str) -> list[dict[str, str]]:
    lines = [line for c in contents for line in base64.b64decode(c).decode().split("\n")]
    return list(csv.DictReader(lines))


def test_report_has_a_row_for_each_user(emulator: Any, admin: Sdk) -> None:
    """Root first; a key that is there and one that is not are told apart."""
    key_of(ram(emulator), "u")
    ram(emulator)("CreateLoginProfile", UserName="u", Password="long-enough-1")
    state = admin("GenerateCredentialReport")["State"]

    report = admin("GetCredentialReport")

    rows = {row["user"].split("@")[0]: row for row in rows_of(report["Content"])}
    assert (state, report["IsTruncated"]) == ("STARTED", "false")
    assert list(rows) == ["<root>", "administrator", "u"]
    assert rows["u"].items() >= {
        "password_exist": "TRUE", "mfa_active": "FALSE", "access_key_1_exist": "TRUE",
        "access_key_1_active": "TRUE", "access_key_1_last_used": "-",
        "access_key_2_exist": "FALSE", "access_key_2_last_used": "N/A",
    }.items()  # fmt: skip
    assert rows["administrator"]["password_active"] == "N/A"


def test_report_takes_a_while_and_lasts_four_hours(emulator: Any, admin: Sdk) -> None:
    """STARTED, INPROGRESS, COMPLETED; a new one only after four hours."""
    emulator.cloud.choices.credential_report_seconds = 60.0
    missing = admin.refusal("GetCredentialReport")
    states = [admin("GenerateCredentialReport")["State"] for _ in range(2)]
    unfinished = admin.refusal("GetCredentialReport")
    emulator.cloud.clock.advance(61)
    states.append(admin("GenerateCredentialReport")["State"])
    emulator.cloud.ram.credential_report.started_at -= timedelta(hours=4)
    states.append(admin("GenerateCredentialReport")["State"])

    assert states == ["STARTED", "INPROGRESS", "COMPLETED", "STARTED"]
    assert missing == unfinished == (404, "EntityNotExist.CredentialReport")


def test_pages_of_the_report_are_the_whole_report(emulator: Any, admin: Sdk) -> None:
    """MaxItems is a string here, IsTruncated a word."""
    for number in range(3):
        ram(emulator)("CreateUser", UserName=f"u{number}")
    admin("GenerateCredentialReport")
    whole = admin("GetCredentialReport")["Content"]
    first = admin("GetCredentialReport", MaxItems="4")
    second = admin("GetCredentialReport", MaxItems="4", NextToken=first["NextToken"])

    assert (first["IsTruncated"], second["IsTruncated"]) == ("true", "false")
    assert rows_of(first["Content"], second["Content"]) == rows_of(whole)
    for bad in ("?", "OTk5OQ=="):
        assert admin.refusal("GetCredentialReport", NextToken=bad) == (
            400, "InvalidParameter.NextToken",
        )  # fmt: skip
    assert admin.refusal("GetCredentialReport", MaxItems="3502") == (400, "InvalidParameter")


def test_practice_report_counts_old_and_unused_keys(emulator: Any, admin: Sdk) -> None:
    """Keys of users older than 90 days; unused ones only while they are Active."""
    for name in ("u", "v"):
        key = key_of(ram(emulator), name)[0]
        emulator.cloud.ram.keys[key].created_at -= timedelta(days=91)
    ram(emulator)("UpdateAccessKey", UserName="v", UserAccessKeyId=key, Status="Inactive")

    info = admin("GetAccountSecurityPracticeReport")["AccountSecurityPracticeInfo"]

    assert info["AccountSecurityPracticeUserInfo"].items() >= {
        "SubUser": 3, "OldAkNum": 2, "UnusedAkNum": 1, "SubUserWithOldAccessKey": 2,
    }.items()  # fmt: skip
    assert info["Score"] < 100
