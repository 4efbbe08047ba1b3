"""AssumeRole and GetCallerIdentity through the SDK of STS 2015-04-01."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.history import Decision
from emulator.sts import trust
from tests.emulator.sdk import Sdk, allow, deny, key_of, ram, sts

ACCOUNT = "1234567890123456"
ROLE_ARN = f"acs:ram::{ACCOUNT}:role/worker"
ROOT = {"RAM": [f"acs:ram::{ACCOUNT}:root"]}
ASSUME = {"RoleArn": ROLE_ARN, "RoleSessionName": "nightly"}
LIST = allow("ram:ListUsers")


def trusting(principal: dict[str, Any], **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    return json.dumps({"Version": "1", "Statement": [statement]})


@pytest.fixture
def admin(emulator: Any) -> Sdk:
    """The administrator, with the role `worker`, which may list users and trusts the account."""
    client = ram(emulator)
    client("CreateRole", RoleName="worker", AssumeRolePolicyDocument=trusting(ROOT))
    client("CreatePolicy", PolicyName="worker",
           PolicyDocument=json.dumps({"Version": "1", "Statement": [LIST]}))  # fmt: skip
    client("AttachPolicyToRole", RoleName="worker", PolicyType="Custom", PolicyName="worker")
    return client


@pytest.fixture
def caller(emulator: Any, admin: Sdk) -> Sdk:
    """STS as a user who may assume any role."""
    return sts(emulator, *key_of(admin, "u", allow("sts:AssumeRole")))


def as_session(emulator: Any, answer: dict[str, Any], product: Any = ram) -> Sdk:
    credentials = answer["Credentials"]
    client: Sdk = product(
        emulator, credentials["AccessKeyId"], credentials["AccessKeySecret"],
        security_token=credentials["SecurityToken"],
    )  # fmt: skip
    return client


def test_session_may_what_its_role_may(emulator: Any, caller: Sdk) -> None:
    """Not more, not less, and not what the user who assumed it may."""
    answer = caller("AssumeRole", SourceIdentity="alice", **ASSUME)
    session = as_session(emulator, answer)

    assert session("ListUsers")["IsTruncated"] is False
    assert session.refusal("ListRoles") == (403, "NoPermission")
    assert answer["SourceIdentity"] == "alice"
    assert re.fullmatch(r"STS\.[a-zA-Z0-9]+", answer["Credentials"]["AccessKeyId"])
    assert answer["AssumedRoleUser"]["Arn"] == f"{ROLE_ARN}/nightly"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":nightly")


def test_identities_are_told_apart(emulator: Any, caller: Sdk) -> None:
    """A user and a session, without any permission asked."""
    user = caller("GetCallerIdentity")
    session = as_session(emulator, caller("AssumeRole", **ASSUME), sts)("GetCallerIdentity")

    assert (user["IdentityType"], user["Arn"]) == ("RAMUser", f"acs:ram::{ACCOUNT}:user/u")
    assert user["PrincipalId"] == user["UserId"]
    assert session["IdentityType"] == "AssumedRoleUser"
    assert session["Arn"] == f"acs:ram::{ACCOUNT}:assumed-role/worker/nightly"
    assert session["PrincipalId"] == f"{session['RoleId']}:nightly"
    assert "UserId" not in session
    assert emulator.cloud.history.since()[-1]["decisions"] == []


@pytest.mark.parametrize(
    "policy", [[allow("ram:ListGroups")], [LIST, deny("ram:ListUsers")]], ids=["other", "deny"]
)
def test_session_policy_takes_away(
    emulator: Any, caller: Sdk, policy: list[dict[str, Any]]
) -> None:
    """What it does not allow is not allowed; what the role may not, it cannot add."""
    document = json.dumps({"Version": "1", "Statement": policy})
    session = as_session(emulator, caller("AssumeRole", Policy=document, **ASSUME))

    assert session.refusal("ListUsers") == (403, "NoPermission")
    assert session.refusal("ListGroups") == (403, "NoPermission")


def test_session_policy_leaves_what_it_allows(emulator: Any, caller: Sdk) -> None:
    """Role and session policy both allow."""
    document = json.dumps({"Version": "1", "Statement": [LIST]})
    session = as_session(emulator, caller("AssumeRole", Policy=document, **ASSUME))

    assert session("ListUsers")["IsTruncated"] is False


@pytest.mark.parametrize(
    ("principal", "trusted"),
    [
        (ROOT, True),
        ({"RAM": f"acs:ram::{ACCOUNT}:user/u"}, True),
        ({"RAM": f"acs:ram::{ACCOUNT}:user/v"}, False),
        ({"RAM": "acs:ram::9999999999999999:root"}, False),
        ({"Service": "fc.aliyuncs.com"}, False),
        ({"Service": "fc.aliyuncs.com", "RAM": f"acs:ram::{ACCOUNT}:user/u"}, True),
    ],
)
def test_trust_policy_must_name_the_caller(
    admin: Sdk, caller: Sdk, principal: dict[str, Any], trusted: bool
) -> None:
    """A role whose trusted entity is a service is no user's; the account stands for its users."""
    admin("UpdateRole", RoleName="worker", NewAssumeRolePolicyDocument=trusting(principal))

    if trusted:
        assert caller("AssumeRole", **ASSUME)["AssumedRoleUser"]["Arn"]
    else:
        assert caller.refusal("AssumeRole", **ASSUME) == (403, "NoPermission")


def test_identity_policy_must_allow_too(emulator: Any, admin: Sdk) -> None:
    """Trust alone is not enough; the refusal is cited in the history."""
    stranger = sts(emulator, *key_of(admin, "v", allow("sts:AssumeRole", on=[
        f"acs:ram:*:{ACCOUNT}:role/other"])))  # fmt: skip

    assert stranger.refusal("AssumeRole", **ASSUME) == (403, "NoPermission")
    assert emulator.cloud.history.since()[-1]["decisions"] == [
        {"action": "sts:AssumeRole", "resource": f"acs:ram:*:{ACCOUNT}:role/worker",
         "effect": "ImplicitDeny", "policy": "", "statement": -1},
    ]  # fmt: skip


def test_both_deciding_policies_are_cited(emulator: Any, caller: Sdk) -> None:
    """First the identity's, then the trust policy."""
    caller("AssumeRole", **ASSUME)

    decisions = emulator.cloud.history.since()[-1]["decisions"]

    assert [d["policy"] for d in decisions] == ["Custom:u-policy", "Trust:worker"]


def test_external_id_condition_is_kept(admin: Sdk, caller: Sdk) -> None:
    """sts:ExternalId in the trust policy."""
    condition = {"StringEquals": {"sts:ExternalId": "abc"}}
    admin("UpdateRole", RoleName="worker",
          NewAssumeRolePolicyDocument=trusting(ROOT, Condition=condition))  # fmt: skip

    assert caller.refusal("AssumeRole", **ASSUME) == (403, "NoPermission")
    assert caller.refusal("AssumeRole", ExternalId="abd", **ASSUME) == (403, "NoPermission")
    assert caller("AssumeRole", ExternalId="abc", **ASSUME)["Credentials"]


def test_duration_is_kept_within_the_roles(emulator: Any, admin: Sdk, caller: Sdk) -> None:
    """900 seconds to the role's own maximum, 3,600 unless given."""
    admin("UpdateRole", RoleName="worker", NewMaxSessionDuration=7200)

    for asked, seconds in (({}, 3600), ({"DurationSeconds": 900}, 900),
                           ({"DurationSeconds": 7200}, 7200)):  # fmt: skip
        expiration = caller("AssumeRole", **ASSUME, **asked)["Credentials"]["Expiration"]
        expires = datetime.strptime(expiration, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
        assert expires.timestamp() - emulator.cloud.clock.time() == pytest.approx(seconds, abs=2)
    assert caller.refusal("AssumeRole", **ASSUME, DurationSeconds=7201) == (
        400, "InvalidParameter.DurationSeconds",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"RoleArn": None}, 400, "MissingRoleArn"),
        ({"RoleArn": "worker"}, 400, "InvalidParameter.RoleArn"),
        ({"RoleArn": f"acs:ram::{ACCOUNT}:user/worker"}, 400, "InvalidParameter.RoleArn"),
        ({"RoleArn": f"acs:ram::{ACCOUNT}:role/none"}, 404, "EntityNotExist.Role"),
        ({"RoleArn": "acs:ram::9999999999999999:role/worker"}, 404, "EntityNotExist.Role"),
        ({"RoleSessionName": None}, 400, "MissingRoleSessionName"),
        ({"RoleSessionName": "a"}, 400, "InvalidParameter.RoleSessionName"),
        ({"RoleSessionName": "a" * 65}, 400, "InvalidParameter.RoleSessionName"),
        ({"RoleSessionName": "a b"}, 400, "InvalidParameter.RoleSessionName"),
        ({"DurationSeconds": 899}, 400, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": 3601}, 400, "InvalidParameter.DurationSeconds"),
        ({"DurationSeconds": -1}, 400, "InvalidParameter.DurationSeconds"),
        ({"Policy": "{}"}, 400, "InvalidParameter.PolicyGrammar"),
        ({"Policy": "[" * 2000}, 400, "InvalidParameter.PolicyGrammar"),
        ({"Policy": " " * 2049}, 400, "InvalidParameter.PolicySize"),
        ({"ExternalId": "x"}, 400, "InvalidParameter.ExternalId"),
        ({"SourceIdentity": "a b"}, 400, "InvalidParameter.SourceIdentity"),
    ],
)
def test_bad_assumption_is_refused(
    caller: Sdk, changes: dict[str, Any], status: int, code: str
) -> None:
    """Each parameter has its documented code."""
    parameters = {k: v for k, v in (ASSUME | changes).items() if v is not None}

    assert caller.refusal("AssumeRole", **parameters) == (status, code)


def test_account_itself_may_not_assume_roles(emulator: Any, admin: Sdk) -> None:
    """Root is refused, and told so."""
    from Tea.exceptions import TeaException

    from emulator.ram.state import AccessKey

    now = emulator.cloud.clock.now()
    emulator.cloud.ram.keys["LTAIroot"] = AccessKey(
        "LTAIroot", "root-secret", ACCOUNT, created_at=now, updated_at=now,
        status_since=[(0.0, "Active")],
    )  # fmt: skip
    root = sts(emulator, "LTAIroot", "root-secret")
    identity = root("GetCallerIdentity")

    with pytest.raises(TeaException) as raised:
        root("AssumeRole", **ASSUME)

    assert (identity["IdentityType"], identity["Arn"], identity["UserId"]) == (
        "Account", f"acs:ram::{ACCOUNT}:root", ACCOUNT,
    )  # fmt: skip
    assert raised.value.code == "NoPermission"
    assert "Roles may not be assumed by root accounts." in raised.value.message


def test_session_can_assume_a_further_role(emulator: Any, admin: Sdk, caller: Sdk) -> None:
    """A role named in the trust policy stands for its sessions."""
    admin("CreateRole", RoleName="second",
          AssumeRolePolicyDocument=trusting({"RAM": [ROLE_ARN]}))  # fmt: skip
    admin("AttachPolicyToRole", RoleName="worker", PolicyType="System",
          PolicyName="AliyunSTSAssumeRoleAccess")  # fmt: skip
    first = as_session(emulator, caller("AssumeRole", **ASSUME), sts)
    second_arn = ROLE_ARN.replace("worker", "second")

    chained = first("AssumeRole", RoleArn=second_arn, RoleSessionName="two")

    assert chained["AssumedRoleUser"]["Arn"] == f"{second_arn}/two"
    assert caller.refusal("AssumeRole", RoleArn=second_arn, RoleSessionName="two") == (
        403, "NoPermission",
    )  # fmt: skip


def test_sessions_lose_what_their_role_loses(emulator: Any, admin: Sdk, caller: Sdk) -> None:
    """Policies are read at each call, not at AssumeRole."""
    session = as_session(emulator, caller("AssumeRole", **ASSUME))
    admin("DetachPolicyFromRole", RoleName="worker", PolicyType="Custom", PolicyName="worker")

    assert session.refusal("ListUsers") == (403, "NoPermission")


def test_secrets_of_sessions_are_remembered(emulator: Any, caller: Sdk) -> None:
    """For the leak checks: secret and token of each session."""
    credentials = caller("AssumeRole", **ASSUME)["Credentials"]

    kept = {(s["kind"], s["value"]) for s in emulator.cloud.secrets}
    assert ("sts-secret", credentials["AccessKeySecret"]) in kept
    assert ("sts-token", credentials["SecurityToken"]) in kept


def test_service_is_trusted_only_where_named(emulator: Any, admin: Sdk) -> None:
    """Function Compute asks in its own name."""
    admin("UpdateRole", RoleName="worker",
          NewAssumeRolePolicyDocument=trusting({"Service": ["fc.aliyuncs.com"]}))  # fmt: skip
    role = emulator.cloud.ram.roles["worker"]

    decisions = [trust.of_service(role, name, ROLE_ARN, {})
                 for name in ("fc.aliyuncs.com", "ecs.aliyuncs.com")]  # fmt: skip

    assert decisions == [
        Decision("sts:AssumeRole", ROLE_ARN, "Allow", "Trust:worker", 0),
        Decision("sts:AssumeRole", ROLE_ARN, "ImplicitDeny"),
    ]
