"""The schema that senders read and the parser that receives say the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from jsonschema import Draft202012Validator

from shared import deliveries
from shared.deliveries import ACTIONS, Delivery
from tests.unit.bad_tickets import BOTH_REFUSE, PARSER_REFUSES, bad_ticket
from tests.unit.samples import ROOT, approved_delivery, self_service_ticket
from tests.unit.strategies import brief, broken_tickets, valid_tickets

_SCHEMA = json.loads((ROOT / "docs" / "ticket.schema.json").read_text("utf-8"))
_VALIDATOR = Draft202012Validator(_SCHEMA)


def accepted_by_schema(ticket: dict[str, Any]) -> bool:
    return bool(_VALIDATOR.is_valid(approved_delivery() | {"data": ticket}))


def accepted_by_parser(ticket: dict[str, Any]) -> bool:
    body = json.dumps(approved_delivery() | {"data": ticket}).encode()
    return isinstance(deliveries.parse(body, source="test"), Delivery)


def test_schema_is_a_schema() -> None:
    """A misspelt keyword would silently allow everything."""
    Draft202012Validator.check_schema(_SCHEMA)


def test_example_is_the_sample() -> None:
    """What the page shows is what the tests send."""
    assert [approved_delivery()] == _SCHEMA["examples"]
    assert list(ACTIONS) == _SCHEMA["properties"]["type"]["enum"]


@pytest.mark.parametrize("name", BOTH_REFUSE)
def test_both_refuse(name: str) -> None:
    """What the schema can say, it says."""
    assert (False, False) == (
        accepted_by_schema(bad_ticket(name)), accepted_by_parser(bad_ticket(name)),
    )  # fmt: skip


@pytest.mark.parametrize("name", PARSER_REFUSES)
def test_only_the_parser_can_refuse(name: str) -> None:
    """The list of what no schema can say is exact."""
    assert (True, False) == (
        accepted_by_schema(bad_ticket(name)), accepted_by_parser(bad_ticket(name)),
    )  # fmt: skip


@given(valid_tickets())
@brief
def test_both_accept(ticket: dict[str, Any]) -> None:
    """A valid ticket is valid for both, of whatever shape."""
    assert (True, True) == (accepted_by_schema(ticket), accepted_by_parser(ticket))


@given(broken_tickets())
@brief
def test_parser_accepts_nothing_that_the_schema_refuses(ticket: dict[str, Any]) -> None:
    """The schema is a promise: a sender who breaks it never gets through by luck."""
    assert accepted_by_schema(ticket) or not accepted_by_parser(ticket)


def test_self_service_is_valid() -> None:
    """A ticket without consumers and source IPs has a valid form."""
    assert (True, True) == (
        accepted_by_schema(self_service_ticket()), accepted_by_parser(self_service_ticket()),
    )  # fmt: skip
