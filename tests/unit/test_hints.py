"""A hint comes back as it was written, and nothing else is one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import hints
from shared.hints import FORMAT, Hint
from shared.refusals import Denied
from tests.unit.strategies import brief

CONTENT = {"format": FORMAT, "kind": "dingtalk", "record": "proc-1"}


@pytest.mark.parametrize("kind", hints.KINDS)
def test_hint_comes_back(kind: str) -> None:
    """But for the event, by which only the task is named."""
    assert Hint(kind, "A-1_b.c") == hints.of_event(hints.payload(Hint(kind, "A-1_b.c", "event")))


@pytest.mark.parametrize("change", [
    {"format": "akwarden.hint/2"}, {"kind": "wecom"}, {"kind": None}, {"record": ""},
    {"record": "x' or '1'='1"}, {"record": "a/../b"}, {"record": "x" * 65}, {"record": 7},
    {"more": 1},
])  # fmt: skip
def test_other_events_are_refused(change: dict[str, object]) -> None:
    assert isinstance(hints.of_event(json.dumps(CONTENT | change).encode()), Denied)


@given(st.binary(max_size=60))
@brief
def test_no_bytes_raise(event: bytes) -> None:
    assert isinstance(hints.of_event(event), Denied)
