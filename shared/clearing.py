"""What a sweep removes, by whose lease and in which order: the acting half of reconciliation.

Unlike a revocation nothing here is urgent: no change without an acknowledged intent, none without
the application's lease, and none if what stands there is not what the plan was made from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared import audit, leases, naming, ownership, removal, resumption, teardown
from shared.audit import FAILURE, SUCCESS, Attempt, Change, Outcome
from shared.broker import Broker
from shared.errors import AkwardenError, RevocationIncomplete, StateChanged
from shared.leases import Lease
from shared.ownership import Seen
from shared.removal import Memory, Target
from shared.steps import Call, step
from shared.teardown import Run

LEASE = [
    Change("lease.taken", "ram", "CreatePolicy"), Change("lease.released", "ram", "DeletePolicy")
]  # fmt: skip
REMOVED = Change(audit.REMAINS_REMOVED, "", "")
Look = Callable[[Run], Seen]


@dataclass(frozen=True)
class Work:
    """What to do under the lease: `changes` from what was seen, each made by `make` in turn."""

    changes: Sequence[Change]
    make: Callable[[Run, Seen], None]


def remove_remains(
    broker: Broker, target: Target, record: Attempt, *, planned: Seen, look: Look
) -> None:
    """Remove what an abandoned issue left: keys dead first, then everything, in revocation's own
    order. The ticket stays unused, so that it can be approved or delivered again.

    No quarantine here: whoever finds one takes it for a revocation, which would use up the ticket.
    """
    memory = Memory(made_policy=True)  # `planned` holds only what the log proves
    changes = [
        change
        for change in (
            *removal.denial(planned.found),
            *removal.removal(target, planned.found, planned.details, memory),
        )
        if change != removal.CUT_OFF and change.event_type != "quarantine.detached"
    ]

    def make(run: Run, seen: Seen) -> None:
        cut = [c for c in changes if c.event_type in ("key.restricted", "key.disabled")]
        run.attempted([teardown.change_made(run, seen.found, change) for change in cut])
        teardown.remove(run, seen.found, changes, complete=True)

    _under_lease(
        Run(broker, target, record), planned, look, ending=REMOVED, work=Work(changes, make)
    )


def retire_key(
    broker: Broker, target: Target, record: Attempt, key_id: str, *, planned: Seen, look: Look
) -> None:
    """Cut off and delete the one key whose secret nobody can have."""

    def make(run: Run, seen: Seen) -> None:
        for change in resumption.retirement(key_id):
            if not run.attempted([teardown.change_made(run, seen.found, change)]):
                return

    _under_lease(
        Run(broker, target, record), planned, look, ending=None,
        work=Work(resumption.retirement(key_id), make),
    )  # fmt: skip


def close_issue(broker: Broker, record: Attempt, at: datetime) -> None:
    """Put on record that nothing was left to be removed at that moment; nothing is changed."""
    intents = record.intents([REMOVED], at)
    record.outcomes[REMOVED] = Outcome(SUCCESS, message="nothing was left")
    broker.audit_log.put_logs([*intents, *record.results(at)])


def release_expired(
    broker: Broker, record: Attempt, name: str, numbers: Sequence[int]
) -> None:
    """Remove a lease's expired markers: by taking the lease, so that nobody who is about to take it
    can be confused, and giving it back together with them."""
    announced = [replace(change, resource=name) for change in LEASE]
    broker.audit_log.put_logs(record.intents(announced, broker.now()))
    try:
        lease: Lease = step(record, "lease.taken", _take(broker, name, record), target=name)()
        above = tuple(n for n in numbers if n not in lease.numbers)
        all_of_it = replace(lease, numbers=(*above, *lease.numbers))
        step(record, "lease.released",
             lambda: leases.release(broker.ram, all_of_it), target=name)()  # fmt: skip
    finally:
        broker.audit_log.put_logs(record.results(broker.now()))


def _take(broker: Broker, name: str, record: Attempt) -> Call:
    return lambda: leases.take(
        broker.ram, name, record.operation_id, broker.lease_terms,
        now=broker.now, sleep=broker.sleep,
    )  # fmt: skip


def _under_lease(
    run: Run, planned: Seen, look: Look, *, ending: Change | None, work: Work
) -> None:
    """Announce everything, take the lease, look again, act past errors, give back, write results.
    Raises LeaseHeld if somebody is at work, StateChanged if somebody was, RevocationIncomplete
    with all that failed."""
    broker, record, target = run.broker, run.record, run.target
    record.base |= {"target_user": target.user, "policy_name": target.policy,
                    "secret_name": target.secret}  # fmt: skip
    first = [ending] if ending else []
    broker.audit_log.put_logs(record.intents([*first, *LEASE, *work.changes], broker.now()))
    name = naming.application_lease(target.application, target.environment)
    try:
        lease: Lease = step(record, "lease.taken", _take(broker, name, record))()
        _act(run, planned, look, work)
        if not record.in_doubt:
            run.attempted([step(record, "lease.released",
                                lambda: leases.release(broker.ram, lease))])  # fmt: skip
        if run.failures:
            raise RevocationIncomplete(run.failures)
    except AkwardenError as err:
        if ending:
            record.outcomes[ending] = Outcome(FAILURE, code=err.reason)
        broker.audit_log.put_logs(record.results(broker.now()))
        raise
    if ending:
        record.outcomes[ending] = Outcome(SUCCESS)
    broker.audit_log.put_logs(record.results(broker.now()))


def _act(run: Run, planned: Seen, look: Look, work: Work) -> None:
    """A look that fails, or that shows anything else than planned, changes nothing."""
    try:
        seen = look(run)
    except AkwardenError as err:
        run.failures.append(err)
        return
    same = (seen.found, seen.details, seen.versions) == (
        planned.found, planned.details, planned.versions,
    )  # fmt: skip
    if same and ownership.last_sign_ms(seen) == ownership.last_sign_ms(planned):
        work.make(run, seen)
    else:
        run.failures.append(StateChanged("somebody has worked on this meanwhile"))
