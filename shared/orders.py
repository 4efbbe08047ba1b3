"""A revocation order: which grants are to end, why, at whose word; and the events that bring one.

An order names no user, policy or secret: it selects, and what it selects is looked up when it is
carried out. Its canonical JSON stands in the audit log, from where an open order is taken up again:
a new member must be optional and left out where it is absent.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, fields
from typing import cast

from shared import naming, reasons, tickets
from shared.fields import Refused, decoded, members, text, whole
from shared.refusals import Denied

FORMAT = "1"
TYPE = "akwarden.revocation.ordered"
EVENT = "revocation.ordered"  # of the audit rows of an order
MOST_GRANTS = 5000  # users that RAM allows in an account

# What tells akwarden of a leak: a CloudEvent of our own, published by whoever finds a leaked key.
# Not verified: Alibaba documents no event of Security Center's AccessKey leak detection; what it
# does publish (`sas:ActionTrail:…`, EventBridge, "Security Center events") are calls of its API.
# Should there be one, it is one more line here and one more word in the pattern in s.yaml.
LEAK_EVENTS = {("akwarden.leak", "akwarden:AccessKey:Leaked"): "AccessKeyId"}

ORDER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
ACCESS_KEY_ID = re.compile(r"[A-Za-z0-9]{16,64}")
_SOURCE = re.compile(r"[a-z][a-z0-9-]{0,63}")
_WHO = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+=:/-]{0,127}")  # a person, or the ARN of a principal
_RAM_USER = re.compile(r"[A-Za-z0-9._@-]{1,64}")
_PATTERNS = {
    "application": tickets.APPLICATION, "environment": tickets.ENVIRONMENT, "source": _SOURCE,
    "ticket": tickets.ID, "requester": tickets.PERSON, "access_key_id": ACCESS_KEY_ID,
    "person": tickets.PERSON, "ram_user": _RAM_USER,
}  # fmt: skip
_LONGEST = {"application": tickets.MAX_APPLICATION, "environment": tickets.MAX_ENVIRONMENT}
# By what an order can select → the members that it must, and may, name.
SELECTORS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "application": (("application",), ("environment",)),
    "ticket": (("source", "ticket"), ()),
    "requester": (("requester",), ()),
    "access_key_id": (("access_key_id",), ()),
    "person": (("person",), ("ram_user",)),
}


@dataclass(frozen=True)
class Selector:
    """Which grants; `by` is a key of SELECTORS and says which of the others count.

    `person` is everything of a person: what they asked for, and the self-service policies that they
    (or the RAM user `ram_user`) hold. People are lower-cased, as in tickets.
    """

    by: str
    application: str = ""
    environment: str = ""
    source: str = ""
    ticket: str = ""
    requester: str = ""
    access_key_id: str = ""
    person: str = ""
    ram_user: str = ""


@dataclass(frozen=True)
class Order:
    """One order. `at_most` replaces the cap of grants that one run may end; None leaves it."""

    id: str
    reason: str
    selector: Selector
    at_most: int | None
    ordered_by: str

    @property
    def operation_id(self) -> str:
        return naming.operation_id("order", self.id, "revoke")

    @property
    def trigger(self) -> str:
        """The word in every audit row of the order, and of each grant that it ends."""
        return f"order/{self.id}"

    def limit(self, cap: int) -> int:
        """How many grants it may end at most; a leak has no limit."""
        return MOST_GRANTS if self.reason == reasons.LEAKED else self.at_most or cap


def of_event(event: bytes) -> Order | Denied | None:
    """The order that an event brings, as one or as a leak's CloudEvent; None if it is neither.

    Never raises. A CloudEvent may carry attributes and data beside the ones that are read: a leak
    must not live on because somebody describes it at length.
    """
    try:
        content = decoded(event)
        if not isinstance(content, dict):
            return None
        if "specversion" in content:
            return _leak(content)
        if content.get("type") != TYPE:
            return None
        given = members(content, "", required=("format", "type", "order"))
        if given["format"] != FORMAT:
            raise Refused("invalid_value", "format")
        return _order(given["order"], "order")
    except Refused as refused:
        return refused.denied


def tells_of_leak(event: bytes) -> bool:
    """Whether the event is a leak's by its source and type, however much else of it can be read;
    never raises."""
    try:
        content = decoded(event)
    except Refused:
        return False
    if not isinstance(content, dict) or "specversion" not in content:
        return False
    return any((content.get("source"), content.get("type")) == known for known in LEAK_EVENTS)


def expected(member: str) -> str:
    """What a member's value must look like, for whoever typed another; empty if it is none."""
    if member == "at_most":
        return f"must be a whole number from 1 to {MOST_GRANTS}"
    pattern = ORDER_ID if member == "id" else _PATTERNS.get(member)
    if pattern is None:
        return ""
    # Spaces around a person's name are taken off; the other limits are in the patterns.
    limit = f", at most {_LONGEST[member]} characters" if member in _LONGEST else ""
    return f"must fit {pattern.pattern.removeprefix(' *').removesuffix(' *')}{limit}"


def of_text(resources: str) -> Order | Denied:
    """The order of an audit row, from its `resources`; never raises."""
    try:
        return _order(decoded(resources.encode(errors="surrogatepass")), "")
    except Refused as refused:
        return refused.denied


def canonical(order: Order) -> dict[str, object]:
    """The order as JSON-ready members; reading them again gives an equal order."""
    selector = {f.name: getattr(order.selector, f.name) for f in fields(Selector)}
    content: dict[str, object] = {
        "id": order.id,
        "reason": order.reason,
        "selector": {name: value for name, value in selector.items() if value},
        "ordered_by": order.ordered_by,
    }
    return content if order.at_most is None else content | {"at_most": order.at_most}


def as_text(order: Order) -> str:
    """The canonical JSON, for the `resources` of an audit row."""
    return json.dumps(canonical(order), separators=(",", ":"), sort_keys=True)


def event_of(order: Order) -> bytes:
    """The event that brings the order to akw-revoke."""
    content = {"format": FORMAT, "type": TYPE, "order": canonical(order)}
    return json.dumps(content, sort_keys=True).encode()


def _order(value: object, where: str) -> Order:
    given = members(value, where, required=("id", "reason", "selector", "ordered_by"),
                    optional=("at_most",))  # fmt: skip
    path = f"{where}." if where else ""
    reason = text(given["reason"], f"{path}reason", most=16)
    if reason not in reasons.ALL:
        raise Refused("invalid_value", f"{path}reason")
    at_most: int | None = None
    if "at_most" in given:
        at_most = whole(given["at_most"], f"{path}at_most", least=1, most=MOST_GRANTS,
                        reason="invalid_value")  # fmt: skip
    return Order(
        text(given["id"], f"{path}id", most=64, pattern=ORDER_ID),
        reason,
        _selector(given["selector"], f"{path}selector"),
        at_most,
        text(given["ordered_by"], f"{path}ordered_by", most=128, pattern=_WHO),
    )


def _selector(value: object, where: str) -> Selector:
    by = value.get("by") if isinstance(value, dict) else None
    if not isinstance(by, str) or by not in SELECTORS:
        reason = "wrong_type" if not isinstance(value, dict) else "invalid_value"
        raise Refused(reason, where if not isinstance(value, dict) else f"{where}.by")
    required, optional = SELECTORS[by]
    given = members(value, where, required=("by", *required), optional=optional)
    values = {
        name: text(given[name], f"{where}.{name}", least=1, most=_LONGEST.get(name, 128),
                   pattern=_PATTERNS[name])
        for name in (*required, *optional) if name in given
    }  # fmt: skip
    people = {n: v.strip().casefold() for n, v in values.items() if n in ("requester", "person")}
    return Selector(by, **(values | people))


def _leak(event: dict[str, object]) -> Order:
    """The order of a CloudEvent. Its id comes from the event's, so that an event which is
    delivered twice (EventBridge: at least once) is one order."""
    named = {
        name: text(event.get(name), name, least=1, most=256)
        for name in ("specversion", "id", "source", "type")
    }
    if named["specversion"] != "1.0":
        raise Refused("invalid_value", "specversion")
    member = LEAK_EVENTS.get((named["source"], named["type"]))
    if member is None:
        raise Refused("invalid_value", "type")
    if not isinstance(event.get("data"), dict):
        raise Refused("wrong_type", "data")
    leaked = cast("dict[str, object]", event["data"]).get(member)
    key_id = text(leaked, "data", least=1, most=64, pattern=ACCESS_KEY_ID)
    digest = hashlib.sha256(f"{named['source']}\n{named['id']}".encode()).hexdigest()
    whose = Selector("access_key_id", access_key_id=key_id)
    return Order(f"leak-{digest[:24]}", reasons.LEAKED, whose, None,
                 f"eventbridge:{named['source']}")  # fmt: skip
