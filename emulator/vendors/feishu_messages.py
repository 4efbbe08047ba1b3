"""Feishu's messages of a bot: sent once for each `uuid` within an hour, cards changed in place.

Source: Feishu Open Platform, "Send message", "Update a sent message card". Choices: the code of a
message that there is not; that every person and every chat is within the bot's reach.
"""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.errors import ProductError
from emulator.vendors.state import Vendor

MOST_TEXT_BYTES, MOST_CARD_BYTES = 150 * 1024, 30 * 1024
UUID_SECONDS = 3600
PREFIXES = {"open_id": "ou_", "union_id": "on_", "chat_id": "oc_"}
_MESSAGES = "/open-apis/im/v1/messages"
_MESSAGE = re.compile(rf"{_MESSAGES}/(om_[A-Za-z0-9_-]+)")


def action_of(method: str, path: str) -> str:
    """The name that the history and faults use; empty if there is no such API."""
    if (method, path) == ("POST", _MESSAGES):
        return "SendMessage"
    return "PatchMessage" if method == "PATCH" and _MESSAGE.fullmatch(path) else ""


def send(
    vendor: Vendor, query: dict[str, str], body: dict[str, Any], now: float
) -> dict[str, Any]:
    """Keep what was said, in the order in which it came."""
    kind, to, uuid = (query.get("receive_id_type", ""), str(body.get("receive_id", "")),
                      str(body.get("uuid", "")))  # fmt: skip
    if kind not in PREFIXES or not to.startswith(PREFIXES[kind]) or len(uuid) > 50:
        raise _invalid("receive_id, receive_id_type or uuid")
    content = _content(body, str(body.get("msg_type", "")))
    for one in vendor.told:
        if uuid and one.get("uuid") == uuid and now - one["at"] < UUID_SECONDS:
            return {"message_id": one["message_id"]}
    sent = {"message_id": f"om_{len(vendor.told) + 1:032x}", "to": to, "uuid": uuid, "at": now,
            "msg_type": body["msg_type"], "content": content}  # fmt: skip
    vendor.told.append(sent)
    return {"message_id": sent["message_id"]}


def patch(vendor: Vendor, path: str, body: dict[str, Any]) -> None:
    """Keep what a card was changed to, beside what it was."""
    found = _MESSAGE.fullmatch(path)
    id = found[1] if found else ""
    before = [one for one in vendor.told if one["message_id"] == id]
    if not before or before[0]["msg_type"] != "interactive":
        raise _invalid("there is no such card of this bot")
    content = _content(body, "interactive")
    if not all(card.get("config", {}).get("update_multi") is True
               for card in (before[-1]["content"], content)):  # fmt: skip
        raise _invalid("only cards with update_multi, before and after, are changed")
    vendor.told.append({**before[0], "uuid": "", "content": content, "changed": True})


def _content(body: dict[str, Any], kind: str) -> dict[str, Any]:
    text = body.get("content")
    most = {"text": MOST_TEXT_BYTES, "interactive": MOST_CARD_BYTES}.get(kind)
    if most is None or not isinstance(text, str):
        raise _invalid("msg_type or content")
    if len(text.encode()) > most:
        raise ProductError(400, "230025", "the message is too long")
    try:
        content = json.loads(text)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not content.get("text" if kind == "text" else "elements"):
        raise _invalid("content")
    return content


def _invalid(what: str) -> ProductError:
    return ProductError(400, "230001", f"invalid request parameter: {what}")
