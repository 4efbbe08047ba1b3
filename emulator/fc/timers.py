"""Timer triggers: they fire by the emulator's clock, as asynchronous invocations.

Source: FC, "Timer trigger". Limit: where the clock jumps over several times of one trigger, it
fires once, with the last of them; a cloud would have fired each.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from emulator.clock import iso
from emulator.cloud import Cloud
from emulator.fc.specification import FunctionSpec, TimerTrigger

_TICK_SECONDS = 1.0
_MAX_SKIPPED = 10_000  # a jump over more times than this is not counted out
Submit = Callable[[FunctionSpec, bytes], str]


@dataclass
class _Due:
    spec: FunctionSpec
    trigger: TimerTrigger
    at: datetime


class Timers:
    """All timers of all functions; `submit` takes an event and returns its request id."""

    def __init__(
        self, specs: list[FunctionSpec], cloud: Cloud, submit: Submit,
        every_tick: Callable[[], None],
    ) -> None:
        self._specs = specs
        self._cloud, self._clock = cloud, cloud.clock
        self._submit = submit
        self._every_tick = every_tick
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self.restart()
        threading.Thread(target=self._watch, daemon=True).start()

    def restart(self) -> None:
        """Count every schedule from now on."""
        now = self._clock.now()
        with self._lock:
            self._due = [
                _Due(spec, trigger, trigger.schedule.after(now))
                for spec in self._specs
                for trigger in spec.timers
                if trigger.enabled
            ]

    def _watch(self) -> None:
        while not self._stopping.wait(_TICK_SECONDS):
            self.check()
            self._every_tick()

    def check(self) -> None:
        """Fire what is due."""
        now = self._clock.now()
        firing: list[tuple[_Due, datetime]] = []
        with self._lock:
            for due in self._due:
                if due.at <= now:
                    last, due.at = _passed(due, now)
                    firing.append((due, last))
        for due, at in firing if self._cloud.choices.fc_timers else ():
            self._submit(due.spec, event(due.trigger, at))

    def fire(self, function: str, trigger: str) -> str:
        """Fire one trigger now, enabled or not; returns the request id, ValueError if unknown."""
        for spec in self._specs:
            for timer in spec.timers:
                if (spec.name, timer.name) == (function, trigger):
                    return self._submit(spec, event(timer, self._clock.now()))
        raise ValueError(f"there is no timer {trigger} of function {function}")

    def stop(self) -> None:
        """End the watching thread."""
        self._stopping.set()


def _passed(due: _Due, now: datetime) -> tuple[datetime, datetime]:
    """The last time that is not after `now`, and the next one."""
    last = due.at
    for _ in range(_MAX_SKIPPED):
        following = due.trigger.schedule.after(last)
        if following > now:
            return last, following
        last = following
    return now, due.trigger.schedule.after(now)


def event(trigger: TimerTrigger, at: datetime) -> bytes:
    """The event of a timer trigger."""
    return json.dumps(
        {"triggerTime": iso(at), "triggerName": trigger.name, "payload": trigger.payload}
    ).encode()
