"""Wildcards and condition operators, value by value."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.policy.conditions import OPERATORS, like, satisfied


@pytest.mark.parametrize(
    ("value", "pattern", "matches"),
    [
        ("", "", True), ("", "*", True), ("", "?", False), ("a", "?", True), ("ab", "?", False),
        ("abc", "a*c", True), ("abc", "a*b", False), ("a.c", "a.c", True), ("abc", "a.c", False),
        ("a\nb", "a*b", True), ("user/*", "user/b-*", False), ("user/*", "user/*", True),
        ("aXbXc", "*X?", True), ("Ab", "ab", False), ("[a]", "[a]", True), ("a", "[a]", False),
    ],
)  # fmt: skip
def test_wildcards(value: str, pattern: str, matches: bool) -> None:
    """Only `*` and `?` are special; case counts."""
    assert like(value, pattern) is matches


@given(st.text("ab*?.", max_size=12), st.text("ab*?", max_size=8))
def test_wildcards_agree_with_a_regular_expression(value: str, pattern: str) -> None:
    """The linear matcher decides as the obvious one would."""
    expected = re.fullmatch(fnmatch.translate(pattern), value) is not None

    assert like(value, pattern) is expected


def test_many_stars_do_not_hang() -> None:
    """A hostile policy costs milliseconds, not minutes."""
    start = time.perf_counter()

    assert not like("a" * 2000, "*a" * 1000 + "b")

    assert time.perf_counter() - start < 2


@pytest.mark.parametrize(
    ("operator", "expected", "value", "holds"),
    [
        ("StringEquals", "a", "a", True), ("StringEquals", "a", "A", False),
        ("StringNotEquals", "a", "b", True), ("StringNotEquals", "a", "a", False),
        ("StringEqualsIgnoreCase", "a", "A", True),
        ("StringNotEqualsIgnoreCase", "a", "A", False),
        ("StringLike", "a*", "abc", True), ("StringNotLike", "a*", "abc", False),
        ("NumericEquals", "1", "1.0", True), ("NumericNotEquals", "1", "2", True),
        ("NumericLessThan", "2", "10", False), ("NumericLessThanEquals", "2", "2", True),
        ("NumericGreaterThan", "2", "10", True), ("NumericGreaterThanEquals", "2", "1", False),
        ("NumericEquals", "one", "1", False),
        ("DateLessThan", "2026-01-02T00:00:00Z", "2026-01-01T23:59:59Z", True),
        ("DateGreaterThan", "2026-01-02T08:00:00+08:00", "2026-01-02T00:00:01Z", True),
        ("DateEquals", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00", True),
        ("DateNotEquals", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", False),
        ("DateLessThanEquals", "soon", "2026-01-02T00:00:00Z", False),
        ("DateGreaterThanEquals", "2026-01-02T00:00:00Z", "2026-01-02T00:00:00Z", True),
        ("Bool", "true", "True", True), ("Bool", "true", "false", False),
        ("IpAddress", "10.0.0.0/8", "10.1.2.3", True), ("IpAddress", "10.0.0.1", "10.0.0.1", True),
        ("IpAddress", "10.0.0.0/8", "11.0.0.1", False), ("IpAddress", "all", "10.0.0.1", False),
        ("IpAddress", "10.0.0.0/8", "2001:db8::1", False),
        ("NotIpAddress", "10.0.0.0/8", "11.0.0.1", True),
        ("NotIpAddress", "10.0.0.0/8", "10.0.0.1", False),
    ],
)  # fmt: skip
def test_operator(operator: str, expected: str, value: str, holds: bool) -> None:
    """What is of another type satisfies no positive operator."""
    assert satisfied(operator, (expected,), (value,)) is holds


def test_every_operator_is_tested_above() -> None:
    """The table covers the language."""
    mark = next(m for m in test_operator.pytestmark if m.name == "parametrize")

    assert {row[0] for row in mark.args[1]} == OPERATORS


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_absent_key_satisfies_negated_operators_only(operator: str) -> None:
    """A request that does not carry the key."""
    assert satisfied(operator, ("1",), None) is ("Not" in operator)


def test_values_are_alternatives_and_negation_wants_none_of_them() -> None:
    """OR for the positive, AND for the negated."""
    assert satisfied("StringEquals", ("a", "b"), ("b",))
    assert satisfied("StringNotEquals", ("a", "b"), ("c",))
    assert not satisfied("StringNotEquals", ("a", "b"), ("b",))


@given(st.sampled_from(sorted(OPERATORS)), st.text(), st.text())
def test_comparing_never_raises(operator: str, expected: str, value: str) -> None:
    """Whatever the strings, an operator holds or does not."""
    assert satisfied(operator, (expected,), (value,)) in (True, False)
