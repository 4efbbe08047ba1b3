"""All instances of all functions: kept warm, taken for one request, ended when time jumps.

Source: FC, "Limits": requests running at once in a region, reserved concurrency of a function.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from emulator.fc import refusals
from emulator.fc.fcignore import hidden_modules
from emulator.fc.instances import Instance, Outcome, assume_role, environment, new_instance_id
from emulator.fc.logs import Logs
from emulator.fc.processes import Ended, Process, Zygote
from emulator.fc.specification import FunctionSpec

if TYPE_CHECKING:
    from emulator.cloud import Cloud

_IDLE_SECONDS = 120.0  # FC keeps an idle instance for some minutes and promises nothing


class Pool:
    """Instances by state; `lock` guards the tables only, never a request."""

    def __init__(self, cloud: Cloud, logs: Logs, port: int, preimports: Sequence[str]) -> None:
        self._cloud = cloud
        self._logs = logs
        self._port = port
        self._preimports = preimports
        self._zygote = Zygote(preimports)
        self._lock = threading.Lock()
        self._idle: list[Instance] = []
        self._busy: list[Instance] = []
        self._running: Counter[str] = Counter()  # requests by function, those starting included
        self._stopped = False

    def invoke(self, spec: FunctionSpec, request_id: str, event: bytes) -> Outcome:
        """Run one request on a warm or new instance; raises 429 and 403 as ProductError."""
        self._reserve(spec)
        instance: Instance | None = None
        try:
            instance = self._warm(spec) or self._new(spec)
            return instance.run(request_id, event)
        except Ended:
            return Outcome(
                False, b'{"errorMessage":"The function instance could not be started"}', 0, 0,
                instance.id if instance else "", b"",
            )  # fmt: skip
        finally:
            self._release(spec, instance)

    def _reserve(self, spec: FunctionSpec) -> None:
        with self._lock:
            total = self._running.total() < self._cloud.choices.fc_concurrent_requests
            reserved = spec.reserved_concurrency
            if not total or (reserved is not None and self._running[spec.name] >= reserved):
                raise refusals.concurrency_exhausted()
            self._running[spec.name] += 1

    def _warm(self, spec: FunctionSpec) -> Instance | None:
        """An idle instance whose credentials the cloud still knows, most recently used first."""
        with self._lock:
            for instance in reversed(self._idle):
                known = not instance.session or self._cloud.session_valid(
                    instance.session.access_key_id
                )
                if instance.spec is spec and known and instance.running:
                    self._idle.remove(instance)
                    self._busy.append(instance)
                    return instance
        return None

    def _new(self, spec: FunctionSpec) -> Instance:
        cloud = self._cloud
        instance_id = new_instance_id(cloud.clock.time())
        session = assume_role(cloud, spec, instance_id)
        home = self._zygote.home / instance_id
        home.mkdir()
        instance = Instance(spec, instance_id, session, self._logs)
        with self._lock:
            self._busy.append(instance)
        try:
            instance.start(self._fork, {
                "environment": environment(cloud, spec, instance_id, session, str(home),
                                           self._port),
                "code": str(spec.code),
                "hidden": hidden_modules(spec.code),
                "offset_seconds": cloud.clock.offset_seconds,
                "account_id": cloud.account_id,
                "region": spec.region,
                "log_project": spec.log_project,
                "log_store": spec.log_store,
                "function": {
                    "name": spec.name, "handler": spec.handler, "memory": spec.memory_mb,
                    "timeout": spec.timeout_seconds, "version_id": "LATEST",
                    "qualifier": "LATEST",
                },
            })  # fmt: skip
        except Ended:
            with self._lock:
                self._busy.remove(instance)
            instance.end()
            raise
        return instance

    def _fork(self, output: Callable[[str], None]) -> Process:
        cold = self._cloud.choices.fc_cold_start
        try:
            return self._zygote.fork(output, cold=cold)
        except Ended:
            with self._lock:
                if self._stopped:
                    raise
                self._zygote.close()
                self._zygote = Zygote(self._preimports)
            return self._zygote.fork(output, cold=cold)

    def _release(self, spec: FunctionSpec, instance: Instance | None) -> None:
        with self._lock:
            self._running[spec.name] -= 1
            if instance is None or instance not in self._busy:
                return
            self._busy.remove(instance)
            if instance.alive and not self._stopped:
                self._idle.append(instance)
                return
        instance.end()

    # -- from outside -----------------------------------------------------------------------

    def with_key(self, access_key_id: str) -> Instance | None:
        """The live instance that holds these credentials."""
        with self._lock:
            for instance in (*self._busy, *self._idle):
                if instance.session and instance.session.access_key_id == access_key_id:
                    return instance
        return None

    def with_id(self, instance_id: str) -> Instance | None:
        """The live instance of that id."""
        with self._lock:
            for instance in (*self._busy, *self._idle):
                if instance.id == instance_id:
                    return instance
        return None

    def kill_request(self, request_id: str) -> None:
        """Kill the instance that runs this request."""
        with self._lock:
            running = [instance for instance in self._busy if instance.request_id == request_id]
        for instance in running:
            instance.kill()

    def counts(self) -> dict[str, tuple[int, int]]:
        """(busy, idle) instances by function."""
        with self._lock:
            busy = Counter(instance.spec.name for instance in self._busy)
            idle = Counter(instance.spec.name for instance in self._idle)
        return {name: (busy[name], idle[name]) for name in busy.keys() | idle.keys()}

    def retire(self) -> None:
        """End the idle instances now and the busy ones after their request."""
        with self._lock:
            idle, self._idle = self._idle, []
            for instance in self._busy:
                instance.alive = False
        for instance in idle:
            instance.end()

    def reap(self) -> None:
        """End instances that have been idle for long."""
        oldest = time.monotonic() - _IDLE_SECONDS
        with self._lock:
            ending = [instance for instance in self._idle if instance.idle_since < oldest]
            self._idle = [instance for instance in self._idle if instance not in ending]
        for instance in ending:
            instance.end()

    def kill_all(self) -> None:
        """End every instance, whatever it is doing."""
        self.retire()
        with self._lock:
            busy = list(self._busy)
        for instance in busy:
            instance.kill()

    def stop(self) -> None:
        """End everything; no process is left afterwards."""
        with self._lock:
            self._stopped = True
        self.kill_all()
        self._zygote.close()
