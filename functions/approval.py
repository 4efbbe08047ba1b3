"""HTTP: an approval webhook arrives, is verified, handed over, and answered.

Imports no cloud SDK but `fc2`: the sender waits, and a cold start is mostly imports.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from shared import approvals, bootstrap, deliveries, handover, http_event, key_text, policies
from shared.deliveries import Delivery, Ignored
from shared.errors import CloudError
from shared.http_event import Inbound, answer
from shared.refusals import REASONS, Denied
from shared.sources import standard_webhooks

log = logging.getLogger(__name__)
SECRETS = bootstrap.WebhookSecrets()


def handler(event: bytes, context: Any) -> dict[str, Any]:
    """FC's entry point; always an explicit answer."""
    inbound = http_event.parse(event)
    if inbound is None:
        return refused(Denied("not_json"))
    try:
        outcome = receive(inbound)
    except CloudError as err:
        log.error("not handed over: %s", err)  # codes and names only, by construction
        return answer(503, {"status": "unavailable", "reason": err.reason})
    if isinstance(outcome, Denied):
        return refused(outcome)
    if isinstance(outcome, Ignored):
        return answer(200, {"status": "ignored"})
    return answer(202, {"status": "accepted", "ticket": outcome.ticket_id,
                        "action": outcome.action, "operation": outcome.operation_id})  # fmt: skip


def receive(inbound: Inbound) -> handover.Accepted | Ignored | Denied:
    """Verify before parsing; refuse here what needs no cloud to be refused."""
    current = bootstrap.settings()
    if len(inbound.body) > deliveries.MAX_BODY_BYTES:
        return Denied("body_too_large")
    now = bootstrap.now()
    secrets = SECRETS.get(current, os.environ)
    if denied := standard_webhooks.verify(inbound.body, inbound.headers, secrets, now):
        return denied
    if key_text.holds_access_key(inbound.body.decode(errors="replace")):
        return Denied("contains_access_key")
    delivery = deliveries.parse(inbound.body, source=standard_webhooks.KIND)
    if not isinstance(delivery, Delivery):
        return delivery
    if delivery.action != "issue":
        return Denied("not_supported_yet")
    approved = approvals.decide(delivery.ticket, bootstrap.rules(), now)
    if isinstance(approved, Denied):
        return approved
    assets = policies.Assets(current.account_id, current.region, current.audit_project)
    document = policies.document(delivery.ticket, bootstrap.templates(), assets)
    if isinstance(document, Denied):
        return document
    functions = bootstrap.functions(current, os.environ)
    return handover.submit(functions, current.issue_function, delivery)


def refused(denied: Denied) -> dict[str, Any]:
    """The refusal as a stranger may see it: the reason, where, and what to do."""
    status, sentence = REASONS[denied.reason]
    log.warning("refused: %s at %s", denied.reason, denied.where or "-")
    content = {"status": "refused", "reason": denied.reason, "message": sentence}
    content |= {k: v for k, v in (("where", denied.where), ("advice", denied.advice)) if v}
    return answer(status, content)
