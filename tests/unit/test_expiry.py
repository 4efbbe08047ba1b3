"""A grant ends when its signed end has come for sure, and its requester is told before, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from shared import cleanup, expiry, grants
from shared.errors import CloudRefused, SweepIncomplete
from shared.grants import Grant
from shared.ports import ListedPolicy, PolicyState, User
from shared.secrecy import Secret
from shared.sweeps import Sweep
from tests.unit.fakes import BEGAN, Fault, World
from tests.unit.samples import approved_ticket
from tests.unit.test_cleanup import run_of
from tests.unit.test_issuance import APPLICATION, SELF_SERVICE, attempt, grant_of

KEY = Secret("ledger")
END = BEGAN - timedelta(hours=1) + timedelta(days=30)  # APPLICATION's approval and its ttl


def issued(*made: Grant) -> World:
    world = World()
    world.policies["akw-quarantine"] = PolicyState("akw-quarantine", "", "{}")
    if SELF_SERVICE in made:
        world.users[SELF_SERVICE.user] = User("id-heidi", SELF_SERVICE.user, {}, BEGAN)
    for grant in made:
        attempt(world.broker(), grant)
    return world


def sweep(world: World, **more: Any) -> Sweep:
    run = run_of(world, ledger_key=lambda: KEY, notice_days=(7, 1), **more)
    cleanup.sweep(run)
    return run


def notices(world: World) -> list[tuple[str, str, str]]:
    return [(row["requester_id"], row["resources"], row["message"]) for row in world.rows
            if row["event_type"] == "grant.expiring"]  # fmt: skip


@pytest.mark.parametrize(("after", "ended"), [
    (timedelta(minutes=9, seconds=59), False), (timedelta(minutes=10), True),
    (timedelta(days=300), True),
])  # fmt: skip
def test_grant_ends_on_its_day_whatever_our_clock_says(after: timedelta, ended: bool) -> None:
    """Ten minutes late at most, never early, and a missed timer catches up."""
    world = issued(APPLICATION)
    world.now = END + after

    sweep(world)

    assert ended == (APPLICATION.user not in world.users)
    assert ended == (APPLICATION.secret not in world.secrets)
    assert ended == (not world.keys)
    reasons = {row["reason"] for row in world.rows if row["event_type"] == "ticket.revoked"}
    assert reasons == ({"ended"} if ended else set())


def test_self_service_grant_ends_too() -> None:
    """Its policy goes, its holder stays."""
    world = issued(SELF_SERVICE)
    world.now = BEGAN + timedelta(days=8)

    sweep(world)

    assert SELF_SERVICE.policy not in world.policies
    assert SELF_SERVICE.user in world.users


def test_sweep_ends_what_is_over_and_nothing_else() -> None:
    """Somebody else's grant of another length stands."""
    other = grant_of(approved_ticket(application="billing", id="REQ-2", ttl_seconds=60 * 86_400))
    world = issued(APPLICATION, other)
    world.now = END + timedelta(hours=1)

    sweep(world)

    assert [other.user] == list(world.users)
    assert 1 == len(world.keys)


@pytest.mark.parametrize("tags", [
    {"akw:expires": "2026-09-02T00:00:00Z"}, {"akw:sig": "0" * 64}, {"akw:approver-1": "eve"},
])  # fmt: skip
def test_edited_tag_neither_ends_a_grant_nor_prolongs_it(tags: dict[str, str]) -> None:
    """It is told, and a person has to look."""
    world = issued(APPLICATION)
    user = world.users[APPLICATION.user]
    world.users[user.name] = replace(user, tags={**user.tags, **tags})
    world.now = END + timedelta(days=1)

    run = sweep(world)

    assert APPLICATION.user in world.users
    assert 1 == len(world.keys)
    assert (f"user/{user.name}", "bad_signature") in {(f.thing, f.reason) for f in run.findings}


def test_edited_description_ends_no_self_service_grant() -> None:
    world = issued(SELF_SERVICE)
    policy = world.policies[SELF_SERVICE.policy]
    edited = policy.description.replace('"expires":"2026', '"expires":"2025')
    assert edited != policy.description
    world.policies[policy.name] = PolicyState(policy.name, edited, policy.document)
    world.now = BEGAN + timedelta(days=1)

    sweep(world)

    assert SELF_SERVICE.policy in world.policies


def test_no_more_than_the_cap_in_one_sweep() -> None:
    """What is left is told, and the next sweep's."""
    made = [grant_of(approved_ticket(application=f"app{n}", id=f"REQ-{n}")) for n in range(3)]
    world = issued(*made)
    world.now = END + timedelta(days=1)

    run = sweep(world, revoke_cap=2)
    assert 1 == len(world.users)
    assert ("sweep/expiry", "1 are left") in {(f.thing, f.detail) for f in run.findings}

    world.now += timedelta(minutes=10)
    sweep(world, revoke_cap=2)
    assert {} == world.users


def test_plan_says_it_and_does_nothing() -> None:
    world = issued(APPLICATION)
    world.now = END + timedelta(days=1)
    before = len(world.rows)

    run = sweep(world, dry_run=True)

    assert "end grant" in [line[0] for line in run.lines]
    assert APPLICATION.user in world.users
    assert before == len(world.rows)


def test_unread_ledger_key_ends_nothing_and_is_no_silence() -> None:
    """Without it no end is believed; the sweep fails, and the rest of it is done."""
    world = issued(APPLICATION)
    world.now = END + timedelta(days=1)

    def unread() -> Secret:
        raise CloudRefused("GetSecretValue", "Forbidden.NoPermission", 403, "r")

    run = run_of(world, ledger_key=unread, notice_days=(7, 1))
    with pytest.raises(SweepIncomplete):
        cleanup.sweep(run)

    assert APPLICATION.user in world.users


def test_failed_end_is_gone_on_with() -> None:
    """The revocation has begun: the next sweeps finish it, as any other."""
    world = issued(APPLICATION)
    world.now = END + timedelta(days=1)
    world.calls.clear()
    world.faults = {Fault("delete_user", 1, silent=False, after=False)}
    with pytest.raises(SweepIncomplete):
        sweep(world)
    world.faults = set()
    world.now += timedelta(minutes=10)

    sweep(world)

    assert {} == world.users


@pytest.mark.parametrize(("left", "expected"), [
    (timedelta(days=7, seconds=1), []),
    (timedelta(days=7), ["7 d"]),
    (timedelta(days=1), ["1 d"]),
    (timedelta(seconds=1), ["1 d"]),
    (timedelta(), []),
])  # fmt: skip
def test_notice_comes_with_the_day(left: timedelta, expected: list[str]) -> None:
    """The nearest that was reached: who missed a week's notice is told of the day."""
    world = issued(APPLICATION)
    world.now = END - left

    sweep(world)

    requester = APPLICATION.ticket.requester.id
    end = "2026-10-01T08:00:00Z"
    assert [(requester, within, end) for within in expected] == notices(world)


def test_each_notice_is_written_once() -> None:
    """However many sweeps there are, and for each grant of its own."""
    world = issued(APPLICATION)
    for days in (7, 6.9, 3, 1, 0.5, 0.1):
        world.now = END - timedelta(days=days)
        sweep(world)

    assert ["7 d", "1 d"] == [within for _, within, _ in notices(world)]


def test_unreadable_log_repeats_no_notice() -> None:
    """A failed read is not "never told"."""
    world = issued(APPLICATION)
    world.now = END - timedelta(days=3)
    run = run_of(world, ledger_key=lambda: KEY, notice_days=(7, 1))
    world.calls.clear()
    world.faults = {Fault("get_logs", 1, silent=False, after=False)}

    with pytest.raises(SweepIncomplete):
        cleanup.sweep(run)

    assert [] == notices(world)


def test_strange_marks_have_no_end() -> None:
    """Policies of others, and texts that only look like ours."""
    policies = [ListedPolicy("akw-a-dev", '{"grant":{"expires":5},"permissions":[]}'),
                ListedPolicy("their-policy", "[]"), ListedPolicy("akw-b-dev", "{")]  # fmt: skip
    users = [User("1", "akw-a-dev", {}), User("2", "heidi", {"akw:format": "1"})]

    assert ([], []) == expiry.endings(users, policies, KEY)
    assert grants.self_service_end("{") is None
