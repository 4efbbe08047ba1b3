"""What errors carry of the cloud's answers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import CloudRefused
from tests.unit.strategies import brief


@pytest.mark.parametrize(
    "code", ["EntityNotExist.User", "Rejected.ResourceInDeleteWindow", "a_b-C.9"]
)
def test_code_of_the_vendor_stays_as_it_is(code: str) -> None:
    """It is what people search the vendor's pages for."""
    assert code == CloudRefused("GetUser", code, 404, "r").code


@given(st.text(max_size=200))
@brief
def test_code_is_harmless_whatever_was_answered(code: str) -> None:
    """It goes into logs and rows: no line ends, no quotes, no long text."""
    err = CloudRefused("GetUser", code, 400, "r")

    assert len(err.code) <= 64
    assert all(c.isascii() and (c.isalnum() or c in "._-") for c in err.code)
    assert str(err) == f"GetUser: cloud_refused ({err.code})"
