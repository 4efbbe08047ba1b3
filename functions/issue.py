"""Asynchronous: a ticket that was handed over is decided and served.

An exception makes FC run it again; every path that ends well or is refused for good returns.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from shared import audit, bootstrap, casework, handover, issuance, naming, timestamps
from shared.amending import Amended
from shared.casework import Outcome
from shared.errors import IssuingStopped, LeaseHeld
from shared.extending import Extended
from shared.refusals import Denied
from shared.tickets import Ticket

log = logging.getLogger(__name__)
MARGIN_SECONDS = 10  # a wait ends this long before the timeout would end it


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: ids and names, no secret."""
    started = time.monotonic()
    case = handover.case_of(event, "issue", "extend", "amend")
    if isinstance(case, Denied):  # nobody but a defect or an intruder sends such an event
        log.error("event refused: %s at %s", case.reason, case.where)
        return {"status": "refused", "reason": case.reason}
    ticket = case.ticket
    current, book, broker = bootstrap.worker(os.environ, context.function)
    if not current.issues:  # handed over before it was stopped: FC's retries wait for its end
        raise IssuingStopped(f"ticket {ticket.id} waits")
    record = audit.attempt(
        audit.Subject.of(ticket), naming.operation_id(ticket.source, ticket.id, case.action),
        fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region, trigger="webhook",
        broker_version=bootstrap.VERSION,
    )  # fmt: skip
    try:
        outcome = casework.serve(broker, book, case, record)
    except LeaseHeld as held:
        # Wait here, then let FC run it again: after a wait, a run needs its whole time anew.
        remaining = context.function.timeout - (time.monotonic() - started) - MARGIN_SECONDS
        broker.sleep(issuance.patience_seconds(held, broker.now(), remaining))
        raise
    return answer(ticket, outcome)


def answer(ticket: Ticket, outcome: Outcome) -> dict[str, Any]:
    """What the task record shows."""
    if isinstance(outcome, Denied):
        log.warning("ticket %s refused: %s at %s", ticket.id, outcome.reason, outcome.where or "-")
        return {"status": "refused", "ticket": ticket.id, "reason": outcome.reason}
    if isinstance(outcome, Extended):
        log.info("ticket %s extended: user %s", ticket.id, outcome.user)
        return {"status": "extended", "ticket": ticket.id, "ram_user": outcome.user,
                "expires_at": timestamps.text(outcome.expires_at)}  # fmt: skip
    if isinstance(outcome, Amended):
        log.info("ticket %s amended: user %s", ticket.id, outcome.user)
        return {"status": "amended", "ticket": ticket.id, "ram_user": outcome.user,
                "policy": outcome.policy}  # fmt: skip
    log.info("ticket %s issued: user %s, key %s", ticket.id, outcome.user, outcome.access_key_id)
    return {"status": "issued", "ticket": ticket.id, "ram_user": outcome.user,
            "policy": outcome.policy, "access_key_id": outcome.access_key_id,
            "secret_name": outcome.secret_name,
            "secret_version": outcome.secret_version}  # fmt: skip
