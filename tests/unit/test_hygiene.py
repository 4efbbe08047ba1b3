"""Nothing is done about a key for want of knowledge, and each rule at its own day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import hygiene
from shared.hygiene import DISABLE, END_GRANT, NOTHING, REPORT, Decision, Exemption, KeyFacts
from shared.lifecycle import CleanupTerms
from shared.ports import LastUse
from tests.unit.strategies import brief

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TERMS = CleanupTerms(
    never_used_days=30, unused_days=90, too_old_days=100, disabled_grace_days=20, most_per_run=10
)


def ago(days: float) -> datetime:
    return NOW - timedelta(days=days)


def active(created: float, used: bool | None, last: float | None = None) -> KeyFacts:
    return KeyFacts("LTAI5tAAA", "Active", ago(created), ago(created), used,
                    None if last is None else ago(last))  # fmt: skip


def disabled(days: float | None) -> KeyFacts:
    return KeyFacts("LTAI5tAAA", "Inactive", ago(300), None if days is None else ago(days), True,
                    ago(200))  # fmt: skip


def outcome(key: KeyFacts, **exempt: Exemption) -> tuple[str, str] | None:
    found = hygiene.decide(key, TERMS, exempt, NOW)
    return None if found is None else (found.rule, found.action)


@pytest.mark.parametrize(("key", "expected"), [
    (active(29.9, False), None),
    (active(30, False), ("key_never_used", DISABLE)),
    (active(99, True, 89.9), None),
    (active(99, True, 90), ("key_unused", DISABLE)),
    (active(99.9, True, 0), None),
    (active(100, True, 0), ("key_too_old", REPORT)),
    (active(300, True, 90), ("key_unused", DISABLE)),
    (disabled(19.9), None),
    (disabled(20), ("grant_disabled", END_GRANT)),
])  # fmt: skip
def test_each_rule_at_its_day(key: KeyFacts, expected: tuple[str, str] | None) -> None:
    """Used at all and used of late are two questions; age is a third."""
    assert expected == outcome(key)


@pytest.mark.parametrize("key", [
    active(99, None),
    active(99, True, None),
    KeyFacts("LTAI5tAAA", "Active", None, None, False),
    disabled(None),
])  # fmt: skip
def test_unknown_is_no_reason(key: KeyFacts) -> None:
    """A read that failed and a field that was absent are not "never"."""
    assert outcome(key) is None


def test_unknown_use_of_an_old_key_is_reported_for_its_age_only() -> None:
    assert ("key_too_old", REPORT) == outcome(active(400, None))


def test_use_before_its_creation_counts_as_none_since() -> None:
    """Whatever the last use says, idleness begins with the key at the earliest."""
    assert outcome(active(10, True, 400)) is None


@pytest.mark.parametrize(("hours", "service", "ours"), [
    (0.01, "Sts", True), (1, "sts", True), (1, "", True), (1.1, "Sts", False), (0.01, "Oss", False),
])  # fmt: skip
def test_own_proof_of_a_new_key_is_nobodys_use(hours: float, service: str, ours: bool) -> None:
    """Else no key would ever count as never used."""
    created, at = ago(50), ago(50) + timedelta(hours=hours)

    assert (None if ours else at) == hygiene.used_by_others(LastUse(at, service), created)


def test_unknown_age_hides_no_use() -> None:
    assert NOW == hygiene.used_by_others(LastUse(NOW, "Sts"), None)
    assert hygiene.used_by_others(LastUse(None), ago(1)) is None


def test_decision_names_key_and_reason() -> None:
    found = hygiene.decide(active(31, False), TERMS, {}, NOW)

    assert Decision("key_never_used", "LTAI5tAAA", DISABLE,
                    "never used since it was created 31 days ago") == found  # fmt: skip


def test_exemption_is_said_and_only_from_its_rule() -> None:
    exempt = hygiene.exemptions({"akw-exempt:key_never_used": "2026-12-24 alice@example.com"}, NOW)

    assert ("key_never_used", NOTHING) == outcome(active(31, False), **exempt)
    assert ("key_unused", DISABLE) == outcome(active(99, True, 95), **exempt)


@pytest.mark.parametrize(("name", "value", "problem"), [
    ("akw-exempt:key_unused", "2026-11-26 alice@example.com", ""),
    ("akw-exempt:key_unused", "2026-11-25 alice@example.com", "exemption_over"),
    ("akw-exempt:key_unused", "2027-11-26 alice@example.com", ""),
    ("akw-exempt:key_unused", "2027-11-27 alice@example.com", "exemption_too_long"),
    ("akw-exempt:key_unused", "2027-11-27", "exemption_unreadable"),
    ("akw-exempt:key_unused", "2026-13-01 alice@example.com", "exemption_unreadable"),
    ("akw-exempt:key_unused", "9999-12-31 alice@example.com", "exemption_unreadable"),
    ("akw-exempt:key_unused", "for ever", "exemption_unreadable"),
    ("akw-exempt:anything", "2026-12-24 alice@example.com", "exemption_unreadable"),
])  # fmt: skip
def test_exemption_has_an_end_and_an_owner(name: str, value: str, problem: str) -> None:
    """To the end of its day; not for ever, not by nobody, not from what is no rule."""
    (exemption,) = hygiene.exemptions({name: value, "team": "orders"}, NOW).values()

    assert problem == exemption.problem


def test_exemption_that_does_not_count_exempts_from_nothing() -> None:
    over = hygiene.exemptions({"akw-exempt:key_never_used": "2026-11-01 alice"}, NOW)

    assert ("key_never_used", DISABLE) == outcome(active(31, False), **over)


@given(st.dictionaries(st.text(max_size=20).map("akw-exempt:{}".format), st.text(max_size=30)))
@brief
def test_tags_never_raise(tags: dict[str, str]) -> None:
    assert all(exemption.problem for exemption in hygiene.exemptions(tags, NOW).values())
