"""An order carried out: all that it selects is denied first, and then removed, grant by grant.

What is gone is gone, so a run that stops, whether by an error, by a crash or for want of time, is
gone on with by running it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from shared import reasons, revocation, selection
from shared.audit import FAILURE, NOTE, REVOKED, SKIPPED, SUCCESS, Change, Outcome, Subject
from shared.errors import AkwardenError, CloudError, GrantNotEnded, RevocationIncomplete
from shared.issuance import Broker
from shared.order_runs import Carried, Job, OpenRecord, logged, removed, revoke_all, summed_up
from shared.orders import Order
from shared.ports import KeyStatus, User
from shared.refusals import Denied
from shared.removal import Found, Target
from shared.revocation import AUDIT_PATIENCE_SECONDS, Revoked
from shared.selection import Chosen, Selection
from shared.steps import side_by_side

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
        lambda: logged(broker, f'event_type: "{REVOKED}" and trigger: "{order.trigger}"'),
        lambda: logged(broker, f'ticket_id: "{ticket}" and ticket_system: "{source}"')
        if ticket else (),
    )  # fmt: skip
    rows = [*selection.unfinished(begun), *worked]
    return selection.select(order, users, policies, rows)


def _announce(job: Job, written: Future[None]) -> None:
    """See the order in the log before it is carried out; a leak waits for that a few seconds."""
    if job.order.reason != reasons.LEAKED:
        written.result()
        return
    wait([written], timeout=AUDIT_PATIENCE_SECONDS)
    if not written.done() or written.exception() is not None:
        job.record.late.add(job.ordered)


def _within_cap(job: Job, selected: Selection, cap: int) -> Carried | Denied:
    """Refuse an order that means more than it may, before anything is changed: whoever meant one
    application and named all has then lost nothing."""
    count, limit = len(selected.chosen), job.order.limit(cap)
    if count > limit:
        said = f"{count} grants selected, at most {limit} allowed"
        job.ended(Outcome(FAILURE, code="over_the_cap", message=said))
        return Denied("over_the_cap", advice=said)
    return summed_up(job, selected, *revoke_all(job, selected.chosen))


# -- one key ----------------------------------------------------------------------------------


def _of_key(job: Job, key_id: str) -> Carried:
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


def _cut_off(job: Job, owner: User, known: Found) -> None:
    """A user of ours whose tags do not tell its ticket: cut, and left to be looked at again."""
    name = selection.named(owner.name) or ("", "")
    target = Target("", "", *name, job.order.reason)
    record = job.opened(Subject("", "", *name), job.order.operation_id)
    try:
        revocation.cut_off(job.broker, target, record, known, job.intent)
    except RevocationIncomplete as err:
        summed_up(job, Selection((Chosen(target),)), [], [GrantNotEnded(owner.name, err)])


def _of_former_key(job: Job, key_id: str) -> Carried:
    """A key that is nobody's may have been: the log knows whose, and what is left of that grant
    (a key in the recycle bin, for one) ends like any other."""
    job.broker.audit_log.put_logs(job.intent)
    rows = logged(job.broker, f'access_key_id: "{key_id}"')
    selected = selection.select(job.order, (), (), rows)
    if not selected.chosen:
        return _not_ours(job, key_id, "no user has this key")
    return summed_up(job, selected, *revoke_all(job, selected.chosen))


def _not_ours(job: Job, key_id: str, why: str) -> Carried:
    """On record, and nothing is changed: other people's keys are not ours to end."""
    about = Change("access_key.not_ours", "", "", target=key_id)
    now = job.broker.now()
    notes = job.record.rows([(about, NOTE, Outcome(SKIPPED))], now, reason=why)
    job.ended(Outcome(SUCCESS, message=why), [*job.intent, *notes])
    return Carried(flagged=(why,))
