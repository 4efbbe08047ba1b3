"""Feishu as a chat: messages to the bot and pressed buttons, in Feishu's envelope.

Source: Feishu Open Platform, "Receive message" (im.message.receive_v1), "Received message content",
"Card callback communication" (card.action.trigger). Both come in the form v2 alone. Answers are
messages: a call is answered with nothing, but for the notice that whoever has pressed a button
gets.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.chat.messages import ACTIONS, Message
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import feishu_envelope
from shared.sources.feishu_envelope import Channel, Opened
from shared.sources.heard import Heard

KIND = "feishu-chat"
TYPED, PRESSED = "im.message.receive_v1", "card.action.trigger"
CHAT_URL = "https://applink.feishu.cn/client/chat/open?openChatId="
NOTHING = Heard(None, {})
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
# What stands in a text for `@somebody`, whom the event's `mentions` name.
_MENTION = re.compile(r"@_(?:user_[0-9]+|all)(?![A-Za-z0-9_])")
_QUOTED = ('="', "='", "=“", "=‘")
TEXT, RICH = "text", "post"


def channels(value: Secret) -> tuple[Channel, ...]:
    """Of the KMS secret."""
    return feishu_envelope.channels(value)


def hear(
    inbound: Inbound, known: Sequence[Channel], place: Place, now: datetime
) -> Message | Heard | Denied:
    """Verify, open and read; a `Heard` with its answer for what nothing follows from."""
    found = feishu_envelope.opened(inbound, known, now)
    if not isinstance(found, Opened):
        return found
    try:
        return _read(found, place)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return Denied("payload_malformed")


def _read(found: Opened, place: Place) -> Message | Heard | Denied:
    header, event = found.content["header"], found.content["event"]
    if denied := feishu_envelope.refusal(found.channel, header, place.tenant):
        return denied
    if header["app_id"] not in place.forms:
        return Denied("other_tenant")
    if header["event_type"] == TYPED:
        return _typed(event, place)
    if header["event_type"] == PRESSED:
        return _pressed(event, header["event_id"], place)
    return NOTHING


def _typed(event: Mapping[str, Any], place: Place) -> Message | Heard | Denied:
    """Texts of people, rich ones too: to the bot alone, or in a group with a mention. Feishu may
    push the same message under two event ids; its own id tells it from others."""
    sender, message = event["sender"], event["message"]
    heeded = message["chat_type"] == "p2p" or (
        message["chat_type"] == "group" and bool(message.get("mentions")))
    kind = message["message_type"]
    if sender["sender_type"] != "user" or kind not in (TEXT, RICH) or not heeded:
        return NOTHING
    content = json.loads(message["content"])
    text = _flat(content) if kind == RICH else content["text"]
    return _message(
        sender["sender_id"], sender["tenant_key"], place, event=f"message {message['message_id']}",
        reply=(message["message_id"], sender["sender_id"]["open_id"], message["chat_id"]),
        text=_with_people(text, message.get("mentions") or ()))  # fmt: skip


def _flat(content: Mapping[str, Any]) -> str:
    """Of a rich text: its title and its lines; if it has several languages, those of each."""
    if "content" not in content:
        return "\n".join(dict.fromkeys(map(_flat, content.values())))
    lines = ("".join(map(_piece, line)) for line in content["content"])
    return "\n".join(filter(None, (content.get("title"), *lines)))


def _piece(element: Mapping[str, Any]) -> str:
    """What was written there, or who is mentioned; of a picture nothing. A link's address stands
    beside its text as chats write it, for what looks for keys: `<text|address>`."""
    if element["tag"] == "at":
        return str(element["user_id"])
    text, address = element.get("text") or "", element.get("href") or ""
    if not address or not text:
        return text or address
    return f"{text} {address}" if {*text, *address} & {*"<>|"} else f"<{text}|{address}>"


def _with_people(text: str, mentions: Sequence[Mapping[str, Any]]) -> str:
    """A mention is no word (which one is the bot's, no event says), but where it is a field's
    value: there it becomes `@` and the `union_id`. One that the event does not explain stays there,
    and will be nobody."""
    ids = {one.get("key"): (one.get("id") or {}).get("union_id") for one in mentions}

    def named(found: re.Match[str]) -> str:
        if not text[: found.start()].endswith(("=", *_QUOTED)):
            return " "
        id = ids.get(found[0])
        return f"@{id}" if id and _ID.fullmatch(id) else found[0]

    return _MENTION.sub(named, text)


def _pressed(event: Mapping[str, Any], id: str, place: Place) -> Message | Heard | Denied:
    value, where, who = event["action"].get("value"), event["context"], event["operator"]
    if not isinstance(value, dict) or value.get("action") not in ACTIONS:
        return NOTHING  # a button of another card
    return _message(
        who, who["tenant_key"], place, event=f"press {id}",
        reply=(id, who["open_id"], where["open_chat_id"], where["open_message_id"]),
        action=value["action"], offer=value["offer"])  # fmt: skip


def _message(
    who: Mapping[str, Any], tenant: object, place: Place, *, reply: tuple[str, ...], **more: str
) -> Message | Denied:
    """`reply` is what an answer has to know: what it answers (so that it is sent once), who asked,
    in which chat, and which card was pressed."""
    if tenant != place.tenant:  # somebody of another company, in a group with us
        return Denied("other_tenant")
    if not all(_ID.fullmatch(one) for one in (*reply, who["union_id"])):
        raise ValueError("no id")
    if not all(isinstance(one, str) for one in more.values()):
        raise TypeError("no text")
    return Message(KIND, who["union_id"], url=CHAT_URL + reply[2], reply="/" + "/".join(reply),
                   **more)  # fmt: skip
