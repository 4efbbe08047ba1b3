"""What the vendors hold: set by the management port, read through their APIs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Vendor:
    """One vendor's tenant: `app` is who may ask (its credentials), `records` by id, and `tokens`
    with the moment at which each ends; `told` is what a chat was sent, in order."""

    app: dict[str, str] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    tokens: dict[str, float] = field(default_factory=dict)
