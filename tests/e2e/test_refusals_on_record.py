"""A signed request that is refused leaves one audit row without its body; an unsigned one none."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from demo import actors, dingtalk, dingtalk_robot, feishu, feishu_chat, github, jira, slack
from demo.stage import Stage
from tests.e2e.chat import fill, say, window
from tests.e2e.conftest import Scene, refurnish, until

MARKER = "zq7untrustedmarker"
PASTED = "LTAI5tAbCdEfGhIjKlMnOpQr"
Told = tuple[int, Any]
Send = Callable[[Scene, bool], Told]  # refused for what it says if it is signed, else unsigned
WEBHOOK, CHAT = ("akw-fetch", "webhook"), ("akw-command", "chat")


@pytest.fixture(scope="module", autouse=True)
def this_hour(stage: Stage) -> None:
    """Other tests' refusals of this hour would be the rows of this module's, too."""
    refurnish(stage)


def _webhook(scene: Scene, signed: bool) -> Told:
    body = scene.body(ttl_seconds="3600", purpose=MARKER)
    status, answer = scene.send(
        body if signed else body + b" ", actors.signed_headers(scene.secret, body))
    return status, answer["reason"]


def _stale_webhook(scene: Scene, signed: bool) -> Told:
    """Another reason for the same answer: the library says that it is too old in both cases."""
    body = scene.body(purpose=MARKER)
    headers = actors.signed_headers(scene.secret, body, at=int(time.time()) - 400)
    status, answer = scene.send(body if signed else body + b" ", headers)
    return status, answer["reason"]


def _told(answered: tuple[int, dict[str, Any]]) -> Told:
    return answered[0], answered[1]["reason"]


def _dingtalk(scene: Scene, signed: bool) -> Told:
    event = dingtalk.finished("proc-1", CorpId="dingother", title=MARKER)
    query, body = dingtalk.request(event, **({} if signed else {"token": "guessed"}))
    return _told(actors.deliver(scene.stage, body, {}, f"dingtalk?{query}"))


def _feishu(scene: Scene, signed: bool) -> Told:
    event = feishu.changed("A-1", comment=MARKER)
    event["event"]["tenant_key"] = "other"
    headers, body = feishu.request(event)
    return _told(actors.deliver(scene.stage, body if signed else body + b" ", headers, "feishu"))


def _jira(scene: Scene, signed: bool) -> Told:
    event = jira.moved("AKW-1", comment=f"{MARKER} {PASTED}")
    headers, body = jira.request(event, **({} if signed else {"secret": "guessed"}))
    return _told(actors.deliver(scene.stage, body, headers, "jira"))


def _github(scene: Scene, signed: bool) -> Told:
    event = github.commented(1, repository={"full_name": f"evil/{MARKER}"})
    headers, body = github.request(event, **({} if signed else {"secret": "guessed"}))
    return _told(actors.deliver(scene.stage, body, headers, "github"))


def _slack(scene: Scene, signed: bool) -> Told:
    body, _ = slack.command("alice", MARKER, team_id="T0OTHER")
    return _told(slack.send(scene.stage, body if signed else body + b"1", slack.signed(body)))


def _feishu_chat(scene: Scene, signed: bool) -> Told:
    """A stale one with a good signature."""
    event = feishu_chat.typed("alice", MARKER, scene.application)
    headers, body = feishu_chat.request(event, at=time.time() - 3700)
    return _told(feishu_chat.send(scene.stage, headers, body if signed else body + b" "))


def _robot(scene: Scene, signed: bool) -> Told:
    event = dingtalk_robot.typed("alice", MARKER, robotCode="other")
    headers, body = dingtalk_robot.request(event, **({} if signed else {"secret": "guessed"}))
    return _told(dingtalk_robot.send(scene.stage, headers, body))


@dataclass(frozen=True)
class Case:
    """What is sent by whom, how it is answered, and what its row says."""

    kind: str
    send: Send
    told: Told
    reason: str
    by: tuple[str, str] = WEBHOOK
    unsigned: Told = (401, "invalid_signature")


CASES = {
    "standard-webhooks": Case("standard-webhooks", _webhook, (422, "wrong_type"),
                              "wrong_type at data.ttl_seconds"),
    "stale standard-webhooks": Case(
        "standard-webhooks", _stale_webhook, (401, "delivery_too_old"), "delivery_too_old",
        unsigned=(401, "delivery_too_old")),
    "dingtalk": Case("dingtalk", _dingtalk, (403, "other_tenant"), "other_tenant"),
    "feishu": Case("feishu", _feishu, (403, "other_tenant"), "other_tenant"),
    "jira": Case("jira", _jira, (422, "contains_access_key"), "contains_access_key"),
    "github": Case("github", _github, (403, "other_tenant"), "other_tenant"),
    "slack": Case("slack", _slack, (403, "other_tenant"), "other_tenant", CHAT),
    "feishu-chat": Case("feishu-chat", _feishu_chat, (401, "delivery_too_old"),
                        "delivery_too_old", CHAT),
    "dingtalk-robot": Case("dingtalk-robot", _robot, (403, "other_tenant"), "other_tenant", CHAT),
}  # fmt: skip


def rows(scene: Scene, kind: str, reason: str) -> list[dict[str, str]]:
    query = f'event_type: "delivery.refused" and ticket_system: "{kind}"'
    return [row for row in actors.audit_rows(scene.stage, query) if row["reason"] == reason]


def recorded(scene: Scene) -> list[str]:
    """The states of all tasks that write such rows, once all have ended."""
    until(lambda: all(task["state"] in ("Succeeded", "Failed") for task in scene.refusals()))
    return [task["state"] for task in scene.refusals()]


@pytest.mark.parametrize("name", CASES)
def test_signed_and_refused_leaves_one_row_without_the_body(scene: Scene, name: str) -> None:
    """The same one again leaves no other, sealed or signed anew or not; nothing is created."""
    case = CASES[name]
    before = len(recorded(scene))

    assert case.unsigned == case.send(scene, False)
    assert before == len(scene.refusals())
    assert case.told == case.send(scene, True)
    (row,) = until(lambda: rows(scene, case.kind, case.reason))
    assert [case.told] * 2 == [case.send(scene, True) for _ in range(2)]

    assert before + 1 == len(recorded(scene))
    assert [row] == rows(scene, case.kind, case.reason)
    assert ("note", "failure", "", *case.by) == tuple(row[name] for name in (
        "phase", "outcome", "ticket_id", "fc_function", "trigger"))  # fmt: skip
    assert row["resources"].startswith("body/sha256:")
    for sink in ("/state", "/tasks", "/logs"):
        assert MARKER not in json.dumps(scene.stage.manage("GET", sink))
    assert MARKER not in json.dumps(actors.audit_rows(scene.stage, "*"))
    assert [] == scene.changes()


def test_key_pasted_in_a_chat_is_on_record_without_it(scene: Scene) -> None:
    """There a refusal is told in words; the row is the same."""
    say(scene, "alice", f"status {PASTED} {MARKER}")
    say(scene, "alice", f"help {PASTED} once more")
    fill(scene, "alice", window(scene), purpose=f"our key is {PASTED}, please")
    feishu_chat.send(scene.stage, *feishu_chat.request(
        feishu_chat.typed("alice", f"status {PASTED}", scene.application)))  # fmt: skip
    dingtalk_robot.send(scene.stage, *dingtalk_robot.request(
        dingtalk_robot.typed("alice", f"status {PASTED}")))  # fmt: skip

    assert {"Succeeded"} == set(recorded(scene))
    for kind in ("slack", "feishu-chat", "dingtalk-robot"):
        until(lambda kind=kind: rows(scene, kind, "contains_access_key"))
        assert 1 == len(rows(scene, kind, "contains_access_key"))
    assert PASTED not in json.dumps(actors.audit_rows(scene.stage, "*"))


@pytest.mark.parametrize("fault", [
    {"kind": "error", "status": 503, "code": "Busy"}, {"kind": "drop"},
    {"kind": "delay", "seconds": 8},
])  # fmt: skip
def test_sender_is_told_the_same_though_nothing_can_be_put_on_record(
    scene: Scene, fault: dict[str, Any]
) -> None:
    """At once; and once it can be, the next one of its kind is."""
    scene.stage.manage("POST", "/faults", fault | {
        "product": "fc", "action": "InvokeFunction", "function": "akw-approval", "times": 1})
    event = jira.moved("AKW-1", issue={"key": "AKW-1", "self": "https://evil.example/1"})

    def tell() -> Told:
        headers, body = jira.request(event)
        return _told(actors.deliver(scene.stage, body, headers, "jira"))

    began = time.monotonic()

    assert (403, "other_tenant") == tell()
    assert time.monotonic() - began < 7
    scene.stage.manage("DELETE", "/faults")
    assert (403, "other_tenant") == tell()
    until(lambda: rows(scene, "jira", "other_tenant"))
    assert [] == scene.changes()
