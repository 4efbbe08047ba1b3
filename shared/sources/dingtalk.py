"""DingTalk's approval events: an encrypted envelope in, an encrypted `success` out.

The event says that an approval instance is finished; what was asked for and who agreed stands in
the instance, which the worker fetches. Source: DingTalk Open Platform, "HTTP push of events" and
"bpms_instance_change".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared import hints, vendor_secrets
from shared.errors import ConfigError
from shared.fields import Refused, decoded
from shared.hints import Hint
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources.envelope import Codec, Letter, is_key
from shared.sources.heard import Heard, age_refusal, event_name, sealed_text

KIND = "dingtalk"
SEALED = True
SUCCESS = b"success"
EVENT = "bpms_instance_change"
_SECONDS_END = 10**11  # what is larger is in milliseconds


@dataclass(frozen=True)
class Channel:
    """What the app's "Event subscription" page shows: token, AES key, and the app's key, to which
    its letters are addressed."""

    codec: Codec
    app_key: str


def channels(value: Secret) -> tuple[Channel, ...]:
    """Of the KMS secret: a JSON list of `{"token", "aes_key", "app_key"}`, the newest first."""
    found = []
    for one in vendor_secrets.objects(value, "DingTalk", ("token", "aes_key", "app_key")):
        if not is_key(one["aes_key"]):
            raise ConfigError(["DingTalk's aes_key in KMS must have 43 characters of base64"])
        codec = Codec(Secret(one["token"]), Secret(one["aes_key"]))
        found.append(Channel(codec, one["app_key"]))
    return tuple(found)


def hear(
    inbound: Inbound, known: Sequence[Channel], place: Place, now: datetime
) -> Heard | Denied:
    """Verify and open; the record that the event is about, if it may have been approved."""
    query = inbound.query
    signature = query.get("msg_signature") or query.get("signature", "")
    timestamp = query.get("timeStamp") or query.get("timestamp", "")
    cipher_text = sealed_text(inbound.body)
    if isinstance(cipher_text, Denied):
        return cipher_text
    for channel in known:
        if channel.codec.signed(signature, timestamp, query.get("nonce", ""), cipher_text):
            return _age(timestamp, now) or _read(channel, cipher_text, place, now)
    return Denied("invalid_signature")


def _age(timestamp: str, now: datetime) -> Denied | None:
    """Seen in seconds and in milliseconds."""
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 13:
        return Denied("invalid_signature")
    seconds = int(timestamp)
    return age_refusal(seconds if seconds < _SECONDS_END else seconds / 1000, now)


def _read(channel: Channel, cipher_text: str, place: Place, now: datetime) -> Heard | Denied:
    letter = channel.codec.opened(cipher_text)
    if letter is None:
        return Denied("invalid_signature")
    if letter.receiver != channel.app_key:
        return Denied("other_tenant")
    try:
        event = decoded(letter.message)
    except Refused as refused:
        return refused.denied
    if not isinstance(event, dict):
        return Denied("wrong_type")
    answer = _success(channel, now)
    if event.get("EventType") == "check_url":
        return Heard(None, answer)
    # Documented as `CorpId`; older captures have `corpId`.
    if {event[name] for name in ("CorpId", "corpId") if _is_text(event, name)} != {place.tenant}:
        return Denied("other_tenant")
    hint = _hint(event, place)
    return hint if isinstance(hint, Denied) else Heard(hint, answer)


def _hint(event: Mapping[str, object], place: Place) -> Hint | Denied | None:
    """None for what cannot have been approved, and for forms that are not about AccessKeys."""
    ours = event.get("EventType") == EVENT and event.get("processCode") in place.forms
    if not ours or (event.get("type"), event.get("result")) != ("finish", "agree"):
        return None
    record = event.get("processInstanceId")
    if not isinstance(record, str) or not hints.RECORD.fullmatch(record):
        return Denied("invalid_value", "record")
    told = event.get("eventId") or event.get("BizId") or event.get("finishTime")
    return Hint(KIND, record, event_name(told))


def _is_text(event: Mapping[str, object], name: str) -> bool:
    return isinstance(event.get(name), str)


def _success(channel: Channel, now: datetime) -> dict[str, object]:
    codec, timestamp = channel.codec, str(int(now.timestamp() * 1000))
    nonce = hashlib.sha256(f"{timestamp}{channel.app_key}".encode()).hexdigest()[:12]
    cipher_text = codec.sealed(Letter(SUCCESS, channel.app_key))
    return {"msg_signature": codec.signature(timestamp, nonce, cipher_text),
            "encrypt": cipher_text, "timeStamp": timestamp, "nonce": nonce}  # fmt: skip
