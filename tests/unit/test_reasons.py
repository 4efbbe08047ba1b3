"""Which reasons leave nothing to restore."""

from __future__ import annotations

from shared import reasons


def test_only_leaks_and_departures_purge() -> None:
    """An ended or withdrawn grant can still be restored by an administrator."""
    assert ["leaked", "offboarded"] == [r for r in reasons.ALL if reasons.purges(r)]


def test_unknown_reason_purges_nothing() -> None:
    """What nobody has thought of is the reversible case."""
    assert not reasons.purges("")
