"""Asynchronous and by timer: a record that an event named, or that no event named, is fetched.

An exception makes FC run a hint again; the timer is its own retry.
"""

from __future__ import annotations

import json
import logging
import os
import time
from functools import partial
from typing import Any

from shared import (
    audit,
    bootstrap,
    fetching,
    hints,
    missed_records,
    naming,
    refused_deliveries,
)
from shared.fetching import Ignored
from shared.hints import Hint
from shared.refusals import Denied
from shared.refused_deliveries import Refusal
from shared.settings import Settings

log = logging.getLogger(__name__)
TIMER = "missed"
STOP_SECONDS = 60  # before the timeout no record is begun


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: ids and names, no secret."""
    started = time.monotonic()
    by_timer = _is_timers(event)
    hint = None if by_timer else (
        refused_deliveries.of_event(event, (hints.WEBHOOKS, *hints.KINDS)) or hints.of_event(event))
    if isinstance(hint, Refusal):  # no event of a vendor's, but one that the ingress has refused
        audit_log, attempt = bootstrap.refusal_log(hint, os.environ, context)
        refused_deliveries.record(audit_log, attempt, hint, bootstrap.now())
        return {"status": "recorded", "source": hint.kind, "reason": hint.reason}
    if isinstance(hint, Denied):
        log.error("event refused: %s at %s", hint.reason, hint.where or "-")
        return {"status": "refused", "reason": hint.reason}
    current, run = bootstrap.fetcher(os.environ, context.function)

    record = partial(
        _attempt, current=current, context=context, trigger="timer" if by_timer else "webhook")
    if hint is None:
        end = started + context.function.timeout - STOP_SECONDS
        counts = missed_records.look(run, record, lambda: end - time.monotonic())
        log.info("missed: %s", counts)
        return {"status": "looked", "counts": counts}
    outcome = fetching.fetch(run, hint, record(hint))
    if isinstance(outcome, Denied):
        log.warning("%s %s refused: %s at %s", hint.kind, hint.record, outcome.reason,
                    outcome.where or "-")  # fmt: skip
        return {"status": "refused", "record": hint.record, "reason": outcome.reason,
                "where": outcome.where}  # fmt: skip
    if isinstance(outcome, Ignored):
        return {"status": "ignored", "record": hint.record}
    return {"status": "handed over", "ticket": outcome.ticket_id, "action": outcome.action,
            "operation": outcome.operation_id}  # fmt: skip


def _attempt(of: Hint | None, *, current: Settings, context: Any, trigger: str) -> audit.Attempt:
    """The record of what is done about a hint, or of the look itself."""
    kind, id = (of.kind, of.record) if of else ("", "")
    return audit.attempt(
        audit.Subject(kind, id, "", ""),
        naming.operation_id(kind, id or context.request_id, "fetch"),
        fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region, trigger=trigger,
        broker_version=bootstrap.VERSION,
    )  # fmt: skip


def _is_timers(event: bytes) -> bool:
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("triggerName") == TIMER
