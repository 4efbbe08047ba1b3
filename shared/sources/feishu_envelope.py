"""Feishu's envelope: an encrypted body under a signature over all of it, the same for the events
of approvals, for messages and for pressed buttons.

Without an Encrypt Key Feishu signs nothing: there is no channel without one. Cards of the old kind
are signed otherwise (SHA-1, the Verification Token as its key): refused. Source: Feishu Open
Platform, "Encrypt Key", "Verify the source".
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

from shared import vendor_secrets
from shared.fields import Refused, decoded
from shared.http_event import Inbound
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources.heard import Heard, age_refusal, sealed_text

_BLOCK_BYTES, _BLOCK_BITS = 16, 128


@dataclass(frozen=True)
class Channel:
    """What the app's "Encryption strategy" page shows."""

    encrypt_key: Secret
    verification_token: Secret


@dataclass(frozen=True)
class Opened:
    """What was sealed and signed with that channel's key; not yet whether it is ours."""

    channel: Channel
    content: Mapping[str, Any]


def channels(value: Secret) -> tuple[Channel, ...]:
    """Of the KMS secret: a JSON list of `{"encrypt_key", "verification_token"}`, the newest
    first."""
    names = ("encrypt_key", "verification_token")
    return tuple(Channel(*(Secret(one[name]) for name in names))
                 for one in vendor_secrets.objects(value, "Feishu", names))  # fmt: skip


def opened(
    inbound: Inbound, known: Sequence[Channel], now: datetime
) -> Opened | Heard | Denied:
    """Verify and open; a `Heard` with its answer for Feishu's check of the address."""
    cipher_text = sealed_text(inbound.body)
    if isinstance(cipher_text, Denied):
        return cipher_text
    for channel in known:
        content = content_of(channel, cipher_text)
        if content is None:
            continue
        if content.get("type") == "url_verification":
            return _challenged(channel, content)
        if _signed(channel, inbound):
            return _age(inbound, now) or Opened(channel, content)
    return Denied("invalid_signature")


def refusal(channel: Channel, told: Mapping[str, Any], tenant: str) -> Denied | None:
    """Whether what an event's header tells is none of ours: by its token, its tenant."""
    if not _is_token(channel, told.get("token")):
        return Denied("invalid_signature")
    return None if told.get("tenant_key") == tenant else Denied("other_tenant")


def content_of(channel: Channel, cipher_text: str) -> Mapping[str, Any] | None:
    """The JSON object; None if it was not sealed with this key."""
    try:
        content = decoded(plain(channel, cipher_text))
    except (ValueError, Refused):
        return None
    return content if isinstance(content, dict) else None


def plain(channel: Channel, cipher_text: str) -> bytes:
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


def _challenged(channel: Channel, content: Mapping[str, Any]) -> Heard | Denied:
    """Feishu checks the address, without a signature: the token says that it is Feishu."""
    told = content.get("challenge")
    if not _is_token(channel, content.get("token")) or not isinstance(told, str):
        return Denied("invalid_signature")
    return Heard(None, {"challenge": told})


def _is_token(channel: Channel, given: object) -> bool:
    own = channel.verification_token.reveal().encode()
    return isinstance(given, str) and hmac.compare_digest(own, given.encode(errors="replace"))
