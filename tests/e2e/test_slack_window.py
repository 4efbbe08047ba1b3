"""The window of `/accesskey request`: filled in, it is a request like a typed one."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from demo import actors, slack
from tests.e2e.chat import fill, id_of, press, request, say, text_of, window
from tests.e2e.conftest import Scene, until
from tests.e2e.test_revoke import remains


def test_window_leads_to_a_key_as_typing_does(scene: Scene) -> None:
    """The answers go where the command was typed; parameters stay out of the channel."""
    shown = window(scene)
    blocks = {one["block_id"]: one["element"] for one in shown["view"]["blocks"]}
    environments = [one["value"] for one in blocks["environment"]["options"]]

    said = fill(scene, "alice", shown, purpose='the "order" system\nwrites & reads <its> logs')

    assert (200, {"response_action": "clear"}) == (said.status, said.answer)
    (card,) = said.told()
    assert ("in_channel", True) == (card["response_type"], "orders-logs" not in str(card["text"]))
    _, issued = press(scene, "bob", card).told(2)
    assert f"{id_of(card)} is issued: secret akw/{scene.application}/dev" in text_of(issued)
    assert ["dev", "prod"] == environments


def test_what_is_wrong_is_told_beside_its_field_and_goes_no_further(scene: Scene) -> None:
    """And the same window, corrected, is taken."""
    shown = window(scene)
    for changes, field, reason in (
        ({"ttl": "", "template": ""}, {"ttl", "template"}, "This is needed."),
        ({"necessity_confirmed": ""}, {"necessity_confirmed"}, "necessity_not_confirmed"),
        ({"environment": "prod"}, {"source_ips"}, "source_ips_required"),
        ({"parameters": "project=*\nlogstore=app"}, {"parameters"}, "wildcard_not_allowed"),
        ({"consumers": "admin"}, {"consumers"}, "consumer_not_allowed"),
    ):
        answer = fill(scene, "alice", shown, None, **changes).answer
        assert ("errors", field) == (answer["response_action"], set(answer["errors"])), answer
        assert all(reason in text for text in answer["errors"].values()), answer
    scene.stage.manage("POST", "/faults", {
        "product": "fc", "action": "InvokeFunction", "function": "akw-chatops", "kind": "error",
        "status": 500, "code": "InternalServerError", "message": "x"})  # fmt: skip
    down = fill(scene, "alice", shown).answer
    assert ["akwarden cannot take this now; try again in a minute."] == [*down["errors"].values()]
    assert [] == scene.audit("event_type: chat.requested")

    assert {"response_action": "clear"} == fill(scene, "alice", shown).answer
    until(lambda: scene.audit("event_type: chat.requested"))


def test_window_that_is_sent_again_is_one_request(scene: Scene) -> None:
    """By its id, and whatever stands in it by then."""
    shown = window(scene)

    said = [fill(scene, "alice", shown, ttl=ttl) for ttl in ("7d", "7d", "8d")]

    said[0].told()
    scene.settled()
    assert [{"response_action": "clear"}] * 3 == [one.answer for one in said]
    assert 1 == len(scene.audit("event_type: chat.requested"))


@pytest.mark.parametrize("fault", [
    {"kind": "error", "status": 500, "code": "x", "message": "x"},
    {"kind": "throttle"}, {"kind": "drop"}, {"kind": "delay", "seconds": 2.5},
])  # fmt: skip
def test_without_a_window_it_can_be_typed(scene: Scene, fault: dict[str, Any]) -> None:
    """Told in time, with an example; and that goes on as ever."""
    scene.stage.manage("POST", "/faults", {"product": "slack", "action": "ViewsOpen", **fault})
    began = time.monotonic()

    said = say(scene, "alice", "request")

    assert "For example: request app=orders env=dev" in said.text
    assert time.monotonic() - began < 4
    assert id_of(say(scene, "alice", request(scene)).told()[0]).startswith("AK-")


def test_trigger_that_was_used_opens_no_second_window(scene: Scene) -> None:
    """Slack's refusal has status 200."""
    said = say(scene, "alice", "申请")

    _, again = slack.send(scene.stage, said.body)

    assert ["Fill in the window; I answer here.", True] == [
        said.text, "For example: request" in again["text"]]
    assert 1 == len(slack.windows(scene.stage, said.body))


def test_key_in_a_window_goes_no_further(scene: Scene) -> None:
    """As of typed text: beside its secret, whichever field that stands in, it has leaked."""
    scene.deliver(scene.body())
    scene.settled()
    key = actors.read_key(scene.stage, actors.assume(scene.stage, actors.READER),
                          f"akw/{scene.application}/prod")  # fmt: skip
    shown = window(scene)
    alone = fill(scene, "alice", shown, purpose=f"instead of {key.access_key_id}").answer
    assert "something like an AccessKey" in alone["errors"]["purpose"]

    said = fill(scene, "alice", shown, purpose=f"instead of {key.access_key_id}",
                alternative_considered=key.secret)  # fmt: skip

    assert "being revoked as leaked" in said.answer["errors"]["purpose"]
    until(lambda: not remains(scene))
    assert key.secret not in json.dumps(scene.stage.manage("GET", "/logs"))
    assert [] == scene.audit("event_type: chat.requested")


def _back(shown: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The window with other metadata, which only Slack could sign."""
    metadata = json.loads(shown["view"]["private_metadata"]) | changes
    return shown | {"view": shown["view"] | {"private_metadata": json.dumps(metadata)}}


def test_windows_that_are_not_ours_or_too_old_are_none(scene: Scene) -> None:
    """Answers go to Slack alone, in time, to somebody we know; unknown people get no window."""
    shown = window(scene)
    elsewhere = fill(scene, "alice", _back(shown, response_url="https://evil.example/commands/1"))
    assert (400, "payload_malformed") == (elsewhere.status, elsewhere.answer["reason"])
    other = fill(scene, "alice", shown, {"api_app_id": "A0OTHER"})
    assert "other_tenant" == other.answer["reason"]
    forged, _ = slack.filled("alice", shown, {})
    headers = slack.signed(forged, secret="guessed-by-somebody")
    assert "invalid_signature" == slack.send(scene.stage, forged, headers)[1]["reason"]
    old = fill(scene, "alice", _back(shown, opened_at=int(time.time()) - 26 * 60))
    assert "too old" in str(old.answer["errors"])
    assert "I do not know you" in str(fill(scene, "stranger", shown).answer["errors"])
    callback = fill(scene, "alice", shown | {"view": shown["view"] | {"callback_id": "other"}})
    assert (200, {}) == (callback.status, callback.answer)
    stranger = say(scene, "stranger", "request")
    assert ([], True) == (slack.windows(scene.stage, stranger.body),
                          "For example: request" in stranger.text)  # fmt: skip
    assert [] == scene.audit("event_type: chat.requested")
