"""Timers: what runs have left behind is finished or removed, and each user is looked at once a day.

An exception marks the task as failed; the timer, not FC, is the retry. `{"dry_run": true}` changes
nothing and answers with the plan; with `"everybody": true` that of the daily look, at all users.
"""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from shared import audit, bootstrap, cleanup, housekeeping, timestamps
from shared.sweeps import Sweep

log = logging.getLogger(__name__)
# Timers: of the daily look, and of a sweep that does not list the secrets. Any other sweeps all.
TURN, QUICK = "turn", "sweep"
MOST_LINES = 1000  # of a plan that is answered; the counts are always whole


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The return value is kept by FC: ids and names, no secret."""
    started = time.monotonic()
    asked = _asked(event)
    if asked is None:
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
        broker, record, lambda: end - time.monotonic(), current.revoke_cap,
        dry_run=asked.dry_run, quick=asked.quick,
        ledger_key=partial(broker.kms.get_secret_value, current.ledger_secret),
        notice_days=bootstrap.lifecycle().notice_days,
    )  # fmt: skip
    try:
        if asked.looks_at_users:
            house = bootstrap.housekeeper(current, broker)
            housekeeping.take_turns(run, house, asked.at)
        else:
            cleanup.sweep(run)
    finally:
        log.info("%s", run.summary())
    if asked.dry_run:
        return {"status": "planned", **run.summary(), "plan": run.lines[:MOST_LINES]}
    return {"status": "swept", **run.summary()}


@dataclass(frozen=True)
class Asked:
    """What an event asks for; `at`: the hour whose users are looked at, None for everybody's."""

    dry_run: bool = False
    quick: bool = False
    looks_at_users: bool = False
    at: datetime | None = None


def _asked(event: bytes) -> Asked | None:
    """None if the event is neither a timer's nor a request for a plan."""
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    if content in ({"dry_run": True}, {"dry_run": True, "everybody": True}):
        return Asked(dry_run=True, looks_at_users="everybody" in content)
    if content.get("triggerName") != TURN:
        name = content.get("triggerName")
        return None if name is None else Asked(quick=name == QUICK)
    at = timestamps.parse(str(content.get("triggerTime", "")))
    return Asked(looks_at_users=True, at=at) if at else None
