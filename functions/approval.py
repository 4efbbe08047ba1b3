"""HTTP: an approval webhook or a vendor's event arrives, is verified, handed over, and answered.

Imports no cloud SDK but `fc2`: the sender waits, and a cold start is mostly imports.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from shared import bootstrap, hints, http_event, naming
from shared.deliveries import Ignored
from shared.errors import CloudError, ConfigError
from shared.handover import Accepted
from shared.http_event import Inbound, answer
from shared.refusals import REASONS, Denied
from shared.sources.heard import Heard
from shared.use_cases import ALTERNATIVES

log = logging.getLogger(__name__)
SECRETS = bootstrap.IngressSecrets()


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point; always an explicit answer."""
    inbound = http_event.parse(event)
    if inbound is None:
        return refused(Denied("not_json"))
    try:
        outcome = _taken(inbound)
    except CloudError as err:
        log.error("not handed over: %s", err)  # names and codes only, by construction
        return answer(503, {"status": "unavailable", "reason": err.reason})
    except ConfigError as err:  # the operator's own words: settings and config/, no ticket text
        log.error("configuration: %s", "; ".join(err.problems))
        return answer(500, {"status": "unavailable", "reason": err.reason})
    except Exception as err:  # the outermost edge: the sender gets an answer, the log no text
        log.error("defect: %s", type(err).__name__)
        return answer(500, {"status": "unavailable", "reason": "internal_error"})
    if isinstance(outcome, Denied):
        kind = inbound.path.strip("/") or hints.WEBHOOKS
        bootstrap.put_on_record(
            naming.FETCH_FUNCTION, kind, outcome, inbound.body, os.environ)  # fmt: skip
        return refused(outcome)
    if isinstance(outcome, Heard):
        return answer(200, outcome.answer)
    if isinstance(outcome, Ignored):
        return answer(200, {"status": "ignored"})
    content = {"status": "accepted", "ticket": outcome.ticket_id, "action": outcome.action,
               "operation": outcome.operation_id}  # fmt: skip
    if outcome.action == "issue":
        content["alternative"] = ALTERNATIVES[outcome.use_case]
    return answer(202, content)


def _taken(inbound: Inbound) -> Accepted | Ignored | Heard | Denied:
    """By its path: `/` takes Standard Webhooks, `/dingtalk` is DingTalk's. Each imports what it
    needs alone."""
    kind, now = inbound.path.strip("/"), bootstrap.now()
    if not kind:
        from shared import intake

        return intake.receive(inbound, bootstrap.desk(SECRETS, os.environ), now)
    if kind not in hints.KINDS:
        return Denied("unknown_path")
    from shared import listening

    ear = bootstrap.ear(kind, SECRETS, os.environ)
    return ear if isinstance(ear, Denied) else listening.take(inbound, ear, now)


def refused(denied: Denied) -> dict[str, Any]:
    """The refusal as a stranger may see it: the reason, where, and what to do."""
    log.warning("refused: %s at %s", denied.reason, denied.where or "-")
    status, sentence = REASONS[denied.reason]
    content = {"status": "refused", "reason": denied.reason, "message": sentence}
    content |= {k: v for k, v in (("where", denied.where), ("advice", denied.advice)) if v}
    return answer(status, content)
