"""Runs actors in threads, one step at a time, in an order that a test chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable

WAIT_SECONDS = 10  # an actor that takes longer between two steps hangs: the test fails


class Actor:
    """One thread; it stands still at each `turn` until `step` lets it go on."""

    def __init__(self, body: Callable[[Actor], None]) -> None:
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self.ended = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(body,), daemon=True)
        self._thread.start()
        self._await()

    def turn(self) -> None:
        """Called by the actor's own code before a step."""
        self._stopped.release()
        self._go.acquire()

    def step(self) -> None:
        """Let it do one step; returns when it waits for the next or has ended."""
        self._go.release()
        self._await()

    def _await(self) -> None:
        assert self._stopped.acquire(timeout=WAIT_SECONDS), "an actor hangs"

    def _run(self, body: Callable[[Actor], None]) -> None:
        try:
            self.turn()
            body(self)
        except BaseException as err:  # handed to the test, which fails with it
            self.error = err
        self.ended = True
        self._stopped.release()
