"""A sweep's care for the ends of grants: what is over is revoked, what is nearly over is told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial

from shared import audit, expiry, naming, revocation, sweeps, timestamps
from shared.audit import Subject
from shared.candidates import Finding, View
from shared.expiry import Ending
from shared.removal import Target
from shared.sweeps import Sweep


def end_what_is_over(run: Sweep, view: View, others: Sequence[Target]) -> None:
    """End what is over, up to the cap, and give notice of what will be. A place that another step
    of this sweep is about (`others`) waits for the next one."""
    if view.users is None or view.policies is None or run.ledger_key is None:
        return
    now = run.broker.now()
    found, unsigned = expiry.endings(view.users, view.policies, run.ledger_key())
    run.findings += unsigned
    places = {(target.application, target.environment) for target in others}
    over = [one for one in expiry.over(found, now)
            if (one.target.application, one.target.environment) not in places]  # fmt: skip
    left = over[run.revoke_cap :]
    if left:
        run.findings.append(Finding("sweep/expiry", "over_the_cap", f"{len(left)} are left"))
    run.side_by_side([(partial(_end, run, one), f"grant of {one.user}")
                      for one in over[: run.revoke_cap]])  # fmt: skip
    _give_notices(run, expiry.notices(found, run.notice_days, now))


def _end(run: Sweep, one: Ending) -> None:
    where = f"{one.user} ({one.target.source} {one.target.ticket_id})"
    run.planned("end grant", where, f"over since {timestamps.text(one.expires_at)}")
    if not run.dry_run:
        record = run.record(_subject(one), one.target.operation_id)
        revocation.revoke(run.broker, one.target, record)


def _give_notices(run: Sweep, due: Sequence[tuple[Ending, int]]) -> None:
    """A row for each notice, once: what the log has already is not written again."""
    if not due:
        return
    log = run.broker.audit_log
    since = run.broker.now() - timedelta(days=max(run.notice_days) + 1)
    rows = log.get_logs(f'event_type: "{audit.EXPIRING}"', since, sweeps.later(run.broker))
    known = {expiry.told(row) for row in rows}
    for one, days in due:
        target, within = one.target, f"{days} d"
        end = timestamps.text(one.expires_at)
        if (target.source, target.ticket_id, within, end) in known:
            continue
        run.planned("give notice", one.user, f"ends {end}")
        if run.dry_run:
            continue
        operation_id = naming.operation_id(target.source, target.ticket_id, f"notice {days}")
        record = run.record(_subject(one), operation_id)
        record.base["target_user"] = one.user
        change = audit.Change(audit.EXPIRING, "", "", resource=within)
        log.put_logs(record.rows(
            [(change, audit.NOTE, audit.Outcome("", message=end))], run.broker.now()
        ))  # fmt: skip


def _subject(one: Ending) -> Subject:
    target = one.target
    return Subject(target.source, target.ticket_id, target.application, target.environment,
                   requester_id=one.requester)  # fmt: skip
