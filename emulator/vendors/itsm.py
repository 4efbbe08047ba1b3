"""Somebody's own system that takes webhooks: it keeps what it is sent, with its headers.

No vendor's: it verifies nothing, so that whoever looks at what was sent can.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.errors import ProductError
from emulator.wire import Request, Response

if TYPE_CHECKING:
    from emulator.cloud import Cloud

NAME, HOST = "itsm", "itsm.example.com"
SECRETS = ()


def action_of(method: str, path: str) -> str:
    return "PostNotice" if method == "POST" else ""


def refused(refusal: ProductError, request_id: str) -> Response:
    return Response.json(refusal.status, {"error": refusal.code})


def post_notice(cloud: Cloud, request: Request, body: dict[str, Any]) -> dict[str, Any]:
    headers = {name: request.headers.get(name, "")
               for name in ("webhook-id", "webhook-timestamp", "webhook-signature")}  # fmt: skip
    cloud.vendors[NAME].told.append(
        {"path": request.path, "headers": headers, "body": request.body.decode()})
    return {}


ACTIONS = {"PostNotice": post_notice}
