"""Condition operators: does one context value satisfy one expected value?

Source: RAM, "Policy elements", Condition. All values are strings; values of a key are OR-ed
(AND-ed for the negated operators), keys and operators are AND-ed. A key that the request does
not carry satisfies no positive operator and every negated one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from ipaddress import ip_address, ip_network

Context = dict[str, tuple[str, ...]]


def like(value: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """`*` matches any run of characters, `?` exactly one.

    On a mismatch only the last `*` takes one character more, so that the time is at most the
    product of both lengths: a regular expression would let a policy of many stars hang us.
    """
    if ignore_case:
        value, pattern = value.lower(), pattern.lower()
    at = index = 0
    star, resume = -1, 0
    while at < len(value):
        if index < len(pattern) and pattern[index] == "*":
            star, resume, index = index, at, index + 1
        elif index < len(pattern) and pattern[index] in ("?", value[at]):
            at, index = at + 1, index + 1
        elif star >= 0:
            resume += 1
            at, index = resume, star + 1
        else:
            return False
    return not pattern[index:].strip("*")


def _number(value: str) -> float:
    return float(value)


def _date(value: str) -> datetime:
    at = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _in_network(value: str, expected: str) -> bool:
    return ip_address(value) in ip_network(expected, strict=False)


def _ordered(convert: Callable[[str], object]) -> dict[str, Callable[[str, str], bool]]:
    return {
        "Equals": lambda v, e: convert(v) == convert(e),
        "LessThan": lambda v, e: convert(v) < convert(e),  # type: ignore[operator]
        "LessThanEquals": lambda v, e: convert(v) <= convert(e),  # type: ignore[operator]
        "GreaterThan": lambda v, e: convert(v) > convert(e),  # type: ignore[operator]
        "GreaterThanEquals": lambda v, e: convert(v) >= convert(e),  # type: ignore[operator]
    }


_POSITIVE: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda v, e: v == e,
    "StringEqualsIgnoreCase": lambda v, e: v.lower() == e.lower(),
    "StringLike": like,
    "Bool": lambda v, e: v.lower() == e.lower(),
    "IpAddress": _in_network,
    **{f"Numeric{name}": compare for name, compare in _ordered(_number).items()},
    **{f"Date{name}": compare for name, compare in _ordered(_date).items()},
}
_NEGATED = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
}
OPERATORS = frozenset(_POSITIVE) | frozenset(_NEGATED)


def satisfied(operator: str, expected: tuple[str, ...], values: tuple[str, ...] | None) -> bool:
    """Whether the request's values of one key satisfy the operator for the expected values."""
    if operator in _NEGATED:
        return not satisfied(_NEGATED[operator], expected, values)
    if not values:
        return False
    compare = _POSITIVE[operator]
    return any(_safely(compare, v, e) for v in values for e in expected)


def _safely(compare: Callable[[str, str], bool], value: str, expected: str) -> bool:
    try:
        return compare(value, expected)
    except (ValueError, TypeError, OverflowError):
        return False  # a value of another type satisfies nothing
