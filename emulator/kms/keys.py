"""Keys: symmetric ones and MAC keys. Asymmetric keys, imports and rotation are not emulated."""

from __future__ import annotations

import secrets as entropy

from emulator.call import Call
from emulator.clock import iso
from emulator.kms import errors
from emulator.kms.access import authorize_key, find_key
from emulator.kms.parameters import choice, filters, page, required, tags
from emulator.kms.product import KMS
from emulator.kms.state import ENCRYPT_USAGE, MAC_USAGE, SYMMETRIC_SPEC, Key
from emulator.rpc import Answer

MAC_SPECS = ("HMAC_SHA224", "HMAC_SHA256", "HMAC_SHA384", "HMAC_SHA512")
_OTHER_SPECS = (
    "Aliyun_AES_128", "Aliyun_AES_192", "Aliyun_SM4", "RSA_2048", "RSA_3072", "RSA_4096",
    "EC_P256", "EC_P256K", "EC_SM2", "HMAC_SM3",
)  # fmt: skip
_FILTERS = ("KeyState", "KeySpec", "KeyUsage", "DKMSInstanceId", "KeyId")


def _container(call: Call) -> list[str]:
    return [call.cloud.kms.arn("key")]


@KMS.action("CreateKey", _container, writes=True, group="key-create")
def create_key(call: Call) -> Answer:
    """Make a key; without DKMSInstanceId it is in no instance and no secret can use it."""
    spec = choice(call, "KeySpec", SYMMETRIC_SPEC, (SYMMETRIC_SPEC, *MAC_SPECS, *_OTHER_SPECS))
    if spec in _OTHER_SPECS:
        raise errors.operation_unsupported(f"Keys of the spec {spec} are not emulated.")
    if choice(call, "Origin", "Aliyun_KMS", ("Aliyun_KMS", "EXTERNAL")) == "EXTERNAL":
        raise errors.operation_unsupported("Imported key material is not emulated.")
    usage = ENCRYPT_USAGE if spec == SYMMETRIC_SPEC else MAC_USAGE
    choice(call, "KeyUsage", usage, (usage,))
    instance_id = call.text("DKMSInstanceId")
    if instance_id and instance_id not in call.cloud.kms.instances:
        raise errors.resource_not_found()
    key = Key(
        f"key-{entropy.token_hex(10)}", spec, usage, instance_id,
        description=call.text("Description"), created_at=call.now, tags=tags(call),
    )  # fmt: skip
    _refuse_beyond_quota(call, instance_id)
    call.cloud.kms.keys[key.id] = key
    return {"KeyMetadata": _metadata(call, key)}


def _refuse_beyond_quota(call: Call, instance_id: str) -> None:
    held = sum(key.instance_id == instance_id for key in call.cloud.kms.keys.values())
    if instance_id and held >= call.cloud.kms.instances[instance_id].key_quota:
        raise errors.limit_exceeded("key")


def _metadata(call: Call, key: Key) -> Answer:
    return {
        "Arn": call.cloud.kms.arn(f"key/{key.id}"),
        "KeyId": key.id,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        "KeyState": key.state,
        "Description": key.description,
        "DKMSInstanceId": key.instance_id,
        "Creator": call.cloud.account_id,
        "CreationDate": iso(key.created_at),
        "DeleteDate": "",
        "Origin": "Aliyun_KMS",
        "MaterialExpireTime": "",
        "ProtectionLevel": "SOFTWARE",
        "PrimaryKeyVersion": key.version_id,
        "AutomaticRotation": "Disabled",
    }


def _permitted_key(call: Call) -> Key:
    reference = required(call, "KeyId")
    authorize_key(call, call.entry.action, reference)
    return find_key(call, reference)


@KMS.action("DescribeKey", None, group="key-read")
def describe_key(call: Call) -> Answer:
    return {"KeyMetadata": _metadata(call, _permitted_key(call))}


@KMS.action("ListKeys", _container, group="key-read")
def list_keys(call: Call) -> Answer:
    """Ids and ARNs, oldest first; filters are equalities."""
    wanted = filters(call, _FILTERS)
    found = [key for key in call.cloud.kms.keys.values() if _passes(key, wanted)]
    shown, numbers = page(call, found, 10)
    return {
        **numbers,
        "Keys": {"Key": [
            {"KeyId": key.id, "KeyArn": call.cloud.kms.arn(f"key/{key.id}")} for key in shown
        ]},
    }  # fmt: skip


def _passes(key: Key, wanted: dict[str, list[str]]) -> bool:
    values = {
        "KeyState": key.state,
        "KeySpec": key.spec,
        "KeyUsage": key.usage,
        "DKMSInstanceId": key.instance_id,
        "KeyId": key.id,
    }
    return all(values[name] in expected for name, expected in wanted.items())


@KMS.action("DisableKey", None, writes=True, group="key-write")
def disable_key(call: Call) -> Answer:
    """From now on the key works for nothing, and its secrets cannot be read."""
    _permitted_key(call).state = "Disabled"
    return {}


@KMS.action("EnableKey", None, writes=True, group="key-write")
def enable_key(call: Call) -> Answer:
    _permitted_key(call).state = "Enabled"
    return {}
