"""The canonical ticket: what is refused, and what survives a round trip."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from shared import tickets
from shared.refusals import REASONS, Denied
from shared.tickets import Ticket
from tests.unit.bad_tickets import ALL, bad_ticket
from tests.unit.samples import approved_ticket, person
from tests.unit.strategies import brief, broken_tickets, json_values, thorough, valid_tickets


def parsed(content: object) -> Ticket:
    ticket = tickets.parse(content, source="test")
    assert isinstance(ticket, Ticket), ticket
    return ticket


def test_sample_parses_into_what_it_says() -> None:
    """A ticket's fields are those of the webhook, people folded, texts as they came."""
    ticket = parsed(approved_ticket(requester=person(" Alice ", email="Alice@Example.COM ")))

    assert ("alice", "alice@example.com") == (ticket.requester.id, ticket.requester.email)
    assert ("198.51.100.7",) == ticket.source_ips
    assert 2 == len(ticket.approvals)
    assert "test" == ticket.source


@pytest.mark.parametrize("name", ALL)
def test_bad_ticket_is_refused_with_its_reason_and_place(name: str) -> None:
    """Each fault has one stable reason, and a path that holds none of the sender's text."""
    _, reason, where = ALL[name]

    denied = tickets.parse(bad_ticket(name), source="test")

    assert Denied(reason, where) == denied


@pytest.mark.parametrize(
    "changes",
    [{"application": "locksmith"}, {"application": "orders-lock"}, {"application": "un-lock-x"},
     {"url": "https://x.example"}, {"url": "http://x.example:8080/a?to=b@c#d"},
     {"requester": person("alice", email="alice@a")},
     {"requester": person("alice", email="alice@a-b.example")}],
    ids=str,
)  # fmt: skip
def test_neighbour_of_a_refused_value_is_taken(changes: dict[str, Any]) -> None:
    """Reserved names, user-info and final dots are refused, and no more than these."""
    parsed(approved_ticket(**changes))


@pytest.mark.parametrize("field", sorted(approved_ticket().keys() - {"alternative_considered"}))
def test_missing_field_is_refused(field: str) -> None:
    """Nothing has a silent default that decides on rights."""
    denied = tickets.parse(approved_ticket(**{field: ...}), source="test")

    assert Denied("missing_field", field) == denied


@given(json_values)
@brief
def test_any_json_is_a_ticket_or_a_refusal(content: object) -> None:
    """Parsing never raises."""
    outcome = tickets.parse(content, source="test")

    assert isinstance(outcome, Denied)
    assert outcome.reason in REASONS


@given(broken_tickets())
@thorough
def test_any_json_inside_a_ticket_is_a_ticket_or_a_refusal(content: dict[str, Any]) -> None:
    """Parsing never raises at any depth, and what it lets through can be written again."""
    outcome = tickets.parse(content, source="test")

    if isinstance(outcome, Denied):
        assert outcome.reason in REASONS
    else:
        assert outcome == parsed(tickets.canonical(outcome))
        assert 64 == len(tickets.digest(outcome))


@given(valid_tickets())
@thorough
def test_canonical_form_parses_to_the_same_ticket(content: dict[str, Any]) -> None:
    """What is handed over between functions as JSON is the same ticket on the other side."""
    ticket = parsed(content)

    again = parsed(json.loads(json.dumps(tickets.canonical(ticket))))

    assert ticket == again
    assert tickets.digest(ticket) == tickets.digest(again)


def test_digest_ignores_spelling_but_not_content() -> None:
    """The same ticket has one digest however it is written, and another when anything changes."""
    plain = parsed(approved_ticket(network={"source_ips": ["198.51.100.7", "203.0.113.0/24"]}))
    respelt = parsed(
        dict(reversed(approved_ticket(
            requester=person("ALICE", name="Alice Example"),
            network={"source_ips": ["203.0.113.0/24", "198.51.100.7/32", "198.51.100.7"]},
        ).items()))
    )  # fmt: skip
    changed = parsed(approved_ticket(ttl_seconds=3601))

    assert tickets.digest(plain) == tickets.digest(respelt)
    assert tickets.digest(plain) != tickets.digest(changed)


def test_digest_of_the_sample_stays_what_it_was() -> None:
    """Digests are kept in tags: a change of this value orphans every grant made before it."""
    digest = tickets.digest(parsed(approved_ticket()))

    assert "035f1fecd0e4c70b8c4b71732df2aabe835f27209de7d51cdf8cba51f47759f9" == digest


def test_longest_names_fit_a_ram_user_name() -> None:
    """RAM, "Limitations": a user name has at most 64 characters."""
    ticket = parsed(approved_ticket(application="a" * 39, environment="e" * 16))

    assert len(f"akw-{ticket.application}-{ticket.environment}") <= 64
