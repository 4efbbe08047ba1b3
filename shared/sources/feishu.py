"""Feishu's approval events: an encrypted body under a signature over all of it.

Both envelopes are read: v1 (`event_callback`), in which approval events come, and v2. Without an
Encrypt Key Feishu signs nothing: there is no channel without one. Source: Feishu Open Platform,
"Encrypt Key", "Verify the source", "approval_instance".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from shared import hints, vendor_secrets
from shared.fields import Refused, decoded
from shared.hints import Hint
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources.heard import Heard, age_refusal, event_name, sealed_text

KIND = "feishu"
SEALED = True
EVENTS = ("approval_instance", "approval.instance.status_changed_v4")
STATUSES = ("APPROVED", "REVERTED")  # the others cannot have led to a key, nor end one
_BLOCK_BYTES, _BLOCK_BITS = 16, 128


@dataclass(frozen=True)
class Channel:
    """What the app's "Encryption strategy" page shows."""

    encrypt_key: Secret
    verification_token: Secret


def channels(value: Secret) -> tuple[Channel, ...]:
    """Of the KMS secret: a JSON list of `{"encrypt_key", "verification_token"}`, the newest
    first."""
    names = ("encrypt_key", "verification_token")
    return tuple(Channel(*(Secret(one[name]) for name in names))
                 for one in vendor_secrets.objects(value, "Feishu", names))  # fmt: skip


def hear(
    inbound: Inbound, known: Sequence[Channel], place: Place, now: datetime
) -> Heard | Denied:
    """Verify and open; the record that the event is about, if it may lead to something."""
    cipher_text = sealed_text(inbound.body)
    if isinstance(cipher_text, Denied):
        return cipher_text
    for channel in known:
        event = _opened(channel, cipher_text)
        if event is None:
            continue
        if event.get("type") == "url_verification":
            return _challenged(channel, event)
        if _signed(channel, inbound):
            return _age(inbound, now) or _read(channel, event, place)
    return Denied("invalid_signature")


def _opened(channel: Channel, cipher_text: str) -> Mapping[str, Any] | None:
    """The event; None if it was not sealed with this key."""
    try:
        event = decoded(_plain(channel, cipher_text))
    except (ValueError, Refused):
        return None
    return event if isinstance(event, dict) else None


def _plain(channel: Channel, cipher_text: str) -> bytes:
    """AES-256-CBC under the key's SHA-256, the first block being the start. ValueError."""
    sealed = base64.b64decode(cipher_text, validate=True)
    key = hashlib.sha256(channel.encrypt_key.reveal().encode()).digest()
    decryptor = Cipher(algorithms.AES(key), modes.CBC(sealed[:_BLOCK_BYTES])).decryptor()
    padded = decryptor.update(sealed[_BLOCK_BYTES:]) + decryptor.finalize()
    unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def _signed(channel: Channel, inbound: Inbound) -> bool:
    headers = inbound.headers
    text = (headers.get("x-lark-request-timestamp", "") + headers.get("x-lark-request-nonce", "")
            + channel.encrypt_key.reveal())  # fmt: skip
    own = hashlib.sha256(text.encode(errors="replace") + inbound.body).hexdigest()
    given = headers.get("x-lark-signature", "")
    return hmac.compare_digest(own.encode(), given.encode(errors="replace"))


def _age(inbound: Inbound, now: datetime) -> Denied | None:
    text = inbound.headers.get("x-lark-request-timestamp", "")
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        return Denied("invalid_signature")
    return age_refusal(int(text), now)


def _challenged(channel: Channel, event: Mapping[str, Any]) -> Heard | Denied:
    """Feishu checks the address, without a signature: the token says that it is Feishu."""
    if not _is_token(channel, event.get("token")) or not isinstance(event.get("challenge"), str):
        return Denied("invalid_signature")
    return Heard(None, {"challenge": event["challenge"]})


def _is_token(channel: Channel, given: object) -> bool:
    own = channel.verification_token.reveal().encode()
    return isinstance(given, str) and hmac.compare_digest(own, given.encode(errors="replace"))


def _read(channel: Channel, content: Mapping[str, Any], place: Place) -> Heard | Denied:
    """v2 keeps in its header what v1 has beside and in the event."""
    header, event = content.get("header"), content.get("event")
    if not isinstance(event, dict) or not isinstance(header, dict | None):
        return Denied("wrong_type", "event")
    told = header if header is not None else {
        **content, "event_type": event.get("type"), "tenant_key": event.get("tenant_key"),
        "event_id": content.get("uuid")}  # fmt: skip
    if not _is_token(channel, told.get("token")):
        return Denied("invalid_signature")
    if told.get("tenant_key") != place.tenant:
        return Denied("other_tenant")
    hint = _hint(event, told, place)
    return hint if isinstance(hint, Denied) else Heard(hint, {})


def _hint(
    event: Mapping[str, Any], told: Mapping[str, Any], place: Place
) -> Hint | Denied | None:
    ours = told.get("event_type") in EVENTS and event.get("approval_code") in place.forms
    if not ours or event.get("status") not in STATUSES:
        return None
    record = event.get("instance_code")
    if not isinstance(record, str) or not hints.RECORD.fullmatch(record):
        return Denied("invalid_value", "record")
    withdrawn = event["status"] == "REVERTED"
    return Hint(KIND, record, event_name(told.get("event_id"), event["status"]), withdrawn)
