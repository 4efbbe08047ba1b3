"""The whole story over TLS: akwarden as deployed, behind a proxy with a CA of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from demo import actors, dingtalk, leaks, slack, vendors
from demo.stage import Stage
from tests.e2e.conftest import furnish, until
from tests.unit.samples import approved_body


@pytest.fixture(params=[False, True], ids=["warm", "cold"])
def https_stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A cloud whose functions speak https, from forked or from fresh interpreters."""
    stage = Stage(
        calm=True, max_lag_seconds=1, quiet=True, choices={"fc_cold_start": request.param},
        settings={"AKWARDEN_PROTOCOL": "https", "AKWARDEN_SOURCES": ",".join(vendors.ALL)},
    )  # fmt: skip
    furnish(stage)
    yield stage
    stage.stop()


def test_key_is_issued_over_https(https_stage: Stage) -> None:
    """Every call of provisioning and of the functions came over TLS, and a key was issued."""
    stage = https_stage
    body = approved_body(now=actors.datetime.now(actors.UTC))
    reply = actors.deliver(stage, body, actors.signed_headers(actors.webhook_secret(stage), body))

    def ended() -> list[dict[str, str]]:
        tasks: list[dict[str, str]] = stage.manage("GET", "/tasks")["tasks"]
        return [task for task in tasks if task["state"] in ("Succeeded", "Failed")]

    task = until(ended)[0]
    calls = stage.manage("GET", "/history")["calls"]
    ours = [call for call in calls if ":assumed-role/akw-" in call["principal"]]
    assert reply[0] == 202
    assert json.loads(task["return_payload"])["status"] == "issued"
    assert {"kms", "ram", "ims", "sls", "fc", "sts"} <= {call["product"] for call in calls}
    assert {True} == {call["secure"] for call in ours}
    leaks.assert_none(stage, [json.dumps(reply[1])])


def test_vendors_are_asked_over_https(https_stage: Stage) -> None:
    """An instance of DingTalk leads to a key, and no call of a function came in the clear."""
    stage = https_stage
    instance = dingtalk.instance(dingtalk.form("parcels"))
    stage.manage("POST", "/vendors/dingtalk", {"records": {"proc-1": instance}})
    query, body = dingtalk.request(dingtalk.finished("proc-1"))

    status, answer = actors.deliver(stage, body, {}, f"dingtalk?{query}")

    assert (200, "success") == (status, dingtalk.understood(answer))
    until(lambda: [task for task in stage.manage("GET", "/tasks")["tasks"]
                   if task["function"] == "akw-issue" and task["state"] == "Succeeded"])
    asked = [call for call in stage.manage("GET", "/history")["calls"]
             if call["product"] == "dingtalk"]  # fmt: skip
    assert ["GetAccessToken", "GetProcessInstance", "ListProcessInstanceIds"] == [
        call["action"] for call in asked]
    assert {True} == {call["secure"] for call in asked}
    leaks.assert_none(stage, [json.dumps(answer)])


def test_chat_is_answered_over_https(https_stage: Stage) -> None:
    """What somebody asks is answered at Slack's own hosts, not in the clear; a window, too."""
    opening, _ = slack.command("alice", "request")
    assert 200 == slack.send(https_stage, opening)[0]
    assert 1 == len(slack.windows(https_stage, opening))
    body, path = slack.command("alice", "whoami")

    assert 200 == slack.send(https_stage, body)[0]

    (told,) = until(lambda: slack.answers(https_stage, path))
    assert "You are alice@example.com" in told["text"]
    asked = [call for call in https_stage.manage("GET", "/history")["calls"]
             if call["product"] == "slack"]  # fmt: skip
    assert {True} == {call["secure"] for call in asked}
