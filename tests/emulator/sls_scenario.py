"""What the SLS tests share: a real LogClient behind the forward proxy, a project to write into."""

from __future__ import annotations

import hashlib
import http.client
import json
import time
import types
from email.utils import formatdate
from typing import Any

import pytest
from aliyun.log import GetLogsRequest, LogClient, LogItem, PutLogsRequest, logclient
from aliyun.log.index_config import IndexConfig, IndexKeyConfig, IndexLineConfig
from aliyun.log.logexception import LogException

from emulator.sls.signature import sign_v1, string_to_sign_v1
from emulator.wire import Headers, Request

ENDPOINT = "http://cn-hangzhou.log.aliyuncs.com"
ADMIN = ("LTAI5tAdministrator00001", "administratorSecret00000000001")
PROJECT, STORE = "broker-audit", "audit"
DELIMITERS = list(", '\";=()[]{}?@&<>/:\n\t\r")
SOURCE_IP = "198.51.100.7"
WAITS: list[float] = []  # the pauses that clients wanted to make


def client(emulator: Any, monkeypatch: pytest.MonkeyPatch, key: tuple[str, str] = ADMIN,
           *, ip: str = SOURCE_IP, **more: Any) -> LogClient:  # fmt: skip
    """An unmodified client whose requests go through the emulator as a proxy, from `ip`.

    It tries again at once: its pauses of a second are the only thing taken from it.
    """
    impatient = types.SimpleNamespace(time=time.time, sleep=WAITS.append)
    monkeypatch.setattr(logclient, "time", impatient)
    monkeypatch.setenv("http_proxy", f"http://{ip}:x@{emulator.endpoint}")
    found = LogClient(ENDPOINT, *key, source="fc", **more)
    found.timeout = 10
    return found


def index(**keys: str) -> IndexConfig:
    """Fields with doc_value: `text` matches as a whole, `words` by its words, `long`, `double`."""
    configs = {
        name: IndexKeyConfig(
            token_list=DELIMITERS if kind == "words" else [],
            case_sensitive=kind == "text",
            index_type="text" if kind in ("text", "words") else kind,
            doc_value=True,
        )
        for name, kind in keys.items()
    }
    found = IndexConfig(line_config=IndexLineConfig(DELIMITERS), key_config_list=configs)
    found.docvalue_max_text_len = 16384
    return found


def ready(sdk: LogClient, *, fields: IndexConfig | None = None, **settings: Any) -> None:
    """A project with one indexed logstore."""
    sdk.create_project(PROJECT, "")
    sdk.create_logstore(PROJECT, STORE, ttl=180, **settings)
    sdk.create_index(PROJECT, STORE, fields or index(event_id="text", user="text", n="long"))


def put(sdk: LogClient, *rows: dict[str, Any], at: int | None = None, **more: Any) -> None:
    """Write rows, each with the present second or `at`."""
    seconds = int(time.time()) if at is None else at
    items = [
        LogItem(timestamp=seconds, time_nano_part=1, contents=[(k, str(v)) for k, v in row.items()])
        for row in rows
    ]
    sdk.put_logs(PutLogsRequest(PROJECT, STORE, more.pop("topic", "t"), "fc", items, **more))


def get(sdk: LogClient, query: str = "*", **more: Any) -> list[dict[str, str]]:
    """The rows that a query finds around now."""
    now = int(time.time())
    request = GetLogsRequest(
        PROJECT, STORE, more.pop("start", now - 7200), more.pop("end", now + 900), query=query,
        **more,
    )
    return [row.contents for row in sdk.get_logs(request).get_logs()]


def refusal(call: Any, *arguments: Any, **more: Any) -> tuple[int, str, str]:
    """Status, code and message of a call that must be refused."""
    with pytest.raises(LogException) as caught:
        call(*arguments, **more)
    error = caught.value
    assert len(error.get_request_id()) == 24
    return error.get_resp_status(), error.get_error_code(), error.get_error_message()


def raw(emulator: Any, method: str, target: str, body: bytes = b"", *,
        host: str = f"{PROJECT}.cn-hangzhou.log.aliyuncs.com", drop: tuple[str, ...] = (),
        signed: bool = True, key: tuple[str, str] = ADMIN,
        **headers: str) -> tuple[int, dict[str, Any], dict[str, str]]:  # fmt: skip
    """One request that the SDK would not send: status, error body or {}, headers in lower case.

    Keyword headers replace the usual ones (`_` for `-`); `drop` leaves headers out after signing.
    """
    content = {
        "host": host, "x-log-apiversion": "0.6.0", "x-log-signaturemethod": "hmac-sha1",
        "date": formatdate(time.time(), usegmt=True), "x-log-bodyrawsize": str(len(body)),
    }  # fmt: skip
    if body:
        content["content-md5"] = hashlib.md5(body).hexdigest().upper()
    content |= {name.replace("_", "-"): value for name, value in headers.items()}
    content = {name: value for name, value in content.items() if name not in drop}
    if signed and "authorization" not in content:
        request = Request(method, target, Headers(content.items()), body)
        text = string_to_sign_v1(request, content.get("x-log-date") or content.get("date", ""))
        method_name = content.get("x-log-signaturemethod", "hmac-sha1")
        name = method_name if method_name == "hmac-sha256" else "hmac-sha1"
        content["authorization"] = f"LOG {key[0]}:{sign_v1(key[1], text, name)}"
    connection = http.client.HTTPConnection("127.0.0.1", emulator.server.port, timeout=10)
    connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
    for name, value in {**content, "content-length": str(len(body))}.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    payload = answer.read()
    connection.close()
    found = {name.lower(): value for name, value in answer.getheaders()}
    return answer.status, json.loads(payload) if payload[:1] == b"{" else {}, found


def code(answer: tuple[int, dict[str, Any], dict[str, str]]) -> tuple[int, str]:
    """Status and error code of a raw answer."""
    return answer[0], str(answer[1].get("errorCode"))
