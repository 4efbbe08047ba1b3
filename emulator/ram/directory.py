"""Find the user, group, role or policy that a call speaks of, and the ARN that RAM asks about."""

from __future__ import annotations

from emulator.call import Call
from emulator.errors import parameter_missing
from emulator.ram import errors, names
from emulator.ram.state import Group, Policy, Role, User

POLICY_TYPES = ("Custom", "System")


def user(call: Call) -> User:
    """The user named by UserName."""
    return user_named(call, names.user_name(call))


def user_named(call: Call, name: str) -> User:
    found = call.cloud.ram.users.get(name)
    if found is None:
        raise errors.not_exist("User")
    return found


def asked_name(call: Call) -> str:
    """UserName, or the caller's own name where it is omitted; empty if the caller is no user."""
    own = call.caller.name if call.caller.kind == "user" else ""
    return call.text("UserName") or own


def user_or_caller(call: Call) -> User:
    """The user named by UserName, or the calling user where it is omitted."""
    if call.text("UserName"):
        return user(call)
    if not asked_name(call):
        raise parameter_missing("UserName")
    return user_named(call, asked_name(call))


def group(call: Call) -> Group:
    found = call.cloud.ram.groups.get(names.group_name(call))
    if found is None:
        raise errors.not_exist("Group")
    return found


def role(call: Call) -> Role:
    found = call.cloud.ram.roles.get(names.role_name(call))
    if found is None:
        raise errors.not_exist("Role")
    return found


def policy(call: Call) -> Policy:
    """The policy named by PolicyName and PolicyType."""
    kind, name = policy_type(call), names.policy_name(call)
    found = call.cloud.ram.policies.get((kind, name))
    if found is None:
        raise errors.not_exist("Policy")
    return found


def custom_policy(call: Call) -> Policy:
    """The custom policy named by PolicyName, for actions that change one."""
    found = call.cloud.ram.policies.get(("Custom", names.policy_name(call)))
    if found is None:
        raise errors.not_exist("Policy")
    return found


def policy_type(call: Call) -> str:
    value = call.required("PolicyType")
    if value not in POLICY_TYPES:
        raise errors.incorrect("PolicyType")
    return value


def policy_resource(call: Call) -> str:
    """The policy as RAM authorises it: system policies belong to the account `system`."""
    name = call.text("PolicyName")
    if call.text("PolicyType") == "System":
        return f"acs:ram:*:system:policy/{name}"
    return f"policy/{name}"


def arn(call: Call, relative_id: str) -> str:
    """`user/NAME` as the full ARN that policies are compared with."""
    return f"acs:ram:*:{call.cloud.account_id}:{relative_id}"
