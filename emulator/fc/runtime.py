"""Function instances."""
from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from emulator.cloud import Cloud


class FunctionCompute:
    def __init__(self, cloud: Cloud, s_yaml: Path, port: int) -> None: ...
    def stop(self) -> None: ...
    def reset(self) -> None: ...
    def time_jumped(self) -> None: ...
    def described(self) -> list[dict[str, Any]]: return []
    def tasks_described(self) -> list[dict[str, Any]]: return []
    def logs(self) -> dict[str, Any]: return {}
    def fire_timer(self, function: str, trigger: str) -> str: return ""
