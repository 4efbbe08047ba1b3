"""The vendors' own libraries as judges of a request, and the few signatures that they cannot make.

What the tests send is signed by these libraries (`demo/`); what akwarden refuses as unsigned is
refused by them, too, but where a test names the difference.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

from slack_sdk.signature import SignatureVerifier
from standardwebhooks.webhooks import Webhook


def by_hand(secret: str, body: bytes, *, delivery: str, stamp: str) -> dict[str, str]:
    """A Standard Webhook's headers for what the library does not sign: a timestamp that is none, a
    body that is no text."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.digest(key, f"{delivery}.{stamp}.".encode() + body, hashlib.sha256)
    return {"webhook-id": delivery, "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(mac).decode()}"}  # fmt: skip


def slack_by_hand(secret: str, body: bytes, stamp: str) -> dict[str, str]:
    """Slack's headers for a body that is no text, which its library does not sign."""
    mac = hmac.new(secret.encode(), f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Slack-Signature": f"v0={mac}", "X-Slack-Request-Timestamp": stamp}


def webhook_accepted(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the Standard Webhooks library takes it, by this process's clock."""
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
    except Exception:  # its refusals are of many kinds
        return False
    return True


def slack_accepted(secret: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether Slack's library does."""
    try:
        return SignatureVerifier(secret).is_valid_request(body, dict(headers))
    except (ValueError, TypeError, OverflowError):  # odd times, what is no text or no ASCII
        return False


def feishu_accepted(key: str, token: str, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether Feishu's SDK hands the event on; it knows no age, and headers by these names only."""
    from lark_oapi import EventDispatcherHandler  # takes seconds
    from lark_oapi.core.model import RawRequest

    seen: list[object] = []
    builder = EventDispatcherHandler.builder(key, token)
    builder.register_p1_customized_event("approval_instance", seen.append)
    builder.register_p2_customized_event("approval.instance.status_changed_v4", seen.append)
    builder.register_p2_im_message_receive_v1(seen.append)
    request = RawRequest()
    request.headers, request.body = dict(headers), body
    return 200 == builder.build().do(request).status_code and bool(seen)
