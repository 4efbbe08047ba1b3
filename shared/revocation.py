"""The end of a grant: what comes first, what waits for what, and when it is over.

What denies comes first and waits for nothing, neither for the audit log nor for another run's
lease. What deletes comes under the lease and after acknowledged intents, so that the user and its
tags are there to be found until the end is on record. Nothing stops at an error: all of them are
raised together at the end, and FC runs it again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from functools import partial, reduce

from shared import audit, leases, naming, purging, reasons, recycling, removal, teardown
from shared.audit import FAILURE, SUCCESS, Attempt, Change, Outcome, Row
from shared.broker import Broker
from shared.errors import (
    AkwardenError,
    CloudError,
    CloudUnknown,
    LeaseHeld,
    RevocationIncomplete,
    StateChanged,
)
from shared.leases import Lease
from shared.refusals import Denied
from shared.removal import Found, Memory, Target
from shared.steps import step
from shared.teardown import Run
from shared.tickets import Ticket

log = logging.getLogger(__name__)

AUDIT_PATIENCE_SECONDS = 5  # the cut waits so long for its intents to be acknowledged, no longer
# An issue run ends within seconds. For a dead one's lease the handler waits, and then FC.
LEASE_PAUSE_SECONDS, LEASE_PATIENCE_SECONDS = 2.0, 20.0
INDEX_PAUSE_SECONDS, INDEX_PATIENCE_SECONDS = 1.0, 10.0  # SLS finds a new row within 3 s

ENDING = Change(audit.REVOKED, "", "")
LEASE = [
    Change("lease.taken", "ram", "CreatePolicy"), Change("lease.released", "ram", "DeletePolicy")
]  # fmt: skip


@dataclass(frozen=True)
class Revoked:
    """What is no more; `left` says what stays and why, `repeated` that all was gone before.

    `places` are the (application, environment) under which the log knows the ticket.
    """

    user: str
    access_key_ids: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    repeated: bool = False
    places: frozenset[tuple[str, str]] = frozenset()

    def and_also(self, other: Revoked) -> Revoked:
        """Both in one; named after this one's user."""
        return Revoked(
            self.user, (*self.access_key_ids, *other.access_key_ids), (*self.left, *other.left),
            self.repeated and other.repeated, self.places,
        )  # fmt: skip


def answer(ticket: Ticket, outcome: Revoked | Denied) -> dict[str, object]:
    """What the task record shows of a ticket's revocation: ids and names."""
    if isinstance(outcome, Denied):
        log.warning("ticket %s refused: %s at %s", ticket.id, outcome.reason, outcome.where or "-")
        return {"status": "refused", "ticket": ticket.id, "reason": outcome.reason}
    log.info("ticket %s revoked: user %s, keys %s", ticket.id, outcome.user,
             ", ".join(outcome.access_key_ids) or "-")  # fmt: skip
    return {"status": "revoked", "ticket": ticket.id, "ram_user": outcome.user,
            "access_key_ids": list(outcome.access_key_ids), "left": list(outcome.left),
            "repeated": outcome.repeated}  # fmt: skip


def by_ticket(
    broker: Broker, ticket: Ticket, record: Attempt, *, reason: str = reasons.WITHDRAWN
) -> Revoked | Denied:
    """End what the ticket granted; raises what `revoke` raises.

    Under the names in the delivery first, and then under those by which the log remembers the
    ticket: whoever withdraws may have changed them, and the grant would live on.
    """
    target = removal.target(ticket, reason)
    if isinstance(target, Denied):
        broker.audit_log.put_logs(audit.refusal(record, target, broker.now()))
        return target
    return everywhere(broker, target, record, lambda: revoke(broker, target, record))


def everywhere(
    broker: Broker, target: Target, record: Attempt, here: Callable[[], Revoked]
) -> Revoked:
    """The end `here`, then the same under every other name that the log has for the ticket, and all
    in one. What fails under one name stops no other: whoever named it need not have meant well."""
    ended, failures = list[Revoked](), list[AkwardenError]()

    def attempted(end: Callable[[], Revoked]) -> None:
        try:
            ended.append(end())
        except AkwardenError as err:
            failures.append(err)

    attempted(here)
    for place in sorted(_places(broker, target, record, ended, failures)):
        application, environment = place
        there = replace(target, application=application, environment=environment)
        names = {"application": application, "environment": environment}
        if there != target:
            attempted(partial(revoke, broker, there, record.elsewhere(there.user, names)))
    if failures:
        raise failures[0] if len(failures) == 1 else RevocationIncomplete(failures)
    return reduce(Revoked.and_also, ended)


def _places(
    broker: Broker, target: Target, record: Attempt, ended: Sequence[Revoked],
    failures: Sequence[AkwardenError],
) -> Collection[tuple[str, str]]:
    """Where else the ticket has worked; the end that failed cannot tell, the log may."""
    if ended:
        return ended[0].places
    try:
        return removal.places(teardown.logged(broker, target), record.operation_id)
    except CloudError as err:
        raise failures[0] from err


def revoke(broker: Broker, target: Target, record: Attempt) -> Revoked:
    """End what stands under the target's names and is its ticket's.

    Safe to run again after any failure, and after success. Raises RevocationIncomplete with all
    that failed, CloudError where it could not go on, and LeaseHeld while another run is at work on
    the application (access is cut by then); each is to be retried.
    """
    begun = deny(broker, target, record)
    return begun if isinstance(begun, Revoked) else finish(begun)


def deny(
    broker: Broker, target: Target, record: Attempt, *, known: Found | None = None,
    partly: bool = False, along: Sequence[Row] = (),
) -> Run | Revoked:  # fmt: skip
    """The first half of `revoke`: access ends. `finish` is the other one.

    With `known`, nothing is read before the cut; `partly` says that there may be more, which is
    then cut right afterwards. `along` are rows that are written with the intents.
    """
    run = Run(broker, target, record, partly=partly)
    record.base |= {"reason": target.reason, "target_user": target.user,
                    "policy_name": target.policy, "secret_name": target.secret}  # fmt: skip
    run.found = known or teardown.find(run)
    if _nothing(run):
        memory = teardown.remembered(run)
        if run.found.foreign:  # whose it is the log may know better
            run.found = teardown.find(run)
        if _nothing(run) and memory.ended and not memory.live_keys:
            return Revoked(target.user, left=run.found.foreign, repeated=True, places=memory.places)
    _cut(run, run.found, [ENDING, *LEASE], along)
    return run


def _nothing(run: Run) -> bool:
    return not run.found.user and not run.found.policy and not run.failures


def finish(run: Run) -> Revoked:
    """The second half of `revoke`: what was denied is removed. Raises what `revoke` raises."""
    try:
        if run.partly:
            _cut(run, teardown.find(run))
        revoked = _under_lease(run, run.found)
    except AkwardenError as err:
        _record(run, Outcome(FAILURE, code=err.reason))
        raise
    if run.failures:
        _record(run, Outcome(FAILURE, code=RevocationIncomplete.reason))
        raise RevocationIncomplete(run.failures)
    _record(run, Outcome(SUCCESS, message="; ".join(f"left: {what}" for what in revoked.left)))
    return revoked


def cut_off(
    broker: Broker, target: Target, record: Attempt, known: Found, along: Sequence[Row] = ()
) -> None:
    """Deny what is known of a user whose ticket nobody knows, and no more than that. Raises
    RevocationIncomplete, to be retried: its tags may be readable next time."""
    run = Run(broker, target, record)
    record.base |= {"reason": target.reason, "target_user": target.user}
    _cut(run, known, along=along)
    broker.audit_log.put_logs(record.results(broker.now()))
    raise RevocationIncomplete([*run.failures, StateChanged(f"no ticket on user {target.user}")])


def _record(run: Run, ending: Outcome) -> None:
    """What was seen, and the results of everything that was announced."""
    now = run.broker.now()
    run.record.outcomes[ENDING] = ending
    notes, run.notes = run.record.rows(run.notes, now), []
    run.broker.audit_log.put_logs([*notes, *run.record.results(now)])


def _cut(
    run: Run, found: Found, first: Sequence[Change] = (), along: Sequence[Row] = ()
) -> None:
    """Deny what is not denied yet. The one place where a change does not wait for the log: its
    intents get a few seconds; if they fail they are written after it, or FC tries again."""
    broker, record = run.broker, run.record
    changes = [change for change in removal.denial(found) if change not in record.changes]
    if not changes and not first:
        return
    rows = [*along, *record.intents([*first, *changes], broker.now())]
    with ThreadPoolExecutor(max_workers=1) as pool:
        written = pool.submit(broker.audit_log.put_logs, rows)
        wait([written], timeout=AUDIT_PATIENCE_SECONDS)
        if not written.done() or written.exception() is not None:
            record.late |= set(changes)
        run.attempted([teardown.change_made(run, found, change) for change in changes])
        if removal.CUT_OFF in changes and record.done(removal.CUT_OFF.event_type):
            run.cut_at = broker.now()
    if written.exception() is not None:  # known by now: the pool has ended
        _write_late(run, rows)


def _write_late(run: Run, rows: Sequence[Row]) -> None:
    """Without the log nothing more is done: what is there is how the next attempt finds it."""
    try:
        run.broker.audit_log.put_logs(rows)
    except CloudError as err:
        raise RevocationIncomplete([*run.failures, err]) from err


def _under_lease(run: Run, before: Found) -> Revoked:
    lease = _taken(run)
    memory = _visible_memory(run)
    if before.quarantined and not memory.cut:  # by an attempt that could not write it down
        run.record.late |= set(removal.denial(before))
    try:
        revoked = _remove(run, memory)
    except AkwardenError:
        _give_back(run, lease)  # whoever tries again need not wait for its end
        raise
    _give_back(run, lease)
    return revoked


def _give_back(run: Run, lease: Lease) -> None:
    """While a change is in doubt the lease stays: a late DeletePolicy must not meet a new grant."""
    if not run.record.in_doubt:
        run.attempted([step(run.record, "lease.released",
                            lambda: leases.release(run.broker.ram, lease))])  # fmt: skip


def _taken(run: Run) -> Lease:
    """The lease, waited for; what a running issue makes meanwhile is cut at once."""
    broker, record, target = run.broker, run.record, run.target
    take = step(record, "lease.taken", lambda: leases.take(
        broker.ram, naming.application_lease(target.application, target.environment),
        record.operation_id, broker.lease_terms, now=broker.now, sleep=broker.sleep,
    ))  # fmt: skip
    waited = 0.0
    while True:
        try:
            lease: Lease = take()
            return lease
        except LeaseHeld:
            if waited >= LEASE_PATIENCE_SECONDS:
                raise
        broker.sleep(LEASE_PAUSE_SECONDS)
        waited += LEASE_PAUSE_SECONDS
        _cut(run, teardown.find(run))


def _visible_memory(run: Run) -> Memory:
    """The log with this very revocation in it: an acknowledged row cannot be found at once, and
    whoever takes the lease next will look there. Without that the lease stays, so a read that fails
    is asked again."""
    waited = 0.0
    while True:
        failure: CloudError = CloudUnknown("GetLogs")
        try:
            if (memory := teardown.remembered(run)).revoked:
                return memory
        except CloudError as err:
            failure = err
        if waited >= INDEX_PATIENCE_SECONDS:
            raise failure
        run.broker.sleep(INDEX_PAUSE_SECONDS)
        waited += INDEX_PAUSE_SECONDS


def _remove(run: Run, memory: Memory) -> Revoked:
    broker, target, record = run.broker, run.target, run.record
    unread = len(run.failures)
    found, more = teardown.find(run), teardown.details(run)
    pause = removal.unsettled_seconds(
        target, found, more, memory, broker.now(), broker.lease_terms.max_lag_seconds,
        cut_at=run.cut_at,
    )  # fmt: skip
    if pause > 0:
        _cut(run, found)
        broker.sleep(pause)
        before, (found, more) = (found, more), (teardown.find(run), teardown.details(run))
        if removal.vanished(before, (found, more)):
            run.failures.append(StateChanged("what was there is not visible any more"))
    purges = recycling.purges(target, found, purging.find(run, found, memory))
    strayed = teardown.held_elsewhere(run, found, memory)
    complete = len(run.failures) == unread
    _cut(run, found)
    changes = [*removal.removal(target, found, more, memory), *purges]
    if strayed or not (complete or found.user):  # its key may live, and be used by its readers
        changes = [change for change in changes if change.event_type != "secret.deleted"]
    if changes:
        broker.audit_log.put_logs(record.intents(changes, broker.now()))
    doomed: set[str] = set()
    if target.purges and not strayed:
        doomed = {*memory.key_ids, *(key.id for key in found.keys)}
    teardown.remove(run, found, changes, complete=complete,
                    keys_are_gone=partial(purging.keys_are_gone, run, doomed))  # fmt: skip
    keys = tuple(sorted({change.target for change in record.changes if change.target}))
    if target.purges and not run.failures:  # what is still there is not gone
        gone = {change.resource for change in purges if change.event_type == "user.purged"}
        purging.prove(run, memory.key_ids | set(keys), gone | memory.user_ids)
    return Revoked(
        target.user, keys, removal.left(target, found, more), places=memory.places
    )
