"""Projects, logstores and their rows."""
from __future__ import annotations

from typing import Any


class SlsState:
    """What SLS holds."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id, self.region = account_id, region

    def snapshot(self) -> dict[str, Any]:
        return {}
