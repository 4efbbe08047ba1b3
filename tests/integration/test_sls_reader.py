"""The audit log through GetCursor and PullLogs of the real SDK: windows by SLS's own clock."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from aliyun.log import DeleteLogsRequest, IndexConfig, LogClient

from deploy import audit_index
from shared import audit
from shared.adapters.sls_reader import AuditReaderAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.audit import Attempt, Change
from shared.errors import CloudUnknown, NotFound, NotPermitted
from tests.integration.clouds import ADMIN_ID, ADMIN_SECRET, LocalCloud, SpoiltCloud, answer, shown

PROJECT = "akwarden-audit"
ISSUED = Change("key.issued", "kms", "UpdateSecretVersionStage")
LONG_AGO = datetime.fromtimestamp(0, UTC)


def adapter_for(
    endpoint: Endpoint, credentials: Credentials, logstore: str = "audit"
) -> AuditReaderAdapter:
    return AuditReaderAdapter(endpoint, credentials, project=PROJECT, logstore=logstore,
                              source="akw-digest")  # fmt: skip


@pytest.fixture
def client(local: LocalCloud) -> LogClient:
    return LogClient("http://cn-hangzhou.log.aliyuncs.com", ADMIN_ID, ADMIN_SECRET,
                     source="test", auth_version="v4", region="cn-hangzhou")  # fmt: skip


@pytest.fixture
def log(
    local: LocalCloud, client: LogClient, endpoint: Endpoint, admin: Credentials
) -> AuditReaderAdapter:
    """With the logstore and index as `deploy.provision` makes them."""
    client.create_project(PROJECT, "")
    client.create_logstore(PROJECT, "audit", ttl=730, shard_count=2, append_meta=True)
    config = IndexConfig()
    config.from_json(audit_index.document())
    client.create_index(PROJECT, "audit", config)
    local.cloud.history.clear()
    return adapter_for(endpoint, admin)


def rows(run: str = "run-1", count: int = 1) -> list[audit.Row]:
    attempt = Attempt("op-1", run, {"ticket_id": "REQ-1", "chain_id": f"op-1/{run}"})
    return attempt.intents([ISSUED] * count, datetime.now(UTC))


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=15)


def test_rows_come_back_whole_from_every_shard(log: AuditReaderAdapter) -> None:
    """Of both shards, by pull and by query alike, each fitting its hash; nothing that SLS added."""
    written = [row for n in range(6) for row in rows(f"run-{n}", 2)]
    for row in written:
        log.put_logs([row])

    for found in (log.pull_logs(LONG_AGO, soon()),
                  log.query_logs(soon() - timedelta(days=3), soon())):  # fmt: skip
        assert sorted(r["hash"] for r in written) == sorted(r.row["hash"] for r in found)
        assert all(audit.row_hash(r.row) == r.row["hash"] for r in found)
        assert not [name for r in found for name in r.row if name.startswith("__")]
        assert all(abs((r.received_at or 0) - datetime.now(UTC).timestamp()) < 60 for r in found)


def test_window_holds_what_was_received_in_it(
    log: AuditReaderAdapter, local: LocalCloud
) -> None:
    """From its first second on, to the last before the next; windows that touch share nothing."""
    log.put_logs(rows("early"))
    middle = int(local.cloud.clock.time()) + 60
    local.cloud.clock.advance(60)
    log.put_logs(rows("late"))
    between = datetime.fromtimestamp(middle, UTC)

    first, second = log.pull_logs(LONG_AGO, between), log.pull_logs(between, soon())

    assert [["op-1/early"], ["op-1/late"]] == [
        [r.row["chain_id"] for r in found] for found in (first, second)
    ]
    assert middle <= (second[0].received_at or 0)
    assert [] == log.pull_logs(soon(), soon() + timedelta(minutes=10))


def test_pull_is_read_to_its_end(
    log: AuditReaderAdapter, local: LocalCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One answer holds so many groups and no more."""
    monkeypatch.setattr("shared.adapters.sls_reader.GROUPS", 2)
    for n in range(9):
        log.put_logs(rows(f"run-{n}"))

    assert 9 == len(log.pull_logs(LONG_AGO, soon()))
    assert len(local.calls("PullLogs")) > 2


def test_deleted_row_is_pulled_all_the_same(log: AuditReaderAdapter, client: LogClient) -> None:
    """That is how a deletion shows."""
    log.put_logs(rows())
    now = int(datetime.now(UTC).timestamp())

    client.delete_logs(DeleteLogsRequest(PROJECT, "audit", now - 60, now + 60, query="*"))

    assert [1, 0] == [
        len(log.pull_logs(LONG_AGO, soon())),
        len(log.query_logs(soon() - timedelta(days=1), soon())),
    ]


def test_creation_is_told(log: AuditReaderAdapter) -> None:
    """The first window there can be."""
    assert abs(log.created_at() - datetime.now(UTC)) < timedelta(minutes=1)


READS = ["GetLogStore", "ListShards", "GetCursor", "PullLogs", "GetLogs"]


def read(log: AuditReaderAdapter, action: str) -> None:
    if action == "GetLogStore":
        log.created_at()
    elif action == "GetLogs":
        log.query_logs(soon() - timedelta(days=1), soon())
    else:
        log.pull_logs(LONG_AGO, soon())


@pytest.mark.parametrize("action", READS)
def test_quota_is_waited_out(log: AuditReaderAdapter, local: LocalCloud, action: str) -> None:
    """A refusal for quota was not carried out."""
    log.put_logs(rows())
    local.fault("throttle", action, times=2)

    read(log, action)

    assert len(local.calls(action)) >= 3


@pytest.mark.parametrize("action", READS)
@pytest.mark.parametrize("kind", ["drop", "error"])
def test_unanswered_read_is_unknown(
    log: AuditReaderAdapter, local: LocalCloud, kind: str, action: str
) -> None:
    """I6: an empty window is one that was read, not one that did not answer."""
    log.put_logs(rows())
    local.fault(kind, action, times=0)

    with pytest.raises(CloudUnknown) as raised:
        read(log, action)

    assert action == raised.value.action
    assert ADMIN_SECRET not in shown(raised.value)


def test_missing_logstore_and_permission_are_told_apart(
    log: AuditReaderAdapter, endpoint: Endpoint, admin: Credentials, stranger: Credentials
) -> None:
    """By name, for each way of reading."""
    for action in READS:
        with pytest.raises(NotFound):
            read(adapter_for(endpoint, admin, "none"), action)
        with pytest.raises(NotPermitted):
            read(adapter_for(endpoint, stranger), action)


def test_logstore_without_its_creation_is_unknown(
    spoilt: Callable[[bytes], SpoiltCloud], endpoint: Endpoint, admin: Credentials
) -> None:
    """Where to begin is not guessed."""
    spoilt(answer({"logstoreName": "audit", "ttl": 1, "shardCount": 2, "enable_tracking": False,
                   "appendMeta": True, "autoSplit": True, "maxSplitShard": 8},
                  x_log_requestid="1"))  # fmt: skip

    with pytest.raises(CloudUnknown):
        adapter_for(endpoint, admin).created_at()
