"""Roles: a trust policy says who may assume one, attached policies what it may then do.

Source: RAM, CreateRole and UpdateRole; MaxSessionDuration 3600 to 43200 seconds.
Limitation: no service-linked roles and no AllowConsoleLogin.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.policy.language import MalformedPolicy, parse
from emulator.ram import directory, errors, names, quotas, tags
from emulator.ram.paging import page
from emulator.ram.product import RAM
from emulator.ram.state import Role
from emulator.rpc import Answer

SHORTEST_SECONDS, LONGEST_SECONDS = 3600, 43200


def arn(account_id: str, role_name: str) -> str:
    return f"acs:ram::{account_id}:role/{role_name}"


def described(call: Call, role: Role) -> Answer:
    """A role without its trust policy, as ListRoles prints it."""
    return {
        "RoleId": role.id, "RoleName": role.name, "Arn": arn(call.cloud.account_id, role.name),
        "Description": role.description, "MaxSessionDuration": role.max_session_seconds,
        "CreateDate": iso(role.created_at),
    }  # fmt: skip


def _whole(call: Call, role: Role) -> Answer:
    return described(call, role) | {"AssumeRolePolicyDocument": role.trust_document}


def _trust(call: Call, parameter: str) -> str:
    text = call.required(parameter)
    if len(text) > quotas.POLICY_CHARACTERS:
        raise errors.wrong_length(parameter)
    try:
        parse(
            text, principal=True, statement_object=call.cloud.choices.statement_object_accepted
        )
    except MalformedPolicy as reason:
        raise errors.malformed_policy(str(reason)) from None
    return text


def _seconds(call: Call, parameter: str, default: int) -> int:
    value = call.integer(parameter, default, 0, 10**9)
    if not SHORTEST_SECONDS <= value <= LONGEST_SECONDS:
        raise errors.incorrect(parameter)
    return value


@RAM.action("CreateRole", ("role/*",), writes=True)
def create_role(call: Call) -> Answer:
    ram, name = call.cloud.ram, names.role_name(call)
    role = Role(
        ram.new_id(), name, _trust(call, "AssumeRolePolicyDocument"),
        names.limited(call, "Description", 1024), _seconds(call, "MaxSessionDuration", 3600),
        created_at=call.now, updated_at=call.now,
        tags=tags.checked(tags.given(call), longest_value=256),
    )  # fmt: skip
    if name in ram.roles:
        raise errors.already_exists("Role")
    if len(ram.roles) >= quotas.ROLES:
        raise errors.limit_exceeded("Role")
    ram.roles[name] = role
    return {"Role": _whole(call, role)}


@RAM.action("GetRole", ("role/{RoleName}",))
def get_role(call: Call) -> Answer:
    role = directory.role(call)
    return {"Role": _whole(call, role) | {"UpdateDate": iso(role.updated_at)}}


@RAM.action("ListRoles", ("role/*",))
def list_roles(call: Call) -> Answer:
    wanted = tags.given(call)
    asked = [role for role in call.cloud.ram.roles.values() if tags.matches(role, wanted)]
    found, about = page(call, asked, lambda role: role.name)
    return about | {"Roles": {"Role": [
        described(call, role)
        | {"UpdateDate": iso(role.updated_at), "Tags": tags.described(role.tags)}
        for role in found
    ]}}  # fmt: skip


@RAM.action("UpdateRole", ("role/{RoleName}",), writes=True)
def update_role(call: Call) -> Answer:
    role = directory.role(call)
    description = names.limited(call, "NewDescription", 1024)
    seconds = _seconds(call, "NewMaxSessionDuration", role.max_session_seconds)
    if call.text("NewAssumeRolePolicyDocument"):
        role.trust_document = _trust(call, "NewAssumeRolePolicyDocument")
    if "NewDescription" in call.parameters:
        role.description = description
    role.max_session_seconds, role.updated_at = seconds, call.now
    return {"Role": _whole(call, role) | {"UpdateDate": iso(role.updated_at)}}


@RAM.action("DeleteRole", ("role/{RoleName}",), writes=True)
def delete_role(call: Call) -> Answer:
    """Sessions that the role gave out lose its policies at once."""
    role = directory.role(call)
    if role.attached:
        raise errors.delete_conflict("Role.Policy")
    del call.cloud.ram.roles[role.name]
    return {}
