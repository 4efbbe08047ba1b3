"""Slack's Web API: messages that an app writes by itself.

Source: Slack, "chat.postMessage", "Using the Slack Web API": a refusal has status 200 and
`ok: false` with a code. Choice: every channel and every user that is named exists, but those of the
app's `unknown`, names with commas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.vendors.slack import fits
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

NAME, HOST = "slack-api", "slack.com"
SECRETS = ("bot_token",)
TOO_MANY = 429


def action_of(method: str, path: str) -> str:
    return "PostMessage" if (method, path) == ("POST", "/api/chat.postMessage") else ""


def refused(refusal: ProductError, request_id: str) -> Response:
    status = refusal.status if refusal.status >= TOO_MANY else 200
    return Response.json(status, {"ok": False, "error": refusal.code})


def post_message(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    vendor = cloud.vendors[NAME]
    token = vendor.app.get("bot_token")
    if not token or request.headers.get("authorization") != f"Bearer {token}":
        raise ProductError(401, "invalid_auth", "the token is not valid")
    channel = str(body.get("channel") or "")
    if not channel or channel in vendor.app.get("unknown", "").split(","):
        raise ProductError(404, "channel_not_found", "no such channel")
    if not fits(body):
        raise ProductError(400, "invalid_blocks", "a text or the blocks are too long")
    vendor.told.append({"path": channel, "message": body})
    return {"ok": True, "channel": channel, "ts": f"{cloud.clock.time():.6f}"}


ACTIONS = {"PostMessage": post_message}
