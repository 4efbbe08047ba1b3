"""Feishu as a chat: messages to the bot and pressed buttons, in Feishu's envelope.

Source: Feishu Open Platform, "Receive message" (im.message.receive_v1), "Card callback
communication" (card.action.trigger). Both come in the form v2 alone. Answers are messages: a call
is answered with nothing, but for the notice that whoever has pressed a button gets.
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
_MENTION = re.compile(r"@_(?:user_\d+|all)\b")  # what stands in a text for `@somebody`


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
    """Texts of people: to the bot alone, or in a group with a mention. Feishu may push the same
    message under two event ids; its own id tells it from others."""
    sender, message = event["sender"], event["message"]
    heeded = message["chat_type"] == "p2p" or (
        message["chat_type"] == "group" and bool(message.get("mentions")))
    if sender["sender_type"] != "user" or message["message_type"] != "text" or not heeded:
        return NOTHING
    text = json.loads(message["content"])["text"]
    return _message(
        sender["sender_id"], sender["tenant_key"], place, event=f"message {message['message_id']}",
        reply=(message["message_id"], sender["sender_id"]["open_id"], message["chat_id"]),
        text=_MENTION.sub(" ", text))  # fmt: skip


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
