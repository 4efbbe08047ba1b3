"""Revocation where the cloud's records lie: anybody who may edit a tag or a description can write
there, and an answer may be an old one. A key that lives is never called ended."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import audit, naming, reasons, revocation
from shared.errors import CloudRefused, LeaseHeld, NotFound, RevocationIncomplete
from shared.ports import KeyStatus, PolicyState, User
from shared.revocation import Revoked
from tests.unit.fakes import TERMS, FakeIms, FakeRam, Fault, World
from tests.unit.samples import NOW
from tests.unit.test_issuance import APPLICATION
from tests.unit.test_revocation import (
    OPERATION,
    assert_nothing_left,
    attempt,
    ending,
    live,
    quarantined,
    run,
    ticket,
)

USER = APPLICATION.user


def forged(world: World, holder: str, ticket_id: str = APPLICATION.ticket.id) -> None:
    """Somebody makes the application's policy call itself self-service."""
    source = APPLICATION.ticket.source
    text = json.dumps({"grant": {"source": source, "ticket": ticket_id},
                       "permissions": [["x", {"user_name": holder}]]})  # fmt: skip
    policy = world.policies[APPLICATION.policy]
    world.policies[APPLICATION.policy] = replace(policy, description=text)


def retagged(world: World, **tags: str) -> None:
    world.users[USER] = replace(world.users[USER], tags=tags)


@pytest.mark.parametrize("holder", ["nobody", "bob", "akw-other-prod"])
def test_forged_description_neither_saves_the_key_nor_ends_another_user(holder: str) -> None:
    """Whom the description names is good for the detaching of its policy, and never beside a user
    of ours."""
    world = live()
    forged(world, holder)
    other = User("9", holder, {"akw:source": "standard-webhooks", "akw:ticket": "OTHER"})
    if holder != "nobody":
        world.users[holder] = other

    outcome = attempt(world)

    assert isinstance(outcome, Revoked)
    assert (f"policy {APPLICATION.policy} calls itself self-service",) == outcome.left
    assert ([] if holder == "nobody" else [other]) == list(world.users.values())
    world.users.pop(holder, None)
    assert_nothing_left(world)


def test_forged_holder_of_ours_is_not_detached_from() -> None:
    """No self-service policy is for a user of ours: this one is its application's."""
    world = live()
    forged(world, "akw-other-prod")
    del world.users[USER]
    world.keys.clear()
    world.attached = {(APPLICATION.policy, "akw-other-prod")}
    world.users["akw-other-prod"] = User("9", "akw-other-prod", {})

    outcome = attempt(world)

    assert isinstance(outcome, Revoked)
    assert {(APPLICATION.policy, "akw-other-prod")} == world.attached
    assert f"policy {APPLICATION.policy} is held by user/akw-other-prod too" in outcome.left


def test_listed_key_that_is_not_there_is_not_called_deleted() -> None:
    """NotFound for what was just listed is a contradiction, and no end."""
    world = live()

    class Elsewhere(FakeRam):
        def delete_access_key(self, user: str, access_key_id: str) -> str:
            raise NotFound("DeleteAccessKey", "EntityNotExist.User.AccessKey", 404, "r")

    with pytest.raises(RevocationIncomplete):
        attempt(world, ram=Elsewhere(world))

    assert ["failure"] == ending(world)
    assert USER in world.users


@pytest.mark.parametrize("tags", [{}, {"akw:source": "standard-webhooks", "akw:ticket": "OTHER"}])
def test_user_without_its_tags_is_known_by_its_key(tags: dict[str, str]) -> None:
    """The log says for which ticket the key was issued; whoever edits tags cannot shield it."""
    world = live()
    retagged(world, **tags)

    outcome = attempt(world)

    assert isinstance(outcome, Revoked)
    assert 1 == len(outcome.access_key_ids)
    assert_nothing_left(world)


def test_success_on_record_does_not_shield_a_living_key() -> None:
    """A repeat looks whether what was issued lives, also under foreign tags."""
    world = live()
    record = attempted_record()
    world.broker().audit_log.put_logs([
        *record.intents([revocation.ENDING], world.now), *ended(record, world.now)
    ])  # fmt: skip
    retagged(world)

    run(world)

    assert_nothing_left(world)


def attempted_record() -> audit.Attempt:
    return audit.attempt(
        audit.Subject.of(ticket()), OPERATION, fc_request_id="1-other", fc_function="akw-revoke",
        account_id="1234567890123456", region="cn-hangzhou", trigger="webhook", broker_version="0",
    )  # fmt: skip


def ended(record: audit.Attempt, now: datetime = NOW) -> Sequence[audit.Row]:
    record.outcomes[revocation.ENDING] = audit.Outcome("success")
    return record.results(now)


@pytest.mark.parametrize("readable", [True, False])
def test_key_with_a_renamed_user_is_no_success(readable: bool) -> None:
    """It lives under a name that is not the grant's: told, kept open, and its secret stays."""
    world = live()
    world.users["bob"] = replace(world.users.pop(USER), name="bob")
    (key,) = world.keys.values()
    key.user = "bob"
    world.attached.clear()
    world.groups.clear()
    world.logins.clear()
    if not readable:
        world.faults = {Fault("get_user_of_access_key", n, silent=True, after=False)
                        for n in range(1, 9)}  # fmt: skip

    said = "lives with user bob" if readable else "unknown"
    with pytest.raises(RevocationIncomplete, match=said):
        attempt(world)

    assert ["failure"] == ending(world)
    assert APPLICATION.secret in world.secrets

    del world.keys[key.id], world.users["bob"]
    run(world)

    assert_nothing_left(world)


def test_foreign_user_whose_keys_cannot_be_listed_keeps_the_secret() -> None:
    """I6: whether a key of the ticket's lives there is not known."""
    world = live()
    retagged(world)

    class Behind(FakeRam):
        def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None:
            return None

    with pytest.raises(RevocationIncomplete):
        attempt(world, ram=Behind(world))

    assert "success" not in ending(world)
    assert APPLICATION.secret in world.secrets


def test_keys_of_a_user_that_cannot_be_seen_are_a_contradiction() -> None:
    """One of the two answers is an old one; the grant is not gone by that."""
    world = live()
    world.attached.clear()

    class Stale(FakeIms):
        def get_user(self, user: str) -> User | None:
            return None

    with pytest.raises(RevocationIncomplete, match="its keys can"):
        attempt(world, ims=Stale(world))

    assert "success" not in ending(world)
    assert {APPLICATION.secret} == set(world.secrets)

    run(world)

    assert_nothing_left(world)


def test_user_that_the_log_remembers_is_looked_for_until_the_lag_is_over() -> None:
    """Neither itself nor its keys are visible: one look does not make it gone."""
    world = live()
    began = world.now

    def stale() -> bool:
        return world.now - began < timedelta(seconds=TERMS.max_lag_seconds)

    class StaleIms(FakeIms):
        def get_user(self, user: str) -> User | None:
            return None if stale() else super().get_user(user)

    class StaleRam(FakeRam):
        def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None:
            return None if stale() else super().list_access_keys(user)

    outcome = attempt(world, ims=StaleIms(world), ram=StaleRam(world))

    assert isinstance(outcome, Revoked)
    assert 1 == len(outcome.access_key_ids)
    assert_nothing_left(world)


@pytest.mark.parametrize("reason", [reasons.LEAKED, reasons.WITHDRAWN])
def test_names_in_the_delivery_do_not_stand_before_the_real_ones(reason: str) -> None:
    """What fails under the delivery's names, here a lease that never ends, stops no other place;
    and it proves no key of another place."""
    world = live()
    marker = naming.lease_name("renamed-prod", 1)
    until = (world.now + timedelta(hours=1)).timestamp()
    world.policies[marker] = PolicyState(marker, json.dumps({"holder": "x", "until": until}), "{}")

    with pytest.raises(LeaseHeld):
        by_ticket(world, reason)

    del world.policies[marker]
    assert_nothing_left(world)


def test_leak_under_other_names_ends_at_the_real_place() -> None:
    """The key is proved gone where it was."""
    world = live()

    outcome = by_ticket(world, reasons.LEAKED)

    assert isinstance(outcome, Revoked)
    assert 1 == len(outcome.access_key_ids)
    assert_nothing_left(world)
    assert [] == world.recycled_users


def by_ticket(world: World, reason: str) -> Any:
    return revocation.by_ticket(
        world.broker(), ticket(application="renamed"), attempted_record(), reason=reason
    )


def test_failing_read_gives_the_lease_back() -> None:
    """Nothing is in doubt: the next attempt need not wait for the lease to end."""
    world = live(faults={Fault("get_user", 2, silent=False, after=False)})
    before = world.now

    with pytest.raises(CloudRefused):
        attempt(world)

    assert naming.lease_name("orders-prod", 1) not in world.policies
    assert isinstance(attempt(world), Revoked)
    assert_nothing_left(world)
    assert world.now - before < timedelta(seconds=TERMS.lasts_seconds)


@pytest.mark.parametrize("silent", [False, True])
def test_failing_read_of_the_log_under_the_lease_is_asked_again(silent: bool) -> None:
    """There the lease has to stay, as nobody could see why: one failure must not cost its time."""
    world = live(faults={Fault("get_logs", 1, silent, after=False)})

    assert isinstance(attempt(world), Revoked)

    assert_nothing_left(world)


def test_policy_of_another_place_is_not_taken_for_this_ones() -> None:
    """The log remembers what was made where."""
    world = live()
    name = naming.policy_name("renamed", "prod")
    world.policies[name] = PolicyState(name, "somebody's", "{}")

    by_ticket(world, reasons.WITHDRAWN)

    assert name in world.policies


def test_world_without_anything_ends_at_once() -> None:
    """No row of an issue, no wait: a ticket that is withdrawn before its approval."""
    world = quarantined(World())
    before = world.now

    assert isinstance(attempt(world), Revoked)

    assert before == world.now
