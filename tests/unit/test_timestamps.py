"""RFC 3339, strictly."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import timestamps
from tests.unit.strategies import brief


def test_offset_becomes_utc() -> None:
    """Every timestamp is compared in UTC."""
    assert datetime(2026, 9, 1, 1, 0, tzinfo=UTC) == timestamps.parse("2026-09-01T09:00:00+08:00")


@pytest.mark.parametrize(
    "text",
    ["2026-09-01", "2026-09-01T09:00:00", "2026-09-01 09:00:00Z", "20260901T090000Z",
     "2026-09-01T09:00Z", "2026-02-30T09:00:00Z", "2026-09-01T09:00:60Z", "2026-W36-2T09:00:00Z",
     "2026-09-01T09:00:00z", "2026-09-01T09:00:00.1234567Z", "2026-09-01T09:00:00Z\n",
     "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-09-01T09:00:00+24:00",
     "٢٠٢٦-09-01T09:00:00Z", "1756717200", ""],
)  # fmt: skip
def test_loose_timestamp_is_none(text: str) -> None:
    """What could be read in two ways, or is no date, is not read."""
    assert timestamps.parse(text) is None


@given(st.datetimes(timezones=st.just(UTC)))
@brief
def test_text_parses_to_the_same_moment(at: datetime) -> None:
    """Writing and reading keeps every microsecond."""
    assert at == timestamps.parse(timestamps.text(at))
