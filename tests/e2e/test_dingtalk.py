"""DingTalk: from the signed event of an approval to the key, and from every bad one to a refusal.

Events and records come from `demo/dingtalk.py`, the records over the vendor's API in the local
cloud: the function fetches them with its own credentials.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo import actors, dingtalk
from tests.e2e.conftest import Scene, pass_time, until
from tests.e2e.records import fetched, forget_others, handed_over, issued, look, tasks
from tests.e2e.test_revoke import remains

ANSWERED = (200, "success")


def fields(scene: Scene, **changes: str) -> dict[str, str]:
    """A form as somebody filled it in."""
    return dingtalk.form(scene.application) | changes


def approve(scene: Scene, record: str, form: dict[str, str], **changes: Any) -> None:
    """DingTalk's own record of it."""
    scene.stage.manage("POST", "/vendors/dingtalk",
                       {"records": {record: dingtalk.instance(form, **changes)}})  # fmt: skip


def tell(scene: Scene, event: dict[str, Any], **signing: Any) -> tuple[int, Any]:
    """POST it as DingTalk does; the status, and what DingTalk reads in the answer."""
    return sent(scene, *dingtalk.request(event, **signing))


def sent(scene: Scene, query: str, body: bytes) -> tuple[int, Any]:
    status, answer = actors.deliver(
        scene.stage, body, {"Content-Type": "application/json"}, f"dingtalk?{query}")
    scene.replies.append(json.dumps(answer))
    return status, dingtalk.understood(answer) if status == 200 else answer["reason"]


@pytest.fixture
def record(scene: Scene) -> str:
    return f"proc-{scene.application}"


def test_approval_leads_to_a_key_and_its_withdrawal_ends_it(scene: Scene, record: str) -> None:
    """Told twice, it is fetched once; the trail names who approved, and the record's hash."""
    approve(scene, record, fields(scene))

    told = [tell(scene, dingtalk.finished(record)) for _ in range(2)]

    assert [ANSWERED] * 2 == told
    assert "handed over" == fetched(scene)["status"]
    made = issued(scene)
    assert ("issued", f"akw-{scene.application}-prod") == (made["status"], made["ram_user"])
    assert 1 == len(tasks(scene))
    (row,) = scene.audit("event_type: record.fetched")
    assert ("dingtalk", record, "alice@example.com", "carol@example.com,dave@example.com") == (
        row["ticket_system"], row["ticket_id"], row["requester_id"], row["approver_id"])
    assert row["message"].startswith("sha256:")
    reader = actors.assume(scene.stage, actors.READER)
    key = actors.read_key(scene.stage, reader, made["secret_name"])
    assert f"user/akw-{scene.application}-prod" in actors.identity(
        scene.stage, key, "198.51.100.7")

    approve(scene, f"{record}-back", {}, bizAction="REVOKE", mainProcessInstanceId=record)
    back = dingtalk.finished(f"{record}-back")
    back["corpId"] = back.pop("CorpId")  # seen in captures
    assert ANSWERED == tell(scene, back)
    until(lambda: not remains(scene))


def test_withdrawal_that_comes_first_is_not_overtaken(scene: Scene, record: str) -> None:
    """Events come in any order. What both instances hold besides does not matter to it."""
    approve(scene, record, fields(scene))
    approve(scene, f"{record}-back", {}, bizAction="REVOKE", mainProcessInstanceId=record,
            title="the key was LTAI5tAbCdEfGhIjKlMnOpQr", formComponentValues=None)  # fmt: skip
    tell(scene, dingtalk.finished(f"{record}-back"))
    until(lambda: [t for t in handed_over(scene) if t["state"] == "Succeeded"])

    tell(scene, dingtalk.finished(record))

    refused = until(lambda: [t for t in handed_over(scene) if t["function"] == "akw-issue"
                             and t["state"] == "Succeeded"])[0]  # fmt: skip
    assert "ticket_consumed" == json.loads(refused["return_payload"])["reason"]
    assert [] == remains(scene)


@pytest.mark.parametrize("first", ["-", "_"])
def test_id_that_begins_with_a_sign_is_one(scene: Scene, record: str, first: str) -> None:
    """DingTalk's are base64 for URLs."""
    approve(scene, f"{first}{record}", fields(scene))

    tell(scene, dingtalk.finished(f"{first}{record}"))
    assert "issued" == issued(scene)["status"]

    approve(scene, f"{first}{record}-b", {}, bizAction="REVOKE",
            mainProcessInstanceId=f"{first}{record}")  # fmt: skip
    tell(scene, dingtalk.finished(f"{first}{record}-b"))
    until(lambda: not remains(scene))


def test_check_of_the_address_is_answered(scene: Scene) -> None:
    """And leads to nothing."""
    assert ANSWERED == tell(scene, {"EventType": "check_url"})
    assert [] == scene.changes()


@pytest.mark.parametrize("change", [
    {"type": "start", "result": None}, {"result": "refuse"}, {"type": "terminate"},
    {"processCode": "PROC-LEAVE"}, {"EventType": "bpms_task_change"}, {"EventType": "user_add_org"},
])  # fmt: skip
def test_other_events_are_taken_and_lead_to_nothing(
    scene: Scene, record: str, change: dict[str, Any]
) -> None:
    """DingTalk would tell of them again and again."""
    approve(scene, record, fields(scene))

    assert ANSWERED == tell(scene, dingtalk.finished(record, **change))
    assert [] == scene.changes()


def _old(scene: Scene, event: dict[str, Any]) -> tuple[int, Any]:
    return tell(scene, event, at=time.time() - 3700)


def _early(scene: Scene, event: dict[str, Any]) -> tuple[int, Any]:
    return tell(scene, event, at=time.time() + 3700)


def _other_body(scene: Scene, event: dict[str, Any]) -> tuple[int, Any]:
    query, _ = dingtalk.request(event)
    return sent(scene, query, dingtalk.request(event)[1])


def _unsigned(scene: Scene, event: dict[str, Any]) -> tuple[int, Any]:
    return sent(scene, "", dingtalk.request(event)[1])


def _plain(scene: Scene, event: dict[str, Any]) -> tuple[int, Any]:
    return sent(scene, dingtalk.request(event)[0], json.dumps(event).encode())


def _odd(scene: Scene, event: dict[str, Any]) -> tuple[int, Any]:
    query, body = dingtalk.request(event)
    return sent(scene, query.replace("signature=", "signature=%C3%A4"), body)


def _large(scene: Scene, event: dict[str, Any]) -> tuple[int, Any]:
    return tell(scene, event | {"more": "x" * 100_000})


@pytest.mark.parametrize(("send", "reason"), [
    (_old, "delivery_too_old"), (_early, "delivery_from_the_future"),
    (_other_body, "invalid_signature"), (_unsigned, "invalid_signature"),
    (_odd, "invalid_signature"), (_plain, "missing_field"), (_large, "body_too_large"),
    (lambda s, e: tell(s, e, token="guessed"), "invalid_signature"),
    (lambda s, e: tell(s, e, aes_key="A" * 43), "invalid_signature"),
    (lambda s, e: tell(s, e, app_key="dingother"), "other_tenant"),
    (lambda s, e: tell(s, e | {"CorpId": "dingother"}), "other_tenant"),
    (lambda s, e: tell(s, e | {"corpId": "dingother"}), "other_tenant"),
    (lambda s, e: tell(s, e | {"processInstanceId": "x' or '1'='1"}), "invalid_value"),
    (lambda s, e: sent(s, dingtalk.request(e)[0], b"\xff\xfe"), "not_json"),
    (lambda s, e: sent(s, dingtalk.request(e)[0], b"[" * 50_000), "not_json"),
])  # fmt: skip
def test_bad_request_is_refused_and_leads_to_nothing(
    scene: Scene, record: str, send: Callable[[Scene, dict[str, Any]], tuple[int, Any]],
    reason: str,
) -> None:  # fmt: skip
    approve(scene, record, fields(scene))

    status, said = send(scene, dingtalk.finished(record))

    assert (reason, True) == (said, 400 <= status < 500)
    assert [] == scene.changes()


def _automatic(record: dict[str, Any]) -> None:
    for one in record["operationRecords"][1:]:
        del one["userId"]


def _by_agents(record: dict[str, Any]) -> None:
    for one in record["operationRecords"][1:]:
        one["type"] = "EXECUTE_TASK_AGENT"


def _own(record: dict[str, Any]) -> None:
    for one in record["operationRecords"][1:]:
        one["userId"] = dingtalk.PEOPLE["alice"]


def _twice_the_same(record: dict[str, Any]) -> None:
    for one in record["operationRecords"][1:]:
        one["userId"] = dingtalk.PEOPLE["carol"]


def _stranger(record: dict[str, Any]) -> None:
    record["operationRecords"][1]["userId"] = "stranger"


def _vetoed(record: dict[str, Any]) -> None:
    record["operationRecords"].append(
        {**record["operationRecords"][1], "userId": dingtalk.PEOPLE["erin"], "result": "REFUSE"})


def _sent_back(record: dict[str, Any]) -> None:
    start, carol, dave = record["operationRecords"]
    back = {**carol, "type": "REDIRECT_PROCESS", "result": "NONE"}
    record["operationRecords"] = [start, carol, back, dave]


def _stale(record: dict[str, Any]) -> None:
    record["operationRecords"][0]["date"] = "2026-01-01T00:00Z"
    for one in record["operationRecords"][1:]:
        one["date"] = "2026-01-01T00:00Z"


@pytest.mark.parametrize(("spoil", "reason"), [
    (_automatic, "approvals_missing"), (_by_agents, "approvals_missing"),
    (_own, "approver_is_requester"), (_twice_the_same, "approvals_missing"),
    (_stranger, "approvals_missing"), (_vetoed, "approval_rejected"),
    (_stale, "approval_too_old"), (_sent_back, "approvals_missing"),
])  # fmt: skip
def test_agreed_is_not_approved(
    scene: Scene, record: str, spoil: Callable[[dict[str, Any]], None], reason: str
) -> None:
    """DingTalk says `agree`; who did, and whether they count, is decided here."""
    content = dingtalk.instance(fields(scene))
    spoil(content)
    scene.stage.manage("POST", "/vendors/dingtalk", {"records": {record: content}})

    tell(scene, dingtalk.finished(record))

    assert ("refused", reason) == (issued(scene)["status"], issued(scene)["reason"])
    assert [] == remains(scene)


@pytest.mark.parametrize(("change", "reason"), [
    ({"originatorUserId": "stranger"}, "requester_unknown"),
    ({"formComponentValues": None}, "record_unreadable"),
    ({"operationRecords": [{"type": "EXECUTE_TASK_NORMAL", "result": "AGREE", "userId": "carol01",
                            "date": "yesterday"}]}, "record_unreadable"),
    ({"processCode": "PROC-LEAVE"}, "record_not_found"),
    ({"bizAction": "MODIFY"}, "record_changes_another"),
    ({"title": "my key is LTAI5tAbCdEfGhIjKlMnOpQr"}, "contains_access_key"),
])  # fmt: skip
def test_unusable_record_is_refused_with_a_row(
    scene: Scene, record: str, change: dict[str, Any], reason: str
) -> None:
    approve(scene, record, fields(scene), **change)

    tell(scene, dingtalk.finished(record))

    assert ("refused", reason) == (fetched(scene)["status"], fetched(scene)["reason"])
    rows = actors.audit_rows(scene.stage, f'ticket_id: "{record}"')
    assert [("ticket.rejected", True)] == [
        (row["event_type"], reason in row["reason"]) for row in rows]
    assert [] == handed_over(scene)


@pytest.mark.parametrize(("change", "where"), [
    ({"有效期": "soon"}, "ttl"), ({"有效期": ""}, "ttl"), ({"template": ""}, "template"),
    ({"应用": "../etc"}, "application"), ({"来源IP": "everywhere"}, "network.source_ips[0]"),
])  # fmt: skip
def test_form_that_was_filled_in_badly_is_refused_with_its_field(
    scene: Scene, record: str, change: dict[str, str], where: str
) -> None:
    approve(scene, record, fields(scene, **change))

    tell(scene, dingtalk.finished(record))

    assert "refused" == fetched(scene)["status"]
    (row,) = actors.audit_rows(scene.stage, f'ticket_id: "{record}"')
    assert row["reason"].endswith(f" at {where}")


def test_record_that_was_turned_down_meanwhile_is_left(scene: Scene, record: str) -> None:
    """The event said `agree`, the record does not: the record counts."""
    approve(scene, record, fields(scene), result="refuse")

    tell(scene, dingtalk.finished(record))

    assert "ignored" == fetched(scene)["status"]
    assert [] == handed_over(scene)


def test_record_behind_its_event_is_asked_again(scene: Scene, record: str) -> None:
    """DingTalk's own API may show the decision a moment later."""
    approve(scene, record, fields(scene), status="RUNNING", result=None)
    tell(scene, dingtalk.finished(record))
    until(lambda: [t for t in tasks(scene) if t["state"] == "Retrying"])

    approve(scene, record, fields(scene))

    assert "handed over" == fetched(scene)["status"]
    assert "issued" == issued(scene)["status"]


@pytest.mark.parametrize("fault", [
    {"kind": "error", "status": 503, "code": "ServiceUnavailable", "message": "x"},
    {"kind": "drop"}, {"kind": "kill-before"}, {"kind": "kill-after"},
    {"kind": "throttle"},
])  # fmt: skip
@pytest.mark.parametrize("action", ["GetAccessToken", "GetProcessInstance"])
def test_vendor_that_fails_costs_nothing_but_time(
    scene: Scene, record: str, fault: dict[str, Any], action: str
) -> None:
    approve(scene, record, fields(scene))
    scene.stage.manage("POST", "/faults", {"product": "dingtalk", "action": action, **fault})

    tell(scene, dingtalk.finished(record))

    assert "issued" == issued(scene)["status"]
    assert 1 == len([c for c in scene.history() if c["action"] == "CreateAccessKey"])


def test_event_that_never_came_is_found_by_the_timer(scene: Scene, record: str) -> None:
    """Once: what the log knows is not fetched again; what was turned down is told and left."""
    forget_others(scene)
    begun = dingtalk.minute(datetime.now(UTC) - timedelta(days=2))
    approve(scene, record, fields(scene), createTime=begun)
    approve(scene, f"{record}-no", fields(scene), createTime=begun, result="refuse")

    first, second = look(scene), look(scene)

    assert ("issued", 1) == (issued(scene)["status"], first["accepted"])
    assert (1, None, None) == (first["ignored"], second.get("accepted"), second.get("ignored"))


def test_what_was_lost_with_its_task_is_handed_over_again(
    scene: Scene, record: str, travels: contextlib.ExitStack
) -> None:
    """The issuing function was stopped for longer than FC keeps a task."""
    begun = dingtalk.minute(datetime.now(UTC) - timedelta(hours=1))
    approve(scene, record, fields(scene), createTime=begun)
    scene.stage.manage("POST", "/faults", {
        "product": "sls", "action": "*", "function": "akw-issue", "kind": "error", "times": 0,
        "status": 403, "code": "Unauthorized", "message": "x"})  # fmt: skip
    assert 1 == look(scene)["accepted"]
    until(lambda: [task for task in handed_over(scene) if task["state"] == "Failed"])
    scene.stage.manage("DELETE", "/faults")
    assert {} == look(scene)

    pass_time(scene, travels, 27 * 3600)

    assert 1 == look(scene)["accepted"]
    until(lambda: [task for task in handed_over(scene) if task["state"] == "Succeeded"])
    assert "approval_too_old" == issued(scene)["reason"]
