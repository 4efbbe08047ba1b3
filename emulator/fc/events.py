"""HTTP triggers: a request as the function sees it, and its answer as the caller sees it.

Source: FC 3.0, "Use an HTTP trigger to invoke a function" (request and response structure). How a
body is judged binary is not documented: here, by not being UTF-8, or by choice.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
from datetime import datetime
from urllib.parse import unquote

from emulator.clock import iso
from emulator.wire import Request, Response

_NOT_PASSED_ON = {"connection", "keep-alive", "transfer-encoding", "host"}


class MalformedAnswer(ValueError):
    """The function's answer is no HTTP response."""


def request_event(
    request: Request, *, path: str, domain: str, account_id: str, request_id: str, trigger: str,
    now: datetime, binary: bool = False,
) -> bytes:  # fmt: skip
    """The event; `path` is the raw path behind the trigger's address, still encoded; `binary`: the
    body is base64 whatever it is."""
    body, encoded = _body(request.body, binary)
    query: dict[str, str] = {}
    for name, value in request.query:
        query[name] = f"{query[name]},{value}" if name in query else value
    return json.dumps({
        "version": "v1",
        "rawPath": path,
        "body": body,
        "isBase64Encoded": encoded,
        "headers": _headers(request, domain),
        "queryParameters": query,
        "requestContext": {
            "accountId": account_id,
            "triggerId": trigger,
            "domainName": domain,
            "domainPrefix": domain.split(".")[0],
            "requestId": request_id,
            "time": iso(now),
            "timeEpoch": str(int(now.timestamp() * 1000)),
            "http": {
                "method": request.method,
                "path": unquote(path),
                "protocol": "HTTP/1.1",
                "sourceIp": request.source_ip,
                "userAgent": request.headers.get("user-agent", ""),
            },
        },
    }).encode()  # fmt: skip


def _body(body: bytes, binary: bool) -> tuple[str, bool]:
    with contextlib.suppress(UnicodeDecodeError):
        if not binary:
            return body.decode(), False
    return base64.b64encode(body).decode(), True


def _headers(request: Request, domain: str) -> dict[str, str]:
    """Header names in Go's canonical case; hop-by-hop and FC's own ones are not passed on."""
    passed = {
        _canonical(name): request.headers[name]
        for name in request.headers
        if name not in _NOT_PASSED_ON and not name.startswith(("x-fc-", "proxy-"))
    }
    return {"Host": domain, **passed}


def _canonical(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))


def response(answer: bytes) -> Response:
    """The function's answer: the response object, or a plain value as 200.

    A body without `statusCode` as 200 `application/json` is inferred, not confirmed.
    """
    try:
        described = json.loads(answer)
    except ValueError:
        return Response(200, answer, {"Content-Type": "application/json"})
    if not isinstance(described, dict) or "statusCode" not in described:
        return Response(200, answer, {"Content-Type": "application/json"})
    status, headers = described["statusCode"], described.get("headers") or {}
    body = described.get("body", "")
    if isinstance(status, bool) or not isinstance(status, int) or not 200 <= status <= 599:
        raise MalformedAnswer("statusCode must be a number from 200 to 599")
    if not isinstance(headers, dict) or not all(isinstance(v, str) for v in headers.values()):
        raise MalformedAnswer("headers must be a mapping to strings")
    if not isinstance(body, str):
        raise MalformedAnswer("body must be a string")
    own = ("content-length", "connection", "transfer-encoding")
    kept = {name: value for name, value in headers.items() if name.lower() not in own}
    if not described.get("isBase64Encoded"):
        return Response(status, body.encode(), kept)
    try:
        return Response(status, base64.b64decode(body, validate=True), kept)
    except binascii.Error:
        raise MalformedAnswer("body is not base64") from None
