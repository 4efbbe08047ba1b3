"""The limits' statement through the SLS SDK selects what the fake of the unit tests does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from shared import audit, limits, naming
from shared.adapters.sls import AuditLogAdapter
from shared.audit import Change, Outcome, Row, Subject
from tests.integration.test_sls import log
from tests.unit.fakes import granted

__all__ = ["log"]  # the fixture
NOW = datetime.now(UTC)
SINCE, UNTIL = NOW - timedelta(days=365), NOW + timedelta(days=1)
ISSUED = Change("key.issued", "kms", "UpdateSecretVersionStage")
ALLOWED = Change("self_service.granted", "ram", "AttachPolicyToUser")
CREATED = Change("key.created", "ram", "CreateAccessKey")
REVOKED, EXTENDED = Change(audit.REVOKED, "", ""), Change(audit.EXTENDED, "", "")


def rows_of(ticket: str, change: Change, *outcomes: str, hours_ago: float = 1, source: str = "s",
            application: str = "orders", requester: str = "alice",
            function: str = "akw-issue") -> list[Row]:  # fmt: skip
    """An intent, and a result if there is an outcome."""
    record = audit.attempt(
        Subject(source, ticket, application, "prod", requester_id=requester),
        naming.operation_id(source, ticket, function), fc_request_id="1", fc_function=function,
        account_id="1", region="cn-hangzhou", trigger="t", broker_version="0",
    )  # fmt: skip
    at = NOW - timedelta(hours=hours_ago)
    rows = record.intents([change], at)
    for outcome in outcomes:
        record.outcomes[change] = Outcome(outcome)
        rows = [*rows, *record.results(at)]
    return rows


def noted(ticket: str) -> list[Row]:
    record = audit.attempt(
        Subject("s", ticket, "orders", "prod", requester_id="alice"), "op", fc_request_id="1",
        fc_function="akw-issue", account_id="1", region="r", trigger="t", broker_version="0",
    )  # fmt: skip
    return record.note("ticket.rejected", NOW, outcome="failure", reason="too_many_for_person")


CASES: dict[str, tuple[list[Row], bool]] = {
    "issued": (rows_of("T-1", ISSUED, "success"), True),
    "self-service": (rows_of("T-2", ALLOWED, "success", application="billing"), True),
    "issued long ago": (rows_of("T-3", ISSUED, "success", hours_ago=2000), True),
    "issued and ended today": ([*rows_of("T-4", ISSUED, "success", hours_ago=3),
                                *rows_of("T-4", REVOKED, "success", requester="")], True),
    "ended since": ([*rows_of("T-5", ISSUED, "success", hours_ago=25),
                     *rows_of("T-5", REVOKED, "success", application="", requester="")], False),
    "not ended yet": ([*rows_of("T-6", ISSUED, "success", hours_ago=25),
                       *rows_of("T-6", REVOKED, "failure")], True),
    "announced": (rows_of("T-7", ISSUED), True),
    "failed": (rows_of("T-8", ISSUED, "skipped"), False),
    "failed, then issued": ([*rows_of("T-9", ISSUED, "failure", hours_ago=3),
                             *rows_of("T-9", ISSUED, "success")], True),
    "result by a sweep": ([*rows_of("T-10", ISSUED, hours_ago=2),
                           *rows_of("T-10", ISSUED, "success", function="akw-cleanup",
                                    requester="")], True),
    "another event": (rows_of("T-11", CREATED, "success"), False),
    "extended": (rows_of("T-12", EXTENDED, "success"), False),
    "refused": (noted("T-13"), False),
    "revoked, never issued": (rows_of("T-14", REVOKED, "success"), False),
    "of another source": (rows_of("T-1", ISSUED, "success", source="z", requester="zoe"), True),
}  # fmt: skip


def test_statement_selects_what_was_issued_lately_or_is_alive(log: AuditLogAdapter) -> None:
    """Each case by itself, and all of them beside each other: as the fake has it."""
    everything: Sequence[Row] = [row for rows, _ in CASES.values() for row in rows]
    log.put_logs(everything)

    found = log.select_logs(limits.STATEMENT, SINCE, UNTIL)

    names = ("ticket_system", "ticket_id", "requester", "application", "last_ms", "ends")
    told = [{name: row[name] for name in names} for row in found]
    assert sorted(granted(everything, NOW), key=str) == sorted(told, key=str)
    wanted = {(rows[0]["ticket_system"], rows[0]["ticket_id"])
              for rows, is_there in CASES.values() if is_there}  # fmt: skip
    assert wanted == {(row["ticket_system"], row["ticket_id"]) for row in found}
    assert {"alice", "zoe"} == {row["requester"] for row in found}
