"""An order carried out: all that it selects is denied first, and then removed, grant by grant.

What is gone is gone, so a run that stops, whether by an error, by a crash or for want of time, is
gone on with by running it again.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from functools import partial

from shared import consumption, naming, order_reads, order_runs, revocation, selection
from shared.audit import (
    FAILURE,
    INTENT,
    NOTE,
    RESULT,
    SKIPPED,
    SUCCESS,
    UNREADABLE_LEAK,
    Change,
    Outcome,
    Subject,
)
from shared.broker import Broker
from shared.errors import AkwardenError, CloudError, GrantNotEnded, OutOfTime
from shared.order_reads import Look, Remembered, logged
from shared.order_runs import (
    STOP_SECONDS,
    Carried,
    Job,
    OpenRecord,
    removed,
    revoke_all,
    summed_up,
)
from shared.orders import Order
from shared.ports import KeyStatus, User
from shared.refusals import Denied
from shared.removal import Found
from shared.revocation import AUDIT_PATIENCE_SECONDS as PATIENCE_SECONDS
from shared.revocation import Revoked
from shared.selection import Chosen, Selection

log = logging.getLogger(__name__)


def carry_out(
    broker: Broker, order: Order, open_record: OpenRecord, *, cap: int,
    remaining_seconds: Callable[[], float], waits: bool = True,
) -> Carried | Denied:  # fmt: skip
    """End every grant that the order selects; repeated after success, it changes nothing.

    `open_record` begins the record of one operation; `remaining_seconds` is how long the function
    may still run; without `waits` it does not sit out the leases of others. Raises
    RevocationIncomplete with all that failed, OutOfTime among it, and CloudError if it could not
    select: each is to be retried. A Denied is final.
    """
    job = Job(broker, order, open_record, remaining_seconds, waits=waits)
    if order.selector.by == "access_key_id":
        return _of_key(job, order.selector.access_key_id)
    with ThreadPoolExecutor(max_workers=2) as pool:
        began = broker.now()
        written = pool.submit(broker.audit_log.put_logs, job.intent)
        memory = pool.submit(order_reads.remembered, broker, order)
        _announce(job, written)
        patience = PATIENCE_SECONDS - (broker.now() - began).total_seconds()
        try:
            first = order_reads.look(
                broker, order, order_reads.patiently(memory, max(0.0, patience)), strict=False
            )
            over = _over_the_cap(job, first, memory.result, cap)
        except CloudError as err:
            job.ended(Outcome(FAILURE, code=err.reason))
            raise
        return over or _carried(job, first)


def unreadable_leak(
    broker: Broker, event: bytes, refused: Denied, open_record: OpenRecord
) -> None:
    """Put on record that somebody told of a leak which nobody can act on: a person must look.
    The refusal is kept, nothing of the event; CloudError, to be retried, if SLS refuses it."""
    number = hashlib.sha256(event).hexdigest()[:24]
    operation_id = naming.operation_id("event", number, "revoke")  # no order has the source `event`
    record = open_record(Subject("", "", "", ""), operation_id)
    record.base["trigger"] = "eventbridge"
    reason = f"{refused.reason} at {refused.where}" if refused.where else refused.reason
    broker.audit_log.put_logs(
        record.note(UNREADABLE_LEAK, broker.now(), outcome=FAILURE, reason=reason)
    )


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
    """Users, policies and the log; raises if any cannot be read."""
    memory = partial(order_reads.remembered, broker, order)
    return order_reads.look(broker, order, memory).selection


def _announce(job: Job, written: Future[None]) -> None:
    """See the order in the log before it is carried out, for a few seconds: an outage of the log
    must not keep anybody's access alive. Its rows are late then."""
    wait([written], timeout=PATIENCE_SECONDS)
    if not written.done() or written.exception() is not None:
        job.record.late.add(job.ordered)


def _over_the_cap(
    job: Job, first: Look, memory: Callable[[], Remembered], cap: int
) -> Denied | None:
    """Refuse an order that means more than it may, before anything is changed: whoever meant one
    application and named all has then lost nothing. One that has begun is carried through, however
    much has come to it since; CloudError if nobody can tell whether it has."""
    count, limit = len(first.selection.chosen), job.order.limit(cap)
    if count <= limit or memory().begun:
        return None
    said = f"{count} grants selected, at most {limit} allowed"
    job.ended(Outcome(FAILURE, code="over_the_cap", message=said))
    return Denied("over_the_cap", advice=said)


def _carried(job: Job, first: Look) -> Carried:
    """End what was seen, and then what may not have been visible at that time: a grant that was
    being made, for one."""
    found = first.selection
    failures = order_runs.cut_off_all(job, found.meant)
    revoked, failed = revoke_all(job, found.chosen)
    failures += failed
    try:
        if not failures and first.unread is None:
            consumption.consume(job, first, found)
        if not failures:
            found, more, failed = _again(job, first)
            revoked += more
            failures += failed
    except AkwardenError as err:
        failures.append(err)
    return summed_up(job, found, revoked, failures)


def _again(job: Job, first: Look) -> tuple[Selection, list[Revoked], list[AkwardenError]]:
    """Look once more when everything has become visible that was there at the first look."""
    broker, order = job.broker, job.order
    lag = broker.lease_terms.max_lag_seconds
    pause = max(0.0, lag - (broker.now() - first.at).total_seconds())
    if job.remaining_seconds() - pause < STOP_SECONDS:
        raise OutOfTime(0)
    broker.sleep(pause)
    second = order_reads.look(broker, order, partial(order_reads.remembered, broker, order))
    known = {one.target for one in first.selection.chosen}
    fresh = tuple(one for one in second.selection.chosen if one.target not in known)
    failures = order_runs.cut_off_all(job, second.selection.meant)
    revoked, failed = revoke_all(job, fresh)
    found = replace(second.selection, chosen=(*first.selection.chosen, *fresh))
    return found, revoked, [*failures, *failed]


# -- one key ----------------------------------------------------------------------------------


def _of_key(job: Job, key_id: str, *, again: bool = False) -> Carried:
    """One call finds the owner, one write announces all, and then it is cut: nothing else stands
    between a leak and its end. What more there is of the grant is looked for afterwards."""
    try:
        owner = job.broker.ims.get_user_of_access_key(key_id)
        if owner is None:
            return _of_former_key(job, key_id, again=again)
        chosen, _ = selection.of_user(job.order, owner)
        keys = (KeyStatus(key_id, "Active"),)
        if chosen is not None:
            return _key_ended(job, chosen, Found(user=owner, keys=keys))
        if _akwardens(job, owner, key_id):
            left = order_runs.cut_off(job, owner, keys, job.intent)
            return summed_up(job, Selection((), (_flag(owner),)), [], [left])
    except CloudError as err:
        job.ended(Outcome(FAILURE, code=err.reason), job.intent)
        raise
    return _not_ours(job, key_id, f"user {owner.name} is not akwarden's")


def _akwardens(job: Job, owner: User, key_id: str) -> bool:
    """Whether a user whose tags say nothing is ours all the same: by its name, or because the log
    knows the key as one that was made."""
    if owner.name.startswith(naming.PREFIX):
        return True
    return any(row.get("phase") in (INTENT, RESULT)
               for row in logged(job.broker, f'access_key_id: "{key_id}"'))  # fmt: skip


def _flag(owner: User) -> str:
    return f"user {owner.name} does not tell its grant"


def _key_ended(job: Job, chosen: Chosen, known: Found) -> Carried:
    target = chosen.target
    record = job.opened(chosen.subject, target.operation_id)
    revoked: list[Revoked] = []
    failures: list[AkwardenError] = []
    try:
        begun = revocation.deny(
            job.broker, target, record, known=known, partly=True, along=job.intent
        )
        revoked.append(removed(job, chosen, begun))
    except AkwardenError as err:
        failures.append(GrantNotEnded(target.user, err))
    return summed_up(job, Selection((chosen,)), revoked, failures)


def _of_former_key(job: Job, key_id: str, *, again: bool) -> Carried:
    """A key that is nobody's may have been: the log knows whose, and what is left of that grant
    (a key in the recycle bin, for one) ends like any other. Of one that the log does not know
    either, the owner is asked for again: one stale answer is not nobody."""
    if not again:
        job.broker.audit_log.put_logs(job.intent)
    rows = logged(job.broker, f'access_key_id: "{key_id}"')
    selected = selection.select(job.order, (), (), rows)
    if selected.chosen:
        return summed_up(job, selected, *revoke_all(job, selected.chosen))
    if again:
        return _not_ours(job, key_id, "no user has this key")
    job.broker.sleep(job.broker.lease_terms.max_lag_seconds)
    return _of_key(job, key_id, again=True)


def _not_ours(job: Job, key_id: str, why: str) -> Carried:
    """On record, and nothing is changed: other people's keys are not ours to end."""
    about = Change("access_key.not_ours", "", "", target=key_id)
    now = job.broker.now()
    notes = job.record.rows([(about, NOTE, Outcome(SKIPPED))], now, reason=why)
    job.ended(Outcome(SUCCESS, message=why), [*job.intent, *notes])
    return Carried(flagged=(why,))
