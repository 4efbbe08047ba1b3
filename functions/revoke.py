"""Asynchronous: what a revoked ticket granted comes to its end.

An exception makes FC run it again, until everything is gone and on record.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from shared import audit, bootstrap, handover, issuance, naming, revocation
from shared.errors import LeaseHeld
from shared.refusals import Denied
from shared.revocation import Revoked
from shared.tickets import Ticket

log = logging.getLogger(__name__)
MARGIN_SECONDS = 10  # a wait ends this long before the timeout would end it


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: ids and names, no secret."""
    started = time.monotonic()
    case = handover.case_of(event, action="revoke")
    if isinstance(case, Denied):  # nobody but a defect or an intruder sends such an event
        log.error("event refused: %s at %s", case.reason, case.where)
        return {"status": "refused", "reason": case.reason}
    ticket = case.ticket
    current, broker = bootstrap.revoker(os.environ, context.function)
    record = audit.attempt(
        audit.Subject.of(ticket), naming.operation_id(ticket.source, ticket.id, "revoke"),
        fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region, trigger="webhook",
        broker_version=bootstrap.VERSION,
    )  # fmt: skip
    try:
        outcome = revocation.by_ticket(broker, ticket, record, reason=case.reason)
    except LeaseHeld as held:  # access is cut; what is left to delete can wait
        remaining = context.function.timeout - (time.monotonic() - started) - MARGIN_SECONDS
        broker.sleep(issuance.patience_seconds(held, broker.now(), remaining))
        raise
    return answer(ticket, outcome)


def answer(ticket: Ticket, outcome: Revoked | Denied) -> dict[str, Any]:
    """What the task record shows."""
    if isinstance(outcome, Denied):
        log.warning("ticket %s refused: %s at %s", ticket.id, outcome.reason, outcome.where or "-")
        return {"status": "refused", "ticket": ticket.id, "reason": outcome.reason}
    log.info("ticket %s revoked: user %s, keys %s", ticket.id, outcome.user,
             ", ".join(outcome.access_key_ids) or "-")  # fmt: skip
    return {"status": "revoked", "ticket": ticket.id, "ram_user": outcome.user,
            "access_key_ids": list(outcome.access_key_ids), "left": list(outcome.left),
            "repeated": outcome.repeated}  # fmt: skip
