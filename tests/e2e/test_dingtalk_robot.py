"""DingTalk's robot, which nobody has signed: it tells people what is theirs, one to one, and does
nothing. The many bad requests are those of `tests/unit/test_dingtalk_robot.py`."""

from __future__ import annotations

import json
import time
from typing import Any

from demo import actors
from demo import dingtalk_robot as robot
from tests.e2e.chat import asked, id_of, request
from tests.e2e.conftest import Scene, until
from tests.e2e.test_revoke import issued

ALICE, BOB, CAROL = "user/alice01", "user/bob01", "user/carol01"


def say(scene: Scene, name: str, text: str, **changes: Any) -> list[tuple[str, str]]:
    """Somebody writes `@robot <text>`; what the robot has said to whom, once it has."""
    before = len(robot.told(scene.stage))
    assert (200, {}) == sent(scene, robot.typed(name, text, **changes))
    found: list[tuple[str, str]] = until(lambda: robot.told(scene.stage)[before:])
    scene.replies.append(str(found))
    return found


def sent(scene: Scene, event: dict[str, Any], **signing: Any) -> tuple[int, dict[str, Any]]:
    status, answer = robot.send(scene.stage, *robot.request(event, **signing))
    scene.replies.append(json.dumps(answer))
    return status, answer


def ended(scene: Scene) -> list[str]:
    """The functions that were asked for something, once all of them are done."""
    tasks = until(lambda: (found := scene.tasks()) and all(
        one["state"] in ("Succeeded", "Failed") for one in found) and found)
    return sorted(one["function"] for one in tasks)


def test_what_is_somebodys_own_is_told_to_them_alone(scene: Scene) -> None:
    """Asked in a group; neither that group nor the address that the message brings (`SESSION`) is
    told. Carol may approve in production, bob may not."""
    issued(scene)
    ticket = f"T-{scene.application}"

    mine = say(scene, "carol", f"status {ticket}")
    theirs = say(scene, "bob", f"status {ticket}")
    listed = say(scene, "carol", f"list all app={scene.application}")

    assert [CAROL, BOB, CAROL] == [to for to, _ in (*mine, *theirs, *listed)]
    assert all(f"{ticket}: {scene.application} prod" in one[0][1] for one in (mine, listed))
    assert "Nothing that is yours." == theirs[0][1]
    calls = [call for call in scene.history() if call["product"] == "dingtalk"]
    assert {"GetAccessToken", "BatchSendMessages"} == {call["action"] for call in calls}


def test_message_that_is_delivered_twice_is_answered_once(scene: Scene) -> None:
    """DingTalk says nothing of repeats; whoever has seen a message might send it again, under the
    same signature or, within its five minutes, under another one."""
    event, before = robot.typed("alice", "whoami"), len(robot.told(scene.stage))
    first = robot.request(event)

    told = [robot.send(scene.stage, *one) for one in (first, first, robot.request(event))]

    assert [(200, {})] * 3 == told
    assert ["akw-lookup"] == ended(scene)
    assert [ALICE] == [to for to, _ in robot.told(scene.stage)[before:]]


def test_nothing_that_is_said_is_done(scene: Scene) -> None:
    """In the name of somebody who may: the request stays as it is, and the grant, too."""
    issued(scene)
    card = asked(scene)
    tasks, rows, changes = len(ended(scene)), scene.audit(), len(scene.changes())

    told = [say(scene, name, text) for name, text in (
        ("bob", f"approve {id_of(card)}"), ("alice", f"cancel {id_of(card)}"),
        ("alice", f"revoke T-{scene.application} reason=leaked"),
        ("carol", f"disable T-{scene.application}"), ("alice", request(scene)))]  # fmt: skip

    assert [BOB, ALICE, ALICE, CAROL, ALICE] == [one[0][0] for one in told]
    assert all("In this chat I only show things" in one[0][1] for one in told)
    assert (tasks + 5, 5) == (len(ended(scene)), ended(scene).count("akw-lookup"))
    assert ["InvokeFunction"] * 5 == [call["action"] for call in scene.changes()[changes:]]
    assert rows == scene.audit()


def test_bad_request_is_refused_and_leads_to_nothing(scene: Scene) -> None:
    """A card's callback is one: akwarden sends no cards in DingTalk."""
    event, before = robot.typed("alice", "whoami"), robot.told(scene.stage)
    stamp = str(int(time.time() * 1000))
    card = {"x-ddpaas-signature-timestamp": stamp, "x-ddpaas-signature": "x"}

    refused = [
        sent(scene, event, secret="a-secret-that-was-guessed"),
        sent(scene, event, at=time.time() - 310), sent(scene, event | {"robotCode": "other"}),
        robot.send(scene.stage, card, json.dumps({"type": "actionCallback"}).encode())]

    assert [(401, "invalid_signature"), (401, "delivery_too_old"), (403, "other_tenant"),
            (401, "invalid_signature")] == [(status, told["reason"]) for status, told in refused]
    assert [] == scene.tasks()
    assert before == robot.told(scene.stage)


def test_outsiders_and_strangers_are_told_nothing(scene: Scene) -> None:
    """Else whoever forges a message could have anybody in the company written to."""
    before = robot.told(scene.stage)
    outsider = {k: v for k, v in robot.typed("eve", "whoami").items() if k != "senderStaffId"}

    assert (200, {}) == sent(scene, outsider)
    assert (200, {}) == sent(scene, robot.typed("mallory", "whoami"))

    assert [] == scene.tasks()
    assert before == robot.told(scene.stage)


def test_pasted_key_goes_no_further_and_lives_on(scene: Scene) -> None:
    """It is advice, and no revocation: anybody could have said it."""
    issued(scene)
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER),
                          f"akw/{scene.application}/prod")  # fmt: skip

    told = say(scene, "alice", f"please check {key.access_key_id} {key.secret}")

    assert [ALICE] == [to for to, _ in told]
    assert "something like an AccessKey" in told[0][1]
    assert "akw-revoke" not in ended(scene)
    assert f"akw-{scene.application}-prod" in scene.state()["ram"]["users"]
    assert key.secret not in json.dumps(scene.stage.manage("GET", "/logs"))
    assert key.secret not in json.dumps(scene.stage.manage("GET", "/tasks"))
