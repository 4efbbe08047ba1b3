"""Reasons in code and in the table are the same words."""

from __future__ import annotations

import ast
import re

import pytest

from shared.refusals import REASONS
from tests.unit.samples import ROOT

_SOURCES = [
    path
    for folder in ("shared", "functions")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name != "refusals.py"
]
_MAKERS = {"Denied", "Refused"}


def _texts(node: ast.AST) -> set[str]:
    return {
        child.value
        for child in ast.walk(node)
        if isinstance(child, ast.Constant) and isinstance(child.value, str)
    }


def _reasons_given(tree: ast.AST) -> set[str]:
    """The literal first argument of every refusal, and every literal `reason=`."""
    given: set[str] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if getattr(node.func, "id", "") in _MAKERS and node.args:
            given |= {arg.value for arg in node.args[:1]
                      if isinstance(arg, ast.Constant)}  # fmt: skip
    return given


def test_every_reason_given_is_in_the_table() -> None:
    """A reason without a status and a sentence would break the answer."""
    given = set().union(*(_reasons_given(ast.parse(p.read_text("utf-8"))) for p in _SOURCES))

    assert set() == given - set(REASONS)
    assert len(given) > 20


def test_every_reason_in_the_table_is_given_somewhere() -> None:
    """The page of refusals promises nothing that never happens."""
    written = set().union(*(_texts(ast.parse(p.read_text("utf-8"))) for p in _SOURCES))

    assert set() == set(REASONS) - written


@pytest.mark.parametrize("reason", REASONS)
def test_reason_is_a_word_with_a_status_and_one_sentence(reason: str) -> None:
    """Reasons are stable words; a sentence says what happened and what to do next."""
    status, sentence = REASONS[reason]

    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", reason)
    assert 400 <= status < 600
    assert sentence[0].isupper()
    assert sentence.endswith(".")
    assert 20 < len(sentence) < 200
