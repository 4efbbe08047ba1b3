"""The body of a webhook: one meaning, or a refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import deliveries
from shared.deliveries import ACTIONS, MAX_BODY_BYTES, Delivery, Ignored
from shared.refusals import REASONS, Denied
from tests.unit.samples import NOW, approved_body, approved_delivery
from tests.unit.strategies import brief, broken_tickets, json_values


def parsed(body: bytes) -> Delivery | Ignored | Denied:
    return deliveries.parse(body, source="test")


@pytest.mark.parametrize(("kind", "action"), ACTIONS.items())
def test_each_type_asks_for_its_action(kind: str, action: str) -> None:
    """The type alone says what is to be done; the ticket is whole in each."""
    delivery = parsed(approved_body(type=kind))

    assert isinstance(delivery, Delivery)
    assert (kind, action, NOW) == (delivery.type, delivery.action, delivery.sent_at)
    assert "REQ-1042" == delivery.ticket.id


@pytest.mark.parametrize(
    "body",
    [b'{"type":"accesskey.ticket.commented"}', b'{"type":"","more":[1]}', b'{"type":"x","n":1}'],
)
def test_other_type_is_ignored_whatever_it_carries(body: bytes) -> None:
    """Sources may send more than we ask for; that is no fault of theirs."""
    assert isinstance(parsed(body), Ignored)


_GOOD = approved_body().decode()
_BAD_BODIES: dict[str, tuple[bytes, Denied]] = {
    "empty": (b"", Denied("not_json")),
    "truncated": (approved_body()[:-1], Denied("not_json")),
    "two_values": (approved_body() * 2, Denied("not_json")),
    "not_utf8": (_GOOD.encode("utf-16"), Denied("not_json")),
    "broken_utf8": (approved_body() + b"\xff", Denied("not_json")),
    "byte_order_mark": (b"\xef\xbb\xbf" + approved_body(), Denied("not_json")),
    "nan": (_GOOD.replace("2592000", "NaN").encode(), Denied("not_json")),
    "infinity": (_GOOD.replace("2592000", "-Infinity").encode(), Denied("not_json")),
    "huge_float": (
        _GOOD.replace("2592000", "1e999").encode(), Denied("wrong_type", "data.ttl_seconds"),
    ),
    "endless_integer": (_GOOD.replace("2592000", "9" * 5000).encode(), Denied("not_json")),
    "deep_lists": (b"[" * 90_000, Denied("not_json")),
    "deep_objects": (b'{"a":' * 15_000 + b"1" + b"}" * 15_000, Denied("not_json")),
    "deep_in_ticket": (
        _GOOD.replace("2592000", "[" * 40_000 + "]" * 40_000).encode(), Denied("not_json"),
    ),
    "too_large": (b" " * MAX_BODY_BYTES + b"{}", Denied("body_too_large")),
    "duplicate_at_top": (
        _GOOD.replace('"type"', '"type": "x", "type"', 1).encode(), Denied("duplicate_key"),
    ),
    "duplicate_in_depth": (
        _GOOD.replace('"project"', '"project": "x", "project"').encode(), Denied("duplicate_key"),
    ),
    "duplicate_by_escape": (
        _GOOD.replace('"project"', '"pro\\u006aect": "x", "project"').encode(),
        Denied("duplicate_key"),
    ),
    "list": (b"[]", Denied("wrong_type")),
    "text": (b'"accesskey.ticket.approved"', Denied("wrong_type")),
    "no_type": (b"{}", Denied("missing_field", "type")),
    "type_as_list": (b'{"type":["accesskey.ticket.approved"]}', Denied("wrong_type", "type")),
    "no_data": (
        b'{"type":"accesskey.ticket.approved","timestamp":"2026-09-01T09:00:00Z"}',
        Denied("missing_field", "data"),
    ),
    "data_as_text": (
        json.dumps(approved_delivery() | {"data": "x"}).encode(), Denied("wrong_type", "data"),
    ),
    "unknown_member": (
        json.dumps(approved_delivery() | {"admin": True}).encode(),
        Denied("unknown_field", "admin"),
    ),
    "timestamp_as_number": (
        json.dumps(approved_delivery() | {"timestamp": 1}).encode(),
        Denied("wrong_type", "timestamp"),
    ),
    "timestamp_loose": (
        json.dumps(approved_delivery() | {"timestamp": "now"}).encode(),
        Denied("invalid_value", "timestamp"),
    ),
    "bad_ticket": (approved_body(ttl_seconds=None), Denied("wrong_type", "data.ttl_seconds")),
}  # fmt: skip


@pytest.mark.parametrize("name", _BAD_BODIES)
def test_bad_body_is_refused(name: str) -> None:
    """Every way in which a body can be no delivery has its own answer."""
    body, expected = _BAD_BODIES[name]

    assert expected == parsed(body)


@given(st.binary(max_size=200) | json_values.map(json.dumps).map(str.encode))
@brief
def test_any_bytes_get_an_answer(body: bytes) -> None:
    """Parsing never raises."""
    assert isinstance(parsed(body), Denied | Ignored)


@given(broken_tickets())
@brief
def test_any_ticket_gets_an_answer(ticket: dict[str, Any]) -> None:
    """Also with surrogates, infinities and odd names in it, as JSON can spell them all."""
    outcome = parsed(json.dumps(approved_delivery() | {"data": ticket}).encode())

    assert isinstance(outcome, Delivery) or outcome.reason in REASONS  # type: ignore[union-attr]
