"""Feishu: from the signed event of an approval to the key, and from every bad one to a refusal."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from demo import actors, dingtalk, feishu
from shared import missed_records
from tests.e2e.conftest import Scene, pass_time, until
from tests.e2e.records import fetched, forget_others, handed_over, issued, look, tasks
from tests.e2e.test_revoke import remains

TAKEN: tuple[int, Any] = (200, {})
Told = tuple[int, Any]


@pytest.fixture
def record(scene: Scene) -> str:
    """An instance code, as Feishu writes them."""
    return f"81D31358-93AF-92D6-7425-{scene.application.upper()}"


def fields(scene: Scene, **changes: str) -> dict[str, str]:
    """The same form as DingTalk's; a checkbox is a list there."""
    return dingtalk.form(scene.application) | {"necessity_confirmed": "是"} | changes


def approve(scene: Scene, record: str, filled: dict[str, str], **changes: Any) -> None:
    """Feishu's own record of it."""
    scene.stage.manage("POST", "/vendors/feishu",
                       {"records": {record: feishu.instance(filled, **changes)}})  # fmt: skip


def tell(scene: Scene, event: dict[str, Any], **signing: Any) -> Told:
    return sent(scene, *feishu.request(event, **signing))


def sent(scene: Scene, headers: dict[str, str], body: bytes) -> Told:
    status, answer = actors.deliver(scene.stage, body, headers, "feishu")
    scene.replies.append(json.dumps(answer))
    return status, answer if status == 200 else answer["reason"]


@pytest.mark.parametrize("envelope", [lambda event: event, feishu.in_v2], ids=["v1", "v2"])
def test_approval_leads_to_a_key_and_its_withdrawal_ends_it(
    scene: Scene, record: str, envelope: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    """Told twice, it is fetched once; an approved instance that is withdrawn has a time of an
    integer."""
    approve(scene, record, fields(scene))

    told = [tell(scene, envelope(feishu.changed(record))) for _ in range(2)]

    assert [TAKEN] * 2 == told
    assert "handed over" == fetched(scene)["status"]
    assert ("issued", f"akw-{scene.application}-prod") == (
        issued(scene)["status"], issued(scene)["ram_user"])
    assert 1 == len(tasks(scene))
    (row,) = scene.audit("event_type: record.fetched")
    assert ("feishu", "carol@example.com,dave@example.com") == (
        row["ticket_system"], row["approver_id"])

    approve(scene, record, fields(scene), status="APPROVED", reverted=True)
    reverted = feishu.changed(record, "REVERTED", operate_time=int(time.time() * 1000))
    assert TAKEN == tell(scene, envelope(reverted))
    until(lambda: not remains(scene))


def test_instance_that_takes_another_back_ends_its_grant(scene: Scene, record: str) -> None:
    """Where a withdrawal has to be approved: it carries form and votes of the first one."""
    approve(scene, record, fields(scene))
    tell(scene, feishu.changed(record))
    assert "issued" == issued(scene)["status"]

    approve(scene, f"{record}-R", fields(scene), reverted_instance_code=record)
    tell(scene, feishu.changed(f"{record}-R"))

    until(lambda: not remains(scene))
    assert 1 == len([c for c in scene.history() if c["action"] == "CreateAccessKey"])


def test_withdrawal_ahead_of_its_record_is_asked_again(scene: Scene, record: str) -> None:
    """Whatever came before it: else the record would be read as an approval still."""
    approve(scene, record, fields(scene))
    tell(scene, feishu.changed(record, "REVERTED"))
    until(lambda: [t for t in tasks(scene) if t["state"] == "Retrying"])

    approve(scene, record, fields(scene), status="REVERTED", reverted=True)

    assert ("handed over", "revoke") == (fetched(scene)["status"], fetched(scene)["action"])
    assert [] == remains(scene)


def test_withdrawal_of_which_no_event_came_is_found_within_a_day(
    scene: Scene, record: str, travels: contextlib.ExitStack
) -> None:
    """The record keeps its id, which the log knows: those with a grant are read again in turn."""
    approve(scene, record, fields(scene))
    tell(scene, feishu.changed(record))
    assert "issued" == issued(scene)["status"]
    forget_others(scene)
    approve(scene, record, fields(scene), status="APPROVED", reverted=True)

    midnight = scene.stage.now().replace(hour=0, minute=0, second=0, microsecond=0)
    turn = midnight + missed_records.turn_of(record) * missed_records.EVERY
    turn += timedelta(days=1 if turn < scene.stage.now() else 0, minutes=1)
    pass_time(scene, travels, int((turn - scene.stage.now()).total_seconds()))
    counts = look(scene)

    assert 1 == counts["withdrawn"]
    until(lambda: not remains(scene))


def test_check_of_the_address_is_answered(scene: Scene) -> None:
    """Encrypted, without a signature, and by the token; another token is refused."""
    check = {"challenge": "ajls384k", "token": feishu.TOKEN, "type": "url_verification"}

    _, body = feishu.request(check)
    _, forged = feishu.request(check | {"token": "guessed"})

    assert (200, {"challenge": "ajls384k"}) == sent(scene, {}, body)
    assert (401, "invalid_signature") == sent(scene, {}, forged)
    assert [] == scene.changes()


@pytest.mark.parametrize("change", [
    {"status": "PENDING"}, {"status": "REJECTED"}, {"status": "CANCELED"}, {"status": "DELETED"},
    {"approval_code": "OTHER"}, {"type": "approval_task"},
])  # fmt: skip
def test_other_events_are_taken_and_lead_to_nothing(
    scene: Scene, record: str, change: dict[str, Any]
) -> None:
    approve(scene, record, fields(scene))

    assert TAKEN == tell(scene, feishu.changed(record, **change))
    assert [] == scene.changes()


def _without(header: str) -> Callable[[Scene, dict[str, Any]], Told]:
    def send(scene: Scene, event: dict[str, Any]) -> Told:
        headers, body = feishu.request(event)
        return sent(scene, {k: v for k, v in headers.items() if k != header}, body)

    return send


def _reserialised(scene: Scene, event: dict[str, Any]) -> Told:
    headers, body = feishu.request(event)
    return sent(scene, headers, json.dumps(json.loads(body), indent=1).encode())


def _plain(scene: Scene, event: dict[str, Any]) -> Told:
    headers, _ = feishu.request(event)
    return sent(scene, headers, json.dumps(event).encode())


@pytest.mark.parametrize(("send", "reason"), [
    (lambda s, e: tell(s, e, at=time.time() - 3700), "delivery_too_old"),
    (lambda s, e: tell(s, e, at=time.time() + 3700), "delivery_from_the_future"),
    (lambda s, e: tell(s, e, encrypt_key="guessed"), "invalid_signature"),
    (_without("X-Lark-Signature"), "invalid_signature"),
    (_without("X-Lark-Request-Timestamp"), "invalid_signature"),
    (_without("X-Lark-Request-Nonce"), "invalid_signature"),
    (_reserialised, "invalid_signature"), (_plain, "missing_field"),
    (lambda s, e: tell(s, e | {"token": "guessed"}), "invalid_signature"),
    (lambda s, e: tell(s, {k: v for k, v in e.items() if k != "token"}), "invalid_signature"),
    (lambda s, e: tell(s, feishu.in_v2(e | {"token": "guessed"})), "invalid_signature"),
    (lambda s, e: tell(s, e | {"event": e["event"] | {"tenant_key": "other"}}), "other_tenant"),
    (lambda s, e: tell(s, e | {"event": "x"}), "wrong_type"),
    (lambda s, e: tell(s, e | {"event": e["event"] | {"instance_code": "a' or"}}),
     "invalid_value"),
    (lambda s, e: sent(s, feishu.request(e)[0], b"\xff"), "not_json"),
    (lambda s, e: tell(s, e | {"token": "\ud800"}), "invalid_signature"),
    (lambda s, e: tell(s, e | {"more": "x" * 100_000}), "body_too_large"),
])  # fmt: skip
def test_bad_request_is_refused_and_leads_to_nothing(
    scene: Scene, record: str, send: Callable[[Scene, dict[str, Any]], Told], reason: str
) -> None:
    approve(scene, record, fields(scene))

    status, said = send(scene, feishu.changed(record))

    assert (reason, True) == (said, 400 <= status < 500)
    assert [] == scene.changes()


def _automatic(record: dict[str, Any]) -> None:
    for one in record["timeline"][1:]:
        one |= {"type": "AUTO_PASS", "user_id": "", "open_id": ""}


def _repeated(record: dict[str, Any]) -> None:
    for one in record["timeline"][1:]:
        one["type"] = "REMOVE_REPEAT"


def _own(record: dict[str, Any]) -> None:
    for one in record["timeline"][1:]:
        one |= {"user_id": "ualice", "open_id": "ou_alice"}


def _of_two_people(record: dict[str, Any]) -> None:
    record["timeline"][1]["open_id"] = "udave"


def _vetoed(record: dict[str, Any]) -> None:
    record["timeline"].append({**record["timeline"][1], "type": "REJECT", "user_id": "uerin"})


def _stale(record: dict[str, Any]) -> None:
    for one in record["timeline"]:
        one["create_time"] = "1700000000000"


def _sent_back(record: dict[str, Any]) -> None:
    start, carol, dave = record["timeline"]
    back = {"type": "ROLLBACK", "user_id": "uerin", "create_time": carol["create_time"]}
    record["timeline"] = [start, carol, back, dave]


@pytest.mark.parametrize(("spoil", "reason"), [
    (_automatic, "approvals_missing"), (_repeated, "approvals_missing"),
    (_own, "approver_is_requester"), (_of_two_people, "approvals_missing"),
    (_vetoed, "approval_rejected"), (_stale, "approval_too_old"),
    (_sent_back, "approvals_missing"),
])  # fmt: skip
def test_approved_is_decided_here(
    scene: Scene, record: str, spoil: Callable[[dict[str, Any]], None], reason: str
) -> None:
    content = feishu.instance(fields(scene))
    spoil(content)
    scene.stage.manage("POST", "/vendors/feishu", {"records": {record: content}})

    tell(scene, feishu.changed(record))

    assert ("refused", reason) == (issued(scene)["status"], issued(scene)["reason"])
    assert [] == remains(scene)


@pytest.mark.parametrize(("change", "reason"), [
    ({"user_id": "ustranger", "open_id": ""}, "requester_unknown"),
    ({"form": "no json"}, "record_unreadable"),
    ({"approval_code": "OTHER"}, "record_not_found"),
    ({"timeline": [{"type": "PASS", "user_id": "ucarol", "create_time": "soon"}]},
     "record_unreadable"),
    ({"form": json.dumps([{"id": "w", "name": "应用", "type": "fieldList", "value": [[]]}])},
     "record_unreadable"),
    ({"modified_instance_code": "81D31358-0000"}, "record_changes_another"),
])  # fmt: skip
def test_unusable_record_is_refused_with_a_row(
    scene: Scene, record: str, change: dict[str, Any], reason: str
) -> None:
    approve(scene, record, fields(scene), **change)

    tell(scene, feishu.changed(record))

    assert ("refused", reason) == (fetched(scene)["status"], fetched(scene)["reason"])
    rows = actors.audit_rows(scene.stage, f'ticket_id: "{record}"')
    assert [("ticket.rejected", True)] == [
        (row["event_type"], reason in row["reason"]) for row in rows]
    assert [] == handed_over(scene)


def test_unknown_record_is_refused(scene: Scene, record: str) -> None:
    """Feishu's code for it comes with a 400."""
    tell(scene, feishu.changed(record))

    assert "record_not_found" == fetched(scene)["reason"]


@pytest.mark.parametrize("fault", [
    {"kind": "error", "status": 500, "code": "1395001", "message": "x"}, {"kind": "drop"},
    {"kind": "throttle"}, {"kind": "kill-after"},
])  # fmt: skip
@pytest.mark.parametrize("action", ["GetTenantAccessToken", "GetInstance"])
def test_vendor_that_fails_costs_nothing_but_time(
    scene: Scene, record: str, fault: dict[str, Any], action: str
) -> None:
    approve(scene, record, fields(scene))
    scene.stage.manage("POST", "/faults", {"product": "feishu", "action": action, **fault})

    tell(scene, feishu.changed(record))

    assert "issued" == issued(scene)["status"]


def test_event_that_never_came_is_found_by_the_timer(scene: Scene, record: str) -> None:
    """Once; one that is not decided yet is looked at again."""
    forget_others(scene)
    begun = int((time.time() - 2 * 86_400) * 1000)
    approve(scene, record, fields(scene), start_time=begun)
    approve(scene, f"{record}-W", fields(scene), start_time=begun, status="PENDING")

    first, second = look(scene), look(scene)

    assert ("issued", 1, 1) == (issued(scene)["status"], first["accepted"], first["pending"])
    assert (None, 1) == (second.get("accepted"), second["pending"])
