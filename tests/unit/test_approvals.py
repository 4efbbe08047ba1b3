"""Whose approval counts, and until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import approvals, tickets
from shared.approvals import Approved, decide
from shared.refusals import Denied
from shared.rules import Rules
from shared.tickets import Ticket
from shared.use_cases import ALTERNATIVES
from tests.unit.samples import (
    NOW,
    RULES,
    approval,
    approved_ticket,
    person,
    self_service_ticket,
    with_list,
)
from tests.unit.strategies import principals, thorough

DAY = timedelta(days=1)


def ticket(**changes: Any) -> Ticket:
    parsed = tickets.parse(approved_ticket(**changes), source="test")
    assert isinstance(parsed, Ticket), parsed
    return parsed


def outcome(*, now: datetime = NOW, rules: Rules = RULES, **changes: Any) -> str:
    """The reason of the refusal, or the names of the approvers."""
    decided = decide(ticket(**changes), rules, now)
    return decided.reason if isinstance(decided, Denied) else " ".join(decided.approvers)


def test_two_people_approve_for_production() -> None:
    """The grant counts from the newest approval that made the quorum."""
    decided = decide(ticket(), RULES, NOW)

    expected = Approved(("carol@example.com", "dave@example.com"), NOW - timedelta(hours=1),
                        asked_by=frozenset({"alice", "alice@example.com"}))  # fmt: skip
    assert expected == decided


def test_one_person_approves_for_development() -> None:
    """The quorum is the environment's."""
    decided = decide(ticket(environment="dev", approvals=[approval("bob")]), RULES, NOW)

    assert isinstance(decided, Approved)
    assert ("bob@example.com",) == decided.approvers


_TERMS: dict[str, tuple[dict[str, Any], Denied]] = {
    "pending": ({"status": "pending"}, Denied("ticket_not_approved", "status")),
    "withdrawn": ({"status": "withdrawn"}, Denied("ticket_not_approved", "status")),
    "environment": ({"environment": "staging"}, Denied("unknown_environment", "environment")),
    "template": (
        {"permissions": [{"template": "oss-everything", "parameters": {}}]},
        Denied("template_not_allowed", "permissions[0].template"),
    ),
    "necessity": (
        {"necessity_confirmed": False, "use_case": "ci-cd"},
        Denied("necessity_not_confirmed", "necessity_confirmed", ALTERNATIVES["ci-cd"]),
    ),
    "ttl_short": ({"ttl_seconds": 3599}, Denied("ttl_out_of_range", "ttl_seconds")),
    "ttl_long": ({"ttl_seconds": 7_776_001}, Denied("ttl_out_of_range", "ttl_seconds")),
    "source_ips": (
        {"network": {"source_ips": []}}, Denied("source_ips_required", "network.source_ips"),
    ),
    "consumer": (
        {"consumers": ["acs:ram::1234567890123456:role/orders-reader",
                       "acs:ram::1234567890123456:role/payroll-reader"]},
        Denied("consumer_not_allowed", "consumers[1]"),
    ),
    "consumer_by_suffix": (
        {"consumers": ["acs:ram::1234567890123456:role/xorders-reader"]},
        Denied("consumer_not_allowed", "consumers[0]"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _TERMS)
def test_ticket_outside_the_terms_is_refused(name: str) -> None:
    """An approval does not lift the environment's limits."""
    changes, expected = _TERMS[name]

    assert expected == decide(ticket(**changes), RULES, NOW)


_CAROL, _DAVE, _ERIN = approval("carol"), approval("dave"), approval("erin")


def _spelt(user: str, email: str) -> dict[str, Any]:
    return approval("x", approver={"id": user, "email": email})


_VOTES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "nobody": ([], "approvals_missing"),
    "one_of_two": ([_CAROL], "approvals_missing"),
    "one_twice": ([_CAROL, _CAROL], "approvals_missing"),
    "one_by_case": ([_CAROL, _spelt("CAROL", "Carol@Example.com")], "approvals_missing"),
    "one_by_tag": ([_CAROL, _spelt("c2", "carol+2@example.com")], "approvals_missing"),
    "one_by_alias": ([_CAROL, _spelt("c2", "carol@corp.example.com")], "approvals_missing"),
    "one_by_id": ([_CAROL, _spelt("carol", "dave@example.com")], "approvals_missing"),
    "one_over_a_third": (
        [_CAROL, _DAVE, _spelt("carol", "dave@example.com")], "approvals_missing",
    ),
    "requester": ([_CAROL, approval("alice")], "approver_is_requester"),
    "requester_by_case": ([_CAROL, _spelt("x", "ALICE@example.com")], "approver_is_requester"),
    "requester_by_alias": (
        [_CAROL, _spelt("x", "alice@corp.example.com")], "approver_is_requester",
    ),
    "requester_by_id": ([_CAROL, _spelt("alice", "dave@example.com")], "approver_is_requester"),
    "requester_by_tag": (
        [_CAROL, _spelt("x", "alice+approver@example.com")], "approver_is_requester",
    ),
    "requester_over_another_vote": (
        [_CAROL, _DAVE, _spelt("alice", "dave@example.com")], "approver_is_requester",
    ),
    "stranger": ([_CAROL, approval("mallory")], "approver_not_allowed"),
    "of_another_environment": ([_CAROL, approval("bob")], "approver_not_allowed"),
    "old": ([_CAROL, approval("dave", NOW - DAY - timedelta(seconds=1))], "approval_too_old"),
    "just_fresh": (
        [_CAROL, approval("dave", NOW - DAY)], "carol@example.com dave@example.com",
    ),
    "future": (
        [_CAROL, _DAVE, approval("erin", NOW + timedelta(minutes=11))], "approval_in_the_future",
    ),
    "future_of_a_stranger": (
        [_CAROL, _DAVE, approval("mallory", NOW + DAY)], "carol@example.com dave@example.com",
    ),
    "clock_a_little_ahead": (
        [_CAROL, approval("dave", NOW + timedelta(minutes=10))],
        "carol@example.com dave@example.com",
    ),
    "rejected": ([_CAROL, _DAVE, approval("erin", decision="reject")], "approval_rejected"),
    "rejected_long_ago": (
        [_CAROL, _DAVE, approval("erin", NOW - 300 * DAY, decision="reject")],
        "approval_rejected",
    ),
    "rejected_then_approved": (
        [approval("carol", NOW - DAY, decision="reject"), _CAROL, _DAVE], "approval_rejected",
    ),
    "rejected_by_a_stranger": (
        [_CAROL, _DAVE, approval("mallory", decision="reject")],
        "carol@example.com dave@example.com",
    ),
    "stranger_beside_two": (
        [approval("mallory"), _CAROL, _DAVE], "carol@example.com dave@example.com",
    ),
    "alias_is_listed_by_name": (
        [_spelt("c", "carol@corp.example.com"), _DAVE], "carol@example.com dave@example.com",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _VOTES)
def test_votes_are_counted_by_person(name: str) -> None:
    """Two distinct, allowed, fresh humans other than the requester; a veto is final."""
    votes, expected = _VOTES[name]

    assert expected == outcome(approvals=votes)


def test_beneficiary_cannot_approve() -> None:
    """Who gets the key is as little an approver as who asks for it."""
    assert "approver_is_requester" == outcome(beneficiary=person("dave"))


def test_template_with_its_own_approvers_needs_them() -> None:
    """Each permission must be approved by people who may approve it."""
    content = self_service_ticket(
        environment="prod", network={"source_ips": ["198.51.100.7"]}, approvals=[_CAROL, _DAVE]
    )

    assert "approver_not_allowed" == outcome(**content)
    assert "erin@example.com grace@example.com" == outcome(
        **content | {"approvals": [_ERIN, approval("grace")]}
    )


def test_voter_must_be_allowed_for_every_permission() -> None:
    """Who may approve one half of a ticket has no vote on the whole; a veto needs one half."""
    both = [
        *approved_ticket()["permissions"],
        {"template": "self-service-access-key-create", "parameters": {"user_name": "heidi"}},
    ]
    veto = approval("dave", decision="reject")

    assert "approver_not_allowed" == outcome(permissions=both, approvals=[_CAROL, _ERIN])
    assert "erin@example.com frank@example.com" == outcome(
        permissions=both, approvals=[_ERIN, approval("frank")]
    )
    assert "approval_rejected" == outcome(
        permissions=both, approvals=[_ERIN, approval("frank"), veto]
    )


_OWNED: dict[str, tuple[list[dict[str, Any]], str]] = {
    "both_on_it": ([_CAROL, _ERIN], "carol@example.com erin@example.com"),
    "one_on_it": ([_CAROL, _DAVE], "approver_not_allowed"),
    "neither_on_it": ([_DAVE, approval("frank")], "approver_not_allowed"),
    "one_too_many": ([_CAROL, _DAVE, _ERIN], "carol@example.com erin@example.com"),
    "on_it_by_alias": (
        [_spelt("c", "carol@corp.example.com"), _ERIN], "carol@example.com erin@example.com",
    ),
    "on_it_alone": ([_CAROL, approval("bob")], "approver_not_allowed"),
    "rejected_from_it": (
        [_CAROL, _ERIN, approval("carol", decision="reject")], "approval_rejected",
    ),
    "rejected_from_elsewhere": (
        [_CAROL, _ERIN, approval("dave", decision="reject")], "carol@example.com erin@example.com",
    ),
    "rejected_by_who_is_on_it_alone": (
        [_CAROL, _ERIN, approval("bob", decision="reject")], "carol@example.com erin@example.com",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _OWNED)
def test_voter_must_also_be_on_the_applications_list(name: str) -> None:
    """bob is on it, and may approve nothing in production all the same."""
    votes, expected = _OWNED[name]

    assert expected == outcome(
        rules=with_list("orders", ["bob", "carol", "erin"]), approvals=votes
    )


def test_list_of_another_application_is_none_of_this_ones() -> None:
    """Neither by its beginning nor in another environment."""
    others = with_list("order", ["erin"], with_list("orders-eu", ["erin"]))
    dev = RULES.environments["dev"]
    elsewhere = replace(RULES, environments={
        **RULES.environments,
        "dev": replace(dev, approvers_of_application={"orders": frozenset({"bob@example.com"})}),
    })  # fmt: skip

    assert "carol@example.com dave@example.com" == outcome(rules=others)
    assert "carol@example.com dave@example.com" == outcome(rules=elsewhere)


def test_applications_list_narrows_a_templates() -> None:
    """Who is on both may approve; a vote that will not count is told before it is cast."""
    content = self_service_ticket(
        environment="prod", network={"source_ips": ["198.51.100.7"]}, approvals=[]
    )
    known = with_list("orders", ["carol", "erin", "frank"])
    reasons = {
        name: denied and denied.reason
        for name in ("carol", "erin", "frank", "grace")
        for vote in ticket(**content | {"approvals": [approval(name)]}).approvals
        for denied in [approvals.vote_refusal(ticket(**content), vote, known, NOW)]
    }

    assert {"carol": "approver_not_allowed", "erin": None, "frank": None,
            "grace": "approver_not_allowed"} == reasons  # fmt: skip


def test_veto_counts_under_any_of_the_persons_names() -> None:
    """Who is joined over a third principal rejects as the one who may approve."""
    other_address = approval(
        "x", approver={"id": "d2", "email": "dd@example.com"}, decision="reject"
    )
    joining = _spelt("d2", "dave@example.com")

    assert "carol@example.com erin@example.com" == outcome(
        approvals=[_CAROL, _ERIN, other_address]
    )
    assert "approval_rejected" == outcome(approvals=[_CAROL, _ERIN, other_address, joining])


@pytest.mark.parametrize(
    ("ago", "ttl_seconds", "expected"),
    [
        (timedelta(minutes=30), 3600, "grant_nearly_over"),
        (timedelta(minutes=30) - timedelta(seconds=1), 3600, "carol@example.com dave@example.com"),
        (timedelta(hours=2), 3600, "grant_nearly_over"),
        (timedelta(hours=2), 3 * 3600, "carol@example.com dave@example.com"),
        (timedelta(hours=23), 23 * 3600 + 1800, "grant_nearly_over"),
    ],
)
def test_grant_that_is_nearly_over_is_refused(
    ago: timedelta, ttl_seconds: int, expected: str
) -> None:
    """The lifetime counts from the approval: a key must live half an hour at least here."""
    votes = [approval("carol", NOW - ago), approval("dave", NOW - ago)]

    assert expected == outcome(ttl_seconds=ttl_seconds, approvals=votes)
    if expected == "grant_nearly_over":
        refused = decide(ticket(ttl_seconds=ttl_seconds, approvals=votes), RULES, NOW)
        assert Denied("grant_nearly_over", "ttl_seconds") == refused


def test_later_attempt_finds_the_same_approval() -> None:
    """While a surplus vote grows too old, the plan of a retry stays the same."""
    votes = [approval("erin", NOW - 23 * DAY / 24), _CAROL, _DAVE]
    changes = {"approvals": votes}

    early, late = (decide(ticket(**changes), RULES, NOW + timedelta(hours=h)) for h in (0, 6))

    assert isinstance(early, Approved)
    assert early == late


_people = principals()
_APPROVERS = ["bob", "carol", "dave", "erin", "frank"]  # of some environment
_votes = st.lists(
    st.fixed_dictionaries({
        "approver": _people | st.sampled_from(_APPROVERS).map(person),
        "decision": st.sampled_from([*["approve"] * 9, "reject"]),
        "at": st.integers(-30 * 3600, 3600).map(
            lambda s: (NOW + timedelta(seconds=s)).strftime("%Y-%m-%dT%H:%M:%SZ")
        ),
    }),
    min_size=2, max_size=6,
)  # fmt: skip


_lists = st.none() | st.frozensets(st.sampled_from(_APPROVERS), min_size=2, max_size=3)


@given(_people, st.none() | _people, _votes, st.sampled_from(["dev", "prod"]), _lists)
@thorough
def test_nothing_is_approved_without_enough_other_humans(
    requester: dict[str, Any],
    beneficiary: dict[str, Any] | None,
    votes: list[dict[str, Any]],
    environment: str,
    listed: frozenset[str] | None,
) -> None:
    """Whatever ids and addresses people mix: removing everyone who shares one with the requester
    or the beneficiary, and everyone not allowed (there, and for the application if it has a list)
    or not fresh, still leaves the quorum."""
    asked = ticket(
        requester=requester, beneficiary=beneficiary, approvals=votes, environment=environment
    )
    known = with_list("another", ["grace"])
    decided = decide(asked, known if listed is None else with_list("orders", listed, known), NOW)
    if isinstance(decided, Denied):
        return

    rules = RULES.environments[environment]
    allowed = rules.approvers
    if listed is not None:
        allowed = frozenset(f"{one}@example.com" for one in listed) & rules.approvers
    asking = RULES.names(asked.requester)
    if asked.beneficiary:
        asking |= RULES.names(asked.beneficiary)
    oldest = NOW - timedelta(seconds=rules.approval_max_age_seconds)
    left = [
        names
        for vote in asked.approvals
        if vote.decision == "approve"
        and not (names := RULES.names(vote.approver)) & asking
        and names & allowed
        and oldest <= vote.at <= NOW + approvals.CLOCK_SKEW
    ]
    assert rules.quorum == len(decided.approvers) == len(set(decided.approvers))
    assert set(decided.approvers) <= frozenset().union(*left) & allowed
    assert decided.approved_at in {vote.at for vote in asked.approvals}
    assert decided.approved_at.tzinfo is UTC
    assert not any(
        vote.decision == "reject" and RULES.names(vote.approver) & allowed
        for vote in asked.approvals
    )
