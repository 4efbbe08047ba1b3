"""The daily look: what it does, what it only tells, and what it leaves when it does not know."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared import housekeeping, networks, rotation_runs
from shared.audit import FINDING
from shared.errors import CloudError, SweepIncomplete
from shared.housekeeping import House
from shared.lifecycle import CleanupTerms
from shared.ports import PolicyState
from shared.secrecy import Secret
from shared.sweeps import STOP_SECONDS, Sweep
from tests.unit.fakes import Fault, World
from tests.unit.test_cleanup import run_of
from tests.unit.test_issuance import APPLICATION, attempt

TERMS = CleanupTerms(
    never_used_days=10, unused_days=20, too_old_days=25, disabled_grace_days=5, most_per_run=10
)
WIDER = '{"Version": "1", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}'


def issued(days: float = 1) -> World:
    """With one grant of so many days, and the policy that revocation needs."""
    world = World()
    world.policies["akw-quarantine"] = PolicyState("akw-quarantine", "", "{}")
    attempt(world.broker(), APPLICATION)
    world.now += timedelta(days=days)
    world.calls.clear()
    return world


def look(world: World, *, rebuilt: str | None = None, terms: CleanupTerms = TERMS,
         at: datetime | None = None, **more: Any) -> Sweep:  # fmt: skip
    run = run_of(world, **more)
    housekeeping.take_turns(run, House(terms, lambda grant: rebuilt, Secret("ledger")), at)
    return run


def key_of(world: World) -> Any:
    (key,) = world.keys.values()
    return key


def findings(world: World) -> list[tuple[str, str]]:
    return [(row["resources"], row["reason"]) for row in world.rows
            if row["event_type"] == FINDING]  # fmt: skip


def ends(world: World, event: str) -> list[tuple[str, str]]:
    return [(row["outcome"], row["reason"]) for row in world.rows
            if (row["event_type"], row["phase"]) == (event, "result")]  # fmt: skip


def test_nothing_is_due_for_six_calls() -> None:
    """And no change, no row, no lease."""
    world = issued()
    before = len(world.rows)

    run = look(world)

    assert {"looked at": 1} == dict(run.counts)
    assert before == len(world.rows)
    assert {"list_users": 1, "list_policies": 1, "get_user": 1, "list_access_keys": 1,
            "get_policy": 1, "list_policies_for_user": 1, "get_access_key_last_used": 1,
            "get_access_key_policy": 1} == dict(world.calls)  # fmt: skip


@pytest.mark.parametrize(("used_days_ago", "age", "rule"), [
    (None, 10, "key_never_used"), (20, 21, "key_unused"),
])  # fmt: skip
def test_idle_key_is_disabled_and_told(used_days_ago: int | None, age: int, rule: str) -> None:
    """Announced, under the lease, which is given back; once."""
    world = issued(age)
    key = key_of(world)
    if used_days_ago is not None:
        key.last_used_at = world.now - timedelta(days=used_days_ago)

    look(world)
    look(world)

    assert "Inactive" == key.status
    assert [("success", rule)] == ends(world, "key.disabled")
    assert [(f"key/{key.id}", rule)] == findings(world)
    assert [] == [name for name in world.policies if name.startswith("akw-lock-")]
    assert APPLICATION.secret in world.secrets


def test_unknown_last_use_disables_nothing() -> None:
    """A read that failed is not "never"."""
    world = issued(15)
    world.faults = {Fault("get_access_key_last_used", n, False, False) for n in (1, 2)}

    look(world)

    assert "Active" == key_of(world).status
    assert [] == findings(world)


@pytest.mark.parametrize("method", [
    "get_user", "list_access_keys", "get_policy", "list_policies_for_user",
])  # fmt: skip
def test_unread_user_is_a_failure_and_nothing_is_done(method: str) -> None:
    world = issued(15)
    world.faults = {Fault(method, 1, False, False)}

    with pytest.raises(SweepIncomplete):
        look(world)

    assert "Active" == key_of(world).status


def test_key_used_between_plan_and_act_is_left() -> None:
    """The look that counts is the one under the lease."""
    world = issued(15)
    key = key_of(world)
    ask = world.call

    def used_meanwhile(method: str, action: Any, *about: object) -> Any:
        if method == "create_policy":
            key.last_used_at = world.now
        return ask(method, action, *about)

    world.call = used_meanwhile  # type: ignore[method-assign]

    with pytest.raises(SweepIncomplete):
        look(world)

    assert "Active" == key.status
    assert [("skipped", "key_never_used")] == ends(world, "key.disabled")
    assert [] == [name for name in world.policies if name.startswith("akw-lock-")]


def test_two_keys_are_rotations_own() -> None:
    world = issued(15)
    world.keys["LTAI5tSecond"] = replace(key_of(world), id="LTAI5tSecond")

    look(world)

    assert {"Active"} == {key.status for key in world.keys.values()}


def test_exempt_key_is_left_and_a_stale_exemption_told() -> None:
    world = issued(15)
    user = world.users[APPLICATION.user]
    until = f"{world.now + timedelta(days=5):%Y-%m-%d} alice@example.com"
    world.users[user.name] = replace(user, tags={
        **user.tags, "akw-exempt:key_never_used": until,
        "akw-exempt:key_unused": "2026-01-01 alice@example.com",
    })  # fmt: skip

    look(world)

    assert "Active" == key_of(world).status
    assert [(f"user/{user.name}", "exemption_over")] == findings(world)


def test_grant_whose_key_stays_disabled_is_ended() -> None:
    """Everything goes, as at its end."""
    world = issued()
    key = key_of(world)
    key.status, key.changed_at = "Inactive", world.now
    world.now += timedelta(days=5)

    look(world)

    assert ({}, {}) == (world.users, world.keys)
    assert [("success", "ended")] == ends(world, "ticket.revoked")
    assert [(f"key/{key.id}", "grant_disabled")] == findings(world)


def test_key_enabled_again_gets_its_time_anew() -> None:
    world = issued(15)
    key = key_of(world)
    key.changed_at = world.now - timedelta(days=9)

    look(world)

    assert "Active" == key.status


def test_run_stops_at_its_cap_and_says_so() -> None:
    world = issued(15)

    run = look(world, terms=replace(TERMS, most_per_run=0))

    assert "Active" == key_of(world).status
    assert ("sweep/housekeeping", "over_the_cap") in findings(world)
    assert 0 == run.counts["disable key"]


@pytest.mark.parametrize("rebuilt", [False, True])
def test_changed_policy_is_put_back(rebuilt: bool) -> None:
    """From the version that still has the approved text, else from the templates."""
    world = issued()
    policy = world.policies[APPLICATION.policy]
    world.policies[policy.name] = replace(policy, document=WIDER)
    if not rebuilt:
        world.extra_versions[policy.name] = ["v2"]
        world.documents[policy.name, "v2"] = policy.document

    look(world, rebuilt=policy.document if rebuilt else None)
    look(world)

    assert policy.document == world.policies[policy.name].document
    assert [("success", "policy_drifted")] == ends(world, "policy.restored")
    assert [(f"policy/{policy.name}", "policy_drifted")] == findings(world)
    assert ("SetDefaultPolicyVersion", "CreatePolicyVersion")[rebuilt] in {
        row["cloud_action"] for row in world.rows}  # fmt: skip


def test_policy_that_nothing_can_restore_is_told() -> None:
    world = issued()
    policy = world.policies[APPLICATION.policy]
    world.policies[policy.name] = replace(policy, document=WIDER)

    look(world, rebuilt=WIDER)

    assert WIDER == world.policies[policy.name].document
    assert [(f"policy/{policy.name}", "policy_beyond_repair")] == findings(world)


def test_taken_policy_is_not_given_back_and_strangers_are_told() -> None:
    """Both may be somebody's emergency measure, or somebody's mistake: for a person to say."""
    world = issued()
    world.attached = {("AdministratorAccess", APPLICATION.user)}

    look(world)

    user = f"user/{APPLICATION.user}"
    assert [(user, "policy_detached"), (user, "policy_not_ours")] == sorted(findings(world))
    assert {("AdministratorAccess", APPLICATION.user)} == world.attached


def test_loosened_network_is_put_back() -> None:
    """A key that works from anywhere is bound to the approved addresses again."""
    world = issued()
    approved = key_of(world).network
    key_of(world).network = ("0.0.0.0/0",)

    look(world)

    assert approved == key_of(world).network
    assert [(f"key/{key_of(world).id}", "network_drifted")] == findings(world)
    assert [("success", "network_drifted")] == ends(world, "key.restricted")[-1:]


def test_policy_and_network_are_put_back_by_one_look() -> None:
    """As an amendment leaves them that dies after its first change: both need the same lease."""
    world = issued()
    approved, network = world.policies[APPLICATION.policy], key_of(world).network
    world.policies[APPLICATION.policy] = replace(approved, document=WIDER)
    key_of(world).network = ("0.0.0.0/0",)

    run = look(world, rebuilt=approved.document)

    assert (approved, network) == (world.policies[APPLICATION.policy], key_of(world).network)
    assert (1, 1, None) == tuple(
        run.counts.get(what) for what in ("restore policy", "restore network", "left_at_work"))


def test_narrowed_network_is_told_and_left() -> None:
    """Somebody may have cut the application off in an emergency."""
    world = issued()
    key_of(world).network = networks.NOWHERE

    look(world)

    assert networks.NOWHERE == key_of(world).network
    assert [(f"key/{key_of(world).id}", "network_narrowed")] == findings(world)


def test_dry_run_shows_and_changes_nothing() -> None:
    world = issued(15)
    rows = len(world.rows)

    run = look(world, dry_run=True)

    key = key_of(world)
    assert ["disable key", "finding"] == [what for what, _, _ in run.lines]
    assert ("Active", rows) == (key.status, len(world.rows))


def test_edited_grant_is_none() -> None:
    """Somebody who may edit tags must not be able to have a key disabled, or a policy restored."""
    world = issued(15)
    user = world.users[APPLICATION.user]
    world.users[user.name] = replace(user, tags={**user.tags, "akw:requester": "mallory"})

    assert {} == dict(look(world).counts)


def test_unacknowledged_intent_changes_nothing() -> None:
    world = issued(15)
    world.faults = {Fault("put_logs", 1, False, False)}

    with pytest.raises(SweepIncomplete):
        look(world)

    assert "Active" == key_of(world).status


@pytest.mark.parametrize("after", [False, True])
def test_lost_answer_is_kept_as_unknown_and_the_lease_stays(after: bool) -> None:
    """Nobody else acts here until it can be seen what has become of it; the next day it is done."""
    world = issued(15)
    world.faults = {Fault("update_access_key", 1, True, after)}

    with pytest.raises(SweepIncomplete):
        look(world)

    assert [("unknown", "key_never_used")] == ends(world, "key.disabled")
    assert [] != [name for name in world.policies if name.startswith("akw-lock-")]
    world.faults, world.now = set(), world.now + timedelta(days=1)
    look(world)
    assert "Inactive" == key_of(world).status


def test_every_user_has_one_hour_which_is_not_rotations() -> None:
    looked = []
    for hour in range(24):
        world = issued()
        if look(world, at=datetime(2026, 9, 2, hour, tzinfo=UTC)).counts["looked at"]:
            looked.append(hour)

    assert [(rotation_runs.turn_of(APPLICATION.user) + 12) % 24] == looked


def test_time_that_ends_postpones() -> None:
    world = issued(15)

    run = look(world, remaining_seconds=lambda: 1.0)

    assert {"postponed": 2} == dict(run.counts)
    assert "Active" == key_of(world).status


def test_who_was_postponed_is_looked_at_in_the_next_hour() -> None:
    """And not once more in the hour after that."""
    world = issued(15)
    world.now = world.now.replace(hour=(rotation_runs.turn_of(APPLICATION.user) + 12) % 24)

    looked = []
    for seconds in (1.0 + STOP_SECONDS, 300.0, 300.0):
        run = look(world, at=world.now, remaining_seconds=lambda left=seconds: left)
        looked.append((run.counts["looked at"], key_of(world).status))
        world.now += timedelta(hours=1)

    assert [(0, "Active"), (1, "Inactive"), (0, "Inactive")] == looked


def test_without_the_log_those_of_the_hour_are_looked_at() -> None:
    """The run says that it did not see who was postponed."""
    world = issued()
    world.now = world.now.replace(hour=(rotation_runs.turn_of(APPLICATION.user) + 12) % 24)
    world.faults = {Fault("get_logs", 1, False, False)}

    with pytest.raises(SweepIncomplete):
        look(world, at=world.now)

    assert 1 == world.calls["get_access_key_last_used"]


def test_unreadable_page_ends_the_turn() -> None:
    world = issued(15)
    world.faults = {Fault("list_policies", 1, False, False)}

    with pytest.raises(CloudError):
        look(world)
