"""RAM as an RPC product; the modules beside this one register its actions."""

from __future__ import annotations

from emulator.rpc import RpcProduct, pop_envelope, ram_denied

RAM = RpcProduct(
    "ram", "2015-05-01", permission_code="ram", denied=ram_denied, envelope=pop_envelope
)
