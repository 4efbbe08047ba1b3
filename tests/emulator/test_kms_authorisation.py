"""Who may do what with secrets: identity policies, secret policies, sessions and keys."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alibabacloud_kms20160120 import models as m

from tests.emulator.kms_scenario import (
    ACCOUNT,
    INSTANCE,
    KEY,
    KEY_ARN,
    NAME,
    ON_KEY,
    SECRET_ARN,
    VALUE,
    a_session,
    a_user,
    allow,
    client,
    create,
    delete,
    deny,
    get,
    put,
    refused,
    stages,
)

ALICE = f"acs:ram::{ACCOUNT}:user/alice"
READER = f"acs:ram::{ACCOUNT}:role/reader"
DENIED = (403, "Forbidden.NoPermission")


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "1", "Statement": list(statements)})


def statement(principal: str, action: str, effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Principal": {"RAM": [principal]}, "Action": [action],
            "Resource": ["*"]}  # fmt: skip


def set_policy(sdk: Any, text: str, **more: Any) -> Any:
    request = m.SetSecretPolicyRequest(secret_name=NAME, policy=text, **more)
    return sdk.set_secret_policy(request)


def last_decision(emulator: Any) -> dict[str, Any]:
    return emulator.cloud.history.since()[-1]["decisions"][-1]  # type: ignore[no-any-return]


def test_denial_says_nothing_but_no(emulator: Any) -> None:
    """The refusal has KMS's one text; the history knows action and resource."""
    create(client(emulator))
    alice = client(emulator, a_user(emulator, "alice"))

    with refused(*DENIED) as caught:
        get(alice)

    assert "This operation is forbidden by permission system." in caught.value.message
    decision = last_decision(emulator)
    assert (decision["action"], decision["resource"], decision["effect"]) == (
        "kms:GetSecretValue", f"{SECRET_ARN}/{NAME}", "ImplicitDeny",
    )  # fmt: skip


def test_permission_is_asked_before_existence_is_told(emulator: Any) -> None:
    """Who may not read a secret does not learn whether it is there."""
    alice = client(emulator, a_user(emulator, "alice", allow("kms:*", f"{SECRET_ARN}/mine/*")))

    with refused(*DENIED):
        get(alice, "other")
    with refused(404, "Forbidden.ResourceNotFound"):
        get(alice, "mine/one")


def test_create_is_asked_about_the_container(emulator: Any) -> None:
    """A right on named secrets creates nothing; the right on the container creates any name."""
    narrow = a_user(emulator, "narrow", allow("kms:*", f"{SECRET_ARN}/broker/*"), ON_KEY)
    broker = a_user(emulator, "broker", allow("kms:CreateSecret", SECRET_ARN), ON_KEY)

    with refused(*DENIED):
        create(client(emulator, narrow))
    create(client(emulator, broker))

    with refused(*DENIED):
        client(emulator, narrow).list_secrets(m.ListSecretsRequest())


@pytest.mark.parametrize("write", ["create", "put"])
def test_writing_needs_the_key(emulator: Any, write: str) -> None:
    """CreateSecret and PutSecretValue need kms:GenerateDataKey on the key as well."""
    create(client(emulator))
    broker = client(emulator, a_user(
        emulator, "broker", allow("kms:*", SECRET_ARN), allow("kms:*", f"{SECRET_ARN}/*"),
    ))  # fmt: skip

    with refused(*DENIED):
        create(broker, "other") if write == "create" else put(broker, "v2")

    decision = last_decision(emulator)
    assert (decision["action"], decision["resource"]) == (
        "kms:GenerateDataKey", f"{KEY_ARN}/{KEY}",
    )  # fmt: skip


def test_session_needs_the_key_to_write(emulator: Any) -> None:
    """An STS token is spared kms:Decrypt, not kms:GenerateDataKey."""
    create(client(emulator))
    role = client(emulator, a_session(emulator, "issuer", allow("kms:*", f"{SECRET_ARN}/*")))

    with refused(*DENIED):
        put(role, "v2")


def test_reading_with_an_access_key_needs_decrypt(emulator: Any) -> None:
    """A RAM user's AccessKey needs kms:Decrypt on the key beside kms:GetSecretValue."""
    create(client(emulator))
    read = allow("kms:GetSecretValue", f"{SECRET_ARN}/broker/alice/*")
    decrypt = allow("kms:Decrypt", f"{KEY_ARN}/{KEY}")
    alice, bob = a_user(emulator, "alice", read), a_user(emulator, "bob", read, decrypt)

    with refused(*DENIED):
        get(client(emulator, alice))

    assert get(client(emulator, bob)).secret_data == VALUE


def test_reading_with_a_session_needs_no_decrypt(emulator: Any) -> None:
    """With an STS token only kms:GetSecretValue is checked."""
    create(client(emulator))
    role = a_session(emulator, "reader", allow("kms:GetSecretValue", f"{SECRET_ARN}/{NAME}"))

    assert get(client(emulator, role)).secret_data == VALUE


def test_session_policy_narrows(emulator: Any) -> None:
    """What the session policy does not allow, neither role nor secret policy can grant."""
    create(client(emulator), policy=policy(statement(READER, "kms:GetSecretValue")))
    role = a_session(emulator, "reader", allow("kms:*"),
                     session_policy=(allow("kms:DescribeSecret"),))  # fmt: skip

    with refused(*DENIED):
        get(client(emulator, role))


def test_batch_reports_denials_one_by_one(emulator: Any) -> None:
    """A secret that the caller may not read is an error entry, the others are answered."""
    create(client(emulator))
    create(client(emulator), "other")
    role = a_session(emulator, "reader", allow("kms:GetSecretValue", f"{SECRET_ARN}/{NAME}"))
    wanted = [m.BatchGetSecretValueRequestSecretsList(secret_name=n) for n in (NAME, "other")]

    found = client(emulator, role).batch_get_secret_value(
        m.BatchGetSecretValueRequest(secrets_list=wanted)
    ).body  # fmt: skip

    assert [v.secret_name for v in found.secret_values] == [NAME]
    assert [(e.secret_name, e.code, e.http_status) for e in found.errors] == [
        ("other", "Forbidden.NoPermission", 403)
    ]


def test_dry_run_tells_a_denial(emulator: Any) -> None:
    """A pre-flight with DryRun shows missing rights without reading anything."""
    create(client(emulator))
    alice = client(emulator, a_user(emulator, "alice"))

    with refused(400, "AccessDeniedError"):
        get(alice, dry_run="true")


def test_default_policy_is_the_documented_one(emulator: Any) -> None:
    """A secret made without a policy has one that names the account."""
    sdk = client(emulator)
    create(sdk)

    request = m.GetSecretPolicyRequest(secret_name=NAME, policy_name="default")
    text = sdk.get_secret_policy(request).body.policy

    assert json.loads(text) == {"Version": "1", "Statement": [{
        "Sid": "kms default secret policy", "Effect": "Allow",
        "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:*"]}, "Action": ["kms:*"], "Resource": ["*"],
    }]}  # fmt: skip


def test_default_policy_grants_nobody_by_itself(emulator: Any) -> None:
    """By default only identity policies give users access; the other reading is a choice."""
    create(client(emulator))
    role = client(emulator, a_session(emulator, "reader"))

    with refused(*DENIED):
        get(role)
    emulator.cloud.choices.kms_account_principal_means_everyone = True

    assert get(role).secret_data == VALUE


def test_secret_policy_alone_is_enough(emulator: Any) -> None:
    """Within the account either side may allow: here the role has no policy at all."""
    sdk = client(emulator)
    create(sdk)
    role = client(emulator, a_session(emulator, "reader"))
    set_policy(sdk, policy(statement(READER, "kms:GetSecretValue")))

    assert get(role).secret_data == VALUE

    assert last_decision(emulator)["policy"] == f"Secret:{NAME}"
    with refused(*DENIED):
        delete(role)


def test_secret_policy_given_at_creation_holds_at_once(emulator: Any) -> None:
    """CreateSecret's Policy is in force from the first moment, for users by name."""
    create(client(emulator), policy=policy(statement(ALICE, "kms:GetSecretValue")))
    decrypt = allow("kms:Decrypt")
    alice, bob = a_user(emulator, "alice", decrypt), a_user(emulator, "bob", decrypt)

    assert get(client(emulator, alice)).secret_data == VALUE
    with refused(*DENIED):
        get(client(emulator, bob))


def test_deny_in_secret_policy_beats_identity_policies(emulator: Any) -> None:
    """An explicit deny on either side is final, even for an administrator."""
    sdk = client(emulator)
    create(sdk)
    set_policy(sdk, policy(statement(f"acs:ram::{ACCOUNT}:*", "kms:GetSecretValue", "Deny")))

    with refused(*DENIED):
        get(sdk)

    assert last_decision(emulator)["effect"] == "ExplicitDeny"


def test_deny_in_identity_policy_beats_the_secret_policy(emulator: Any) -> None:
    """The secret policy cannot overrule a deny attached to the user."""
    create(client(emulator), policy=policy(statement(READER, "kms:*")))
    role = client(emulator, a_session(emulator, "reader", deny("kms:GetSecretValue")))

    with refused(*DENIED):
        get(role)


def test_only_listed_actions_take_effect(emulator: Any) -> None:
    """kms:* in a secret policy does not cover SetSecretPolicy or the plural tag actions."""
    create(client(emulator), policy=policy(statement(READER, "kms:*")))
    role = client(emulator, a_session(emulator, "reader"))

    assert stages(role) == {"v1": {"ACSCurrent"}}
    role.update_secret(m.UpdateSecretRequest(secret_name=NAME, description="by the role"))
    role.tag_resource(m.TagResourceRequest(
        secret_name=NAME, tags='[{"TagKey":"k","TagValue":"v"}]',
    ))  # fmt: skip
    listed = role.list_tag_resources(m.ListTagResourcesRequest(
        region_id="cn-hangzhou", resource_type="secret", resource_id=[NAME],
    )).body  # fmt: skip
    assert len(listed.tag_resources.tag_resource) == 1

    with refused(*DENIED):
        set_policy(role, policy(statement(READER, "kms:*")))
    with refused(*DENIED):
        role.untag_resources(m.UntagResourcesRequest(
            region_id="cn-hangzhou", resource_type="secret", resource_id=[NAME], all=True,
        ))  # fmt: skip


def test_condition_in_secret_policy_is_evaluated(emulator: Any) -> None:
    """A statement whose condition does not hold grants nothing."""
    elsewhere = {"IpAddress": {"acs:SourceIp": ["203.0.113.0/24"]}}
    create(client(emulator), policy=policy(
        statement(READER, "kms:GetSecretValue") | {"Condition": elsewhere}
    ))  # fmt: skip

    with refused(*DENIED):
        get(client(emulator, a_session(emulator, "reader")))


@pytest.mark.parametrize("wrong", [
    "{}", "no json", "[" * 10000, '{"Version":"1","Statement":[]}',
    policy(allow("kms:*")),
    policy(statement(ALICE, "kms:*") | {"Principal": {}}),
    policy(statement(ALICE, "kms:*") | {"Principal": {"RAM": []}}),
    policy(statement(ALICE, "kms:*") | {"Principal": {"Service": ["fc.aliyuncs.com"]}}),
    policy(statement("alice", "kms:*")),
    policy(statement("*", "kms:*")),
    policy(statement(ALICE, "oss:GetObject")),
    policy(statement(ALICE, "kms:*") | {"Resource": [f"{SECRET_ARN}/{NAME}"]}),
    policy(statement(ALICE, "kms:*") | {"Effect": ["Allow"]}),
    policy(statement(ALICE, "kms:*") | {"Condition": {"NoSuch": {"a": "b"}}}),
    policy(statement(ALICE, "kms:*") | {"Sid": "x" * 32768}),
])  # fmt: skip
def test_bad_secret_policy_is_refused(emulator: Any, wrong: str) -> None:
    """A secret policy names RAM principals and KMS actions on `*`, within 32768 bytes."""
    sdk = client(emulator)
    create(sdk)

    with refused(400, "InvalidParameter"):
        set_policy(sdk, wrong)


def test_policy_has_one_name(emulator: Any) -> None:
    """PolicyName is `default`; setting another is invalid, reading another finds nothing."""
    sdk = client(emulator)
    create(sdk)
    text = policy(statement(ALICE, "kms:GetSecretValue"))

    set_policy(sdk, text, policy_name="default")

    assert sdk.get_secret_policy(m.GetSecretPolicyRequest(secret_name=NAME)).body.policy == text
    with refused(400, "InvalidParameter"):
        set_policy(sdk, text, policy_name="other")
    with refused(404, "Forbidden.ResourceNotFound"):
        sdk.get_secret_policy(m.GetSecretPolicyRequest(secret_name=NAME, policy_name="other"))


def test_secret_without_instance_takes_no_policy(emulator: Any) -> None:
    """Secret policies are for secrets in a KMS instance only."""
    emulator.cloud.choices.kms_instance_required = False
    sdk = client(emulator)
    create(sdk, dkmsinstance_id=None, encryption_key_id=None)

    with refused(400, "UnsupportedOperation"):
        set_policy(sdk, policy(statement(ALICE, "kms:GetSecretValue")))


def test_key_prefix_is_no_way_around_the_key(emulator: Any) -> None:
    """`key/<id>` is neither an id nor an ARN: it finds nothing, whatever it is allowed as."""
    odd = allow("kms:*", f"{KEY_ARN}/key/*")
    broker = a_user(emulator, "broker", allow("kms:CreateSecret", SECRET_ARN), odd)

    with refused(404, "Forbidden.KeyNotFound"):
        create(client(emulator, broker), encryption_key_id=f"key/{KEY}",
               dkmsinstance_id=INSTANCE)  # fmt: skip
