"""Mutual exclusion by numbered markers: at most one holder, whatever the order of calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared import leases, naming
from shared.errors import CloudUnknown, ConfigError, LeaseHeld
from shared.leases import Lease, LeaseTerms
from shared.ports import PolicyState
from tests.unit.fakes import BEGAN, TERMS, FakeRam, Fault, World
from tests.unit.interleaving import Actor
from tests.unit.strategies import thorough

LASTS = timedelta(seconds=TERMS.lasts_seconds)
NAME = naming.application_lease("orders", "prod")


def marker(number: int) -> str:
    return naming.lease_name(NAME, number)


def take(world: World, ram: Any = None, sleep: Callable[[float], None] | None = None) -> Lease:
    return leases.take(
        ram or FakeRam(world), NAME, "op-1", TERMS,
        now=lambda: world.now, sleep=sleep or world.sleep,
    )  # fmt: skip


BELIEVED = timedelta(seconds=leases.LONGEST_SECONDS + leases.CLOCKS_SECONDS)


def expired(world: World, *numbers: int, after_began: timedelta = timedelta(seconds=-1)) -> None:
    """Markers of dead holders, or of nobody: what is dated `after_began` does not hold then."""
    for number in numbers:
        until = (BEGAN + after_began).timestamp()
        world.policies[marker(number)] = PolicyState(
            marker(number), json.dumps({"until": until}), leases.DOCUMENT
        )


def test_free_lease_is_taken_and_given_back() -> None:
    """It is marker 1, and afterwards nothing is left."""
    world = World()

    lease = take(world)
    held = list(world.policies)
    leases.release(FakeRam(world), lease)

    assert [marker(1)] == held
    assert (1,) == lease.numbers
    assert {} == world.policies


def test_held_lease_names_its_end() -> None:
    """Who comes second learns from when on it is worth trying again."""
    world = World()
    take(world)

    with pytest.raises(LeaseHeld) as raised:
        take(world)

    assert BEGAN + LASTS == raised.value.until


def test_one_of_many_takes_it() -> None:
    """Fifty threads at once: exactly one holder."""
    world = World()

    def won(_: int) -> bool:
        try:
            take(world)
        except LeaseHeld:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(won, range(50)))

    assert 1 == sum(results)


def test_one_of_many_takes_an_expired_one_over() -> None:
    """Takeover creates the next number, so that exactly one wins; the lag bound is waited out."""
    world = World()
    expired(world, 1)

    def won(_: int) -> bool:
        try:
            take(world, sleep=lambda seconds: None)
        except LeaseHeld:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(won, range(50)))

    assert 1 == sum(results)
    assert {marker(1), marker(2)} == set(world.policies)


def test_takeover_waits_out_the_lag_and_clears_up() -> None:
    """What a dead holder did last is visible before anybody goes on; its markers go too."""
    world = World()
    expired(world, 1, 2)

    lease = take(world)
    leases.release(FakeRam(world), lease)

    assert (1, 2, 3) == lease.numbers
    assert BEGAN + timedelta(seconds=TERMS.max_lag_seconds) == world.now
    assert {} == world.policies


def test_lease_ends_by_itself() -> None:
    """A holder that was killed keeps it until its time is over, not longer."""
    world = World()
    take(world)
    world.sleep(TERMS.lasts_seconds - 1)
    with pytest.raises(LeaseHeld):
        take(world)
    world.sleep(1)

    lease = take(world)

    assert (1, 2) == lease.numbers


class Between(FakeRam):
    """Lets others act right before the first CreatePolicy of a given marker."""

    def __init__(self, world: World, name: str, act: Callable[[], None]) -> None:
        super().__init__(world)
        self.name, self.act = name, act

    def create_policy(self, name: str, document: str, description: str) -> str:
        if name == self.name:
            act, self.act = self.act, lambda: None
            act()
        return super().create_policy(name, document, description)


def test_lower_marker_made_anew_wins() -> None:
    """Somebody took over, ended, and a third began at 1 between our look and our create."""
    world = World()
    expired(world, 1)

    def others() -> None:
        leases.release(FakeRam(world), take(world))
        take(world)

    with pytest.raises(LeaseHeld):
        take(world, Between(world, marker(2), others))

    assert [marker(1)] == list(world.policies)


def test_nobody_stands_on_a_gap() -> None:
    """If the lower marker is gone, whoever comes next begins at 1 and would not see us."""
    world = World()
    expired(world, 1)

    def others() -> None:
        leases.release(FakeRam(world), take(world))

    with pytest.raises(LeaseHeld):
        take(world, Between(world, marker(2), others))

    assert {} == world.policies
    assert (1,) == take(world).numbers


def test_release_of_what_is_gone_is_fine() -> None:
    """A marker that somebody removed by hand does not keep the others."""
    world = World()
    expired(world, 1)
    lease = take(world)
    del world.policies[marker(1)]

    leases.release(FakeRam(world), lease)

    assert {} == world.policies


def test_release_without_an_answer_keeps_the_held_marker() -> None:
    """The held marker goes last: until its deletion is sent the lease is ours."""
    world = World(faults={Fault("delete_policy", 1, silent=True, after=False)})
    expired(world, 1)
    lease = take(world)

    with pytest.raises(CloudUnknown):
        leases.release(FakeRam(world), lease)

    assert marker(2) in world.policies


@pytest.mark.parametrize(
    "description",
    ["", "{}", "[]", "1", '{"until": null}', '{"until": 1e400}', '{"until": NaN}',
     '{"until": 1e17}', '{"until": "soon"}', "[" * 1024],
)  # fmt: skip
def test_unreadable_marker_holds_for_ever(description: str) -> None:
    """Not understood is not expired: a person must look."""
    world = World()
    world.policies[marker(1)] = PolicyState(marker(1), description, "{}")

    with pytest.raises(LeaseHeld) as raised:
        take(world)

    assert datetime.max.replace(tzinfo=UTC) == raised.value.until


@pytest.mark.parametrize("later", [BELIEVED + LASTS, timedelta(days=36_500)])
def test_marker_dated_far_ahead_holds_nobody_up(later: timedelta) -> None:
    """No holder of ours takes a lease for so long: it is overtaken like an expired one, and goes
    with the lease."""
    world = World()
    expired(world, 1, after_began=later)

    lease = take(world)
    leases.release(FakeRam(world), lease)

    assert (1, 2) == lease.numbers
    assert {} == world.policies


def test_lease_of_a_clock_that_goes_ahead_is_believed() -> None:
    """The longest lease there is, of the clock that is furthest ahead."""
    world = World()
    expired(world, 1, after_began=BELIEVED)

    with pytest.raises(LeaseHeld):
        take(world)


def test_lease_longer_than_others_believe_is_refused() -> None:
    """Or its end would be taken for nobody's, and two would hold it."""
    with pytest.raises(ConfigError):
        LeaseTerms(leases.LONGEST_SECONDS + 1, 30)


def test_leases_of_other_names_do_not_meet() -> None:
    """A ticket's lease and an application's are held beside each other."""
    world = World()
    ticket = naming.ticket_lease("standard-webhooks", "REQ-1")
    take(world)

    lease = leases.take(
        FakeRam(world), ticket, "op-2", TERMS, now=lambda: world.now, sleep=world.sleep
    )
    leases.release(FakeRam(world), lease)

    assert ticket == lease.name
    assert [marker(1)] == list(world.policies)


def test_marker_grants_nothing() -> None:
    """Attached by hand it would only deny."""
    statements = json.loads(leases.DOCUMENT)["Statement"]

    assert ["Deny"] == [statement["Effect"] for statement in statements]


class Stepping(FakeRam):
    """Every call waits for its actor's turn."""

    def __init__(self, world: World, actor: Actor) -> None:
        super().__init__(world)
        self.actor = actor

    def create_policy(self, name: str, document: str, description: str) -> str:
        self.actor.turn()
        return super().create_policy(name, document, description)

    def get_policy(self, name: str) -> PolicyState | None:
        self.actor.turn()
        return super().get_policy(name)

    def delete_policy(self, name: str) -> str:
        self.actor.turn()
        return super().delete_policy(name)


@given(
    markers=st.sampled_from([(), (1,), (1, 2), (1, 3)]),
    dated=st.sampled_from([timedelta(seconds=-1), BELIEVED + timedelta(seconds=3),
                           timedelta(days=36_500)]),
    order=st.lists(st.integers(0, 4), max_size=60),
)
# Two look at the dead marker; the one that is faster ends; the slower stands on a gap.
@example(markers=(1,), dated=timedelta(seconds=-1), order=[0] * 3 + [1] * 9 + [0] * 3 + [2] * 2)
# A marker that was too far ahead for one is believed by the next: time has passed.
@example(markers=(1,), dated=BELIEVED + timedelta(seconds=3), order=[0] * 5 + [4] * 2 + [1] * 9)
@thorough
def test_never_two_holders(
    markers: tuple[int, ...], dated: timedelta, order: list[int]
) -> None:
    """Four actors, any order of their calls and of two seconds passing, any markers that hold for
    nobody: nobody works beside another."""
    world = World()
    expired(world, *markers, after_began=dated)
    holding: set[int] = set()
    crowds: list[set[int]] = []

    def work(number: int, actor: Actor) -> None:
        ram = Stepping(world, actor)
        try:
            lease = take(world, ram, sleep=lambda _: actor.turn())
        except LeaseHeld:
            return
        holding.add(number)
        crowds.append(set(holding))
        actor.turn()  # works
        holding.discard(number)
        leases.release(ram, lease)

    actors = [Actor(lambda actor, n=n: work(n, actor)) for n in range(4)]  # type: ignore[misc]
    for number in order:
        if number == len(actors):
            world.sleep(2)
        elif not actors[number].ended:
            actors[number].step()
    for actor in actors:
        while not actor.ended:
            actor.step()

    assert [] == [actor.error for actor in actors if actor.error]
    assert [] == [crowd for crowd in crowds if len(crowd) > 1]
