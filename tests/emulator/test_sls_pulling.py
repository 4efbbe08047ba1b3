"""Cursors and PullLogs: everything written, as it was written."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.emulator.sls_scenario import PROJECT, STORE, client, code, put, raw, ready, refusal

LOW, HIGH = "0", "f" * 32


@pytest.fixture
def sdk(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = client(emulator, monkeypatch)
    ready(found, append_meta=True)
    return found


def begin(sdk: Any, shard: int = 0) -> str:
    return str(sdk.get_begin_cursor(PROJECT, STORE, shard).get_cursor())


@pytest.mark.parametrize("compress", [True, False])
def test_pull_gives_what_was_put(sdk: Any, compress: bool) -> None:
    """Rows, tags, topic and source come back, lz4 or plain."""
    put(sdk, {"event_id": "e1", "user": "中"}, {"event_id": "e2"}, topic="broker",
        hashKey=LOW, logtags=[("schema", "1")])  # fmt: skip

    answer = sdk.pull_logs(PROJECT, STORE, 0, begin(sdk), compress=compress)
    first, second = answer.get_flatten_logs_json()

    assert answer.get_loggroup_count() == 1
    assert (first["event_id"], first["user"], second["event_id"]) == ("e1", "中", "e2")
    assert (first["__topic__"], first["__source__"]) == ("broker", "fc")
    assert (first["__tag__:schema"], first["__tag__:__client_ip__"]) == ("1", "198.51.100.7")


def test_hash_keys_choose_the_shard(sdk: Any) -> None:
    """Low keys go to the first shard, high keys to the last."""
    put(sdk, {"event_id": "low"}, hashKey=LOW)
    put(sdk, {"event_id": "high"}, hashKey=HIGH)

    first = sdk.pull_logs(PROJECT, STORE, 0, begin(sdk)).get_flatten_logs_json()
    last = sdk.pull_logs(PROJECT, STORE, 1, begin(sdk, 1)).get_flatten_logs_json()

    assert [row["event_id"] for row in first] == ["low"]
    assert [row["event_id"] for row in last] == ["high"]


def test_cursors_walk_to_the_end(sdk: Any) -> None:
    """`count` groups at a time, until the cursor stays where it is."""
    for number in range(5):
        put(sdk, {"n": number}, hashKey=LOW)
    cursor, seen = begin(sdk), []

    while True:
        answer = sdk.pull_logs(PROJECT, STORE, 0, cursor, count=2)
        assert answer.get_loggroup_count() <= 2
        seen += [row["n"] for row in answer.get_flatten_logs_json()]
        if answer.get_next_cursor() == cursor:
            break
        cursor = answer.get_next_cursor()

    assert seen == ["0", "1", "2", "3", "4"]
    assert cursor == sdk.get_end_cursor(PROJECT, STORE, 0).get_cursor()


def test_end_cursor_bounds_a_pull(sdk: Any) -> None:
    """Nothing at or after the end cursor."""
    put(sdk, {"n": 1}, hashKey=LOW)
    end = sdk.get_end_cursor(PROJECT, STORE, 0).get_cursor()
    put(sdk, {"n": 2}, hashKey=LOW)

    answer = sdk.pull_logs(PROJECT, STORE, 0, begin(sdk), end_cursor=end)

    assert [row["n"] for row in answer.get_flatten_logs_json()] == ["1"]


def test_cursor_by_time(emulator: Any, sdk: Any) -> None:
    """A time's cursor is the first group received then or later, and knows its time."""
    put(sdk, {"n": 1}, hashKey=LOW)
    put(sdk, {"n": 2}, hashKey=LOW)
    now = int(time.time())
    emulator.cloud.sls.logstore(PROJECT, STORE).shards[0].groups[0].received_at = now - 100.0

    cursor = sdk.get_cursor(PROJECT, STORE, 0, now - 50).get_cursor()

    (row,) = sdk.pull_logs(PROJECT, STORE, 0, cursor).get_flatten_logs_json()
    assert row["n"] == "2"
    assert sdk.get_cursor_time(PROJECT, STORE, 0, cursor).get_cursor_time() >= now
    assert sdk.get_previous_cursor_time(PROJECT, STORE, 0, cursor).get_cursor_time() == now - 100


def test_cursor_refused(emulator: Any, sdk: Any) -> None:
    """What is no cursor of this shard is InvalidCursor."""
    for cursor in ("", "x", "!!", "eA==", "OTk="):  # "x" and "99" in base64
        answer = refusal(sdk.pull_logs, PROJECT, STORE, 0, cursor)
        assert answer[:2] == (400, "InvalidCursor")
    end = sdk.get_end_cursor(PROJECT, STORE, 0).get_cursor()
    assert refusal(sdk.get_cursor_time, PROJECT, STORE, 0, end)[1] == "InvalidCursor"


def test_pull_parameters_refused(emulator: Any, sdk: Any) -> None:
    """An unknown shard, a bad count, a bad time, SPL."""
    shards = f"/logstores/{STORE}/shards/"

    assert refusal(sdk.pull_logs, PROJECT, STORE, 9, "MA==")[:2] == (404, "ShardNotExist")
    assert refusal(sdk.pull_logs, PROJECT, STORE, 0, "MA==", count=1001)[1] == "ParameterInvalid"
    assert refusal(sdk.pull_logs, PROJECT, STORE, 0, "MA==", query="* | x")[1] == "ParameterInvalid"
    assert code(raw(emulator, "GET", shards + "0?type=cursor&from=x")) == (400, "ParameterInvalid")
    assert code(raw(emulator, "GET", shards + "x?type=log&cursor=MA==")) == (404, "ShardNotExist")
    assert code(raw(emulator, "GET", shards + "0")) == (400, "ParameterInvalid")
