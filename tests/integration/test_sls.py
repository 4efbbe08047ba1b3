"""The audit log through the SLS SDK: acknowledged writes, complete reads, refusals by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from aliyun.log import IndexConfig, LogClient

from deploy import audit_index
from shared import audit, resumption
from shared.adapters import sls
from shared.adapters.sls import AuditLogAdapter
from shared.adapters.tea import Credentials, Endpoint
from shared.audit import Attempt, Change, Outcome
from shared.errors import CloudRefused, CloudUnknown, NotFound, NotPermitted, Throttled
from tests.integration.clouds import ADMIN_ID, ADMIN_SECRET, LocalCloud, SpoiltCloud, answer, shown

PROJECT = "akwarden-audit"
ISSUED = Change("key.issued", "kms", "UpdateSecretVersionStage")
NOW = datetime.now(UTC)
# The rows are stored when the test runs, which in a whole run is well after collection.
SINCE, UNTIL = NOW - timedelta(days=resumption.MEMORY_DAYS), NOW + timedelta(days=1)


def adapter_for(endpoint: Endpoint, credentials: Credentials, logstore: str = "audit",
                project: str = PROJECT) -> AuditLogAdapter:  # fmt: skip
    return AuditLogAdapter(endpoint, credentials, project=project, logstore=logstore,
                           source="akw-issue")  # fmt: skip


@pytest.fixture
def log(local: LocalCloud, endpoint: Endpoint, admin: Credentials) -> AuditLogAdapter:
    """With the logstore and index as `deploy.provision` makes them."""
    client = LogClient("http://cn-hangzhou.log.aliyuncs.com", ADMIN_ID, ADMIN_SECRET,
                       source="test", auth_version="v4", region="cn-hangzhou")  # fmt: skip
    client.create_project(PROJECT, "")
    client.create_logstore(PROJECT, "audit", ttl=730, shard_count=2)
    config = IndexConfig()
    config.from_json(audit_index.document())
    client.create_index(PROJECT, "audit", config)
    local.cloud.history.clear()
    return adapter_for(endpoint, admin)


def record(ticket: str = "REQ-1") -> Attempt:
    attempt = Attempt("op-1", "run-1", {"ticket_id": ticket, "ticket_system": "s"})
    attempt.intents([ISSUED], NOW)
    attempt.outcomes = {ISSUED: Outcome("success", "request-1", 200)}
    return attempt


def ended(log: AuditLogAdapter, ticket: str = "REQ-1") -> list[str]:
    rows = log.get_logs(resumption.ended_query("s", ticket), SINCE, UNTIL)
    return [row["event_type"] for row in rows]


def test_row_comes_back_as_it_was_written(log: AuditLogAdapter) -> None:
    """Every field, so that the chain of hashes can be checked by whoever reads."""
    rows = record().results(NOW)

    log.put_logs(rows)

    found = log.get_logs(resumption.ended_query("s", "REQ-1"), SINCE, UNTIL)
    assert 1 == len(found)
    assert {k: v for k, v in rows[0].items() if v} == {
        k: v for k, v in found[0].items() if k in audit.FIELDS and v
    }


def test_memory_is_of_this_ticket_and_of_results_only(log: AuditLogAdapter) -> None:
    """Neither an intent nor a ticket whose id begins alike consumes this one."""
    log.put_logs(Attempt("op-1", "run-0", record().base).intents([ISSUED], NOW))
    for other in ("REQ-12", "REQ", "REQ-1-1", "req-1", "REQ-1.1"):
        log.put_logs(record(other).results(NOW))
    before = ended(log)
    log.put_logs(record().results(NOW))

    assert [] == before
    assert ["key.issued"] == ended(log)


def test_other_source_with_the_same_ticket_id_is_another_ticket(log: AuditLogAdapter) -> None:
    """Ids are of their source."""
    log.put_logs(record().results(NOW))

    assert [] == log.get_logs(resumption.ended_query("other", "REQ-1"), SINCE, UNTIL)


def test_all_pages_are_read(log: AuditLogAdapter, local: LocalCloud) -> None:
    """I6: a page is not the memory."""
    for _ in range(5):
        attempt = record()
        attempt.changes = [ISSUED] * 50
        log.put_logs(attempt.results(NOW))
    local.cloud.history.clear()

    assert 250 == len(ended(log))
    assert 3 == len(local.calls("GetLogs"))


def test_missing_logstore_is_not_found(
    log: AuditLogAdapter, endpoint: Endpoint, admin: Credentials
) -> None:
    """Not provisioned: said by name."""
    for other in (adapter_for(endpoint, admin, logstore="none"),
                  adapter_for(endpoint, admin, project="akwarden-none")):  # fmt: skip
        with pytest.raises(NotFound):
            other.put_logs(record().results(NOW))


def test_missing_permission_is_not_permitted(
    log: AuditLogAdapter, endpoint: Endpoint, stranger: Credentials
) -> None:
    """SLS says 401 where others say 403."""
    forbidden = adapter_for(endpoint, stranger)

    with pytest.raises(NotPermitted) as raised:
        forbidden.put_logs(record().results(NOW))
    with pytest.raises(NotPermitted):
        ended(forbidden)

    assert "Unauthorized" == raised.value.code


@pytest.mark.parametrize("action", ["PutLogs", "GetLogs"])
def test_quota_is_waited_out(
    log: AuditLogAdapter, local: LocalCloud, action: str, pauses: list[float]
) -> None:
    """A refusal for quota was not carried out."""
    local.fault("throttle", action, times=2)

    log.put_logs(record().results(NOW))

    assert ["key.issued"] == ended(log)
    assert 3 == len(local.calls(action))
    assert [sls.PAUSE_SECONDS] * 2 == pauses


def test_patience_for_quotas_ends(log: AuditLogAdapter, local: LocalCloud) -> None:
    """Nothing was written, and that is known."""
    local.fault("throttle", "PutLogs", times=0)

    with pytest.raises(Throttled):
        log.put_logs(record().results(NOW))

    assert sls.TRIES == len(local.calls("PutLogs"))
    assert [] == ended(log)


@pytest.mark.parametrize("action", ["PutLogs", "GetLogs"])
@pytest.mark.parametrize("kind", ["drop", "error"])
def test_unanswered_call_is_unknown(
    log: AuditLogAdapter, local: LocalCloud, kind: str, action: str
) -> None:
    """I6: no acknowledgement is none, no answer is not `no rows`."""
    local.fault(kind, action, times=0)

    def both() -> None:
        log.put_logs(record().results(NOW))
        ended(log)

    with pytest.raises(CloudUnknown) as raised:
        both()

    assert action == raised.value.action
    assert ADMIN_SECRET not in shown(raised.value)


@pytest.mark.parametrize("action", ["PutLogs", "GetLogs"])
def test_one_lost_answer_is_asked_for_again(
    log: AuditLogAdapter, local: LocalCloud, action: str
) -> None:
    """Rows bring their own event ids, so one that arrives twice counts once."""
    local.fault("drop", action)

    log.put_logs(record().results(NOW))

    assert {"key.issued"} == set(ended(log))
    assert 2 == len(local.calls(action))


def test_lost_answers_are_asked_for_once_more_only() -> None:
    """The SDK has tried for a while already; the run has a timeout."""
    asked: list[int] = []

    def call() -> None:
        asked.append(1)
        raise ConnectionError

    with pytest.raises(CloudUnknown):
        sls.answer("PutLogs", call)

    assert 2 == len(asked)


@pytest.mark.parametrize(("status", "error"), [(400, CloudRefused), (403, NotPermitted)])
def test_refusal_has_the_kind_of_its_status(
    log: AuditLogAdapter, local: LocalCloud, status: int, error: type[CloudRefused]
) -> None:
    """A bad request is no missing permission; the code is the service's own."""
    local.fault("error", "PutLogs", status=status, code="PostBodyInvalid")

    with pytest.raises(CloudRefused) as raised:
        log.put_logs(record().results(NOW))

    assert error is type(raised.value)
    assert ("PostBodyInvalid", status) == (raised.value.code, raised.value.status)
    assert "Injected" not in shown(raised.value)


PAGE = {"meta": {"progress": "Incomplete", "count": 0}, "data": []}


def test_incomplete_read_is_unknown(
    spoilt: Callable[[bytes], SpoiltCloud], endpoint: Endpoint, admin: Credentials
) -> None:
    """I5: SLS that did not get to the end has not said that the ticket is fresh."""
    spoilt(answer(PAGE, x_log_progress="Incomplete"))

    with pytest.raises(CloudUnknown):
        ended(adapter_for(endpoint, admin))


@pytest.mark.parametrize(
    "raw",
    [answer({**PAGE, "data": [{"a": "b"}]}, cut_bytes=9), answer({"meta": {}}), answer([1]),
     b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<html>no>", b"\r\n"],
    ids=["cut", "no_data", "other_shape", "html", "nothing"],
)  # fmt: skip
def test_odd_answer_is_unknown(
    spoilt: Callable[[bytes], SpoiltCloud], endpoint: Endpoint, admin: Credentials, raw: bytes
) -> None:
    """I6: what cannot be read is not empty."""
    spoilt(raw)

    with pytest.raises(CloudUnknown):
        ended(adapter_for(endpoint, admin))
