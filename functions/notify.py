"""A timer: people are told, unasked, what happened to their grants since.

The next minute is the retry; what cannot be told for a day is given up, and rows say so.
"""

from __future__ import annotations

import logging
import os
import time
from functools import partial
from typing import Any

from shared import audit, bootstrap, naming, notifying
from shared.notices import Notice
from shared.settings import Settings

log = logging.getLogger(__name__)
LONGEST_SECONDS = 25  # then the next run, a minute after this one began, sees what was told


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point; the event says nothing but that it is time."""
    ends = time.monotonic() + LONGEST_SECONDS
    current, run = bootstrap.herald(os.environ, context.function)
    record = partial(_attempt, current=current, context=context)
    counts = notifying.tell(run, record, lambda: ends - time.monotonic())
    log.info("notices: %s", counts)
    notifying.say_so_hourly(run, record(None))
    return {"status": "told" if run.audiences else "off", "counts": counts}


def _attempt(of: Notice | None, *, current: Settings, context: Any) -> audit.Attempt:
    """The record of one message, or of the look itself."""
    subject, id = audit.Subject("", "", "", ""), context.request_id
    if of:
        id = of.id
        subject = audit.Subject(of.source, of.ticket, of.application, of.environment,
                                requester_id=of.requester)  # fmt: skip
    return audit.attempt(
        subject, naming.operation_id(subject.source, subject.ticket_id, f"notify {id}"),
        fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region, trigger="timer",
        broker_version=bootstrap.VERSION,
    )  # fmt: skip
