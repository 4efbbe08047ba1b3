"""One run of one order: its records, its end, and many grants ended side by side.

Each grant has a record of its own and fails alone; what is told in the end is told together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from shared import issuance, naming, orders, revocation
from shared.audit import FAILURE, SKIPPED, SUCCESS, Attempt, Change, Outcome, Row, Subject
from shared.broker import Broker
from shared.errors import (
    AkwardenError,
    CloudError,
    GrantNotEnded,
    LeaseHeld,
    OutOfTime,
    RevocationIncomplete,
    StateChanged,
)
from shared.orders import Order
from shared.ports import KeyStatus, User
from shared.removal import Found, Target
from shared.revocation import Revoked
from shared.selection import Chosen, Selection, named
from shared.steps import side_by_side
from shared.teardown import Run

T = TypeVar("T")

# Side by side: enough to keep RAM's answers coming, far below its quota of calls a second.
WORKERS = 8
STOP_SECONDS = 30  # with so little time left nothing is denied any more; a removal needs more
MARGIN_SECONDS = 10  # a wait ends this long before the timeout would end it

OpenRecord = Callable[[Subject, str], Attempt]


@dataclass(frozen=True)
class Carried:
    """What an order has done. `revoked` has an entry for each grant that it selected."""

    revoked: tuple[Revoked, ...] = ()
    flagged: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stranger(Target):
    """A user whose grant nobody knows: all there is of it is its name."""

    name: str = ""

    @property
    def user(self) -> str:
        return self.name


class Job:
    """One run of one order, with the record of the order itself; `intent` are its first rows.
    `waits` for the leases of others only where it has the function's time for itself."""

    def __init__(
        self, broker: Broker, order: Order, open_record: OpenRecord,
        remaining_seconds: Callable[[], float], *, waits: bool = True,
    ) -> None:  # fmt: skip
        self.broker, self.order, self.remaining_seconds = broker, order, remaining_seconds
        self.waits = waits
        self._open_record = open_record
        whom = Subject("", "", "", "", requester_id=order.ordered_by)
        self.record = self.opened(whom, order.operation_id)
        self.record.base["reason"] = order.reason
        self.ordered = Change(orders.EVENT, "", "", resource=orders.as_text(order))
        self.intent: list[Row] = self.record.intents([self.ordered], broker.now())

    @property
    def removal_seconds(self) -> float:
        """What one removal takes at the most: three lags, for its lease, for what is not visible
        yet and for the proof of the end, beside its patience for another run and for the index."""
        return STOP_SECONDS + 3 * self.broker.lease_terms.max_lag_seconds

    def opened(self, subject: Subject, operation_id: str) -> Attempt:
        """The record of one operation of this order, which says so in every row."""
        record = self._open_record(subject, operation_id)
        record.base["trigger"] = self.order.trigger
        return record

    def ended(self, outcome: Outcome, notes: Sequence[Row] = ()) -> None:
        """Write how the order ended, and what there is to say beside it."""
        self.record.outcomes[self.ordered] = outcome
        self.broker.audit_log.put_logs([*notes, *self.record.results(self.broker.now())])


def summed_up(
    job: Job, selected: Selection, revoked: Sequence[Revoked], failures: Sequence[AkwardenError]
) -> Carried:
    """Put the end of the run on record; success only if every grant is gone."""
    notes = [
        row for what in selected.flagged
        for row in job.record.note("revocation.flagged", job.broker.now(), outcome=SKIPPED,
                                   reason=what)
    ]  # fmt: skip
    said = f"{len(revoked)} of {len(selected.chosen)} ended"
    if failures:
        try:
            _intent_again(job)
            job.ended(Outcome(FAILURE, code=RevocationIncomplete.reason, message=said), notes)
        except CloudError as err:
            raise RevocationIncomplete([*failures, err]) from err
        if job.waits:
            _wait_for_leases(job, failures)
        raise RevocationIncomplete(failures)
    _intent_again(job)
    job.ended(Outcome(SUCCESS, message=said), notes)
    return Carried(tuple(revoked), selected.flagged)


def _intent_again(job: Job) -> None:
    """A late intent goes once more before its result, which is harmless: rows have ids."""
    if job.ordered in job.record.late:
        job.broker.audit_log.put_logs(job.intent)


def _wait_for_leases(job: Job, failures: Sequence[AkwardenError]) -> None:
    """Where another run is at work there is no use in trying again before its lease ends."""
    causes = [failure.cause for failure in failures if isinstance(failure, GrantNotEnded)]
    held = [cause for cause in causes if isinstance(cause, LeaseHeld)]
    if job.waits and held and len(held) == len(failures):
        longest = max(held, key=lambda lease: lease.until)
        remaining = job.remaining_seconds() - MARGIN_SECONDS
        job.broker.sleep(issuance.patience_seconds(longest, job.broker.now(), remaining))


def revoke_all(
    job: Job, chosen: Sequence[Chosen]
) -> tuple[list[Revoked], list[AkwardenError]]:
    """Deny all, then remove all. The lag after its denial, which a grant may have to wait for, is
    mostly over by the time its removal begins."""
    if not chosen:
        return [], []
    holders = _quarantined(job)
    begun = _each(job, chosen, [partial(_denied, job, one, holders) for one in chosen],
                  STOP_SECONDS)  # fmt: skip
    going = [
        (one, run) for one, run in zip(chosen, begun, strict=True)
        if not isinstance(run, AkwardenError)
    ]  # fmt: skip
    ends = _each(job, [one for one, _ in going], [partial(removed, job, *both) for both in going],
                 job.removal_seconds)  # fmt: skip
    failures = [end for end in (*begun, *ends) if isinstance(end, AkwardenError)]
    late = sum(isinstance(failure, OutOfTime) for failure in failures)
    failures = [failure for failure in failures if not isinstance(failure, OutOfTime)]
    if late:
        failures.append(OutOfTime(late))
    return [end for end in ends if isinstance(end, Revoked)], failures


def cut_off(
    job: Job, user: User, keys: Sequence[KeyStatus], along: Sequence[Row] = ()
) -> GrantNotEnded:
    """A user that is meant and whose grant nobody knows: cut, and the order stays open, since what
    it bears may be mended, or a person may remove it. The failure says what there was to do."""
    application, environment = named(user.name) or ("", "")
    target = Stranger("", "", application, environment, job.order.reason, name=user.name)
    record = job.opened(Subject("", "", application, environment), job.order.operation_id)
    try:
        revocation.cut_off(job.broker, target, record, Found(user=user, keys=tuple(keys)), along)
    except AkwardenError as err:
        return GrantNotEnded(user.name, err)
    return GrantNotEnded(user.name, StateChanged("nobody knows its grant"))


def cut_off_all(job: Job, users: Sequence[User]) -> list[AkwardenError]:
    """The same for many, each with the keys it has."""
    calls = [
        partial(lambda user: cut_off(job, user, _keys(job, user.name) or ()), user)
        for user in users
    ]
    strangers = [Chosen(Stranger("", "", "", "", job.order.reason, name=u.name)) for u in users]
    return list(_each(job, strangers, calls, STOP_SECONDS))


def _quarantined(job: Job) -> frozenset[str]:
    """Whose access an earlier run has ended; nobody's if that cannot be read: to deny once more
    is harmless, and to know it only saves calls."""
    try:
        return frozenset(job.broker.ram.list_entities_for_policy(naming.QUARANTINE_POLICY))
    except CloudError:
        return frozenset()


def _denied(job: Job, one: Chosen, holders: frozenset[str]) -> Run | Revoked | None:
    """Access to the grant has ended; None if an earlier run has seen to that."""
    record = job.opened(one.subject, one.target.operation_id)
    if one.user is None:
        return revocation.deny(job.broker, one.target, record)
    name = one.user.name
    if f"user/{name}" in holders:
        return None
    # Whose the user is is asked again: since it was listed it may have become another ticket's.
    user, keys = side_by_side(lambda: job.broker.ims.get_user(name), lambda: _keys(job, name))
    known = Found.of(one.target, user, keys, (), None)
    if known.user is None:
        return None  # gone meanwhile, or another's: the removal looks at everything anew
    return revocation.deny(job.broker, one.target, record, known=known, partly=keys is None)


def _keys(job: Job, user: str) -> Sequence[KeyStatus] | None:
    """The user's keys; None if they cannot be read: the quarantine does not need them."""
    try:
        return job.broker.ram.list_access_keys(user)
    except CloudError:
        return None


def removed(job: Job, one: Chosen, begun: Run | Revoked | None) -> Revoked:
    started = begun.record if isinstance(begun, Run) else None
    record = started or job.opened(one.subject, one.target.operation_id)

    def here() -> Revoked:
        if isinstance(begun, Run):
            return revocation.finish(begun)
        return begun or revocation.revoke(job.broker, one.target, record)

    return revocation.everywhere(job.broker, one.target, record, here)


def _each(
    job: Job, chosen: Sequence[Chosen], calls: Sequence[Callable[[], T]], stop_seconds: float
) -> list[T | AkwardenError]:
    """Every call's value or failure, a few at a time; what has less than `stop_seconds` left is
    not begun, but OutOfTime."""

    def attempted(one: Chosen, call: Callable[[], T]) -> T | AkwardenError:
        if job.remaining_seconds() < stop_seconds:
            return OutOfTime(1)
        try:
            return call()
        except Exception as err:  # whatever is wrong with one grant, the others are to end
            return GrantNotEnded(one.target.user, err)

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return list(pool.map(attempted, chosen, calls))
