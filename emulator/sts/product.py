"""STS as an RPC product."""

from __future__ import annotations

from emulator.rpc import RpcProduct, pop_envelope, ram_denied

STS = RpcProduct(
    "sts", "2015-04-01", permission_code="sts", denied=ram_denied, envelope=pop_envelope
)
