"""Fault rules against SLS, over http and over https: its SDK tries again differently."""

from __future__ import annotations

import threading
import time
import types
from collections.abc import Iterator
from typing import Any

import pytest
from aliyun.log import LogClient, logclient
from aliyun.log.logexception import LogException

from emulator import faults
from tests.emulator.conftest import ADMIN_ID, ADMIN_SECRET, Emulator
from tests.emulator.sls_scenario import get, put, ready

PUT = {"product": "sls", "action": "PutLogs"}
WAITS: list[float] = []  # the pauses that the client wanted to make
ROW = {"event_id": "e"}


@pytest.fixture(params=["http", "https"])
def protocol(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def client(
    emulator: Emulator, protocol: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> LogClient:
    """An unmodified client behind the proxy, with an indexed logstore; its pauses are skipped."""
    monkeypatch.setattr(
        logclient, "time", types.SimpleNamespace(time=time.time, sleep=WAITS.append)
    )
    ca_file = tmp_path / "ca.pem"
    ca_file.write_text(emulator.cloud.authority.pem)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(ca_file))
    monkeypatch.setenv(f"{protocol}_proxy", f"http://198.51.100.7:x@{emulator.endpoint}")
    found = LogClient(
        f"{protocol}://cn-hangzhou.log.aliyuncs.com", ADMIN_ID, ADMIN_SECRET, source="fc"
    )
    found.timeout = 10
    ready(found)
    WAITS.clear()
    return found


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Delays last until it is set, not for seconds."""
    found = threading.Event()
    monkeypatch.setattr(faults, "time", types.SimpleNamespace(sleep=lambda _: found.wait(10)))
    yield found
    found.set()


def tries(emulator: Emulator) -> int:
    """How often PutLogs arrived."""
    return sum(call["action"] == "PutLogs" for call in emulator.cloud.history.since())


def failed(client: LogClient) -> LogException:
    with pytest.raises(LogException) as raised:
        put(client, ROW)
    return raised.value


def test_outage_is_tried_ten_times(emulator: Emulator, client: LogClient) -> None:
    """Any status from 500 on: ten requests with pauses of a second, then the last error."""
    emulator.cloud.faults.add({"kind": "outage", "product": "sls"})

    error = failed(client)

    assert (503, "ServerBusy") == (error.get_resp_status(), error.get_error_code())
    assert 10 == tries(emulator)
    assert [1] * 10 == WAITS


def test_outage_that_ends_is_survived(emulator: Emulator, client: LogClient) -> None:
    """The SDK's own tries reach into the time after the outage, by the emulator's clock."""
    emulator.cloud.faults.add({"kind": "outage", "product": "sls", "seconds": 5})
    logclient.time.sleep = lambda seconds: emulator.cloud.clock.advance(2 * seconds)

    put(client, ROW)

    assert 4 == tries(emulator)


def test_timeout_is_tried_again_over_http_only(
    emulator: Emulator, client: LogClient, protocol: str, gate: threading.Event
) -> None:
    """A read timeout: ten requests over http, a single one over https; each is carried out."""
    emulator.cloud.faults.add({"kind": "delay", "seconds": 60, "times": 0, **PUT})
    client.timeout = 0.1

    error = failed(client)

    expected = {"http": 10, "https": 1}[protocol]
    assert "LogRequestError" == error.get_error_code()
    assert expected == tries(emulator)
    gate.set()
    emulator.cloud.faults.clear()
    client.timeout = 10
    end = time.monotonic() + 10
    while len(get(client)) < expected and time.monotonic() < end:
        threading.Event().wait(0.02)
    assert expected == len(get(client))


def test_lost_answer_is_tried_again_over_http_only(
    emulator: Emulator, client: LogClient, protocol: str
) -> None:
    """The row was stored. Over http it is sent again and stored twice, over https the caller is
    told of an error."""
    emulator.cloud.faults.add({"kind": "drop", **PUT})

    if protocol == "http":
        put(client, ROW)
    else:
        assert "LogRequestError" == failed(client).get_error_code()

    stored = {"http": 2, "https": 1}[protocol]
    assert stored == len(get(client))


def test_dropped_connections_of_an_outage(
    emulator: Emulator, client: LogClient, protocol: str
) -> None:
    """As for a timeout, but nothing is stored."""
    emulator.cloud.faults.add({"kind": "outage", "drop": True, **PUT})

    failed(client)

    assert {"http": 10, "https": 1}[protocol] == tries(emulator)
    assert get(client) == []


def test_refused_connection_is_tried_again_over_http_only(
    emulator: Emulator, client: LogClient, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens at all: the SDK's pauses tell its tries."""
    monkeypatch.setenv(f"{protocol}_proxy", "http://198.51.100.7:x@127.0.0.1:9")

    failed(client)

    assert {"http": 10, "https": 0}[protocol] == len(WAITS)


@pytest.mark.parametrize("code", ["WriteQuotaExceed", "ShardWriteQuotaExceed"])
def test_quota_is_never_tried_again(emulator: Emulator, client: LogClient, code: str) -> None:
    """403: the caller has to do it."""
    emulator.cloud.faults.add({"kind": "error", "status": 403, "code": code, **PUT})

    assert code == failed(client).get_error_code()
    assert (1, []) == (tries(emulator), WAITS)


def test_stale_not_found_of_a_logstore(emulator: Emulator, client: LogClient) -> None:
    """A read is told once that there is nothing."""
    put(client, ROW)
    emulator.cloud.faults.add({"kind": "stale-not-found", "product": "sls", "action": "GetLogs"})

    with pytest.raises(LogException) as raised:
        get(client)

    assert "ProjectNotExist" == raised.value.get_error_code()
    assert 1 == len(get(client))


def test_rule_aims_by_the_rows_of_a_write(emulator: Emulator, client: LogClient) -> None:
    """Of concurrent writers only the one whose rows hold the text is hit."""
    emulator.cloud.faults.add({
        "kind": "error", "status": 400, "code": "PostBodyInvalid", "contains": "event_id=two",
        **PUT,
    })  # fmt: skip

    put(client, {"event_id": "one"})
    with pytest.raises(LogException, match="Injected fault"):
        put(client, {"event_id": "two"})

    assert ["one"] == [row["event_id"] for row in get(client)]


def test_rule_aims_by_the_query_of_a_read(emulator: Emulator, client: LogClient) -> None:
    """Of concurrent readers only the one that asks this is hit."""
    put(client, ROW)
    emulator.cloud.faults.add({
        "kind": "error", "status": 400, "code": "ParameterInvalid", "contains": "event_id: f",
        "product": "sls", "action": "GetLogs",
    })  # fmt: skip

    assert 1 == len(get(client))
    with pytest.raises(LogException, match="Injected fault"):
        get(client, "event_id: f")
