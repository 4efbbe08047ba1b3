"""What a policy document allows, as far as a warning needs to know; pure.

Conditions are not weighed: what is allowed under a condition is told as allowed. Nor are denials,
which may be lifted: a warning too many is looked at by a person.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from shared.patterns import overlap, resources_overlap

EVERYTHING = ("*", "*:*")
ANY_RESOURCE = ("*", "acs:*", "acs:*:*", "acs:*:*:*", "acs:*:*:*:*")


class Malformed(Exception):
    """It is no policy document."""


def administers(document: str) -> bool:
    """Whether it allows every action on every resource."""
    return any(
        any(action in EVERYTHING for action in _listed(statement, "Action"))
        and any(resource in ANY_RESOURCE for resource in _listed(statement, "Resource"))
        for statement in _allowing(document)
    )


def allows(document: str, action: str, resource: str) -> bool:
    """Whether some statement allows this action on this resource (no patterns in either)."""
    return any(
        _meets(statement, "Action", action, overlap)
        and _meets(statement, "Resource", resource, resources_overlap)
        for statement in _allowing(document)
    )


def _allowing(document: str) -> Iterator[Mapping[str, Any]]:
    try:
        statements = json.loads(document)["Statement"]
        if isinstance(statements, dict):
            statements = [statements]
        for statement in statements:
            if statement["Effect"] == "Allow":
                yield statement
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Malformed from None


def _meets(statement: Mapping[str, Any], element: str, asked: str, matches: Any) -> bool:
    """Whether the element covers it; `Not<element>` covers what it does not name."""
    if f"Not{element}" in statement:
        excluded = _listed(statement, f"Not{element}")
        return not any(matches(one.lower(), asked.lower()) for one in excluded)
    return any(matches(one.lower(), asked.lower()) for one in _listed(statement, element))


def _listed(statement: Mapping[str, Any], element: str) -> list[str]:
    given = statement.get(element, [])
    listed = [given] if isinstance(given, str) else given
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise Malformed
    return listed
