"""Timer and on request: a key is replaced before it is too old, and its predecessor ended.

An exception makes FC run it again; every run goes on from what RAM and KMS show.
"""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import Any

from shared import audit, bootstrap, issuance, rotation_runs
from shared.errors import LeaseHeld
from shared.order_runs import MARGIN_SECONDS
from shared.refusals import Denied
from shared.rotation_runs import Run, Wish

log = logging.getLogger(__name__)


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: ids and names, no secret."""
    started = time.monotonic()
    asked = rotation_runs.of_event(event)
    if isinstance(asked, Denied):
        log.error("event refused: %s at %s", asked.reason, asked.where)
        return {"status": "refused", "reason": asked.reason}
    current, terms, ledger_key, broker = bootstrap.rotator(os.environ, context.function)
    record = partial(
        audit.attempt, fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region,
        trigger="request" if isinstance(asked, Wish) else "timer",
        broker_version=bootstrap.VERSION,
    )  # fmt: skip
    end = started + context.function.timeout
    run = Run(broker, record, ledger_key, terms, lambda: end - time.monotonic())
    if not isinstance(asked, Wish):
        rotation_runs.take_turns(run, asked)
        return {"status": "turned", "counts": dict(run.counts)}
    try:
        return rotation_runs.answer(asked, rotation_runs.fulfil(run, asked))
    except LeaseHeld as held:
        remaining = run.remaining_seconds() - MARGIN_SECONDS
        broker.sleep(issuance.patience_seconds(held, broker.now(), remaining))
        raise
