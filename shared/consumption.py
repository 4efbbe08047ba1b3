"""An order by ticket that finds nothing of it still consumes it: no approval issues it any more.

Its row stands under no application, and under the ticket's lease, which an issue takes first: an
issue that runs has ended by then, and is found by the order's second look, or begins later and
reads that its ticket is revoked.
"""

from __future__ import annotations

from shared import leases, naming, order_reads
from shared.audit import FAILURE, REVOKED, SUCCESS, Change, Outcome, Subject
from shared.errors import AkwardenError, CloudUnknown
from shared.order_reads import Look
from shared.order_runs import Job
from shared.removal import Target
from shared.revocation import INDEX_PATIENCE_SECONDS, INDEX_PAUSE_SECONDS
from shared.selection import Selection
from shared.steps import step

ENDING = Change(REVOKED, "", "")
LEASE = [
    Change("ticket_lease.taken", "ram", "CreatePolicy"),
    Change("ticket_lease.released", "ram", "DeletePolicy"),
]  # fmt: skip


def consume(job: Job, first: Look, found: Selection) -> None:
    """Write the end of a ticket of which there is nothing, once; nothing for any other order.
    LeaseHeld while an issue runs, CloudError where the cloud fails: each is to be retried."""
    order, broker = job.order, job.broker
    ended = any(
        (row.get("event_type"), row.get("outcome")) == (REVOKED, SUCCESS)
        for row in first.memory.worked
    )
    if order.selector.by != "ticket" or found.chosen or ended:
        return
    target = Target(order.selector.source, order.selector.ticket, "", "", order.reason)
    record = job.opened(Subject(target.source, target.ticket_id, "", ""), target.operation_id)
    record.base["reason"] = order.reason
    broker.audit_log.put_logs(record.intents([ENDING, *LEASE], broker.now()))
    try:
        lease = step(record, "ticket_lease.taken", lambda: leases.take(
            broker.ram, naming.ticket_lease(target.source, target.ticket_id), record.operation_id,
            broker.lease_terms, now=broker.now, sleep=broker.sleep,
        ))()  # fmt: skip
        _visible(job)
        record.outcomes[ENDING] = Outcome(SUCCESS, message="nothing was there")
        step(record, "ticket_lease.released", lambda: leases.release(broker.ram, lease))()
    except AkwardenError as err:
        record.outcomes.setdefault(ENDING, Outcome(FAILURE, code=err.reason))
        broker.audit_log.put_logs(record.results(broker.now()))
        raise
    broker.audit_log.put_logs(record.results(broker.now()))


def _visible(job: Job) -> None:
    """Wait until the log shows this end: whoever takes the lease next will look there."""
    waited = 0.0
    while not order_reads.remembered(job.broker, job.order).begun:
        if waited >= INDEX_PATIENCE_SECONDS:
            raise CloudUnknown("GetLogs")
        job.broker.sleep(INDEX_PAUSE_SECONDS)
        waited += INDEX_PAUSE_SECONDS
