"""HTTP: an approval webhook arrives, is verified, handed over, and answered.

Imports no cloud SDK but `fc2`: the sender waits, and a cold start is mostly imports.
"""

from __future__ import annotations

import logging
import os
from datetime import datetime
from typing import Any

from shared import (
    approvals,
    bootstrap,
    deliveries,
    grants,
    handover,
    http_event,
    key_text,
    policies,
)
from shared.deliveries import Delivery, Ignored
from shared.errors import CloudError
from shared.http_event import Inbound, answer
from shared.refusals import REASONS, Denied
from shared.secrecy import Secret
from shared.settings import Settings
from shared.sources import standard_webhooks
from shared.tickets import Ticket

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
    if denied := refusal(delivery.ticket, current, now):
        return denied
    functions = bootstrap.functions(current, os.environ)
    return handover.submit(functions, current.issue_function, delivery)


def refusal(ticket: Ticket, current: Settings, now: datetime) -> Denied | None:
    """What the worker would refuse too, told while the sender still listens."""
    templates = bootstrap.templates()
    assets = policies.Assets(current.account_id, current.region, current.audit_project)
    document = policies.document(ticket, templates, assets)
    if isinstance(document, Denied):
        return document
    approved = approvals.decide(ticket, bootstrap.rules(), now)
    if isinstance(approved, Denied):
        return approved
    # Only to learn whether the grant fits its ledger: the key that signs it is the worker's.
    grant = grants.plan(ticket, approved, templates, assets, Secret("not the ledger key"))
    return grant if isinstance(grant, Denied) else None


def refused(denied: Denied) -> dict[str, Any]:
    """The refusal as a stranger may see it: the reason, where, and what to do."""
    status, sentence = REASONS[denied.reason]
    log.warning("refused: %s at %s", denied.reason, denied.where or "-")
    content = {"status": "refused", "reason": denied.reason, "message": sentence}
    content |= {k: v for k, v in (("where", denied.where), ("advice", denied.advice)) if v}
    return answer(status, content)
