"""Found state to plan, refusal or answer: the table of what every attempt may meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from shared import approvals, grants, naming, resumption, tickets
from shared.approvals import Approved
from shared.grants import Grant
from shared.ports import KeyStatus, PolicyState, SecretState, User, Version
from shared.refusals import Denied
from shared.resumption import Found, Issued
from shared.secrecy import Secret
from tests.unit.samples import ASSETS, NOW, RULES, TEMPLATES, approved_ticket, self_service_ticket


def grant_of(content: Mapping[str, Any]) -> Grant:
    ticket = tickets.parse(dict(content), source="standard-webhooks")
    assert isinstance(ticket, tickets.Ticket)
    approved = approvals.decide(ticket, RULES, NOW)
    assert isinstance(approved, Approved)
    grant = grants.plan(ticket, approved, TEMPLATES, ASSETS, Secret("ledger"))
    assert isinstance(grant, Grant)
    return grant


GRANT = grant_of(approved_ticket())
OTHER = grant_of(approved_ticket(id="REQ-2000"))
CHANGED = grant_of(approved_ticket(purpose="Another purpose than the one before."))
OPEN = grant_of(approved_ticket(environment="dev", network={"source_ips": []}))
SELF_SERVICE = grant_of(self_service_ticket())
OTHER_SELF_SERVICE = grant_of(self_service_ticket(id="REQ-2000"))

KEY, LOST = "LTAI5tStored", "LTAI5tLost"


def user(grant: Grant = GRANT) -> User:
    return User("1", grant.user, dict(grant.tags))


def policy(grant: Grant = GRANT) -> PolicyState:
    return PolicyState(grant.policy, grant.description, grant.document, NOW)


def secret(grant: Grant = GRANT, deletes_at: str = "") -> SecretState:
    return SecretState(grant.secret, resumption.secret_tags(grant), deletes_at)


def key(key_id: str, status: str = "Active") -> KeyStatus:
    return KeyStatus(key_id, status, NOW)


def version(version_id: str, *stages: str) -> Version:
    return Version(version_id, frozenset(stages))


RESERVED = version("reserve", "ACSCurrent")
STORED = version(KEY, "AkwPending")
CURRENT = version(KEY, "ACSCurrent")


def found(**changes: Any) -> Found:
    empty: dict[str, Any] = {
        "user": None, "ended": frozenset(), "policy": None, "secret": None, "versions": (),
        "keys": (),
    }  # fmt: skip
    return Found(**(empty | changes))


ALL = {"user": user(), "policy": policy(), "secret": secret()}
ISSUED = frozenset({"key.issued"})

PLANS: dict[str, tuple[Grant, Found, list[str]]] = {
    "nothing_there": (GRANT, found(), [
        "lease.taken", "user.created", "policy.created", "secret.reserved", "policy.attached",
        "key.created", "secret.stored", "key.restricted", "key.issued", "lease.released",
    ]),
    "user_there": (GRANT, found(user=user()), [
        "lease.taken", "policy.created", "secret.reserved", "policy.attached", "key.created",
        "secret.stored", "key.restricted", "key.issued", "lease.released",
    ]),
    "all_but_the_key_there": (GRANT, found(**ALL, versions=(RESERVED,)), [
        "lease.taken", "policy.attached", "key.created", "secret.stored", "key.restricted",
        "key.issued", "lease.released",
    ]),
    "key_stored": (GRANT, found(**ALL, versions=(RESERVED, STORED), keys=(key(KEY),)), [
        "lease.taken", "policy.attached", "key.restricted", "key.issued", "lease.released",
    ]),
    "key_current_but_no_result": (GRANT, found(**ALL, versions=(CURRENT,), keys=(key(KEY),)), [
        "lease.taken", "policy.attached", "key.restricted", "key.issued", "lease.released",
    ]),
    "lost_key": (GRANT, found(**ALL, versions=(RESERVED,), keys=(key(LOST),)), [
        "lease.taken", "key.disabled LTAI5tLost", "key.deleted LTAI5tLost", "policy.attached",
        "key.created", "secret.stored", "key.restricted", "key.issued", "lease.released",
    ]),
    "lost_key_beside_the_stored": (
        GRANT, found(**ALL, versions=(STORED,), keys=(key(LOST, "Inactive"), key(KEY))), [
            "lease.taken", "key.disabled LTAI5tLost", "key.deleted LTAI5tLost",
            "policy.attached", "key.restricted", "key.issued", "lease.released",
        ],
    ),
    "stored_version_of_a_dead_key": (GRANT, found(**ALL, versions=(STORED,)), [
        "lease.taken", "policy.attached", "key.created", "secret.stored", "key.restricted",
        "key.issued", "lease.released",
    ]),
    "no_network": (OPEN, found(), [
        "lease.taken", "user.created", "policy.created", "secret.reserved", "policy.attached",
        "key.created", "secret.stored", "key.issued", "lease.released",
    ]),
    "self_service": (SELF_SERVICE, found(user=User("1", "heidi", {})), [
        "lease.taken", "policy.created", "self_service.granted", "lease.released",
    ]),
    "self_service_policy_there": (
        SELF_SERVICE, found(user=User("1", "heidi", {}), policy=policy(SELF_SERVICE)),
        ["lease.taken", "self_service.granted", "lease.released"],
    ),
}  # fmt: skip

REFUSALS: dict[str, tuple[Grant, Found, str]] = {
    "revoked": (GRANT, found(ended=frozenset({"ticket.revoked"})), "ticket_consumed"),
    "revoked_while_alive": (
        GRANT,
        found(**ALL, versions=(CURRENT,), keys=(key(KEY),), ended=ISSUED | {"ticket.revoked"}),
        "ticket_consumed",
    ),
    "issued_and_gone": (GRANT, found(ended=ISSUED), "ticket_consumed"),
    "issued_and_key_gone": (
        GRANT, found(**ALL, versions=(CURRENT,), ended=ISSUED), "ticket_consumed",
    ),
    "issued_and_other_key_current": (
        GRANT,
        found(**ALL, versions=(STORED, version("LTAI5tNew", "ACSCurrent")), keys=(key(KEY),),
              ended=ISSUED),
        "ticket_consumed",
    ),
    "user_of_another_ticket": (GRANT, found(user=user(OTHER)), "application_has_live_key"),
    "user_of_nobody": (GRANT, found(user=User("1", GRANT.user, {})), "name_in_use"),
    "other_content": (GRANT, found(user=user(CHANGED)), "ticket_changed"),
    "policy_of_nobody": (
        GRANT, found(policy=PolicyState(GRANT.policy, "mine", "{}", NOW)), "name_in_use",
    ),
    "secret_of_nobody": (
        GRANT, found(secret=SecretState(GRANT.secret, {}, "")), "name_in_use",
    ),
    "secret_of_another_ticket": (GRANT, found(secret=secret(OTHER)), "name_in_use"),
    "secret_in_deletion": (
        GRANT, found(secret=secret(deletes_at="2026-09-30T00:00:00Z")), "secret_being_deleted",
    ),
    "stored_key_disabled": (
        GRANT, found(**ALL, versions=(STORED,), keys=(key(KEY, "Inactive"),)), "unexpected_keys",
    ),
    "two_stored_keys": (
        GRANT,
        found(**ALL, versions=(STORED, version("LTAI5tNew")), keys=(key(KEY), key("LTAI5tNew"))),
        "unexpected_keys",
    ),
    "self_service_without_user": (SELF_SERVICE, found(), "user_not_found"),
    "self_service_of_another_ticket": (
        SELF_SERVICE,
        found(user=User("1", "heidi", {}), policy=policy(OTHER_SELF_SERVICE)),
        "application_has_live_key",
    ),
    "self_service_ended": (
        SELF_SERVICE,
        found(user=User("1", "heidi", {}), ended=frozenset({"self_service.granted"})),
        "ticket_consumed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PLANS)
def test_plan_holds_what_is_left(case: str) -> None:
    """In the saga's order, and never what is there already."""
    grant, state, events = PLANS[case]

    plan = resumption.plan(grant, state)

    assert isinstance(plan, list)
    assert events == [f"{c.event_type} {c.target}".strip() for c in plan]


@pytest.mark.parametrize("case", REFUSALS)
def test_refused(case: str) -> None:
    """Nothing is made, and the reason says what to do."""
    grant, state, reason = REFUSALS[case]

    refused = resumption.plan(grant, state)

    assert isinstance(refused, Denied)
    assert reason == refused.reason


def test_served_ticket_is_answered_with_its_key() -> None:
    """While the grant lives, a late duplicate gets the first answer."""
    versions = (version("reserve"), CURRENT)
    state = found(**ALL, versions=versions, keys=(key(KEY),), ended=ISSUED)

    outcome = resumption.plan(GRANT, state)

    assert Issued(GRANT.user, GRANT.policy, KEY, GRANT.secret, KEY) == outcome


def test_served_self_service_is_answered() -> None:
    """Its policy still stands: granted already."""
    state = found(
        user=User("1", "heidi", {}), policy=policy(SELF_SERVICE),
        ended=frozenset({"self_service.granted"}),
    )  # fmt: skip

    assert Issued("heidi", SELF_SERVICE.policy) == resumption.plan(SELF_SERVICE, state)


@pytest.mark.parametrize(
    ("event", "outcome", "ended"),
    [
        ("key.issued", "success", {"key.issued"}),
        ("key.issued", "failure", set()),
        ("key.issued", "unknown", set()),
        ("key.issued", "skipped", set()),
        ("ticket.revoked", "success", {"ticket.revoked"}),
        ("ticket.revoked", "failure", {"ticket.revoked"}),
    ],
)
def test_only_success_ends_but_any_revocation_does(
    event: str, outcome: str, ended: set[str]
) -> None:
    """A revocation that failed is still one; an issue that failed is none."""
    state = Found.of(None, [{"event_type": event, "outcome": outcome}], None)

    assert ended == state.ended


def test_memory_is_asked_for_this_ticket_alone() -> None:
    """Ticket and source together, results only, and every event that ends one."""
    query = resumption.ended_query("standard-webhooks", "REQ-1")

    assert 'ticket_id: "REQ-1" and ticket_system: "standard-webhooks"' in query
    assert "phase: result" in query
    for event in ("key.issued", "self_service.granted", "ticket.revoked"):
        assert f'event_type: "{event}"' in query


def test_reserved_version_is_no_key() -> None:
    """The reservation stands for no AccessKey: a key beside it is still one that nobody has."""
    state = found(versions=(RESERVED,), keys=(key(LOST),))

    assert (key(LOST),) == state.orphans
    assert naming.RESERVED_VERSION == state.current
