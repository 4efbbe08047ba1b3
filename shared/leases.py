"""Mutual exclusion, of an application and environment or of a ticket, without a database.

A lease is a numbered marker policy, never attached: CreatePolicy is atomic on its name, so one
creator wins. It ends by being deleted or by its own clock; who finds number n expired creates n+1,
so that exactly one takes over. It outlives the function's timeout by the lag bound: while a holder
may still run, or a change of a dead one may still become visible, nobody else acts.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import naming
from shared.errors import AlreadyExists, ConfigError, LeaseHeld, NotFound
from shared.ports import PolicyState, Ram

# A marker grants nothing even if somebody attached it by hand.
DOCUMENT = json.dumps({
    "Version": "1",
    "Statement": [{"Effect": "Deny", "Action": ["ram:CreateAccessKey"], "Resource": ["*"]}],
})  # fmt: skip

# No lease is taken for longer, so that a marker which is dated later is nobody's of ours. Two
# clocks never differ by more than the second: the cloud refuses calls that are signed half an hour
# off. A marker that is later than both together must not be believed, or it would hold for years.
LONGEST_SECONDS, CLOCKS_SECONDS = 3600, 3600
UNREADABLE = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Lease:
    """A held lease; `numbers` are all markers to remove when it ends, the held one last."""

    name: str
    numbers: tuple[int, ...]
    request_id: str


@dataclass(frozen=True)
class Marker:
    """A lease's n-th marker as a list of policies shows it; `until` may be UNREADABLE."""

    lease: str
    number: int
    holder: str
    until: datetime


@dataclass(frozen=True)
class LeaseTerms:
    """How long a lease lasts and how long a takeover waits, in seconds. ConfigError if it is to
    last longer than others would believe."""

    lasts_seconds: float
    max_lag_seconds: float

    def __post_init__(self) -> None:
        if self.lasts_seconds > LONGEST_SECONDS:
            raise ConfigError([f"a function's timeout and AKWARDEN_MAX_LAG_SECONDS together must "
                               f"not exceed {LONGEST_SECONDS} s: leases last no longer"])


def take(
    ram: Ram,
    lease_name: str,
    holder: str,
    terms: LeaseTerms,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> Lease:
    """Take the lease or raise LeaseHeld with the moment from which it is worth trying again."""
    number = 1
    expired: list[int] = []
    while True:
        ends_at = now() + timedelta(seconds=terms.lasts_seconds)
        name = naming.lease_name(lease_name, number)
        try:
            request_id = ram.create_policy(name, DOCUMENT, _description(holder, ends_at))
        except AlreadyExists:
            held_until = _held_until(ram.get_policy(name))
            # None: released this very moment, or not visible yet. Either way somebody was faster.
            if held_until is None or holds(held_until, now()):
                raise LeaseHeld(held_until or now()) from None
            expired.append(number)
            number += 1
            continue
        lease = Lease(lease_name, (*expired, number), request_id)
        if expired:
            _confirm_takeover(ram, lease, terms, now=now, sleep=sleep)
        return lease


def _confirm_takeover(
    ram: Ram,
    lease: Lease,
    terms: LeaseTerms,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> None:
    """Wait out the lag, then see that all lower markers still stand there, expired.

    Another holder could have released n and n+1 between our look and our create. A third could
    then have begun at n, or could at any time: whoever stands on a gap is not seen from below.
    """
    sleep(terms.max_lag_seconds)
    for number in lease.numbers[:-1]:
        name = naming.lease_name(lease.name, number)
        held_until = _held_until(ram.get_policy(name))
        if held_until is None or holds(held_until, now()):
            with suppress(NotFound):
                ram.delete_policy(
                    naming.lease_name(lease.name, lease.numbers[-1])
                )
            raise LeaseHeld(held_until or now())


def release(ram: Ram, lease: Lease) -> str:
    """Remove the markers, the held one last: until then the lease is still ours. One that is
    gone already is fine."""
    request_id = ""
    for number in lease.numbers:
        name = naming.lease_name(lease.name, number)
        try:
            request_id = ram.delete_policy(name)
        except NotFound as err:
            request_id = err.request_id
    return request_id


def _description(holder: str, ends_at: datetime) -> str:
    return json.dumps({"lease": "1", "holder": holder, "until": ends_at.timestamp()})


def marker_of(policy: str, description: str) -> Marker | None:
    """The marker that a policy is; None if its name is no marker's."""
    lease, _, number = policy.removeprefix(naming.LEASE_PREFIX).rpartition("-")
    if not policy.startswith(naming.LEASE_PREFIX) or not lease or not number.isdecimal():
        return None
    try:
        holder = str(json.loads(description)["holder"])
    except (ValueError, KeyError, TypeError, RecursionError):
        holder = ""
    return Marker(lease, int(number), holder, _until(description))


def holds(until: datetime, now: datetime) -> bool:
    """Whether a marker dated so is in force. An unreadable one is, for ever: what is not understood
    is not expired, and a person must look (the sweep tells)."""
    latest = now + timedelta(seconds=LONGEST_SECONDS + CLOCKS_SECONDS)
    return now < until <= latest or until == UNREADABLE


def _held_until(marker: PolicyState | None) -> datetime | None:
    """When the marker ends; None if it is gone."""
    return None if marker is None else _until(marker.description)


def _until(description: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(json.loads(description)["until"]), UTC)
    except (ValueError, KeyError, TypeError, OverflowError, OSError, RecursionError):
        return UNREADABLE
