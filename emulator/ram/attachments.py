"""Policies attached to users, groups and roles.

Attaching and detaching ask RAM about two resources, the holder and the policy; both must be
allowed. Source: the API pages' authorisation tables; quotas from "Limits".
"""

from __future__ import annotations

from collections.abc import Callable

from emulator.call import Call
from emulator.clock import iso
from emulator.ram import directory, errors, quotas
from emulator.ram.product import RAM
from emulator.ram.state import Group, Role, User
from emulator.rpc import Answer

Holder = User | Group | Role


def attach(call: Call, kind: str, find: Callable[[Call], Holder]) -> Answer:
    holder, policy = find(call), directory.policy(call)
    key = (policy.type, policy.name)
    if key in holder.attached:
        raise errors.already_exists(f"{kind}.Policy")
    if sum(held == policy.type for held, _ in holder.attached) >= quotas.ATTACHED[policy.type]:
        raise errors.limit_exceeded(f"{kind}.Policy")
    holder.attached[key] = call.now
    return {}


def detach(call: Call, kind: str, find: Callable[[Call], Holder]) -> Answer:
    holder, policy = find(call), directory.policy(call)
    if holder.attached.pop((policy.type, policy.name), None) is None:
        raise errors.not_exist(f"{kind}.Policy")
    return {}


def attached_to(call: Call, holder: Holder) -> Answer:
    """The policies of a holder, with the day each was attached; this list has no pages."""
    policies = call.cloud.ram.policies
    return {"Policies": {"Policy": [
        {"PolicyName": name, "PolicyType": kind, "AttachDate": iso(at),
         "Description": policies[(kind, name)].description,
         "DefaultVersion": policies[(kind, name)].default_version}
        for (kind, name), at in holder.attached.items()
    ]}}  # fmt: skip


def _both(holder: str) -> Callable[[Call], list[str]]:
    """The holder and the policy: `user/{UserName}` of the call, and its policy."""
    kind, parameter = holder.split("/")
    return lambda call: [f"{kind}/{call.text(parameter)}", directory.policy_resource(call)]


_USER, _GROUP, _ROLE = _both("user/UserName"), _both("group/GroupName"), _both("role/RoleName")


@RAM.action("AttachPolicyToUser", _USER, writes=True)
def attach_policy_to_user(call: Call) -> Answer:
    return attach(call, "User", directory.user)


@RAM.action("DetachPolicyFromUser", _USER, writes=True)
def detach_policy_from_user(call: Call) -> Answer:
    return detach(call, "User", directory.user)


@RAM.action("ListPoliciesForUser", ("user/{UserName}",))
def list_policies_for_user(call: Call) -> Answer:
    return attached_to(call, directory.user(call))


@RAM.action("AttachPolicyToGroup", _GROUP, writes=True)
def attach_policy_to_group(call: Call) -> Answer:
    return attach(call, "Group", directory.group)


@RAM.action("DetachPolicyFromGroup", _GROUP, writes=True)
def detach_policy_from_group(call: Call) -> Answer:
    return detach(call, "Group", directory.group)


@RAM.action("ListPoliciesForGroup", ("group/{GroupName}",))
def list_policies_for_group(call: Call) -> Answer:
    return attached_to(call, directory.group(call))


@RAM.action("AttachPolicyToRole", _ROLE, writes=True)
def attach_policy_to_role(call: Call) -> Answer:
    return attach(call, "Role", directory.role)


@RAM.action("DetachPolicyFromRole", _ROLE, writes=True)
def detach_policy_from_role(call: Call) -> Answer:
    return detach(call, "Role", directory.role)


@RAM.action("ListPoliciesForRole", ("role/{RoleName}",))
def list_policies_for_role(call: Call) -> Answer:
    return attached_to(call, directory.role(call))
