"""Versions and labels through the real SDK: put, get, list, move."""

from __future__ import annotations

import json
from typing import Any

import pytest
from alibabacloud_kms20160120 import models as m

from tests.emulator.kms_scenario import (
    KEY,
    NAME,
    VALUE,
    client,
    create,
    delete,
    get,
    put,
    raw,
    raw_v1,
    refused,
    stages,
)


def move(sdk: Any, stage: str | None, to: str | None = None, source: str | None = None) -> Any:
    return sdk.update_secret_version_stage(m.UpdateSecretVersionStageRequest(
        secret_name=NAME, version_stage=stage, move_to_version=to, remove_from_version=source,
    ))  # fmt: skip


def test_first_version_is_current(emulator: Any) -> None:
    """GetSecretValue without version or label reads ACSCurrent, in the wrapped form."""
    sdk = client(emulator)
    create(sdk)

    found = get(sdk, fetch_extended_config=True)

    assert (found.secret_data, found.version_id, found.secret_data_type) == (VALUE, "v1", "text")
    assert (found.secret_type, found.version_stages.version_stage) == ("Generic", ["ACSCurrent"])


def test_put_moves_current_and_previous(emulator: Any) -> None:
    """A put without labels becomes current, and the former current becomes previous."""
    sdk = client(emulator)
    create(sdk)

    answer = put(sdk, "v2", "new")
    put(sdk, "v3", "newer")

    assert answer.version_stages.version_stage == ["ACSCurrent"]
    assert stages(sdk) == {"v2": {"ACSPrevious"}, "v3": {"ACSCurrent"}}
    assert get(sdk).secret_data == "newer"
    assert get(sdk, version_stage="ACSPrevious").secret_data == "new"
    assert get(sdk, version_id="v1").secret_data == VALUE


def test_put_with_own_label_leaves_current_alone(emulator: Any) -> None:
    """Exactly the labels given are set, so a pending version does not disturb readers."""
    sdk = client(emulator)
    create(sdk)

    put(sdk, "v2", "pending", version_stages='["AkPending"]')

    assert stages(sdk) == {"v1": {"ACSCurrent"}, "v2": {"AkPending"}}
    assert get(sdk, version_stage="AkPending").secret_data == "pending"


@pytest.mark.parametrize(("demotes", "former"), [(True, {"ACSPrevious"}), (False, set())])
def test_put_naming_current_follows_the_choice(
    emulator: Any, demotes: bool, former: set[str]
) -> None:
    """What becomes of the former current when VersionStages names ACSCurrent is a choice."""
    emulator.cloud.choices.kms_named_current_demotes_former = demotes
    sdk = client(emulator)
    create(sdk)

    put(sdk, "v2", version_stages='["ACSCurrent","Mine"]')

    expected = {"v1": former, "v2": {"ACSCurrent", "Mine"}}
    assert stages(sdk, include_deprecated="true") == expected


def test_repeated_put_changes_nothing(emulator: Any) -> None:
    """Same id and same data is a success, so a retry after a timeout is safe."""
    sdk = client(emulator)
    create(sdk)
    put(sdk, "v2", "new")

    answer = put(sdk, "v2", "new", version_stages='["Other"]')

    assert answer.version_stages.version_stage == ["ACSCurrent"]
    assert stages(sdk) == {"v1": {"ACSPrevious"}, "v2": {"ACSCurrent"}}


def test_known_version_with_other_data_is_refused(emulator: Any) -> None:
    """A VersionId stands for one value for ever; the code is a choice."""
    sdk = client(emulator)
    create(sdk)

    with refused(409, "Rejected.ResourceExist"):
        put(sdk, "v1", "other")

    assert get(sdk).secret_data == VALUE


def test_eleventh_version_drops_the_oldest_unlabelled(emulator: Any) -> None:
    """Ten versions are kept; a labelled one survives although it is the oldest."""
    sdk = client(emulator)
    create(sdk, version="v0")
    move(sdk, "Keep", to="v0")

    for n in range(1, 12):
        put(sdk, f"v{n}", f"value {n}")

    kept = stages(sdk, include_deprecated="true", page_size=100)
    assert list(kept) == ["v0", *(f"v{n}" for n in range(3, 12))]
    assert kept["v0"] == {"Keep"}


def test_unlabelled_versions_are_listed_on_demand(emulator: Any) -> None:
    """ListSecretVersionIds hides deprecated versions unless told otherwise, and pages."""
    sdk = client(emulator)
    create(sdk)
    put(sdk, "v2", "2")
    put(sdk, "v3", "3")

    request = m.ListSecretVersionIdsRequest(
        secret_name=NAME, include_deprecated="true", page_number=2, page_size=2
    )
    page = sdk.list_secret_version_ids(request).body

    assert set(stages(sdk)) == {"v2", "v3"}
    assert (page.total_count, page.page_number, page.page_size) == (3, 2, 2)
    assert [v.version_id for v in page.version_ids.version_id] == ["v3"]


def test_binary_value_keeps_its_type(emulator: Any) -> None:
    """SecretDataType is the version's, and data comes back as it was sent."""
    sdk = client(emulator)
    create(sdk)

    put(sdk, "v2", "AAEC", secret_data_type="binary")

    assert (get(sdk).secret_data, get(sdk).secret_data_type) == ("AAEC", "binary")


@pytest.mark.parametrize("wanted", [
    {"version_id": "v9"}, {"version_stage": "Nothing"},
    {"version_id": "v1", "version_stage": "Nothing"},
])  # fmt: skip
def test_unknown_version_or_label_is_not_found(emulator: Any, wanted: dict[str, str]) -> None:
    """A version that is not there is 404, also where the label does not fit the id."""
    sdk = client(emulator)
    create(sdk)

    with refused(404, "Forbidden.ResourceNotFound"):
        get(sdk, **wanted)


@pytest.mark.parametrize("wrong", [
    "no json", "{}", "[]", '["a",7]', '[""]', '["with space"]', '["' + "s" * 65 + '"]', "7",
    '["\\ud800"]', "null", "[" * 20000,
])  # fmt: skip
def test_bad_labels_are_refused(emulator: Any, wrong: str) -> None:
    """VersionStages is a JSON list of labels; a refused put stores nothing."""
    sdk = client(emulator)
    create(sdk)

    with refused(400, "InvalidParameter"):
        put(sdk, "v2", version_stages=wrong)

    assert list(stages(sdk, include_deprecated="true")) == ["v1"]


def test_ninth_label_is_refused(emulator: Any) -> None:
    """A secret has at most eight labels, ACSCurrent counted."""
    sdk = client(emulator)
    create(sdk)
    put(sdk, "v2", version_stages=json.dumps([f"L{n}" for n in range(7)]))

    with refused(400, "Rejected.LimitExceeded"):
        put(sdk, "v3", version_stages='["L7"]')
    with refused(400, "Rejected.LimitExceeded"):
        move(sdk, "L7", to="v1")

    put(sdk, "v3", "x", version_stages='["L6"]')  # a label in use may move


def test_moving_current_leaves_previous_alone(emulator: Any) -> None:
    """UpdateSecretVersionStage moves one label only; the documentation promises no more."""
    sdk = client(emulator)
    create(sdk)
    put(sdk, "v2", version_stages='["AkPending"]')

    move(sdk, "ACSCurrent", to="v2")

    assert stages(sdk) == {"v2": {"AkPending", "ACSCurrent"}}


def test_previous_follows_current_by_choice(emulator: Any) -> None:
    """The other reading of the documentation can be switched on."""
    emulator.cloud.choices.kms_previous_follows_current = True
    sdk = client(emulator)
    create(sdk)
    put(sdk, "v2", version_stages='["AkPending"]')

    move(sdk, "ACSCurrent", to="v2")
    move(sdk, "ACSCurrent", to="v2")  # moving it to where it is demotes nothing

    assert stages(sdk) == {"v1": {"ACSPrevious"}, "v2": {"AkPending", "ACSCurrent"}}


def test_own_label_can_be_removed(emulator: Any) -> None:
    """RemoveFromVersion alone takes a label off."""
    sdk = client(emulator)
    create(sdk)
    move(sdk, "Mine", to="v1")

    move(sdk, "Mine", source="v1")

    assert stages(sdk) == {"v1": {"ACSCurrent"}}


@pytest.mark.parametrize("stage", ["ACSCurrent", "ACSPrevious"])
def test_own_labels_of_the_service_cannot_be_removed(emulator: Any, stage: str) -> None:
    """ACSCurrent and ACSPrevious need a target."""
    sdk = client(emulator)
    create(sdk)
    put(sdk, "v2", "2")

    with refused(400, "MissingParameter"):
        move(sdk, stage, source="v2" if stage == "ACSCurrent" else "v1")

    assert stages(sdk) == {"v1": {"ACSPrevious"}, "v2": {"ACSCurrent"}}


@pytest.mark.parametrize(("asked", "status", "code"), [
    (("Mine", None, None), 400, "MissingParameter"),
    ((None, "v1", None), 400, "MissingParameter"),
    (("Mine", "v9", None), 404, "Forbidden.ResourceNotFound"),
    (("Mine", None, "v9"), 404, "Forbidden.ResourceNotFound"),
    (("Mine", None, "v1"), 400, "InvalidParameter"),
    (("ACSCurrent", "v1", "v1x"), 404, "Forbidden.ResourceNotFound"),
    (("a b", "v1", None), 400, "InvalidParameter"),
])  # fmt: skip
def test_bad_move_is_refused(emulator: Any, asked: Any, status: int, code: str) -> None:
    """A move names a label and known versions, and takes only from where the label is."""
    sdk = client(emulator)
    create(sdk)

    with refused(status, code):
        move(sdk, *asked)


def test_batch_lists_failures_beside_values(emulator: Any) -> None:
    """BatchGetSecretValue succeeds as a whole; plain lists hold values and errors."""
    sdk = client(emulator)
    create(sdk)
    wanted = [m.BatchGetSecretValueRequestSecretsList(secret_name=n) for n in (NAME, "none")]

    found = sdk.batch_get_secret_value(m.BatchGetSecretValueRequest(secrets_list=wanted)).body

    [value], [error] = found.secret_values, found.errors
    assert (value.secret_data, value.version_stages.version_stage) == (VALUE, ["ACSCurrent"])
    assert (error.secret_name, error.code, error.http_status) == (
        "none", "Forbidden.ResourceNotFound", 404,
    )  # fmt: skip


@pytest.mark.parametrize("wrong", [
    "[]", "{}", "[1]", "[{}]", '[{"SecretName":7}]', '[{"SecretName":"a","VersionId":[]}]',
    json.dumps([{"SecretName": "a"}] * 21), "null", "[" * 20000,
])  # fmt: skip
def test_bad_batch_is_refused(emulator: Any, wrong: str) -> None:
    """SecretsList holds 1 to 20 objects with a SecretName."""
    status, answer = raw(emulator, "BatchGetSecretValue", {"SecretsList": wrong})

    assert (status, answer["Code"]) == (400, "InvalidParameter")


def test_dry_run_always_fails_and_says_how(emulator: Any) -> None:
    """DryRun ends in one of three codes and never shows a value."""
    sdk = client(emulator)
    create(sdk)

    with refused(400, "DryRunOperationError"):
        get(sdk, dry_run="true")
    with refused(400, "ValidationError"):
        get(sdk, "none", dry_run="true")


def test_confidential_computing_is_refused(emulator: Any) -> None:
    """Recipient is not emulated, and said so."""
    sdk = client(emulator)
    create(sdk)

    with refused(400, "UnsupportedOperation"):
        get(sdk, recipient="attestation")


def test_secret_of_a_disabled_key_is_unavailable(emulator: Any) -> None:
    """Without its key a secret can be neither read nor written, nor made."""
    sdk = client(emulator)
    create(sdk)
    sdk.disable_key(m.DisableKeyRequest(key_id=KEY))

    with refused(409, "Rejected.Unavailable"):
        get(sdk)
    with refused(409, "Rejected.Disabled"):
        put(sdk, "v2", "2")
    with refused(409, "Rejected.Disabled"):
        create(sdk, "other")

    sdk.enable_key(m.EnableKeyRequest(key_id=KEY))
    assert get(sdk).secret_data == VALUE


def test_deletion_window_code_is_a_choice(emulator: Any) -> None:
    """Reading in the window is documented nowhere; the other likely code brings its status."""
    emulator.cloud.choices.kms_deletion_window_code = "Forbidden.ResourceNotFound"
    sdk = client(emulator)
    create(sdk)
    delete(sdk)

    with refused(404, "Forbidden.ResourceNotFound"):
        get(sdk)


def test_version_conflict_code_is_a_choice(emulator: Any) -> None:
    """The refusal of other data under a known VersionId has no documented code."""
    emulator.cloud.choices.kms_version_conflict_code = "Rejected.VersionExist"
    sdk = client(emulator)
    create(sdk)

    with refused(409, "Rejected.VersionExist"):
        put(sdk, "v1", "other")


IN_QUERY = {"SecretName": NAME, "VersionId": "v2", "SecretData": "old & sdk"}


def test_value_is_taken_from_the_query(emulator: Any) -> None:
    """SDKs before 3.3.1 send SecretData in the query of a V3 request."""
    sdk = client(emulator)
    create(sdk)

    status, answer = raw(emulator, "PutSecretValue", IN_QUERY)

    assert (status, answer["VersionStages"]) == (200, {"VersionStage": ["ACSCurrent"]})
    assert get(sdk).secret_data == "old & sdk"


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_old_core_sdk_is_understood(emulator: Any, method: str) -> None:
    """Signature V1 with everything in the query works by POST and by GET."""
    create(client(emulator))

    status, _ = raw_v1(emulator, "PutSecretValue", IN_QUERY, method=method)
    wanted = {"SecretName": NAME, "FetchExtendedConfig": "True"}
    _, answer = raw_v1(emulator, "GetSecretValue", wanted, method=method)

    assert (status, answer["SecretData"]) == (200, "old & sdk")


def test_error_envelope_repeats_the_status(emulator: Any) -> None:
    """A KMS error body holds HttpStatus, Code, Message and RequestId, and nothing else."""
    status, answer = raw(emulator, "GetSecretValue", {"SecretName": "none"})

    assert status == 404
    assert len(answer.pop("RequestId")) == 36
    assert answer == {"HttpStatus": 404, "Code": "Forbidden.ResourceNotFound",
                      "Message": "Resource not found."}  # fmt: skip


def test_gateway_refusal_keeps_its_code_in_the_kms_envelope(emulator: Any) -> None:
    """An unknown action and an unknown key are the gateway's codes, worded in KMS's form."""
    status, answer = raw(emulator, "NoSuchAction", {})

    assert (status, answer["HttpStatus"], answer["Code"]) == (404, 404, "InvalidAction.NotFound")
    with refused(404, "InvalidAccessKeyId.NotFound"):
        get(client(emulator, ("LTAI5tNobody000000000001", "x")))


def test_history_never_holds_a_value(emulator: Any) -> None:
    """Neither form nor query brings a value into the history; every value is known to tests."""
    sdk = client(emulator)
    create(sdk)
    raw(emulator, "PutSecretValue", IN_QUERY)

    history = json.dumps(emulator.cloud.history.since())

    assert "aliceSecret" not in history
    assert "old & sdk" not in history
    assert emulator.cloud.secrets == [
        {"kind": "secret-data", "owner": f"{NAME}:v1", "value": VALUE},
        {"kind": "secret-data", "owner": f"{NAME}:v2", "value": "old & sdk"},
    ]
