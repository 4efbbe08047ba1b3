"""Rights, history and faults of SLS."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from aliyun.log.logexception import LogException

from emulator import snapshot
from emulator.policy.evaluation import NamedPolicy
from emulator.policy.language import parse
from emulator.ram.state import AccessKey, User
from emulator.sts.state import new_session
from tests.emulator.sls_scenario import (
    ADMIN,
    PROJECT,
    SOURCE_IP,
    STORE,
    WAITS,
    client,
    get,
    put,
    ready,
    refusal,
)

ARN = f"acs:log:cn-hangzhou:1234567890123456:project/{PROJECT}"
KEY = ("LTAIwriter", "writerSecret")


@pytest.fixture
def sdk(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The administrator's client, with an indexed logstore."""
    found = client(emulator, monkeypatch)
    ready(found)
    return found


def allow(emulator: Any, *statements: dict[str, Any]) -> None:
    """A user `writer` whose rights are these statements."""
    from emulator.ram.state import Policy, PolicyVersion

    ram, now = emulator.cloud.ram, datetime.now(UTC)
    document = json.dumps({"Version": "1", "Statement": list(statements)})
    ram.policies[("Custom", "w")] = Policy("w", versions=[PolicyVersion("v1", document, now)])
    ram.users["writer"] = User("1", "writer", attached={("Custom", "w"): now})
    ram.keys[KEY[0]] = AccessKey(*KEY, "1", status_since=[(0.0, "Active")])


def statement(action: str, resource: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def test_writer_can_only_write(
    emulator: Any, sdk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The right to PostLogStoreLogs is the right to nothing else."""
    allow(emulator, statement("log:PostLogStoreLogs", f"{ARN}/logstore/{STORE}"))
    writer = client(emulator, monkeypatch, KEY)

    put(writer, {"event_id": "e1"})

    denied = f"resource: {ARN}/logstore/{STORE}"
    assert refusal(get, writer) == (
        401, "Unauthorized", f"denied by sts or ram, action: log:GetLogStoreLogs, {denied}",
    )  # fmt: skip
    assert refusal(writer.update_logstore, PROJECT, STORE, ttl=1)[0] == 401
    assert refusal(writer.delete_logstore, PROJECT, STORE)[2].endswith(denied)


@pytest.mark.parametrize(
    ("call", "action", "resource"),
    [
        (lambda s: s.get_cursor(PROJECT, STORE, 0, "end"), "GetCursorOrData", "/logstore/audit"),
        (lambda s: s.pull_logs(PROJECT, STORE, 0, "MA=="), "GetCursorOrData", "/logstore/audit"),
        (lambda s: s.list_shards(PROJECT, STORE), "ListShards", "/logstore/audit"),
        (lambda s: s.get_index_config(PROJECT, STORE), "GetIndex", "/logstore/audit"),
        (lambda s: s.delete_index(PROJECT, STORE), "DeleteIndex", "/logstore/audit"),
        (lambda s: s.create_logstore(PROJECT, "new-one"), "CreateLogStore", "/logstore/new-one"),
        (lambda s: s.list_logstore(PROJECT), "ListLogStores", "/logstore/*"),
        (lambda s: s.get_logstore(PROJECT, STORE), "GetLogStore", "/logstore/audit"),
        (lambda s: s.create_dashboard(PROJECT, {"dashboardName": "d"}), "CreateDashboard",
         "/dashboard/d"),
        (lambda s: s.get_dashboard(PROJECT, "d"), "GetDashboard", "/dashboard/d"),
        (lambda s: s.create_alert(PROJECT, {"name": "j"}), "CreateJob", "/job/j"),
        (lambda s: s.disable_alert(PROJECT, "j"), "UpdateJob", "/job/j"),
        (lambda s: s.create_savedsearch(PROJECT, {"savedsearchName": "x"}), "CreateSavedSearch",
         "/savedsearch/x"),
        (lambda s: s.delete_project(PROJECT), "DeleteProject", ""),
        (lambda s: s.tag_project(PROJECT, a="b"), "TagResources", ""),
        (lambda s: next(s.get_project_tags(PROJECT)), "ListTagResources", ""),
        (lambda s: s.enable_logstore_modify(PROJECT, STORE), "UpdateLogStore", "/logstore/audit"),
        (lambda s: s.delete_logs_v2(project=PROJECT, logstore=STORE, query="*"), "DeleteLogs",
         "/logstore/audit"),
    ],
)  # fmt: skip
def test_right_needed(
    emulator: Any, sdk: Any, monkeypatch: pytest.MonkeyPatch, call: Any, action: str, resource: str
) -> None:
    """Each operation asks for its own action on its own resource, before it looks at anything."""
    allow(emulator, statement("oss:*", "*"))

    assert refusal(call, client(emulator, monkeypatch, KEY)) == (
        401, "Unauthorized",
        f"denied by sts or ram, action: log:{action}, resource: {ARN}{resource}",
    )  # fmt: skip


def test_list_project_right(emulator: Any, sdk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """ListProject is about all projects."""
    allow(emulator, statement("oss:*", "*"))

    message = refusal(client(emulator, monkeypatch, KEY).list_project)[2]

    assert message.endswith("resource: acs:log:cn-hangzhou:1234567890123456:project/*")


def test_histogram_right(emulator: Any, sdk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """GetHistograms is not GetLogs."""
    from aliyun.log import GetHistogramsRequest

    allow(emulator, statement("log:GetLogStoreLogs", "*"))

    message = refusal(client(emulator, monkeypatch, KEY).get_histograms,
                      GetHistogramsRequest(PROJECT, STORE, 1, 2))[2]  # fmt: skip

    assert "log:GetLogStoreHistogram" in message


def test_source_ip_condition(emulator: Any, sdk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller's address is the proxy URL's user."""
    condition = {"IpAddress": {"acs:SourceIp": [SOURCE_IP]}}
    allow(emulator, statement("log:*", "*", Condition=condition))

    put(client(emulator, monkeypatch, KEY), {"event_id": "e"})

    elsewhere = client(emulator, monkeypatch, KEY, ip="203.0.113.9")
    assert refusal(put, elsewhere, {"event_id": "e"})[:2] == (401, "Unauthorized")


def test_session_policy(emulator: Any, sdk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session needs both its role's and its own policy to allow."""
    from emulator.ram.state import Role

    allow(emulator, statement("log:*", "*"))
    now = emulator.cloud.clock.now()
    emulator.cloud.ram.roles["issue"] = Role("9", "issue", "{}", attached={("Custom", "w"): now})
    document = json.dumps({"Version": "1", "Statement": [statement("log:PostLogStoreLogs", "*")]})
    session = new_session("issue", "9", "T-1", now.timestamp() + 900,
                          policies=(NamedPolicy("Session", tuple(parse(document))),))  # fmt: skip
    emulator.cloud.sessions[session.access_key_id] = session
    narrow = client(emulator, monkeypatch, (session.access_key_id, session.secret),
                    securityToken=session.token)  # fmt: skip

    put(narrow, {"event_id": "e"})

    assert refusal(get, narrow)[:2] == (401, "Unauthorized")
    principals = {call["principal"] for call in emulator.cloud.history.since()}
    assert "acs:ram::1234567890123456:assumed-role/issue/T-1" in principals


# -- history ----------------------------------------------------------------------------------


def test_history_tells_calls_but_no_rows(emulator: Any, sdk: Any) -> None:
    """Action, parameters, decision and request id are kept; what was written is not."""
    put(sdk, {"event_id": "e-secret-content"})
    get(sdk, "user: alice")

    write, read = emulator.cloud.history.since()[-2:]

    assert (write["product"], write["action"], write["writes"]) == ("sls", "PutLogs", True)
    assert (write["changed"], write["status"]) == (True, 200)
    assert write["parameters"] == {"project": PROJECT, "logstore": STORE}
    assert write["decisions"][0]["action"] == "log:PostLogStoreLogs"
    assert write["decisions"][0]["policy"] == "System:AdministratorAccess"
    assert (write["access_key_id"], write["source_ip"]) == (ADMIN[0], SOURCE_IP)
    assert (read["action"], read["changed"]) == ("GetLogs", False)
    assert read["parameters"]["query"] == "user: alice"
    assert "e-secret-content" not in json.dumps(emulator.cloud.history.since())


def test_request_id_joins_history_and_row(emulator: Any, sdk: Any) -> None:
    """The row of the snapshot names the request that wrote it."""
    put(sdk, {"event_id": "e1"})

    state = snapshot.take(emulator.cloud)["sls"]["projects"][PROJECT]["logstores"][STORE]

    (row,) = state["rows"]
    assert row["request_id"] == emulator.cloud.history.since()[-1]["request_id"]
    assert row["contents"] == {"event_id": "e1"}
    json.dumps(snapshot.take(emulator.cloud))


def test_refusal_is_in_the_history(emulator: Any, sdk: Any) -> None:
    """A refused write has its code and changed nothing."""
    refusal(put, sdk, {"bad key": "v"})

    entry = emulator.cloud.history.since()[-1]

    assert (entry["status"], entry["code"], entry["changed"]) == (400, "InvalidKey", False)


def test_use_of_a_key_is_noted(emulator: Any, sdk: Any) -> None:
    """SLS calls count as use of the AccessKey."""
    assert emulator.cloud.ram.keys[ADMIN[0]].last_used_service == "Sls"


# -- faults -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"kind": "throttle"}, (403, "WriteQuotaExceed")),
        ({"kind": "error", "status": 403, "code": "ShardWriteQuotaExceed"},
         (403, "ShardWriteQuotaExceed")),
    ],
)  # fmt: skip
def test_quota_faults_are_not_retried(
    emulator: Any, sdk: Any, rule: Any, expected: tuple[int, str]
) -> None:
    """An injected quota error reaches the caller at once, and nothing is stored."""
    emulator.cloud.faults.add({"product": "sls", "action": "PutLogs", **rule})

    assert refusal(put, sdk, {"event_id": "e"})[:2] == expected
    assert get(sdk) == []


def test_server_error_is_retried_by_the_sdk(emulator: Any, sdk: Any) -> None:
    """A 500 is InternalServerError; the SDK sends again by itself and succeeds."""
    emulator.cloud.faults.add({"product": "sls", "action": "PutLogs", "kind": "error"})
    WAITS.clear()

    put(sdk, {"event_id": "e"})

    failed, succeeded = emulator.cloud.history.since()[-2:]
    assert (failed["status"], failed["code"]) == (500, "InternalServerError")
    assert (failed["changed"], succeeded["changed"]) == (False, True)
    assert WAITS == [1]
    assert len(get(sdk)) == 1


def test_lost_answer_doubles_the_row(emulator: Any, sdk: Any) -> None:
    """A write whose answer was dropped is stored; the SDK sends it again by itself."""
    emulator.cloud.faults.add({"product": "sls", "action": "PutLogs", "kind": "drop"})

    put(sdk, {"event_id": "e"})

    assert len(get(sdk, "event_id: e")) == 2


def test_answers_lost_for_good(emulator: Any, sdk: Any) -> None:
    """The caller sees a network error although every one of its ten tries was stored."""
    rule = {"product": "sls", "action": "PutLogs", "kind": "drop", "times": 0}
    emulator.cloud.faults.add(rule)

    with pytest.raises(LogException) as caught:
        put(sdk, {"event_id": "e"})

    assert caught.value.get_error_code() == "LogRequestError"
    assert len(get(sdk, "event_id: e")) == 10
