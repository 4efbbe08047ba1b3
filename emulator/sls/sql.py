"""placeholder"""
from __future__ import annotations
from emulator.sls.state import Index, Row
def run(statement: str, rows: list[Row], index: Index, logstore: str, null: str) -> tuple[list[dict[str, str]], list[str], list[str]]:
    raise NotImplementedError
