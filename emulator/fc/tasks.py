"""Asynchronous invocations: accepted at once, run later, retried, remembered by task id.

Source: FC, "Asynchronous invocation", "Retry policy", "Task deduplication". Limits: destinations
are not called; a task that waits for a free instance backs off without using up a try, as in FC.
"""

from __future__ import annotations

import heapq
import re
import secrets as entropy
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.fc import refusals
from emulator.fc.specification import FunctionSpec

if TYPE_CHECKING:
    from emulator.cloud import Cloud
    from emulator.fc.pool import Pool

MAX_EVENT_BYTES = 128 * 1024
_TASK_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_REMEMBERED_SECONDS = 7 * 86400
_FIRST_BACKOFF_SECONDS, _LAST_BACKOFF_SECONDS = 0.5, 60.0
_TICK_SECONDS = 0.25  # how late the queue may notice that its clock has been moved
OVER = ("Succeeded", "Failed", "Stopped", "Expired")


@dataclass
class Task:
    """One accepted asynchronous invocation; times in seconds since the epoch."""

    id: str
    spec: FunctionSpec
    request_id: str
    event: bytes = field(repr=False)
    submitted_at: float
    listed: bool
    state: str = "Enqueued"
    attempts: int = 0
    backoff_seconds: float = _FIRST_BACKOFF_SECONDS
    started_at: float = 0.0
    ended_at: float = 0.0
    instance_id: str = ""
    error: str = ""
    return_payload: bytes = field(default=b"", repr=False)
    events: list[dict[str, Any]] = field(default_factory=list)

    def enter(self, state: str, now: float, detail: str = "") -> None:
        """Change the state and keep when."""
        self.state = state
        self.events.append({
            "eventId": str(len(self.events) + 1), "status": state, "timestamp": int(now * 1000),
            "eventDetail": detail,
        })  # fmt: skip
        if state in OVER:
            self.ended_at = now


class Tasks:
    """The queue of one cloud. One thread waits for what is due; each run has its own."""

    def __init__(self, cloud: Cloud, pool: Pool) -> None:
        self._cloud = cloud
        self._pool = pool
        self._tasks: list[Task] = []
        self._used: dict[tuple[str, str], float] = {}  # (function or "", task id) -> when
        self._queue: list[tuple[float, int, Task]] = []
        self._sequence = 0
        self._changed = threading.Condition()
        self._stopped = False
        threading.Thread(target=self._wait, daemon=True).start()

    # -- submitting -------------------------------------------------------------------------

    def submit(
        self, spec: FunctionSpec, event: bytes, request_id: str, *, task_id: str = "",
        delay_seconds: float = 0.0,
    ) -> Task:
        """Accept an invocation; 400 for a bad id or too large an event, 409 for a used id."""
        if len(event) > MAX_EVENT_BYTES:
            raise refusals.too_large(MAX_EVENT_BYTES)
        if task_id and not _TASK_ID.fullmatch(task_id):
            raise refusals.invalid_argument(f"the async task ID '{task_id}' is invalid")
        now = self._cloud.clock.time()
        choices = self._cloud.choices
        listed = spec.async_config.task_mode or not choices.fc_task_ids_need_task_mode
        with self._changed:
            if task_id and listed:
                self._claim(spec, task_id, now)
            task = Task(task_id or request_id, spec, request_id, event, now, listed)
            self._enter(task, "Enqueued")
            self._tasks.append(task)
            self._schedule(task, now + delay_seconds)
        return task

    def _claim(self, spec: FunctionSpec, task_id: str, now: float) -> None:
        scope = "" if self._cloud.choices.fc_task_ids_span_functions else spec.name
        used_at = self._used.get((scope, task_id))
        if used_at is not None and now - used_at < _REMEMBERED_SECONDS:
            raise refusals.task_exists(task_id, self._cloud.choices)
        self._used[(scope, task_id)] = now

    def _schedule(self, task: Task, due_at: float) -> None:
        self._sequence += 1
        heapq.heappush(self._queue, (due_at, self._sequence, task))
        self._changed.notify_all()

    def _enter(self, task: Task, state: str, detail: str = "") -> None:
        task.enter(state, self._cloud.clock.time(), detail)
        self._changed.notify_all()

    # -- running ----------------------------------------------------------------------------

    def _wait(self) -> None:
        """The queue's thread: start what is due by the emulator's clock."""
        while True:
            with self._changed:
                if self._stopped:
                    return
                now = self._cloud.clock.time()
                if not self._queue or self._queue[0][0] > now:
                    wait = self._queue[0][0] - now if self._queue else _TICK_SECONDS
                    self._changed.wait(min(wait, _TICK_SECONDS))
                    continue
                task = heapq.heappop(self._queue)[2]
                if task.state not in ("Enqueued", "Retrying"):
                    continue
                if now - task.submitted_at > task.spec.async_config.max_age_seconds:
                    self._enter(task, "Expired")
                    continue
                self._enter(task, "Dequeued")
            threading.Thread(target=self._run, args=(task,), daemon=True).start()

    def _run(self, task: Task) -> None:
        with self._changed:
            if task.state != "Dequeued":
                return
            task.started_at = task.started_at or self._cloud.clock.time()
            task.attempts += 1
            self._enter(task, "Running", f"attempt {task.attempts}")
        try:
            outcome = self._pool.invoke(task.spec, task.request_id, task.event)
        except ProductError as refusal:
            self._refused(task, refusal)
            return
        task.instance_id = outcome.instance_id
        self._finished(task, outcome.ok, outcome.body, outcome.error_message)

    def _refused(self, task: Task, refusal: ProductError) -> None:
        """No instance was free (a later try, uncounted), or none may be started (a failure)."""
        if refusal.status != 429:
            self._finished(task, False, b"", refusal.message)
            return
        with self._changed:
            if task.state != "Running":
                return
            now = self._cloud.clock.time()
            task.attempts -= 1
            self._enter(task, "Enqueued", refusal.code)
            self._schedule(task, now + task.backoff_seconds)
            task.backoff_seconds = min(task.backoff_seconds * 2, _LAST_BACKOFF_SECONDS)

    def _finished(self, task: Task, ok: bool, body: bytes, error: str) -> None:
        with self._changed:
            now = self._cloud.clock.time()
            if task.state != "Running":  # stopped, or forgotten by a reset, meanwhile
                return
            task.return_payload, task.error = body, error
            if ok:
                self._enter(task, "Succeeded")
            elif task.attempts > task.spec.async_config.max_retries:
                self._enter(task, "Failed", error)
            else:
                self._enter(task, "Retrying", error)
                self._schedule(task, now + self._cloud.choices.fc_retry_interval_seconds)

    # -- looking and stopping ---------------------------------------------------------------

    def find(self, function: str, task_id: str) -> Task:
        """A task in task mode of the last seven days; 404 otherwise."""
        for task in reversed(self.listed(function)):
            if task.id == task_id:
                return task
        raise refusals.task_not_found(task_id)

    def listed(self, function: str) -> list[Task]:
        """The function's tasks that the API shows, oldest first."""
        since = self._cloud.clock.time() - _REMEMBERED_SECONDS
        with self._changed:
            return [t for t in self._tasks
                    if t.spec.name == function and t.listed and t.submitted_at > since]  # fmt: skip

    def stop_task(self, task: Task) -> None:
        """Stop it unless it is over; kills the instance that runs it, if one does."""
        with self._changed:
            if task.state in OVER:
                return
            running = task.state == "Running"
            self._enter(task, "Stopped")
        if running:
            self._pool.kill_request(task.request_id)

    def described(self, event: str = "") -> list[dict[str, Any]]:
        """Every task with its return payload, for the tests' leak checks; with `event`, those
        whose event holds that text."""
        with self._changed:
            return [
                {
                    "task_id": task.id, "function": task.spec.name, "request_id": task.request_id,
                    "state": task.state, "attempts": task.attempts, "error": task.error,
                    "return_payload": task.return_payload.decode(errors="replace"),
                }
                for task in self._tasks
                if event.encode() in task.event
            ]  # fmt: skip

    def until(self, reached: Callable[[], bool], seconds: float) -> bool:
        """Wait until `reached` holds, looking after each change of a task; False if it is late."""
        with self._changed:
            return self._changed.wait_for(reached, seconds)

    def clear(self) -> None:
        """Forget all tasks and ids; what runs is not tried again."""
        with self._changed:
            for task in self._tasks:
                if task.state not in OVER:
                    self._enter(task, "Stopped")
            self._tasks.clear()
            self._queue.clear()
            self._used.clear()

    def wake(self) -> None:
        """Look at the clock at once."""
        with self._changed:
            self._changed.notify_all()

    def stop(self) -> None:
        """End the queue's thread."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()


def as_answered(task: Task, region: str, account_id: str, *, payload: bool) -> dict[str, Any]:
    """A task as GetAsyncTask and ListAsyncTasks show it; times in milliseconds."""
    shown: dict[str, Any] = {
        "taskId": task.id,
        "status": task.state,
        "requestId": task.request_id,
        "functionArn": f"acs:fc:{region}:{account_id}:functions/{task.spec.name}",
        "qualifier": "LATEST",
        "alreadyRetriedTimes": max(task.attempts - 1, 0),
        "instanceId": task.instance_id,
        "startedTime": int((task.started_at or task.submitted_at) * 1000),
        "taskErrorMessage": task.error,
        "events": list(task.events),
    }
    if task.ended_at:
        shown["endTime"] = int(task.ended_at * 1000)
        shown["durationMs"] = int((task.ended_at - (task.started_at or task.ended_at)) * 1000)
    if payload:
        shown["returnPayload"] = task.return_payload.decode(errors="replace")
    return shown


def new_request_id(now: float) -> str:
    """`1-` and three groups of hexadecimal digits, the first one the time."""
    return f"1-{int(now):08x}-{entropy.token_hex(4)}-{entropy.token_hex(6)}"
