"""Secret values: storing a version, reading one, listing them without reading any."""

from __future__ import annotations

from typing import Any

from emulator.call import Call, Denied
from emulator.clock import iso
from emulator.errors import ProductError
from emulator.kms import errors
from emulator.kms.access import (
    authorize_key,
    authorized_secret,
    find_key,
    named_secret,
    refuse_in_window,
)
from emulator.kms.dry_run import dry_runnable
from emulator.kms.parameters import choice, page, required, strings, structured
from emulator.kms.product import KMS
from emulator.kms.stages import checked_stages, move
from emulator.kms.state import CURRENT, PREVIOUS, Secret, Version
from emulator.rpc import Answer

MAX_DATA_BYTES = 30720
MAX_VERSIONS = 10
MAX_BATCH = 20
_VERSION_ID_CHARS = 64


def new_version(call: Call) -> Version:
    """The version that CreateSecret and PutSecretValue describe, not yet stored."""
    version_id = required(call, "VersionId")
    if len(version_id) > _VERSION_ID_CHARS or not version_id.isprintable():
        raise errors.parameter_invalid("VersionId")
    data = required(call, "SecretData")
    if len(data.encode()) > MAX_DATA_BYTES:
        raise errors.parameter_invalid("SecretData")
    data_type = choice(call, "SecretDataType", "text", ("text", "binary"))
    return Version(version_id, data, data_type, call.now)


def store(call: Call, secret: Secret, version: Version) -> None:
    """Append the version and keep its value for the leak checks."""
    secret.versions.append(version)
    call.cloud.remember_secret("secret-data", f"{secret.name}:{version.id}", version.data)


@KMS.action("PutSecretValue", None, writes=True, group="secret-list")
def put_secret_value(call: Call) -> Answer:
    """Store a version. The same id with the same data changes nothing, labels included."""
    secret = named_secret(call, in_window=True)
    if secret.key_id:
        authorize_key(call, "GenerateDataKey", secret.key_id)
    refuse_in_window(call, secret)
    version = new_version(call)
    stages = checked_stages(strings(call, "VersionStages") or [CURRENT], "VersionStages")
    known = secret.version(version.id)
    if known is not None:
        if (known.data, known.data_type) != (version.data, version.data_type):
            raise errors.version_conflict(call.cloud.choices.kms_version_conflict_code)
        return _put_answer(secret, known)
    if secret.key_id and (key := find_key(call, secret.key_id)).state != "Enabled":
        raise errors.key_state_rejected(key.state)
    move(secret, _labels(call, secret, version, stages))
    store(call, secret, version)
    _drop_oldest(secret)
    secret.updated_at = call.now
    return _put_answer(secret, version)


def _labels(call: Call, secret: Secret, version: Version, stages: list[str]) -> dict[str, Version]:
    """The new version gets `stages`; the former current becomes the previous one."""
    moves = dict.fromkeys(stages, version)
    named = bool(call.text("VersionStages"))
    demotes = not named or call.cloud.choices.kms_named_current_demotes_former
    former = secret.labelled(CURRENT)
    if demotes and CURRENT in moves and PREVIOUS not in moves and former is not None:
        moves[PREVIOUS] = former
    return moves


def _drop_oldest(secret: Secret) -> None:
    """Of more than ten versions the oldest unlabelled goes; eight labels cannot hold all ten."""
    if len(secret.versions) > MAX_VERSIONS:
        secret.versions.remove(next(v for v in secret.versions if not v.stages))


def _put_answer(secret: Secret, version: Version) -> Answer:
    return {
        "SecretName": secret.name,
        "VersionId": version.id,
        "VersionStages": {"VersionStage": list(version.stages)},
    }


@KMS.action("GetSecretValue", None, group="secret-read")
@dry_runnable
def get_secret_value(call: Call) -> Answer:
    """The value of ACSCurrent, or of the version or label asked for."""
    if call.text("Recipient"):
        raise errors.operation_unsupported("Recipient (confidential computing) is not emulated.")
    return _value(call, {**call.parameters, "SecretName": required(call, "SecretName")})


@KMS.action("BatchGetSecretValue", None, group="secret-read")
def batch_get_secret_value(call: Call) -> Answer:
    """Up to 20 values; what fails is listed beside what does not. Plain lists, not wrapped."""
    required(call, "SecretsList")
    listed = structured(call, "SecretsList")
    if not isinstance(listed, list) or not 1 <= len(listed) <= MAX_BATCH:
        raise errors.parameter_invalid("SecretsList")
    answer: dict[str, list[Answer]] = {"SecretValues": [], "Errors": []}
    for wanted in listed:
        if not _is_reference(wanted):
            raise errors.parameter_invalid("SecretsList")
        try:
            answer["SecretValues"].append(_value(call, wanted))
        except (Denied, ProductError) as failure:
            answer["Errors"].append(_error(wanted["SecretName"], failure))
    return dict(answer)


def _is_reference(wanted: Any) -> bool:
    names = ("SecretName", "VersionId", "VersionStage")
    if not isinstance(wanted, dict) or not wanted.get("SecretName"):
        return False
    return all(isinstance(wanted.get(name, ""), str) for name in names)


def _error(name: str, failure: Denied | ProductError) -> Answer:
    refusal = failure if isinstance(failure, ProductError) else errors.no_permission()
    return {"Code": refusal.code, "HttpStatus": refusal.status, "Message": refusal.message,
            "SecretName": name}  # fmt: skip


def _value(call: Call, wanted: dict[str, Any]) -> Answer:
    """One value, after kms:GetSecretValue and, for an AccessKey, kms:Decrypt on the key.

    With an STS token only GetSecretValue is checked (KMS, "Access a secret by shared gateway").
    """
    secret = authorized_secret(call, "GetSecretValue", wanted["SecretName"], in_window=True)
    if secret.key_id and call.caller.kind != "session":
        authorize_key(call, "Decrypt", secret.key_id)
    refuse_in_window(call, secret)
    version = _wanted_version(secret, wanted.get("VersionId", ""), wanted.get("VersionStage", ""))
    if secret.key_id and find_key(call, secret.key_id).state != "Enabled":
        raise errors.secret_unavailable()
    return {
        "SecretName": secret.name,
        "SecretType": secret.type,
        "VersionId": version.id,
        "SecretData": version.data,
        "SecretDataType": version.data_type,
        "VersionStages": {"VersionStage": list(version.stages)},
        "CreateTime": iso(version.created_at),
    }


def _wanted_version(secret: Secret, version_id: str, stage: str) -> Version:
    """By id, and by label if both are given; which wins is not documented, so both must hold."""
    found = secret.version(version_id) if version_id else secret.labelled(stage or CURRENT)
    if found is None or (stage and stage not in found.stages):
        raise errors.resource_not_found()
    return found


@KMS.action("ListSecretVersionIds", None, group="secret-list")
def list_secret_version_ids(call: Call) -> Answer:
    """Versions that carry a label; all of them with IncludeDeprecated. Oldest first."""
    secret = named_secret(call, in_window=True)
    everything = call.boolean("IncludeDeprecated")
    listed = [v for v in secret.versions if everything or v.stages]
    shown, numbers = page(call, listed, 20)  # the SDK's page says 20, an older one 10
    return {
        "SecretName": secret.name,
        **numbers,
        "VersionIds": {"VersionId": [
            {"VersionId": v.id, "CreateTime": iso(v.created_at),
             "VersionStages": {"VersionStage": list(v.stages)}}
            for v in shown
        ]},
    }  # fmt: skip
