"""Answers in Feishu by the app's bot: texts to whoever asked, cards to the chat, cards changed.

Source: Feishu Open Platform, "Send message", "Update a sent message card", "Card JSON 1.0
structure". A card may be changed within 14 days, and only if it says `update_multi` from the
beginning. Texts of cards are plain ones, so that nothing in them is a mention, a link or a style.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from shared.adapters.feishu_app import FeishuApp
from shared.adapters.tea import Endpoint
from shared.chat.messages import APPROVE, REJECT, Reply, fitted
from shared.secrecy import Secret

SEND, CHANGE = "SendMessage", "PatchMessage"
MOST_TEXT = 3000  # Feishu takes 150 KB of a text, and 30 KB of a card with what its buttons carry
_MESSAGES = "/open-apis/im/v1/messages"


class Adapter:
    """Implements `ports.Chat`; `secret` is JSON: `{"app_id", "app_secret"}`."""

    def __init__(self, endpoint: Endpoint, secret: Secret) -> None:
        self._app = FeishuApp(secret, endpoint)

    def reply(self, path: str, reply: Reply) -> None:
        """Send it, or change the card that was pressed; CloudRefused, CloudUnknown."""
        _, _, person, chat, *card = path.split("/")
        if reply.replaces and card:
            body = {"content": json.dumps(card_of(reply))}
            self._app.call(CHANGE, "PATCH", f"{_MESSAGES}/{card[0]}", body=body)
            return
        kind, to = ("chat_id", chat) if reply.public else ("open_id", person)
        self._app.call(SEND, "POST", _MESSAGES, query={"receive_id_type": kind}, body={
            "receive_id": to, "uuid": _once(path, reply),
            "msg_type": "interactive" if reply.public else "text",
            "content": json.dumps(card_of(reply) if reply.public else text_of(reply)),
        })  # fmt: skip


def _once(path: str, reply: Reply) -> str:
    """Feishu sends one message of a `uuid` within an hour; a path names the message answered."""
    return hashlib.sha256(f"{path}\n{reply.public}\n{reply.text}".encode()).hexdigest()[:40]


def text_of(reply: Reply) -> dict[str, str]:
    """In a text, `<at user_id="all">` would ring everybody."""
    return {"text": fitted(reply.text, MOST_TEXT).replace("<", "\uff1c")}


def card_of(reply: Reply) -> dict[str, Any]:
    """A card for all, with the buttons that there are."""
    elements: list[dict[str, Any]] = [
        {"tag": "div", "text": {"tag": "plain_text", "content": fitted(reply.text, MOST_TEXT)}}]
    if reply.buttons:
        elements.append({"tag": "action", "actions": [
            {"tag": "button", "text": {"tag": "plain_text", "content": one.label},
             "type": {APPROVE: "primary", REJECT: "danger"}.get(one.action, "default"),
             "value": {"action": one.action, "offer": one.offer}}
            for one in reply.buttons]})  # fmt: skip
    return {"config": {"update_multi": True, "wide_screen_mode": True}, "elements": elements}
