"""RAM with all of its actions: importing a module registers what it answers."""

from __future__ import annotations

from emulator.ram import (
    account,
    attachments,
    groups,
    keys,
    login,
    mfa,
    passwords,
    policies,
    preference,
    roles,
    tags,
    users,
    versions,
)
from emulator.ram.product import RAM

__all__ = [
    "RAM", "account", "attachments", "groups", "keys", "login", "mfa", "passwords", "policies",
    "preference", "roles", "tags", "users", "versions",
]  # fmt: skip
