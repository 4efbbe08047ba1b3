"""What a managed user carries is read back as it was granted, or not at all."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import grants, ledger
from shared.ledger import LiveGrant, Unreadable
from shared.ports import User
from shared.secrecy import Secret
from tests.unit.samples import NOW, approved_ticket
from tests.unit.strategies import brief
from tests.unit.test_grants import APPLICATION, LEDGER_KEY, grant_of

USER = User("1", APPLICATION.user, APPLICATION.tags)


def read(user: User = USER, description: str | None = APPLICATION.description,
         key: Secret = LEDGER_KEY) -> LiveGrant | Unreadable:  # fmt: skip
    return ledger.read(user, description, key)


def with_tags(**changes: str) -> User:
    return User("1", USER.name, {**USER.tags, **{f"akw:{k}": v for k, v in changes.items()}})


def test_grant_is_read_as_it_was_planned() -> None:
    """Everything that rotation, expiry and inventory go by."""
    ticket = APPLICATION.ticket
    approved_at = NOW - timedelta(hours=1)

    assert LiveGrant(
        user="akw-orders-prod", application="orders", environment="prod",
        source=ticket.source, ticket_id=ticket.id, digest=USER.tags["akw:digest"],
        requester=ticket.requester.id, approvers=APPLICATION.approvers,
        approved_at=approved_at, expires_at=approved_at + timedelta(seconds=ticket.ttl_seconds),
        permissions=ticket.permissions, source_ips=ticket.source_ips,
        document_digest=grants.document_digest(APPLICATION.document),
    ) == read()  # fmt: skip


def test_names_follow_from_the_place() -> None:
    """Where the secret and the policy are need not be stored."""
    found = read()

    assert isinstance(found, LiveGrant)
    assert (APPLICATION.secret, APPLICATION.policy) == (found.secret, found.policy)


@pytest.mark.parametrize(("asked", "expected"), [
    ({}, (None, None)),
    ({"rotation_days": 30}, (30, None)),
    ({"rotation_days": 7, "rotation_wait_days": 0}, (7, 0)),
])  # fmt: skip
def test_rotation_is_the_tickets(asked: dict[str, Any], expected: tuple[int | None, ...]) -> None:
    """Zero days of waiting is a wish, absent is none."""
    grant = grant_of(approved_ticket(**asked))

    found = ledger.read(User("1", grant.user, grant.tags), grant.description, LEDGER_KEY)

    assert isinstance(found, LiveGrant)
    assert expected == (found.rotation_days, found.rotation_wait_days)


@pytest.mark.parametrize(("user", "description", "reason"), [
    (User("1", "alice", USER.tags), APPLICATION.description, "no_grant"),
    (User("1", USER.name, {}), APPLICATION.description, "no_grant"),
    (User("1", USER.name, {"team": "orders"}), APPLICATION.description, "no_grant"),
    (USER, None, "policy_missing"),
    (USER, "", "bad_signature"),
    (USER, APPLICATION.description + " ", "bad_signature"),
    (with_tags(expires="2099-01-01T00:00:00Z"), APPLICATION.description, "bad_signature"),
    (with_tags(**{"rotation-days": "1"}), APPLICATION.description, "bad_signature"),
    (User("1", "akw-other-prod", USER.tags), APPLICATION.description, "bad_signature"),
])  # fmt: skip
def test_what_is_not_ours_to_the_letter_promises_nothing(
    user: User, description: str | None, reason: str
) -> None:
    assert Unreadable(reason) == read(user, description)


def test_another_key_reads_nothing() -> None:
    assert Unreadable("bad_signature") == read(key=Secret("another"))


@given(st.dictionaries(st.text(max_size=12).map("akw:{}".format), st.text(max_size=12)),
       st.none() | st.text(max_size=80))  # fmt: skip
@brief
def test_never_raises(tags: dict[str, str], description: str | None) -> None:
    """Whoever can edit tags cannot stop a sweep."""
    assert isinstance(ledger.read(User("1", USER.name, tags), description, LEDGER_KEY), Unreadable)
