"""A revocation is handed over as often as it is asked for, and once at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared import deliveries, handover
from shared.deliveries import Delivery
from shared.handover import Accepted
from shared.refusals import Denied
from tests.unit.fakes import FakeFunctions
from tests.unit.samples import NOW, approved_body

FUNCTION = "akw-revoke"


def delivery() -> Delivery:
    body = approved_body(type="accesskey.ticket.revoked", status="revoked")
    parsed = deliveries.parse(body, source="standard-webhooks")
    assert isinstance(parsed, Delivery)
    return parsed


@pytest.mark.parametrize("state", sorted(handover.ENDED))
def test_ended_task_is_followed_by_another(state: str) -> None:
    """Well or badly: whoever asks again gets it looked at again, and the same answer."""
    functions = FakeFunctions()
    first = handover.submit_again(functions, FUNCTION, delivery(), NOW)
    functions.states = dict.fromkeys(functions.states, state)

    again = handover.submit_again(functions, FUNCTION, delivery(), NOW)

    assert first == again
    assert 2 == len(functions.states)


@pytest.mark.parametrize("state", ["Enqueued", "Dequeued", "Running", "Retrying"])
def test_task_at_work_is_enough(state: str) -> None:
    """Accepted, with no second one beside it."""
    functions = FakeFunctions()
    handover.submit_again(functions, FUNCTION, delivery(), NOW)
    functions.states = dict.fromkeys(functions.states, state)

    again = handover.submit_again(functions, FUNCTION, delivery(), NOW)

    assert isinstance(again, Accepted)
    assert 1 == len(functions.states)


def test_repeats_never_come_to_an_end() -> None:
    """The numbers end, the seconds do not."""
    functions = FakeFunctions()

    for count in range(handover.MAX_ATTEMPTS + 3):
        at = NOW + timedelta(seconds=count)
        answer = handover.submit_again(functions, FUNCTION, delivery(), at)
        assert isinstance(answer, Accepted)
        functions.states = dict.fromkeys(functions.states, "Succeeded")

    assert handover.MAX_ATTEMPTS + 3 == len(functions.states)


@pytest.mark.parametrize("action", ["issue", "extend", "amend"])
def test_worker_takes_only_its_own_kind(action: str) -> None:
    """What is to be revoked is never issued, whoever hands it over."""
    event = handover.payload(delivery(), NOW)

    assert Denied("invalid_value", "type") == handover.case_of(event, action)
    assert not isinstance(handover.case_of(event, "revoke"), Denied)
