"""Secrets: create, describe, list, update, delete, restore. Managed types are not emulated."""

from __future__ import annotations

import re
from datetime import timedelta

from emulator.call import Call
from emulator.clock import iso
from emulator.kms import errors, resource_policy
from emulator.kms.access import authorize_key, find_key, named_secret
from emulator.kms.parameters import filters, integer, page, required, tags
from emulator.kms.product import KMS
from emulator.kms.state import CURRENT, ENCRYPT_USAGE, Secret
from emulator.kms.versions import new_version, store
from emulator.rpc import Answer

_NAME = re.compile(r"[A-Za-z0-9_/+=.@-]{1,192}")
_RESERVED_PREFIX = "acs/"
_MANAGED_TYPES = ("Rds", "Redis", "RAMCredentials", "ECS", "PolarDB")
_FILTERS = ("SecretName", "Description", "TagKey", "TagValue", "DKMSInstanceId", "SecretType",
            "Creator")  # fmt: skip


def _container(call: Call) -> list[str]:
    """CreateSecret and ListSecrets are asked about the container: RAM sees no name."""
    return [call.cloud.kms.arn("secret")]


@KMS.action("CreateSecret", _container, writes=True, group="secret-write")
def create_secret(call: Call) -> Answer:
    """Create a generic secret with its first version, labelled ACSCurrent.

    A taken name is refused atomically; it is not made idempotent by VersionId.
    """
    key_reference = call.text("EncryptionKeyId")
    if key_reference:
        authorize_key(call, "GenerateDataKey", key_reference)
    name = _new_name(call)
    version = new_version(call)
    instance_id, key_id = _home(call, key_reference)
    secret = Secret(
        name, call.now, call.now, description=call.text("Description"), tags=tags(call),
        instance_id=instance_id, key_id=key_id, policy=_initial_policy(call, instance_id),
    )  # fmt: skip
    _refuse_taken(call, name)
    _refuse_beyond_quota(call, instance_id)
    version.stages.append(CURRENT)
    store(call, secret, version)
    call.cloud.kms.secrets[name] = secret
    answer = {
        "Arn": call.cloud.kms.arn(f"secret/{name}"),
        "SecretName": name,
        "SecretType": secret.type,
        "VersionId": version.id,
    }
    return answer | ({"DKMSInstanceId": instance_id} if instance_id else {})


def _new_name(call: Call) -> str:
    name = required(call, "SecretName")
    kind = call.text("SecretType", "Generic") or "Generic"
    if kind in _MANAGED_TYPES:
        raise errors.operation_unsupported(f"Managed secrets ({kind}) are not emulated.")
    if kind != "Generic":
        raise errors.parameter_invalid("SecretType")
    if not _NAME.fullmatch(name) or name.startswith(_RESERVED_PREFIX):
        raise errors.parameter_invalid("SecretName")
    return name


def _home(call: Call, key_reference: str) -> tuple[str, str]:
    """The instance and the symmetric, enabled key in it; which code each fault has is ours."""
    instance_id = call.text("DKMSInstanceId")
    if not instance_id and not key_reference and not call.cloud.choices.kms_instance_required:
        return "", ""
    for name in ("DKMSInstanceId", "EncryptionKeyId"):
        required(call, name)
    if instance_id not in call.cloud.kms.instances:
        raise errors.resource_not_found()
    key = find_key(call, key_reference)
    if key.instance_id != instance_id or key.usage != ENCRYPT_USAGE:
        raise errors.parameter_invalid("EncryptionKeyId")
    if key.state != "Enabled":
        raise errors.key_state_rejected(key.state)
    return instance_id, key.id


def _initial_policy(call: Call, instance_id: str) -> str:
    text = call.text("Policy")
    if text and not instance_id:
        raise errors.parameter_invalid("Policy")  # only secrets of an instance have one
    if text:
        return resource_policy.checked(text)
    return resource_policy.default_policy(call.cloud.kms) if instance_id else ""


def _refuse_taken(call: Call, name: str) -> None:
    taken = call.cloud.kms.secret(name, call.now)
    if taken is not None and taken.planned_delete_at is not None:
        raise errors.name_in_deletion_window()
    if taken is not None:
        raise errors.resource_exists()


def _refuse_beyond_quota(call: Call, instance_id: str) -> None:
    """The quota is bought with the instance; a secret in its deletion window still counts."""
    if not instance_id:
        return
    held = sum(s.instance_id == instance_id for s in call.cloud.kms.secrets.values())
    if held >= call.cloud.kms.instances[instance_id].secret_quota:
        raise errors.secret_quota_exceeded()


def _tag_list(secret: Secret) -> Answer:
    return {"Tag": [{"TagKey": key, "TagValue": value} for key, value in secret.tags.items()]}


def _dates(secret: Secret) -> dict[str, str]:
    """PlannedDeleteTime stands only while the secret is in its window."""
    dates = {"CreateTime": iso(secret.created_at), "UpdateTime": iso(secret.updated_at)}
    if secret.planned_delete_at is not None:
        dates["PlannedDeleteTime"] = iso(secret.planned_delete_at)
    return dates


@KMS.action("DescribeSecret", None, group="secret-read")
def describe_secret(call: Call) -> Answer:
    """Everything but the value; answers during the deletion window too."""
    secret = named_secret(call, in_window=True)
    answer: Answer = {
        "Arn": call.cloud.kms.arn(f"secret/{secret.name}"),
        "SecretName": secret.name,
        "SecretType": secret.type,
        "Description": secret.description,
        "DKMSInstanceId": secret.instance_id,
        "EncryptionKeyId": secret.key_id,
        **_dates(secret),
    }
    if call.boolean("FetchTags"):
        answer["Tags"] = _tag_list(secret)
    return answer


@KMS.action("ListSecrets", _container, group="secret-list")
def list_secrets(call: Call) -> Answer:
    """All secrets, oldest first; filters are equalities, values OR-ed, keys AND-ed (ours)."""
    call.cloud.kms.purge(call.now)
    wanted = filters(call, _FILTERS)
    found = [s for s in call.cloud.kms.secrets.values() if _passes(call, s, wanted)]
    shown, numbers = page(call, found, 10)
    fetch_tags = call.boolean("FetchTags")
    return {
        **numbers,
        "SecretList": {"Secret": [
            {"SecretName": s.name, "SecretType": s.type, **_dates(s),
             **({"Tags": _tag_list(s)} if fetch_tags else {})}
            for s in shown
        ]},
    }  # fmt: skip


def _passes(call: Call, secret: Secret, wanted: dict[str, list[str]]) -> bool:
    values: dict[str, set[str]] = {
        "SecretName": {secret.name},
        "Description": {secret.description},
        "TagKey": set(secret.tags),
        "TagValue": set(secret.tags.values()),
        "DKMSInstanceId": {secret.instance_id},
        "SecretType": {secret.type},
        "Creator": {call.cloud.account_id},
    }
    return all(values[key] & set(expected) for key, expected in wanted.items())


@KMS.action("UpdateSecret", None, writes=True, group="secret-list")
def update_secret(call: Call) -> Answer:
    """Change the description; ExtendedConfig means nothing for a generic secret."""
    secret = named_secret(call)
    if "Description" in call.parameters:
        secret.description = call.parameters["Description"]
    secret.updated_at = call.now
    return {"SecretName": secret.name}


@KMS.action("DeleteSecret", None, writes=True, group="secret-write")
def delete_secret(call: Call) -> Answer:
    """Delete at the end of a window of 7 to 30 days, or at once by force.

    By force a given window is ignored (clients send both) and the name is free at once; a secret
    in its window can still be deleted by force, but not be given a second window.
    """
    secret = named_secret(call, in_window=True)
    force = call.boolean("ForceDeleteWithoutRecovery")
    if force:
        del call.cloud.kms.secrets[secret.name]
        return {"SecretName": secret.name, "PlannedDeleteTime": call.today}
    days = integer(call, "RecoveryWindowInDays", 30, 7, 30)
    if secret.planned_delete_at is not None:
        raise errors.name_in_deletion_window()
    secret.planned_delete_at = call.now + timedelta(days=days)
    return {"SecretName": secret.name, "PlannedDeleteTime": iso(secret.planned_delete_at)}


@KMS.action("RestoreSecret", None, writes=True, group="secret-list")
def restore_secret(call: Call) -> Answer:
    """Take a secret out of its deletion window; one that is in none stays as it is."""
    secret = named_secret(call, in_window=True)
    secret.planned_delete_at = None
    return {"SecretName": secret.name}
