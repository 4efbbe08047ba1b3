"""The calls of a clean run, from the emulator's history."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.faults.kinds import Call


def calls_of(history: Sequence[dict[str, Any]], functions: Sequence[str]) -> Iterator[Call]:
    """Every call that the functions made, numbered by action and by product."""
    of_instance = {
        call["instance"]: call["principal"].partition(":assumed-role/")[2].partition("/")[0]
        for call in history if ":assumed-role/" in call["principal"]
    }  # fmt: skip
    seen: dict[tuple[str, ...], int] = {}
    for call in history:
        function = of_instance.get(call["instance"], "") if call["instance"] else ""
        if function not in functions:
            continue
        numbers = []
        for key in ((function, call["product"], call["action"]), (function, call["product"])):
            seen[key] = seen.get(key, 0) + 1
            numbers.append(seen[key])
        yield Call(function, call["product"], call["action"], *numbers)
