"""Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature` over the raw body.

The library does the cryptography; it raises bare ValueErrors on odd input and knows one secret at a
time, so it is wrapped.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from standardwebhooks.webhooks import Webhook

from shared.hints import WEBHOOKS
from shared.refusals import Denied
from shared.secrecy import Secret

KIND = WEBHOOKS
TOLERANCE = timedelta(minutes=5)  # the library's own; checked here first to name the reason


def verify(
    body: bytes, headers: Mapping[str, str], secrets: Sequence[Secret], now: datetime
) -> Denied | None:
    """None if any of the secrets has signed this body and its id at about this time.

    `headers` have lower-case names. Several signatures and several secrets are accepted, so that
    either side can rotate.
    """
    sent_at = _sent_at(headers.get("webhook-timestamp", ""))
    if sent_at is None or not headers.get("webhook-id"):
        return Denied("invalid_signature")
    if any(_signed(body, headers, secret) for secret in secrets):
        return None
    reason = _age_reason(sent_at, now)
    if reason is None:
        return Denied("invalid_signature")
    proven = any(_signed_then(body, headers, secret, sent_at) for secret in secrets)
    return Denied(reason, unproven=not proven)


def _signed(body: bytes, headers: Mapping[str, str], secret: Secret) -> bool:
    # A header of non-ASCII signatures, "v1" without a comma, a body that is no text: all of
    # these are exceptions of different kinds in the library, and one answer here.
    try:
        Webhook(secret.reveal()).verify(body, dict(headers), json_parse=False)
    except Exception:  # deliberate: see above
        return False
    return True


def _signed_then(
    body: bytes, headers: Mapping[str, str], secret: Secret, sent_at: datetime
) -> bool:
    """Whether the signature is right but for its age, at which the library looks first."""
    try:
        own = Webhook(secret.reveal()).sign(headers["webhook-id"], sent_at, body.decode())
    except Exception:  # deliberate, as above
        return False
    given = headers.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(own.encode(), one.encode(errors="replace")) for one in given)


def _sent_at(text: str) -> datetime | None:
    """Whole seconds since the epoch; the library would take `1.9` or `1e9` too."""
    if not text.isascii() or not text.isdigit() or len(text) > 11:  # 12 digits pass year 9999
        return None
    return datetime.fromtimestamp(int(text), UTC)


def _age_reason(sent_at: datetime, now: datetime) -> str | None:
    if sent_at < now - TOLERANCE:
        return "delivery_too_old"
    return "delivery_from_the_future" if sent_at > now + TOLERANCE else None
