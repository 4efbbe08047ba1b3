"""Function Compute 3.0 with the standard library alone, for the ingress (docs/adr/0021).

Source: API of FC 2023-03-30, InvokeFunction and GetAsyncTask, signed as V3.
"""

from __future__ import annotations

from shared.adapters.light import Answer, Caller, LightClient
from shared.errors import CloudRefused, CloudUnknown, NotPermitted

VERSION = "2023-03-30"
ACCEPTED = 202  # the only answer that says an asynchronous invocation is queued
TASK_EXISTS = 409  # the documented status; the 3.0 error code beside it is not documented
TIMEOUT_SECONDS = 10
REFUSED = 400
_NOT_PERMITTED = (401, 403)


class LightFunctions:
    """Implements `ports.Functions`."""

    def __init__(
        self, *, host: str, protocol: str, caller: Caller, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._client = LightClient(host, VERSION, protocol, caller, timeout_seconds)

    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        """InvokeFunction, asynchronously; False if this task id was submitted before."""
        headers = {"content-type": "application/octet-stream", "x-fc-invocation-type": "Async",
                   "x-fc-async-task-id": task_id}  # fmt: skip
        answer = self._client.call(
            "InvokeFunction", "POST", f"/{VERSION}/functions/{function}/invocations",
            headers=headers, body=payload)  # fmt: skip
        if answer.status == TASK_EXISTS:
            return False
        _check("InvokeFunction", answer)
        if answer.status != ACCEPTED:
            raise CloudUnknown("InvokeFunction")
        return True

    def get_async_task(self, function: str, task_id: str) -> str:
        """GetAsyncTask: the state as FC names it."""
        answer = self._client.call(
            "GetAsyncTask", "GET", f"/{VERSION}/functions/{function}/async-tasks/{task_id}")
        _check("GetAsyncTask", answer)
        status = answer.content.get("status")
        if not isinstance(status, str) or not status:  # no state is not a good state
            raise CloudUnknown("GetAsyncTask")
        return status


def _check(action: str, answer: Answer) -> None:
    if answer.status < REFUSED:
        return
    kind = NotPermitted if answer.status in _NOT_PERMITTED else CloudRefused
    code = str(answer.content.get("Code") or f"Http{answer.status}")
    raise kind(action, code, answer.status, answer.headers.get("x-fc-request-id", ""))
