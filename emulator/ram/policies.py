"""Policies: create, read, describe, delete, and who holds them."""

from __future__ import annotations

from collections import Counter

from emulator.call import Call
from emulator.clock import iso
from emulator.policy.language import MalformedPolicy, parse
from emulator.ram import directory, errors, names, quotas, tags
from emulator.ram.paging import page
from emulator.ram.product import RAM
from emulator.ram.state import Policy, PolicyVersion
from emulator.rpc import Answer


def described(policy: Policy) -> Answer:
    return {
        "PolicyName": policy.name, "PolicyType": policy.type, "Description": policy.description,
        "DefaultVersion": policy.default_version, "CreateDate": iso(policy.created_at),
    }  # fmt: skip


def version(policy: Policy, of: PolicyVersion) -> Answer:
    """One version, its document included."""
    return {
        "VersionId": of.id, "IsDefaultVersion": of.id == policy.default_version,
        "PolicyDocument": of.document, "CreateDate": iso(of.created_at),
    }  # fmt: skip


def document(call: Call) -> str:
    """The parameter PolicyDocument, kept as sent; its length counts the characters as sent."""
    text = call.required("PolicyDocument")
    if len(text) > quotas.POLICY_CHARACTERS:
        raise errors.wrong_length("PolicyDocument")
    try:
        parse(text, statement_object=call.cloud.choices.statement_object_accepted)
    except MalformedPolicy as reason:
        raise errors.malformed_policy(str(reason)) from None
    return text


@RAM.action("CreatePolicy", ("policy/*",), writes=True)
def create_policy(call: Call) -> Answer:
    ram, name = call.cloud.ram, names.policy_name(call)
    description, text = names.limited(call, "Description", 1024), document(call)
    given = tags.checked(tags.given(call), longest_value=256)
    if ("Custom", name) in ram.policies:
        raise errors.already_exists("Policy")
    if sum(kind == "Custom" for kind, _ in ram.policies) >= call.cloud.choices.ram_policies_quota:
        raise errors.limit_exceeded("Policy")
    policy = Policy(
        name, description=description, versions=[PolicyVersion("v1", text, call.now)],
        created_at=call.now, updated_at=call.now, tags=given,
    )  # fmt: skip
    ram.policies[("Custom", name)] = policy
    return {"Policy": described(policy)}


@RAM.action("GetPolicy", lambda call: [directory.policy_resource(call)])
def get_policy(call: Call) -> Answer:
    policy = directory.policy(call)
    default = next(v for v in policy.versions if v.id == policy.default_version)
    count = call.cloud.ram.attachment_count(policy.type, policy.name)
    return {
        "Policy": described(policy)
        | {"AttachmentCount": count, "UpdateDate": iso(policy.updated_at)},
        "DefaultPolicyVersion": version(policy, default),
    }


@RAM.action("ListPolicies", ("policy/*",))
def list_policies(call: Call) -> Answer:
    ram, wanted = call.cloud.ram, tags.given(call)
    kind = directory.policy_type(call) if call.text("PolicyType") else ""
    asked = [
        policy for policy in ram.policies.values()
        if kind in ("", policy.type) and tags.matches(policy, wanted)
    ]  # fmt: skip
    found, about = page(call, asked, lambda policy: f"{policy.name}\n{policy.type}")
    counts = Counter(attached for holder in ram.holders() for attached in holder.attached)
    return about | {"Policies": {"Policy": [
        described(policy) | {
            "AttachmentCount": counts[(policy.type, policy.name)],
            "UpdateDate": iso(policy.updated_at), "Tags": tags.described(policy.tags),
        }
        for policy in found
    ]}}  # fmt: skip


@RAM.action("UpdatePolicyDescription", ("policy/{PolicyName}",), writes=True)
def update_policy_description(call: Call) -> Answer:
    policy = directory.custom_policy(call)
    call.required("NewDescription")
    policy.description = names.limited(call, "NewDescription", 1024)
    policy.updated_at = call.now
    return {"Policy": described(policy) | {"UpdateDate": iso(policy.updated_at)}}


@RAM.action("DeletePolicy", ("policy/{PolicyName}",), writes=True)
def delete_policy(call: Call) -> Answer:
    """Only what is attached nowhere goes; other versions go with it if CascadingDelete."""
    ram, policy = call.cloud.ram, directory.custom_policy(call)
    cascading, attached = call.boolean("CascadingDelete"), ("Custom", policy.name)
    for conflict, holders in (
        ("Policy.User", ram.users), ("Policy.Group", ram.groups), ("Policy.Role", ram.roles),
    ):  # fmt: skip
        if any(attached in holder.attached for holder in holders.values()):
            raise errors.delete_conflict(conflict)
    if len(policy.versions) > 1 and not cascading:
        raise errors.delete_conflict("Policy.Version")
    del ram.policies[attached]
    return {}


@RAM.action("ListEntitiesForPolicy", lambda call: [directory.policy_resource(call)])
def list_entities_for_policy(call: Call) -> Answer:
    ram, policy = call.cloud.ram, directory.policy(call)
    attached = (policy.type, policy.name)
    return {
        "Users": {"User": [
            {"UserId": user.id, "UserName": user.name, "DisplayName": user.display_name,
             "AttachDate": iso(user.attached[attached])}
            for user in ram.users.values() if attached in user.attached
        ]},
        "Groups": {"Group": [
            {"GroupName": group.name, "Comments": group.comments,
             "AttachDate": iso(group.attached[attached])}
            for group in ram.groups.values() if attached in group.attached
        ]},
        "Roles": {"Role": [
            {"RoleId": role.id, "RoleName": role.name, "Description": role.description,
             "Arn": f"acs:ram::{ram.account_id}:role/{role.name}",
             "AttachDate": iso(role.attached[attached])}
            for role in ram.roles.values() if attached in role.attached
        ]},
    }  # fmt: skip
