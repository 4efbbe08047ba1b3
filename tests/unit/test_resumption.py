"""Found state to plan, refusal or answer: the table of what every attempt may meet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from shared import approvals, grants, naming, resumption, tickets
from shared.approvals import Approved
from shared.errors import StateChanged
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
OTHER_READER = grant_of(
    approved_ticket(consumers=["acs:ram::1234567890123456:role/orders-writer"])
)
OPEN = grant_of(approved_ticket(environment="dev", network={"source_ips": []}))
SELF_SERVICE = grant_of(self_service_ticket())
OTHER_SELF_SERVICE = grant_of(self_service_ticket(id="REQ-2000"))

WIDE = '{"Version": "1", "Statement": []}'
UNSIGNED = {name: value for name, value in GRANT.secret_tags.items() if name != "akw:sig"}
KEY, LOST = "LTAI5tStored", "LTAI5tLost"


def user(grant: Grant = GRANT) -> User:
    return User("1", grant.user, dict(grant.tags))


def retagged(**tags: str) -> User:
    """Somebody made or edited the user; what carries our names need not be ours."""
    return User("1", GRANT.user, {**GRANT.tags, **tags})


def policy(grant: Grant = GRANT) -> PolicyState:
    return PolicyState(grant.policy, grant.description, grant.document)


def secret(grant: Grant = GRANT, deletes_at: str = "") -> SecretState:
    return SecretState(grant.secret, dict(grant.secret_tags), deletes_at)


def key(key_id: str, status: str = "Active") -> KeyStatus:
    return KeyStatus(key_id, status, NOW)


def version(version_id: str, *stages: str) -> Version:
    return Version(version_id, frozenset(stages))


RESERVED = version("reserve", "ACSCurrent")
STORED = version(KEY, "AkwPending")
CURRENT = version(KEY, "ACSCurrent")


def found(**changes: Any) -> Found:
    empty: dict[str, Any] = {
        "user": None, "ended": frozenset(), "policy": None, "elsewhere": frozenset(),
        "secret": None, "versions": (), "keys": (),
    }  # fmt: skip
    return Found(**(empty | changes))


ALL = {"user": user(), "policy": policy(), "secret": secret()}
TAKEN = ("ticket_lease.taken", "lease.taken")
RELEASED = ("lease.released", "ticket_lease.released")
ISSUED = frozenset({"key.issued"})

PLANS: dict[str, tuple[Grant, Found, list[str]]] = {
    "nothing_there": (GRANT, found(), [
        *TAKEN, "user.created", "policy.created", "secret.reserved", "policy.attached",
        "key.created", "key.restricted", "secret.stored", "key.issued", *RELEASED,
    ]),
    "user_there": (GRANT, found(user=user()), [
        *TAKEN, "policy.created", "secret.reserved", "policy.attached", "key.created",
        "key.restricted", "secret.stored", "key.issued", *RELEASED,
    ]),
    "all_but_the_key_there": (GRANT, found(**ALL, versions=(RESERVED,)), [
        *TAKEN, "policy.attached", "key.created", "key.restricted", "secret.stored",
        "key.issued", *RELEASED,
    ]),
    "key_stored": (GRANT, found(**ALL, versions=(RESERVED, STORED), keys=(key(KEY),)), [
        *TAKEN, "policy.attached", "key.issued", *RELEASED,
    ]),
    "key_current_but_no_result": (GRANT, found(**ALL, versions=(CURRENT,), keys=(key(KEY),)), [
        *TAKEN, "policy.attached", "key.issued", *RELEASED,
    ]),
    "lost_key": (GRANT, found(**ALL, versions=(RESERVED,), keys=(key(LOST),)), [
        *TAKEN, "key.disabled LTAI5tLost", "key.deleted LTAI5tLost", "policy.attached",
        "key.created", "key.restricted", "secret.stored", "key.issued", *RELEASED,
    ]),
    "lost_key_beside_the_stored": (
        GRANT, found(**ALL, versions=(STORED,), keys=(key(LOST, "Inactive"), key(KEY))), [
            *TAKEN, "key.disabled LTAI5tLost", "key.deleted LTAI5tLost",
            "policy.attached", "key.issued", *RELEASED,
        ],
    ),
    "stored_version_of_a_dead_key": (GRANT, found(**ALL, versions=(STORED,)), [
        *TAKEN, "policy.attached", "key.created", "key.restricted", "secret.stored",
        "key.issued", *RELEASED,
    ]),
    "no_network": (OPEN, found(), [
        *TAKEN, "user.created", "policy.created", "secret.reserved", "policy.attached",
        "key.created", "secret.stored", "key.issued", *RELEASED,
    ]),
    "self_service": (SELF_SERVICE, found(user=User("1", "heidi", {})), [
        *TAKEN, "policy.created", "self_service.granted", *RELEASED,
    ]),
    "self_service_policy_there": (
        SELF_SERVICE, found(user=User("1", "heidi", {}), policy=policy(SELF_SERVICE)),
        [*TAKEN, "self_service.granted", *RELEASED],
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
    "user_with_a_made_up_signature": (
        GRANT, found(user=retagged(**{"akw:sig": "0" * 64})), "name_in_use",
    ),
    "user_with_a_longer_life": (
        GRANT, found(user=retagged(**{"akw:expires": "2030-01-01T00:00:00Z"})), "name_in_use",
    ),
    "user_with_a_tag_more": (GRANT, found(user=retagged(team="mine")), "name_in_use"),
    "policy_with_another_document": (
        GRANT, found(policy=PolicyState(GRANT.policy, GRANT.description, WIDE)), "name_in_use",
    ),
    "policy_that_is_no_json": (
        GRANT, found(policy=PolicyState(GRANT.policy, GRANT.description, "{")), "name_in_use",
    ),
    "policy_with_another_description": (
        GRANT, found(policy=PolicyState(GRANT.policy, "{}", GRANT.document)), "name_in_use",
    ),
    "ticket_of_another_application": (
        GRANT, found(elsewhere=frozenset({"akw-billing-prod"})), "ticket_changed",
    ),
    "ticket_of_another_application_too": (
        GRANT,
        found(**ALL, versions=(CURRENT,), keys=(key(KEY),), ended=ISSUED,
              elsewhere=frozenset({"akw-billing-prod"})),
        "ticket_changed",
    ),
    "policy_of_nobody": (
        GRANT, found(policy=PolicyState(GRANT.policy, "mine", "{}")), "name_in_use",
    ),
    "secret_of_nobody": (
        GRANT, found(secret=SecretState(GRANT.secret, {}, "")), "name_in_use",
    ),
    "secret_made_beforehand": (
        GRANT,
        found(secret=SecretState(GRANT.secret, UNSIGNED, ""), versions=(RESERVED,)),
        "name_in_use",
    ),
    "secret_with_other_readers": (GRANT, found(secret=secret(OTHER_READER)), "name_in_use"),
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
    "self_service_policy_with_another_document": (
        SELF_SERVICE,
        found(user=User("1", "heidi", {}),
              policy=PolicyState(SELF_SERVICE.policy, SELF_SERVICE.description, WIDE)),
        "application_has_live_key",
    ),
    "self_service_by_an_application_ticket": (
        SELF_SERVICE,
        found(user=User("1", "heidi", {}), elsewhere=frozenset({"akw-orders-dev"})),
        "ticket_changed",
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
    state = Found.of(GRANT, None, [{"event_type": event, "outcome": outcome}], None, [])

    assert ended == state.ended


def test_own_user_is_not_elsewhere() -> None:
    """Of the users that carry the ticket, those other than the grant's are another use of it."""
    carriers = [GRANT.user, "akw-billing-prod"]

    state = Found.of(GRANT, user(), [], None, carriers, None, None, [])

    assert frozenset({"akw-billing-prod"}) == state.elsewhere


_HALF_SEEN: dict[str, dict[str, Any]] = {
    "user_whose_keys_are_not_there": {"user": user(), "keys": None},
    "secret_whose_versions_are_not_there": {"secret": secret(), "versions": None},
    "secret_without_any_version": {"secret": secret(), "versions": []},
}


@pytest.mark.parametrize("case", _HALF_SEEN)
def test_what_is_half_visible_is_not_planned_from(case: str) -> None:
    """I6: a list that is not there is no empty list; the next attempt looks again."""
    state: dict[str, Any] = {"user": None, "secret": None, "versions": None, "keys": []}
    state |= _HALF_SEEN[case]

    with pytest.raises(StateChanged):
        Found.of(GRANT, state["user"], [], None, [], state["secret"], state["versions"],
                 state["keys"])  # fmt: skip


def test_what_cannot_have_parts_needs_none() -> None:
    """No user has no keys, a secret in deletion no versions, self-service neither."""
    fresh = Found.of(GRANT, None, [], None, [])
    dying = Found.of(GRANT, None, [], None, [], secret(deletes_at="2026-09-30T00:00:00Z"))
    served = Found.of(SELF_SERVICE, User("1", "heidi", {}), [], None, [])

    assert ((), ()) == (fresh.keys, fresh.versions)
    assert () == dying.versions
    assert () == served.keys


def test_policy_is_ours_however_its_json_is_spelt() -> None:
    """RAM may return a document with other spaces or another order; its content must be equal."""
    document = json.loads(GRANT.document)
    respelt = json.dumps(dict(reversed(document.items())), indent=2)

    assert resumption.same_policy(PolicyState(GRANT.policy, GRANT.description, respelt), GRANT)


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
