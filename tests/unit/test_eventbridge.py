"""EventBridge: an event of our account, bus, region and publisher, fresh, with a ticket; or it is
refused by name, and that is on record without its words."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import eventbridge as bus
from functions import event as function
from shared import audit, bootstrap, event_intake, handover, timestamps
from shared.deliveries import ACTIONS, MAX_BODY_BYTES, Delivery
from shared.event_intake import EventDesk
from shared.handover import Accepted
from shared.places import Place
from shared.refusals import Denied
from shared.sources import eventbridge
from tests.unit.fakes import FakeAuditLog, FakeFunctions, World
from tests.unit.samples import ACCOUNT_ID, NOW, approval, approved_ticket
from tests.unit.strategies import brief, broken_tickets, json_values

REGION = "cn-hangzhou"
PLACE = Place("eventbridge", ACCOUNT_ID, ("akwarden.tickets", "hr"), {}, bus="default")
SAFE_KEY_ID = "LTAI5tAbCdEfGhIjKlMnOpQr"


def event(kind: str = "approved", **changes: Any) -> dict[str, Any]:
    """As the bus delivers it; a change to `...` leaves the attribute out."""
    content = bus.delivered(approved_ticket(), kind, id="e-1", time=timestamps.text(NOW))
    return {name: value for name, value in (content | changes).items() if value is not ...}


def parsed(content: object) -> Delivery | Denied:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return eventbridge.parse(body, PLACE, region=REGION, now=NOW)


@pytest.mark.parametrize(("kind", "action"), [
    (kind.rpartition(".")[2], action) for kind, action in ACTIONS.items()])  # fmt: skip
def test_event_is_the_delivery_that_a_webhook_would_be(kind: str, action: str) -> None:
    """The same types, the same ticket, from a source of its own."""
    found = parsed(event(kind))

    assert isinstance(found, Delivery)
    assert (action, NOW, "eventbridge", "REQ-1042") == (
        found.action, found.sent_at, found.ticket.source, found.ticket.id)


@pytest.mark.parametrize("changes", [
    {"source": "hr"}, {"subject": "REQ-1042"}, {"datacontenttype": ...}, {"traceparent": "00-1"},
    {"datacontenttype": "Application/JSON; charset=utf-8"}, {"aliyunoriginalaccountid": ...},
    {"aliyunpublishtime": ...}, {"aliyunpublishtime": "whenever"}, {"aliyunpublishaddr": ...},
    {"time": timestamps.text(NOW - timedelta(hours=24))}, {"time": "2026-09-01T17:00:00+08:00"},
    {"time": timestamps.text(NOW + timedelta(minutes=5))},
], ids=str)  # fmt: skip
def test_what_does_not_matter_is_taken(changes: dict[str, Any]) -> None:
    """Attributes that others may add, the edges of the window, another offset."""
    assert isinstance(parsed(event(**changes)), Delivery)


BAD: dict[str, tuple[dict[str, Any], str, str]] = {
    "other account": ({"aliyunaccountid": "6543210987654321"}, "other_tenant", "aliyunaccountid"),
    "from another account": ({"aliyunoriginalaccountid": "6543210987654321"}, "other_tenant",
                             "aliyunoriginalaccountid"),
    "original account as number": ({"aliyunoriginalaccountid": 0}, "other_tenant",
                              "aliyunoriginalaccountid"),
    "other bus": ({"aliyuneventbusname": "shop"}, "other_tenant", "aliyuneventbusname"),
    "other region": ({"aliyunregionid": "cn-beijing"}, "other_tenant", "aliyunregionid"),
    "other source": ({"source": "akwarden.leak"}, "other_tenant", "source"),
    "source in capitals": ({"source": "HR"}, "other_tenant", "source"),
    "account as number": ({"aliyunaccountid": int(ACCOUNT_ID)}, "wrong_type", "aliyunaccountid"),
    "other version": ({"specversion": "0.3"}, "invalid_value", "specversion"),
    "other type": ({"type": "accesskey.ticket.created"}, "invalid_value", "type"),
    "type in capitals": ({"type": "AccessKey.Ticket.Approved"}, "invalid_value", "type"),
    "type as list": ({"type": ["accesskey.ticket.approved"]}, "wrong_type", "type"),
    "empty id": ({"id": ""}, "invalid_value", "id"),
    "long id": ({"id": "e" * 257}, "invalid_value", "id"),
    "id over two lines": ({"id": "e\n1"}, "invalid_value", "id"),
    "stale": ({"time": timestamps.text(NOW - timedelta(hours=24, seconds=1))},
              "delivery_too_old", "time"),
    "of the future": ({"time": timestamps.text(NOW + timedelta(minutes=5, seconds=1))},
                      "delivery_from_the_future", "time"),
    "time of the bus": ({"time": "2026-09-01T17:00:00.179PRC"}, "invalid_value", "time"),
    "time without offset": ({"time": "2026-09-01T09:00:00"}, "invalid_value", "time"),
    "time as number": ({"time": 1_788_253_200}, "wrong_type", "time"),
    "no JSON by its own word": ({"datacontenttype": "application/xml"}, "invalid_value",
                                "datacontenttype"),
    "content type null": ({"datacontenttype": None}, "invalid_value", "datacontenttype"),
    "data as text": ({"data": "{}"}, "wrong_type", "data"),
    "data null": ({"data": None}, "wrong_type", "data"),
    "ticket of no form": ({"data": {}}, "missing_field", "data.id"),
    "ticket with more": ({"data": approved_ticket() | {"policy": "{}"}}, "unknown_field",
                         "data.policy"),
    "a key in it": ({"data": approved_ticket(purpose=f"the key {SAFE_KEY_ID} again")},
                    "contains_access_key", ""),
    **{f"no {name}": ({name: ...}, "missing_field", name) for name in (
        "id", "source", "specversion", "type", "time", "data", "aliyunaccountid",
        "aliyuneventbusname", "aliyunregionid")},
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_event_is_refused_by_name(case: str) -> None:
    changes, reason, where = BAD[case]

    assert Denied(reason, where) == parsed(event(**changes))


@pytest.mark.parametrize(("body", "reason"), [
    (b"", "not_json"), (b"\xff\xfe", "not_json"), (b"[" * 100_000, "not_json"),
    (json.dumps(event()).encode()[:-1], "not_json"),
    (json.dumps(event()).replace('"e-1"', "NaN").encode(), "not_json"),
    (json.dumps([json.dumps(event())]).encode(), "wrong_type"),
    (b'"event"', "wrong_type"), (b"null", "wrong_type"),
    (b'{"id": "e-2", ' + json.dumps(event()).encode()[1:], "duplicate_key"),
    (json.dumps(event()).replace('"status":', '"status": "x", "status":').encode(),
     "duplicate_key"),
    (json.dumps(event()).encode() + b" " * eventbridge.MAX_EVENT_BYTES, "body_too_large"),
], ids=["empty", "no text", "deep", "cut", "no number", "a stream's list", "a text", "null",
        "two ids", "two statuses", "large"])  # fmt: skip
def test_what_is_no_event_is_refused(body: bytes, reason: str) -> None:
    assert Denied(reason) == parsed(body)


@brief
@given(st.binary(max_size=300) | json_values.map(lambda v: json.dumps(v).encode())
       | broken_tickets().map(lambda data: json.dumps(event(data=data)).encode())
       | st.tuples(st.sampled_from(sorted(event())), json_values).map(
           lambda pair: json.dumps(event() | {pair[0]: pair[1]}).encode()))  # fmt: skip
def test_parser_never_raises(body: bytes) -> None:
    """Neither at any bytes, nor at an event with anything in it."""
    assert isinstance(eventbridge.parse(body, PLACE, region=REGION, now=NOW), Delivery | Denied)
    assert 24 == len(eventbridge.number(body))


def test_event_is_named_by_source_and_id() -> None:
    """So that one that comes twice has one name, and an operator can compute it."""
    once, again = json.dumps(event()).encode(), json.dumps(event(time="x")).encode()
    expected = hashlib.sha256(b"akwarden.tickets\ne-1").hexdigest()[:24]

    assert [expected] * 2 == [eventbridge.number(once), eventbridge.number(again)]
    assert expected != eventbridge.number(json.dumps(event(id="e-2")).encode())
    assert hashlib.sha256(b"?").hexdigest()[:24] == eventbridge.number(b"?")


# -- taken in ------------------------------------------------------------------------------------


def desk(place: Place | None = PLACE) -> tuple[EventDesk, FakeFunctions, World]:
    world, functions = World(), FakeFunctions()
    return EventDesk(place, REGION, functions, "akw-issue", "akw-revoke", FakeAuditLog(world),
                     lambda: NOW), functions, world  # fmt: skip


def record() -> audit.Attempt:
    return audit.attempt(
        audit.Subject("eventbridge", "", "", ""), "op-1", fc_request_id="r",
        fc_function="akw-event", account_id=ACCOUNT_ID, region=REGION, trigger="eventbridge",
        broker_version="1",
    )  # fmt: skip


def take(on: EventDesk, content: object) -> Accepted | Denied:
    return event_intake.take(on, json.dumps(content).encode(), record())


def test_event_that_comes_twice_is_one_task() -> None:
    """By ticket and content, as a webhook is: another event about it is no other task."""
    on, functions, world = desk()

    outcomes = [take(on, event()), take(on, event()), take(on, event(id="e-2"))]

    assert ["issue"] * 3 == [one.action for one in outcomes if isinstance(one, Accepted)]
    (payload,) = functions.payloads
    case = handover.case_of(payload, "issue")
    assert isinstance(case, handover.Case)
    assert ("eventbridge", "REQ-1042", NOW) == (
        case.ticket.source, case.ticket.id, case.accepted_at)
    assert [] == world.rows


def test_withdrawal_is_handed_to_the_worker_that_revokes() -> None:
    on, functions, _ = desk()

    outcome = take(on, event("revoked", data=approved_ticket(status="withdrawn")))

    assert isinstance(outcome, Accepted)
    assert "revoke" == outcome.action
    assert isinstance(handover.case_of(functions.payloads[0], "revoke"), handover.Case)


def refused(place: Place | None, content: object) -> tuple[Denied, Mapping[str, str]]:
    on, functions, world = desk(place)
    outcome = take(on, content)
    assert isinstance(outcome, Denied)
    assert [] == functions.payloads
    (row,) = world.rows
    return outcome, row


@pytest.mark.parametrize(("place", "content", "reason", "ticket"), [
    (None, event(), "source_not_enabled", ""),
    (PLACE, event(aliyuneventbusname="shop"), "other_tenant at aliyuneventbusname", ""),
    (PLACE, event(data={"id": "OPS-1", "note": "a word"}), "unknown_field at data.note", ""),
    (PLACE, event("revoked", data=approved_ticket(status="pending")),
     "ticket_not_revoked at status", "REQ-1042"),
    (PLACE, event(data=approved_ticket(approvals=[
        approval("carol", comment="长" * 1000), *[approval("dave", comment="长" * 1000)] * 19],
        permissions=[{"template": "sls-logstore-write", "parameters": {
            f"p{n}": "长" * 256 for n in range(10)}}] * 5)), "body_too_large at data", "REQ-1042"),
], ids=["off", "bus", "form", "status", "size"])  # fmt: skip
def test_refusal_is_on_record_without_the_event(
    place: Place | None, content: dict[str, Any], reason: str, ticket: str
) -> None:
    """The row has the reason and, once there is one, the ticket's names; nothing else of it."""
    _, row = refused(place, content)

    assert ("ticket.rejected", "note", "failure", reason, ticket, "eventbridge", "eventbridge") == (
        row["event_type"], row["phase"], row["outcome"], row["reason"], row["ticket_id"],
        row["ticket_system"], row["trigger"])  # fmt: skip
    assert "a word" not in str(row)
    assert "长" not in str(row)


def test_ticket_that_is_handed_over_fits_what_fc_takes() -> None:
    """The largest that passes, with all that the hand-over adds."""
    comment, sizes = "长" * 1000, []
    for count in range(21):
        on, functions, _ = desk()
        given = [approval("carol", comment=comment)] * count
        take(on, event(data=approved_ticket(approvals=given)))
        sizes += [len(payload) for payload in functions.payloads]

    assert 60_000 < max(sizes) <= MAX_BODY_BYTES


def test_handler_answers_with_names_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event's name by source and id, what came of it, and where to look."""
    on, _, world = desk()
    current = SimpleNamespace(account_id=ACCOUNT_ID, region=REGION)
    context = SimpleNamespace(request_id="r-1", function=SimpleNamespace(name="akw-event"))
    monkeypatch.setattr(bootstrap, "event_desk", lambda environment, function: (current, on))
    good, bad = json.dumps(event()).encode(), json.dumps(event(source="x")).encode()

    accepted, denied = function.handler(good, context), function.handler(bad, context)

    number = eventbridge.number(good)
    assert {"status": "handed over", "event": number, "ticket": "REQ-1042", "action": "issue",
            "operation": accepted["operation"]} == accepted  # fmt: skip
    number = eventbridge.number(bad)
    assert {"status": "refused", "event": number, "reason": "other_tenant",
            "where": "source"} == denied  # fmt: skip
    assert [f"event/{number}"] == [row["resources"] for row in world.rows]


def test_place_of_an_account_that_is_not_ours_takes_nothing() -> None:
    """The account is the configured one, not whichever the event names."""
    other = replace(PLACE, tenant="6543210987654321")

    outcome, _ = refused(other, event())

    assert Denied("other_tenant", "aliyunaccountid") == outcome
