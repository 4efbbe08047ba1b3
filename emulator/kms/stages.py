"""Stage labels: each marks one version of a secret, and a secret has at most eight.

ACSCurrent and ACSPrevious are the service's own; they can be moved but not merely removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from emulator.call import Call
from emulator.kms import errors
from emulator.kms.access import named_secret
from emulator.kms.parameters import required
from emulator.kms.product import KMS
from emulator.kms.state import CURRENT, PREVIOUS, Secret, Version
from emulator.rpc import Answer

MAX_STAGES = 8
# Length and alphabet of a label are not documented; these are ours, those of a secret's name.
_LABEL = re.compile(r"[A-Za-z0-9_/+=.@-]{1,64}")


def checked_stages(stages: Sequence[str], parameter: str) -> list[str]:
    """The labels without repetitions, or `InvalidParameter`."""
    if not all(_LABEL.fullmatch(stage) for stage in stages):
        raise errors.parameter_invalid(parameter)
    return list(dict.fromkeys(stages))


def move(secret: Secret, stages: dict[str, Version]) -> None:
    """Give each label to its version, taking it from any other; refuses a ninth label."""
    if len(secret.stages | set(stages)) > MAX_STAGES:
        raise errors.limit_exceeded("version stage")
    for stage, version in stages.items():
        remove(secret, stage)
        version.stages.append(stage)


def remove(secret: Secret, stage: str) -> None:
    holder = secret.labelled(stage)
    if holder is not None:
        holder.stages.remove(stage)


@KMS.action("UpdateSecretVersionStage", None, writes=True, group="secret-list")
def update_secret_version_stage(call: Call) -> Answer:
    """Move a label to a version, or take it from one."""
    secret = named_secret(call)
    [stage] = checked_stages([required(call, "VersionStage")], "VersionStage")
    source = _version(secret, call.text("RemoveFromVersion"))
    target = _version(secret, call.text("MoveToVersion"))
    if target is None and (source is None or stage in (CURRENT, PREVIOUS)):
        raise errors.parameter_missing("MoveToVersion")
    if source is not None and stage not in source.stages:
        raise errors.parameter_invalid("RemoveFromVersion")
    if target is None:
        remove(secret, stage)
    else:
        move(secret, _moves(call, secret, stage, target))
    secret.updated_at = call.now
    return {"SecretName": secret.name}


def _version(secret: Secret, version_id: str) -> Version | None:
    """None if no id is given; Forbidden.ResourceNotFound for an unknown one."""
    if not version_id:
        return None
    version = secret.version(version_id)
    if version is None:
        raise errors.resource_not_found()
    return version


def _moves(call: Call, secret: Secret, stage: str, target: Version) -> dict[str, Version]:
    former = secret.labelled(CURRENT)
    follows = call.cloud.choices.kms_previous_follows_current and stage == CURRENT
    if follows and former is not None and former is not target:
        return {stage: target, PREVIOUS: former}
    return {stage: target}
