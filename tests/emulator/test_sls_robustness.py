"""No input is a defect: every operation refuses nonsense with an error of the product."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.errors import ProductError
from emulator.sls.operations import OPERATIONS, Operation
from emulator.sls.protobuf import decode_group
from tests.emulator.sls_scenario import PROJECT, STORE, client, raw, ready

BODIES: list[Any] = [
    None, 5, "x", [], [[]], {}, {"name": []}, {"logstoreName": {}}, {"projectName": None},
    {"keys": {"a": {"type": []}}}, {"keys": {"a": {"type": "text", "token": [None]}}},
    {"line": {"token": "abc"}}, {"line": {"token": [], "caseSensitive": "x"}},
    {"dashboardName": "d", "charts": [{"title": {}}]}, {"tags": [[]], "resourceId": {}},
    {"resourceType": "project", "resourceId": [PROJECT], "tags": [{"key": 1, "value": 2}]},
    {"from": 1e400, "to": 5}, {"from": 10**30, "to": 10**31}, {"from": 1, "to": 10**17},
    {"from": 1, "to": 9, "query": "\ud800"}, {"rowId": [], "query": {}, "data": []},
    {"rowId": "x", "data": '{"a":{}}', "updateMode": []},
    {"logstoreName": STORE, "ttl": [], "encrypt_conf": {"enable": True, "encrypt_type": []}},
    {"logstoreName": "abc", "mode": [], "telemetryType": []},
]  # fmt: skip


def target(operation: Operation) -> str:
    path = operation.path.replace("{logstore}", STORE).replace("{shard}", "0")
    path = path.replace("{name}", "x").replace("{task}", "x")
    pairs = {"from": "x", "to": "9" * 40, "cursor": "%ff%00", "count": "-1", "offset": "1e9",
             "size": "%F0%9F", "resourceId": "%7B", "tags": "5", "key": "%20",
             "line": "x"}  # fmt: skip
    query = [f"{name}={value}" for name, value in pairs.items()]
    return path + "?" + "&".join([*query, *(["=".join(operation.when)] if operation.when else [])])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda o: f"{o.name}-{o.method}-{o.path}")
def test_nonsense_is_refused(
    emulator: Any, monkeypatch: pytest.MonkeyPatch, operation: Operation
) -> None:
    """Nonsense in body and query: below 500, with code, message and request id."""
    enabled = operation.name in ("UpdateLogs", "DeleteLogs")
    ready(client(emulator, monkeypatch), enable_modify=enabled)
    host = f"{PROJECT}." if operation.has_project else ""

    for body in (b"", b"{", b"\xff\xfe", *(json.dumps(body).encode() for body in BODIES)):
        for content_type in ("application/json", "application/x-protobuf"):
            status, answer, headers = raw(
                emulator, operation.method, target(operation), body,
                host=host + "cn-hangzhou.log.aliyuncs.com", content_type=content_type,
            )  # fmt: skip
            assert status < 500, body
            assert len(headers["x-log-requestid"]) == 24
            if status != 200:
                assert set(answer) == {"errorCode", "errorMessage"}


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=60))
def test_no_bytes_break_the_decoder(body: bytes) -> None:
    """Any bytes are a group, or are refused as the product refuses them."""
    try:
        decode_group(body)
    except ProductError as refused:
        found = refused.code
    else:
        found = "a group"

    assert found in ("a group", "PostBodyInvalid", "InvalidEncoding")
