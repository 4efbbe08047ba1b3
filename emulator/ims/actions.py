"""IMS with all of its actions: importing a module registers what it answers."""

from __future__ import annotations

from emulator.ims import (
    groups,
    keys,
    login,
    mfa,
    network,
    passwords,
    preference,
    recycled_keys,
    recycled_users,
    reports,
    summary,
    tags,
    users,
)
from emulator.ims.product import IMS

__all__ = [
    "IMS", "groups", "keys", "login", "mfa", "network", "passwords", "preference",
    "recycled_keys", "recycled_users", "reports", "summary", "tags", "users",
]  # fmt: skip
