"""The timer's look: what is found, once, and what a failure leaves to the next one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from demo import dingtalk as vendor
from demo import feishu as feishu_vendor
from shared import audit, missed_records, orders
from shared.errors import CloudUnknown, FetchIncomplete
from shared.fetching import FETCHED, IGNORED
from shared.hints import Hint
from shared.missed_records import LOOKED, TURNS
from tests.unit.fetching_scene import FORM, Scene, approved, attempt, look
from tests.unit.samples import NOW


def test_timer_serves_what_the_log_does_not_know_once() -> None:
    """One that was turned down leaves a row, too, so that it is not read every time; ids that are
    none are not asked for."""
    scene = approved()
    scene.records["proc-2"] = vendor.instance(FORM, result="refuse")
    scene.listed = ["proc-1", "proc-2", "../x"]

    first, second = look(scene), look(scene)

    assert ({"accepted": 1, "ignored": 1}, {}) == (first, second)
    assert {FETCHED, IGNORED, LOOKED} == {row["event_type"] for row in scene.rows}
    assert ["accepted: 1, ignored: 1", ""] == [
        row["message"] for row in scene.rows if row["event_type"] == LOOKED]


@pytest.mark.parametrize(("state", "tasks"), [("Failed", 2), ("Succeeded", 1), ("Running", 1)])
def test_timer_hands_over_again_what_was_lost_with_its_task(state: str, tasks: int) -> None:
    """After a day and more, and if nobody has written of that ticket since; not twice a day."""
    scene = approved()
    scene.listed = ["proc-1"]
    look(scene)
    scene.functions.states = dict.fromkeys(scene.functions.states, state)
    scene.now += timedelta(hours=25)
    assert {} == look(scene)

    scene.now += timedelta(hours=2)

    assert [{"accepted": 1}, {}] == [look(scene), look(scene)]
    assert tasks == len(scene.functions.states)


def test_withdrawal_is_handed_over_once_however_long_ago() -> None:
    scene = approved(bizAction="REVOKE", mainProcessInstanceId="proc-0")
    scene.listed = ["proc-1"]
    look(scene)
    scene.now += timedelta(days=3)

    assert {} == look(scene)


@pytest.mark.parametrize("breaks", ["finished", "select_logs", "get"])
def test_timer_that_cannot_read_says_so_and_takes_nothing_for_missed(breaks: str) -> None:
    scene = approved()
    scene.listed, scene.breaks = ["proc-1"], breaks

    with pytest.raises(FetchIncomplete):
        look(scene)
    assert [] == scene.functions.payloads
    assert [] == scene.rows


def test_one_record_that_fails_keeps_no_other() -> None:
    scene = approved()
    scene.listed = ["proc-0", "proc-1"]
    scene.records["proc-0"] = vendor.instance(FORM)
    get, failed = scene.get, []

    def failing(record: str) -> Mapping[str, Any] | None:
        if record == "proc-0" and not failed:
            failed.append(record)
            raise CloudUnknown("get")
        return get(record)

    scene.get = failing  # type: ignore[method-assign]

    with pytest.raises(FetchIncomplete):
        look(scene)
    assert ["proc-1"] == [json.loads(one)["ticket"]["id"] for one in scene.functions.payloads]


def test_time_that_ends_leaves_the_rest_to_the_next_timer() -> None:
    scene = approved()
    scene.listed = ["proc-1"]

    with pytest.raises(FetchIncomplete, match="1 left"):
        look(scene, seconds=0)
    assert {"accepted": 1} == look(scene)


def test_window_of_the_timer_is_two_weeks_until_just_now() -> None:
    """What was begun a moment ago may have its event under way."""
    asked: list[tuple[datetime, datetime]] = []
    scene = Scene()
    scene.finished = lambda since, until: asked.append((since, until)) or []  # type: ignore

    look(scene)

    assert [(NOW - timedelta(days=14), NOW - timedelta(minutes=5))] == asked


def test_what_stays_pending_keeps_no_other_out() -> None:
    """Each look begins elsewhere; here one can read a single record."""
    scene = approved()
    waiting = [f"proc-w{number}" for number in range(9)]
    scene.records |= {id: vendor.instance(FORM, status="RUNNING") for id in waiting}
    scene.listed = [*waiting, "proc-1"]

    for _ in range(200):
        left = iter([60, *[0] * 20])
        with pytest.raises(FetchIncomplete):
            missed_records.look(scene.fetcher(), attempt, lambda: next(left))  # noqa: B023
        if scene.functions.payloads:
            break
        scene.now += missed_records.EVERY

    assert ["proc-1"] == [json.loads(one)["ticket"]["id"] for one in scene.functions.payloads]


def test_id_that_no_ticket_can_have_is_told(caplog: pytest.LogCaptureFixture) -> None:
    scene = approved()
    scene.listed = ["../x", "-_AbC"]
    scene.records["-_AbC"] = vendor.instance(FORM)

    assert {"accepted": 1} == look(scene)
    assert ["dingtalk names 1 records whose ids no ticket can have"] == [
        record.message for record in caplog.records if record.levelname == "ERROR"]


def served_before(*events: tuple[str, str]) -> Scene:
    """Feishu, with these rows; no record is listed as finished."""
    scene = Scene(kind="feishu")
    for id, event in events:
        rows = attempt(Hint("feishu", id)).note(event, NOW, outcome=audit.SUCCESS, reason="")
        scene.rows += rows
    return scene


def a_day(scene: Scene) -> list[dict[str, int]]:
    """What the looks of a day find."""
    found = []
    for _ in range(TURNS):
        found.append(look(scene))
        scene.now += missed_records.EVERY
    return [counts for counts in found if counts]


def withdrawn(**changes: Any) -> dict[str, Any]:
    return feishu_vendor.instance(FORM, reverted=True, **changes)


def test_withdrawal_of_which_no_event_came_is_found_within_a_day() -> None:
    """By the id under which its grant was made; whatever else its record says by then."""
    scene = served_before(("i-1", "key.issued"), ("i-2", "self_service.granted"))
    scene.records = {"i-1": withdrawn(form=None), "i-2": feishu_vendor.instance(FORM)}

    assert [{"standing": 1}, {"withdrawn": 1}] == sorted(a_day(scene), key=str)

    (order,) = [orders.of_event(payload) for payload in scene.functions.payloads]
    assert isinstance(order, orders.Order)
    assert ("withdrawn", "feishu", "i-1") == (
        order.reason, order.selector.source, order.selector.ticket)


def test_what_has_ended_is_not_read_again() -> None:
    scene = served_before(("i-1", "key.issued"), ("i-1", "ticket.revoked"))
    scene.records = {"i-1": withdrawn()}

    assert [] == a_day(scene)
    assert "get" not in scene.done


@pytest.mark.parametrize("record", [None, {"approval_code": "OTHER"}, {}])
def test_record_that_cannot_be_read_says_nothing_and_is_told(
    record: dict[str, Any] | None, caplog: pytest.LogCaptureFixture
) -> None:
    scene = served_before(("i-1", "key.issued"))
    if record is not None:
        scene.records = {"i-1": record}

    assert [{"standing": 1}] == a_day(scene)

    assert [] == scene.functions.payloads
    assert ["feishu i-1: its grant may be alive, and it cannot be read"] == [
        one.message for one in caplog.records if one.levelname == "WARNING"]


def test_every_record_has_one_turn_of_the_day() -> None:
    turns = {missed_records.turn_of(f"i-{number}") for number in range(2000)}

    assert set(range(TURNS)) == turns
