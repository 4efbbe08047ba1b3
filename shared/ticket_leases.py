"""A ticket's turn: it makes one thing only, and one run at a time works on an application.

The ticket's lease is taken before the application's and released after it; both are kept until the
log shows to every later run that the ticket is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial

from shared import leases, naming, resumption
from shared.audit import Attempt, Row
from shared.broker import Broker
from shared.errors import CloudError
from shared.leases import Lease
from shared.steps import step
from shared.tickets import Ticket

# SLS makes a row searchable within 3 s of its acknowledgement ("Limits", real-time data).
MEMORY_PAUSE_SECONDS, LONGEST_MEMORY_SECONDS = 0.5, 6.0
RELEASES = ("ticket_lease.released", "lease.released")  # in the order of taking


def ended(broker: Broker, ticket: Ticket) -> Sequence[Row]:
    """The log's rows of what ended the ticket: it was used, or it was revoked."""
    query = resumption.ended_query(ticket.source, ticket.id)
    since = broker.now() - timedelta(days=resumption.MEMORY_DAYS)
    return broker.audit_log.get_logs(query, since, broker.now() + timedelta(minutes=15))


def take(broker: Broker, record: Attempt, ticket: Ticket, held: list[Lease]) -> None:
    """Take both leases, each of which goes into `held`; LeaseHeld while another run is at work."""
    for event, name in (
        ("ticket_lease.taken", naming.ticket_lease(ticket.source, ticket.id)),
        ("lease.taken", naming.application_lease(ticket.application, ticket.environment)),
    ):
        taken = partial(leases.take, broker.ram, name, record.operation_id, broker.lease_terms,
                        now=broker.now, sleep=broker.sleep)  # fmt: skip
        held.append(step(record, event, taken)())


def remembered(broker: Broker, ticket: Ticket) -> bool:
    """Wait until later runs can read in the log that this ticket is used. If that takes too long,
    the leases are left to end by themselves: until then they say the same."""
    waited = 0.0
    with suppress(CloudError):  # unreadable is not searchable either
        while not resumption.events_of(ended(broker, ticket)):
            if waited >= LONGEST_MEMORY_SECONDS:
                return False
            broker.sleep(MEMORY_PAUSE_SECONDS)
            waited += MEMORY_PAUSE_SECONDS
        return True
    return False


def release(broker: Broker, record: Attempt, held: Sequence[Lease]) -> None:
    """Let the next run in. A release that fails is on record, and the lease ends by itself."""
    for event, lease in reversed(list(zip(RELEASES, held, strict=False))):
        with suppress(CloudError):
            step(record, event, partial(leases.release, broker.ram, lease))()
