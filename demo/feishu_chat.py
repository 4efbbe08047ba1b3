"""Feishu's chat as akwarden meets it: people who speak to a bot and press buttons of its cards.

Written from Feishu's documentation, apart from akwarden's own reading of it; the tests compare the
requests with Feishu's own SDK. `place` is a word of the caller's: who plays at different places
finds what was said there alone.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from demo import actors, feishu
from demo.stage import Cloud

APP_ID, APP_SECRET = "cli_demoakwarden0002", "demo-bot-secret-of-feishu-00000000000002"
ENCRYPT_KEY, TOKEN = "demo-encrypt-key-of-the-bot", "demo-verification-token-of-the-bot"
FUNCTION, MENTION = "akw-chatops", "@_user_1"
_numbers = itertools.count(1)
Signed = tuple[dict[str, str], bytes]


def channel_secret() -> str:
    """What `akwarden/in-feishu-chat` holds."""
    return json.dumps([{"encrypt_key": ENCRYPT_KEY, "verification_token": TOKEN}])


def bot_secret() -> str:
    """What `akwarden/out-feishu-chat` holds."""
    return json.dumps({"app_id": APP_ID, "app_secret": APP_SECRET})


def chat(place: str) -> str:
    return f"oc_{place}"


def ids(name: str, place: str) -> dict[str, str]:
    """A person's; config/people.toml knows the union_id."""
    return {"open_id": f"ou_{name}_{place}", "union_id": f"on_{name}", "user_id": f"u{name}"}


def _event(kind: str, event: dict[str, Any], **header: Any) -> dict[str, Any]:
    return {"schema": "2.0", "event": event, "header": {
        "event_id": f"{time.time_ns():x}{next(_numbers):x}", "event_type": kind, "token": TOKEN,
        "app_id": APP_ID, "tenant_key": feishu.TENANT,
        "create_time": str(int(time.time() * 1000))} | header}  # fmt: skip


def typed(name: str, text: str, place: str = "1", **changes: Any) -> dict[str, Any]:
    """The event of `@bot <text>` in a group; `changes` are those of the message."""
    sender = {"sender_id": ids(name, place), "sender_type": "user", "tenant_key": feishu.TENANT}
    message = {
        "message_id": f"om_in{time.time_ns():x}{next(_numbers):x}", "chat_id": chat(place),
        "chat_type": "group", "message_type": "text", "create_time": str(int(time.time() * 1000)),
        "content": json.dumps({"text": f"{MENTION} {text}"}),
        "mentions": [{"key": MENTION, "name": "akwarden", "tenant_key": feishu.TENANT,
                      "id": {"open_id": "ou_bot", "union_id": "on_bot", "user_id": ""}}],
    } | changes  # fmt: skip
    return _event("im.message.receive_v1", {"sender": sender, "message": message})


def mention(name: str, number: int, place: str = "1") -> dict[str, Any]:
    """Of a person, for whom a text has `@_user_<number>`; the first one is the bot's."""
    return {"key": f"@_user_{number}", "name": name, "tenant_key": feishu.TENANT,
            "id": ids(name, place)}  # fmt: skip


def pressed(
    name: str, card: dict[str, Any], action: str = "approve", place: str = "1"
) -> dict[str, Any]:
    """The callback of a pressed button; `card` is a message as `told` has it."""
    return _event("card.action.trigger", {
        "operator": {"tenant_key": feishu.TENANT, **ids(name, place)}, "token": "c-update",
        "action": {"tag": "button", "value": dict(buttons(card)[action]["value"])},
        "host": "im_message",
        "context": {"open_message_id": card["message_id"], "open_chat_id": chat(place)},
    })  # fmt: skip


def request(event: dict[str, Any], **signing: Any) -> Signed:
    """Headers and body, sealed and signed as Feishu does."""
    return feishu.request(event, **{"encrypt_key": ENCRYPT_KEY} | signing)


def send(stage: Cloud, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
    """POST it to the chats' ingress; status and answer."""
    return actors.post(f"{stage.url}/fcapp/{FUNCTION}/feishu", body, headers)


def told(stage: Cloud, place: str) -> list[dict[str, Any]]:
    """What the bot has said there, to all and to people alone, in order."""
    all = stage.manage("POST", "/vendors/feishu", {})["told"]
    return [one for one in all if one["to"].endswith(f"_{place}")]


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    return str(content["text"] if "text" in content else content["elements"][0]["text"]["content"])


def buttons(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A card's buttons, by what they do."""
    return {one["value"]["action"]: one for element in message["content"].get("elements", [])
            if element["tag"] == "action" for one in element["actions"]}  # fmt: skip


def play_short(stage: Cloud, application: str, words: str, seconds: float = 90) -> list[str]:
    """A request and its approval, as people would see it; RuntimeError if it takes another way."""
    lines = [f"alice: @akwarden {words}"]
    _post(stage, typed("alice", words, application))
    (card,) = _awaited(stage, application, 1, seconds)
    lines += ["  (to the chat) " + text_of(card).replace("\n", "\n    ") + "".join(
        f" [{one['text']['content']}]" for one in buttons(card).values())]
    answer = _post(stage, pressed("bob", card, place=application))
    lines += [f"bob: presses [Approve], sees {answer['toast']['content']!r}"]
    for one in _awaited(stage, application, 3, seconds)[1:]:
        where = "the card becomes" if one.get("changed") else "to the chat"
        lines.append(f"  ({where}) " + text_of(one).replace("\n", "\n    "))
    return lines


def _post(stage: Cloud, event: dict[str, Any]) -> dict[str, Any]:
    status, answer = send(stage, *request(event))
    if status != 200:
        raise RuntimeError(f"Feishu was answered {status}: {answer.get('reason')}")
    return answer


def _awaited(stage: Cloud, place: str, count: int, seconds: float) -> list[dict[str, Any]]:
    end = time.monotonic() + seconds
    while len(found := told(stage, place)) < count:
        if time.monotonic() > end:
            raise RuntimeError(f"{len(found)} messages of {count}")
        time.sleep(0.1)
    return found[:count]
