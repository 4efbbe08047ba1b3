"""Event patterns: which events a rule of the default event bus lets through.

Source: EventBridge, "Event patterns": a mapping of the event's own structure; a list of values is
"any of these"; all members must match; comparison is exact and case-sensitive. Limits: of the
operators, `prefix` and `suffix`; whatever else is refused when the pattern is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_OPERATORS = ("prefix", "suffix")


@dataclass(frozen=True)
class EventPattern:
    """A checked pattern; the empty one matches every event."""

    members: Mapping[str, Any]

    @classmethod
    def parse(cls, text: str) -> EventPattern:
        """Read the JSON text; ValueError for what is no pattern or not emulated."""
        members = json.loads(text)
        if not isinstance(members, dict):
            raise ValueError("it is no JSON object")
        _check(members)
        return cls(members)

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event has every member of the pattern, with one of its values."""
        return _matches(self.members, event)


def _check(members: Mapping[str, Any]) -> None:
    for name, wanted in members.items():
        if isinstance(wanted, dict):
            _check(wanted)
        elif not isinstance(wanted, list) or not wanted:
            raise ValueError(f"{name} must be a list of values or a mapping")
        else:
            for option in wanted:
                _check_option(name, option)


def _check_option(name: str, option: Any) -> None:
    if isinstance(option, list):
        raise ValueError(f"{name} holds a list in a list")
    if not isinstance(option, dict):
        return
    for operator, operand in option.items():
        if operator not in _OPERATORS or not isinstance(operand, str):
            raise ValueError(f"{name}: the operator {operator} is not emulated")
    if len(option) != 1:
        raise ValueError(f"{name}: one operator at a time")


def _matches(members: Mapping[str, Any], event: Any) -> bool:
    if not isinstance(event, dict):
        return False
    return all(
        name in event
        and (_matches(wanted, event[name]) if isinstance(wanted, dict)
             else any(_is(option, event[name]) for option in wanted))
        for name, wanted in members.items()
    )  # fmt: skip


def _is(option: Any, value: Any) -> bool:
    if isinstance(option, dict):
        ((operator, operand),) = option.items()
        if not isinstance(value, str):
            return False
        return value.startswith(operand) if operator == "prefix" else value.endswith(operand)
    return type(option) is type(value) and bool(option == value)  # 1 is not true
