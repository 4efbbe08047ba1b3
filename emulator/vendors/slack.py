"""Slack: the addresses of messages (`response_url`), to which an app answers.

Source: Slack, "Handling user interaction": an address takes five answers. Not here: that it ends
after half an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

NAME, HOST = "slack", "hooks.slack.com"
SECRETS = ("signing_secret",)
MOST_ANSWERS = 5
MOST_TEXT, MOST_VALUE, MOST_BLOCKS = 3000, 2000, 50
TYPES = ("ephemeral", "in_channel")


def action_of(method: str, path: str) -> str:
    """The one call that there is."""
    return "Respond" if method == "POST" and path.startswith(("/commands/", "/actions/")) else ""


def refused(refusal: ProductError, request_id: str) -> Response:
    return Response.json(refusal.status, {"ok": False, "error": refusal.code})


def respond(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    """Keep what was said, in the order in which it came."""
    vendor = cloud.vendors[NAME]
    if sum(one["path"] == request.path for one in vendor.told) >= MOST_ANSWERS:
        raise ProductError(404, "used_url", "this address has had its five answers")
    if body.get("response_type", "ephemeral") not in TYPES or not fits(body):
        raise ProductError(400, "invalid_blocks", "a text, a value or the blocks are too long")
    vendor.told.append({"path": request.path, "message": body})
    return {"ok": True}


def fits(body: dict[str, Any]) -> bool:
    blocks = body.get("blocks", [])
    if not body.get("text") or len(blocks) > MOST_BLOCKS:
        return False
    texts = [one["text"]["text"] for one in blocks if one["type"] == "section"]
    values = [element.get("value", "") for one in blocks if one["type"] == "actions"
              for element in one["elements"]]  # fmt: skip
    return all(0 < len(text) <= MOST_TEXT for text in texts) and all(
        len(value) <= MOST_VALUE for value in values)


ACTIONS = {"Respond": respond}
