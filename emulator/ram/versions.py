"""Versions of custom policies: five at most, one of them the default that counts."""

from __future__ import annotations

import re

from emulator.call import Call
from emulator.ram import directory, errors, quotas
from emulator.ram.policies import document, version
from emulator.ram.product import RAM
from emulator.ram.state import Policy, PolicyVersion
from emulator.rpc import Answer

ROTATION = "DeleteOldestNonDefaultVersionWhenLimitExceeded"
_VERSION_ID = re.compile(r"v[1-9][0-9]{0,8}")


def _version(call: Call, policy: Policy) -> PolicyVersion:
    found = next((v for v in policy.versions if v.id == _version_id(call)), None)
    if found is None:
        raise errors.not_exist("Policy.Version")
    return found


def _version_id(call: Call) -> str:
    value = call.required("VersionId")
    if not _VERSION_ID.fullmatch(value):
        raise errors.wrong_format("VersionId")
    return value


@RAM.action("CreatePolicyVersion", ("policy/{PolicyName}",), writes=True)
def create_policy_version(call: Call) -> Answer:
    policy, text = directory.custom_policy(call), document(call)
    becomes_default, strategy = call.boolean("SetAsDefault"), call.text("RotateStrategy", "None")
    if strategy not in ("None", ROTATION):
        raise errors.incorrect("RotateStrategy")
    if len(policy.versions) >= quotas.VERSIONS_PER_POLICY:
        if strategy != ROTATION:
            raise errors.limit_exceeded("Policy.Version")
        policy.versions.remove(
            next(v for v in policy.versions if v.id != policy.default_version)
        )
    added = PolicyVersion(f"v{policy.next_version}", text, call.now)
    policy.versions.append(added)
    policy.next_version += 1
    policy.updated_at = call.now
    if becomes_default:
        policy.default_version = added.id
    return {"PolicyVersion": version(policy, added)}


@RAM.action("GetPolicyVersion", lambda call: [directory.policy_resource(call)])
def get_policy_version(call: Call) -> Answer:
    policy = directory.policy(call)
    return {"PolicyVersion": version(policy, _version(call, policy))}


@RAM.action("ListPolicyVersions", lambda call: [directory.policy_resource(call)])
def list_policy_versions(call: Call) -> Answer:
    policy = directory.policy(call)
    return {"PolicyVersions": {"PolicyVersion": [version(policy, v) for v in policy.versions]}}


@RAM.action("SetDefaultPolicyVersion", ("policy/{PolicyName}",), writes=True)
def set_default_policy_version(call: Call) -> Answer:
    policy = directory.custom_policy(call)
    policy.default_version = _version(call, policy).id
    policy.updated_at = call.now
    return {}


@RAM.action("DeletePolicyVersion", ("policy/{PolicyName}",), writes=True)
def delete_policy_version(call: Call) -> Answer:
    policy = directory.custom_policy(call)
    found = _version(call, policy)
    if found.id == policy.default_version:
        raise errors.delete_conflict("Policy.Version.Default")
    policy.versions.remove(found)
    policy.updated_at = call.now
    return {}
