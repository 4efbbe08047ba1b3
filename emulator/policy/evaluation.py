"""Decide one action on one resource: explicit deny, then allow, then implicit deny.

Source: RAM, "Policy evaluation". Session policies must allow as well as identity policies; a
resource policy of the same account is united with the identity policies (KMS, "Overview of
secret policies": either is sufficient, no explicit deny in either).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from emulator.history import Decision
from emulator.policy.conditions import Context, like, satisfied
from emulator.policy.language import Statement

ALLOW, EXPLICIT_DENY, IMPLICIT_DENY = "Allow", "ExplicitDeny", "ImplicitDeny"


@dataclass(frozen=True)
class NamedPolicy:
    """A parsed policy with the name under which a decision cites it (`Custom:akw-issue`)."""

    name: str
    statements: tuple[Statement, ...]


def action_matches(pattern: str, action: str) -> bool:
    """Actions compare without case; `*` and `?` are wildcards."""
    return like(action, pattern, ignore_case=True)


def resource_matches(pattern: str, resource: str) -> bool:
    """Compare segment by segment; an empty region or account in a pattern stands for any."""
    if pattern == "*":
        return True
    wanted, given = pattern.split(":", 4), resource.split(":", 4)
    if len(wanted) != 5 or len(given) != 5:
        return like(resource, pattern)
    for index, (expected, value) in enumerate(zip(wanted, given, strict=True)):
        if index in (2, 3) and (expected == "" or value in ("", "*")):
            continue
        if not like(value, expected):
            return False
    return True


def principal_matches(
    principals: dict[str, tuple[str, ...]], arns: Iterable[str], service: str = ""
) -> bool:
    """Whether a resource policy names one of the caller's ARNs, or the calling cloud service."""
    if service:
        return service in principals.get("Service", ())
    patterns = principals.get("RAM", ())
    return any(like(arn, pattern) for arn in arns for pattern in patterns)


def applies(statement: Statement, action: str, resource: str, context: Context) -> bool:
    """Whether a statement speaks of this action on this resource under this context."""
    if statement.actions:
        if not any(action_matches(p, action) for p in statement.actions):
            return False
    elif any(action_matches(p, action) for p in statement.not_actions):
        return False
    if not any(resource_matches(p, resource) for p in statement.resources):
        return False
    return all(
        satisfied(operator, expected, context.get(key))
        for operator, key, expected in statement.conditions
    )


def decide(
    action: str,
    resource: str,
    context: Context,
    policies: Iterable[NamedPolicy],
    *,
    principal_arns: Iterable[str] = (),
    service: str = "",
) -> Decision:
    """Decide over a set of policies; the first allow is cited, any deny wins over it.

    Statements that name a principal count only if it is one of `principal_arns`, or `service`
    (`fc.aliyuncs.com`) where a cloud service calls.
    """
    allowed: Decision | None = None
    arns = tuple(principal_arns)
    for policy in policies:
        for index, statement in enumerate(policy.statements):
            if statement.principals and not principal_matches(
                statement.principals, arns, service
            ):
                continue
            if not applies(statement, action, resource, context):
                continue
            if statement.effect == "Deny":
                return Decision(action, resource, EXPLICIT_DENY, policy.name, index)
            if allowed is None:
                allowed = Decision(action, resource, ALLOW, policy.name, index)
    return allowed or Decision(action, resource, IMPLICIT_DENY)
