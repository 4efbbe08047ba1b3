"""IMS as an RPC product; its actions are authorised as RAM's (`ram:CreateAccessKey`)."""

from __future__ import annotations

from emulator.rpc import RpcProduct, pop_envelope, ram_denied

IMS = RpcProduct(
    "ims", "2019-08-15", permission_code="ram", denied=ram_denied, envelope=pop_envelope
)
