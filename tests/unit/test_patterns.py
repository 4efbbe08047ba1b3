"""Wildcard patterns against each other."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.patterns import overlap, resources_overlap
from tests.unit.strategies import thorough

_PATTERNS = st.text("ab*?", max_size=5)
# Two patterns of n characters that overlap at all have a common string of at most 2n.
_TEXTS = ["".join(letters) for n in range(11) for letters in itertools.product("ab", repeat=n)]


def _strings(pattern: str) -> set[str]:
    expression = "".join({"*": ".*", "?": "."}.get(c, c) for c in pattern)
    return set(filter(re.compile(expression).fullmatch, _TEXTS))


@given(_PATTERNS, _PATTERNS)
@example("*a", "a*")
@example("a?", "*")
@example("?*?", "a")
@thorough
def test_overlap_is_what_trying_all_strings_finds(a: str, b: str) -> None:
    """The answer equals brute force, and does not depend on the order."""
    expected = bool(_strings(a) & _strings(b))

    assert expected == overlap(a, b) == overlap(b, a)


def test_long_patterns_are_compared_in_time() -> None:
    """Patterns that make a backtracking matcher take for ever are answered at once."""
    assert not overlap("*a" * 120 + "b", "a*" * 120 + "c")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("acs:kms:cn-hangzhou:1:secret/ak*", "acs:kms:*:*:secret/akw/*", True),
        ("acs:kms::1:secret/akw/x", "acs:kms:*:*:secret/akw/*", True),
        ("acs:kms:cn-hangzhou:1:secret/AKW/x", "acs:kms:*:*:secret/akw/*", True),
        ("acs:kms:cn-hangzhou:1:secret/orders/*", "acs:kms:*:*:secret/akw/*", False),
        ("acs:ram:*:1:user/heidi", "acs:ram:*:*:user/akw-*", False),
        ("acs:ram:*:1:user/?kw-x", "acs:ram:*:*:user/akw-*", True),
        ("acs:oss:*:1:akw-x", "acs:ram:*:*:user/akw-*", False),
        ("*", "acs:ram:*:*:user/akw-*", True),
        ("acs:*", "acs:ram:*:*:user/akw-*", True),
    ],
)
def test_resources_are_compared_by_segment(a: str, b: str, expected: bool) -> None:
    """A wildcard region or account is any; a wildcard never hides an own asset."""
    assert expected is resources_overlap(a, b) is resources_overlap(b, a)
