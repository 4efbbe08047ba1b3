"""Secrets, versions, stages and keys."""
from __future__ import annotations

from typing import Any


class KmsState:
    """What KMS holds."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id, self.region = account_id, region

    def snapshot(self) -> dict[str, Any]:
        return {}
