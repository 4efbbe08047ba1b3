"""What can be done to rows afterwards, and that PullLogs still shows what was written."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.emulator.sls_scenario import PROJECT, STORE, client, code, get, put, raw, ready, refusal


@pytest.fixture
def sdk(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    return client(emulator, monkeypatch)


def interval() -> dict[str, int]:
    now = int(time.time())
    return {"from_time": now - 600, "to_time": now + 60}


def pulled(sdk: Any) -> list[str]:
    found = []
    for shard in (0, 1):
        cursor = sdk.get_begin_cursor(PROJECT, STORE, shard).get_cursor()
        rows = sdk.pull_logs(PROJECT, STORE, shard, cursor).get_flatten_logs_json()
        found += [row["user"] for row in rows]
    return sorted(found)


def test_append_only_by_default(sdk: Any) -> None:
    """Without enableModify neither change nor deletion is possible."""
    ready(sdk)
    put(sdk, {"user": "alice"})

    update = refusal(sdk.update_logs, project=PROJECT, logstore=STORE, query="*",
                     log_item={"user": "x"}, **interval())  # fmt: skip
    delete = refusal(sdk.delete_logs_v2, project=PROJECT, logstore=STORE, query="*", **interval())

    assert update == delete == (
        400, "ParameterInvalid", "logstore audit does not enable modify",
    )  # fmt: skip
    assert [row["user"] for row in get(sdk)] == ["alice"]


def test_modify_cannot_be_enabled_later(sdk: Any) -> None:
    """As the guide says of existing logstores."""
    ready(sdk)

    assert refusal(sdk.enable_logstore_modify, PROJECT, STORE)[:2] == (400, "ParameterInvalid")
    assert sdk.get_logstore(PROJECT, STORE).get_enable_modify() is False


def test_modify_enabled_later_by_choice(emulator: Any, sdk: Any) -> None:
    """As the SDK's method says, if that is chosen."""
    emulator.cloud.choices.sls_modification_can_be_enabled_later = True
    ready(sdk)

    sdk.enable_logstore_modify(PROJECT, STORE)

    assert sdk.get_logstore(PROJECT, STORE).get_enable_modify() is True
    answer = raw(emulator, "PUT", f"/logstores/{STORE}/modification", b'{"enabled":false}')
    assert code(answer) == (400, "ParameterInvalid")


def test_update_by_query(sdk: Any) -> None:
    """Queries see the change, PullLogs what was written."""
    ready(sdk, enable_modify=True)
    put(sdk, {"user": "alice", "n": 1}, {"user": "bob", "n": 2})

    answer = sdk.update_logs(project=PROJECT, logstore=STORE, query="user: alice",
                             log_item={"user": "mallory"}, **interval())  # fmt: skip

    assert answer.get_affected_rows() == 1
    assert [(row["user"], row["n"]) for row in get(sdk)] == [("mallory", "1"), ("bob", "2")]
    assert get(sdk, "user: alice") == []
    assert pulled(sdk) == ["alice", "bob"]


def test_update_of_a_whole_row(sdk: Any) -> None:
    """Mode full replaces all fields of the row that `__rowid__` names."""
    ready(sdk, enable_modify=True)
    put(sdk, {"user": "alice", "n": 1})
    row_id = get(sdk)[0]["__rowid__"]

    sdk.update_logs(project=PROJECT, logstore=STORE, rowid=row_id, update_mode="full",
                    data='{"user": "x"}')  # fmt: skip
    (row,) = get(sdk)

    assert (row["user"], row["__rowid__"], "n" in row) == ("x", row_id, False)


def test_delete_by_query_and_row(sdk: Any) -> None:
    """Deleted rows are gone from queries once; PullLogs still has them."""
    ready(sdk, enable_modify=True)
    put(sdk, {"user": "alice"}, {"user": "bob"})
    row_id = get(sdk, "user: bob")[0]["__rowid__"]

    first = sdk.delete_logs_v2(
        project=PROJECT, logstore=STORE, query="user: alice", **interval()
    )
    second = [sdk.delete_logs_v2(project=PROJECT, logstore=STORE, rowid=row_id).get_affected_rows()
              for _ in range(2)]  # fmt: skip

    assert first.get_affected_rows() == 1
    assert second == [1, 0]
    assert get(sdk) == []
    assert pulled(sdk) == ["alice", "bob"]


def test_change_refused(emulator: Any, sdk: Any) -> None:
    """No target, an analytic statement, a bad mode, data that is no object of strings."""
    ready(sdk, enable_modify=True)
    for body in (b"{}", b'{"query":"* | select 1","from":1,"to":2}', b'{"query":"*"}',
                 b'{"rowId":"x","updateMode":"y","data":"{}"}', b'{"rowId":"x","data":"5"}',
                 b'{"rowId":"x","data":"{"}', b'{"rowId":"x"}', b'{"rowId":5}'):  # fmt: skip
        answer = raw(emulator, "POST", f"/logstores/{STORE}/updatelogs", body)
        assert code(answer) == (400, "ParameterInvalid")


def test_soft_deletion(sdk: Any) -> None:
    """A deletion task hides rows of any logstore from queries, not from PullLogs."""
    from aliyun.log.deletelogsrequest import DeleteLogsRequest
    from aliyun.log.getdeletelogsstatusrequest import GetDeleteLogsStatusRequest
    from aliyun.log.listdeletelogsstasksrequest import ListDeleteLogsTasksRequest

    ready(sdk)
    put(sdk, {"user": "alice"}, {"user": "bob"})
    times = interval()

    answer = sdk.delete_logs(DeleteLogsRequest(
        PROJECT, STORE, times["from_time"], times["to_time"], query="user: bob"
    ))  # fmt: skip
    status = sdk.get_delete_logs_status(
        GetDeleteLogsStatusRequest(PROJECT, STORE, taskid=answer.taskid)
    )
    tasks = sdk.list_delete_logs_tasks(ListDeleteLogsTasksRequest(PROJECT, STORE))

    assert status.is_completed()
    assert len(tasks.get_task_list()) == 1
    assert [row["user"] for row in get(sdk)] == ["alice"]
    assert pulled(sdk) == ["alice", "bob"]
    assert refusal(
        sdk.get_delete_logs_status, GetDeleteLogsStatusRequest(PROJECT, STORE, taskid="x")
    )[:2] == (400, "ParameterInvalid")
