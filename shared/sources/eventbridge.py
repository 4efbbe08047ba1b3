"""EventBridge: a CloudEvent 1.0 as it is delivered to Function Compute, whose `data` is the ticket.

There is no signature. The function is invoked by the account's EventBridge and by nobody else, and
who may publish on the bus is RAM's to say; what is checked here keeps out events that belong to
another account, bus or rule. `aliyunpublishtime` is not read: it is no RFC 3339 everywhere
("…T21:04:42.179PRC"). Source: EventBridge, "Event overview", "PutEvents" (an event has 64 KB).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from shared import deliveries, key_text, timestamps
from shared.deliveries import Delivery, Ignored
from shared.fields import Refused, decoded, text
from shared.places import Place
from shared.refusals import Denied

KIND = "eventbridge"
MAX_EVENT_BYTES = 256 * 1024  # all that PutEvents takes at once; the ticket in it has its own limit
OLDEST = timedelta(hours=24)  # EventBridge and FC go on trying for a day each; ours to choose
AHEAD = timedelta(minutes=5)  # how far the publisher's clock may be ahead
_ATTRIBUTES = ("id", "source", "specversion", "type", "time", "aliyunaccountid",
               "aliyuneventbusname", "aliyunregionid")  # fmt: skip
_LONGEST = 256
_JSON = "application/json"


def parse(event: bytes, place: Place, *, region: str, now: datetime) -> Delivery | Denied:
    """What the event asks for, or the first thing that is wrong with it; never raises.

    `place.tenant` is the account, `place.bus` the bus, `place.forms` who may publish (`source`).
    Attributes that CloudEvents or EventBridge may add are not looked at.
    """
    try:
        return _delivery(event, place, region, now)
    except Refused as refused:
        return refused.denied


def number(event: bytes) -> str:
    """What an event is called in the record: 24 digits of SHA-256 over its source and id, which
    name an event together (CloudEvents 1.0), or over all of it if it has none. Never raises."""
    named = event
    try:
        content = decoded(event) if len(event) <= MAX_EVENT_BYTES else None
    except Refused:
        content = None
    if isinstance(content, dict):
        source, id = content.get("source"), content.get("id")
        if isinstance(source, str) and isinstance(id, str):
            named = f"{source}\n{id}".encode(errors="replace")
    return hashlib.sha256(named).hexdigest()[:24]


def _delivery(event: bytes, place: Place, region: str, now: datetime) -> Delivery | Denied:
    if len(event) > MAX_EVENT_BYTES:
        raise Refused("body_too_large", "")
    content = decoded(event)
    if not isinstance(content, dict):  # event streams deliver lists: not what the rule does
        raise Refused("wrong_type", "")
    attributes = {name: _attribute(content, name) for name in _ATTRIBUTES}
    _check_whose(attributes | {"aliyunoriginalaccountid": content.get("aliyunoriginalaccountid")},
                 place, region)  # fmt: skip
    if attributes["specversion"] != "1.0":
        raise Refused("invalid_value", "specversion")
    _check_age(attributes["time"], now)
    _check_json(content)
    if key_text.holds_access_key(event.decode(errors="replace")):
        raise Refused("contains_access_key", "")
    delivery = deliveries.read(
        {"type": attributes["type"], "timestamp": attributes["time"], "data": content["data"]},
        source=KIND,
    )  # fmt: skip
    if isinstance(delivery, Ignored):  # the rule lets our types through and no others
        raise Refused("invalid_value", "type")
    return delivery


def _attribute(content: Mapping[str, object], name: str) -> str:
    if name not in content:
        raise Refused("missing_field", name)
    return text(content[name], name, least=1, most=_LONGEST)


def _check_whose(told: Mapping[str, object], place: Place, region: str) -> None:
    """Of our account, bus, region and publishers. `aliyunoriginalaccountid` is where an event was
    first published: absent or ours [guess: it differs where accounts share a bus]."""
    expected = {
        "aliyunaccountid": (place.tenant,),
        "aliyunoriginalaccountid": (place.tenant, None),
        "aliyuneventbusname": (place.bus,),
        "aliyunregionid": (region,),
        "source": place.forms,
    }
    for name, allowed in expected.items():
        if told[name] not in allowed:
            raise Refused("other_tenant", name)


def _check_age(time: str, now: datetime) -> None:
    """By the publisher's own word: it keeps out what was lost for a while, not who lies."""
    at = timestamps.parse(time)
    if at is None:
        raise Refused("invalid_value", "time")
    if at < now - OLDEST:
        raise Refused("delivery_too_old", "time")
    if at > now + AHEAD:
        raise Refused("delivery_from_the_future", "time")


def _check_json(content: Mapping[str, object]) -> None:
    if "data" not in content:
        raise Refused("missing_field", "data")
    kind = content.get("datacontenttype", _JSON)
    if not isinstance(kind, str) or kind.partition(";")[0].strip().lower() != _JSON:
        raise Refused("invalid_value", "datacontenttype")
