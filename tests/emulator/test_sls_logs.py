"""PutLogs and GetLogs through the real SDK; what the SDK would not send goes over plain HTTP."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import lz4.block
import pytest
from aliyun.log import LogItem, PutLogsRequest
from aliyun.log.logexception import LogException

from emulator.sls.protobuf import Log, LogGroup, decode_group, encode_group
from tests.emulator.sls_scenario import (
    PROJECT,
    SOURCE_IP,
    STORE,
    client,
    code,
    get,
    index,
    put,
    raw,
    ready,
    refusal,
)

LB = f"/logstores/{STORE}/shards/lb"
PROTOBUF = {"content_type": "application/x-protobuf"}


@pytest.fixture
def sdk(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = client(emulator, monkeypatch)
    ready(found, append_meta=True)
    return found


def group(*contents: tuple[str, str], at: int | None = None) -> bytes:
    log = Log(int(time.time()) if at is None else at, contents)
    return encode_group(LogGroup((log,), "t", "s"))


def test_written_row_is_found(sdk: Any) -> None:
    """What PutLogs acknowledged, GetLogs returns as strings, with topic, source and tags."""
    put(sdk, {"event_id": "e1", "user": "alice", "n": 5}, topic="broker", logtags=[("schema", "1")])

    (row,) = get(sdk, 'event_id: e1 and user: "alice"')

    assert row.pop("__tag__:__receive_time__").isdigit()
    assert row == {
        "event_id": "e1", "user": "alice", "n": "5", "__topic__": "broker",
        "__time_ns_part__": "1", "__tag__:schema": "1", "__tag__:__client_ip__": SOURCE_IP,
    }  # fmt: skip


def test_append_meta_off(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without appendMeta the service adds nothing."""
    sdk = client(emulator, monkeypatch)
    ready(sdk, append_meta=False)

    put(sdk, {"event_id": "e1"})

    assert set(get(sdk)[0]) == {"event_id", "__topic__", "__time_ns_part__"}


def test_repeated_write_is_stored_twice(sdk: Any) -> None:
    """At least once, never deduplicated."""
    put(sdk, {"event_id": "e1"})
    put(sdk, {"event_id": "e1"})

    assert len(get(sdk, "event_id: e1")) == 2


@pytest.mark.parametrize("compress", [True, False])
@pytest.mark.parametrize("hash_key", [None, "0", "f" * 32])
def test_ways_to_write(sdk: Any, compress: bool, hash_key: str | None) -> None:
    """Compressed or not, balanced or routed: the row arrives."""
    put(sdk, {"event_id": "e1"}, compress=compress, hashKey=hash_key)

    assert len(get(sdk, "event_id: e1")) == 1


def test_empty_group(sdk: Any) -> None:
    """A group without logs is accepted and stores nothing."""
    put(sdk)

    assert get(sdk) == []


@pytest.mark.parametrize("offset", [-169 * 3600, 16 * 60])
def test_one_bad_time_refuses_the_group(sdk: Any, offset: int) -> None:
    """One log outside the window, and none of the group is stored."""
    now = int(time.time())
    items = [LogItem(at, time_nano_part=1, contents=[("event_id", "e")])
             for at in (now, now + offset)]  # fmt: skip

    answer = refusal(sdk.put_logs, PutLogsRequest(PROJECT, STORE, "", "s", items))

    assert answer == (400, "PostBodyInvalid", "The post data time is out of range")
    assert get(sdk, start=now - 200 * 3600) == []


def test_window_follows_the_emulators_clock(emulator: Any, sdk: Any) -> None:
    """The window is measured on the emulator's clock, not the machine's."""
    put(sdk, {"event_id": "e1"}, at=int(time.time()) - 167 * 3600)
    now = emulator.cloud.clock.time()

    emulator.cloud.clock.advance(600)

    try:
        put(sdk, {"event_id": "e2"}, at=int(now) + 24 * 60)
        assert len(get(sdk, start=int(now) - 200 * 3600, end=int(now) + 3600)) == 2
    finally:
        emulator.cloud.clock._offset_seconds = 0.0


@pytest.mark.parametrize("key", ["", "a b", "schlüssel", "x" * 129, "__time__", "__source__"])
def test_bad_key(sdk: Any, key: str) -> None:
    """Keys are 1 to 128 of letters, digits and underscores, and not reserved."""
    assert refusal(put, sdk, {key: "v"})[:2] == (400, "InvalidKey")


def test_bytes_that_are_no_utf8(sdk: Any) -> None:
    """The SDK sends such bytes happily; the service refuses them."""
    item = LogItem(int(time.time()), time_nano_part=1, contents=[("user", b"\xff\xfe")])

    answer = refusal(sdk.put_logs, PutLogsRequest(PROJECT, STORE, "", "s", [item]))

    assert answer == (400, "InvalidEncoding", "Non-UTF8 characters are in logs.")


@pytest.mark.parametrize("name", ["topic", "source"])
def test_long_topic_or_source(sdk: Any, name: str) -> None:
    """Topic and source hold at most 128 bytes."""
    arguments = {"topic": "t", "source": "s", name: "ü" * 65}
    item = LogItem(int(time.time()), time_nano_part=1, contents=[("user", "u")])
    request = PutLogsRequest(PROJECT, STORE, arguments["topic"], arguments["source"], [item])

    assert refusal(sdk.put_logs, request)[:2] == (400, "PostBodyInvalid")


def test_body_too_large(sdk: Any) -> None:
    """10 MB of raw body is the most, although the SDK would send 30."""
    status, error, message = refusal(put, sdk, {"user": "x" * (10 * 1024 * 1024)})

    assert (status, error) == (413, "PostBodyTooLarge")
    assert message.endswith("must little than 10485760.")


def test_body_too_large_uncompressed(sdk: Any) -> None:
    """The same for a body that is not compressed."""
    answer = refusal(put, sdk, {"user": "x" * (10 * 1024 * 1024)}, compress=False)

    assert answer[:2] == (413, "PostBodyTooLarge")


def test_hash_key_refused(sdk: Any) -> None:
    """A hash key is up to 32 hex digits."""
    assert refusal(put, sdk, {"user": "u"}, hashKey="zz")[:2] == (400, "ParameterInvalid")


def test_missing_project_and_logstore(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its own 404."""
    sdk = client(emulator, monkeypatch)

    assert refusal(put, sdk, {"user": "u"}) == (
        404, "ProjectNotExist", "The Project does not exist : broker-audit",
    )  # fmt: skip
    sdk.create_project(PROJECT, "")
    assert refusal(put, sdk, {"user": "u"}) == (
        404, "LogStoreNotExist", "logstore audit does not exist",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("expected", "body", "headers"),
    [
        ((400, "MissingContentType"), group(("a", "b")), {}),
        ((415, "InvalidContentType"), group(("a", "b")), {"content_type": "text/plain"}),
        ((400, "PostBodyInvalid"), b"\xff\xff", PROTOBUF),
        ((400, "PostBodyInvalid"), b"\x0a\x02\x08\x01\xff", PROTOBUF),
        ((400, "PostBodyInvalid"), b"\x0a\x00", PROTOBUF),
        ((400, "PostBodyInvalid"), b"\x08\x01\x0a", PROTOBUF),
        ((400, "InvalidTimestamp"), group(("a", "b"), at=1 << 32), PROTOBUF),
        ((400, "InvalidCompressType"), b"x", {**PROTOBUF, "x_log_compresstype": "snappy"}),
        ((400, "PostBodyUncompressError"), b"x", {**PROTOBUF, "x_log_compresstype": "lz4"}),
        ((400, "PostBodyUncompressError"), b"x", {**PROTOBUF, "x_log_compresstype": "deflate"}),
        ((400, "InvalidBodyRawSize"), b"x", {**PROTOBUF, "x_log_bodyrawsize": "-1"}),
        ((400, "InvalidBodyRawSize"), b"x", {**PROTOBUF, "x_log_bodyrawsize": "5"}),
        ((413, "PostBodyTooLarge"), b"x",
         {**PROTOBUF, "x_log_compresstype": "lz4", "x_log_bodyrawsize": "10485761"}),
        ((400, "MissingBodyRawSize"), b"x",
         {**PROTOBUF, "x_log_compresstype": "lz4", "drop": ("x-log-bodyrawsize",)}),
    ],
    ids=lambda value: str(value[1]) if isinstance(value, tuple) else "",  # bodies hold the time
)  # fmt: skip
def test_body_refused(
    emulator: Any, sdk: Any, expected: tuple[int, str], body: bytes, headers: Any
) -> None:
    """Each defect of a write's body has its documented code."""
    assert code(raw(emulator, "POST", LB, body, **headers)) == expected


def test_declared_size_must_be_the_bodys(emulator: Any, sdk: Any) -> None:
    """A wrong raw size of a body that can be uncompressed is named as such."""
    body = group(("event_id", "e"))
    headers = {**PROTOBUF, "x_log_compresstype": "lz4", "x_log_bodyrawsize": str(len(body) + 9)}

    answer = raw(emulator, "POST", LB, lz4.block.compress(body, store_size=False), **headers)

    assert code(answer) == (400, "InvalidBodyRawSize")


def test_deflated_body(emulator: Any, sdk: Any) -> None:
    """The second documented compression."""
    import zlib

    body = group(("event_id", "deflated"))
    headers = {**PROTOBUF, "x_log_compresstype": "deflate", "x_log_bodyrawsize": str(len(body))}

    answer = raw(emulator, "POST", LB, zlib.compress(body), **headers)

    assert answer[0] == 200
    assert len(get(sdk, "event_id: deflated")) == 1


def test_protobuf_round_trip() -> None:
    """The decoder reads what the SDK's own message class writes, and the encoder the reverse."""
    from aliyun.log.proto import LogGroupRaw

    message = LogGroupRaw()
    log = message.Logs.add()
    log.Time, log.Time_ns = 1_700_000_000, 123_456_789
    content = log.Contents.add()
    content.Key, content.Value = "user", "中文".encode()
    message.Topic, message.Source = "broker", "fc"
    tag = message.LogTags.add()
    tag.Key, tag.Value = "schema", "1"

    found = decode_group(message.SerializeToString())
    message_again = LogGroupRaw()
    message_again.ParseFromString(encode_group(found))

    expected = Log(1_700_000_000, (("user", "中文"),), 123_456_789)
    assert found == LogGroup((expected,), "broker", "fc", (("schema", "1"),))
    assert message_again == message


# -- reading ----------------------------------------------------------------------------------


def test_index_lag(emulator: Any, sdk: Any) -> None:
    """A row can be found only after the index lag; PullLogs has it at once."""
    emulator.cloud.choices.sls_index_lag_seconds = 3.0
    put(sdk, {"event_id": "e1"}, hashKey="0")

    before = get(sdk)
    cursor = sdk.get_begin_cursor(PROJECT, STORE, 0).get_cursor()
    pulled = sdk.pull_logs(PROJECT, STORE, 0, cursor).get_flatten_logs_json()
    emulator.cloud.choices.sls_index_lag_seconds = 0.0
    after = get(sdk)

    assert (len(before), len(pulled), len(after)) == (0, 1, 1)


def test_order_and_paging(sdk: Any) -> None:
    """By time, then arrival; reverse turns all of it round."""
    now = int(time.time())
    put(sdk, {"n": 3}, {"n": 4}, at=now - 1)
    put(sdk, {"n": 1}, {"n": 2}, at=now - 9)

    assert [row["n"] for row in get(sdk)] == ["1", "2", "3", "4"]
    assert [row["n"] for row in get(sdk, reverse=True)] == ["4", "3", "2", "1"]
    assert [row["n"] for row in get(sdk, offset=1, line=2)] == ["2", "3"]


def test_line_is_capped(emulator: Any, sdk: Any) -> None:
    """More than 100 lines are silently 100."""
    put(sdk, *({"n": n} for n in range(150)))
    now = int(time.time())
    body = json.dumps({"from": now - 60, "to": now + 60, "line": 1000, "query": "*"}).encode()

    answer = raw(emulator, "POST", f"/logstores/{STORE}/logs", body)

    assert answer[1]["meta"]["count"] == 100
    assert len(answer[1]["data"]) == 100
    assert len(get(sdk, line=150)) == 150  # the SDK itself asks for pages of 100


def test_interval_is_half_open(sdk: Any) -> None:
    """From is in, to is not."""
    now = int(time.time())
    put(sdk, {"n": 1}, at=now)

    assert len(get(sdk, start=now, end=now + 1)) == 1
    assert get(sdk, start=now - 1, end=now) == []


def test_topic_filter(sdk: Any) -> None:
    """A request's topic narrows the search."""
    put(sdk, {"n": 1}, topic="a")
    put(sdk, {"n": 2}, topic="b")

    assert [row["n"] for row in get(sdk, topic="b")] == ["2"]


def test_get_logs_v1(sdk: Any) -> None:
    """The former GetLogs has the same rows."""
    sdk._get_logs_v2_enabled = False
    put(sdk, {"event_id": "e1", "user": "中"})

    assert [row["user"] for row in get(sdk, "user: 中")] == ["中"]
    assert get(sdk, "* | select count(*) as n") == [{"n": "1"}]


def test_histograms(sdk: Any) -> None:
    """Counts of equal steps cover the interval and add up."""
    from aliyun.log import GetHistogramsRequest

    now = int(time.time())
    put(sdk, {"n": 1}, {"n": 2}, at=now - 100)
    put(sdk, {"n": 3}, at=now)

    answer = sdk.get_histograms(
        GetHistogramsRequest(PROJECT, STORE, now - 3000, now + 7, query="n > 0")
    )
    steps = answer.get_histograms()

    assert answer.is_completed()
    assert answer.get_total_count() == 3
    assert [step.get_count() for step in steps if step.get_count()] == [2, 1]
    assert (steps[0].get_from(), steps[-1].get_to()) == (now - 3000, now + 7)
    assert all(a.get_to() == b.get_from() for a, b in itertools.pairwise(steps))


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b"[" * 5000,
        *(json.dumps({"from": 1, "to": 9, **change}).encode() for change in (
            {"from": -1}, {"from": "x"}, {"from": None}, {"to": True}, {"to": 1}, {"from": 10},
            {"line": -1}, {"line": 1.5}, {"offset": "x"}, {"reverse": "maybe"}, {"query": 5},
            {"topic": []}, {"session": "mode=scan"},
        )),
    ],
)  # fmt: skip
def test_query_body_refused(emulator: Any, sdk: Any, body: bytes) -> None:
    """No bad parameter of GetLogs is a 500."""
    answer = raw(emulator, "POST", f"/logstores/{STORE}/logs", body)

    assert code(answer)[0] == 400
    assert code(answer)[1] in ("ParameterInvalid", "PostBodyInvalid")


def test_no_index(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A logstore without an index takes logs but answers no query."""
    sdk = client(emulator, monkeypatch)
    ready(sdk)
    sdk.delete_index(PROJECT, STORE)
    put(sdk, {"event_id": "e"})

    assert refusal(get, sdk) == (400, "IndexConfigNotExist", "logstore without index config")


def test_rows_before_the_index_are_not_found(sdk: Any) -> None:
    """A new or changed field counts for what is written afterwards, an unchanged one stays."""
    put(sdk, {"event_id": "e1", "user": "u", "late": "x"})

    sdk.update_index(
        PROJECT, STORE, index(event_id="text", user="words", n="long", late="text")
    )
    put(sdk, {"event_id": "e2", "user": "u", "late": "x"})

    assert [row["event_id"] for row in get(sdk, "late: x")] == ["e2"]
    assert [row["event_id"] for row in get(sdk, "user: u")] == ["e2"]
    assert len(get(sdk, "event_id: e*")) == 2
    assert get(sdk, "* | select count(late) as n") == [{"n": "1"}]


def test_rows_before_the_first_index_are_not_found(sdk: Any) -> None:
    """Not even by `*`."""
    sdk.delete_index(PROJECT, STORE)
    put(sdk, {"event_id": "e1"})

    sdk.create_index(PROJECT, STORE, index(event_id="text"))
    put(sdk, {"event_id": "e2"})

    assert [row["event_id"] for row in get(sdk)] == ["e2"]


def test_ttl_drops_rows(emulator: Any, sdk: Any) -> None:
    """What was received longer ago than ttl days is gone from queries and from PullLogs."""
    put(sdk, {"event_id": "e1"}, hashKey="0")
    store = emulator.cloud.sls.logstore(PROJECT, STORE)
    old = emulator.cloud.clock.time() - 31 * 86400
    store.rows[0].received_at = store.shards[0].groups[0].received_at = old

    kept = sdk.get_logstore(PROJECT, STORE).get_ttl(), len(store.rows)
    sdk.update_logstore(PROJECT, STORE, ttl=30)

    assert kept == (180, 1)
    assert store.rows == []
    cursor = sdk.get_begin_cursor(PROJECT, STORE, 0).get_cursor()
    assert sdk.pull_logs(PROJECT, STORE, 0, cursor).get_log_count() == 0
    assert cursor == sdk.get_end_cursor(PROJECT, STORE, 0).get_cursor()


def test_project_logs_are_refused(sdk: Any) -> None:
    """SQL over a project is not offered, and says so."""
    with pytest.raises(LogException) as caught:
        sdk.execute_project_sql(PROJECT, "select 1", False)

    assert caught.value.get_error_code() == "ParameterInvalid"
