"""Secrets through the real SDK: create, describe, list, update, delete, restore."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from alibabacloud_kms20160120 import models as m

from emulator import snapshot
from tests.emulator.kms_scenario import (
    INSTANCE,
    KEY,
    MAC_KEY,
    NAME,
    SECRET_ARN,
    VALUE,
    client,
    create,
    delete,
    get,
    put,
    refused,
)


def describe(sdk: Any, name: str = NAME, **more: Any) -> Any:
    return sdk.describe_secret(m.DescribeSecretRequest(secret_name=name, **more)).body


def listed(sdk: Any, **more: Any) -> list[str]:
    found = sdk.list_secrets(m.ListSecretsRequest(page_size=100, **more)).body
    return [secret.secret_name for secret in found.secret_list.secret or []]


def by(**values: list[str]) -> str:
    return json.dumps([{"Key": key, "Values": found} for key, found in values.items()])


def test_created_secret_answers_with_its_identity(emulator: Any) -> None:
    """CreateSecret of a generic secret returns ARN, name, type, version and instance."""
    answer = create(client(emulator))

    assert {
        "Arn": f"{SECRET_ARN}/{NAME}",
        "SecretName": NAME,
        "SecretType": "Generic",
        "VersionId": "v1",
        "DKMSInstanceId": INSTANCE,
    } == {k: v for k, v in answer.to_map().items() if k != "RequestId"}


def test_description_shows_all_but_the_value(emulator: Any) -> None:
    """DescribeSecret tells key, instance, dates and, when asked, tags in the wrapped form."""
    sdk = client(emulator)
    create(sdk, description="ticket t-1", tags='[{"TagKey":"broker:owner","TagValue":"alice"}]')

    found = describe(sdk, fetch_tags="true")

    assert (found.encryption_key_id, found.dkmsinstance_id) == (KEY, INSTANCE)
    assert (found.description, found.planned_delete_time) == ("ticket t-1", None)
    assert [(t.tag_key, t.tag_value) for t in found.tags.tag] == [("broker:owner", "alice")]
    assert datetime.strptime(found.create_time, "%Y-%m-%dT%H:%M:%SZ")
    assert "aliceSecret" not in json.dumps(found.to_map())


def test_tags_stay_away_unless_fetched(emulator: Any) -> None:
    """Without FetchTags DescribeSecret has no Tags."""
    sdk = client(emulator)
    create(sdk, tags='[{"TagKey":"k","TagValue":"v"}]')

    assert describe(sdk).tags is None


def test_secret_is_found_by_its_arn(emulator: Any) -> None:
    """Wherever a name is taken, so is the ARN; one of another account names nothing."""
    sdk = client(emulator)
    create(sdk)

    assert get(sdk, f"{SECRET_ARN}/{NAME}").secret_data == VALUE
    with refused(404, "Forbidden.ResourceNotFound"):
        get(sdk, f"acs:kms:cn-hangzhou:9999999999999999:secret/{NAME}")


def test_taken_name_is_refused(emulator: Any) -> None:
    """The second CreateSecret of a name fails, even with the same version and data."""
    sdk = client(emulator)
    create(sdk)

    with refused(409, "Rejected.ResourceExist"):
        create(sdk)


def test_name_in_deletion_window_is_refused_in_other_words(emulator: Any) -> None:
    """A name is not free before its window ends, and the code says which of the two it is."""
    sdk = client(emulator)
    create(sdk)
    delete(sdk)

    with refused(409, "Rejected.ResourceInDeleteWindow"):
        create(sdk)


@pytest.mark.parametrize(
    "name", ["acs/ram/user/alice", "with space", "a:b", "ä", "n" * 193, "$Auto", "a*"]
)
def test_bad_name_is_refused(emulator: Any, name: str) -> None:
    """Names: at most 192 of A-Za-z0-9_/+=.@-, and not under acs/."""
    with refused(400, "InvalidParameter"):
        create(client(emulator), name)


def test_longest_name_is_taken(emulator: Any) -> None:
    """192 characters are still a name."""
    sdk = client(emulator)

    create(sdk, "n" * 192)

    assert get(sdk, "n" * 192).secret_data == VALUE


@pytest.mark.parametrize("absent", ["secret_name", "version_id", "secret_data"])
def test_missing_parameter_is_named(emulator: Any, absent: str) -> None:
    """KMS words a missing parameter as MissingParameter with the name in the text."""
    given = {"secret_name": NAME, "version_id": "v1", "secret_data": VALUE}
    given[absent] = None  # type: ignore[assignment]
    wanted = {"secret_name": "SecretName", "version_id": "VersionId", "secret_data": "SecretData"}

    with refused(400, "MissingParameter") as caught:
        client(emulator).create_secret(
            m.CreateSecretRequest(dkmsinstance_id=INSTANCE, encryption_key_id=KEY, **given)
        )

    assert f'The parameter "{wanted[absent]}" is needed but not provided.' in caught.value.message


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": "v" * 65},
        {"value": "x" * 30721},
        {"value": "ü" * 15361},
        {"secret_data_type": "json"},
        {"secret_type": "Other"},
        {"tags": "no json"},
        {"tags": '{"TagKey":"k"}'},
        {"tags": '[{"TagValue":"v"}]'},
        {"tags": '[{"TagKey":"acs:k","TagValue":"v"}]'},
        {"tags": '[{"TagKey":"aliyunk","TagValue":"v"}]'},
        {"tags": '[{"TagKey":"k","TagValue":7}]'},
        {"tags": '[{"TagKey":"k","TagValue":"\\ud800"}]'},
        {"tags": "[" * 20000},
        {"tags": json.dumps([{"TagKey": f"k{n}", "TagValue": ""} for n in range(21)])},
        {"tags": json.dumps([{"TagKey": "k" * 129, "TagValue": ""}])},
        {"policy": "{}"},
        {"encryption_key_id": MAC_KEY},
    ],
)
def test_wrong_parameter_is_refused(emulator: Any, wrong: dict[str, str]) -> None:
    """What breaks a documented limit is InvalidParameter and stores nothing."""
    sdk = client(emulator)

    with refused(400, "InvalidParameter"):
        create(sdk, **wrong)

    assert listed(sdk) == []


def test_largest_value_is_taken(emulator: Any) -> None:
    """30720 bytes, counted in UTF-8, are still a value."""
    sdk = client(emulator)

    create(sdk, value="ü" * 15360)

    assert get(sdk).secret_data == "ü" * 15360


def test_managed_types_are_refused_clearly(emulator: Any) -> None:
    """The emulator says that it lacks managed secrets instead of pretending."""
    with refused(400, "UnsupportedOperation") as caught:
        create(client(emulator), "$Auto", secret_type="RAMCredentials")

    assert "not emulated" in caught.value.message


@pytest.mark.parametrize("absent", ["dkmsinstance_id", "encryption_key_id"])
def test_secret_needs_instance_and_key(emulator: Any, absent: str) -> None:
    """Since KMS 3.0 a generic secret lives in a bought instance."""
    with refused(400, "MissingParameter"):
        create(client(emulator), **{absent: None})


def test_secret_without_instance_is_the_old_service(emulator: Any) -> None:
    """With the choice switched off neither is needed, and the secret has no policy."""
    emulator.cloud.choices.kms_instance_required = False
    sdk = client(emulator)
    nowhere = {"dkmsinstance_id": None, "encryption_key_id": None}

    answer = create(sdk, **nowhere)

    assert answer.dkmsinstance_id is None
    assert get(sdk).secret_data == VALUE
    with refused(400, "UnsupportedOperation"):
        sdk.get_secret_policy(m.GetSecretPolicyRequest(secret_name=NAME))
    with refused(400, "InvalidParameter"):
        create(sdk, "other", policy='{"Version":"1"}', **nowhere)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"dkmsinstance_id": "kst-unknown"}, "Forbidden.ResourceNotFound"),
        ({"encryption_key_id": "key-unknown"}, "Forbidden.KeyNotFound"),
        ({"encryption_key_id": "alias/unknown"}, "Forbidden.AliasNotFound"),
    ],
)
def test_unknown_home_is_refused(emulator: Any, wrong: dict[str, str], code: str) -> None:
    """Instance, key and alias are each missed in their own words, all with 404."""
    with refused(404, code):
        create(client(emulator), **wrong)


def test_secret_quota_is_the_instance_purchase(emulator: Any) -> None:
    """Beyond the bought number of secrets the answer is 400, not 403 or 429."""
    emulator.cloud.kms.instances[INSTANCE].secret_quota = 1
    sdk = client(emulator)
    create(sdk)

    with refused(400, "Rejected.LimitExceeded"):
        create(sdk, "second")


def test_list_pages_in_wrapped_form(emulator: Any) -> None:
    """ListSecrets counts all and shows a page of SecretList.Secret without ARN or description."""
    sdk = client(emulator)
    for n in range(12):
        create(sdk, f"s-{n:02}")

    page = sdk.list_secrets(m.ListSecretsRequest(page_number=2)).body

    assert (page.page_number, page.page_size, page.total_count) == (2, 10, 12)
    assert [s.secret_name for s in page.secret_list.secret] == ["s-10", "s-11"]


def test_list_filters_by_equality(emulator: Any) -> None:
    """Values of a key are alternatives, keys must all hold, and a prefix is no match."""
    sdk = client(emulator)
    create(sdk, "a", tags='[{"TagKey":"owner","TagValue":"alice"}]')
    create(sdk, "ab", description="d")
    create(sdk, "c", tags='[{"TagKey":"owner","TagValue":"bob"}]')

    assert listed(sdk, filters=by(SecretName=["a", "c"])) == ["a", "c"]
    assert listed(sdk, filters=by(TagKey=["owner"], TagValue=["bob"])) == ["c"]
    assert listed(sdk, filters=by(Description=["d"])) == ["ab"]
    assert listed(sdk, filters=by(SecretName=["a"], TagValue=["bob"])) == []


@pytest.mark.parametrize(
    "wrong",
    ["{}", "[1]", by(Nothing=["x"]), '[{"Key":["a"],"Values":[]}]', '[{"Key":"SecretName"}]',
     '[{"Key":"SecretName","Values":[1]}]', by(SecretName=["x"] * 11), "[" * 20000],
)  # fmt: skip
def test_bad_filter_is_refused(emulator: Any, wrong: str) -> None:
    """Filters are a list of known keys with at most ten strings each."""
    with refused(400, "InvalidParameter"):
        listed(client(emulator), filters=wrong)


def test_update_changes_the_description(emulator: Any) -> None:
    """UpdateSecret sets the description; ExtendedConfig is accepted and means nothing here."""
    sdk = client(emulator)
    create(sdk)

    sdk.update_secret(m.UpdateSecretRequest(
        secret_name=NAME, description="new",
        extended_config=m.UpdateSecretRequestExtendedConfig(custom_data={"a": "b"}),
    ))  # fmt: skip

    assert describe(sdk).description == "new"


def test_deleted_secret_waits_out_its_window(emulator: Any) -> None:
    """Until the window ends the secret is described but not usable, then it is gone."""
    sdk = client(emulator)
    create(sdk)
    before = emulator.cloud.clock.now().replace(microsecond=0)

    planned = delete(sdk, recovery_window_in_days="7").planned_delete_time

    at = datetime.fromisoformat(planned)
    assert before + timedelta(days=7) <= at <= before + timedelta(days=7, seconds=30)
    assert describe(sdk).planned_delete_time == planned
    assert listed(sdk) == [NAME]
    for use in (
        lambda: get(sdk),
        lambda: put(sdk, "v2"),
        lambda: delete(sdk),
        lambda: sdk.update_secret(m.UpdateSecretRequest(secret_name=NAME, description="x")),
    ):
        with refused(409, "Rejected.ResourceInDeleteWindow"):
            use()

    with after(days=7), refused(404, "Forbidden.ResourceNotFound"):
        describe(sdk)


def after(days: int) -> Any:
    """A minute past so many days, for the SDK that signs and the emulator that checks alike."""
    return time_machine.travel(datetime.now(UTC) + timedelta(days=days, minutes=1))


def test_name_is_free_after_its_window(emulator: Any) -> None:
    """The end of the window frees the name."""
    sdk = client(emulator)
    create(sdk)
    delete(sdk, recovery_window_in_days="7")

    with after(days=7):
        create(sdk, value="again")
        assert get(sdk).secret_data == "again"


def test_window_is_thirty_days_by_default(emulator: Any) -> None:
    """Without RecoveryWindowInDays a secret can be restored for 30 days."""
    sdk = client(emulator)
    create(sdk)

    at = datetime.fromisoformat(delete(sdk).planned_delete_time)

    assert timedelta(days=29, hours=23) < at - emulator.cloud.clock.now() <= timedelta(days=30)


@pytest.mark.parametrize("days", ["6", "31", "x", "-7", "٧", "9" * 5000])
def test_window_outside_7_to_30_days_is_refused(emulator: Any, days: str) -> None:
    """RecoveryWindowInDays is a number from 7 to 30."""
    sdk = client(emulator)
    create(sdk)

    with refused(400, "InvalidParameter"):
        delete(sdk, recovery_window_in_days=days)


def test_forced_delete_frees_the_name_at_once(emulator: Any) -> None:
    """With force a window is ignored (Terraform sends both) and the name can be used again."""
    sdk = client(emulator)
    create(sdk)

    delete(sdk, force_delete_without_recovery="true", recovery_window_in_days="30")

    create(sdk, value="again")
    assert get(sdk).secret_data == "again"


def test_secret_in_window_can_be_forced_out(emulator: Any) -> None:
    """A window does not protect from a forced delete."""
    sdk = client(emulator)
    create(sdk)
    delete(sdk)

    delete(sdk, force_delete_without_recovery="true")

    assert listed(sdk) == []


def test_restored_secret_works_again(emulator: Any) -> None:
    """RestoreSecret ends the window; the value is as it was."""
    sdk = client(emulator)
    create(sdk)
    delete(sdk)

    sdk.restore_secret(m.RestoreSecretRequest(secret_name=NAME))

    assert get(sdk).secret_data == VALUE
    assert describe(sdk).planned_delete_time is None


def test_missing_secret_is_not_found(emulator: Any) -> None:
    """Every use of an unknown secret is 404 with a code that says Forbidden."""
    sdk = client(emulator)
    for use in (
        lambda: get(sdk),
        lambda: put(sdk, "v2"),
        lambda: delete(sdk),
        lambda: describe(sdk),
        lambda: sdk.restore_secret(m.RestoreSecretRequest(secret_name=NAME)),
        lambda: sdk.list_secret_version_ids(m.ListSecretVersionIdsRequest(secret_name=NAME)),
    ):
        with refused(404, "Forbidden.ResourceNotFound"):
            use()


def test_rotation_is_refused_for_generic_secrets(emulator: Any) -> None:
    """RotateSecret and UpdateSecretRotationPolicy are for managed types only."""
    sdk = client(emulator)
    create(sdk)

    with refused(400, "UnsupportedOperation"):
        sdk.rotate_secret(m.RotateSecretRequest(secret_name=NAME, version_id="v2"))
    with refused(400, "UnsupportedOperation"):
        sdk.update_secret_rotation_policy(m.UpdateSecretRotationPolicyRequest(
            secret_name=NAME, enable_automatic_rotation=False,
        ))  # fmt: skip


def test_create_and_delete_share_ten_calls_a_second(emulator: Any) -> None:
    """The eleventh write within a second is 429 Rejected.Throttling."""
    emulator.cloud.choices.throttling = True
    sdk = client(emulator)

    with time_machine.travel(datetime.now(UTC), tick=False):
        for n in range(5):
            create(sdk, f"s-{n}")
            delete(sdk, f"s-{n}")
        with refused(429, "Rejected.Throttling"):
            create(sdk)
        other_group = describe(sdk, "s-0")

    assert other_group.secret_name == "s-0"


def test_snapshot_shows_everything_but_values(emulator: Any) -> None:
    """State for invariants names secrets, versions and labels, never data or key material."""
    sdk = client(emulator)
    create(sdk)

    kms = snapshot.take(emulator.cloud)["kms"]

    assert kms["instances"] == [INSTANCE]
    assert kms["secrets"][NAME]["versions"][0]["stages"] == ["ACSCurrent"]
    assert "aliceSecret" not in json.dumps(kms)
    assert "material" not in json.dumps(kms)


def test_snapshot_forgets_what_has_expired(emulator: Any) -> None:
    """A secret past its window is not in the state, asked for or not."""
    sdk = client(emulator)
    create(sdk)
    delete(sdk)

    with after(days=30):
        kms = snapshot.take(emulator.cloud)["kms"]

    assert kms["secrets"] == {}
