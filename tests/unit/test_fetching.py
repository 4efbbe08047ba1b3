"""From a hint to the hand-over: in which order, and what each failure on the way leaves."""

from __future__ import annotations

import json
from functools import partial

import pytest

from shared import fetching, orders
from shared.errors import CloudError, RecordPending
from shared.fetching import FETCHED, Ignored
from shared.handover import Accepted
from shared.hints import Hint
from shared.refusals import Denied
from tests.unit.fetching_scene import HINT, Scene, approved, attempt, fetch, look


def test_row_comes_after_the_hand_over() -> None:
    """A record that has a row is not looked for again: one without its hand-over would be lost."""
    scene = approved()

    assert isinstance(fetch(scene), Accepted)

    assert ["get", "akw-issue", "put_logs"] == scene.done
    assert [FETCHED] == [row["event_type"] for row in scene.rows]
    handed = json.loads(scene.functions.payloads[0])
    assert ("dingtalk", "proc-1") == (handed["source"], handed["ticket"]["id"])


@pytest.mark.parametrize("breaks", ["get", "put_logs", "akw-issue"])
def test_what_breaks_off_is_done_by_the_next_try(breaks: str) -> None:
    """Its own or the timer's, and one task comes of it."""
    scene = approved()
    scene.breaks, scene.listed = breaks, ["proc-1"]

    with pytest.raises(CloudError):
        fetch(scene)
    scene.breaks = ""
    assert {"accepted": 1} == look(scene)
    fetch(scene)

    assert 1 == len(scene.functions.states)


def test_hand_over_that_was_not_answered_is_not_repeated_as_another_task() -> None:
    scene = approved()

    first, again = fetch(scene), fetch(scene)

    assert first == again
    assert 1 == len(scene.functions.states)


def test_record_that_is_not_decided_is_asked_again_where_its_event_says_so() -> None:
    scene = approved(status="RUNNING")

    with pytest.raises(RecordPending):
        fetch(scene)
    assert isinstance(fetch(scene, events_say_decided=False), Ignored)
    assert [] == scene.rows


@pytest.mark.parametrize("main", ["../secrets", "x' or '1", "y" * 65])
def test_withdrawal_that_names_no_record_is_refused_with_a_row(main: str) -> None:
    scene = approved(bizAction="REVOKE", mainProcessInstanceId=main)

    assert Denied("record_unreadable", "record") == fetch(scene)
    assert ["ticket.rejected"] == [row["event_type"] for row in scene.rows]
    assert [] == scene.functions.payloads


def test_withdrawal_orders_the_end_of_the_first_record_by_its_id() -> None:
    """Not by its own, under which nothing was issued; and whatever either of them holds."""
    scene = approved(bizAction="REVOKE", mainProcessInstanceId="proc-0",
                     title="it was LTAI5tAbCdEfGhIjKlMnOpQr")  # fmt: skip

    outcome = fetch(scene)

    assert isinstance(outcome, Accepted)
    assert ("revoke", "proc-0") == (outcome.action, outcome.ticket_id)
    assert ["get", "akw-revoke", "put_logs"] == scene.done
    order = orders.of_event(scene.functions.payloads[0])
    assert isinstance(order, orders.Order)
    assert ("withdrawn", "ticket", "dingtalk", "proc-0") == (
        order.reason, order.selector.by, order.selector.source, order.selector.ticket)


@pytest.mark.parametrize(("state", "tasks"), [("Succeeded", 2), ("Failed", 2), ("Running", 1)])
def test_withdrawal_that_comes_again_is_ordered_again(state: str, tasks: int) -> None:
    """Under the same id; not while it is at work."""
    scene = approved(bizAction="REVOKE", mainProcessInstanceId="proc-0")
    fetch(scene)
    scene.functions.states = dict.fromkeys(scene.functions.states, state)

    fetch(scene)

    assert tasks == len(scene.functions.states)
    assert 1 == len(set(scene.functions.payloads))


@pytest.mark.parametrize("events_say_decided", [True, False])
def test_withdrawal_that_is_ahead_of_its_record_is_asked_for_again(
    events_say_decided: bool,
) -> None:
    """Else the key would be made, or would stay, and the event would be spent."""
    scene = approved()
    told = Hint(HINT.kind, HINT.record, withdrawn=True)

    with pytest.raises(RecordPending):
        fetch(scene, told, events_say_decided=events_say_decided)

    assert [] == scene.functions.payloads
    assert [] == scene.rows


def test_source_that_is_off_is_refused() -> None:
    run = partial(fetching.fetch, Scene().fetcher())

    assert Denied("source_not_enabled") == run(Hint("jira", "A-1"), attempt())
