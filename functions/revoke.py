"""Asynchronous: what a revoked ticket, an order or the leak of a key brings to its end.

An exception makes FC run it again, until everything is gone and on record. EventBridge's trigger
hands over CloudEvents; which of them mean a leak says `orders.LEAK_EVENTS`.
"""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import Any

from shared import audit, bootstrap, bulk_revocation, handover, issuance, naming, revocation
from shared.errors import LeaseHeld
from shared.order_runs import MARGIN_SECONDS
from shared.orders import Order, of_event, tells_of_leak
from shared.refusals import Denied

log = logging.getLogger(__name__)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: ids and names, no secret."""
    started = time.monotonic()

    def remaining_seconds() -> float:
        return float(context.function.timeout - (time.monotonic() - started))

    asked = of_event(event) or handover.case_of(event, "revoke")
    current, broker = bootstrap.revoker(os.environ, context.function)
    open_record = partial(
        audit.attempt, fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region, trigger="webhook",
        broker_version=bootstrap.VERSION,
    )  # fmt: skip
    if isinstance(asked, Denied):
        log.error("event refused: %s at %s", asked.reason, asked.where)
        if tells_of_leak(event):  # others are a defect's or an intruder's, and nobody waits
            bulk_revocation.unreadable_leak(broker, event, asked, open_record)
        return {"status": "refused", "reason": asked.reason}
    if isinstance(asked, Order):
        carried = bulk_revocation.carry_out(
            broker, asked, open_record, cap=current.revoke_cap,
            remaining_seconds=remaining_seconds,
        )  # fmt: skip
        return bulk_revocation.answer(asked, carried)
    ticket = asked.ticket
    record = open_record(
        audit.Subject.of(ticket), naming.operation_id(ticket.source, ticket.id, "revoke")
    )
    try:
        outcome = revocation.by_ticket(broker, ticket, record, reason=asked.reason)
    except LeaseHeld as held:  # access is cut; what is left to delete can wait
        remaining = remaining_seconds() - MARGIN_SECONDS
        broker.sleep(issuance.patience_seconds(held, broker.now(), remaining))
        raise
    return revocation.answer(ticket, outcome)
