"""Source IPs of a ticket: addresses and networks that are narrow enough to mean something."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence

MAX_SOURCE_IPS = 16
NOWHERE = ("192.0.2.1/32",)  # TEST-NET-1 of RFC 5737: no packet comes from there
# Wider than a company's own range is no restriction any more.
NARROWEST_ALLOWED_PREFIX = {4: 16, 6: 48}
# ipaddress also takes integers, zones (`%eth0`) and netmasks; a ticket may not.
_SPELLING = re.compile(r"[0-9A-Fa-f:.]{2,45}(/[0-9]{1,3})?")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def normalised(texts: Sequence[str]) -> tuple[str, ...] | int:
    """The networks sorted, each once, an address without its prefix; or the first bad index."""
    found: set[Network] = set()
    for index, text in enumerate(texts):
        network = _network(text)
        if network is None:
            return index
        found.add(network)
    ordered = sorted(found, key=lambda n: (n.version, int(n.network_address), n.prefixlen))
    return tuple(_text(network) for network in ordered)


def _network(text: str) -> Network | None:
    """The network, or None if it is none, too wide, or of a kind that no caller comes from.

    Host bits are refused rather than cleared: `203.0.113.7/24` may mean two things.
    """
    if not _SPELLING.fullmatch(text):
        return None
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError:
        return None
    first = network.network_address
    if network.prefixlen < NARROWEST_ALLOWED_PREFIX[network.version]:
        return None
    if first.is_multicast or first.is_loopback or first.is_link_local or first.is_unspecified:
        return None
    if first.version == 6 and int(first) >> 32 in (0, 0xFFFF):  # an IPv4 address in disguise
        return None
    return network


def _text(network: Network) -> str:
    single = network.prefixlen == network.max_prefixlen
    return str(network.network_address) if single else str(network)


def within(one: Network, other: Network) -> bool:
    """Whether every address of one is in the other; none of IPv4 is in one of IPv6."""
    if isinstance(one, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and one.subnet_of(other)
    return isinstance(other, ipaddress.IPv6Network) and one.subnet_of(other)
