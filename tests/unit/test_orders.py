"""Orders: read strictly, kept as text, and made from a leak's CloudEvent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shared import orders, refusals
from shared.orders import Order, Selector
from shared.refusals import Denied

ORDER: dict[str, Any] = {
    "id": "ORD-1", "reason": "offboarded", "ordered_by": "carol@example.com",
    "selector": {"by": "person", "person": "Alice@example.com", "ram_user": "alice"},
}  # fmt: skip
LEAK: dict[str, Any] = {
    "specversion": "1.0", "id": "e-1", "source": "akwarden.leak",
    "type": "akwarden:AccessKey:Leaked", "aliyunregionid": "cn-hangzhou",
    "data": {"AccessKeyId": "LTAI5tLeaked00000001", "found_at": "https://example.com/x"},
}  # fmt: skip
SELECTORS = [
    {"by": "application", "application": "orders"},
    {"by": "application", "application": "orders", "environment": "prod"},
    {"by": "ticket", "source": "standard-webhooks", "ticket": "REQ-1042"},
    {"by": "requester", "requester": "alice"},
    {"by": "access_key_id", "access_key_id": "LTAI5tLeaked00000001"},
    {"by": "person", "person": "alice"},
    {"by": "person", "person": "alice", "ram_user": "alice.example"},
]


def event(**changes: Any) -> bytes:
    """An order's event; a change to `...` leaves the member out."""
    order = {name: value for name, value in (ORDER | changes).items() if value is not ...}
    return json.dumps({"format": "1", "type": orders.TYPE, "order": order}).encode()


def leak(**changes: Any) -> bytes:
    return json.dumps({k: v for k, v in (LEAK | changes).items() if v is not ...}).encode()


def test_order_is_read() -> None:
    """People are lower-cased, as in tickets; without `at_most` the cap stays."""
    expected = Order("ORD-1", "offboarded",
                     Selector("person", person="alice@example.com", ram_user="alice"), None,
                     "carol@example.com")  # fmt: skip

    assert expected == orders.of_event(event())


@pytest.mark.parametrize("selector", SELECTORS, ids=str)
@pytest.mark.parametrize("at_most", [..., 1, 5000])
def test_text_of_an_order_is_read_back(selector: dict[str, Any], at_most: Any) -> None:
    """What stands in the audit log, and what the command sends, is the same order."""
    order = orders.of_event(event(selector=selector, at_most=at_most))

    assert isinstance(order, Order)
    assert order == orders.of_text(orders.as_text(order))
    assert order == orders.of_event(orders.event_of(order))


@pytest.mark.parametrize(
    ("changes", "reason", "where"),
    [
        ({"id": ...}, "missing_field", "order.id"),
        ({"id": "no spaces"}, "invalid_value", "order.id"),
        ({"id": 7}, "wrong_type", "order.id"),
        ({"more": 1}, "unknown_field", "order.more"),
        ({"reason": "because"}, "invalid_value", "order.reason"),
        ({"at_most": 0}, "invalid_value", "order.at_most"),
        ({"at_most": True}, "wrong_type", "order.at_most"),
        ({"at_most": 5001}, "invalid_value", "order.at_most"),
        ({"ordered_by": "a\nb"}, "invalid_value", "order.ordered_by"),
        ({"selector": "all"}, "wrong_type", "order.selector"),
        ({"selector": {}}, "invalid_value", "order.selector.by"),
        ({"selector": {"by": "everything"}}, "invalid_value", "order.selector.by"),
        ({"selector": {"by": "application"}}, "missing_field", "order.selector.application"),
        ({"selector": {"by": "requester", "requester": ""}}, "invalid_value",
         "order.selector.requester"),
        ({"selector": {"by": "requester", "requester": "a", "person": "b"}}, "unknown_field",
         "order.selector.person"),
        ({"selector": {"by": "application", "application": "*"}}, "invalid_value",
         "order.selector.application"),
        ({"selector": {"by": "ticket", "source": "x", "ticket": '1" or *'}}, "invalid_value",
         "order.selector.ticket"),
    ],
)  # fmt: skip
def test_order_that_is_none_is_refused(
    changes: dict[str, Any], reason: str, where: str
) -> None:
    """By the strictness of tickets: exact types, known names, no pattern that could mean more."""
    assert Denied(reason, where) == orders.of_event(event(**changes))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"type": "accesskey.ticket.revoked"}', b"\xff", b"1"]
)
def test_what_is_no_order_is_left_to_others(body: bytes) -> None:
    """A webhook's event passes through; what is no JSON is refused by whoever reads next."""
    assert not isinstance(orders.of_event(body), Order)


def test_key_that_stands_twice_is_refused() -> None:
    """Two readers must not see two orders."""
    body = event().replace(b'"reason": "offboarded"', b'"reason": "ended", "reason": "leaked"')

    assert Denied("duplicate_key") == orders.of_event(body)


def test_leak_is_an_order_for_its_key() -> None:
    """Delivered twice it is one order; another event about the same key is another."""
    order, again = orders.of_event(leak()), orders.of_event(leak(time="2026-01-01T00:00:00Z"))
    other = orders.of_event(leak(id="e-2"))

    assert isinstance(order, Order)
    assert isinstance(other, Order)
    assert ("leaked", "access_key_id", "LTAI5tLeaked00000001") == (
        order.reason, order.selector.by, order.selector.access_key_id)  # fmt: skip
    assert order == again
    assert order.operation_id != other.operation_id
    assert order == orders.of_text(orders.as_text(order))


@pytest.mark.parametrize(
    "changes",
    [{"specversion": "0.3"}, {"id": ...}, {"id": ""}, {"source": "acs.oss"}, {"type": "other"},
     {"data": ...}, {"data": []}, {"data": {}}, {"data": {"AccessKeyId": 1}},
     {"data": {"AccessKeyId": "LTAI\" or *"}}, {"type": 1}],
    ids=str,
)  # fmt: skip
def test_event_that_tells_of_no_leak_is_refused(changes: dict[str, Any]) -> None:
    """Nothing is revoked at a guess; the reason is a documented one."""
    refused = orders.of_event(leak(**changes))

    assert isinstance(refused, Denied)
    assert refused.reason in refusals.REASONS


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, True), ({"data": {"AccessKeyId": "nonsense"}}, True), ({"id": ...}, True),
     ({"specversion": "0.3"}, True), ({"data": []}, True), ({"source": "acs.oss"}, False),
     ({"type": "other"}, False), ({"type": []}, False), ({"source": {}}, False),
     ({"specversion": ...}, False)],
    ids=str,
)  # fmt: skip
def test_event_of_a_leak_is_known_by_source_and_type(
    changes: dict[str, Any], expected: bool
) -> None:
    """However little else of it can be read, somebody believes that a key is being ended."""
    assert expected is orders.tells_of_leak(leak(**changes))


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff", b"1", b'{"specversion": "1.0"}'])
def test_anything_else_tells_of_no_leak(body: bytes) -> None:
    """Whatever comes, it is answered and never raises."""
    assert not orders.tells_of_leak(body)


def test_leak_has_no_cap() -> None:
    """Whatever leaked ends; any other order ends as much as it says, or as the setting says."""
    order = orders.of_event(event(at_most=3))
    assert isinstance(order, Order)
    leaked = orders.of_event(event(reason="leaked", at_most=3))
    plain = orders.of_event(event())
    assert isinstance(leaked, Order)
    assert isinstance(plain, Order)

    assert (3, 5000, 25) == (order.limit(25), leaked.limit(25), plain.limit(25))
