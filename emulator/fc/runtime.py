"""The functions of one s.yaml, ready to be invoked: what the rest of the emulator talks to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emulator.fc import event_bus, template
from emulator.fc.logs import Logs
from emulator.fc.pool import Pool
from emulator.fc.processes import PREIMPORTS
from emulator.fc.specification import FunctionSpec, specifications
from emulator.fc.tasks import Tasks, new_request_id
from emulator.fc.timers import Timers

if TYPE_CHECKING:
    from emulator.cloud import Cloud


class FunctionCompute:
    """Loads an s.yaml and runs its functions as processes.

    `port` is where the products are served; the functions reach them through it as a proxy.
    `preimports` are third-party modules that instances find imported already; no function's own
    code is. Raises TemplateError (a ValueError) for an s.yaml that cannot be run.
    """

    def __init__(
        self, cloud: Cloud, s_yaml: Path, port: int, *, preimports: Sequence[str] = PREIMPORTS
    ) -> None:
        resources = template.load(s_yaml, account_id=cloud.account_id, environment=os.environ)
        found = specifications(resources, s_yaml.resolve().parent)
        self.specs: dict[str, FunctionSpec] = {spec.name: spec for spec in found}
        self._cloud = cloud
        self._port = port
        self._logs = Logs()
        self.pool = Pool(cloud, self._logs, port, preimports)
        self.tasks = Tasks(cloud, self.pool)
        self._timers = Timers(found, cloud, self._submit, self.pool.reap)
        cloud.faults.kill = self._kill
        cloud.faults.function_of = self._function_of
        cloud.faults.event_of = self._event_of

    def _submit(self, spec: FunctionSpec, event: bytes) -> str:
        request_id = new_request_id(self._cloud.clock.time())
        return self.tasks.submit(spec, event, request_id).request_id

    def invoke(self, function: str, event: bytes) -> str:
        """Hand a function an event, as another service would; the request id, ValueError if there
        is no such function."""
        if function not in self.specs:
            raise ValueError(f"there is no function {function}")
        return self._submit(self.specs[function], event)

    def _kill(self, caller: str) -> bool:
        instance = self.pool.with_id(caller) or self.pool.with_key(caller)
        return instance is not None and instance.kill()

    def _function_of(self, caller: str) -> str:
        if session := self._cloud.sessions.get(caller):
            return session.function
        instance = self.pool.with_id(caller)
        return instance.spec.name if instance else ""

    def _event_of(self, caller: str) -> str:
        instance = self.pool.with_id(caller)
        return instance.event.decode(errors="replace") if instance else ""

    def stop(self) -> None:
        """End everything; no process is left afterwards."""
        self._timers.stop()
        self.tasks.clear()
        self.tasks.stop()
        self.pool.stop()

    def reset(self) -> None:
        """Forget tasks, task ids, logs and instances; the functions stay."""
        self.tasks.clear()
        self.pool.kill_all()
        self._logs.clear()
        self._timers.restart()

    def time_jumped(self) -> None:
        """End warm instances, so that new ones get the new time and fresh credentials."""
        self.pool.retire()
        self._timers.check()
        self.tasks.wake()

    def described(self) -> list[dict[str, Any]]:
        """The functions, how to reach them, and how many instances each has now."""
        counts = self.pool.counts()
        return [
            {
                "name": spec.name, "handler": spec.handler, "runtime": spec.runtime,
                "timeout_seconds": spec.timeout_seconds, "role": spec.role,
                "http_url": f"http://127.0.0.1:{self._port}/fcapp/{spec.name}/"
                if spec.http else "",
                "timers": {timer.name: timer.expression for timer in spec.timers},
                "events": {event.name: event.pattern.members for event in spec.events},
                "instances": dict(zip(("busy", "idle"), counts.get(spec.name, (0, 0)),
                                      strict=True)),
            }
            for spec in self.specs.values()
        ]  # fmt: skip

    def tasks_described(self, event: str = "") -> list[dict[str, Any]]:
        """Every asynchronous invocation since the start or the last reset, or those whose event
        holds a text."""
        return self.tasks.described(event)

    def logs(self) -> dict[str, list[str]]:
        """What each function printed and logged."""
        return self._logs.lines()

    def fire_timer(self, function: str, trigger: str) -> str:
        """Fire a timer now; returns the request id, ValueError if there is no such timer."""
        return self._timers.fire(function, trigger)

    def publish(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Put a CloudEvent on the default event bus; ValueError if it is none."""
        cloud = self._cloud
        whole = event_bus.completed(event, account_id=cloud.account_id, region=cloud.region,
                                    now=cloud.clock.now())  # fmt: skip
        delivered = event_bus.publish(whole, self.specs.values(), self._submit)
        return {"id": whole["id"], "delivered": delivered}
