"""Feishu's chat: from what somebody tells the bot to a key and its end, and what is refused. The
many bad requests are those of `tests/unit/test_feishu_chat.py`."""

from __future__ import annotations

import contextlib
import json
import time
from dataclasses import dataclass
from typing import Any

import pytest

from demo import actors
from demo import feishu_chat as feishu
from tests.e2e.chat import request
from tests.e2e.conftest import Scene, pass_time, until
from tests.e2e.test_revoke import issued, remains


@dataclass
class Said:
    """One request: how it was answered, and after how many messages of this scene it was sent."""

    scene: Scene
    status: int
    answer: dict[str, Any]
    before: int

    @property
    def toast(self) -> str:
        return str(self.answer["toast"]["content"])

    def told(self, count: int = 1) -> list[dict[str, Any]]:
        """The first so many messages that came later."""
        found: list[dict[str, Any]] = until(
            lambda: (new := told(self.scene)[self.before :]) and len(new) >= count and new, 60)
        self.scene.replies += [str(one) for one in found]
        return found[:count]


def told(scene: Scene) -> list[dict[str, Any]]:
    return feishu.told(scene.stage, scene.application)


def sent(scene: Scene, event: dict[str, Any], **signing: Any) -> Said:
    before = len(told(scene))
    status, answer = feishu.send(scene.stage, *feishu.request(event, **signing))
    scene.replies.append(json.dumps(answer))
    return Said(scene, status, answer, before)


def say(scene: Scene, name: str, text: str, **changes: Any) -> Said:
    """Somebody writes `@akwarden <text>` in this scene's group."""
    return sent(scene, feishu.typed(name, text, scene.application, **changes))


def press(scene: Scene, name: str, card: dict[str, Any], action: str = "approve") -> Said:
    return sent(scene, feishu.pressed(name, card, action, scene.application))


def asked(scene: Scene, **changes: str) -> dict[str, Any]:
    """A request for this scene's application, as its card stands in the group."""
    return say(scene, "alice", request(scene, **changes)).told()[0]


def id_of(card: dict[str, Any]) -> str:
    return feishu.text_of(card).partition(":")[0]


def to(scene: Scene, name: str) -> str:
    return feishu.ids(name, scene.application)["open_id"]


def created_keys(scene: Scene) -> int:
    return len([call for call in scene.history() if call["action"] == "CreateAccessKey"])


def test_request_button_key_rotation_and_end_all_in_chat(scene: Scene) -> None:
    """The card is for all, and is edited in place; who presses sees at once that it was taken."""
    said = say(scene, "alice", request(scene))
    assert (200, {}) == (said.status, said.answer)
    (card,) = said.told()
    ticket, group = id_of(card), feishu.chat(scene.application)
    assert (group, {"approve", "reject", "details"}) == (card["to"], set(feishu.buttons(card)))
    assert "orders-logs" not in feishu.text_of(card)

    pressed = press(scene, "bob", card)
    approved, issued = pressed.told(2)
    assert "One moment …" == pressed.toast
    assert (card["message_id"], True) == (approved["message_id"], approved["changed"])
    assert "Approved by bob@example.com." in feishu.text_of(approved)
    assert {} == feishu.buttons(approved)
    assert f"{ticket} is issued: secret akw/{scene.application}/dev" in feishu.text_of(issued)
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER),
                          f"akw/{scene.application}/dev")  # fmt: skip
    assert key.access_key_id not in str(issued)

    began, rotated = say(scene, "alice", f"rotate {ticket}").told(2)
    assert f"readers of akw/{scene.application}/dev get version LTAI…" in feishu.text_of(rotated)
    assert [to(scene, "alice")] * 2 == [began["to"], rotated["to"]]

    _, revoked = say(scene, "alice", f"revoke {ticket} reason=withdrawn").told(2)
    assert f"The grant of {ticket} is ended: its key is gone." == feishu.text_of(revoked)
    until(lambda: not remains(scene))


def test_answers_to_questions_are_for_whoever_asked(scene: Scene) -> None:
    """As messages to them alone, what is wrong with what they typed too; carol may approve in
    production, bob may not."""
    issued(scene)
    words = f"list all app={scene.application}"

    (mine,) = say(scene, "carol", words).told()
    (theirs,) = say(scene, "bob", words).told()
    (wrong,) = say(scene, "alice", "reqest").told()
    (help,) = say(scene, "alice", "help", chat_type="p2p", mentions=[]).told()

    assert scene.application in feishu.text_of(mine)
    assert to(scene, "carol") == mine["to"]
    assert (to(scene, "bob"), "Nothing that is yours.") == (theirs["to"], feishu.text_of(theirs))
    assert "Did you mean request" in feishu.text_of(wrong)
    assert "What I understand" in feishu.text_of(help)
    assert {"text"} == {one["msg_type"] for one in (mine, theirs, wrong, help)}


def test_word_that_does_not_count_is_told_to_whoever_gave_it(scene: Scene) -> None:
    """The requester's own; a stranger's, who is told by which id to be entered."""
    card = asked(scene)

    (own,) = press(scene, "alice", card).told()
    (strange,) = press(scene, "stranger", card).told()

    assert (to(scene, "alice"), True) == (own["to"], "approver_is_requester" in str(own))
    assert "add on_stranger to config/people.toml" in feishu.text_of(strange)
    assert [] == scene.audit("event_type: chat.voted")


def test_message_with_a_key_goes_no_further(scene: Scene) -> None:
    """A key with its secret, posted by somebody we know, has leaked; an id alone is advice."""
    scene.deliver(scene.body())
    scene.settled()
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER),
                          f"akw/{scene.application}/prod")  # fmt: skip
    (alone,) = say(scene, "alice", f"status {key.access_key_id}").told()
    assert (to(scene, "alice"), True) == (
        alone["to"], "something like an AccessKey" in feishu.text_of(alone))
    assert f"akw-{scene.application}-prod" in scene.state()["ram"]["users"]

    (cut,) = say(scene, "bob", f"please check {key.access_key_id} {key.secret}").told()

    assert "being revoked as leaked" in feishu.text_of(cut)
    until(lambda: not remains(scene))
    assert key.secret not in json.dumps(scene.stage.manage("GET", "/logs"))
    assert key.secret not in json.dumps(scene.stage.manage("GET", "/tasks"))


def test_who_is_mentioned_gets_the_key_and_has_no_word(scene: Scene) -> None:
    """Whom we do not know gets none: they might be one of those who approve."""
    mentions = [feishu.mention(name, number) for number, name in ((2, "bob"), (3, "stranger"))]
    words = request(scene, **{"for": "@_user_2"})
    event = feishu.typed("alice", words, scene.application)
    event["event"]["message"]["mentions"] += mentions
    (card,) = sent(scene, event).told()
    assert "for bob@example.com" in feishu.text_of(card)

    (own,) = press(scene, "bob", card).told()
    refused = []
    for whom in ("@_user_3", "@_user_4", "mallory@example.com"):
        event = feishu.typed("alice", request(scene, **{"for": whom}), scene.application)
        event["event"]["message"]["mentions"] += mentions
        refused += sent(scene, event).told()

    assert (to(scene, "bob"), True) == (own["to"], "approver_is_requester" in feishu.text_of(own))
    assert [to(scene, "alice")] * 3 == [one["to"] for one in refused]
    assert all("beneficiary_unknown" in feishu.text_of(one) for one in refused)
    assert 1 == len(scene.audit("event_type: chat.requested"))


def test_rich_text_is_a_message_like_others(scene: Scene) -> None:
    """With a link, and in two lines; a key in one gets advice."""
    def rich(*lines: list[dict[str, str]]) -> Said:
        at = {"tag": "at", "user_id": feishu.MENTION, "user_name": "akwarden"}
        content = {"title": "", "content": [[at], *lines]}
        return say(scene, "alice", "", message_type="post", content=json.dumps(content))

    (card,) = rich([{"tag": "text", "text": request(scene).partition(" reason=")[0] + " for="},
                    {"tag": "a", "text": "grace@example.com", "href": "mailto:grace@example.com"}],
                   [{"tag": "text", "text": 'reason="the order system writes its logs"'}]).told()
    (advice,) = rich([{"tag": "text", "text": "LTAI5tAbCdEf"},
                      {"tag": "text", "text": "GhIjKlMnOpQr"}]).told()  # fmt: skip

    assert "for grace@example.com" in feishu.text_of(card)
    assert "something like an AccessKey" in feishu.text_of(advice)


def test_press_of_an_old_card_gets_a_text(
    scene: Scene, travels: contextlib.ExitStack
) -> None:
    card = asked(scene)
    pass_time(scene, travels, 8 * 3600 + 60)

    (late,) = press(scene, "bob", card).told()

    assert (to(scene, "bob"), True) == (late["to"], "offer_expired" in feishu.text_of(late))
    assert 0 == created_keys(scene)


def test_what_is_delivered_twice_is_done_once(scene: Scene) -> None:
    """Feishu pushes again what was not answered in time, under another event id perhaps."""
    event = feishu.typed("alice", request(scene), scene.application)
    again = event | {"header": event["header"] | {"event_id": "another"}}
    said = [sent(scene, one) for one in (event, event, again)]
    (card,) = said[0].told()
    press_event = feishu.pressed("bob", card, "approve", scene.application)

    presses = [sent(scene, press_event) for _ in range(2)]
    presses[0].told(2)
    scene.settled()

    assert [200] * 5 == [one.status for one in (*said, *presses)]
    assert 3 == len(told(scene))
    assert 1 == len(scene.audit("event_type: chat.requested")) == created_keys(scene)


@pytest.mark.parametrize("fault", [
    {"kind": "throttle"}, {"kind": "drop"},
    {"kind": "error", "status": 500, "code": "1", "message": "x"},
])  # fmt: skip
def test_vendor_that_fails_costs_nothing_but_time(scene: Scene, fault: dict[str, Any]) -> None:
    """Each answer comes, and once."""
    card = asked(scene)
    for action in ("GetTenantAccessToken", "PatchMessage", "SendMessage"):
        scene.stage.manage("POST", "/faults", {
            "product": "feishu", "action": action, "function": "akw-command", **fault})

    press(scene, "bob", card).told(2)
    scene.settled(3)  # two commands, one issue

    *changes, issued = told(scene)[1:]  # a card that is changed to the same again is the same
    assert 1 == len({feishu.text_of(one) for one in changes if one["changed"]})
    assert "is issued" in feishu.text_of(issued)
    assert 1 == created_keys(scene)


def test_what_cannot_be_handed_over_is_told(scene: Scene) -> None:
    """Who presses reads it at once; what was typed is asked for again, as Feishu does."""
    card = asked(scene)
    scene.stage.manage("POST", "/faults", {
        "product": "fc", "action": "InvokeFunction", "function": "akw-chatops", "kind": "error",
        "status": 500, "code": "InternalServerError", "message": "x", "times": 2})  # fmt: skip

    assert "cannot take this now" in press(scene, "bob", card).toast
    assert 503 == say(scene, "alice", "whoami").status

    again = press(scene, "bob", card)
    assert "One moment …" == again.toast
    assert "is issued" in feishu.text_of(again.told(2)[1])
    scene.settled(3)


def test_bad_request_is_refused_and_leads_to_nothing(scene: Scene) -> None:
    event = feishu.typed("alice", request(scene), scene.application)
    headers, body = feishu.request(event)
    sealed = feishu.request(event | {"header": event["header"] | {"app_id": "cli_other"}})
    _, check = feishu.request(
        {"challenge": "ajls384k", "token": feishu.TOKEN, "type": "url_verification"})

    refused = [feishu.send(scene.stage, *one) for one in (
        feishu.request(event, encrypt_key="guessed"), feishu.request(event, at=time.time() - 3700),
        (headers, body + b" "), sealed)]  # fmt: skip

    assert [(401, "invalid_signature"), (401, "delivery_too_old"), (401, "invalid_signature"),
            (403, "other_tenant")] == [(status, told["reason"]) for status, told in refused]
    assert (200, {"challenge": "ajls384k"}) == feishu.send(scene.stage, {}, check)
    assert [] == scene.changes()
