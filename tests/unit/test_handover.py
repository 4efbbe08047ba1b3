"""A delivery is submitted once, and again only where its task ended badly."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import deliveries, handover, tickets
from shared.deliveries import Delivery
from shared.handover import Accepted, Case
from shared.refusals import Denied
from tests.unit.fakes import FakeFunctions
from tests.unit.samples import NOW, approved_body, approved_delivery
from tests.unit.strategies import brief, json_values, valid_tickets

FUNCTION = "akw-issue"


def delivery(**changes: Any) -> Delivery:
    parsed = deliveries.parse(approved_body(**changes), source="standard-webhooks")
    assert isinstance(parsed, Delivery)
    return parsed


def test_first_delivery_is_submitted() -> None:
    """One task, and an answer that names the operation."""
    functions = FakeFunctions()

    accepted = handover.submit(functions, FUNCTION, delivery(), NOW)

    assert isinstance(accepted, Accepted)
    assert ("REQ-1042", "issue") == (accepted.ticket_id, accepted.action)
    assert accepted.operation_id.startswith("op-")
    assert 1 == len(functions.states)


@pytest.mark.parametrize("state", ["Enqueued", "Dequeued", "Running", "Retrying", "Succeeded"])
def test_repeat_changes_nothing_and_answers_alike(state: str) -> None:
    """The same content again, at another time: no second task, the same answer."""
    functions = FakeFunctions()
    first = handover.submit(functions, FUNCTION, delivery(), NOW)
    functions.states = dict.fromkeys(functions.states, state)

    later = deliveries.parse(
        approved_body().replace(b'"timestamp": "2026-09-01T09:00:00Z"',
                                b'"timestamp": "2026-09-01T09:05:00Z"'),
        source="standard-webhooks",
    )  # fmt: skip
    assert isinstance(later, Delivery)
    assert NOW + timedelta(minutes=5) == later.sent_at
    again = handover.submit(functions, FUNCTION, later, NOW + timedelta(minutes=5))

    assert first == again
    assert 1 == len(functions.states)


@pytest.mark.parametrize("state", sorted(handover.ENDED_BADLY))
def test_failed_task_is_submitted_under_the_next_number(state: str) -> None:
    """A delivery is not lost because its task failed; the answer stays the same."""
    functions = FakeFunctions()
    first = handover.submit(functions, FUNCTION, delivery(), NOW)
    functions.states = dict.fromkeys(functions.states, state)

    again = handover.submit(functions, FUNCTION, delivery(), NOW)

    assert first == again
    one, two = functions.states
    assert (one.removesuffix("-1"), "-2") == (two.removesuffix("-2"), two[-2:])
    assert functions.payloads[0] == functions.payloads[1]


def test_failures_come_to_an_end() -> None:
    """After twenty a person must look."""
    functions = FakeFunctions()
    for _ in range(handover.MAX_ATTEMPTS):
        handover.submit(functions, FUNCTION, delivery(), NOW)
        functions.states = dict.fromkeys(functions.states, "Failed")

    refused = handover.submit(functions, FUNCTION, delivery(), NOW)

    assert Denied("too_many_failures") == refused
    assert handover.MAX_ATTEMPTS == len(functions.states)


def test_other_content_is_another_task_of_the_same_operation() -> None:
    """The digest is part of the id, so that nobody takes a ticket's id by sending first."""
    functions = FakeFunctions()
    first = handover.submit(functions, FUNCTION, delivery(), NOW)

    other = handover.submit(functions, FUNCTION, delivery(title="Another title"), NOW)

    assert first == other
    assert 2 == len(functions.states)


def test_revocation_is_never_a_repeat_of_its_approval() -> None:
    """The action is part of both ids."""
    functions = FakeFunctions()
    first = handover.submit(functions, FUNCTION, delivery(), NOW)

    revocation = delivery(type="accesskey.ticket.revoked")
    revoked = handover.submit(functions, FUNCTION, revocation, NOW)

    assert isinstance(first, Accepted)
    assert isinstance(revoked, Accepted)
    assert first.operation_id != revoked.operation_id
    assert 2 == len(functions.states)


@given(valid_tickets())
@brief
def test_worker_reads_the_ticket_that_was_handed_over(content: dict[str, Any]) -> None:
    """Payload and back: an equal ticket, with an equal digest."""
    ticket = tickets.parse(content, source="standard-webhooks")
    assert isinstance(ticket, tickets.Ticket)
    sent = Delivery("accesskey.ticket.approved", "issue", NOW, ticket)

    read = handover.case_of(handover.payload(sent, NOW), "issue")

    assert Case(ticket, NOW) == read


def test_payload_fits_an_asynchronous_invocation() -> None:
    """FC takes 128 KB; what came in was at most 96 KiB, and is not blown up on its way."""
    approvals = [
        {"approver": {"id": f"p{n}", "email": f"p{n}@example.com"}, "decision": "approve",
         "at": "2026-09-01T08:00:00Z", "comment": "\U0001f512" * 1000}
        for n in range(20)
    ]  # fmt: skip
    content = approved_delivery(approvals=approvals, purpose="\U0001f512" * 500)
    body = json.dumps(content, ensure_ascii=False).encode()
    large = deliveries.parse(body, source="standard-webhooks")
    assert isinstance(large, Delivery)

    size = len(handover.payload(large, NOW))

    assert 80 * 1024 < len(body) < deliveries.MAX_BODY_BYTES
    assert size < 128_000


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@brief
def test_any_event_is_answered(event: bytes) -> None:
    """Whatever invokes the worker: a ticket or a refusal, never an exception."""
    assert isinstance(handover.case_of(event, "issue"), Denied)


@pytest.mark.parametrize(
    "changes",
    [{"format": "2"}, {"source": "mallory"}, {"source": ["standard-webhooks"]}, {"source": None},
     {"type": "accesskey.ticket.revoked"}, {"type": None}, {"accepted_at": None},
     {"accepted_at": 1788253200}, {"accepted_at": "yesterday"}, {"ticket": None},
     {"ticket": {"id": "T"}}],
    ids=str,
)  # fmt: skip
def test_event_that_the_ingress_did_not_make_is_refused(changes: dict[str, Any]) -> None:
    """The worker trusts nothing: format, source and ticket are checked again."""
    content = json.loads(handover.payload(delivery(), NOW)) | changes

    assert isinstance(handover.case_of(json.dumps(content).encode(), "issue"), Denied)


def test_untouched_event_is_read() -> None:
    """The other side of the refusals above."""
    assert isinstance(handover.case_of(handover.payload(delivery(), NOW), "issue"), Case)


DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("accepted_at", "judged_at"),
    [(NOW, NOW), (NOW - DAY / 2, NOW - DAY / 2), (NOW - DAY, NOW - DAY),
     (NOW - 2 * DAY, NOW - DAY), (NOW + DAY, NOW)],
    ids=["now", "half_a_day_ago", "a_day_ago", "too_long_ago", "in_the_future"],
)  # fmt: skip
def test_approvals_are_judged_at_their_acceptance(
    accepted_at: datetime, judged_at: datetime
) -> None:
    """A retry decides as the first attempt did; no event makes an old approval fresh for ever."""
    read = handover.case_of(handover.payload(delivery(), accepted_at), "issue")

    assert isinstance(read, Case)
    assert judged_at == read.judged_at(NOW)


def test_deeply_nested_event_is_refused() -> None:
    """Not a crash that FC would repeat eight times."""
    assert Denied("not_json") == handover.case_of(b"[" * 100_000, "issue")


REVOKING = {"type": "accesskey.ticket.revoked"}


@pytest.mark.parametrize(("changes", "reason"), [
    ({}, "withdrawn"), ({"reason": "leaked"}, "leaked"), ({"reason": "offboarded"}, "offboarded"),
    ({"reason": "ended"}, "ended"),
])  # fmt: skip
def test_revocation_is_a_withdrawal_unless_its_event_says_why(
    changes: dict[str, Any], reason: str
) -> None:
    """A webhook brings no reason; whoever may invoke the function can."""
    content = json.loads(handover.payload(delivery(**REVOKING), NOW)) | changes

    read = handover.case_of(json.dumps(content).encode(), "revoke")

    assert isinstance(read, Case)
    assert reason == read.reason


@pytest.mark.parametrize("reason", ["", "bored", None, 1, ["leaked"], {"leaked": 1}], ids=str)
def test_unknown_reason_is_refused(reason: object) -> None:
    """Not taken for the reversible one: whoever wrote it meant something."""
    content = json.loads(handover.payload(delivery(**REVOKING), NOW)) | {"reason": reason}

    read = handover.case_of(json.dumps(content).encode(), "revoke")

    assert Denied("invalid_value", "reason") == read


def test_issuing_event_has_no_reason_to_end() -> None:
    """It would mean two things at once."""
    content = json.loads(handover.payload(delivery(), NOW)) | {"reason": "leaked"}

    read = handover.case_of(json.dumps(content).encode(), "issue")

    assert Denied("invalid_value", "reason") == read
