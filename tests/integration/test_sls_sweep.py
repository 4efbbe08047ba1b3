"""The sweep's two statements through the SLS SDK select what the fakes of the unit tests do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import audit, candidates, naming, orders
from shared.adapters.sls import AuditLogAdapter
from shared.audit import Attempt, Change, Outcome, Row, Subject
from tests.integration.test_sls import log
from tests.unit.fakes import open_orders, open_tickets

__all__ = ["log"]  # the fixture
NOW = datetime.now(UTC)
# The rows are stored when the test runs, which in a whole run is well after collection.
SINCE, UNTIL = NOW - timedelta(days=candidates.WINDOW_DAYS), NOW + timedelta(days=1)
CREATED = Change("user.created", "ims", "CreateUser")
KEY = Change("key.created", "ram", "CreateAccessKey")
ISSUED = Change("key.issued", "kms", "UpdateSecretVersionStage")
REVOKED = Change(audit.REVOKED, "", "")
REMOVED = Change(audit.REMAINS_REMOVED, "", "")
ORDERED = Change(orders.EVENT, "", "", resource='{"id":"leak-1","reason":"leaked"}')


def attempt(ticket: str, function: str = "akw-issue", *, source: str = "s",
            environment: str = "prod") -> Attempt:  # fmt: skip
    return audit.attempt(
        Subject(source, ticket, "orders" if ticket else "", environment if ticket else ""),
        naming.operation_id(source, ticket, function), fc_request_id="1", fc_function=function,
        account_id="1", region="cn-hangzhou", trigger="t", broker_version="0",
    )  # fmt: skip


def rows_of(
    record: Attempt, changes: Sequence[Change], *outcomes: str, minutes_ago: int = 60, **more: str
) -> list[Row]:
    """Intents, and results for as many changes as there are outcomes."""
    at = NOW - timedelta(minutes=minutes_ago)
    rows = record.intents(changes, at)
    for change, outcome in zip(changes, outcomes, strict=False):
        record.outcomes[change] = Outcome(outcome, **more)  # type: ignore[arg-type]
    later = [change.event_type for change in changes[len(outcomes):]]
    return [*rows, *record.results(at + timedelta(seconds=1), later=later)]


def for_a_leak(record: Attempt) -> Attempt:
    record.base["reason"] = "leaked"
    return record


def noted(record: Attempt) -> list[Row]:
    return record.note("ticket.rejected", NOW, outcome="failure", reason="r")


CASES: dict[str, tuple[list[Row], bool]] = {
    "served": (rows_of(attempt("T-1"), [CREATED, ISSUED], "success", "success"), False),
    "killed": (rows_of(attempt("T-2"), [CREATED, ISSUED]), True),
    "killed beside its results": (rows_of(attempt("T-3"), [CREATED, ISSUED], "success"), True),
    "failed for good": (rows_of(attempt("T-4"), [CREATED, ISSUED], "success", "failure"), True),
    "refused": (noted(attempt("T-5")), False),
    "removed": ([*rows_of(attempt("T-6"), [CREATED], "failure"),
                 *rows_of(attempt("T-6", naming.CLEANUP_FUNCTION), [REMOVED], "success",
                          minutes_ago=30)], False),
    "approved again": ([*rows_of(attempt("T-7"), [REMOVED], "success"),
                        *rows_of(attempt("T-7"), [CREATED], "failure", minutes_ago=30)], True),
    "revocation begun": ([*rows_of(attempt("T-8"), [ISSUED], "success"),
                          *rows_of(attempt("T-8", "akw-revoke"), [REVOKED], "failure",
                                   minutes_ago=30)], True),
    "revoked": ([*rows_of(attempt("T-9"), [ISSUED], "success"),
                 *rows_of(attempt("T-9", "akw-revoke"), [REVOKED], "success", minutes_ago=30)],
                False),
    "leaked, then withdrawn": ([*rows_of(for_a_leak(attempt("T-13", "akw-revoke")), [REVOKED],
                                         "failure"),
                                *rows_of(attempt("T-13", "akw-revoke"), [REVOKED], "success",
                                         minutes_ago=30)], True),
    "lost key": (rows_of(attempt("T-10"), [KEY, ISSUED], "unknown", "success"), True),
    "lost key, and gone": ([*rows_of(attempt("T-14"), [KEY], "unknown"),
                            *rows_of(attempt("T-14", naming.CLEANUP_FUNCTION), [REMOVED], "success",
                                     minutes_ago=30)], False),
    "swept since": ([*rows_of(attempt("T-11"), [ISSUED], "success"),
                     *rows_of(attempt("T-11", naming.CLEANUP_FUNCTION), [KEY], "success",
                              minutes_ago=30)], False),
    "another place": ([*rows_of(attempt("T-12"), [ISSUED], "success"),
                       *rows_of(attempt("T-12", environment="dev"), [CREATED], "failure")], True),
}  # fmt: skip


def test_statement_selects_what_has_no_end_on_record(log: AuditLogAdapter) -> None:
    """Each case by itself, and all of them beside each other: as the fakes have it."""
    everything = [row for rows, _ in CASES.values() for row in rows]
    log.put_logs(everything)

    found = log.select_logs(candidates.TICKETS_STATEMENT, SINCE, UNTIL)

    assert open_tickets(everything) == [
        {name: row[name] for name in open_tickets(everything)[0]} for row in found
    ]
    tickets = {rows[0]["ticket_id"] for rows, is_open in CASES.values() if is_open}
    assert tickets == {row["ticket_id"] for row in found}
    assert {"dev"} == {row["environment"] for row in found if row["ticket_id"] == "T-12"}


def test_statement_selects_open_orders(log: AuditLogAdapter) -> None:
    """Carried out and refused for their size are over, unless somebody has tried again since; one
    without a result is not wholly."""
    ended: dict[str, Any] = {"success": {}, "failure": {"code": "over_the_cap"}}
    rows: list[Row] = []
    for number, outcome in enumerate(("success", "failure"), 1):
        record = attempt("", f"akw-revoke-{number}", source="order")
        rows += rows_of(record, [ORDERED], outcome, **ended[outcome])
    rows += rows_of(attempt("", "akw-revoke-3"), [ORDERED], "failure", code="revocation_incomplete")
    rows += rows_of(attempt("", "akw-revoke-4"), [ORDERED])
    again = attempt("", "akw-revoke-4")
    rows += rows_of(again, [ORDERED], "success", minutes_ago=20)
    wider = Change(orders.EVENT, "", "", resource='{"at_most":3}')
    for number, outcome in enumerate(("success", "failure"), 5):
        rows += rows_of(attempt("", f"akw-revoke-{number}"), [ORDERED], outcome, **ended[outcome])
        rows += rows_of(attempt("", f"akw-revoke-{number}"), [wider], "failure",
                        minutes_ago=20, code="out_of_time")  # fmt: skip
    log.put_logs(rows)

    found = log.select_logs(candidates.ORDERS_STATEMENT, SINCE, UNTIL)

    assert open_orders(rows) == [dict(row) for row in found]
    opened = candidates.open_orders(candidates.View(orders=found))
    assert [False, False, False, True] == sorted(order.ended for order in opened)
    assert sorted([ORDERED.resource] * 2 + [wider.resource] * 2) == sorted(
        order.text for order in opened
    )


def test_answer_without_a_place_is_read_as_none(log: AuditLogAdapter) -> None:
    """An empty field comes back as it was written, or as `null`."""
    record = attempt("T-1")
    record.base |= {"application": "", "environment": ""}
    log.put_logs(rows_of(record, [CREATED]))

    found = log.select_logs(candidates.TICKETS_STATEMENT, SINCE, UNTIL)

    view = candidates.View(tickets=found)
    (target,) = candidates.suspects(view, lambda at: True).targets
    assert ("T-1", "", "") == (target.ticket_id, target.application, target.environment)


@pytest.mark.parametrize("rows", [[], noted(attempt("T-1"))])
def test_nothing_open_selects_nothing(log: AuditLogAdapter, rows: list[Row]) -> None:
    """A log without a change in it."""
    with suppress(IndexError):
        log.put_logs(rows or noted(attempt("")))

    assert [] == list(log.select_logs(candidates.TICKETS_STATEMENT, SINCE, UNTIL))
