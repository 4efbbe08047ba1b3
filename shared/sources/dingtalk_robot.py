"""DingTalk's robot: what somebody says to it, under a signature that covers the time and no more.

So whoever has seen one signature can say anything in anybody's name while it is good; this is read
as a question, never as an order. Source: DingTalk Open Platform, "Message protocol for receiving
messages" (robots, HTTP mode). Cards call back under a signature of the same kind, in other headers:
akwarden sends none, and takes none.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared import vendor_secrets
from shared.chat.messages import Message
from shared.fields import Refused, decoded
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources.heard import Heard, age_refusal

KIND = "dingtalk-robot"
# DingTalk says that an hour is too old, and of no repeats. For as long as a signature is good, it
# is good for any message, and one that comes late has only to be asked again.
TOLERANCE = timedelta(minutes=5)
URL = "https://im.dingtalk.com/"  # no address of a single conversation is documented
NOTHING = Heard(None, {})
_MILLIS = re.compile(r"[0-9]{10,14}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
_EVENT = re.compile(r"[!-~]{1,128}")  # base64, among others


def channels(value: Secret) -> tuple[Secret, ...]:
    """The app's secrets, of the KMS secret: a JSON list of texts, the newest first."""
    return vendor_secrets.texts(value, "DingTalk's robot")


def hear(
    inbound: Inbound, known: Sequence[Secret], place: Place, now: datetime
) -> Message | Heard | Denied:
    """Verify and read; a `Heard` for what nothing follows from."""
    refused = _unsigned(inbound, known) or _stale(inbound, now)
    if refused:
        return refused
    try:
        return _read(decoded(inbound.body), place)
    except Refused as err:
        return err.denied
    except (KeyError, TypeError, ValueError, AttributeError):
        return Denied("payload_malformed")


def _unsigned(inbound: Inbound, known: Sequence[Secret]) -> Denied | None:
    given = inbound.headers.get("sign", "").encode(errors="replace")
    at = inbound.headers.get("timestamp", "")
    fits = [hmac.compare_digest(_signature(secret, at), given) for secret in known]
    return None if any(fits) else Denied("invalid_signature")


def _signature(secret: Secret, at: str) -> bytes:
    key = secret.reveal().encode()
    text = at.encode(errors="replace") + b"\n" + key
    return base64.b64encode(hmac.new(key, text, hashlib.sha256).digest())


def _stale(inbound: Inbound, now: datetime) -> Denied | None:
    at = inbound.headers.get("timestamp", "")
    if not _MILLIS.fullmatch(at):
        return Denied("invalid_signature")
    return age_refusal(int(at) / 1000, now, TOLERANCE)


def _read(content: Any, place: Place) -> Message | Heard | Denied:
    """Texts of our own people to our own robot; others have no `senderStaffId`."""
    robot = content["robotCode"]
    if robot not in place.forms or content["chatbotCorpId"] != place.tenant:
        return Denied("other_tenant")
    person = content.get("senderStaffId") or ""
    if not person or content["msgtype"] != "text":
        return NOTHING
    if content.get("senderCorpId", place.tenant) != place.tenant:  # it comes in groups only
        return Denied("other_tenant")
    return _message(content, robot, person)


def _message(content: Mapping[str, Any], robot: str, person: str) -> Message:
    """Whatever else it says, an answer goes to that person: `sessionWebhook` is not even read."""
    text, event = content["text"]["content"], content["msgId"]
    if not _USER.fullmatch(person) or not _EVENT.fullmatch(event):
        raise ValueError("no id")
    if not isinstance(text, str):
        raise TypeError("no text")
    return Message(KIND, person, URL, f"message {event}", f"/{robot}/{person}", text=text)
