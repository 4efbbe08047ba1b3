"""What the API's actions do: invoke a function, look at functions and asynchronous tasks."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.call import Call
from emulator.fc import refusals
from emulator.fc.instances import Outcome
from emulator.fc.specification import FunctionSpec
from emulator.fc.tasks import OVER, as_answered
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud
    from emulator.fc.runtime import FunctionCompute

MAX_EVENT_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True)
class Target:
    """What a request is about; `function` is the 3.0 name, also for a 2.0 function."""

    action: str
    function: str = ""
    service: str = ""
    task_id: str = ""
    qualifier: str = ""

    def resource(self, region: str, account_id: str) -> str:
        """The ARN the permission is asked for."""
        prefix = f"acs:fc:{region}:{account_id}"
        if self.service:
            return f"{prefix}:services/{self.service}/functions/{self.function.split('$')[1]}"
        if self.action.endswith(("AsyncTask", "AsyncTasks")):
            return f"{prefix}:functions/{self.function}/async-tasks/{self.task_id or '*'}"
        return f"{prefix}:functions/{self.function or '*'}"


def functions(cloud: Cloud) -> FunctionCompute:
    """The loaded functions; without an s.yaml there are none."""
    if cloud.fc is None:
        raise refusals.function_not_found("")
    return cloud.fc


def _spec(cloud: Cloud, target: Target) -> FunctionSpec:
    specs = cloud.fc.specs if cloud.fc else {}
    if target.service and not any(name.startswith(f"{target.service}$") for name in specs):
        raise refusals.service_not_found(target.service)
    if target.function not in specs:
        raise refusals.function_not_found(target.function)
    if target.qualifier not in ("", "LATEST"):
        raise refusals.version_not_found(target.qualifier, target.function)
    return specs[target.function]


# -- InvokeFunction ---------------------------------------------------------------------------


def task_id_of(request: Request) -> str:
    """The task id a caller chose, under its 3.0 or its 2.0 name."""
    headers = request.headers
    return headers.get("x-fc-async-task-id") or headers.get(
        "x-fc-stateful-async-invocation-id", ""
    )


def delay_seconds_of(request: Request) -> float:
    """`x-fc-async-delay`: whole seconds between 0 and 3600, both excluded."""
    text = request.headers.get("x-fc-async-delay", "")
    if not text:
        return 0.0
    if not re.fullmatch("[0-9]{1,4}", text) or not 0 < int(text) < 3600:
        raise refusals.invalid_argument(f"the async delay '{text}' is invalid")
    return float(text)


def invoke(cloud: Cloud, call: Call, target: Target) -> Response:
    """InvokeFunction: run now and answer the result, or accept and answer 202."""
    spec = _spec(cloud, target)
    request, running = call.request, functions(cloud)
    kind = request.headers.get("x-fc-invocation-type", "Sync")
    if kind not in ("Sync", "Async"):
        raise refusals.invalid_argument(f"invocation type '{kind}' is invalid")
    if kind == "Async":
        given = request.headers.get("x-fc-request-id", "")
        task = running.tasks.submit(
            spec, request.body, call.request_id, task_id=task_id_of(request) or given,
            delay_seconds=delay_seconds_of(request),
        )  # fmt: skip
        cloud.history.commit(call.entry, call.request)
        return Response(202, b"", {"X-Fc-Async-Task-Id": task.id})
    if len(request.body) > MAX_EVENT_BYTES:
        raise refusals.too_large(MAX_EVENT_BYTES)
    outcome = running.pool.invoke(spec, call.request_id, request.body)
    cloud.history.commit(call.entry, call.request)
    tail = request.headers.get("x-fc-log-type", "None") == "Tail"
    return Response(200, outcome.body, {
        "Content-Type": "application/octet-stream", **outcome_headers(outcome, tail=tail),
    })  # fmt: skip


def outcome_headers(outcome: Outcome, *, tail: bool) -> dict[str, str]:
    """What FC says about a run besides its result; durations in ms, memory in MB."""
    headers = {
        "X-Fc-Invocation-Duration": str(outcome.duration_ms),
        "X-Fc-Max-Memory-Usage": str(outcome.memory_mb),
        "X-Fc-Instance-Id": outcome.instance_id,
        "X-Fc-Invocation-Service-Version": "LATEST",
        "X-Fc-Code-Checksum": "0",
    }
    if not outcome.ok:
        headers["X-Fc-Error-Type"] = "UnhandledInvocationError"
    if tail:
        headers["X-Fc-Log-Result"] = base64.b64encode(outcome.log).decode()
    return headers


# -- reading ----------------------------------------------------------------------------------


def _get_task(cloud: Cloud, call: Call, target: Target) -> dict[str, Any]:
    spec = _spec(cloud, target)
    task = functions(cloud).tasks.find(spec.name, target.task_id)
    payload = cloud.choices.fc_task_return_payload
    return as_answered(task, spec.region, cloud.account_id, payload=payload)


def _stop_task(cloud: Cloud, call: Call, target: Target) -> dict[str, Any]:
    tasks = functions(cloud).tasks
    task = tasks.find(_spec(cloud, target).name, target.task_id)
    if task.state not in OVER:
        cloud.history.commit(call.entry, call.request)
    tasks.stop_task(task)
    return {}


def _list_tasks(cloud: Cloud, call: Call, target: Target) -> dict[str, Any]:
    spec = _spec(cloud, target)
    tasks = functions(cloud).tasks.listed(spec.name)
    prefix, status = call.text("prefix"), call.text("status")
    wanted = [t for t in tasks if t.id.startswith(prefix) and status in ("", t.state)]
    if call.text("sortOrderByTime", "asc") == "desc":
        wanted.reverse()
    payload = cloud.choices.fc_task_return_payload and call.boolean("includePayload")
    return _page(call, "tasks", [
        as_answered(task, spec.region, cloud.account_id, payload=payload) for task in wanted
    ])  # fmt: skip


def _get_function(cloud: Cloud, call: Call, target: Target) -> dict[str, Any]:
    return _function(cloud, _spec(cloud, target))


def _list_functions(cloud: Cloud, call: Call, target: Target) -> dict[str, Any]:
    specs = cloud.fc.specs if cloud.fc else {}
    prefix = call.text("prefix")
    names = sorted(name for name in specs if name.startswith(prefix))
    return _page(call, "functions", [_function(cloud, specs[name]) for name in names])


def _page(call: Call, name: str, items: list[dict[str, Any]]) -> dict[str, Any]:
    """`limit` items from `nextToken` on; the token is the index of the next one."""
    start = call.integer("nextToken", 0, 0, 1_000_000)
    limit = call.integer("limit", 20, 1, 100)
    page: dict[str, Any] = {name: items[start : start + limit]}
    if start + limit < len(items):
        page["nextToken"] = str(start + limit)
    return page


def _function(cloud: Cloud, spec: FunctionSpec) -> dict[str, Any]:
    """A function as the API shows it; its role is completed to an ARN."""
    role = spec.role
    if role and ":" not in role:
        role = f"acs:ram::{cloud.account_id}:role/{role}"
    return {
        "functionName": spec.name,
        "functionArn": f"acs:fc:{spec.region}:{cloud.account_id}:functions/{spec.name}",
        "runtime": spec.runtime,
        "handler": spec.handler,
        "timeout": spec.timeout_seconds,
        "memorySize": spec.memory_mb,
        "role": role,
        "environmentVariables": spec.environment,
        "state": "Active",
        "logConfig": {"project": spec.log_project, "logstore": spec.log_store},
    }


# What answers JSON, by action.
READERS: dict[str, Callable[[Cloud, Call, Target], dict[str, Any]]] = {
    "GetAsyncTask": _get_task,
    "ListAsyncTasks": _list_tasks,
    "StopAsyncTask": _stop_task,
    "GetFunction": _get_function,
    "ListFunctions": _list_functions,
}
