"""What the log remembers of a place: makings, switches and leaks, nothing of elsewhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared import rotation_log
from shared.audit import Row
from shared.rotation_log import Past

AT = datetime(2026, 11, 26, 12, tzinfo=UTC)
KEY = "LTAI5tSomeKey00000000001"


def row(event: str, phase: str = "intent", **more: str) -> Row:
    return {"event_type": event, "phase": phase, "application": "orders", "environment": "prod",
            "time_ms": str(int(AT.timestamp() * 1000)), "access_key_id": KEY, **more}  # fmt: skip


@pytest.mark.parametrize(("found", "expected"), [
    (row("key.created"), Past(announced_at=(AT,))),
    (row("key.created", "result"), Past()),
    (row("key.rotated"), Past(switched_at=AT)),
    (row("key.rotated", "result", outcome="unknown"), Past(switched_at=AT)),
    (row("key.disabled", reason="rotation_leaked"), Past(leaked=frozenset({KEY}))),
    (row("key.deleted", "result", reason="rotation_leaked"), Past(leaked=frozenset({KEY}))),
    (row("key.disabled", reason="rotation_due"), Past()),
    (row("key.disabled", reason="rotation_leaked", access_key_id=""), Past()),
    (row("key.created", environment="dev"), Past()),
    (row("key.rotated", application="other"), Past()),
])  # fmt: skip
def test_each_row_tells_one_thing_of_its_own_place(found: Row, expected: Past) -> None:
    assert expected == rotation_log.read([found], "orders", "prod")


def test_last_switch_counts() -> None:
    rows = [row("key.rotated", time_ms="1000"), row("key.rotated", time_ms="3000"),
            row("key.rotated", time_ms="2000")]  # fmt: skip

    assert datetime.fromtimestamp(3, UTC) == rotation_log.read(rows, "orders", "prod").switched_at


OFF = {"reason": "rotation_disable"}
ON = {"reason": "rotation_enable", "outcome": "success"}


@pytest.mark.parametrize(("rows", "paused"), [
    ([row("key.disabled", **OFF)], True), ([row("key.disabled", "result", **OFF)], True),
    ([row("key.disabled", time_ms="1", **OFF), row("key.enabled", "result", **ON)], False),
    ([row("key.disabled", **OFF), row("key.enabled", "result", **ON | {"time_ms": "1"})], True),
    ([row("key.disabled", time_ms="1", **OFF), row("key.enabled", reason="rotation_enable")], True),
    ([row("key.enabled", "result", **ON)], False), ([row("key.disabled", reason="unused")], False),
    ([row("key.disabled", **OFF), row("key.enabled", "result", reason="rotation_undo")], True),
    ([row("key.disabled", environment="dev", **OFF)], False),
    ([row("key.disabled", access_key_id="", **OFF)], False),
])  # fmt: skip
def test_key_is_paused_from_the_intent_on_until_it_is_on_again(
    rows: list[Row], paused: bool
) -> None:
    """Only by those two wishes: what a sweep has disabled is its own."""
    assert (frozenset({KEY}) if paused else frozenset()) == rotation_log.read(
        rows, "orders", "prod").paused


@pytest.mark.parametrize(("minutes", "announced"), [
    (-10.1, False), (-9.9, True), (0, True), (14.9, True), (15.1, False),
])  # fmt: skip
def test_key_is_ours_if_a_run_was_about_to_make_it(minutes: float, announced: bool) -> None:
    """From the intent on until the end of the run, and clocks may be ten minutes apart."""
    past = Past(announced_at=(AT,))

    assert announced == past.announced(AT + timedelta(minutes=minutes), run_seconds=300)
