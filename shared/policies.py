"""From an approved ticket to the one policy document, or to the reason why there is none.

Allow comes from the templates only. Every document also denies what no grant may ever reach:
akwarden's own assets, and AccessKey management unless that is what was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.patterns import resources_overlap
from shared.refusals import Denied
from shared.templates import PLACEHOLDER, SELF_SERVICE_PARAMETER, Statement, Template
from shared.tickets import Permission, Ticket

MAX_DOCUMENT_CHARACTERS = 6144  # RAM, "Limitations": length of a custom policy
_WILDCARDS = frozenset("*?")

# RAM authorises IMS calls as `ram:`; older pages say `ims:`, so that is closed as well. With it
# the account-wide switch "allow users to manage AccessKeys" cannot widen a grant.
ACCESS_KEY_MANAGEMENT = [
    "ims:*",
    *(
        f"ram:{name}"
        for name in (
            "CreateAccessKey", "DeleteAccessKey", "DeleteAccessKeyInRecycleBin",
            "GetAccessKeyInfoInRecycleBin", "GetAccessKeyLastUsed", "GetAccessKeyPolicy",
            "ListAccessKeys", "ListAccessKeysInRecycleBin", "RestoreAccessKeyFromRecycleBin",
            "SetAccessKeyPolicy", "SetAccessKeyPolicyForAccount", "UpdateAccessKey",
        )
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Assets:
    """Where akwarden lives: what no grant may touch."""

    account_id: str
    region: str
    audit_project: str
    digest_project: str
    secret_prefix: str = "akw/"
    name_prefix: str = "akw-"

    def resources(self) -> list[str]:
        """RAM resource patterns of all own assets, in every region."""
        return [
            f"acs:fc:*:*:functions/{self.name_prefix}*",
            f"acs:kms:*:*:secret/{self.secret_prefix}*",
            "acs:kms:*:*:secret/akwarden/*",  # the signing secrets and the ledger key
            f"acs:log:*:*:project/{self.audit_project}",
            f"acs:log:*:*:project/{self.audit_project}/*",
            f"acs:log:*:*:project/{self.digest_project}",
            f"acs:log:*:*:project/{self.digest_project}/*",
            f"acs:ram:*:*:policy/{self.name_prefix}*",
            "acs:ram:*:*:policy/akwarden-*",  # of the functions' own roles
            f"acs:ram:*:*:role/{self.name_prefix}*",
            f"acs:ram:*:*:user/{self.name_prefix}*",
        ]


def document(
    ticket: Ticket, templates: Mapping[str, Template], assets: Assets
) -> str | Denied:
    """The policy as compact JSON, the same for the same ticket; or why there can be none."""
    refusal = _kind_refusal(ticket, templates) or _consumer_refusal(ticket, templates, assets)
    if refusal:
        return refusal
    return text_of(ticket.permissions, ticket.source_ips, templates, assets)


def text_of(
    permissions: Sequence[Permission], source_ips: Sequence[str],
    templates: Mapping[str, Template], assets: Assets,
) -> str | Denied:  # fmt: skip
    """The document of permissions whose kind and readers were decided on before."""
    allows: list[Statement] = []
    for index, permission in enumerate(permissions):
        if permission.template not in templates:
            return Denied("unknown_template", f"permissions[{index}].template")
        filled = _filled(permission, f"permissions[{index}]", templates, assets)
        if isinstance(filled, Denied):
            return filled
        allows += filled
    if source_ips:
        allows = [_from_source_ips(statement, source_ips) for statement in allows]
    self_service = templates[permissions[0].template].self_service
    statements = [*_merged(allows), *_denies(assets, self_service=self_service)]
    text = json.dumps(
        {"Version": "1", "Statement": statements}, ensure_ascii=False, separators=(",", ":")
    )
    return text if len(text) <= MAX_DOCUMENT_CHARACTERS else Denied("policy_too_long")


def _kind_refusal(ticket: Ticket, templates: Mapping[str, Template]) -> Denied | None:
    """Unknown templates, and self-service beside anything else: that creates no key."""
    for index, permission in enumerate(ticket.permissions):
        if permission.template not in templates:
            return Denied("unknown_template", f"permissions[{index}].template")
    kinds = {
        (
            templates[p.template].self_service,
            p.parameters.get(SELF_SERVICE_PARAMETER) if templates[p.template].self_service else "",
        )
        for p in ticket.permissions
    }
    return Denied("mixed_self_service", "permissions") if len(kinds) > 1 else None


def _consumer_refusal(
    ticket: Ticket, templates: Mapping[str, Template], assets: Assets
) -> Denied | None:
    """Readers are roles of this account, and none of akwarden's own; where no key is made, there
    is nothing to read and nothing to rotate."""
    if templates[ticket.permissions[0].template].self_service:
        if ticket.rotation_days is not None or ticket.rotation_wait_days is not None:
            return Denied("rotation_unexpected", "rotation_days")
        if ticket.replaces:
            return Denied("replaces_unexpected", "replaces")
        return Denied("consumers_unexpected", "consumers") if ticket.consumers else None
    if not ticket.consumers:
        return Denied("consumers_required", "consumers")
    for index, arn in enumerate(ticket.consumers):
        if not arn.startswith(f"acs:ram::{assets.account_id}:"):
            return Denied("consumer_not_allowed", f"consumers[{index}]")
        if _own(arn, assets):
            return Denied("own_assets_touched", f"consumers[{index}]")
    return None


def _filled(
    permission: Permission, where: str, templates: Mapping[str, Template], assets: Assets
) -> list[Statement] | Denied:
    """The template's statements with the ticket's parameters, if those are harmless."""
    template = templates[permission.template]
    refusal = _parameter_refusal(permission.parameters, template, f"{where}.parameters")
    if refusal:
        return refusal
    values = {
        **permission.parameters, "account": assets.account_id, "region": assets.region,
    }  # fmt: skip
    statements: list[Statement] = [_fill(statement, values) for statement in template.statements]
    for statement in statements:
        # A bare `*` is the template's own, with its reason; the Deny covers our assets there.
        if any(r != "*" and _own(r, assets) for r in statement["Resource"]):
            return Denied("own_assets_touched", f"{where}.parameters")
    return statements


def _parameter_refusal(
    given: Mapping[str, str], template: Template, where: str
) -> Denied | None:
    if not given.keys() <= template.parameters.keys():
        return Denied("parameter_unknown", where)
    for name, parameter in template.parameters.items():
        if name not in given:
            return Denied("parameter_missing", f"{where}.{name}")
        if _WILDCARDS & set(given[name]):
            return Denied("wildcard_not_allowed", f"{where}.{name}")
        if not parameter.fits(given[name]):
            return Denied("parameter_invalid", f"{where}.{name}")
    return None


def _own(resource: str, assets: Assets) -> bool:
    return any(resources_overlap(resource, own) for own in assets.resources())


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    """Every text below, its placeholders replaced in one pass: a value is never filled again."""
    if isinstance(value, str):
        return PLACEHOLDER.sub(lambda match: values[match[1]], value)
    if isinstance(value, list):
        return [_fill(item, values) for item in value]
    return {key: _fill(item, values) for key, item in value.items()}


def _from_source_ips(statement: Statement, source_ips: Iterable[str]) -> Statement:
    """The same, for calls from these addresses. A list, as single values may be no network."""
    condition = {
        **statement.get("Condition", {}), "IpAddress": {"acs:SourceIp": list(source_ips)},
    }  # fmt: skip
    return {**statement, "Condition": condition}


def _merged(statements: Iterable[Statement]) -> list[Statement]:
    """The same rights in fewer characters, sorted: equal resources first, then equal actions."""
    for same, joined in (("Resource", "Action"), ("Action", "Resource")):
        groups: dict[str, Statement] = {}
        for statement in statements:
            content = {**statement, joined: [], same: sorted(set(statement[same]))}
            key = json.dumps(content, sort_keys=True)
            group = groups.setdefault(key, content)
            group[joined] = sorted({*group[joined], *statement[joined]})
        statements = list(groups.values())
    return sorted(statements, key=lambda statement: json.dumps(statement, sort_keys=True))


def _denies(assets: Assets, *, self_service: bool) -> list[Statement]:
    own: Statement = {"Effect": "Deny", "Action": ["*"], "Resource": assets.resources()}
    keys: Statement = {"Effect": "Deny", "Action": ACCESS_KEY_MANAGEMENT, "Resource": ["*"]}
    return [own] if self_service else [own, keys]
