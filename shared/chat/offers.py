"""What the buttons of a request carry: the request itself, signed, for some hours.

Whoever presses one is known by the chat's own signature; the offer says what they saw. It is spent
as its ticket is: votes count once for each person, and a ticket is served once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import deliveries, tickets, timestamps
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.tickets import Ticket

LIFETIME = timedelta(hours=8)
LONGEST = 2000  # characters of a Slack button's value
MOST_BYTES = 64 * 1024
_PREFIX = "o1."
_PURPOSE = b"akwarden offer 1\n"  # what the key signs bears one of these names
_BALLOT = b"akwarden ballot 1\n"


@dataclass(frozen=True)
class Offer:
    """A request: the ticket without votes, and the type of delivery that it is once approved."""

    type: str
    ticket: Ticket
    expires_at: datetime

    @property
    def action(self) -> str:
        return deliveries.ACTIONS[self.type]


def sealed(offer: Offer, key: Secret) -> str | Denied:
    """The text that a button carries."""
    content = {"type": offer.type, "source": offer.ticket.source,
               "ticket": tickets.canonical(offer.ticket),
               "expires_at": timestamps.text(offer.expires_at)}  # fmt: skip
    plain = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    packed = zlib.compress(plain, 9)
    text = _PREFIX + _text(packed) + "." + _text(_mac(packed, key))
    return text if len(text) <= LONGEST else Denied("request_too_long_for_chat")


def opened(text: str, key: Secret, now: datetime) -> Offer | Denied:
    """The offer that we made; a Denied for any other text, and once its time is over."""
    packed, separator, mac = text.removeprefix(_PREFIX).partition(".")
    try:
        raw, given = _bytes(packed), _bytes(mac)
        if not text.startswith(_PREFIX) or not separator:
            raise ValueError
        if not hmac.compare_digest(given, _mac(raw, key)):
            raise ValueError
        content: Any = json.loads(zlib.decompressobj().decompress(raw, MOST_BYTES))
        kind, until = content["type"], timestamps.parse(content["expires_at"])
        ticket = tickets.parse(content["ticket"], source=content["source"])
        if kind not in deliveries.ACTIONS or until is None or isinstance(ticket, Denied):
            raise ValueError
    except (ValueError, KeyError, TypeError, zlib.error):
        return Denied("offer_unusable", "offer")
    return Denied("offer_expired") if until <= now else Offer(kind, ticket, until)


def ballot(offer: Offer, person: str, decision: str, key: Secret) -> str:
    """Our signature (hex) under a person's decision about this content and no other."""
    named = "\n".join((tickets.digest(offer.ticket), offer.type, person, decision))
    return hmac.new(key.reveal().encode(), _BALLOT + named.encode(), hashlib.sha256).hexdigest()


def _mac(packed: bytes, key: Secret) -> bytes:
    return hmac.new(key.reveal().encode(), _PURPOSE + packed, hashlib.sha256).digest()


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    """What `_text` made this very text of; ValueError for any other spelling of the same bytes."""
    raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    if _text(raw) != text:
        raise ValueError
    return raw
