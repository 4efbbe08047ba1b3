"""From a hint to the hand-over: in which order, and what each failure on the way leaves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from demo import dingtalk as vendor
from shared import audit, bootstrap, fetching, naming, orders
from shared.errors import CloudError, CloudUnknown, FetchIncomplete, RecordPending
from shared.fetching import FETCHED, IGNORED, Fetcher, Ignored, Vendor
from shared.handover import Accepted
from shared.hints import Hint
from shared.records import dingtalk
from shared.refusals import Denied
from tests.unit.fakes import FakeFunctions
from tests.unit.samples import ACCOUNT_ID, NOW

HINT = Hint("dingtalk", "proc-1")
FORM = vendor.form("parcels")


@dataclass
class Scene:
    """A vendor, a log and functions that all keep to one list of what was done, and break off
    where they are told to."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    rows: list[audit.Row] = field(default_factory=list)
    breaks: str = ""
    functions: FakeFunctions = field(default_factory=FakeFunctions)
    now: datetime = NOW

    def _do(self, what: str) -> None:
        self.done.append(what)
        if self.breaks == what:
            raise CloudUnknown(what)

    # -- ports.Records
    def get(self, record: str) -> Mapping[str, Any] | None:
        self._do("get")
        return self.records.get(record)

    def finished(self, since: datetime, until: datetime) -> Sequence[str]:
        self._do("finished")
        return self.listed

    # -- ports.AuditLog
    def put_logs(self, rows: Sequence[audit.Row]) -> None:
        self._do("put_logs")
        self.rows += rows

    def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[audit.Row]:
        raise AssertionError("not asked")

    def select_logs(self, query: str, since: datetime, until: datetime) -> Sequence[audit.Row]:
        self._do("select_logs")
        assert 'ticket_system: "dingtalk"' in query
        before = int(query.partition("time_ms > ")[2].split()[0])
        return [{"ticket_id": row["ticket_id"]} for row in self.rows
                if row["event_type"] != FETCHED or row["reason"] == "revoke"
                or int(row["time_ms"]) > before]  # fmt: skip

    # -- ports.Functions
    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        self._do(function)
        return self.functions.invoke_async(function, payload, task_id)

    def get_async_task(self, function: str, task_id: str) -> str:
        return self.functions.get_async_task(function, task_id)

    def fetcher(self, *, events_say_decided: bool = True) -> Fetcher:
        place = bootstrap.places()["dingtalk"]
        return Fetcher(
            {"dingtalk": Vendor(place, dingtalk.standing, dingtalk.record, lambda: self,
                                events_say_decided)},
            bootstrap.people(), ACCOUNT_ID, self, "akw-issue", "akw-revoke", self,
            lambda: self.now,
        )  # fmt: skip


def attempt(hint: Hint = HINT) -> audit.Attempt:
    return audit.attempt(
        audit.Subject(hint.kind, hint.record, "", ""),
        naming.operation_id(hint.kind, hint.record, "fetch"), fc_request_id="1",
        fc_function="akw-fetch", account_id=ACCOUNT_ID, region="r", trigger="webhook",
        broker_version="0",
    )  # fmt: skip


def fetch(scene: Scene, **more: Any) -> fetching.Fetched:
    return fetching.fetch(scene.fetcher(**more), HINT, attempt())


def approved(**changes: Any) -> Scene:
    return Scene({"proc-1": vendor.instance(FORM, **changes)})


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


def look(scene: Scene, seconds: float = 60) -> dict[str, int]:
    return fetching.look_for_missed(scene.fetcher(), attempt, lambda: seconds)


def test_timer_serves_what_the_log_does_not_know_once() -> None:
    """One that was turned down leaves a row, too, so that it is not read every time; ids that are
    none are not asked for."""
    scene = approved()
    scene.records["proc-2"] = vendor.instance(FORM, result="refuse")
    scene.listed = ["proc-1", "proc-2", "../x"]

    first, second = look(scene), look(scene)

    assert ({"accepted": 1, "ignored": 1}, {}) == (first, second)
    assert {FETCHED, IGNORED} == {row["event_type"] for row in scene.rows}


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

    assert {"left": 1} == look(scene, seconds=0)
    assert {"accepted": 1} == look(scene)


def test_window_of_the_timer_is_two_weeks_until_just_now() -> None:
    """What was begun a moment ago may have its event under way."""
    asked: list[tuple[datetime, datetime]] = []
    scene = Scene()
    scene.finished = lambda since, until: asked.append((since, until)) or []  # type: ignore

    look(scene)

    assert [(NOW - timedelta(days=14), NOW - timedelta(minutes=5))] == asked


def test_source_that_is_off_is_refused() -> None:
    run = partial(fetching.fetch, Scene().fetcher())

    assert Denied("source_not_enabled") == run(Hint("jira", "A-1"), attempt())
