"""The KMS product with all its actions: importing this module registers them."""

from __future__ import annotations

from emulator.kms import (
    ciphers,
    instances,
    keys,
    macs,
    passwords,
    rotation,
    secret_policy,
    secrets,
    stages,
    tags,
    versions,
)
from emulator.kms.product import KMS

__all__ = ["KMS"]

REGISTERED = (
    ciphers, instances, keys, macs, passwords, rotation, secret_policy, secrets, stages, tags,
    versions,
)  # fmt: skip
