"""Slack: the addresses of messages (`response_url`), to which an app answers, its windows, and what
an app writes by itself.

Source: Slack, "Handling user interaction": an address takes five answers; "views.open",
"chat.postMessage", Block Kit reference: the limits of a modal. An API error has status 200. Not
here: that an address ends after half an hour, and a trigger after three seconds.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud
    from emulator.vendors.state import Vendor

NAME, HOST, API_HOST = "slack", "hooks.slack.com", "slack.com"
OPEN_PATH, POST_PATH = "/api/views.open", "/api/chat.postMessage"
SECRETS = ("signing_secret", "bot_token")
MOST_ANSWERS = 5
MOST_TEXT, MOST_VALUE, MOST_BLOCKS = 3000, 2000, 50
MOST_TITLE, MOST_VIEW_BLOCKS, MOST_OPTION, MOST_OPTION_VALUE = 24, 100, 75, 150
TYPES = ("ephemeral", "in_channel")


def action_of(method: str, path: str) -> str:
    """The calls that there are."""
    if (method, path) == ("POST", OPEN_PATH):
        return "ViewsOpen"
    if (method, path) == ("POST", POST_PATH):
        return "PostMessage"
    return "Respond" if method == "POST" and path.startswith(("/commands/", "/actions/")) else ""


def refused(refusal: ProductError, request_id: str) -> Response:
    return Response.json(refusal.status, {"ok": False, "error": refusal.code})


def respond(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Keep what was said, in the order in which it came."""
    vendor = cloud.vendors[NAME]
    if sum(one["path"] == request.path for one in vendor.told) >= MOST_ANSWERS:
        raise ProductError(404, "used_url", "this address has had its five answers")
    if body.get("response_type", "ephemeral") not in TYPES or not _fits(body):
        raise ProductError(400, "invalid_blocks", "a text, a value or the blocks are too long")
    vendor.told.append({"path": request.path, "message": body})
    return {"ok": True}


def _fits(body: dict[str, Any]) -> bool:
    blocks = body.get("blocks", [])
    if not body.get("text") or len(blocks) > MOST_BLOCKS:
        return False
    texts = [one["text"]["text"] for one in blocks if one["type"] == "section"]
    values = [element.get("value", "") for one in blocks if one["type"] == "actions"
              for element in one["elements"]]  # fmt: skip
    return all(0 < len(text) <= MOST_TEXT for text in texts) and all(
        len(value) <= MOST_VALUE for value in values)


def _authenticated(cloud: Cloud, request: Request) -> Vendor:
    vendor = cloud.vendors[NAME]
    own = f"Bearer {vendor.app.get('bot_token', '')}".encode()
    if not vendor.app.get("bot_token") or not hmac.compare_digest(
            own, request.headers.get("authorization", "").encode()):  # fmt: skip
        raise ProductError(200, "invalid_auth", "no such token")
    return vendor


def post_message(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Choice: every channel and every user that is named exists, but those of the app's `unknown`,
    names with commas."""
    vendor = _authenticated(cloud, request)
    channel = str(body.get("channel") or "")
    if not channel or channel in vendor.app.get("unknown", "").split(","):
        raise ProductError(200, "channel_not_found", "no such channel")
    if not _fits(body):
        raise ProductError(200, "invalid_blocks", "a text or the blocks are too long")
    vendor.told.append({"path": channel, "message": body})
    return {"ok": True, "channel": channel, "ts": f"{cloud.clock.time():.6f}"}


def views_open(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Keep the window that is shown, with an id; one for each trigger."""
    vendor = _authenticated(cloud, request)
    trigger, view = body.get("trigger_id"), body.get("view")
    if not isinstance(trigger, str) or not trigger:
        raise ProductError(200, "invalid_arguments", "trigger_id is missing")
    opened = [one for one in vendor.told if one["path"] == OPEN_PATH]
    if any(one["message"]["trigger_id"] == trigger for one in opened):
        raise ProductError(200, "exchanged_trigger_id", "this trigger was used")
    if not isinstance(view, dict) or (wrong := _wrong(view)):
        raise ProductError(200, "invalid_arguments", f"the view's {wrong} will not do")
    id = f"V0WINDOW{len(opened)}"
    vendor.told.append({"path": OPEN_PATH, "message": {**body, "id": id}})
    return {"ok": True, "view": {**view, "id": id}}


def _wrong(view: dict[str, Any]) -> str:
    """The first part of a modal that Slack would refuse; empty if there is none."""
    titles = [view.get(name, {}).get("text", "x") for name in ("title", "submit", "close")]
    blocks = view.get("blocks", [])
    checks = {
        "type": view.get("type") == "modal", "title": "title" in view and "submit" in view,
        "texts": all(0 < len(text) <= MOST_TITLE for text in titles),
        "private_metadata": len(view.get("private_metadata", "")) <= MOST_TEXT,
        "blocks": 0 < len(blocks) <= MOST_VIEW_BLOCKS,
        "block_id": len({one["block_id"] for one in blocks}) == len(blocks),
        "element": all(map(_is_input, blocks)),
    }
    return next((name for name, right in checks.items() if not right), "")


def _is_input(block: dict[str, Any]) -> bool:
    element, label = block["element"], block["label"]["text"]
    if block["type"] != "input" or not 0 < len(label) <= MOST_VALUE:
        return False
    if element["type"] == "plain_text_input":
        most = element.get("max_length", MOST_TEXT)
        return bool(0 < most <= MOST_TEXT and len(element.get("initial_value", "")) <= most)
    most_options = {"static_select": 100, "checkboxes": 10}.get(element["type"], 0)
    return 0 < len(element["options"]) <= most_options and all(
        0 < len(one["text"]["text"]) <= MOST_OPTION and 0 < len(one["value"]) <= MOST_OPTION_VALUE
        for one in element["options"])


ACTIONS = {"Respond": respond, "ViewsOpen": views_open, "PostMessage": post_message}
