"""The HTTP trigger's event is read whatever it holds, and answers are explicit."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import http_event
from shared.http_event import Inbound
from tests.unit.strategies import brief, json_values

EVENT: dict[str, Any] = {
    "version": "v1",
    "rawPath": "/hook",
    "headers": {"Webhook-Id": "msg_1", "content-type": "application/json"},
    "queryParameters": {},
    "body": base64.b64encode(b'{"a": "\xc3\xa9"}').decode(),
    "isBase64Encoded": True,
    "requestContext": {"http": {"method": "POST", "path": "/hook", "sourceIp": "198.51.100.7"}},
}


def parsed(**changes: Any) -> Inbound | None:
    return http_event.parse(json.dumps(EVENT | changes).encode())


def test_event_becomes_a_request_with_its_raw_body() -> None:
    """The very bytes that were signed; header names in lower case."""
    inbound = parsed()

    assert Inbound(
        "POST", "/hook", {"webhook-id": "msg_1", "content-type": "application/json"},
        b'{"a": "\xc3\xa9"}',
    ) == inbound  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "body"),
    [
        ({"body": "plain é", "isBase64Encoded": False}, "plain é".encode()),
        ({"body": None}, b""),
        ({"body": ""}, b""),
    ],
    ids=["text", "none", "empty"],
)
def test_body_is_bytes(changes: dict[str, Any], body: bytes) -> None:
    """Text and absent bodies are bytes as well."""
    inbound = parsed(**changes)

    assert inbound is not None
    assert body == inbound.body


@pytest.mark.parametrize(
    "event",
    [b"", b"null", b"[]", b"\xff", b'{"requestContext": {}}', b"[" * 100_000,
     b'{"triggerTime": "2026-09-01T09:00:00Z", "triggerName": "t", "payload": ""}'],
)  # fmt: skip
def test_other_events_are_none(event: bytes) -> None:
    """A timer's, a queue's or a broken event is no request."""
    assert http_event.parse(event) is None


@given(st.binary() | json_values.map(lambda value: json.dumps(value).encode()))
@brief
def test_any_event_is_answered(event: bytes) -> None:
    """Never an exception: the sender gets an answer."""
    assert http_event.parse(event) is None


@given(st.dictionaries(st.sampled_from(sorted(EVENT)), json_values))
@brief
def test_any_broken_request_is_answered(changes: dict[str, Any]) -> None:
    """Any value in any place."""
    inbound = parsed(**changes)

    assert inbound is None or isinstance(inbound.body, bytes)


def test_answer_is_explicit() -> None:
    """Status, type and encoding are always said; text may be Chinese."""
    made = http_event.answer(422, {"reason": "名", "a": 1})

    assert (422, False) == (made["statusCode"], made["isBase64Encoded"])
    assert '{"a": 1, "reason": "名"}' == made["body"]
    assert "no-store" == made["headers"]["Cache-Control"]
