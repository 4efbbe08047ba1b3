"""Parse a policy document into statements, or say what is malformed about it.

Source: RAM, "Policy structure and syntax" (grammar of August 2026): Version "1"; exactly one of
Action and NotAction; no NotResource; Principal only in trust and resource policies.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from emulator.policy.conditions import OPERATORS


class MalformedPolicy(ValueError):
    """The document is not a policy; the text says why."""


@dataclass(frozen=True)
class Statement:
    """One statement; patterns are kept as written."""

    effect: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]
    principals: dict[str, tuple[str, ...]]


_ALLOWED = {"Effect", "Action", "NotAction", "Resource", "Condition", "Sid", "Principal"}
_PRINCIPALS = {"RAM", "Service", "Federated"}
_ACTION = re.compile(r"\*|[a-zA-Z0-9*?-]+:[a-zA-Z0-9*?]+")


def parse(text: str, *, principal: bool = False, statement_object: bool = False) -> list[Statement]:
    """Parse a document; `principal` says whether statements name one (trust, resource policies)."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):  # thousands of open brackets are no document either
        raise MalformedPolicy("The policy document is not valid JSON.") from None
    if not isinstance(document, dict):
        raise MalformedPolicy("The policy document must be an object.")
    if document.get("Version") != "1":
        raise MalformedPolicy('Version must be "1".')
    unknown = set(document) - {"Version", "Statement"}
    if unknown:
        raise MalformedPolicy(f"Unknown element {sorted(unknown)[0]!a}.")
    statements = document.get("Statement")
    if isinstance(statements, dict) and statement_object:
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicy("Statement must be a list with at least one statement.")
    return [_statement(item, principal) for item in statements]


def _statement(item: Any, principal: bool) -> Statement:
    if not isinstance(item, dict):
        raise MalformedPolicy("A statement must be an object.")
    unknown = set(item) - _ALLOWED
    if unknown:
        raise MalformedPolicy(f"Unknown element {sorted(unknown)[0]!a}.")
    if item.get("Effect") not in ("Allow", "Deny"):
        raise MalformedPolicy("Effect must be Allow or Deny.")
    if ("Action" in item) == ("NotAction" in item):
        raise MalformedPolicy("Exactly one of Action and NotAction is required.")
    actions = _strings(item["Action"], "Action") if "Action" in item else ()
    not_actions = _strings(item["NotAction"], "NotAction") if "NotAction" in item else ()
    for action in (*actions, *not_actions):
        if not _ACTION.fullmatch(action):
            raise MalformedPolicy(f"Action {action!a} is invalid.")
    resources = _resources(item, principal)
    for resource in resources:
        if resource != "*" and resource.count(":") < 4:
            raise MalformedPolicy(f"Resource {resource!a} is invalid.")
    return Statement(
        item["Effect"], actions, not_actions, resources,
        _conditions(item.get("Condition", {})),
        _principals(item["Principal"]) if principal else {},
    )  # fmt: skip


def _resources(item: dict[str, Any], principal: bool) -> tuple[str, ...]:
    """Identity policies must say on what; resource policies must say who."""
    if principal and "Principal" not in item:
        raise MalformedPolicy("Principal is required.")
    if not principal and "Principal" in item:
        raise MalformedPolicy("Principal is not allowed here.")
    if not principal and "Resource" not in item:
        raise MalformedPolicy("Resource is required.")
    return _strings(item.get("Resource", ["*"]), "Resource")


def _strings(value: Any, name: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise MalformedPolicy(f"{name} must be a string or a list of strings.")
    if not values:
        raise MalformedPolicy(f"{name} must not be empty.")
    return tuple(values)


def _conditions(value: Any) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    if not isinstance(value, dict):
        raise MalformedPolicy("Condition must be an object.")
    found = []
    for operator, keys in value.items():
        if operator not in OPERATORS:
            raise MalformedPolicy(f"Condition operator {operator!a} is unknown.")
        if not isinstance(keys, dict) or not keys:
            raise MalformedPolicy(f"Condition {operator} must be an object.")
        for key, expected in keys.items():
            found.append((operator, key, _strings(expected, f"Condition {key!a}")))
    return tuple(found)


def _principals(value: Any) -> dict[str, tuple[str, ...]]:
    if value == "*":
        return {"RAM": ("*",)}
    if not isinstance(value, dict) or not value or set(value) - _PRINCIPALS:
        raise MalformedPolicy("Principal must be an object of RAM, Service or Federated.")
    return {kind: _strings(names, "Principal") for kind, names in value.items()}
