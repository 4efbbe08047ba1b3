"""Reasons in code and in the table are the same words."""

from __future__ import annotations

import ast
import re

import pytest

from shared.chat import LANGUAGES, refusals_zh, words
from shared.refusals import REASONS, Denied
from shared.use_cases import ALTERNATIVES
from tests.unit.samples import ROOT

_SOURCES = [
    path
    for folder in ("shared", "functions")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path.name not in ("refusals.py", "refusals_zh.py")
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


# What has to be typed, looked up or counted: the same in every language.
_VERBATIM = re.compile(r"`[^`]+`|AKWARDEN_[A-Z_]+|config/[a-z]+\.toml|acs:\S+?>|/?\d+|[A-Z]{2,}")
_CHINESE = {**refusals_zh.SENTENCES, **refusals_zh.ALTERNATIVES}


@pytest.mark.parametrize("key", _CHINESE)
def test_chinese_sentence_says_what_the_english_one_says(key: str) -> None:
    """As far as a machine can see it: the same names and numbers, and no English left between."""
    english = REASONS[key][1] if key in REASONS else ALTERNATIVES[key]
    chinese = _CHINESE[key]

    assert set(_VERBATIM.findall(english)) - {"JSON"} <= set(_VERBATIM.findall(chinese)) | {"ID"}
    assert not re.search(r"[a-z]+ (a|an|the|is|it|of) [a-z]+", chinese)
    assert re.search(r"[一-鿿]", chinese)
    assert chinese.endswith("。")


def test_every_sentence_is_there_in_chinese() -> None:
    """None too few and none too many."""
    assert set(REASONS) == set(refusals_zh.SENTENCES)
    assert set(ALTERNATIVES) == set(refusals_zh.ALTERNATIVES)


def test_refusal_is_told_in_one_language() -> None:
    """Its reason stays the word that is in the log."""
    denied = Denied("necessity_not_confirmed", "necessity_confirmed", ALTERNATIVES["cli"])

    told = {language: words.refused(language, denied) for language in LANGUAGES}

    assert f"{REASONS[denied.reason][1]} {ALTERNATIVES['cli']}" in told["en"]
    assert f"{refusals_zh.SENTENCES[denied.reason]} {refusals_zh.ALTERNATIVES['cli']}" in told["zh"]
    assert all("necessity_not_confirmed" in text for text in told.values())
    assert ["", ""] == [words.sentence(language, "no_such_word") for language in LANGUAGES]
