"""What a revocation may touch, and in which order it goes."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from shared import removal, tickets
from shared.audit import Change
from shared.ports import Attached, KeyStatus, PolicyState, PolicyVersion, SecretState, User
from shared.refusals import Denied
from shared.removal import QUARANTINE, Details, Found, Memory, Target
from tests.unit.samples import NOW, approved_ticket

WHOM = Target("standard-webhooks", "REQ-1042", "orders", "prod", "withdrawn")
OURS = {"akw:source": "standard-webhooks", "akw:ticket": "REQ-1042"}
THEIRS = OURS | {"akw:ticket": "REQ-2000"}
KEY = KeyStatus("LTAI5tOne", "Active", NOW)
GRANTED = Attached("Custom", "akw-orders-prod")
LAG_SECONDS = 30
FIRST = PolicyVersion("v1", True)
SECRET = SecretState("akw/orders/prod", OURS, "")
MADE = Memory(made_policy=True)


def user(tags: dict[str, str]) -> User:
    return User("1", "akw-orders-prod", tags)


def policy(description: str = "{}") -> PolicyState:
    return PolicyState("akw-orders-prod", description, "{}")


def self_service(ticket: str) -> PolicyState:
    """A policy that says itself whose it is."""
    return policy(json.dumps({
        "akw": "1", "grant": {"source": "standard-webhooks", "ticket": ticket},
        "permissions": [["self-service-access-key-manage", {"user_name": "heidi"}]],
    }))  # fmt: skip


def found(whose: User | None, described: PolicyState | None = None) -> Found:
    return Found.of(WHOM, whose, [KEY], [GRANTED, QUARANTINE], described)


def events(changes: list[Change]) -> list[str]:
    return [change.event_type for change in changes]


@pytest.mark.parametrize("status", tickets.STATUSES)
def test_status_decides_whether_a_delivery_revokes(status: str) -> None:
    """It must end the ticket, or still call it approved; approvals do not matter."""
    given = tickets.parse(approved_ticket(status=status, approvals=[]), source=WHOM.source)
    assert isinstance(given, tickets.Ticket)

    target = removal.target(given)

    if status in ("revoked", "withdrawn", "approved"):
        assert WHOM == target
    else:
        assert Denied("ticket_not_revoked", "status") == target


def test_own_user_is_cut_by_three_things_at_once() -> None:
    """Rights, network and status; each key for itself."""
    assert [
        Change("quarantine.attached", "ram", "AttachPolicyToUser"),
        Change("key.restricted", "ims", "SetAccessKeyPolicy", KEY.id),
        Change("key.disabled", "ram", "UpdateAccessKey", KEY.id),
    ] == removal.denial(found(user(OURS)))


@pytest.mark.parametrize("tags", [THEIRS, {}, OURS | {"akw:source": "other"}])
def test_foreign_user_is_neither_cut_nor_removed(tags: dict[str, str]) -> None:
    """Another ticket's, another source's, or nobody's: only its name is told."""
    seen = found(user(tags), policy())
    details = Details(("developers",), (FIRST,), ("user/akw-orders-prod",), None)

    assert [] == removal.denial(seen)
    assert [] == removal.removal(WHOM, seen, details, MADE)
    assert ("user akw-orders-prod is another ticket's",) == removal.left(WHOM, seen, details)


def test_order_of_removal() -> None:
    """Keys, rights and logins, the policy, then the quarantine, the user and its secret."""
    details = Details(
        ("developers",), (FIRST, PolicyVersion("v2", False)), ("user/akw-orders-prod",), SECRET
    )

    changes = removal.removal(WHOM, found(user(OURS), policy()), details, Memory())

    assert [
        "key.deleted", "policy.detached", "group.left", "login.removed", "mfa.unbound",
        "policy.version_deleted", "policy.deleted", "quarantine.detached", "user.deleted",
        "secret.deleted",
    ] == events(changes)  # fmt: skip


@pytest.mark.parametrize(("seen", "details", "memory", "removed"), [
    (found(None, policy()), Details(versions=(FIRST,)), MADE, ["policy.deleted"]),
    (found(None, policy()), Details(versions=(FIRST,)), Memory(), []),
    (found(None, policy()), Details(versions=(FIRST,), secret=SecretState("s", THEIRS, "")), MADE,
     []),
    (found(None, policy()), Details(holders=("role/admin",)), MADE, []),
    (found(None, policy()), Details(holders=None), MADE, []),
    (found(None), Details(secret=SECRET), Memory(), ["secret.deleted"]),
    (found(None), Details(secret=SecretState("s", THEIRS, "")), Memory(), []),
    (found(None, self_service("REQ-1042")), Details(), Memory(), ["policy.deleted"]),
    (found(None, self_service("REQ-2000")), Details(), MADE, []),
])  # fmt: skip
def test_what_is_left_behind_without_its_user(
    seen: Found, details: Details, memory: Memory, removed: list[str]
) -> None:
    """Only what is surely this ticket's: by its tags, its description, or the log."""
    assert removed == events(removal.removal(WHOM, seen, details, memory))


def test_self_service_is_ended_by_detaching() -> None:
    """From the user that it was for, and nobody's keys are touched."""
    assert [
        Change("policy.detached", "ram", "DetachPolicyFromUser", resource="Custom:akw-orders-prod")
    ] == removal.denial(found(None, self_service("REQ-1042")))


def unsettled(seen: Found, **changes: Any) -> float:
    details = Details(versions=changes.pop("versions", (FIRST,)))
    return removal.unsettled_seconds(WHOM, seen, details, Memory(**changes), NOW, LAG_SECONDS)


def test_settled_grant_is_not_waited_for() -> None:
    """Our policy stood in the way of new keys all the time, and nobody worked on the ticket."""
    assert 0 == unsettled(found(user(OURS)))


@pytest.mark.parametrize("seen", [Found.of(WHOM, user(OURS), [KEY], [QUARANTINE], policy())])
def test_detached_policy_may_have_let_a_key_be_made(seen: Found) -> None:
    """What denied it is gone: the whole lag has to pass before the keys are all known."""
    assert LAG_SECONDS == unsettled(seen)


def test_changed_policy_may_have_let_a_key_be_made() -> None:
    """A second version is somebody's change."""
    assert LAG_SECONDS == unsettled(found(user(OURS)), versions=(FIRST, PolicyVersion("v2", False)))


def test_fresh_work_is_waited_for() -> None:
    """What an issue run did ten seconds ago may take another twenty to show."""
    at = int((NOW - timedelta(seconds=10)).timestamp() * 1000)

    assert 20 == unsettled(found(None), worked_at_ms=at)


@pytest.mark.parametrize(("seen", "waits"), [
    (Found.of(WHOM, user(OURS), [KEY], [Attached("Custom", WHOM.policy)], None), LAG_SECONDS),
    (found(user(OURS), policy()), 0),
])  # fmt: skip
def test_what_the_log_remembers_and_the_read_does_not_show_is_read_again(
    seen: Found, waits: int
) -> None:
    """I6: an answer that there is nothing may be an old one."""
    assert waits == unsettled(seen, standing=frozenset({"policy.created"}))


def test_secret_that_stands_by_the_log_is_looked_for_again() -> None:
    """The same for the secret, which one read alone shows."""
    assert LAG_SECONDS == unsettled(found(user(OURS)), standing=frozenset({"secret.reserved"}))


def test_what_was_seen_does_not_vanish_by_itself() -> None:
    """Between two reads of one run nothing is deleted: the later one is stale."""
    full, none = found(user(OURS), policy()), Found.of(WHOM, user(OURS), [KEY], [], None)

    assert removal.vanished((full, Details()), (none, Details()))
    assert not removal.vanished((none, Details()), (full, Details()))


def test_things_stand_from_their_making_to_their_end() -> None:
    """What failed was not made, and what was deleted does not stand any more."""
    def standing(*rows: dict[str, str]) -> frozenset[str]:
        return Memory.of(rows, operation_id="op-1", run_id="run-1").standing

    made, kept = row(event_type="policy.created"), row(event_type="secret.reserved")
    assert frozenset({"policy.created", "secret.reserved"}) == standing(made, kept)
    assert frozenset({"secret.reserved"}) == standing(made, kept, row(event_type="policy.deleted"))
    assert frozenset() == standing(made | {"outcome": "failure"})


def row(**changes: str) -> dict[str, str]:
    return {"phase": "result", "application": "orders", "environment": "prod",
            "event_type": "key.issued", "outcome": "success", "operation_id": "op-issue",
            "chain_id": "op-issue/run-0", "time_ms": "1"} | changes  # fmt: skip


@pytest.mark.parametrize(("rows", "memory"), [
    ([], Memory()),
    ([row(time_ms="5"), row(time_ms="3")], Memory(worked_at_ms=5)),
    ([row(event_type="policy.created", outcome="pending", phase="intent")],
     Memory(made_policy=True, worked_at_ms=1, places=frozenset({("orders", "prod")}))),
    ([row(event_type="ticket.rejected", phase="note", application="other")],
     Memory(worked_at_ms=1)),
    ([row(event_type="ticket.revoked", outcome="pending", operation_id="op-1")],
     Memory(revoked=True)),
    ([row(event_type="ticket.revoked", outcome="failure", operation_id="op-1")],
     Memory(revoked=True)),
    ([row(event_type="ticket.revoked", operation_id="op-1")], Memory(revoked=True, ended=True)),
    ([row(event_type="quarantine.attached", operation_id="op-1", chain_id="op-1/run-1")],
     Memory()),
    ([row(event_type="quarantine.attached", operation_id="op-1", chain_id="op-1/run-9")],
     Memory(cut=True)),
    ([row(event_type="user.deleted", operation_id="op-1", phase="intent", resources="77"),
      row(event_type="key.deleted", operation_id="op-1", resources="77", access_key_id="K")],
     Memory(user_ids=frozenset({"77"}), key_ids=frozenset({"K"}),
            deleted=frozenset({("77", "K")}))),
    ([row(event_type="user.purged", operation_id="op-1", resources="77"),
      row(event_type="key.purged", operation_id="op-1", resources="77", access_key_id="K")],
     Memory(key_ids=frozenset({"K"}), purged=frozenset({"77", "K"}))),
    ([row(event_type="user.purged", operation_id="op-1", resources="77", error_code="NotExist"),
      row(event_type="user.purged", operation_id="op-1", resources="78", outcome="unknown")],
     Memory()),
])  # fmt: skip
def test_what_the_log_says(rows: list[dict[str, str]], memory: Memory) -> None:
    """The rows of the run that asks are no memory of an earlier cut."""
    assert memory == Memory.of(rows, operation_id="op-1", run_id="run-1")


@pytest.mark.parametrize(("purging", "reason", "ended"), [
    (False, "withdrawn", True), (False, "leaked", True), (False, "", True),
    (True, "withdrawn", False), (True, "ended", False), (True, "", False), (True, "leaked", True),
    (True, "offboarded", True),
])  # fmt: skip
def test_end_that_left_everything_restorable_is_no_end_for_a_leak(
    purging: bool, reason: str, ended: bool
) -> None:
    """What ended for good has also ended for less."""
    rows = [row(event_type="ticket.revoked", operation_id="op-1", reason=reason)]

    place = ("orders", "prod") if purging else None

    memory = Memory.of(rows, operation_id="op-1", run_id="run-1", purged_at=place)

    assert ended == memory.ended


def test_leak_is_ended_under_each_of_the_ticket_s_names() -> None:
    """The bins are searched by name: what was purged under one name says nothing of another."""
    rows = [row(event_type="ticket.revoked", operation_id="op-1", reason="leaked")]

    memory = Memory.of(rows, operation_id="op-1", run_id="run-1", purged_at=("billing", "prod"))

    assert not memory.ended


@pytest.mark.parametrize(("tags", "ids", "ours"), [
    ({}, {"1"}, True), ({}, {"2"}, False), (THEIRS, {"1"}, False), (OURS, set(), True),
])  # fmt: skip
def test_user_without_tags_is_ours_if_the_log_names_its_id(
    tags: dict[str, str], ids: set[str], ours: bool
) -> None:
    """One that was restored may have lost them; one that names another ticket is the other's."""
    seen = Found.of(WHOM, user(tags), [KEY], [], None, user_ids=ids)

    assert ours == (seen.user is not None)


@pytest.mark.parametrize(("source", "ticket"), [
    ("standard-webhooks", 'x" or event_type: "user.deleted'), ('s" or "', "REQ-1"),
    ("standard-webhooks", ""), ("", "REQ-1"), ("standard-webhooks", "REQ-1\n"),
    ("standard-webhooks", "x" * 65),
])  # fmt: skip
def test_words_that_could_widen_a_search_make_no_target(source: str, ticket: str) -> None:
    """Tags and descriptions are anybody's who may write them; a search asks for one ticket."""
    assert removal.target_of(source, ticket, "orders", "prod", "leaked") is None
    with pytest.raises(ValueError, match="search"):
        removal.memory_query(Target(source, ticket, "orders", "prod", "leaked"))


@pytest.mark.parametrize(("application", "environment"), [
    (" \n", "x"), ("a/b", "prod"), ("lock-a", "prod"), ("a", "p-q"), ("a" * 40, "prod"),
    ("a", "p" * 17),
])  # fmt: skip
def test_names_that_are_not_ours_make_no_target(application: str, environment: str) -> None:
    """They become the names of calls."""
    assert removal.target_of(WHOM.source, "REQ-1042", application, environment, "leaked") is None


def test_target_of_records_in_our_own_form() -> None:
    """With a place, or without one."""
    facts = ("standard-webhooks", "REQ-1042")

    assert WHOM == removal.target_of(*facts, "orders", "prod", "withdrawn")
    assert Target(*facts, "", "", "") == removal.target_of(*facts, "", "", "")
