"""Timer: what runs have left behind is found, and finished or removed.

An exception marks the task as failed; the timer, not FC, is the retry. `{"dry_run": true}` changes
nothing and answers with the plan.
"""

from __future__ import annotations

import json
import logging
import os
import time
from functools import partial
from typing import Any

from shared import audit, bootstrap, cleanup
from shared.sweeps import Sweep

log = logging.getLogger(__name__)
MOST_LINES = 1000  # of a plan that is answered; the counts are always whole


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: ids and names, no secret."""
    started = time.monotonic()
    dry_run = _dry_run(event)
    if dry_run is None:
        log.error("event refused: neither a timer's nor a request for a plan")
        return {"status": "refused", "reason": "payload_malformed"}
    current, broker = bootstrap.revoker(os.environ, context.function)
    record = partial(
        audit.attempt, fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region, trigger="timer",
        broker_version=bootstrap.VERSION,
    )  # fmt: skip
    end = started + context.function.timeout
    run = Sweep(
        broker, record, lambda: end - time.monotonic(), current.revoke_cap, dry_run,
        partial(broker.kms.get_secret_value, current.ledger_secret),
        bootstrap.lifecycle().notice_days,
    )  # fmt: skip
    try:
        cleanup.sweep(run)
    finally:
        log.info("%s", run.summary())
    ended = {"status": "swept", **run.summary()}
    return ended | {"status": "planned", "plan": run.lines[:MOST_LINES]} if dry_run else ended


def _dry_run(event: bytes) -> bool | None:
    """Whether a plan is asked for; None if the event is neither that nor a timer's."""
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    return True if content == {"dry_run": True} else (False if "triggerName" in content else None)
