"""Function Compute: asynchronous invocation through `aliyun-fc2`.

`fc2` knows the services and functions of FC 2.0; with its API version set to 2023-03-30 its
signature is accepted on FC 3.0 paths by FC's own deployment tools, for other calls than this one.
Should an endpoint refuse it, the FC 3.0 SDK takes over, once and loudly.

`fc2` logs request headers, the security token among them, through the root logger: at ERROR on
every 4xx and 5xx, at DEBUG always. `_Silence` keeps those records from every handler.
"""

from __future__ import annotations

import io
import json
import logging
from contextlib import suppress
from typing import Any
from urllib.parse import quote

import fc2
import requests

from shared.errors import CloudRefused, CloudUnknown, NotPermitted
from shared.ports import Functions

log = logging.getLogger(__name__)

API_VERSION = "2023-03-30"
ACCEPTED = 202  # the only answer that says an asynchronous invocation is queued
TASK_EXISTS = 409  # the documented status; the 3.0 error code beside it is not documented
SIGNATURE_REFUSED = ("SignatureNotMatch", "SignatureDoesNotMatch", "InvalidSignature",
                     "IncompleteSignature", "UnsupportedSignature")  # fmt: skip
TIMEOUT_SECONDS = 10


class _Silence(logging.Filter):
    """Drops what `fc2` logs: its records hold headers and string-to-sign."""

    def filter(self, record: logging.LogRecord) -> bool:
        return "/fc2/" not in record.pathname.replace("\\", "/")


_SILENCE = _Silence()


class _Client(fc2.Client):  # type: ignore[misc]
    """`fc2.Client` on FC 3.0 paths."""

    def __init__(self, **settings: Any) -> None:
        logging.getLogger().addFilter(_SILENCE)  # adding the same filter again does nothing
        super().__init__(**settings)
        self.api_version = API_VERSION

    def call(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Any:
        """Sign and send; returns the response of any status, with nothing logged.

        The library's own `_do_request` reads 4xx bodies as JSON inside its log line and breaks on
        any other; so only its signing is used here.
        """
        signed = self._build_common_headers(method, path, headers)
        signed["content-length"] = str(len(body or b""))
        return requests.request(
            method, f"{self.endpoint}{quote(path)}", headers=signed, data=body,
            timeout=TIMEOUT_SECONDS,
            allow_redirects=False,  # the security token is for this host alone
        )  # fmt: skip


class _SignatureRefused(Exception):
    """The endpoint does not take `fc2`'s signature on this path."""


class FunctionsAdapter:
    """Implements `ports.Functions` with `fc2`; if its signature is refused, `fallback` does."""

    def __init__(
        self, *, endpoint: str, access_key_id: str, secret: str, security_token: str,
        fallback: Functions,
    ) -> None:  # fmt: skip
        self._client = _Client(
            endpoint=endpoint, accessKeyID=access_key_id, accessKeySecret=secret,
            securityToken=security_token,
        )  # fmt: skip
        self._fallback = fallback
        self._refused = False

    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        """InvokeFunction, asynchronously; False if this task id was submitted before."""
        headers = {
            "content-type": "application/octet-stream",
            "x-fc-invocation-type": "Async",
            "x-fc-async-task-id": task_id,
        }
        path = f"/{API_VERSION}/functions/{function}/invocations"
        try:
            response = self._call("InvokeFunction", "POST", path, headers, payload)
        except _SignatureRefused:
            return self._fallback.invoke_async(function, payload, task_id)
        if response.status_code == TASK_EXISTS:
            return False
        _check("InvokeFunction", response)
        if response.status_code != ACCEPTED:
            raise CloudUnknown("InvokeFunction")
        return True

    def get_async_task(self, function: str, task_id: str) -> str:
        """GetAsyncTask: the state as FC names it."""
        path = f"/{API_VERSION}/functions/{function}/async-tasks/{task_id}"
        try:
            response = self._call("GetAsyncTask", "GET", path, {}, None)
        except _SignatureRefused:
            return self._fallback.get_async_task(function, task_id)
        _check("GetAsyncTask", response)
        status = _json(response).get("status")
        if not status:  # an answer without it is none: no state is not a good state
            raise CloudUnknown("GetAsyncTask")
        return str(status)

    def _call(
        self, action: str, method: str, path: str, headers: dict[str, str], body: bytes | None
    ) -> Any:
        if self._refused:
            raise _SignatureRefused
        response = None
        with suppress(requests.RequestException):
            response = self._client.call(method, path, headers, body)
        if response is None:
            raise CloudUnknown(action)
        if response.status_code in (400, 401, 403) and _code(response) in SIGNATURE_REFUSED:
            log.warning("fc2 signature refused (%s): using the FC 3.0 SDK", _code(response))
            self._refused = True
            raise _SignatureRefused
        return response


class SdkFunctionsAdapter:
    """Implements `ports.Functions` with `alibabacloud_fc20230330`; imported only when needed."""

    def __init__(
        self, *, host: str, protocol: str, region: str, access_key_id: str, secret: str,
        security_token: str, ca_file: str = "",
    ) -> None:  # fmt: skip
        self._settings = {
            "endpoint": host, "protocol": protocol, "region_id": region,
            "access_key_id": access_key_id, "access_key_secret": secret,
            "security_token": security_token, "ca": ca_file or None,
        }  # fmt: skip

    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        """InvokeFunction, asynchronously; False if this task id was submitted before."""
        from alibabacloud_fc20230330 import models
        from alibabacloud_tea_util.models import RuntimeOptions

        headers = models.InvokeFunctionHeaders(
            x_fc_invocation_type="Async", x_fc_async_task_id=task_id
        )
        request = models.InvokeFunctionRequest(body=io.BytesIO(payload))
        try:
            self._answer("InvokeFunction", lambda: self._client().invoke_function_with_options(
                function, request, headers, RuntimeOptions()))  # fmt: skip
        except CloudRefused as err:
            if err.status == TASK_EXISTS:
                return False
            raise
        return True

    def get_async_task(self, function: str, task_id: str) -> str:
        """GetAsyncTask: the state as FC names it."""
        from alibabacloud_fc20230330 import models

        from shared.adapters import tea

        request = models.GetAsyncTaskRequest()
        response = self._answer("GetAsyncTask", lambda: self._client().get_async_task(
            function, task_id, request))  # fmt: skip
        return str(tea.present("GetAsyncTask", response.body, "status"))

    def _client(self) -> Any:
        from alibabacloud_fc20230330.client import Client
        from alibabacloud_tea_openapi.models import Config

        return Client(Config(**self._settings))

    def _answer(self, action: str, call: Any) -> Any:
        from shared.adapters import tea

        return tea.answer(action, call, repeatable=True)


def _check(action: str, response: Any) -> None:
    status = response.status_code
    if status < 400:
        return
    if status >= 500:
        raise CloudUnknown(action)
    request_id = response.headers.get("X-Fc-Request-Id", "")
    kind = NotPermitted if status in (401, 403) else CloudRefused
    raise kind(action, _code(response) or f"Http{status}", status, request_id)


def _json(response: Any) -> dict[str, Any]:
    try:
        content = json.loads(response.content)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _code(response: Any) -> str:
    """The error code: `Code` in 3.0 bodies, `ErrorCode` in 2.0 ones."""
    content = _json(response)
    return str(content.get("Code") or content.get("ErrorCode") or "")
