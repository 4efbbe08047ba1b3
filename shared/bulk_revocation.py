"""An order carried out: all that it selects is denied first, and then removed, grant by grant.

Each grant has a record of its own and fails alone. What is gone is gone, so a run that stops,
whether by an error, by a crash or for want of time, is gone on with by running it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from shared import issuance, naming, orders, reasons, revocation, selection
from shared.audit import (
    FAILURE,
    NOTE,
    REVOKED,
    SKIPPED,
    SUCCESS,
    Attempt,
    Change,
    Outcome,
    Row,
    Subject,
)
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
from shared.ports import KeyStatus, User
from shared.refusals import Denied
from shared.removal import Found, Target
from shared.resumption import MEMORY_DAYS
from shared.revocation import AUDIT_PATIENCE_SECONDS, Revoked
from shared.selection import Chosen, Selection
from shared.steps import side_by_side
from shared.teardown import Run

T = TypeVar("T")

log = logging.getLogger(__name__)

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


class _Job:
    """One run of one order, with the record of the order itself; `intent` are its first rows."""

    def __init__(self, broker: Broker, order: Order, open_record: OpenRecord,
                 remaining_seconds: Callable[[], float]) -> None:  # fmt: skip
        self.broker, self.order, self.remaining_seconds = broker, order, remaining_seconds
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


def carry_out(
    broker: Broker, order: Order, open_record: OpenRecord, *, cap: int,
    remaining_seconds: Callable[[], float],
) -> Carried | Denied:  # fmt: skip
    """End every grant that the order selects; repeated after success, it changes nothing.

    `open_record` begins the record of one operation; `remaining_seconds` is how long the function
    may still run. Raises RevocationIncomplete with all that failed, OutOfTime among it, and
    CloudError if it could not select: each is to be retried. A Denied is final.
    """
    job = _Job(broker, order, open_record, remaining_seconds)
    if order.selector.by == "access_key_id":
        return _of_key(job, order.selector.access_key_id)
    with ThreadPoolExecutor(max_workers=1) as pool:
        _announce(job, pool.submit(broker.audit_log.put_logs, job.intent))
        try:
            selected = select(broker, order)
        except CloudError as err:
            job.ended(Outcome(FAILURE, code=err.reason))
            raise
        return _within_cap(job, selected, cap)


def answer(order: Order, outcome: Carried | Denied) -> dict[str, object]:
    """What the task record shows: counts, and the names of what is left and flagged."""
    if isinstance(outcome, Denied):
        log.warning("order %s refused: %s", order.id, outcome.reason)
        return {"status": "refused", "order": order.id, "reason": outcome.reason,
                "advice": outcome.advice}  # fmt: skip
    keys = sum(len(one.access_key_ids) for one in outcome.revoked)
    log.info("order %s carried out: %d grants, %d keys", order.id, len(outcome.revoked), keys)
    return {"status": "carried_out", "order": order.id, "grants": len(outcome.revoked),
            "access_keys": keys, "left": [what for one in outcome.revoked for what in one.left],
            "flagged": list(outcome.flagged)}  # fmt: skip


def preview(broker: Broker, order: Order) -> Selection:
    """What the order would end, by reading only."""
    if order.selector.by != "access_key_id":
        return select(broker, order)
    owner = broker.ims.get_user_of_access_key(order.selector.access_key_id)
    chosen, problem = selection.of_user(order, owner) if owner else (None, "")
    flagged = (f"user {owner.name} {problem}",) if owner and problem else ()
    return Selection((chosen,) if chosen else (), flagged)


def select(broker: Broker, order: Order) -> Selection:
    """Read users, policies and the log side by side; raises if any cannot be read: an order never
    ends less than it means because of that."""
    source, ticket = order.selector.source, order.selector.ticket
    users, policies, begun, worked = side_by_side(
        lambda: broker.ims.list_users({}),
        broker.ram.list_policies,
        lambda: _logged(broker, f'event_type: "{REVOKED}" and trigger: "{order.trigger}"'),
        lambda: _logged(broker, f'ticket_id: "{ticket}" and ticket_system: "{source}"')
        if ticket else (),
    )  # fmt: skip
    rows = [*selection.unfinished(begun), *worked]
    return selection.select(order, users, policies, rows)


def _logged(broker: Broker, query: str) -> Sequence[Row]:
    now = broker.now()
    return broker.audit_log.get_logs(
        query, now - timedelta(days=MEMORY_DAYS), now + timedelta(minutes=15)
    )


def _announce(job: _Job, written: Future[None]) -> None:
    """See the order in the log before it is carried out; a leak waits for that a few seconds."""
    if job.order.reason != reasons.LEAKED:
        written.result()
        return
    wait([written], timeout=AUDIT_PATIENCE_SECONDS)
    if not written.done() or written.exception() is not None:
        job.record.late.add(job.ordered)


def _within_cap(job: _Job, selected: Selection, cap: int) -> Carried | Denied:
    """Refuse an order that means more than it may, before anything is changed: whoever meant one
    application and named all has then lost nothing."""
    count, limit = len(selected.chosen), job.order.limit(cap)
    if count > limit:
        said = f"{count} grants selected, at most {limit} allowed"
        job.ended(Outcome(FAILURE, code="over_the_cap", message=said))
        return Denied("over_the_cap", advice=said)
    return _summed_up(job, selected, *_revoke_all(job, selected.chosen))


def _summed_up(
    job: _Job, selected: Selection, revoked: Sequence[Revoked], failures: Sequence[AkwardenError]
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


def _wait_for_leases(job: _Job, failures: Sequence[AkwardenError]) -> None:
    """Where another run is at work there is no use in trying again before its lease ends."""
    causes = [failure.cause for failure in failures if isinstance(failure, GrantNotEnded)]
    held = [cause for cause in causes if isinstance(cause, LeaseHeld)]
    if held and len(held) == len(failures):
        longest = max(held, key=lambda lease: lease.until)
        remaining = job.remaining_seconds() - MARGIN_SECONDS
        job.broker.sleep(issuance.patience_seconds(longest, job.broker.now(), remaining))


# -- many grants ------------------------------------------------------------------------------


def _revoke_all(
    job: _Job, chosen: Sequence[Chosen]
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
    ends = _each(job, [one for one, _ in going], [partial(_removed, job, *both) for both in going])
    failures = [end for end in (*begun, *ends) if isinstance(end, AkwardenError)]
    late = sum(isinstance(failure, OutOfTime) for failure in failures)
    failures = [failure for failure in failures if not isinstance(failure, OutOfTime)]
    if late:
        failures.append(OutOfTime(late))
    return [end for end in ends if isinstance(end, Revoked)], failures


def _denied(job: _Job, one: Chosen, holders: frozenset[str]) -> Run | Revoked | None:
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


def _keys(job: _Job, user: str) -> Sequence[KeyStatus] | None:
    """The user's keys; None if they cannot be read: the quarantine does not need them."""
    try:
        return job.broker.ram.list_access_keys(user)
    except CloudError:
        return None


def _removed(job: _Job, one: Chosen, begun: Run | Revoked | None) -> Revoked:
    if isinstance(begun, Run):
        record, end = begun.record, revocation.finish(begun)
    else:
        record = job.opened(one.subject, one.target.operation_id)
        end = begun or revocation.revoke(job.broker, one.target, record)
    return revocation.elsewhere(job.broker, one.target, record, end)


def _each(
    job: _Job, chosen: Sequence[Chosen], calls: Sequence[Callable[[], T]]
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


# -- one key ----------------------------------------------------------------------------------


def _of_key(job: _Job, key_id: str) -> Carried:
    """One call finds the owner, one write announces all, and then it is cut: nothing else stands
    between a leak and its end. What more there is of the grant is looked for afterwards."""
    try:
        owner = job.broker.ims.get_user_of_access_key(key_id)
        if owner is None:
            return _of_former_key(job, key_id)
        chosen, _ = selection.of_user(job.order, owner)
        known = Found(user=owner, keys=(KeyStatus(key_id, "Active"),))
        if chosen is not None:
            return _key_ended(job, chosen, known)
        if selection.is_ours(owner):
            _cut_off(job, owner, known)
    except CloudError as err:
        job.ended(Outcome(FAILURE, code=err.reason), job.intent)
        raise
    return _not_ours(job, key_id, f"user {owner.name} is not akwarden's")


def _key_ended(job: _Job, chosen: Chosen, known: Found) -> Carried:
    target = chosen.target
    record = job.opened(chosen.subject, target.operation_id)
    revoked: list[Revoked] = []
    failures: list[AkwardenError] = []
    try:
        begun = revocation.deny(
            job.broker, target, record, known=known, partly=True, along=job.intent
        )
        revoked.append(_removed(job, chosen, begun))
    except AkwardenError as err:
        failures.append(GrantNotEnded(target.user, err))
    return _summed_up(job, Selection((chosen,)), revoked, failures)


def _cut_off(job: _Job, owner: User, known: Found) -> None:
    """A user of ours whose tags do not tell its ticket: cut, and left to be looked at again."""
    name = selection.named(owner.name) or ("", "")
    target = Target("", "", *name, job.order.reason)
    record = job.opened(Subject("", "", *name), job.order.operation_id)
    try:
        revocation.cut_off(job.broker, target, record, known, job.intent)
    except RevocationIncomplete as err:
        _summed_up(job, Selection((Chosen(target),)), [], [GrantNotEnded(owner.name, err)])


def _of_former_key(job: _Job, key_id: str) -> Carried:
    """A key that is nobody's may have been: the log knows whose, and what is left of that grant
    (a key in the recycle bin, for one) ends like any other."""
    job.broker.audit_log.put_logs(job.intent)
    rows = _logged(job.broker, f'access_key_id: "{key_id}"')
    selected = selection.select(job.order, (), (), rows)
    if not selected.chosen:
        return _not_ours(job, key_id, "no user has this key")
    return _summed_up(job, selected, *_revoke_all(job, selected.chosen))


def _not_ours(job: _Job, key_id: str, why: str) -> Carried:
    """On record, and nothing is changed: other people's keys are not ours to end."""
    about = Change("access_key.not_ours", "", "", target=key_id)
    now = job.broker.now()
    notes = job.record.rows([(about, NOTE, Outcome(SKIPPED))], now, reason=why)
    job.ended(Outcome(SUCCESS, message=why), [*job.intent, *notes])
    return Carried(flagged=(why,))
