"""Where a sweep looks: what stands together is left alone, what does not is looked at."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import candidates, naming
from shared.candidates import MOST_TICKETS, Finding, Suspects, View
from shared.ports import ListedPolicy, SecretState, User
from shared.removal import Target
from tests.unit.samples import NOW

OLD = NOW - timedelta(hours=1)
TAGS = {"akw:source": "standard-webhooks", "akw:ticket": "REQ-1"}
USER = User("1", "akw-orders-prod", TAGS, OLD)
POLICY = ListedPolicy("akw-orders-prod", "{}", OLD)
SECRET = SecretState("akw/orders/prod", TAGS, "", OLD)
TARGET = Target("standard-webhooks", "REQ-1", "orders", "prod", "")
SELF_SERVICE = ListedPolicy(
    "akw-orders-dev",
    '{"grant":{"source":"standard-webhooks","ticket":"REQ-2"},'
    '"permissions":[["self-service",{"user_name":"heidi"}]]}',
    OLD,
)


def settled(at: datetime | None) -> bool:
    return at is None or at <= OLD


def suspects(**parts: Any) -> Suspects:
    pages: dict[str, Any] = {"users": [], "policies": [], "secrets": []}
    return candidates.suspects(View(**(pages | parts)), settled)


def test_complete_grant_is_no_candidate() -> None:
    """User, policy and secret under one ticket: nothing is read of it."""
    assert Suspects(()) == suspects(users=[USER], policies=[POLICY], secrets=[SECRET])


@pytest.mark.parametrize("missing", ["users", "policies", "secrets"])
def test_incomplete_grant_is_a_candidate(missing: str) -> None:
    """Whichever part is gone, the ticket of the others is looked at."""
    parts: dict[str, Any] = {"users": [USER], "policies": [POLICY], "secrets": [SECRET]}

    assert Suspects((TARGET,)) == suspects(**(parts | {missing: []}))


def test_policy_alone_asks_the_log() -> None:
    """Its Description does not name its ticket."""
    assert Suspects((), nameless=("akw-orders-prod",)) == suspects(policies=[POLICY])


def test_parts_of_two_tickets_are_both_looked_at() -> None:
    """A user of one and a secret of another under one name."""
    other = SecretState(SECRET.name, TAGS | {"akw:ticket": "REQ-9"}, "", OLD)

    found = suspects(users=[USER], policies=[POLICY], secrets=[other])

    assert {"REQ-1", "REQ-9"} == {target.ticket_id for target in found.targets}


@pytest.mark.parametrize(("users", "count"), [([User("2", "heidi", {}, OLD)], 0), ([], 1)])
def test_self_service_ends_with_its_holder(users: list[User], count: int) -> None:
    """Such a policy stands alone by design, as long as whoever holds it is there."""
    assert count == len(suspects(users=users, policies=[SELF_SERVICE]).targets)


@pytest.mark.parametrize("young", ["users", "policies", "secrets"])
def test_young_thing_is_not_even_read(young: str) -> None:
    """A running issue makes one thing after the other."""
    now = {"users": [User("1", USER.name, TAGS, NOW)],
           "policies": [ListedPolicy(POLICY.name, "{}", NOW)],
           "secrets": [SecretState(SECRET.name, TAGS, "", NOW)]}  # fmt: skip

    assert Suspects(()) == suspects(**{young: now[young]})


def test_secret_in_its_recovery_window_is_gone() -> None:
    """Whoever deleted it by hand left the rest behind."""
    going = SecretState(SECRET.name, TAGS, "2026-10-01T00:00:00Z", OLD)

    assert (TARGET,) == suspects(users=[USER], policies=[POLICY], secrets=[going]).targets


def test_names_like_ours_without_our_mark_are_findings() -> None:
    """Nobody's ticket: told, and never touched."""
    found = suspects(
        users=[User("1", "akw-orders-prod", {}, OLD), User("2", "carol", TAGS, OLD)],
        secrets=[SecretState("akw/billing/prod", {}, "", OLD)],
    )

    assert () == found.targets
    assert {
        Finding("user/akw-orders-prod", "unmanaged_name"), Finding("user/carol", "renamed_user"),
        Finding("secret/akw/billing/prod", "unmanaged_name"),
    } == set(found.findings)  # fmt: skip


@pytest.mark.parametrize("unread", ["users", "policies"])
def test_unread_page_shows_nothing_missing(unread: str) -> None:
    """I6: what is not in a page that could not be read is unknown, not gone."""
    parts: dict[str, Any] = {"users": [USER], "policies": [], "secrets": []}

    assert Suspects(()) == suspects(**(parts | {unread: None}))


def test_without_the_secrets_user_and_policy_are_enough() -> None:
    """A quick sweep has not listed them: they are unknown, not gone."""
    assert Suspects(()) == suspects(users=[USER], policies=[POLICY], secrets=None)
    assert Suspects((TARGET,)) == suspects(users=[USER], policies=[], secrets=None)
    assert Suspects((), (POLICY.name,)) == suspects(users=[], policies=[POLICY], secrets=None)


def test_quarantined_users_come_first() -> None:
    """A revocation in progress, known to the log or not; a stranger is a finding."""
    found = suspects(
        users=[USER], policies=[POLICY], secrets=[SECRET],
        quarantined=["user/akw-orders-prod", "user/mallory", "role/akw-issue"],
    )  # fmt: skip

    assert (TARGET,) == found.targets
    assert {"user/mallory", "role/akw-issue"} == {finding.thing for finding in found.findings}


@pytest.mark.parametrize("ticket", ['x" or *', "", "a b", "REQ-1\n"])
def test_words_of_others_never_reach_a_search(ticket: str) -> None:
    """Tags are whoever may tag's; only what we could have written goes into a query."""
    tags = TAGS | {"akw:ticket": ticket}

    found = suspects(users=[User("1", USER.name, tags, OLD)])

    assert () == found.targets
    reason = "unreadable_mark" if ticket else "unmanaged_name"
    assert (Finding(f"user/{USER.name}", reason),) == found.findings


@pytest.mark.parametrize("name", ["akw/ \n/x", "akw/a/b/c", "akw/Orders/prod", "akw/orders/PROD"])
def test_name_that_no_ticket_makes_is_told_and_not_asked_for(name: str) -> None:
    """Names of secrets are freer than ours: nothing is looked up that is made from them."""
    found = suspects(secrets=[SecretState(name, TAGS, "", OLD)])

    assert Suspects((), findings=(Finding(f"secret/{name}", "unreadable_mark"),)) == found


def test_full_answer_is_told() -> None:
    """There may be more than a statement may give."""
    row = {"ticket_system": "s", "ticket_id": "T", "application": "a", "environment": "null"}

    assert View(tickets=[row] * MOST_TICKETS).truncated
    assert not View(tickets=[row]).truncated
    assert (Target("s", "T", "a", "", ""),) == suspects(tickets=[row]).targets


@pytest.mark.parametrize(("name", "place"), [
    ("akw-orders-prod", ("orders", "prod")), ("akw-a-b-prod", ("a-b", "prod")),
    ("akw/orders/prod", ("orders", "prod")), ("akw-quarantine", ("", "")),
    ("akw-lock-orders-prod-1", ("", "")), ("akwarden-akw-issue", ("", "")), ("heidi", ("", "")),
])  # fmt: skip
def test_names_say_their_place(name: str, place: tuple[str, str]) -> None:
    """The inverse of what naming makes; markers and provisioned things have none."""
    assert place == naming.place_of(name)
