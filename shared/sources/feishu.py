"""Feishu's approval events, in its envelope (`feishu_envelope`).

Both forms of events are read: v1 (`event_callback`), in which approval events come, and v2.
Source: Feishu Open Platform, "approval_instance".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared import hints
from shared.hints import Hint
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import feishu_envelope
from shared.sources.feishu_envelope import Channel, Opened
from shared.sources.heard import Heard, event_name

KIND = "feishu"
SEALED = True
EVENTS = ("approval_instance", "approval.instance.status_changed_v4")
STATUSES = ("APPROVED", "REVERTED")  # the others cannot have led to a key, nor end one


def channels(value: Secret) -> tuple[Channel, ...]:
    """Of the KMS secret."""
    return feishu_envelope.channels(value)


def hear(
    inbound: Inbound, known: Sequence[Channel], place: Place, now: datetime
) -> Heard | Denied:
    """Verify and open; the record that the event is about, if it may lead to something."""
    found = feishu_envelope.opened(inbound, known, now)
    return _read(found, place) if isinstance(found, Opened) else found


def _read(found: Opened, place: Place) -> Heard | Denied:
    """v2 keeps in its header what v1 has beside and in the event."""
    content = found.content
    header, event = content.get("header"), content.get("event")
    if not isinstance(event, dict) or not isinstance(header, dict | None):
        return Denied("wrong_type", "event")
    told = header if header is not None else {
        **content, "event_type": event.get("type"), "tenant_key": event.get("tenant_key"),
        "event_id": content.get("uuid")}  # fmt: skip
    if denied := feishu_envelope.refusal(found.channel, told, place.tenant):
        return denied
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
