"""Applications live for hundreds of days, and nothing that must never be false is.

Tickets are issued, prolonged, amended, withdrawn and run out; keys are rotated, leak, and are
meddled with by hand; one day in five something fails. Timers fire where something can change,
consumers are asked where keys change. Five of them for three hundred days here, two accounts of
fifty for four hundred by `make life`, two of twenty for two hundred by `make test`;
AKW_LIFE=<applications>x<days> and LIFE_SEED=<n> set another story.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from unittest import mock

import pytest
import time_machine
from alibabacloud_ram20150501 import models as ram_models

from shared import naming
from tests.integration.clouds import LocalCloud
from tests.integration.conftest import lead_to
from tests.life import checks, story
from tests.life.checks import Watch
from tests.life.living import Life
from tests.life.story import Consumer, Happening

APPLICATIONS, DAYS = (int(n) for n in os.environ.get("AKW_LIFE", "5x300").split("x"))
SEED = int(os.environ.get("LIFE_SEED", "1"))
BEGINS = "2026-01-01T00:00:00+00:00"
LATE_SECONDS = 1800
RULES = 12  # of faults on a bad day: most are for calls that nobody makes that day
ROTATION_DAYS = (45, 60, 90)  # what the tickets ask for, in turn
EARLY = timedelta(days=4, hours=8)  # before its key is so old, its rotation may begin today
GRACE = timedelta(days=6)  # a former key that is disabled stays for seven
ADDRESSES = ("198.51.100.7", "198.51.100.6/31")
WIDER = '{"Version":"1","Statement":[{"Effect":"Allow","Action":["oss:*"],"Resource":["*"]}]}'


@pytest.fixture
def life(monkeypatch: pytest.MonkeyPatch) -> Iterator[Life]:
    """A local cloud behind this process's proxy variables, and time that only moves by sleeping."""
    running = LocalCloud()
    lead_to(running.port, monkeypatch)
    with (
        time_machine.travel(BEGINS, tick=True) as traveller,
        mock.patch("time.sleep", traveller.shift),
    ):
        yield Life(running, traveller)
    running.stop()


@dataclass
class Chronicle:
    """The story so far. `tickets` are live grants by application, `ends` their last days, `touched`
    until when somebody's hand may still be seen, `excused` until when a call may fail."""

    life: Life
    chance: random.Random
    consumers: dict[str, Consumer]
    tickets: dict[str, str] = field(default_factory=dict)
    ends: dict[str, datetime] = field(default_factory=dict)
    touched: dict[str, datetime] = field(default_factory=dict)
    excused: dict[str, datetime] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    handmade: dict[str, str] = field(default_factory=dict)
    watch: Watch = field(default_factory=Watch)
    numbers: Counter[str] = field(default_factory=Counter)
    addresses: dict[str, str] = field(default_factory=dict)

    def day(self, start: datetime, happenings: list[Happening]) -> list[str]:
        """One day from its first hour to its checks."""
        self.ended = set()
        if self.chance.random() < 0.2:
            for _ in range(RULES):
                self.life.cloud.faults.add(story.fault(self.chance))
        self.life.go_to(start + timedelta(minutes=5))
        for one in happenings:
            self._happens(one)
        if happenings or any(end <= start + timedelta(days=1) for end in self.ends.values()):
            self._sweep(start)
        for hour in sorted(self._hours(start)):
            self._hour(start + timedelta(hours=hour, minutes=30))
        self.life.end_faults()
        self.life.go_to(start + timedelta(hours=23, minutes=30))
        self._sweep(start, only_if_over=True)
        return self.watch.problems(self.life, self.tickets, self.ended)

    # -- tickets and hands ------------------------------------------------------------------

    def _happens(self, one: Happening) -> None:
        name, life = one.application, self.life
        if one.what != "issue" and name not in self.tickets:
            return  # its grant has ended meanwhile
        if one.what == "issue" and name in self.tickets:
            return
        self.numbers[one.what] += 1
        if one.what not in story.QUIET:
            self.touched[name] = life.now + story.FELT
        getattr(self, f"_{one.what.replace(' ', '_')}")(name)

    def _ticket(self, name: str) -> str:
        self.numbers["tickets"] += 1
        return f"T-{name}.{self.numbers['tickets']}"

    def _issue(self, name: str) -> None:
        ticket = self._ticket(name)
        self.addresses[name] = ADDRESSES[0]
        self.life.deliver("approved", name, ticket, **self._content(name))
        self.tickets[name] = ticket
        self._prolonged(name)
        self.consumers[name].forget()

    def _content(self, name: str) -> dict[str, object]:
        return {"ttl_seconds": story.TTL_DAYS * 86_400, "rotation_days": self._rotation_days(name),
                "network": {"source_ips": [self.addresses[name]]}}  # fmt: skip

    def _rotation_days(self, name: str) -> int:
        return ROTATION_DAYS[int(name[-3:]) % len(ROTATION_DAYS)]

    def _prolonged(self, name: str) -> None:
        # From the newest approval, which is an hour old.
        self.ends[name] = self.life.now + timedelta(days=story.TTL_DAYS, hours=-1)

    def _extend(self, name: str) -> None:
        self.life.deliver("extended", name, self._ticket(name), **self._content(name))
        self._prolonged(name)

    def _amend(self, name: str) -> None:
        self.addresses[name] = ADDRESSES[ADDRESSES.index(self.addresses[name]) - 1]
        self.life.deliver("amended", name, self._ticket(name), **self._content(name))

    def _revoke(self, name: str) -> None:
        self.life.deliver("revoked", name, self.tickets[name])
        self._over(name)

    def _over(self, name: str) -> None:
        self.ended.add(name)
        for known in (self.tickets, self.ends, self.handmade, self.touched):
            known.pop(name, None)

    def _leak(self, name: str) -> None:
        current = next(k for k, stages in self.life.stored(name).items() if "ACSCurrent" in stages)
        self.excused[name] = self.life.now + story.CACHE
        self.ended.add(name)  # its key may go at once
        self.life.leak(name, current)

    def _ask(self, name: str) -> None:
        """While its consumer has just read the secret, and shortly before a turn."""
        self._work(name)
        self.life.ask(name)
        self._turn_again(name)
        self._work(name)

    def _turn_again(self, name: str) -> None:
        """A timer's event comes at another time than its own, or once more."""
        self.life.sleep(LATE_SECONDS)
        self.life.turn(self.life.now.replace(hour=story.turn_of(name)))

    def _work(self, name: str) -> None:
        excused = self.excused.get(name, self.life.now) > self.life.now
        self.consumers[name].work(self.life, excused=excused)

    def _widen(self, name: str) -> None:
        self.life.ram.create_policy_version(ram_models.CreatePolicyVersionRequest(
            policy_name=naming.policy_name(name, "prod"), policy_document=WIDER,
            set_as_default=True))  # fmt: skip

    def _add_key(self, name: str) -> None:
        if len(self.life.keys(name)) < 2:
            made = self.life.ram.create_access_key(ram_models.CreateAccessKeyRequest(
                user_name=naming.user_name(name, "prod")))  # fmt: skip
            self.handmade[name] = made.body.access_key.access_key_id
            self.watch.foreign.add(self.handmade[name])

    def _take_key_away(self, name: str) -> None:
        if key_id := self.handmade.pop(name, ""):
            self.life.ram.delete_access_key(ram_models.DeleteAccessKeyRequest(
                user_name=naming.user_name(name, "prod"), user_access_key_id=key_id))  # fmt: skip

    def _disable(self, name: str) -> None:
        self._set(name, "Inactive")
        self.excused[name] = self.life.now + timedelta(days=story.HAND_DAYS, hours=12)

    def _enable(self, name: str) -> None:
        self._set(name, "Active")

    def _set(self, name: str, status: str) -> None:
        current = [k for k, stages in self.life.stored(name).items() if "ACSCurrent" in stages]
        for key_id in current:
            self.life.ram.update_access_key(ram_models.UpdateAccessKeyRequest(
                user_name=naming.user_name(name, "prod"), user_access_key_id=key_id,
                status=status))  # fmt: skip

    # -- timers and consumers ---------------------------------------------------------------

    def _busy(self, name: str) -> bool:
        """Whether something of it may change today: its key is to be replaced, the former one to be
        disabled or deleted, or somebody has done something."""
        due_at = timedelta(days=self._rotation_days(name)) - EARLY
        keys, now = self.life.keys(name), self.life.now.timestamp()
        resting = [key for key in keys if key.status != "Active"
                   and now - key.status_since[-1][0] < GRACE.total_seconds()]  # fmt: skip
        moving = len(keys) > 1 and not resting
        return moving or (len(keys) == 1 and self.life.age(name) >= due_at) or self._touched(name)

    def _touched(self, name: str) -> bool:
        return self.touched.get(name, self.life.now) > self.life.now

    def _hours(self, start: datetime) -> set[int]:
        """Of each application that is busy: its turn, an hour before and after, seven after, and
        its daily look; of the others, now and then, a call with the key."""
        hours: set[int] = set()
        for number, name in enumerate(self.tickets):
            turn = story.turn_of(name)
            if self._busy(name):
                hours |= {h % 24 for h in (turn - 1, turn, turn + 1, turn + 7)}
                hours |= {(turn + 12) % 24} if self._touched(name) else set()
            elif (start.toordinal() + number) % 20 == 0:
                hours.add(turn)
        return hours

    def _hour(self, at: datetime) -> None:
        self.life.go_to(at)
        due = [name for name in self.tickets if self._busy(name)]
        turning = [name for name in due if story.turn_of(name) == at.hour]
        if turning:
            self.life.turn(at)
            if self.chance.random() < 0.1:
                self._turn_again(turning[0])
        if (at.hour + 12) % 24 in {story.turn_of(name) for name in due if self._touched(name)}:
            self.life.look(at)
        for number, name in enumerate(list(self.tickets)):
            turn = story.turn_of(name)
            near = at.hour in {h % 24 for h in (turn - 1, turn + 1, turn + 7)}
            rare = at.hour == turn and (at.toordinal() + number) % 20 == 0
            if rare or (near and name in due):
                self._work(name)

    def _sweep(self, start: datetime, *, only_if_over: bool = False) -> None:
        over = [name for name, end in self.ends.items()
                if end + timedelta(minutes=11) <= self.life.now]  # fmt: skip
        if over or not only_if_over:
            self.life.sweep()
        for name in over:
            self._over(name)


def test_applications_live_for_hundreds_of_days(life: Life) -> None:
    """I1 to I7 every day; no call of a consumer fails for a rotation; at last nothing is left."""
    chance = random.Random(SEED)
    names = [f"life{number:03d}" for number in range(APPLICATIONS)]
    happenings = story.drawn(names, DAYS, chance)
    told = Chronicle(life, chance, {name: Consumer(name) for name in names})
    begin = life.now.replace(hour=0, minute=0)

    for day in range(DAYS):
        start = begin + timedelta(days=day)
        problems = told.day(start, happenings.get(day, []))
        assert [] == problems, f"day {day}, seed {SEED}"

    assert [] == [failure for one in told.consumers.values() for failure in one.failures]
    rotations = told.watch.created - told.numbers["issue"] - told.numbers["add key"]
    calls = sum(one.calls for one in told.consumers.values())
    print(f"{APPLICATIONS} applications, {DAYS} days: {dict(told.numbers)}, {rotations} keys by "
          f"rotation or leak, {calls} calls of consumers, {Counter(life.ended)}")  # fmt: skip
    assert rotations >= APPLICATIONS * DAYS // 120
    for name in list(told.tickets):
        told._revoke(name)
    life.sweep()
    assert [] == told.watch.problems(life, {}, names)
    assert [] == checks.leaks(life, [key["value"] for key in life.cloud.secrets
                                     if key["kind"] == "access-key-secret"])  # fmt: skip
