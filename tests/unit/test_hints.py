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

CONTENT = {"format": FORMAT, "kind": "dingtalk", "record": "proc-1", "withdrawn": False}


@pytest.mark.parametrize("kind", hints.KINDS)
def test_hint_comes_back(kind: str) -> None:
    """But for the event, by which only the task is named."""
    for record, withdrawn in (("A-1_b.c", False), ("-_x", True)):
        told = Hint(kind, record, "event", withdrawn)
        assert Hint(kind, record, "", withdrawn) == hints.of_event(hints.payload(told))


def test_sample_is_a_hint() -> None:
    """Else the next test could not fail."""
    assert Hint("dingtalk", "proc-1") == hints.of_event(json.dumps(CONTENT).encode())


@pytest.mark.parametrize("change", [
    {"format": "akwarden.hint/2"}, {"kind": "wecom"}, {"kind": None}, {"record": ""},
    {"record": "x' or '1'='1"}, {"record": "a/../b"}, {"record": "x" * 65}, {"record": 7},
    {"record": ".x"}, {"more": 1}, {"withdrawn": "no"}, {"withdrawn": None},
])  # fmt: skip
def test_other_events_are_refused(change: dict[str, object]) -> None:
    assert isinstance(hints.of_event(json.dumps(CONTENT | change).encode()), Denied)


@given(st.binary(max_size=60))
@brief
def test_no_bytes_raise(event: bytes) -> None:
    assert isinstance(hints.of_event(event), Denied)
