"""A grant gets what a new approval says, its key stays, and nothing half amended lasts."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import amending, cleanup, grants, housekeeping, ledger
from shared.amending import Amended
from shared.errors import AkwardenError
from shared.grants import Grant
from shared.housekeeping import House
from shared.ledger import LiveGrant, Unreadable
from shared.refusals import Denied
from tests.unit.attempts import record_of, until_ended
from tests.unit.fakes import BEGAN, Fault, Key, World, succeeded
from tests.unit.samples import approval, approved_ticket, self_service_ticket
from tests.unit.test_cleanup import PAST_THE_GUARD, Killed, mortal, open_changes, run_of
from tests.unit.test_extending import KEY, everything_but_the_end, issued
from tests.unit.test_extending import extended as extended_by
from tests.unit.test_housekeeping import TERMS
from tests.unit.test_issuance import APPLICATION, attempt, grant_of

OTHER = [{"template": "sls-logstore-write",
          "parameters": {"project": "orders-logs", "logstore": "another"}}]  # fmt: skip
ADDRESS = "198.51.100.99"
METHODS = {"get_logs": 5, "get_user": 2, "get_policy": 2, "describe_secret": 2, "put_logs": 3,
           "list_access_keys": 2, "create_policy": 2, "update_policy_description": 1,
           "create_policy_version": 1, "set_access_key_policy": 1, "delete_policy": 2}  # fmt: skip
FAULTS = [Fault(method, nth, silent, after) for method, most in METHODS.items()
          for nth in range(1, most + 1) for silent in (False, True) for after in (False, True)]


def asked(**changes: Any) -> Grant:
    """Another logstore and another address, to the grant's own end at least."""
    at = BEGAN - timedelta(minutes=30)
    values: dict[str, Any] = {
        "id": "REQ-2", "permissions": OTHER, "network": {"source_ips": [ADDRESS]},
        "approvals": [approval(name, at=at)
                      for name in ("carol", "dave")],
        "ttl_seconds": 31 * 86_400,
    }  # fmt: skip
    return grant_of(approved_ticket(**(values | changes)))


AMENDMENT = asked()


def once(world: World, grant: Grant = AMENDMENT) -> Amended | Denied:
    """One run, with a record of its own."""
    return amending.amend(world.broker(), grant, KEY, record_of(grant, "amend"))


def amended(world: World, grant: Grant = AMENDMENT) -> Amended | Denied:
    """Attempts until one ends."""
    return until_ended(world, lambda: once(world, grant))


def grant_in(world: World) -> LiveGrant | Unreadable:
    user = world.users[APPLICATION.user]
    return ledger.read(user, world.policies[APPLICATION.policy].description, KEY)


def assert_amended(world: World, grant: Grant = AMENDMENT) -> None:
    """The ledger, the policy and every key's network say the same, and the key is the first one."""
    found = grant_in(world)
    assert isinstance(found, LiveGrant)
    assert (grant.ticket.permissions, grant.ticket.source_ips) == (
        found.permissions, found.source_ips)  # fmt: skip
    assert found.amendment is not None
    assert grant.ticket.id == found.amendment.ticket_id
    assert "REQ-1042" == found.ticket_id
    policy = world.policies[APPLICATION.policy]
    assert grants.document_digest(policy.document) == found.document_digest
    assert {grant.ticket.source_ips} == {key.network for key in world.keys.values()}


def test_permissions_and_addresses_change_and_the_key_stays() -> None:
    world = issued()
    keys, values = list(world.keys), dict(world.values)

    outcome = once(world)

    assert isinstance(outcome, Amended)
    assert_amended(world)
    assert (keys, values) == (list(world.keys), dict(world.values))
    (row,) = succeeded(world, "grant.amended")
    assert "REQ-2" == row["ticket_id"]
    assert [] == [name for name in world.policies if name.startswith("akw-lock-")]


def test_repeat_changes_nothing() -> None:
    world = issued()
    first = amended(world)
    world.log.clear()

    assert first == amended(world)

    assert [] == [entry for entry in world.log if entry[0] in (
        "UpdatePolicyDescription", "CreatePolicyVersion", "SetAccessKeyPolicy")]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_broken_anywhere_it_ends_amended_and_on_record(fault: Fault) -> None:
    """Whatever call failed and however; and no change was made that was not announced."""
    world = issued()
    world.faults = {fault}

    outcome = amended(world)

    assert world.calls[fault.method] >= fault.nth  # else the fault was not met at all
    assert isinstance(outcome, Amended)
    assert_amended(world)
    assert succeeded(world, "grant.amended")
    announced: set[str] = set()
    made = {"UpdatePolicyDescription": "grant.described", "CreatePolicyVersion": "policy.replaced"}
    for entry in world.log:
        if entry[0] == "acknowledged":
            announced |= {row["event_type"] for row in entry[2] if row["phase"] == "intent"}
        assert entry[0] not in made or made[entry[0]] in announced


@pytest.mark.parametrize("method", ["create_policy_version", "set_access_key_policy"])
def test_run_that_nobody_repeats_leaves_a_grant_that_the_daily_look_completes(method: str) -> None:
    """From its one call on the amended grant is the grant: the policy follows."""
    world = issued()
    world.faults = {Fault(method, 1, False, False)}
    with pytest.raises(AkwardenError):
        once(world)
    world.faults = set()
    assert isinstance(grant_in(world), LiveGrant)
    world.now += timedelta(days=1)

    house = House(TERMS, lambda grant: AMENDMENT.document, KEY)
    housekeeping.take_turns(run_of(world), house, None)

    found = grant_in(world)
    assert isinstance(found, LiveGrant)
    policy = world.policies[APPLICATION.policy]
    assert grants.document_digest(policy.document) == found.document_digest


@pytest.mark.parametrize(("changes", "where"), [
    ({"consumers": ["acs:ram::1234567890123456:role/billing-reader"]}, "consumers"),
    ({"rotation_days": 30}, "rotation_days"),
])  # fmt: skip
def test_amendment_changes_nothing_else(changes: dict[str, Any], where: str) -> None:
    world = issued()
    before = everything_but_the_end(world)

    assert Denied("amendment_differs", where) == once(world, asked(**changes))
    assert before == everything_but_the_end(world)


def test_network_is_not_lifted() -> None:
    """Where an environment would let a ticket be without addresses, an amendment may not."""
    world = issued()
    everywhere = replace(AMENDMENT, ticket=replace(AMENDMENT.ticket, source_ips=()))

    assert Denied("amendment_differs", "network.source_ips") == once(world, everywhere)


def test_end_stays() -> None:
    """What was approved for less than the grant lasts is refused; for more, the end stays."""
    world = issued()
    end = grant_in(world)
    assert isinstance(end, LiveGrant)

    assert Denied("amendment_shortens", "ttl_seconds") == once(world, asked(ttl_seconds=86_400))
    once(world)

    found = grant_in(world)
    assert isinstance(found, LiveGrant)
    assert end.expires_at == found.expires_at


def test_amended_grant_can_be_extended_and_amended_again() -> None:
    """Each change is bound to what stands there; the newest content and the newest end count."""
    world = issued()
    amended(world)
    later = asked(id="REQ-3", ttl_seconds=60 * 86_400)

    extended_by(world, later)
    found = grant_in(world)
    assert isinstance(found, LiveGrant)
    assert found.extension is not None
    assert found.amendment is not None
    assert ("REQ-3", "REQ-2") == (found.extension.ticket_id, found.amendment.ticket_id)
    again = asked(id="REQ-4", network={"source_ips": ["198.51.100.7"]}, ttl_seconds=61 * 86_400)
    amended(world, again)

    assert_amended(world, again)
    last = grant_in(world)
    assert isinstance(last, LiveGrant)
    assert found.expires_at == last.expires_at


def test_older_approval_that_comes_late_changes_nothing() -> None:
    world = issued()
    newer = asked(id="REQ-3", network={"source_ips": ["198.51.100.7"]}, approvals=[
        approval(name, at=BEGAN - timedelta(minutes=5))
        for name in ("carol", "dave")])  # fmt: skip
    amended(world, newer)

    assert Denied("amendment_overtaken", "approvals") == amended(world)
    assert_amended(world, newer)


def test_what_is_so_already_is_said() -> None:
    ticket = APPLICATION.ticket
    same = asked(permissions=[{"template": p.template, "parameters": dict(p.parameters)}
                              for p in ticket.permissions],
                 network={"source_ips": list(ticket.source_ips)})  # fmt: skip

    assert Denied("nothing_to_amend", "permissions") == once(issued(), same)


@pytest.mark.parametrize("end", ["over", "revoking", "never"])
def test_ended_grant_is_not_amended(end: str) -> None:
    world = issued()
    expected = Denied("grant_over", "application")
    if end == "over":
        world.now += timedelta(days=30)
    elif end == "revoking":
        row = dict(succeeded(world, "key.issued")[0])
        world.rows.append(row | {"event_type": "ticket.revoked", "phase": "intent"})
    else:
        world = World()
        expected = Denied("no_such_grant", "application")

    assert expected == once(world)


def test_ticket_serves_once() -> None:
    """A ticket that has amended issues nothing, and extends nothing, later."""
    world = issued()
    amended(world)
    world.users.clear()
    for left in (world.keys, world.secrets, world.versions, world.policies, world.attached):
        left.clear()

    assert Denied("ticket_consumed") == attempt(world.broker(), AMENDMENT)
    assert Denied("ticket_consumed") == once(issued(), asked(id="REQ-1042"))


def test_first_ticket_comes_again_after_its_amendment() -> None:
    """A late duplicate of the approval finds its grant as it is now, and changes nothing."""
    world = issued()
    amended(world)

    assert not isinstance(attempt(world.broker(), APPLICATION), Denied)
    assert_amended(world)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("method", list(METHODS))
def test_killed_for_good_it_costs_the_grant_nothing(method: str, nth: int, after: bool) -> None:
    """The sweep that finds what a dead run announced takes nothing of the grant away, and ends what
    is open; a later delivery completes the amendment."""
    world = mortal(issued())
    keys = set(world.keys)
    world.dies_at = (method, nth, after)
    with suppress(Killed):
        amended(world)
    world.revive()
    world.sleep(PAST_THE_GUARD)

    run = run_of(world, ledger_key=lambda: KEY)
    cleanup.sweep(run)

    assert isinstance(grant_in(world), LiveGrant)
    assert keys == set(world.keys)
    assert APPLICATION.secret in world.secrets
    assert [] == open_changes(world)
    assert [] == [name for name in world.policies if name.startswith("akw-lock-")]
    assert isinstance(amended(world), Amended)
    assert_amended(world)


def test_self_service_is_not_amended() -> None:
    refused = once(issued(), grant_of(self_service_ticket(id="REQ-2")))

    assert Denied("amendment_not_possible", "permissions") == refused


@pytest.mark.parametrize("forge", [
    lambda content: content | {"source_ips": ["0.0.0.0/0"]},
    lambda content: content | {"amended": content["amended"] | {"document": "f" * 64}},
    lambda content: content | {"sig": "f" * 64},
    lambda content: {k: v for k, v in content.items() if k != "amended-sig"},
    lambda content: {k: v for k, v in content.items() if k != "amended"},
    lambda content: content | {"grant": {"source": "x"}},
])  # fmt: skip
def test_forged_amendment_is_no_grant(forge: Any) -> None:
    """Nobody amends who has not the ledger key, not even by pieces of what we signed."""
    world = issued()
    amended(world)
    policy = world.policies[APPLICATION.policy]
    content = forge(json.loads(policy.description))
    world.policies[policy.name] = replace(policy, description=grants.compact(content))

    assert Unreadable("bad_signature") == grant_in(world)


def test_amendment_fits_no_other_tags() -> None:
    world = issued()
    amended(world)
    user = world.users[APPLICATION.user]
    forged = {**user.tags, "akw:expires": "2099-01-01T00:00:00Z"}
    world.users[user.name] = replace(user, tags=forged)

    assert Unreadable("bad_signature") == grant_in(world)


def test_key_that_a_rotation_made_meanwhile_is_not_forgotten() -> None:
    """It would keep the former network: nothing is changed, and the next attempt knows it."""
    world = issued()
    ask = world.call

    def rotated_meanwhile(method: str, action: Any, *about: object) -> Any:
        if method == "create_policy" and "LTAI5tSecond" not in world.keys:
            first = next(iter(world.keys.values()))
            world.keys["LTAI5tSecond"] = Key(
                "LTAI5tSecond", first.user, world.now, world.now, network=first.network)
        return ask(method, action, *about)

    world.call = rotated_meanwhile  # type: ignore[method-assign]

    amended(world)

    assert 2 == len(world.keys)
    assert_amended(world)


def test_unwritable_log_changes_nothing() -> None:
    world = issued()
    before = everything_but_the_end(world)
    world.faults = {Fault("put_logs", 1, False, False)}

    with pytest.raises(AkwardenError):
        once(world)

    assert before == everything_but_the_end(world)


def test_description_that_would_be_too_long_is_refused() -> None:
    """RAM takes 1,024 characters, of which an amendment needs some for its own words."""
    many = [{"template": "oss-prefix-read-write",
             "parameters": {"bucket": f"{n}" * 63, "prefix": "p" * 190 + "/"}} for n in range(2)]

    addresses = [f"198.51.100.{n}" for n in range(100, 110)]
    long = asked(permissions=many, network={"source_ips": addresses})

    assert Denied("grant_too_long", "permissions") == once(issued(), long)
