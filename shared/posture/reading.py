"""From the cloud to the facts: each part is read by itself, and what fails is not known.

One round: a handful of calls and the pages of users and policies, then two calls for each policy
that somebody holds, several at a time, as long as time is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from shared.errors import CloudError
from shared.lifecycle import RotationTerms
from shared.posture import report
from shared.posture.facts import (
    AccountReader,
    AttachedPolicy,
    Facts,
    PolicyName,
    Reading,
    Report,
)

T = TypeVar("T")
WORKERS = 8
POLLS, POLL_SECONDS = 15, 2.0
COMPLETED = "COMPLETED"
# A new report is made every four hours at most; one that is older than a day is another day's.
STALE = timedelta(hours=24)
CLOCKS = timedelta(hours=1)


@dataclass(frozen=True)
class Observer:
    """What a look at the account works with; `sleep` and `remaining_seconds` are in seconds."""

    reader: AccountReader
    account_id: str
    region: str
    rotation: RotationTerms
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    remaining_seconds: Callable[[], float]


def look(observer: Observer) -> Facts:
    """Read everything; never raises for what the cloud refuses."""
    reader, now = observer.reader, observer.now()
    generated = _try(lambda: _generated(observer))
    policies = _try(lambda: [*reader.list_policies("Custom"), *reader.list_policies("System")])
    return Facts(
        account_id=observer.account_id, region=observer.region, now=now,
        report=_report(observer, generated),
        practice=_try(reader.get_account_security_practice_report),
        own_keys=_try(reader.get_security_preference),
        passwords=_try(reader.get_password_policy),
        key_network=_try(reader.get_access_key_policy_for_account),
        users=_try(lambda: reader.list_users({})),
        policies=_attached(observer, policies),
        rotation=observer.rotation,
    )  # fmt: skip


def _try(call: Callable[[], T]) -> Reading[T]:
    try:
        return Reading(call())
    except CloudError as err:
        return Reading(problem=str(err))


def _generated(observer: Observer) -> bool:
    """Ask for a new report, and wait for it a while."""
    for poll in range(POLLS):
        if poll:
            observer.sleep(POLL_SECONDS)
        if observer.reader.generate_credential_report() == COMPLETED:
            return True
    return False


def _report(observer: Observer, generated: Reading[bool]) -> Reading[Report]:
    """The report that is there, also where no new one came: its own date says whether it counts."""
    got = _try(observer.reader.get_credential_report)
    if got.value is None:
        return Reading(problem=generated.problem or got.problem)
    text, at = got.value
    if not -CLOCKS <= observer.now() - at <= STALE:
        return Reading(problem=f"the credential report is of {at:%Y-%m-%dT%H:%M:%SZ}")
    try:
        return Reading(report.parse(text, at))
    except report.Unreadable as err:
        return Reading(problem=f"the credential report cannot be read: {err}")


def _attached(
    observer: Observer, policies: Reading[list[PolicyName]]
) -> Reading[Sequence[AttachedPolicy]]:
    if policies.value is None:
        return Reading(problem=policies.problem)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return Reading(tuple(pool.map(lambda name: _policy(observer, name), policies.value)))


def _policy(observer: Observer, name: PolicyName) -> AttachedPolicy:
    """One that has gone meanwhile is held by nobody, and is left as not known."""
    if observer.remaining_seconds() <= 0:
        late: Reading[str] = Reading(problem="out_of_time")
        return AttachedPolicy(name, late, Reading(problem="out_of_time"))
    document = _try(lambda: observer.reader.get_policy(name))
    holders = _try(lambda: observer.reader.list_entities_for_policy(name))
    return AttachedPolicy(name, Reading(document.value, document.problem or "gone meanwhile"),
                          Reading(holders.value, holders.problem or "gone meanwhile"))  # fmt: skip
