"""The true state of the cloud as JSON, without any secret; what tests check invariants against."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from typing import TYPE_CHECKING, Any

from emulator.clock import iso

if TYPE_CHECKING:
    from emulator.cloud import Cloud

HIDDEN = frozenset({"secret", "token", "value", "status_since"})


def take(cloud: Cloud) -> dict[str, Any]:
    """Every product's state; names and ids, never a secret's value."""
    ram = cloud.ram
    cloud.kms.purge(cloud.clock.now())  # a secret past its window is gone, seen or not
    return {
        "ram": {
            name: plain(getattr(ram, name))
            for name in ("users", "keys", "groups", "roles", "recycled_keys", "recycled_users",
                         "security_preference", "account_key_policy")
        } | {"policies": {f"{kind}:{name}": plain(policy)
                          for (kind, name), policy in ram.policies.items() if kind == "Custom"}},
        "kms": cloud.kms.snapshot(),
        "sls": cloud.sls.snapshot(),
    }  # fmt: skip


def plain(value: Any) -> Any:
    """Dataclasses, dates, sets and tuple keys as JSON can hold them."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: plain(getattr(value, f.name))
            for f in dataclasses.fields(value)
            if f.name not in HIDDEN
        }
    if isinstance(value, dict):
        return {":".join(k) if isinstance(k, tuple) else str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    return iso(value) if isinstance(value, datetime) else value
