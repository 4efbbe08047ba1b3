"""Asynchronous: EventBridge delivers a CloudEvent that carries an approved or withdrawn ticket.

Has no HTTP trigger: nothing in an event proves who sent it, so that nobody but EventBridge may be
able to invoke this. An exception makes FC run it again.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from shared import audit, bootstrap, event_intake, naming
from shared.refusals import Denied
from shared.sources import eventbridge

log = logging.getLogger(__name__)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: ids and names, no secret."""
    current, desk = bootstrap.event_desk(os.environ, context.function)
    number = eventbridge.number(event)
    record = audit.attempt(
        audit.Subject(eventbridge.KIND, "", "", ""),
        naming.operation_id(eventbridge.KIND, number, "take"),
        fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region, trigger=eventbridge.KIND,
        broker_version=bootstrap.VERSION,
    )  # fmt: skip
    record.facts["resources"] = f"event/{number}"
    outcome = event_intake.take(desk, event, record)
    if isinstance(outcome, Denied):
        log.warning("event %s refused: %s at %s", number, outcome.reason, outcome.where or "-")
        return {"status": "refused", "event": number, "reason": outcome.reason,
                "where": outcome.where}  # fmt: skip
    log.info("event %s handed over: ticket %s", number, outcome.ticket_id)
    return {"status": "handed over", "event": number, "ticket": outcome.ticket_id,
            "action": outcome.action, "operation": outcome.operation_id}  # fmt: skip
