"""What the SLS tests share: a real LogClient behind the forward proxy, a project to write into."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aliyun.log import GetLogsRequest, LogClient, LogItem, PutLogsRequest
from aliyun.log.index_config import IndexConfig, IndexKeyConfig, IndexLineConfig
from aliyun.log.logexception import LogException

ENDPOINT = "http://cn-hangzhou.log.aliyuncs.com"
ADMIN = ("LTAI5tAdministrator00001", "administratorSecret00000000001")
PROJECT, STORE = "broker-audit", "audit"
DELIMITERS = list(", '\";=()[]{}?@&<>/:\n\t\r")
SOURCE_IP = "198.51.100.7"


def client(emulator: Any, monkeypatch: pytest.MonkeyPatch, key: tuple[str, str] = ADMIN,
           *, ip: str = SOURCE_IP, **more: Any) -> LogClient:  # fmt: skip
    """An unmodified client whose requests go through the emulator as a proxy, from `ip`."""
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
