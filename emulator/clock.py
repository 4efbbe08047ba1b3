"""The emulator owns the time: real time plus an offset that grows until the cloud is reset."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

_MAX_OFFSET_SECONDS = 100 * 365.25 * 86400


class Clock:
    """Seconds since the epoch as every product sees them."""

    def __init__(self) -> None:
        self._offset_seconds = 0.0
        self._lock = threading.Lock()

    @property
    def offset_seconds(self) -> float:
        """How far the emulator's time runs ahead of the machine's."""
        return self._offset_seconds

    def time(self) -> float:
        """Now, in seconds since the epoch."""
        return time.time() + self._offset_seconds

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def reset(self) -> None:
        """Back to the machine's time: only for a cloud that has just forgotten everything."""
        with self._lock:
            self._offset_seconds = 0.0

    def advance(self, seconds: float) -> None:
        """Move the time forward; a step back is refused, as no cloud has ever made one.

        So is what would leave the dates that the products can print.
        """
        if not seconds >= 0:  # neither is NaN
            raise ValueError("time only moves forward")
        with self._lock:
            if self._offset_seconds + seconds > _MAX_OFFSET_SECONDS:
                raise ValueError("time ends a hundred years from now")
            self._offset_seconds += seconds


def iso(at: datetime) -> str:
    """`2026-01-02T03:04:05Z`, the form of every RAM, IMS, STS and KMS date."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
