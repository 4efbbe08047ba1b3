"""What the functions print and log, kept in memory.

Limits: lines are not written to the logstore that a function's `logConfig` names.
"""

from __future__ import annotations

import threading
from collections import deque

MAX_LINES = 20_000  # per function
TAIL_BYTES = 4096  # what `X-Fc-Log-Type: Tail` answers
_DRAIN_SECONDS = 2.0


class Journal:
    """The lines of one instance during one request, and whether its end line has come."""

    def __init__(self, request_id: str) -> None:
        self.lines: list[str] = []
        self._end = f"End RequestId: {request_id}"
        self._ended = threading.Event()

    def add(self, line: str) -> None:
        self.lines.append(line)
        if self._end in line:
            self._ended.set()

    def tail(self) -> bytes:
        """The last 4 KB."""
        return ("\n".join(self.lines) + "\n").encode()[-TAIL_BYTES:]

    def drained(self) -> None:
        """Wait until the output has caught up with the answer, which took another way."""
        self._ended.wait(_DRAIN_SECONDS)


class Logs:
    """Lines by function name, oldest first, capped."""

    def __init__(self) -> None:
        self._lines: dict[str, deque[str]] = {}
        self._lock = threading.Lock()

    def add(self, function: str, line: str) -> None:
        with self._lock:
            self._lines.setdefault(function, deque(maxlen=MAX_LINES)).append(line)

    def lines(self) -> dict[str, list[str]]:
        with self._lock:
            return {name: list(lines) for name, lines in self._lines.items()}

    def clear(self) -> None:
        with self._lock:
            self._lines.clear()
