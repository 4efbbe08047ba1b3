"""How long what may last is checked when it is read, all problems at once."""

from __future__ import annotations

import pytest

from shared import bootstrap, lifecycle
from shared.errors import ConfigError
from shared.lifecycle import CleanupTerms, Lifecycle, RotationTerms

GOOD = """
[rotation]
days = 60
overlap_hours = 7
wait_days = 0
grace_days = 1
[notices]
days_before_end = [1, 7, 1]
[cleanup]
never_used_days = 1
unused_days = 366
too_old_days = 61
disabled_grace_days = 2
most_per_run = 3
"""


def test_every_value_is_read() -> None:
    """Notices are told the earliest first, each once."""
    expected = Lifecycle(RotationTerms(60, 7, 0, 1), (7, 1), CleanupTerms(1, 366, 61, 2, 3))

    assert expected == lifecycle.load(GOOD)


def test_own_file_is_good() -> None:
    """And no key gets older than the page "Create an AccessKey" advises."""
    assert 90 == bootstrap.lifecycle().rotation.days


@pytest.mark.parametrize(("old", "new", "problem"), [
    ("days = 60", "days = 91", "rotation.days: must be an integer from 2 to 90"),
    ("overlap_hours = 7", "overlap_hours = 6",
     "rotation.overlap_hours: must be an integer from 7 to 719"),
    ("overlap_hours = 7", "overlap_hours = 720",
     "rotation.overlap_hours: must be an integer from 7 to 719"),
    ("wait_days = 0", "wait_days = 61", "rotation.wait_days: must be an integer from 0 to 60"),
    ("grace_days = 1", "grace_days = 0", "rotation.grace_days: must be an integer from 1 to 90"),
    ("[1, 7, 1]", '["7"]', "notices.days_before_end: must be a list of integers from 1 to 90"),
    ("grace_days", "grace_hours", "rotation.grace_days: must be an integer from 1 to 90"),
    ("most_per_run = 3", "most_per_run = 0",
     "cleanup.most_per_run: must be an integer from 1 to 1000"),
    ("too_old_days = 61", "too_old_days = 60",
     "cleanup.too_old_days: must be more than rotation.days: until then rotation has it"),
    ("[notices]", "[notice]", "notices: must be a table"),
])  # fmt: skip
def test_what_cannot_be_is_told(old: str, new: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        lifecycle.load(GOOD.replace(old, new, 1))

    assert problem in caught.value.problems
