"""Timer triggers and their schedules, by the emulator's clock."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from emulator.clock import iso
from emulator.fc.cron import Schedule
from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    Functions,
    functions_fixture,
    loaded_fixture,
)


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("@every 5m", "2026-01-01T00:00:10", "2026-01-01T00:05:10"),
        ("0 0 4 * * *", "2026-01-01T04:00:00", "2026-01-02T04:00:00"),
        ("0 */15 * * * *", "2026-01-01T00:14:59", "2026-01-01T00:15:00"),
        ("30 0 0 1 * ?", "2026-12-01T00:00:30", "2027-01-01T00:00:30"),
        ("0 0 0 * * MON-FRI", "2026-01-02T00:00:00", "2026-01-05T00:00:00"),
        ("0 0 0 13 * 5", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),
        ("0 0 0 29 FEB *", "2026-01-01T00:00:00", "2028-02-29T00:00:00"),
        ("0 0 0 * * 7", "2026-01-01T00:00:00", "2026-01-04T00:00:00"),
        ("CRON_TZ=Asia/Shanghai 0 0 4 * * *", "2026-01-01T00:00:00", "2026-01-01T20:00:00"),
        ("0 5,10 0-2/2 * * *", "2026-01-01T00:10:00", "2026-01-01T02:05:00"),
    ],
)
def test_schedule_names_the_next_time(expression: str, after: str, expected: str) -> None:
    """Strictly after the given moment, in UTC unless a zone is named."""
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)

    found = Schedule.parse(expression).after(moment)

    assert found == datetime.fromisoformat(expected).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "expression",
    ["", "@every", "@every 0m", "@hourly", "* * * * *", "60 * * * * *", "0 0 0 31 FEB *",
     "0 0 5-1 * * *", "0 0/0 * * * *", "0 0 0 * * NEVER", "CRON_TZ=Nowhere/At 0 0 0 * * *"],
)  # fmt: skip
def test_schedule_that_is_none(expression: str) -> None:
    """Refused when the s.yaml is read, not when it should fire."""
    with pytest.raises(ValueError, match=r".+"):
        Schedule.parse(expression)


def _events(functions: Functions, count: int) -> list[dict[str, str]]:
    """The timer events that have been run, once there are as many."""
    done = "Succeeded"
    assert functions.until(
        lambda: [t["state"] for t in functions.fc.tasks_described()] == [done] * count
    )
    return [json.loads(t["return_payload"]) for t in functions.fc.tasks_described()]


def test_timer_fires_when_the_clock_says_so(functions: Functions) -> None:
    """An asynchronous invocation with time, name and payload."""
    due = functions.cloud.clock.time() + 3600

    functions.cloud.clock.advance(3599)
    functions.fc.time_jumped()
    early = functions.fc.tasks_described()
    functions.cloud.clock.advance(2)
    functions.fc.time_jumped()

    (event,) = _events(functions, 1)
    assert early == []
    assert (event["triggerName"], event["payload"]) == ("hourly", "fired")
    at = datetime.fromisoformat(event["triggerTime"].replace("Z", "+00:00"))
    assert abs(at.timestamp() - due) < 2


def test_jump_over_several_times_fires_once(functions: Functions) -> None:
    """The last of them counts; the next one is an hour later."""
    functions.cloud.clock.advance(5.5 * 3600)
    functions.fc.time_jumped()
    functions.fc.time_jumped()

    (event,) = _events(functions, 1)
    assert event["triggerTime"] <= iso(functions.cloud.clock.now())


def test_disabled_timer_fires_by_hand_only(functions: Functions) -> None:
    """`enable: false` keeps it quiet; `fire` runs it and names the request."""
    request_id = functions.fc.fire_timer("retried", "hourly")

    (task,) = functions.fc.tasks_described()
    assert (task["function"], task["request_id"]) == ("retried", request_id)


def test_unknown_timer(functions: Functions) -> None:
    """ValueError, which the management port answers as 400."""
    with pytest.raises(ValueError, match="no timer daily of function timed"):
        functions.fc.fire_timer("timed", "daily")


def test_timers_wait_to_be_told_if_so_chosen(functions: Functions) -> None:
    """Tests that look at all calls need no timer among them; what was due meanwhile is over."""
    functions.cloud.choices.fc_timers = False
    functions.cloud.clock.advance(3700)
    functions.fc.time_jumped()
    functions.cloud.choices.fc_timers = True
    functions.fc.time_jumped()

    assert [] == functions.fc.tasks_described()
