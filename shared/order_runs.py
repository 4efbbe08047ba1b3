"""One run of one order: its records, its end, and many grants ended side by side.

Each grant has a record of its own and fails alone; what is told in the end is told together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from shared import issuance, naming, orders, revocation
from shared.audit import FAILURE, SKIPPED, SUCCESS, Attempt, Change, Outcome, Row, Subject
from shared.errors import (
    AkwardenError,
    CloudError,
    GrantNotEnded,
    LeaseHeld,
    OutOfTime,
    RevocationIncomplete,
)
from shared.issuance import Broker
from shared.orders import Order
from shared.ports import KeyStatus
from shared.removal import Found
from shared.resumption import MEMORY_DAYS
from shared.revocation import Revoked
from shared.selection import Chosen, Selection
from shared.steps import side_by_side
from shared.teardown import Run

T = TypeVar("T")

# Side by side: enough to keep RAM's answers coming, far below its quota of calls a second.
WORKERS = 8
STOP_SECONDS = 30  # nothing is begun any more when the function has so little time left
MARGIN_SECONDS = 10  # a wait ends this long before the timeout would end it

OpenRecord = Callable[[Subject, str], Attempt]


@dataclass(frozen=True)
class Carried:
    """What an order has done. `revoked` has an entry for each grant that it selected."""

    revoked: tuple[Revoked, ...] = ()
    flagged: tuple[str, ...] = ()


class Job:
    """One run of one order, with the record of the order itself; `intent` are its first rows."""

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

    def opened(self, subject: Subject, operation_id: str) -> Attempt:
        """The record of one operation of this order, which says so in every row."""
        record = self._open_record(subject, operation_id)
        record.base["trigger"] = self.order.trigger
        return record

    def ended(self, outcome: Outcome, notes: Sequence[Row] = ()) -> None:
        """Write how the order ended, and what there is to say beside it."""
        self.record.outcomes[self.ordered] = outcome
        self.broker.audit_log.put_logs([*notes, *self.record.results(self.broker.now())])


def logged(broker: Broker, query: str) -> Sequence[Row]:
    now = broker.now()
    return broker.audit_log.get_logs(
        query, now - timedelta(days=MEMORY_DAYS), now + timedelta(minutes=15)
    )


def summed_up(
    job: Job, selected: Selection, revoked: Sequence[Revoked], failures: Sequence[AkwardenError]
) -> Carried:
    """Put the end of the run on record; success only if every grant is gone."""
    if job.ordered in job.record.late:
        job.broker.audit_log.put_logs(job.intent)  # once more is harmless: rows have ids
    notes = [
        row for what in selected.flagged
        for row in job.record.note("revocation.flagged", job.broker.now(), outcome=SKIPPED,
                                   reason=what)
    ]  # fmt: skip
    said = f"{len(revoked)} of {len(selected.chosen)} ended"
    if failures:
        try:
            job.ended(Outcome(FAILURE, code=RevocationIncomplete.reason, message=said), notes)
        except CloudError as err:
            raise RevocationIncomplete([*failures, err]) from err
        _wait_for_leases(job, failures)
        raise RevocationIncomplete(failures)
    job.ended(Outcome(SUCCESS, message=said), notes)
    return Carried(tuple(revoked), selected.flagged)


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
    holders = frozenset(job.broker.ram.list_entities_for_policy(naming.QUARANTINE_POLICY))
    begun = _each(job, chosen, [partial(_denied, job, one, holders) for one in chosen])
    going = [
        (one, run) for one, run in zip(chosen, begun, strict=True)
        if not isinstance(run, AkwardenError)
    ]  # fmt: skip
    ends = _each(job, [one for one, _ in going], [partial(removed, job, *both) for both in going])
    failures = [end for end in (*begun, *ends) if isinstance(end, AkwardenError)]
    late = sum(isinstance(failure, OutOfTime) for failure in failures)
    failures = [failure for failure in failures if not isinstance(failure, OutOfTime)]
    if late:
        failures.append(OutOfTime(late))
    return [end for end in ends if isinstance(end, Revoked)], failures


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
    if isinstance(begun, Run):
        record, end = begun.record, revocation.finish(begun)
    else:
        record = job.opened(one.subject, one.target.operation_id)
        end = begun or revocation.revoke(job.broker, one.target, record)
    return revocation.elsewhere(job.broker, one.target, record, end)


def _each(
    job: Job, chosen: Sequence[Chosen], calls: Sequence[Callable[[], T]]
) -> list[T | AkwardenError]:
    """Every call's value or failure, a few at a time; those not begun in time are OutOfTime."""

    def attempted(one: Chosen, call: Callable[[], T]) -> T | AkwardenError:
        if job.remaining_seconds() < STOP_SECONDS:
            return OutOfTime(1)
        try:
            return call()
        except Exception as err:  # whatever is wrong with one grant, the others are to end
            return GrantNotEnded(one.target.user, err)

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        return list(pool.map(attempted, chosen, calls))
