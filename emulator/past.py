"""What a product's state was a while ago, for reads that lag behind (fault rules of kind `lag`).

Pickled whole before each write: a few milliseconds at a thousand users, and nothing at all while
no rule asks for it.
"""

from __future__ import annotations

import pickle
from typing import Any


class Past:
    """What states were before the latest writes; each is kept until the write is visible to all."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[float, bytes]]] = {}

    def clear(self) -> None:
        self._kept.clear()

    def keep(self, name: str, state: object, now: float, seconds: float) -> None:
        """Keep a state that is about to be changed, and forget those over `seconds` old."""
        kept = [(until, held) for until, held in self._kept.get(name, []) if until > now - seconds]
        self._kept[name] = [*kept, (now, pickle.dumps(state, pickle.HIGHEST_PROTOCOL))]

    def as_of(self, name: str, at: float) -> Any:
        """A copy of the state at that moment; None if it has not changed since."""
        held = next((held for until, held in self._kept.get(name, []) if until > at), None)
        return None if held is None else pickle.loads(held)  # noqa: S301 (made by ourselves)
