"""A sweep with nothing to do reads pages and not users; what is due costs by its own number."""

from __future__ import annotations

import pytest

from shared.adapters import ims, ram
from tests.bench.sweep import Bench, lives

USERS, PAGE = 30, 10
# Two statements to the log, who is quarantined, and the key that signs grants.
FIXED = 4
MOST_PER_DUE, MOST_PER_LOOK = 45, 12


def test_calls_of_a_sweep_are_those_of_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty users on pages of ten: what the bench prints, with bounds."""
    monkeypatch.setattr(ims, "PAGE_SIZE", PAGE)
    monkeypatch.setattr(ram, "PAGE_SIZE", PAGE)
    with lives() as life:
        rows = {row[8:52].strip(): int(row[52:60]) for row in Bench(life, USERS).rows()}
        people, policies = len(life.cloud.ram.users), len(life.cloud.ram.policies)

    quick = rows["quick sweep, nothing due"]
    assert quick <= FIXED + people // PAGE + 1 + policies // PAGE + 1
    assert rows["deep sweep, nothing due"] == quick + 1
    assert rows["straightforward, nothing due"] >= 2 * USERS > quick
    assert rows["quick sweep, 1 grants over"] <= 2 * quick + MOST_PER_DUE
    assert rows["daily looks of one day, nothing due"] <= MOST_PER_LOOK * USERS + 24 * 2 * quick
