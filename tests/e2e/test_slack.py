"""Slack: from what somebody types to a key and its end, and from every bad request to a refusal."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from demo import actors, chat, slack
from tests import signing
from tests.e2e.chat import Said, asked, id_of, press, request, say, text_of
from tests.e2e.conftest import Scene, pass_time, until
from tests.e2e.test_cleanup import fault
from tests.e2e.test_revoke import issued, remains


def test_request_button_key_rotation_and_end_all_in_chat(scene: Scene) -> None:
    """The story of docs/chatops.md."""
    card = asked(scene)
    ticket = id_of(card)
    assert ("in_channel", True) == (card["response_type"], "orders-logs" not in str(card["text"]))

    approved, issued = press(scene, "bob", card).told(2)
    assert (True, "in_channel") == (approved["replace_original"], approved["response_type"])
    assert "Approved by bob@example.com." in text_of(approved)
    assert (f"{ticket} is issued: secret akw/{scene.application}/dev, version LTAI"
            in text_of(issued))
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER),
                          f"akw/{scene.application}/dev")  # fmt: skip
    assert key.access_key_id not in str(issued)
    assert f"user/akw-{scene.application}-dev" in actors.identity(
        scene.stage, key, "198.51.100.7")

    ending = key.access_key_id[-6:]
    (refused,) = say(scene, "grace", f"rotate {ending}").told()
    assert f"{ending} has no live grant." == text_of(refused)
    began, rotated = say(scene, "alice", f"rotate {ending}").told(2)
    assert f"readers of akw/{scene.application}/dev get version LTAI…" in text_of(rotated)
    assert {"ephemeral"} == {one["response_type"] for one in (began, rotated)}

    shown = text_of(rotated).partition(" get version ")[2].partition(" ")[0]
    ending, revoked = say(scene, "alice", f"revoke {shown} reason=‘not needed’").told(2)
    assert f"The grant of {ticket} is ended: its key is gone." == text_of(revoked)
    assert {"ephemeral"} == {one["response_type"] for one in (ending, revoked)}
    until(lambda: not remains(scene))


def created_keys(scene: Scene) -> int:
    return len([call for call in scene.history() if call["action"] == "CreateAccessKey"])


def test_production_needs_two_people_one_after_the_other(scene: Scene) -> None:
    """Each is counted once; the card says how far it is, and loses its buttons in the end."""
    card = asked(scene, env="prod", ip="198.51.100.7")

    (first,) = press(scene, "carol", card).told()
    assert "So far: carol@example.com. More approvals are needed." in text_of(first)
    again = press(scene, "carol", first).told(2)
    assert f"You have decided on {id_of(card)} already." == text_of(again[0])
    assert 0 == created_keys(scene)

    approved, done = press(scene, "dave", first).told(2)
    assert "Approved by carol@example.com, dave@example.com." in text_of(approved)
    assert {} == slack.buttons(approved)
    assert "is issued" in text_of(done)
    assert f"{id_of(card)} was served already." == text_of(press(scene, "erin", card).told()[0])
    assert 1 == created_keys(scene)
    rows = scene.audit("event_type: chat.voted")
    assert ["carol@example.com", "dave@example.com"] == [row["approver_id"] for row in rows]


def test_two_people_at_once_make_one_key(scene: Scene) -> None:
    card = asked(scene, env="prod", ip="198.51.100.7")

    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda name: press(scene, name, card), ("carol", "dave")))
    until(lambda: any("is issued" in text_of(one) for each in said
                      for one in slack.answers(scene.stage, each.path)))  # fmt: skip

    assert 1 == created_keys(scene)


def test_refusal_by_the_worker_is_told_and_is_final(scene: Scene) -> None:
    """The application has its key already: that is known once the worker has looked."""
    press(scene, "bob", asked(scene)).told(2)
    card = asked(scene)
    _, refused = press(scene, "bob", card).told(2)
    assert f"{id_of(card)} was refused: " in text_of(refused)

    for name in ("bob", "carol"):  # another vote would be another task
        (again,) = press(scene, name, card).told(1)
        assert f"{id_of(card)} was refused: " in text_of(again)
    assert f"{id_of(card)} was refused: " in text_of(
        say(scene, "alice", f"status {id_of(card)}").told()[0])
    assert 1 == created_keys(scene)


def at_work(scene: Scene) -> dict[str, Any]:
    """A request that bob has approved, and that the worker takes its time for."""
    card = asked(scene)
    fault(scene, "delay", "kms", "GetSecretValue", function="akw-issue", seconds=6)
    press(scene, "bob", card).told(1)
    return card


def test_press_while_the_worker_is_at_work_is_no_second_order(scene: Scene) -> None:
    card = at_work(scene)

    (again,) = press(scene, "carol", card).told(1)

    assert f"{id_of(card)} is still being worked on" in text_of(again)
    until(lambda: [call for call in scene.history() if call["action"] == "GetAsyncTask"])
    until(lambda: scene.audit('event_type: "key.issued" and phase: result'))
    assert 1 == created_keys(scene)


def test_request_that_is_taken_back_while_it_is_at_work_leaves_nothing(scene: Scene) -> None:
    """What somebody was told has ended, has, and does not come later."""
    card = at_work(scene)
    ticket = id_of(card)

    ending, over = say(scene, "alice", f"cancel {ticket}").told(2)

    assert f"The grant of {ticket} is being ended (withdrawn)." == text_of(ending)
    assert f"The grant of {ticket} is ended" in text_of(over)
    until(lambda: all(task["state"] in ("Succeeded", "Failed") for task in scene.tasks()))
    assert not remains(scene)


def test_end_that_was_not_ordered_is_ordered_again(scene: Scene) -> None:
    """The first order cannot be handed over; who asks again is not told that all is over."""
    card = at_work(scene)
    ticket = id_of(card)
    fault(scene, "error", "fc", "InvokeFunction", status=503, code="InternalServerError", times=0,
          function="akw-command")  # fmt: skip
    (failed,) = say(scene, "alice", f"cancel {ticket}").told(1)
    assert "cannot take this now" in text_of(failed)
    scene.stage.manage("DELETE", "/faults")

    ending, over = say(scene, "alice", f"cancel {ticket}").told(2)

    assert "is being ended (withdrawn)" in text_of(ending)
    assert "is ended" in text_of(over)
    assert not remains(scene)


def test_rejection_beside_an_approval_leaves_nothing(scene: Scene) -> None:
    """Somebody rejects what another one's approval has just handed over."""
    card = at_work(scene)

    ending, over = press(scene, "carol", card, "reject").told(2)

    assert "is being ended (withdrawn)" in text_of(ending)
    assert "is ended" in text_of(over)
    assert {"in_channel"} == {one["response_type"] for one in (ending, over)}
    assert f"{id_of(card)} was rejected." == text_of(press(scene, "dave", card).told()[0])
    assert not remains(scene)


def test_killed_command_tells_the_channel_after_all(scene: Scene) -> None:
    """It dies when it has handed the ticket over; the run after it says what came of it."""
    card = asked(scene)
    fault(scene, "kill-after", "fc", "InvokeFunction", function="akw-command")

    approved, issued = press(scene, "bob", card).told(2)

    assert (True, {}) == (approved["replace_original"], slack.buttons(approved))
    assert f"{id_of(card)} is issued: secret akw/{scene.application}/dev" in text_of(issued)
    assert 1 == created_keys(scene)


def test_nobody_is_left_without_a_word(scene: Scene) -> None:
    """The log does not answer: whoever asked is told, and asks again."""
    card = asked(scene)
    for name in ("akw-command", "akw-lookup"):
        fault(scene, "error", "sls", "GetLogs", status=403, code="Unauthorized", times=0,
              function=name)  # fmt: skip
    said = [press(scene, "bob", card), say(scene, "alice", f"status {id_of(card)}")]
    assert ["akwarden cannot take this now; try again in a minute."] * 2 == [
        text_of(one.told()[0]) for one in said]  # fmt: skip
    scene.stage.manage("DELETE", "/faults")

    assert "is issued" in text_of(press(scene, "bob", card).told(2)[1])


def test_who_decides_sees_all_that_is_asked_for(scene: Scene) -> None:
    """By a button or a word, alone; the channel sees for whom it is."""
    card = asked(scene, **{"for": "grace@example.com"})
    assert "for grace@example.com" in text_of(card)
    assert "orders-logs" not in str(slack.buttons(card).keys()) + text_of(card)

    told = [press(scene, "bob", card, "details").told()[0],
            say(scene, "carol", f"show {id_of(card)}").told()[0]]  # fmt: skip

    for one in told:
        assert "ephemeral" == one["response_type"]
        for part in ("the order system writes its logs", "project=orders-logs", "orders-reader",
                     "for grace@example.com", "on-premises"):  # fmt: skip
            assert part in text_of(one)
    (refused,) = press(scene, "erin", card, "details").told()
    assert "is not yours" in text_of(refused)


def test_consent_can_be_taken_back_until_it_is_served(scene: Scene) -> None:
    card = asked(scene, env="prod", ip="198.51.100.7")
    (first,) = press(scene, "carol", card).told()

    (rejected,) = press(scene, "carol", first, "reject").told()

    assert "Rejected; decided by carol@example.com." in text_of(rejected)
    assert f"{id_of(card)} was rejected." == text_of(press(scene, "dave", card).told()[0])
    assert 0 == created_keys(scene)


@pytest.mark.parametrize(("who", "reason"), [
    ("alice", "approver_is_requester"), ("erin", "approver_not_allowed"),
    ("stranger", "I do not know you"),
])  # fmt: skip
def test_word_that_does_not_count_is_told_to_whoever_gave_it(
    scene: Scene, who: str, reason: str
) -> None:
    card = asked(scene)

    (told,) = press(scene, who, card).told()

    assert ("ephemeral", True) == (told["response_type"], reason in text_of(told))
    assert [] == scene.audit("event_type: chat.voted")
    assert 0 == created_keys(scene)


def test_rejection_is_final(scene: Scene) -> None:
    card = asked(scene)
    (rejected,) = press(scene, "bob", card, "reject").told()
    assert ("Rejected" in text_of(rejected), {}) == (True, slack.buttons(rejected))

    (told,) = press(scene, "carol", card).told()

    assert f"{id_of(card)} was rejected." == text_of(told)
    assert 0 == created_keys(scene)


def test_words_do_what_buttons_do(scene: Scene) -> None:
    """approve, reject and cancel by the request's id; nobody cancels another's."""
    card, other = asked(scene), asked(scene)
    (refused,) = say(scene, "bob", f"cancel {id_of(other)}").told()
    assert "is not yours" in text_of(refused)
    (cancelled,) = say(scene, "alice", f"cancel {id_of(other)}").told()
    assert ("ephemeral", f"{id_of(other)} is cancelled.") == (
        cancelled["response_type"], text_of(cancelled))
    (late,) = press(scene, "bob", other).told()
    assert f"{id_of(other)} was cancelled." == text_of(late)

    _, done = say(scene, "bob", f"approve {id_of(card)} fine").told(2)

    assert "is issued" in text_of(done)
    assert 1 == created_keys(scene)


def test_extension_is_asked_for_and_approved_in_chat(scene: Scene) -> None:
    card = asked(scene)
    press(scene, "bob", card).told(2)

    (longer,) = say(scene, "alice", f'extend {id_of(card)} ttl=20d reason="needed for June"').told()
    _, done = press(scene, "carol", longer).told(2)

    assert f"{id_of(longer)} is done." == text_of(done)
    assert f"{id_of(longer)} was served already." == text_of(
        say(scene, "alice", f"status {id_of(longer)}").told()[0])
    assert 1 == created_keys(scene)
    assert [id_of(longer)] == [row["ticket_id"] for row in scene.audit(
        'event_type: "grant.extended" and phase: result')]  # fmt: skip


def test_nobody_decides_on_a_longer_life_of_their_own_grant(scene: Scene) -> None:
    """Whoever asks for it; and strangers cannot ask."""
    card = asked(scene, "carol")
    press(scene, "bob", card).told(2)
    words = f'extend {id_of(card)} ttl=20d reason="needed for June"'
    (refused,) = say(scene, "alice", words).told()
    assert "is not yours" in text_of(refused)

    (longer,) = say(scene, "bob", words).told()
    assert "for carol@example.com" in text_of(longer)
    (own,) = press(scene, "carol", longer).told()

    assert "approver_is_requester" in text_of(own)
    typed = request(scene, action="extend", ttl="20d")  # as if it were nobody's yet
    _, refused = press(scene, "carol", say(scene, "alice", typed).told()[0]).told(2)
    assert "was refused: approver_is_requester" in text_of(refused)
    assert [] == scene.audit('event_type: "grant.extended"')


def test_lookups_show_what_is_ones_own(scene: Scene) -> None:
    """The requester and who may approve there see a grant; others see nothing."""
    card = asked(scene)
    ticket, application = id_of(card), scene.application
    waiting = f"{ticket}: {application} dev, alice@example.com, waits for approval"
    assert [waiting] * 2 == [text_of(say(scene, name, f"status {ticket}").told()[0])
                             for name in ("alice", "bob")]  # fmt: skip
    assert waiting in text_of(say(scene, "bob", f"list pending app={application}").told()[0])
    press(scene, "bob", card).told(2)

    (mine,) = say(scene, "alice", f"list app={application}").told()
    assert ("ephemeral", True) == (mine["response_type"],
                                   f"{ticket}: {application} dev" in text_of(mine))  # fmt: skip
    assert ["Nothing that is yours."] * 2 == [
        text_of(say(scene, "grace", words).told()[0])
        for words in (f"status {ticket}", f"list all app={application}")]  # fmt: skip
    (me,) = say(scene, "grace", "我是谁").told()
    assert "You are grace@example.com. You may approve: prod (but not for payments)." == text_of(me)
    (templates,) = say(scene, "alice", "templates").told()
    assert "sls-logstore-write: " in text_of(templates)


def test_only_those_concerned_may_end_or_rotate(scene: Scene) -> None:
    key = issued(scene)["access_key_id"]  # by webhook, in prod, asked for by alice
    ticket = f"T-{scene.application}"

    assert ticket in text_of(say(scene, "alice", f"status {ticket}").told()[0])
    for words in (f"revoke {ticket}", f"rotate {ticket}"):
        assert "is not yours" in text_of(say(scene, "bob", words).told()[0])
    assert "no live grant" in text_of(say(scene, "alice", "revoke AK-NONE").told()[0])

    _, done = say(scene, "carol", f"revoke {ticket}").told(2)
    assert "its key is gone" in text_of(done)
    assert key not in str(done)


@pytest.mark.parametrize(("changes", "reason"), [
    ({"env": "staging"}, "unknown_environment"), ({"ttl": "900d"}, "ttl_out_of_range"),
    ({"template": "no-such"}, "template_not_allowed"), ({"confirm": "no"}, "necessity_not"),
    ({"project": "*"}, "parameter"), ({"readers": "admin"}, "consumer_not_allowed"),
    ({"ip": "everywhere"}, "source_ips_invalid"), ({"app": "../x"}, "invalid_value"),
    ({"ttl": "soon"}, "invalid_value"), ({"reason": "x"}, "purpose"),
    ({"env": "prod"}, "source_ips_required"),
])  # fmt: skip
def test_request_that_could_not_be_served_is_told_at_once(
    scene: Scene, changes: dict[str, str], reason: str
) -> None:
    """To whoever asked, before anybody has to look at it."""
    (told,) = say(scene, "alice", request(scene, **changes)).told()

    assert ("ephemeral", True) == (told["response_type"], reason in text_of(told)), text_of(told)
    assert [] == scene.audit("event_type: chat.requested")


@pytest.mark.parametrize(("typed", "told"), [
    ("", "What I understand"), ("help", "Never send an AccessKey here"),
    ("aprove AK-1", "Did you mean approve"), ("request app=x", "Something is missing: env, ttl"),
    ("revoke", "An id is missing"), ("request <!channel> everybody", "cannot place"),
])  # fmt: skip
def test_what_needs_no_cloud_is_answered_at_once(scene: Scene, typed: str, told: str) -> None:
    said = say(scene, "alice", typed)

    assert (200, True) == (said.status, told in said.text), said.text
    assert "<!channel>" not in said.text
    assert [] == [task for task in scene.tasks() if "akw-" in task["function"]]


def test_message_with_a_key_goes_no_further(scene: Scene) -> None:
    """A key with its secret, posted by somebody we know, has leaked; an id alone is advice."""
    scene.deliver(scene.body())
    scene.settled()
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER),
                          f"akw/{scene.application}/prod")  # fmt: skip
    alone = say(scene, "alice", f"status {key.access_key_id}")
    assert "holds something like an AccessKey" in alone.text
    strange = say(scene, "stranger", f"help {key.access_key_id} {key.secret}")
    assert "holds something like an AccessKey" in strange.text
    assert f"akw-{scene.application}-prod" in scene.state()["ram"]["users"]

    body, _ = slack.command("alice", f"please check {key.access_key_id} {key.secret}")
    headers = slack.signed(body)
    told = [slack.send(scene.stage, body, headers) for _ in range(2)]  # somebody sends it again

    assert [True] * 2 == ["being revoked as leaked" in answer["text"] for _, answer in told]
    until(lambda: not remains(scene))
    assert key.secret not in json.dumps(scene.stage.manage("GET", "/logs"))


def _sent(scene: Scene, body: bytes, **signing: Any) -> tuple[int, Any]:
    status, answer = slack.send(scene.stage, body, slack.signed(body, **signing))
    scene.replies.append(json.dumps(answer))
    return status, answer.get("reason")


def _no_text(scene: Scene) -> tuple[int, Any]:
    """Signed by hand: Slack's library signs text alone."""
    headers = signing.slack_by_hand(slack.SECRET, b"\xff\xfe", str(int(time.time())))
    status, answer = slack.send(scene.stage, b"\xff\xfe", headers)
    return status, answer.get("reason")


def _other(scene: Scene, body: bytes) -> tuple[int, Any]:
    status, answer = slack.send(scene.stage, body + b"&x=1", slack.signed(body))
    return status, answer.get("reason")


def _without(header: str) -> Callable[[Scene, bytes], tuple[int, Any]]:
    def send(scene: Scene, body: bytes) -> tuple[int, Any]:
        headers = {k: v for k, v in slack.signed(body).items() if k != header}
        status, answer = slack.send(scene.stage, body, headers)
        return status, answer.get("reason")

    return send


def _changed(**changes: str) -> Callable[[Scene, bytes], tuple[int, Any]]:
    return lambda scene, _: _sent(
        scene, slack.command("alice", request(scene), **changes)[0])  # fmt: skip


@pytest.mark.parametrize(("send", "reason"), [
    (lambda s, b: _sent(s, b, secret="guessed-by-somebody"), "invalid_signature"),
    (lambda s, b: _sent(s, b, at=time.time() - 301), "delivery_too_old"),
    (lambda s, b: _sent(s, b, at=time.time() + 310), "delivery_from_the_future"),
    (_other, "invalid_signature"), (_without("X-Slack-Signature"), "invalid_signature"),
    (_without("X-Slack-Request-Timestamp"), "invalid_signature"),
    (_changed(team_id="T0OTHER"), "other_tenant"), (_changed(api_app_id="A0X"), "other_tenant"),
    (_changed(user_id="../x"), "payload_malformed"),
    (_changed(response_url="https://evil.example/commands/x"), "payload_malformed"),
    (_changed(response_url="http://hooks.slack.com/commands/x"), "payload_malformed"),
    (lambda s, b: _sent(s, b"text=%ff"), "payload_malformed"),
    (lambda s, b: _sent(s, b"payload=%7B"), "payload_malformed"),
    (lambda s, b: _sent(s, b"payload=[]"), "payload_malformed"),
    (lambda s, b: _no_text(s), "payload_malformed"),
    (lambda s, b: _sent(s, b""), "payload_malformed"),
    (lambda s, b: _sent(s, b + b"&x=" + b"y" * 100_000), "body_too_large"),
])  # fmt: skip
def test_bad_request_is_refused_and_leads_to_nothing(
    scene: Scene, send: Callable[[Scene, bytes], tuple[int, Any]], reason: str
) -> None:
    body, _ = slack.command("alice", request(scene))

    status, said = send(scene, body)

    assert (reason, True) == (said, 400 <= status < 500)
    assert [] == scene.changes()


def test_check_of_the_certificate_and_other_buttons_get_an_empty_answer(scene: Scene) -> None:
    body, _ = slack.pressed("alice", {"action_id": "link", "value": ""})

    for sent in (b"ssl_check=1&token=x", body):
        assert (200, {}) == slack.send(scene.stage, sent)
    assert [] == scene.changes()


def test_other_path_is_no_chat(scene: Scene) -> None:
    body, _ = slack.command("alice", "help")

    status, answer = actors.post(f"{scene.stage.url}/fcapp/akw-chatops/teams", body,
                                 slack.signed(body))  # fmt: skip

    assert (404, "unknown_path") == (status, answer["reason"])


def test_message_that_is_sent_again_is_done_once(scene: Scene) -> None:
    """Slack repeats no command; an intruder might, within five minutes."""
    body, path = slack.command("alice", request(scene))
    headers = slack.signed(body)

    for _ in range(3):
        assert 200 == slack.send(scene.stage, body, headers)[0]

    Said(scene, 200, {}, path).told()
    scene.settled()
    assert 1 == len(scene.audit("event_type: chat.requested"))


@pytest.mark.parametrize("spoil", [
    lambda value: value[:-2] + "AA", lambda value: "o1." + value, lambda value: "",
    lambda value: "approved", lambda value: value.replace(".", "", 1), lambda value: "é" * 40,
])  # fmt: skip
def test_offer_that_is_not_ours_is_refused(scene: Scene, spoil: Callable[[str], str]) -> None:
    """Whoever could press a button of their own making."""
    button = slack.buttons(asked(scene))["approve"]
    body, path = slack.pressed("bob", button | {"value": spoil(button["value"])})

    slack.send(scene.stage, body)

    assert "offer_unusable" in text_of(Said(scene, 200, {}, path).told()[0])
    assert 0 == created_keys(scene)


def test_offer_ends(scene: Scene, travels: contextlib.ExitStack) -> None:
    card = asked(scene)
    pass_time(scene, travels, 8 * 3600 + 60)

    (told,) = press(scene, "bob", card).told()

    assert "offer_expired" in text_of(told)
    assert 0 == created_keys(scene)


@pytest.mark.parametrize("fault", [
    {"product": "slack", "kind": "error", "status": 500, "code": "x", "message": "x"},
    {"product": "slack", "kind": "drop"}, {"product": "slack", "kind": "throttle"},
    {"product": "slack", "kind": "error", "status": 404, "code": "used_url", "message": "x",
     "times": 0},
    {"product": "sls", "action": "PutLogs", "kind": "kill-before"},
    {"product": "sls", "action": "PutLogs", "kind": "kill-after"},
    {"product": "fc", "action": "InvokeFunction", "kind": "kill-after"},
    {"product": "kms", "action": "GetSecretValue", "kind": "drop"},
])  # fmt: skip
def test_what_fails_on_the_way_costs_no_vote_and_makes_no_second_key(
    scene: Scene, fault: dict[str, Any]
) -> None:
    card = asked(scene)
    scene.stage.manage("POST", "/faults", {"action": "*", "function": "akw-command", **fault})

    press(scene, "bob", card)

    until(lambda: created_keys(scene))
    until(lambda: all(task["state"] in ("Succeeded", "Failed") for task in scene.tasks()))
    assert 1 == created_keys(scene)


def test_vote_that_somebody_else_wrote_is_none(scene: Scene) -> None:
    """Other functions may write rows; only our signature makes one a vote."""
    card = asked(scene, env="prod", ip="198.51.100.7")
    forged = scene.audit("event_type: chat.requested")[0] | {
        "event_type": "chat.voted", "approver_id": "dave@example.com", "reason": "approve",
        "message": "0" * 64}  # fmt: skip
    row = {k: v for k, v in forged.items() if not k.startswith("__")}
    actors.put_rows(scene.stage, actors.PROJECT, "audit", [row])

    (told,) = press(scene, "carol", card).told()

    assert "So far: carol@example.com. More" in text_of(told)
    assert 0 == created_keys(scene)


def test_text_of_a_request_is_no_markup(scene: Scene) -> None:
    """Blocks are plain text; what a notification shows rings nobody."""
    (told,) = say(scene, "alice", request(scene, app="<!channel>")).told()

    assert "<!channel>" not in told["text"]
    assert {"plain_text"} == {block["text"]["type"] for block in told["blocks"]}


def test_page_shows_the_conversation_as_it_is(scene: Scene) -> None:
    """docs/chatops.md, played again; `python -m demo.chat` writes it."""
    lines = chat.play(scene.stage, scene.application)

    assert chat.PAGE.read_text(encoding="utf-8") == chat.page(lines)
