"""The wire of every KMS action: answers fit the SDK's models, nonsense is never a 500."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest
from alibabacloud_kms20160120 import models as m

from emulator.kms.actions import KMS
from emulator.kms.state import KmsState
from tests.emulator.kms_scenario import (
    INSTANCE,
    KEY,
    MAC_KEY,
    NAME,
    VALUE,
    b64,
    client,
    create,
    encrypt_blob,
    raw,
)

COMMON = {"RegionId": "cn-hangzhou", "ResourceType": "secret", "ResourceId.1": NAME}
TAGS = '[{"TagKey":"k","TagValue":"v"}]'
POLICY = (
    '{"Version":"1","Statement":[{"Effect":"Allow","Principal":{"RAM":'
    '["acs:ram::1234567890123456:user/alice"]},"Action":["kms:GetSecretValue"],"Resource":["*"]}]}'
)
# Parameters with which each action succeeds while the secret NAME with version v1 is there.
GOOD: dict[str, dict[str, str]] = {
    "CreateSecret": {"SecretName": "new", "VersionId": "v1", "SecretData": VALUE,
                     "DKMSInstanceId": INSTANCE, "EncryptionKeyId": KEY, "Tags": TAGS,
                     "Policy": POLICY},
    "PutSecretValue": {"SecretName": NAME, "VersionId": "v2", "SecretData": "x"},
    "GetSecretValue": {"SecretName": NAME},
    "BatchGetSecretValue": {"SecretsList": f'[{{"SecretName":"{NAME}"}},{{"SecretName":"none"}}]'},
    "DescribeSecret": {"SecretName": NAME, "FetchTags": "true"},
    "ListSecrets": {"FetchTags": "true"},
    "ListSecretVersionIds": {"SecretName": NAME},
    "UpdateSecretVersionStage": {"SecretName": NAME, "VersionStage": "x", "MoveToVersion": "v1"},
    "UpdateSecret": {"SecretName": NAME, "Description": "d"},
    "DeleteSecret": {"SecretName": NAME},
    "RestoreSecret": {"SecretName": NAME},
    "SetSecretPolicy": {"SecretName": NAME, "Policy": POLICY},
    "GetSecretPolicy": {"SecretName": NAME},
    "TagResource": {"SecretName": NAME, "Tags": TAGS},
    "UntagResource": {"SecretName": NAME, "TagKeys": '["k"]'},
    "TagResources": {**COMMON, "Tag.1.Key": "k", "Tag.1.Value": "v"},
    "UntagResources": {**COMMON, "TagKey.1": "k"},
    "ListTagResources": COMMON,
    "GetRandomPassword": {},
    "Encrypt": {"KeyId": KEY, "Plaintext": b64("x")},
    "Decrypt": {},  # its blob is made with the key of the moment
    "GenerateDataKey": {"KeyId": KEY},
    "GenerateMac": {"KeyId": MAC_KEY, "Algorithm": "HMAC_SHA_256", "Message": b64("x")},
    "VerifyMac": {"KeyId": MAC_KEY, "Algorithm": "HMAC_SHA_256", "Message": b64("x"),
                  "Mac": b64("x")},
    "CreateKey": {"DKMSInstanceId": INSTANCE},
    "DescribeKey": {"KeyId": KEY},
    "ListKeys": {},
    "EnableKey": {"KeyId": KEY},
    "DisableKey": {"KeyId": KEY},
    "ListKmsInstances": {},
    "GetKmsInstance": {"KmsInstanceId": INSTANCE},
    "GetDefaultKmsInstance": {},
    "GetKmsInstanceQuotaInfos": {"KmsInstanceId": INSTANCE},
}  # fmt: skip
REFUSED_ALWAYS = {"RotateSecret", "UpdateSecretRotationPolicy"}
NONSENSE = ("", " ", "\x00", "😀", "[" * 5000, "{", "null", "[null]", "[[]]", '[{"Key":{}}]', "-1",
            "9" * 5000, "٧", '"\\ud800"', "acs:", "acs:kms:::", "*", "../..", "{SecretName}",
            "x" * 9000)  # fmt: skip


def test_every_action_is_in_the_table() -> None:
    """An action added without wire tests makes this fail."""
    assert set(KMS.actions) == set(GOOD) | REFUSED_ALWAYS


@pytest.mark.parametrize("action", GOOD)
def test_answer_fits_the_sdk_model(emulator: Any, action: str) -> None:
    """Every member of an answer is one the SDK's model knows, at its place and in its form."""
    sdk = client(emulator)
    create(sdk, tags='[{"TagKey":"a","TagValue":"1"}]')
    good = dict(GOOD[action])
    if action == "Decrypt":
        good["CiphertextBlob"] = encrypt_blob(sdk)

    status, answer = raw(emulator, action, good)

    assert status == 200, answer
    response = getattr(m, f"{action}Response")().from_map({"body": answer})
    assert response.body.to_map() == answer


def _parameter_names(action: str) -> set[str]:
    """As the SDK spells them, list parameters with their first index."""
    model = getattr(m, f"{action}Request", None)  # some actions have no parameters
    spelled = re.findall(r"result\['(\w+)'\]", inspect.getsource(model.to_map)) if model else []
    return {*spelled, *(f"{name}.1" for name in spelled), "Tag.1.Key", "Tag.1.Value"}


@pytest.mark.parametrize("action", sorted(KMS.actions))
def test_nonsense_is_never_a_500(emulator: Any, action: str) -> None:
    """One wrong parameter at a time, the others right: an answer or a 4xx, never a defect."""
    sdk = client(emulator)
    good = dict(GOOD.get(action, {"SecretName": NAME, "VersionId": "v"}))

    for name in sorted(_parameter_names(action)):
        emulator.cloud.kms = KmsState(emulator.cloud.account_id, emulator.cloud.region)
        create(sdk)
        if action == "Decrypt":
            good["CiphertextBlob"] = encrypt_blob(sdk)
        for nonsense in NONSENSE:
            status, answer = raw(emulator, action, {**good, name: nonsense})

            assert status < 500, (name, nonsense[:20], answer)
            assert status == 200 or answer["HttpStatus"] == status
