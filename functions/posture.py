"""A timer: the account is looked at once a day, and what is found goes to the audit log.

Read-only: its role may list and read users, policies and settings, and write audit rows.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

from shared import audit, bootstrap, naming
from shared.posture import controls, judging, reading, rows

log = logging.getLogger(__name__)
MARGIN_SECONDS = 90  # before the timeout nothing more is read: what was, is still to be written


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point. The answer counts the controls by their results."""
    ends = time.monotonic() + context.function.timeout - MARGIN_SECONDS
    current, observer, audit_log = bootstrap.observer(
        os.environ, context.function, lambda: ends - time.monotonic())  # fmt: skip
    judged = judging.judge_all(controls.ALL, reading.look(observer))
    record = audit.attempt(
        audit.Subject("", "", "", ""), naming.operation_id("posture", context.request_id, "check"),
        fc_request_id=context.request_id, fc_function=context.function.name,
        account_id=current.account_id, region=current.region, trigger="timer",
        broker_version=bootstrap.VERSION,
    )  # fmt: skip
    audit_log.put_logs(rows.rows(record, judged, observer.now()))
    for one in judged:
        if one.result != judging.PASS:
            log.warning("%s: %s%s", one.control.id, one.result, " by design" * one.by_design)
    return {"status": "checked", "counts": rows.counts(judged)}
