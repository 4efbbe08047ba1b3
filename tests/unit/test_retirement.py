"""A hand-made key goes step by step, each only when it is known that nobody uses it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from deploy import retirement
from deploy.retirement import DELETE, DISABLE, ENABLE, RESTORE, OldKey
from shared.lifecycle import RotationTerms
from shared.ports import KeyStatus, LastUse

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TERMS = RotationTerms(days=90, overlap_hours=24, wait_days=14, grace_days=7)
NEVER = LastUse(None)


def ago(hours: float) -> datetime:
    return NOW - timedelta(hours=hours)


def key(status: str, use: LastUse | None = NEVER, changed: datetime | None = None) -> OldKey:
    return OldKey(KeyStatus("LTAI5tOld", status, ago(9999), changed), use)


@pytest.mark.parametrize(("old", "what"), [
    (key("Active", None), ""),
    (key("Active", LastUse(ago(23.9), "Oss")), ""),
    (key("Active", LastUse(ago(24), "Oss")), DISABLE),
    (key("Active", NEVER), DISABLE),
    (key("Inactive", NEVER, None), ""),
    (key("Inactive", NEVER, ago(7 * 24 - 1)), ""),
    (key("Inactive", NEVER, ago(7 * 24)), DELETE),
    (key("Inactive", LastUse(ago(1), "Oss"), ago(7 * 24)), DELETE),
])  # fmt: skip
def test_each_step_at_its_time(old: OldKey, what: str) -> None:
    """In use, or unknown, is left; and always with a reason."""
    (step,) = retirement.plan([old], TERMS, NOW)

    assert what == step.what
    assert step.why


def test_short_overlap_is_not_short_of_what_consumers_keep() -> None:
    """A last use can be told two hours late, and a secret be kept for six and a quarter."""
    short = RotationTerms(days=90, overlap_hours=7, wait_days=0, grace_days=7)

    (step,) = retirement.plan([key("Active", LastUse(ago(8.9)))], short, NOW)

    assert "" == step.what


@pytest.mark.parametrize(("keys", "binned", "steps"), [
    ([key("Inactive")], [], [ENABLE]),
    ([key("Active")], [], [""]),
    ([], ["LTAI5tOld"], [RESTORE, ENABLE]),
    ([], [], [""]),
    ([OldKey(KeyStatus(f"LTAI5t{n}", "Active"), NEVER) for n in (1, 2)], ["LTAI5tOld"], [""]),
])  # fmt: skip
def test_way_back(keys: list[OldKey], binned: list[str], steps: list[str]) -> None:
    """While the key exists, or is in the recycle bin and has a place to return to."""
    assert steps == [step.what for step in retirement.undo(keys, binned, "LTAI5tOld")]
