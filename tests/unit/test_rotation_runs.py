"""An event is a timer's or a wish to the letter; a turn looks at everybody whose hour it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import audit, inventory, rotation_runs
from shared.errors import RotationIncomplete
from shared.ports import User
from shared.refusals import Denied
from shared.rotation import ASKED, DISABLE, ENABLE, LEAKED, UNDO, Asked
from shared.rotation_runs import KIND, Run, Wish
from shared.secrecy import Secret
from tests.unit.fakes import Fault, World
from tests.unit.strategies import brief
from tests.unit.test_issuance import APPLICATION
from tests.unit.test_rotating import ROTATION, issued

KEY = "LTAI5tSomeKey00000000001"
WISH = {"type": KIND, "application": "orders", "environment": "prod", "why": ASKED}


def of_event(content: object) -> Wish | datetime | Denied:
    return rotation_runs.of_event(json.dumps(content).encode())


@pytest.mark.parametrize("wish", [
    Wish("orders", "prod", Asked(ASKED)), Wish("orders", "prod", Asked(UNDO)),
    Wish("a1", "dev", Asked(LEAKED, KEY)), Wish("orders", "prod", Asked(DISABLE)),
    Wish("orders", "prod", Asked(ENABLE)),
])  # fmt: skip
def test_wish_comes_back_as_it_was_written(wish: Wish) -> None:
    assert wish == rotation_runs.of_event(rotation_runs.payload(wish))


def test_timer_says_for_when_it_was_meant() -> None:
    """So that a late or repeated run looks at the same users."""
    event = {"triggerName": "turn", "triggerTime": "2026-11-26T03:00:00Z", "payload": ""}

    assert datetime(2026, 11, 26, 3, tzinfo=UTC) == of_event(event)


@pytest.mark.parametrize(("content", "where"), [
    ([], ""), ({}, "type"), (WISH | {"type": "other"}, "type"), (WISH | {"more": 1}, ""),
    (WISH | {"application": "Orders"}, "application"), (WISH | {"environment": 5}, ""),
    (WISH | {"environment": "p-d"}, "environment"), (WISH | {"why": "due"}, "why"),
    (WISH | {"why": "switch"}, "why"),
    (WISH | {"why": DISABLE, "access_key_id": KEY}, "access_key_id"),
    (WISH | {"why": LEAKED}, "access_key_id"), (WISH | {"access_key_id": KEY}, "access_key_id"),
    (WISH | {"why": LEAKED, "access_key_id": "x' or 1"}, "access_key_id"),
    ({"triggerName": "turn"}, "triggerTime"),
    ({"triggerName": 1, "triggerTime": []}, "triggerTime"),
])  # fmt: skip
def test_other_events_are_refused(content: object, where: str) -> None:
    assert Denied("payload_malformed", where) == of_event(content)


@given(st.binary(max_size=40))
@brief
def test_no_bytes_raise(event: bytes) -> None:
    assert isinstance(rotation_runs.of_event(event), Denied)


def run_of(world: World, seconds: float = 300) -> Run:
    record = partial(
        audit.attempt, fc_request_id="1", fc_function="akw-rotate", account_id="1", region="r",
        trigger="timer", broker_version="0",
    )  # fmt: skip
    return Run(world.broker(), record, Secret("ledger"), ROTATION, lambda: seconds)


def hour_of(user: str) -> datetime:
    return datetime(2026, 11, 26, rotation_runs.turn_of(user), tzinfo=UTC)


def test_turn_is_one_hour_of_the_day() -> None:
    """In any other hour the user is not even looked at."""
    world = issued()
    world.now += timedelta(days=80)  # its grant is over by then: nothing is due
    runs = {hour: run_of(world) for hour in range(24)}
    for hour, run in runs.items():
        rotation_runs.take_turns(run, datetime(2026, 11, 26, hour, tzinfo=UTC))

    looked = [hour for hour, run in runs.items() if run.counts["looked at"]]
    assert [rotation_runs.turn_of(APPLICATION.user)] == looked


def test_users_are_spread_over_the_day() -> None:
    """No hour has twice its share of 5,000 users."""
    turns = [rotation_runs.turn_of(f"akw-app{number}-prod") for number in range(5000)]

    assert max(turns.count(hour) for hour in range(24)) < 2 * 5000 / 24


def test_turn_costs_four_calls_for_a_user_with_nothing_due() -> None:
    """Beside the two lists that are read, and the rows that are written, once for all."""
    world = issued()
    world.calls.clear()

    rotation_runs.take_turns(run_of(world), hour_of(APPLICATION.user))

    assert {"list_users": 1, "list_policies": 1, "get_user": 1, "list_access_keys": 1,
            "list_secret_version_ids": 1, "get_access_key_last_used": 1, "get_logs": 1,
            "put_logs": 1} == dict(world.calls)  # fmt: skip


@pytest.mark.parametrize(("change", "counted"), [
    ({"akw:expires": "2099-01-01T00:00:00Z"}, "bad_signature"), (None, "no_grant"),
])  # fmt: skip
def test_user_whose_grant_is_not_signed_is_left_alone(
    change: dict[str, str] | None, counted: str
) -> None:
    world = issued()
    user = world.users[APPLICATION.user]
    tags: dict[str, Any] = {} if change is None else {**user.tags, **change}
    world.users[user.name] = User(user.id, user.name, tags, user.created_at)
    run = run_of(world)
    world.calls.clear()

    rotation_runs.take_turns(run, hour_of(user.name))

    assert 1 == run.counts[counted]
    assert {"list_users": 1, "list_policies": 1, "get_logs": 1} == dict(world.calls)


def test_one_that_fails_is_raised_at_the_end() -> None:
    world = issued()
    world.calls.clear()
    world.faults = {Fault("list_secret_version_ids", 1, silent=True, after=False)}

    with pytest.raises(RotationIncomplete, match="list_secret_version_ids"):
        rotation_runs.take_turns(run_of(world), hour_of(APPLICATION.user))


def test_nobody_is_begun_when_time_is_short() -> None:
    """And the run says that it is not done."""
    world = issued()
    run = run_of(world, seconds=rotation_runs.STOP_SECONDS)

    with pytest.raises(RotationIncomplete):
        rotation_runs.take_turns(run, hour_of(APPLICATION.user))

    assert {"postponed": 1} == dict(run.counts)


def test_retry_goes_on_where_the_time_ended() -> None:
    """Nobody is looked at twice for one hour, and each key has one row; nor does a timer's event
    that comes twice begin anew."""
    world = issued()
    hour = world.now.replace(hour=rotation_runs.turn_of(APPLICATION.user))

    with pytest.raises(RotationIncomplete):
        rotation_runs.take_turns(run_of(world, seconds=1), hour)
    retries = [run_of(world), run_of(world)]
    for retry in retries:
        rotation_runs.take_turns(retry, hour)

    assert [1, 0] == [retry.counts["looked at"] for retry in retries]
    assert [APPLICATION.user] == [row["target_user"] for row in world.rows
                                  if row["event_type"] == inventory.EVENT]  # fmt: skip


def test_unreadable_log_lets_everybody_be_looked_at_again() -> None:
    world = issued()
    hour = world.now.replace(hour=rotation_runs.turn_of(APPLICATION.user))
    rotation_runs.take_turns(run_of(world), hour)
    again = run_of(world)
    world.calls.clear()
    world.faults = {Fault("get_logs", 1, silent=True, after=False)}

    rotation_runs.take_turns(again, hour)

    assert 1 == again.counts["looked at"]


@pytest.mark.parametrize("missing", ["user", "policy"])
def test_stale_answer_is_asked_once_more(missing: str) -> None:
    """What one read does not show is there in the next: no refusal, and no key less."""
    world = issued()
    hidden = dict(world.users if missing == "user" else world.policies)
    held: dict[str, Any] = world.users if missing == "user" else world.policies
    held.clear()

    def sleep(seconds: float) -> None:
        held.update(hidden)
        world.sleep(seconds)

    run = run_of(world)
    run.broker = world.broker(sleep=sleep)

    outcome = rotation_runs.fulfil(run, Wish("orders", "prod", Asked(ASKED)))

    assert not isinstance(outcome, Denied)
    assert 2 == len(world.keys)


def test_wish_for_nobody_is_refused() -> None:
    outcome = rotation_runs.fulfil(run_of(World()), Wish("nosuch", "prod", Asked(ASKED)))

    assert Denied("no_such_grant", "application") == outcome
