"""Asynchronous invocations: accepted, retried, deduplicated, stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models
from fc2.fc_exceptions import FcError

from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    Functions,
    functions_fixture,
    loaded_fixture,
)

READ_ONLY = json.dumps({"Version": "1", "Statement": [{
    "Effect": "Allow", "Action": ["fc:GetAsyncTask"],
    "Resource": "acs:fc:*:*:functions/retried/async-tasks/*",
}]})  # fmt: skip


def _refused(functions: Functions, name: str, **more: Any) -> tuple[int, str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        functions.submit(name, **more)
    err: Any = caught.value
    return err.status_code, err.code


def test_failed_run_is_tried_again_under_its_request_id(
    functions: Functions, tmp_path: Path
) -> None:
    """A function that raises once succeeds at the second try, with the same request id."""
    remembered = tmp_path / "tries"

    task_id = functions.submit("retried", str(remembered).encode(), task_id="tkt_1")

    task = functions.finished(task_id)
    assert (task_id, task["state"], task["attempts"]) == ("tkt_1", "Succeeded", 2)
    assert json.loads(task["return_payload"]) == {"tries": "2"}
    assert remembered.read_text() == f"{task['request_id']} {task['request_id']}"


@pytest.mark.parametrize(
    ("name", "event", "attempts", "error"),
    [
        ("fails", b"this", 2, "refused this"),
        ("sleeps", b"30", 1, "Function timed out after 1 seconds"),
        ("exits", b"", 1, "Process exited unexpectedly"),
    ],
)
def test_failure_of_any_kind_uses_up_the_tries(
    functions: Functions, name: str, event: bytes, attempts: int, error: str
) -> None:
    """Exception, timeout and exit are tried 1 + maxAsyncRetryAttempts times, then it is Failed."""
    task = functions.finished(functions.submit(name, event))

    assert (task["state"], task["attempts"]) == ("Failed", attempts)
    assert error in task["error"]


def test_role_that_fc_may_not_assume_fails_the_task(functions: Functions) -> None:
    """The submission is accepted all the same: the role is looked up at the run."""
    del functions.cloud.ram.roles["fixture"]

    task = functions.finished(functions.submit("exits"))

    assert task["state"] == "Failed"
    assert "role/fixture" in task["error"]


def test_used_task_id_is_refused(functions: Functions) -> None:
    """409, for another event and for another function as well; the task runs once."""
    functions.submit("fails", b"x", task_id="tkt_1")

    assert _refused(functions, "fails", event=b"y", task_id="tkt_1")[0] == 409
    assert _refused(functions, "retried", event=b"y", task_id="tkt_1")[0] == 409
    assert len(functions.fc.tasks_described()) == 1


def test_task_ids_per_function_are_a_choice(functions: Functions) -> None:
    """Only where the choice says so may two functions use one id."""
    functions.cloud.choices.fc_task_ids_span_functions = False
    functions.submit("fails", b"x", task_id="tkt_1")

    functions.submit("exits", b"x", task_id="tkt_1")

    assert _refused(functions, "fails", task_id="tkt_1")[0] == 409


def test_task_id_is_forgotten_after_seven_days(functions: Functions) -> None:
    """A replay after a week passes: a task id is no ledger."""
    functions.submit("exits", task_id="tkt_1")
    functions.finished("tkt_1")
    spec, tasks = functions.fc.specs["exits"], functions.fc.tasks

    functions.cloud.clock.advance(7 * 86400)

    assert tasks.submit(spec, b"", "1-replay", task_id="tkt_1").id == "tkt_1"


def test_task_id_is_not_kept_without_task_mode(functions: Functions) -> None:
    """Without `asyncTask: true` nothing is deduplicated and no task can be read."""
    functions.submit("echo", b"x", task_id="tkt_1")
    functions.submit("echo", b"x", task_id="tkt_1")

    with pytest.raises(Exception) as caught:  # noqa: PT011
        functions.client().get_async_task("echo", "tkt_1", models.GetAsyncTaskRequest())

    err: Any = caught.value
    assert (err.status_code, err.code) == (404, "AsyncTaskNotFound")
    assert len(functions.fc.tasks_described()) == 2


@pytest.mark.parametrize("task_id", ["7days", "a" * 129, "a b", "ticket:1"])
def test_malformed_task_id(functions: Functions, task_id: str) -> None:
    """A letter or underscore, then letters, digits, - and _; 128 characters."""
    assert _refused(functions, "fails", task_id=task_id) == (400, "InvalidArgument")


def test_event_over_128_kb_is_refused(functions: Functions) -> None:
    """400 EntityTooLarge; the limit itself passes, and a refusal uses up no id."""
    limit = 128 * 1024

    refused = _refused(functions, "exits", event=b"x" * (limit + 1), task_id="tkt_1")

    assert refused == (400, "EntityTooLarge")
    assert functions.submit("exits", b"x" * limit, task_id="tkt_1") == "tkt_1"


def test_fc2_submits_and_is_refused(functions: Functions) -> None:
    """FC 2.0's header names the task; its answer holds request id and task id."""
    headers = {"x-fc-invocation-type": "Async", "X-Fc-Stateful-Async-Invocation-Id": "tkt_1"}
    functions.cloud.choices.fc_task_ids_need_task_mode = False

    accepted = functions.fc2().invoke_function("legacy", "echo", b"x", headers=dict(headers))
    with pytest.raises(FcError) as caught:
        functions.fc2().invoke_function("legacy", "echo", b"x", headers=dict(headers))

    assert accepted.data == b""
    assert accepted.headers["X-Fc-Async-Task-Id"] == "tkt_1"
    assert accepted.headers["X-Fc-Request-Id"]
    assert (caught.value.status_code, caught.value.err_code) == (
        409, "StatefulAsyncInvocationAlreadyExists"
    )  # fmt: skip


def test_task_is_shown_with_its_states(functions: Functions) -> None:
    """GetAsyncTask: state, retries, the way it went; the return value only by choice."""
    functions.finished(functions.submit("fails", b"x", task_id="tkt_1"))
    client = functions.client()

    shown = client.get_async_task("fails", "tkt_1", models.GetAsyncTaskRequest()).body
    functions.cloud.choices.fc_task_return_payload = True
    fully = client.get_async_task("fails", "tkt_1", models.GetAsyncTaskRequest()).body

    assert (shown.status, shown.already_retried_times) == ("Failed", 1)
    assert shown.task_error_message == "refused x"
    assert [event.status for event in shown.events] == [
        "Enqueued", "Dequeued", "Running", "Retrying", "Dequeued", "Running", "Failed",
    ]  # fmt: skip
    assert shown.started_time <= shown.end_time
    assert shown.function_arn.endswith(":functions/fails")
    assert shown.return_payload is None
    assert json.loads(fully.return_payload)["errorType"] == "ValueError"


def test_tasks_are_listed_by_state_and_page(functions: Functions) -> None:
    """ListAsyncTasks filters by status and prefix and pages with a token."""
    for number in range(3):
        functions.finished(functions.submit("exits", task_id=f"tkt_{number}"))
    client = functions.client()

    first = client.list_async_tasks("exits", models.ListAsyncTasksRequest(limit=2)).body
    rest = client.list_async_tasks(
        "exits", models.ListAsyncTasksRequest(limit=2, next_token=first.next_token)
    ).body
    none = client.list_async_tasks("exits", models.ListAsyncTasksRequest(status="Running")).body

    assert [t.task_id for t in first.tasks + rest.tasks] == ["tkt_0", "tkt_1", "tkt_2"]
    assert rest.next_token is None
    assert none.tasks == []


def test_running_task_is_stopped(functions: Functions) -> None:
    """StopAsyncTask kills its instance; it is not tried again."""
    functions.submit("naps", b"30", task_id="tkt_1")
    assert functions.until(lambda: functions.task("tkt_1")["state"] == "Running")

    functions.client().stop_async_task("naps", "tkt_1", models.StopAsyncTaskRequest())

    task = functions.finished("tkt_1")
    assert (task["state"], task["attempts"]) == ("Stopped", 1)
    assert functions.last_call()["changed"] is True


def test_delayed_task_waits_for_the_clock(functions: Functions) -> None:
    """`x-fc-async-delay` counts in the emulator's time."""
    functions.submit("exits", task_id="tkt_1", common_headers={"x-fc-async-delay": "3000"})
    before = functions.task("tkt_1")["state"]

    functions.cloud.clock.advance(3000)
    functions.fc.time_jumped()

    assert before == "Enqueued"
    assert functions.finished("tkt_1")["state"] == "Failed"


@pytest.mark.parametrize("delay", ["0", "3600", "soon"])
def test_delay_out_of_range(functions: Functions, delay: str) -> None:
    """Between 0 and 3600 seconds, both excluded."""
    refused = _refused(functions, "exits", common_headers={"x-fc-async-delay": delay})

    assert refused == (400, "InvalidArgument")


def test_task_older_than_its_age_expires(functions: Functions) -> None:
    """What waits longer than maxAsyncEventAgeInSeconds is dropped unrun."""
    functions.submit("retried", task_id="tkt_1", common_headers={"x-fc-async-delay": "3500"})

    functions.cloud.clock.advance(3601)
    functions.fc.time_jumped()

    task = functions.finished("tkt_1")
    assert (task["state"], task["attempts"]) == ("Expired", 0)


def test_task_waits_for_a_free_instance(functions: Functions) -> None:
    """At the concurrency limit a task is put back, and the wait uses up no try."""
    functions.cloud.choices.fc_concurrent_requests = 0
    functions.submit("naps", b"0", task_id="tkt_1")
    assert functions.until(
        lambda: [e["status"] for e in functions.fc.tasks.find("naps", "tkt_1").events][-2:]
        == ["Running", "Enqueued"]
    )

    functions.cloud.choices.fc_concurrent_requests = 1
    functions.cloud.clock.advance(60)
    functions.fc.tasks.wake()

    task = functions.finished("tkt_1")
    assert (task["state"], task["attempts"]) == ("Succeeded", 1)


def test_reading_a_task_needs_its_own_permission(functions: Functions) -> None:
    """GetAsyncTask is asked on functions/<name>/async-tasks/<id>."""
    functions.finished(functions.submit("exits", task_id="tkt_1"))
    functions.cloud.choices.fc_task_ids_span_functions = False
    functions.submit("retried", b"/dev/null", task_id="tkt_1")
    client = functions.client(*functions.add_user("reader", READ_ONLY))

    shown = client.get_async_task("retried", "tkt_1", models.GetAsyncTaskRequest()).body
    with pytest.raises(Exception) as caught:  # noqa: PT011
        client.get_async_task("exits", "tkt_1", models.GetAsyncTaskRequest())

    err: Any = caught.value
    assert shown.task_id == "tkt_1"
    assert (err.status_code, err.code) == (403, "AccessDenied")


def test_reset_forgets_tasks_and_ids(functions: Functions) -> None:
    """After a reset nothing is left running, and every id is free."""
    functions.submit("naps", b"30", task_id="tkt_1")
    assert functions.until(lambda: functions.task("tkt_1")["state"] == "Running")

    functions.fc.reset()

    assert functions.fc.tasks_described() == []
    assert functions.submit("naps", b"0", task_id="tkt_1") == "tkt_1"


def test_invocation_type_that_does_not_exist(functions: Functions) -> None:
    """400 InvalidArgument."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        functions.invoke("echo", x_fc_invocation_type="Later")

    err: Any = caught.value
    assert (err.status_code, err.code) == (400, "InvalidArgument")
