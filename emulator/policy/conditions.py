"""Condition operators: does one context value satisfy one expected value?

Source: RAM, "Policy elements", Condition. All values are strings; values of a key are OR-ed
(AND-ed for the negated operators), keys and operators are AND-ed. A key that the request does
not carry satisfies no positive operator and every negated one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network

Context = dict[str, tuple[str, ...]]


@lru_cache(maxsize=4096)
def _glob(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    body = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in pattern)
    return re.compile(body, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def like(value: str, pattern: str, *, ignore_case: bool = False) -> bool:
    """`*` matches any run of characters, `?` exactly one."""
    return _glob(pattern, ignore_case).fullmatch(value) is not None


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
    except (ValueError, TypeError):
        return False  # a value of another type satisfies nothing
