"""The record of a run: an intent and a result for every planned change, in one chain."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from shared import approvals, audit, grants, resumption
from shared.approvals import Approved
from shared.audit import FIELDS, Attempt, Change, Outcome, Row
from shared.grants import Grant
from shared.refusals import Denied
from shared.resumption import Found
from shared.secrecy import Secret
from shared.tickets import Ticket, parse
from tests.unit.samples import ASSETS, NOW, RULES, TEMPLATES, approved_ticket

CUT = Change("key.disabled", "ram", "UpdateAccessKey", "LTAI5tOne")
CUT_TOO = Change("key.disabled", "ram", "UpdateAccessKey", "LTAI5tTwo")
RELEASED = Change("lease.released", "ram", "DeletePolicy")
MADE = Change("user.created", "ims", "CreateUser")
EMPTY = Found(None, frozenset(), None, frozenset(), None, (), ())


def ticket() -> Ticket:
    parsed = parse(approved_ticket(), source="standard-webhooks")
    assert isinstance(parsed, Ticket)
    return parsed


def grant() -> tuple[Grant, Approved]:
    approved = approvals.decide(ticket(), RULES, NOW)
    assert isinstance(approved, Approved)
    planned = grants.plan(ticket(), approved, TEMPLATES, ASSETS, Secret("ledger"))
    assert isinstance(planned, Grant)
    return planned, approved


def record(*changes: Change) -> Attempt:
    """A run that has announced these changes."""
    started = fresh()
    started.intents(changes, NOW)
    return started


def fresh() -> Attempt:
    return audit.attempt(
        audit.Subject.of(ticket()), "op-1", fc_request_id="1-request", fc_function="akw-issue",
        account_id="1234567890123456", region="cn-hangzhou", trigger="webhook",
        broker_version="0.1.0",
    )  # fmt: skip


def assert_chained(rows: list[Row]) -> None:
    """Each row names the hash of the one before it, and its own is right."""
    last = ""
    for number, row in enumerate(rows):
        assert (last, str(number)) == (row["prev_hash"], row["seq"])
        assert audit.row_hash(row) == row["hash"]
        last = row["hash"]


def test_every_planned_change_has_an_intent_and_a_result() -> None:
    """The whole plan of an issue, in its order, twice; twelve changes in one chain."""
    planned, _ = grant()
    changes = resumption.plan(planned, EMPTY)
    assert isinstance(changes, list)
    attempt = fresh()
    events = [change.event_type for change in changes]

    intents, results = attempt.intents(changes, NOW), attempt.results(NOW)

    assert events == [row["event_type"] for row in intents]
    assert events == [row["event_type"] for row in results]
    assert {"intent"} == {row["phase"] for row in intents}
    assert {"pending"} == {row["outcome"] for row in intents}
    assert_chained(intents + results)


def test_change_that_was_not_tried_is_skipped() -> None:
    """A result says of each planned change how it ended, of those after a failure too."""
    attempt = record(CUT, MADE)
    attempt.outcomes[CUT] = Outcome("failure", "request-1", 403, "NoPermission")

    failed, skipped = attempt.results(NOW)

    assert ("failure", "NoPermission", "403", "request-1") == (
        failed["outcome"], failed["error_code"], failed["http_status"],
        failed["cloud_request_id"],
    )  # fmt: skip
    assert ("skipped", "", "") == (
        skipped["outcome"], skipped["error_code"], skipped["http_status"],
    )  # fmt: skip


def test_changes_of_one_kind_are_told_apart_by_their_key() -> None:
    """Two keys cut in one run: two rows, each with its AccessKey id."""
    attempt = record(CUT, CUT_TOO)
    attempt.outcomes[CUT_TOO] = Outcome("success", "request-2", 200)

    rows = attempt.results(NOW)

    assert [("LTAI5tOne", "skipped"), ("LTAI5tTwo", "success")] == [
        (row["access_key_id"], row["outcome"]) for row in rows
    ]
    assert attempt.planned("key.disabled", "LTAI5tTwo") is CUT_TOO
    assert attempt.planned("key.disabled") is None


def test_later_results_follow_the_others() -> None:
    """Each change has its result once: the named ones in the second call, with their outcome."""
    attempt = record(MADE, RELEASED)
    attempt.outcomes[MADE] = Outcome("success")

    first = attempt.results(NOW, later=["lease.released"])
    attempt.outcomes[RELEASED] = Outcome("success")
    second, third = attempt.results(NOW), attempt.results(NOW)

    assert [("user.created", "success")] == [(r["event_type"], r["outcome"]) for r in first]
    assert [("lease.released", "success")] == [(r["event_type"], r["outcome"]) for r in second]
    assert [] == third


def test_changes_can_be_announced_later() -> None:
    """A second announcement adds to the first, in the same chain; results cover both."""
    attempt = fresh()

    rows = [*attempt.intents([MADE], NOW), *attempt.intents([CUT], NOW), *attempt.results(NOW)]

    assert ["user.created", "key.disabled"] * 2 == [row["event_type"] for row in rows]
    assert_chained(rows)


@pytest.mark.parametrize(
    ("outcome", "tried", "done"),
    [(None, False, False), ("success", True, True), ("failure", True, False),
     ("unknown", True, False)],
)  # fmt: skip
def test_tried_is_not_done(outcome: str | None, tried: bool, done: bool) -> None:
    """What was announced was not therefore tried, and what was tried not therefore done."""
    attempt = record(MADE)
    if outcome:
        attempt.outcomes[MADE] = Outcome(outcome)

    assert (tried, done) == (attempt.tried("user.created"), attempt.done("user.created"))
    assert (False, False) == (attempt.tried("key.created"), attempt.done("key.created"))


def test_done_is_of_one_key() -> None:
    """A key that was cut says nothing about the next."""
    attempt = record(CUT, CUT_TOO)
    attempt.outcomes[CUT] = Outcome("success")

    assert attempt.done("key.disabled", "LTAI5tOne")
    assert not attempt.done("key.disabled", "LTAI5tTwo")


def test_rows_have_the_schemas_fields_and_no_other() -> None:
    """No field can appear that nobody has looked at; all values are text."""
    planned, approved = grant()
    attempt = fresh()
    attempt.base |= audit.approved_facts(planned, approved.approved_at)
    attempt.facts |= {"access_key_id": "LTAI5tOne", "secret_version": "LTAI5tOne"}

    rows = [
        *attempt.intents([MADE], NOW), *attempt.results(NOW),
        *audit.refusal(attempt, Denied("approval_too_old", "approvals[0].at"), NOW),
    ]  # fmt: skip

    for row in rows:
        assert set(FIELDS) == set(row)
        assert all(isinstance(value, str) for value in row.values())


def test_row_says_who_what_where_and_when() -> None:
    """An auditor needs no second source: people, ticket, target, call and time."""
    planned, approved = grant()
    attempt = fresh()
    attempt.base |= audit.approved_facts(planned, approved.approved_at)

    row = attempt.intents([MADE], datetime(2026, 9, 1, 9, 0, 0, 123000, tzinfo=UTC))[0]

    expected = {
        "schema": "akw.audit/1", "ticket_id": "REQ-1042", "requester_id": "alice",
        "approver_id": ",".join(planned.approvers), "application": "orders",
        "environment": "prod", "target_user": "akw-orders-prod",
        "target_account": "1234567890123456", "secret_name": "akw/orders/prod",
        "cloud_service": "ims", "cloud_action": "CreateUser", "fc_request_id": "1-request",
        "time_ms": "1788253200123", "approval_time_ms": "1788249600000",
    }  # fmt: skip
    assert expected == {name: row[name] for name in expected}


def test_event_ids_differ_between_rows_and_between_runs() -> None:
    """FC may give a retry the same request id: its rows are other rows all the same."""
    one, other = fresh(), fresh()

    ids = [
        row["event_id"]
        for attempt in (one, other)
        for row in [*attempt.intents([MADE, CUT], NOW), *attempt.results(NOW)]
    ]

    assert 8 == len(set(ids))
    assert one.base["chain_id"] != other.base["chain_id"]


def test_event_id_is_stable_within_a_run() -> None:
    """It follows from run, event and place alone: a row made anew can be counted once."""
    one, again = fresh(), fresh()
    again.run_id = one.run_id

    assert one.intents([MADE], NOW)[0]["event_id"] == again.intents([MADE], NOW)[0]["event_id"]


def test_changed_row_is_detected() -> None:
    """The hash covers every field."""
    row = dict(fresh().intents([MADE], NOW)[0])

    for name in set(FIELDS) - {"hash"}:
        assert row["hash"] != audit.row_hash(row | {name: "changed"})


def test_refusal_tells_reason_and_field_only() -> None:
    """Nothing of what the stranger wrote is repeated."""
    attempt = record()

    row = audit.refusal(attempt, Denied("parameter_invalid", "permissions[0]"), NOW)[0]
    bare = audit.refusal(attempt, Denied("ticket_consumed"), NOW)[0]

    assert ("ticket.rejected", "note", "failure") == (
        row["event_type"], row["phase"], row["outcome"],
    )  # fmt: skip
    assert "parameter_invalid at permissions[0]" == row["reason"]
    assert "ticket_consumed" == bare["reason"]


def test_doubt_is_an_unknown_outcome() -> None:
    """Refused and skipped changes leave none."""
    attempt = record(MADE, CUT)
    attempt.outcomes[MADE] = Outcome("failure")
    certain = attempt.in_doubt
    attempt.outcomes[CUT] = Outcome("unknown")

    assert not certain
    assert attempt.in_doubt


def test_ticket_url_and_ids_are_the_only_texts_of_the_ticket() -> None:
    """Purpose, title and comments are free text, in which anything may stand."""
    planned, approved = grant()
    attempt = fresh()
    attempt.base |= audit.approved_facts(planned, approved.approved_at)

    text = json.dumps(attempt.intents([MADE], NOW), default=dict)

    assert ticket().purpose not in text
    assert ticket().title not in text


def test_change_before_its_acknowledged_intent_is_late() -> None:
    """The result says so, before whatever else there is to say; the intent knows nothing yet."""
    attempt = Attempt("op-1", "run-1", {}, late={CUT, CUT_TOO})
    attempt.outcomes[CUT] = Outcome("success", message="already so")

    rows = attempt.intents([CUT, CUT_TOO], NOW) + attempt.results(NOW)

    assert ["", "", "late; already so", "late"] == [row["message"] for row in rows]


def test_resource_is_told_in_its_own_field() -> None:
    """What is no key is no AccessKey id."""
    left = Change("group.left", "ram", "RemoveUserFromGroup", resource="developers")

    attempt = Attempt("op-1", "run-1", {})

    row = attempt.intents([left], NOW)[0]

    assert ("developers", "") == (row["resources"], row["access_key_id"])
    assert attempt.planned("group.left", "developers") is left


def test_hash_is_of_what_was_said() -> None:
    """A field that is empty says nothing, and what SLS adds is not ours: a later schema, or a
    reader that leaves empty fields out, finds the same hash."""
    row = dict(record(CUT).results(NOW)[0])
    bare = {name: value for name, value in row.items() if value}

    assert row["hash"] == audit.row_hash(bare)
    assert row["hash"] == audit.row_hash(row | {"__time__": "1", "__tag__:schema": "x", "new": ""})
    assert row["hash"] != audit.row_hash(row | {"new": "x"})


def test_first_row_says_that_it_is_the_first() -> None:
    """Number 0 and nothing before it, in every chain of a run."""
    attempt = fresh()

    firsts = [a.note("ticket.rejected", NOW, outcome="failure", reason="x")[0]
              for a in (attempt, attempt.elsewhere("akw-orders-test", {}))]  # fmt: skip

    assert [("0", ""), ("0", "")] == [(row["seq"], row["prev_hash"]) for row in firsts]
    assert firsts[0]["chain_id"] != firsts[1]["chain_id"]
