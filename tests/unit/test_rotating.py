"""A rotation broken at every call goes on to its end, and readers have a working key throughout."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import audit, ledger, naming, reasons, revocation, rotating
from shared.audit import Row, Subject
from shared.errors import AkwardenError, CloudError, LeaseHeld, StateChanged
from shared.ledger import LiveGrant
from shared.lifecycle import RotationTerms
from shared.removal import Target
from shared.resumption import Issued
from shared.rotating import Rotated
from shared.rotation import ASKED, DISABLE, DUE, ENABLE, LEAKED, UNDO, Asked, Report
from shared.secrecy import Secret
from tests.unit.fakes import REVOKING_WRITES, TERMS, WRITES, Fault, World
from tests.unit.strategies import brief
from tests.unit.test_issuance import APPLICATION, attempt

ROTATION = RotationTerms(days=90, overlap_hours=24, wait_days=14, grace_days=7)
METHODS = {
    "get_user": 2, "list_access_keys": 2, "list_secret_version_ids": 2, "get_logs": 2,
    "put_logs": 2, "create_policy": 1, "create_access_key": 1, "get_caller_identity": 1,
    "set_access_key_policy": 1, "put_secret_value": 1, "update_secret_version_stage": 2,
    "delete_policy": 1,
}  # fmt: skip
FAULTS = [Fault(method, nth, silent, after) for method, most in METHODS.items()
          for nth in range(1, most + 1) for silent in (False, True)
          for after in (False, True)]  # fmt: skip
ATTEMPTS = 30
CACHE = timedelta(hours=6, minutes=15)


def issued() -> World:
    """With one grant, made to its end."""
    world = World()
    assert isinstance(attempt(world.broker(), APPLICATION), Issued)
    world.calls.clear()
    return world


def grant_in(world: World, days: int = 400) -> LiveGrant:
    """As its records say, but for its end, which is far off."""
    user, policy = world.users[APPLICATION.user], world.policies[APPLICATION.policy]
    found = ledger.read(user, policy.description, Secret("ledger"))
    assert isinstance(found, LiveGrant)
    return LiveGrant(**(vars(found) | {"expires_at": world.now + timedelta(days=days)}))


TURN = Asked(DUE)


def rotate(world: World, asked: Asked = TURN, grant: LiveGrant | None = None) -> Rotated:
    """One run, with a record of its own, as FC would start it."""
    grant = grant or grant_in(world)
    record = audit.attempt(
        Subject(grant.source, grant.ticket_id, grant.application, grant.environment),
        naming.operation_id(grant.source, grant.ticket_id, f"rotate {asked.why}"),
        fc_request_id="1-request", fc_function="akw-rotate", account_id="1234567890123456",
        region="cn-hangzhou", trigger="timer", broker_version="0",
    )  # fmt: skip
    return rotating.rotate(world.broker(), grant, record, asked, ROTATION)


def steps(outcome: Rotated) -> list[str]:
    return [step.reason if isinstance(step, Report) else type(step).__name__
            for step in outcome.steps]  # fmt: skip


def current(world: World) -> str:
    stages = world.versions[APPLICATION.secret]
    return next(version for version, marks in stages.items() if "ACSCurrent" in marks)


def later(world: World, **span: float) -> None:
    world.now += timedelta(**span)


def assert_readers_have_a_key(world: World) -> None:
    """What they read is a live key with its own secret; never three keys, never a third stored."""
    read = world.values[APPLICATION.secret, current(world)]
    assert world.keys[current(world)].status == "Active"
    assert current(world) in read
    assert len(world.keys) <= 2


def settle(world: World, asked: Asked, attempts: int = ATTEMPTS) -> Rotated:
    """Run again, as FC would, until it ends well; the lease of a run in doubt ends by itself."""
    for _ in range(attempts):
        try:
            return rotate(world, asked)
        except AkwardenError:
            assert_readers_have_a_key(world)
            later(world, seconds=TERMS.lasts_seconds + 1)
    pytest.fail("it does not end")


def test_key_is_replaced_then_disabled_then_deleted() -> None:
    """Nothing before its time, and each stage by another run."""
    world = issued()
    (old,) = world.keys
    later(world, days=86.7)
    assert [] == steps(rotate(world))
    later(world, days=0.1)

    assert ["Create"] == steps(rotate(world))
    new = current(world)
    assert {old: "Active", new: "Active"} == {k.id: k.status for k in world.keys.values()}
    assert world.keys[new].network == world.keys[old].network == APPLICATION.ticket.source_ips
    assert {"ACSPrevious"} == world.versions[APPLICATION.secret][old]
    later(world, hours=23.9)
    assert [] == steps(rotate(world))
    later(world, hours=0.2)
    assert ["Disable"] == steps(rotate(world))
    later(world, days=6.9)
    assert [] == steps(rotate(world))
    later(world, days=0.2)
    assert ["Delete"] == steps(rotate(world))
    assert [new] == list(world.keys)
    assert [] == steps(rotate(world))


def test_key_that_is_still_used_is_told_and_waited_for() -> None:
    """Up to its limit; then it goes all the same, with a finding before."""
    world = issued()
    (old,) = world.keys
    rotate(world, Asked(ASKED))
    for _ in range(14):
        later(world, days=1.001)
        world.keys[old].last_used_at = world.now - timedelta(hours=1)
        assert ["former_key_still_used"] == steps(rotate(world))
    later(world, days=1.001)
    world.keys[old].last_used_at = world.now - timedelta(hours=1)

    assert ["former_key_still_used", "Disable"] == steps(rotate(world))


def test_unreadable_last_use_is_no_quiet() -> None:
    """However long ago: a failed read ends nothing."""
    world = issued()
    rotate(world, Asked(ASKED))
    later(world, days=60)
    world.calls.clear()
    world.faults = {Fault("get_access_key_last_used", 1, silent=False, after=False)}

    assert ["last_use_unknown"] == steps(rotate(world))
    assert 2 == len([key for key in world.keys.values() if key.status == "Active"])


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_broken_rotation_goes_on_to_its_end(fault: Fault) -> None:
    """Whatever call fails in whatever way: one new key, stored and current, and its predecessor."""
    world = issued()
    (old,) = world.keys
    later(world, days=89.5)
    world.faults = {fault}

    settle(world, Asked(DUE))
    for _ in range(3):  # a refusal that a run took for its end is made good by the next turn
        later(world, hours=1)
        settle(world, Asked(DUE))

    assert_readers_have_a_key(world)
    assert current(world) != old
    assert {old, current(world)} == set(world.keys)
    assert set(world.keys) <= set(world.versions[APPLICATION.secret])
    assert_announced(world)


def assert_announced(world: World) -> None:
    """I3: an acknowledged intent before every change."""
    told: set[tuple[str, str]] = set()
    for entry in world.log:
        if entry[0] == "acknowledged":
            told |= {(row["cloud_action"], row["phase"]) for row in entry[2]}
        elif entry[0] in WRITES.values():
            assert (entry[0], "intent") in told, entry


def test_nobody_creates_within_the_lag_of_a_lost_creation() -> None:
    """A key from a lost answer may stand there unseen; it is retired before there is another."""
    world = issued()
    world.faults = {Fault("create_access_key", 1, silent=True, after=True)}
    with pytest.raises(CloudError):
        rotate(world, Asked(ASKED))
    lost_at = world.now

    with pytest.raises(LeaseHeld):
        rotate(world, Asked(ASKED))
    settle(world, Asked(ASKED))

    created = [entry[1] for entry in world.log if entry[0] == "CreateAccessKey"]
    assert created[-1] > lost_at + timedelta(seconds=TERMS.max_lag_seconds)
    assert 2 == len(world.keys)
    assert set(world.keys) <= set(world.versions[APPLICATION.secret])


def test_leaked_key_is_cut_before_any_lease_and_is_gone_for_good() -> None:
    """Somebody else's lease keeps the new key waiting, not the cut."""
    world = issued()
    (old,) = world.keys
    lease = naming.lease_name(naming.application_lease("orders", "prod"), 1)
    held = {"lease": "1", "holder": "op-x", "until": world.now.timestamp() + 100}
    world.broker().ram.create_policy(lease, "{}", str(held).replace("'", '"'))

    with pytest.raises(LeaseHeld):
        rotate(world, Asked(LEAKED, old))
    assert "Inactive" == world.keys[old].status
    assert ("192.0.2.1/32",) == world.keys[old].network
    later(world, seconds=200)
    rotate(world, Asked(LEAKED, old))

    assert [current(world)] == list(world.keys) != [old]
    assert {} == world.recycled_keys


@pytest.mark.parametrize(("days", "hour"), [(90, 0.1), (90, 12), (90, 23.9), (30, 20), (7, 20)])
def test_no_key_gets_older_than_its_days(days: int, hour: float) -> None:
    """Wherever in the day its creation and its turn are, and although its consumer reads anew as
    late as any may, and uses the former key until then."""
    world = issued()
    (old,) = world.keys
    grant = replace(grant_in(world), rotation_days=days)
    born, held, read_at = world.now, old, world.now
    later(world, hours=hour)
    while world.keys[old].status == "Active":
        rotate(world, grant=grant)
        for _ in range(24):
            world.keys[held].last_used_at = world.now
            if world.now - read_at >= CACHE - timedelta(minutes=15):
                held, read_at = current(world), world.now
            later(world, hours=1)

    assert world.now - timedelta(days=1) <= born + timedelta(days=days)


def test_key_of_somebody_else_is_told_and_left_alone() -> None:
    """Made by hand, in the second slot: not ours to remove, and no place for another."""
    world = issued()
    later(world, days=89)
    made = world.broker().ram.create_access_key(APPLICATION.user)
    later(world, hours=2)
    before = dict(world.keys)

    for why in (DUE, ASKED):
        assert ["key_not_ours"] == steps(rotate(world, Asked(why)))

    assert before == world.keys
    assert "Active" == world.keys[made.id].status


def test_answer_names_what_readers_get_also_where_another_key_leaked() -> None:
    world = issued()
    (old,) = world.keys
    rotate(world, Asked(ASKED))
    new = current(world)

    assert new == rotate(world, Asked(LEAKED, old)).current == current(world)


def test_leaked_key_is_never_taken_back() -> None:
    """Not even where the run that cut it ended before it could delete it."""
    world = issued()
    (old,) = world.keys
    world.calls.clear()
    world.faults = {Fault("delete_access_key", 1, silent=False, after=False)}
    with pytest.raises(AkwardenError):
        rotate(world, Asked(LEAKED, old))
    later(world, hours=1)

    assert ["former_key_leaked"] == steps(rotate(world, Asked(UNDO)))
    assert "Inactive" == world.keys[old].status


def test_leaked_key_is_cut_although_the_past_cannot_be_read() -> None:
    """Then a key beside it, which may be somebody's, stays."""
    world = issued()
    (old,) = world.keys
    other = world.broker().ram.create_access_key(APPLICATION.user).id
    later(world, hours=2)
    world.calls.clear()
    world.faults = {Fault("get_logs", nth, silent=True, after=False) for nth in range(1, 20)}

    with pytest.raises(CloudError):
        rotate(world, Asked(LEAKED, old))

    assert {old: "Inactive", other: "Active"} == {k.id: k.status for k in world.keys.values()}


def test_consumer_of_an_undone_key_has_the_whole_overlap() -> None:
    """However long ago the key was made that readers got until now."""
    world = issued()
    rotate(world, Asked(ASKED))
    new = current(world)
    for _ in range(20):
        later(world, days=1)
        rotate(world)
    rotate(world, Asked(UNDO))
    for _ in range(20):
        later(world, hours=1)
        world.keys[new].last_used_at = world.now
        assert [] == steps(rotate(world))

    later(world, hours=5)
    assert ["former_key_still_used"] == steps(rotate(world))
    later(world, hours=24)
    assert ["Disable"] == steps(rotate(world))


def test_restored_key_is_bound_to_the_network_again_before_it_works() -> None:
    world = issued()
    (old,) = world.keys
    rotate(world, Asked(ASKED))
    for _ in range(20):
        later(world, days=1)
        rotate(world)
    assert old not in world.keys
    world.log.clear()
    made = {*WRITES.values(), *REVOKING_WRITES.values()}

    rotate(world, Asked(UNDO))

    assert ["RestoreAccessKeyFromRecycleBin", "SetAccessKeyPolicy", "UpdateAccessKey"] == [
        entry[0] for entry in world.log if entry[0] in made and "AccessKey" in entry[0]]
    assert APPLICATION.ticket.source_ips == world.keys[old].network


@pytest.mark.parametrize("days", [0.5, 2, 20])
def test_undo_brings_the_former_key_back(days: float) -> None:
    """Beside its successor, disabled, or out of the recycle bin."""
    world = issued()
    (old,) = world.keys
    rotate(world, Asked(ASKED))
    new = current(world)
    for _ in range(int(days)):
        later(world, days=1)
        rotate(world)
    later(world, days=days - int(days))

    rotate(world, Asked(UNDO))

    assert old == current(world)
    assert_readers_have_a_key(world)
    assert "ACSPrevious" in world.versions[APPLICATION.secret][new]
    later(world, hours=1)
    assert "Promote" not in steps(rotate(world))


SWITCH_METHODS = ("get_user", "list_access_keys", "get_logs", "put_logs", "create_policy",
                  "update_access_key", "delete_policy")  # fmt: skip


@pytest.mark.parametrize("fault", [
    Fault(method, nth, silent, after) for method in SWITCH_METHODS for nth in (1, 2)
    for silent in (False, True) for after in (False, True)
])  # fmt: skip
@pytest.mark.parametrize("keys", [1, 2])
def test_grant_that_is_switched_off_keeps_everything_and_comes_back(
    fault: Fault, keys: int
) -> None:
    """Whatever fails on the way, and whatever turns come in between; then all is as before."""
    world = issued()
    if keys == 2:
        rotate(world, Asked(ASKED))
    later(world, hours=1)
    before = {id: key.status for id, key in world.keys.items()}

    world.calls.clear()
    world.faults = {fault}
    _switched(world, DISABLE)
    assert {"Inactive"} == {key.status for key in world.keys.values()}
    for _ in range(20):
        later(world, days=1)
        assert [] == steps(rotate(world))
    assert before.keys() == world.keys.keys()
    assert ["already_disabled"] == steps(rotate(world, Asked(DISABLE)))

    world.calls.clear()
    world.faults = {fault}
    _switched(world, ENABLE)
    assert before == {id: key.status for id, key in world.keys.items()}
    assert_announced(world)
    assert_readers_have_a_key(world)
    assert ["nothing_to_enable"] == steps(rotate(world, Asked(ENABLE)))


def _switched(world: World, why: str) -> None:
    """Run again, as FC would, until it ends well."""
    for _ in range(ATTEMPTS):
        with suppress(AkwardenError):
            rotate(world, Asked(why))
            return
        later(world, seconds=TERMS.lasts_seconds + 1)
    pytest.fail("it does not end")


def test_key_that_somebody_else_disabled_is_not_enabled() -> None:
    """In RAM by hand, or by the sweep: who did that knows why."""
    world = issued()
    (key,) = world.keys.values()
    key.status = "Inactive"

    assert ["already_disabled"] == steps(rotate(world, Asked(DISABLE)))
    assert ["nothing_to_enable"] == steps(rotate(world, Asked(ENABLE)))
    assert "Inactive" == key.status


def test_revoked_ticket_makes_no_key_any_more() -> None:
    """I5, also where the revocation could not remove anything yet."""
    world = issued()
    grant = grant_in(world)
    world.faults = {Fault(method, 1, silent=False, after=False)
                    for method in ("delete_access_key", "delete_secret")}  # fmt: skip
    target = Target(grant.source, grant.ticket_id, "orders", "prod", reasons.WITHDRAWN)
    record = audit.attempt(
        Subject(grant.source, grant.ticket_id, "orders", "prod"), target.operation_id,
        fc_request_id="2", fc_function="akw-revoke", account_id="1", region="r",
        trigger="t", broker_version="0",
    )  # fmt: skip
    with pytest.raises(AkwardenError):
        revocation.revoke(world.broker(), target, record)
    for key in world.keys.values():  # as if somebody had enabled it again
        key.status = "Active"
    before = set(world.keys)
    later(world, days=89.5)

    assert ["revocation_on_record"] == steps(rotate(world, grant=grant))
    assert before == set(world.keys)


@pytest.mark.parametrize("gone", ["user", "secret"])
def test_what_vanished_meanwhile_is_not_rotated(gone: str) -> None:
    """Renamed or deleted by hand: an error that says so, and no change."""
    world = issued()
    grant = grant_in(world)
    later(world, days=89.5)
    if gone == "user":
        world.users["renamed"] = world.users.pop(APPLICATION.user)
    else:
        del world.secrets[APPLICATION.secret]
    world.log.clear()

    with pytest.raises(StateChanged):
        rotate(world, grant=grant)

    assert [] == [entry for entry in world.log if entry[0] in WRITES.values()]


@pytest.mark.parametrize("asked", [TURN, Asked(ASKED)])
def test_no_key_is_made_for_a_secret_that_is_being_deleted(asked: Asked) -> None:
    """Somebody has sent it into KMS's deletion window: told each day, and nothing is made."""
    world = issued()
    secret = world.secrets[APPLICATION.secret]
    world.secrets[APPLICATION.secret] = replace(secret, deletes_at="2027-01-01T00:00:00Z")
    before = dict(world.keys)
    later(world, days=89.5)

    assert ["secret_is_being_deleted"] == steps(rotate(world, asked))
    assert before == world.keys


def test_leaked_key_is_cut_although_its_secret_is_being_deleted() -> None:
    """The cut does not wait for a successor."""
    world = issued()
    secret = world.secrets[APPLICATION.secret]
    world.secrets[APPLICATION.secret] = replace(secret, deletes_at="2027-01-01T00:00:00Z")
    (leaked,) = world.keys

    assert ["secret_is_being_deleted"] == steps(rotate(world, Asked(LEAKED, leaked)))
    assert ["Inactive"] == [key.status for key in world.keys.values()]


moves = st.lists(st.tuples(
    st.sampled_from(["turn", "turn", "turn", "ask", "undo", "use", "crash"]),
    st.floats(min_value=0.1, max_value=40),
), min_size=5, max_size=40)  # fmt: skip


@given(moves)
@brief
def test_consumer_with_a_cache_never_fails(story: list[tuple[str, float]]) -> None:
    """Turns, wishes, undos and crashes in any order, hours apart: whoever reads again at least
    every 6 h 15 min and calls now and then always has a key that works."""
    world = issued()
    (held, read_at) = (current(world), world.now)
    for number, (move, hours) in enumerate(story):
        end = world.now + timedelta(hours=hours)
        while world.now < end:
            world.now = min(end, world.now + timedelta(hours=2))
            if world.now - read_at >= CACHE - timedelta(hours=2):
                held, read_at = current(world), world.now
            key = world.keys.get(held)
            assert key is not None, f"{number}: {held} is gone"
            assert key.status == "Active", f"{number}: {held} is disabled"
            key.last_used_at = world.now
        world.calls.clear()
        lost = Fault("update_secret_version_stage", 1, silent=True, after=False)
        world.faults = {lost} if move == "crash" else set()
        why = {"ask": ASKED, "undo": UNDO, "crash": ASKED}.get(move, DUE)
        with suppress(AkwardenError):
            rotate(world, Asked(why))
        assert_readers_have_a_key(world)


def rows_of(rows: Sequence[Row], event: str) -> list[Row]:
    return [row for row in rows if row["event_type"] == event]


def test_rows_say_what_was_made_and_ended() -> None:
    """Which key, by its id, and each with its intent."""
    world = issued()
    (old,) = world.keys
    rotate(world, Asked(ASKED))
    later(world, days=2)
    rotate(world)

    rotated = [row for row in rows_of(world.rows, "key.rotated") if row["phase"] == "result"]
    disabled = [row for row in rows_of(world.rows, "key.disabled") if row["phase"] == "result"]
    assert [(current(world), "success")] == [(r["access_key_id"], r["outcome"]) for r in rotated]
    assert [(old, "success")] == [(r["access_key_id"], r["outcome"]) for r in disabled]


def test_late_turn_catches_up() -> None:
    """After months without a turn: first a new key, and only then, a day later, the end."""
    world = issued()
    later(world, days=300)

    assert ["Create"] == steps(rotate(world))
    assert [] == steps(rotate(world))
