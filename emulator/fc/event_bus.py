"""The default event bus: an event that is published reaches every function whose rule it matches.

Source: CloudEvents 1.0; EventBridge, "Event overview" (the attributes that it adds). Limits: one
delivery each, at once and as an asynchronous invocation; EventBridge's own retries, dead letters
and other buses are not emulated, and publishing has no API here but the management port.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from emulator.clock import iso
from emulator.fc.specification import FunctionSpec

BUS = "default"
CHINA = timezone(timedelta(hours=8))
_REQUIRED = ("source", "type")
_ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}")  # CloudEvents: names of context attributes
Submit = Callable[[FunctionSpec, bytes], str]


def completed(
    event: Mapping[str, Any], *, account_id: str, region: str, now: datetime
) -> dict[str, Any]:
    """The event as a rule sees it, with what the bus adds; ValueError if it is no CloudEvent."""
    for name in _REQUIRED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise ValueError(f"{name} must be a text")
    for name, value in event.items():
        if name != "data" and not (_ATTRIBUTE.fullmatch(name) and isinstance(value, str)):
            raise ValueError(f"{name!r} is no attribute of a CloudEvent")
    if event.get("specversion", "1.0") != "1.0":
        raise ValueError("specversion must be 1.0")
    if "data" in event and not isinstance(event["data"], dict):
        raise ValueError("data must be a JSON object")
    at = iso(now)
    return {
        "id": str(uuid.uuid4()), "specversion": "1.0", "time": at,
        "datacontenttype": "application/json;charset=utf-8",
        **event,
        "aliyunaccountid": account_id, "aliyunoriginalaccountid": account_id,
        "aliyuneventbusname": BUS, "aliyunregionid": region, "aliyunpublishtime": _published(now),
        "aliyunpublishaddr": "127.0.0.1",
    }  # fmt: skip


def _published(now: datetime) -> str:
    """As "Event overview" shows it: no RFC 3339, for whoever would take it for one."""
    at = now.astimezone(CHINA)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03}PRC"


def publish(
    event: Mapping[str, Any], specs: Iterable[FunctionSpec], submit: Submit
) -> list[dict[str, str]]:
    """Hand a completed event to every enabled trigger that it matches; who got it."""
    body = json.dumps(event).encode()
    return [
        {"function": spec.name, "trigger": trigger.name, "request_id": submit(spec, body)}
        for spec in specs
        for trigger in spec.events
        if trigger.enabled and trigger.pattern.matches(event)
    ]
