"""A sweep: finds what runs have left behind, and finishes or removes it, each within this run.

First pages and two statements, then the few candidates one by one: read, plan, act. One that fails
stops no other; all failures are raised together at the end, and the timer is the retry.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from shared import (
    bulk_revocation,
    candidates,
    clearing,
    ending,
    late_results,
    leases,
    naming,
    orders,
    ownership,
    reconciliation,
    revocation,
    sweeps,
)
from shared.audit import UNKNOWN, Attempt, Row, Subject
from shared.candidates import Finding, OpenOrder, View
from shared.errors import AkwardenError, RevocationIncomplete, StateChanged, SweepIncomplete
from shared.late_results import LateResult
from shared.leases import Marker
from shared.ownership import Seen
from shared.reconciliation import (
    CloseIssue,
    FinishRevocation,
    Leave,
    RecordResults,
    RemoveRemains,
    Report,
    RetireKey,
    Step,
)
from shared.refusals import Denied
from shared.removal import Target
from shared.sweeps import Sweep
from shared.teardown import Run


def sweep(run: Sweep) -> None:
    """Everything, in the order of urgency; SweepIncomplete with all that failed."""
    view = sweeps.look(run)
    open_orders = run.in_turn(candidates.open_orders(view))
    last = [order for order in open_orders if _gives_way(run, order)]
    if first := [order for order in open_orders if order not in last]:
        _orders(run, first)
        view = sweeps.look(run)  # what an order has ended is no contradiction afterwards
    suspects = candidates.suspects(view, run.settled)
    run.findings += suspects.findings
    targets = list(suspects.targets)
    run.side_by_side([
        (partial(sweeps.name, run, policy, targets), f"policy {policy}")
        for policy in suspects.nameless
    ])  # fmt: skip
    run.side_by_side([(partial(_candidate, run, view, target), f"ticket {target.ticket_id}")
                      for target in run.in_turn(list(dict.fromkeys(targets)))])  # fmt: skip
    run.attempted(partial(ending.end_what_is_over, run, view, targets), "expiry")
    run.attempted(partial(_markers, run, view), "leases")
    run.attempted(partial(sweeps.report, run), "findings", takes_seconds=sweeps.STOP_SECONDS)
    _orders(run, last)
    if view.truncated:
        run.planned("go on", "next run", "the log's answer was full")
    if run.failures:
        raise SweepIncomplete(run.failures)


# -- one candidate --------------------------------------------------------------------------


def _candidate(run: Sweep, view: View, target: Target) -> None:
    broker, now = run.broker, run.broker.now()
    seen = sweeps.seen_of(broker, target, view, run.record(_subject(target, ()), "op-look"))
    if target.application and view.users is None:
        raise StateChanged("without the list nothing is known to be gone")
    steps = reconciliation.plan(target, seen, now=now, guard_seconds=run.guard_seconds)
    proved, _ = ownership.proved(target, seen)
    failures: list[AkwardenError] = []
    for step in steps:
        run.planned(*reconciliation.line(step, broker.now()))
        try:
            if not run.dry_run:
                _take_step(run, step, proved)
        except AkwardenError as err:
            failures.append(err)
            _tell_age(run, step)
        if isinstance(step, Leave) and step.since_ms:
            _tell_age(run, step)
    if failures:
        raise failures[0] if len(failures) == 1 else RevocationIncomplete(failures)


def _take_step(run: Sweep, step: Step, seen: Seen) -> None:
    broker = run.broker
    if isinstance(step, RecordResults):
        _record_results(run, step, seen)
    elif isinstance(step, FinishRevocation):
        record = run.record(_subject(step.target, seen.rows), step.target.operation_id)
        revocation.revoke(broker, step.target, record)
    elif isinstance(step, RemoveRemains):
        record = _record(run, step.target, seen, "remains")
        clearing.remove_remains(broker, step.target, record, planned=step.seen,
                                look=partial(_again, record))  # fmt: skip
    elif isinstance(step, RetireKey):
        record = _record(run, step.target, seen, "retire")
        clearing.retire_key(broker, step.target, record, step.key_id, planned=seen,
                            look=partial(_again, record))  # fmt: skip
    elif isinstance(step, CloseIssue):
        clearing.close_issue(broker, _record(run, step.target, seen, "remains"), step.at)
    elif isinstance(step, Report):
        run.findings.append(step.finding)
    elif isinstance(step, Leave):
        run.counts["left"] += 1


def _again(record: Attempt, run: Run) -> Seen:
    """The candidate as it is now that the lease is held, of it what is proved to be ours."""
    return ownership.proved(run.target, sweeps.seen_of(run.broker, run.target, None, record))[0]


def _tell_age(run: Sweep, step: Step) -> None:
    """I7: a revocation that is not done yet says how old it is, in the log and on record."""
    if not isinstance(step, FinishRevocation | Leave):
        return
    now = run.broker.now()
    age = int(now.timestamp() - step.since_ms / 1000) if step.since_ms else 0
    run.oldest_revocation_seconds = max(run.oldest_revocation_seconds, age)
    if isinstance(step, Leave) and age <= run.guard_seconds:
        return  # somebody is at work on it
    run.findings.append(Finding(f"user/{step.target.user}", "revocation_unfinished",
                                f"announced {age} s ago"))  # fmt: skip


def _record_results(run: Sweep, step: RecordResults, seen: Seen) -> None:
    _write(run, _subject(step.target, seen.rows), step.results, key_id=ownership.current(seen))


def _write(run: Sweep, subject: Subject, results: Sequence[LateResult], *, key_id: str) -> None:
    """One record per attempt whose results are missing: each is a chain of its own."""
    attempts: dict[tuple[str, str], list[LateResult]] = {}
    for result in results:
        chain = (result.intent["operation_id"], result.intent["chain_id"])
        attempts.setdefault(chain, []).append(result)
    rows: list[Row] = []
    for (operation_id, _), of_one in attempts.items():
        record = run.record(subject, operation_id)
        late_results.adopt(record, of_one, key_id)
        rows += record.results(run.broker.now())
    run.broker.audit_log.put_logs(rows)


def _record(run: Sweep, target: Target, seen: Seen, action: str) -> Attempt:
    operation_id = naming.operation_id(target.source, target.ticket_id, action)
    return run.record(_subject(target, seen.rows), operation_id)


def _subject(target: Target, rows: Sequence[Row]) -> Subject:
    """The ticket as its own rows name it."""
    last: Row = rows[-1] if rows else {}
    return Subject(
        target.source, target.ticket_id, target.application, target.environment,
        last.get("ticket_url", ""), last.get("requester_id", ""),
    )  # fmt: skip


# -- orders, leases, findings ---------------------------------------------------------------


def _orders(run: Sweep, some: Sequence[OpenOrder]) -> None:
    run.side_by_side([(partial(_order, run, order), f"order {order.operation_id}")
                      for order in some])  # fmt: skip


def _gives_way(run: Sweep, order: OpenOrder) -> bool:
    """An order goes first. One that a sweep has had and not ended could take all of each sweep's
    time, so that it takes turns with the candidates."""
    age_seconds = run.broker.now().timestamp() - order.since_ms / 1000
    return age_seconds > run.guard_seconds + sweeps.TURN_SECONDS and run.turn % 2 == 1


def _order(run: Sweep, order: OpenOrder) -> None:
    """Carry out again what was announced and not carried out; answer what was never answered."""
    if order.last_ms > run.oldest_ms:
        run.planned("leave", f"order {order.operation_id}", "young")
        return
    rows = sweeps.rows_of(run.broker, f'operation_id: "{order.operation_id}"')
    intents = late_results.unanswered(rows, before_ms=run.oldest_ms)
    results = [LateResult(intent, UNKNOWN) for intent in intents]
    if results:
        run.planned("record results", f"order {order.operation_id}", orders.EVENT)
    if not order.ended:
        age = int(run.broker.now().timestamp() - order.since_ms / 1000)
        run.planned("carry out order", f"order {order.operation_id}", f"ordered {age} s ago")
    if run.dry_run:
        return
    if results:
        subject = Subject("", "", "", "", requester_id=intents[-1].get("requester_id", ""))
        _write(run, subject, results, key_id="")
    if order.ended:
        return
    again = orders.of_text(order.text)
    if isinstance(again, Denied):
        raise StateChanged(f"the text of an order cannot be read: {again.reason}")
    bulk_revocation.carry_out(run.broker, again, run.record, cap=run.revoke_cap,
                              remaining_seconds=run.remaining_seconds, waits=False)  # fmt: skip


def _markers(run: Sweep, view: View) -> None:
    """Expired leases whose taking the log remembers; `view`: whether there were any at first."""
    if view.policies is not None and not view.markers:
        return
    now, broker = run.broker.now(), run.broker
    policies = broker.ram.list_policies()
    old = View(policies=[p for p in policies if run.settled(p.created_at)]).markers
    young = {m.lease for m in View(policies=policies).markers if m not in old}
    by_lease: dict[str, list[Marker]] = {}
    for marker in old:
        by_lease.setdefault(marker.lease, []).append(marker)
    work, far = [], now + timedelta(seconds=2 * run.guard_seconds)  # no lease of ours, nor nearly
    for name, markers in by_lease.items():
        wrong = [*("unreadable_marker" for m in markers if m.until == leases.UNREADABLE),
                 *("marker_far_ahead" for m in markers if m.until > far)]  # fmt: skip
        if wrong:
            run.findings.append(Finding(f"policy/{naming.LEASE_PREFIX}{name}", wrong[0]))
        elif name not in young and all(marker.until <= now for marker in markers):
            work.append((partial(_release, run, name, markers), f"lease {name}"))
    run.side_by_side(work)


def _release(run: Sweep, name: str, markers: Sequence[Marker]) -> None:
    rows: list[Row] = []
    for holder in {marker.holder for marker in markers}:
        known = candidates.OPERATION.fullmatch(holder)
        taken = [r for r in sweeps.rows_of(run.broker, f'operation_id: "{holder}"')
                 if r["event_type"].endswith("lease.taken")] if known else []  # fmt: skip
        if not taken:
            run.findings.append(Finding(f"policy/{naming.LEASE_PREFIX}{name}", "unmanaged_name"))
            return
        rows += taken
    run.planned("release lease", name, f"expired {markers[-1].until:%Y-%m-%dT%H:%M:%SZ}")
    if run.dry_run:
        return
    row = rows[0]
    subject = Subject(row["ticket_system"], row["ticket_id"], row["application"],
                      row["environment"], row["ticket_url"], row["requester_id"])  # fmt: skip
    operation_id = naming.operation_id(subject.source, subject.ticket_id, "release")
    clearing.release_expired(
        run.broker, run.record(subject, operation_id), name, [m.number for m in markers]
    )
