"""Source IPs: normal form and refusals (the refusals' reasons are in bad_tickets)."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import networks
from tests.unit.strategies import brief


def test_addresses_are_sorted_and_stand_once() -> None:
    """One network has one spelling: no /32, lower case, compressed, IPv4 first."""
    given_texts = ["2001:DB8:0::1/128", "203.0.113.0/24", "198.51.100.7/32", "198.51.100.7"]

    assert ("198.51.100.7", "203.0.113.0/24", "2001:db8::1") == networks.normalised(given_texts)


@pytest.mark.parametrize(
    "text",
    ["0.0.0.0", "0.0.0.0/0", "::", "::/0", "224.0.0.1", "127.0.0.1", "169.254.1.1", "::1",
     "fe80::1", "10.0.0.0/15", "2001:db8::/47", "1.2.3.4/255.255.255.0", "1.2.3", "", "/24",
     "１.1.1.1", "::ffff:1.2.3.4", "::1.2.3.4"],
)  # fmt: skip
def test_network_that_restricts_nothing_is_refused(text: str) -> None:
    """No caller comes from there, or everybody may."""
    assert 1 == networks.normalised(["198.51.100.7", text])


@given(st.ip_addresses(), st.integers(0, 128))
@brief
def test_normal_form_is_stable_and_narrow(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, prefix: int
) -> None:
    """Normalising twice changes nothing; nothing wider than the limit comes through."""
    found = networks.normalised([f"{address}/{prefix}", str(address)])

    if not isinstance(found, int):
        assert found == networks.normalised(found)
        widths = [ipaddress.ip_network(text) for text in found]
        assert all(n.prefixlen >= (16 if n.version == 4 else 48) for n in widths)
