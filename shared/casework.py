"""One ticket in the worker: decide again, from nothing, plan the grant, run the saga.

Every refusal is on record before it is returned; the ingress's own decision counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared import amending, approvals, audit, extending, grants, issuance
from shared.amending import Amended
from shared.audit import Attempt
from shared.broker import Broker
from shared.extending import Extended
from shared.handover import Case
from shared.policies import Assets
from shared.refusals import Denied
from shared.resumption import Issued
from shared.rules import Rules
from shared.templates import Template


@dataclass(frozen=True)
class Rulebook:
    """What is allowed here, and which KMS secret holds the key that signs grants."""

    rules: Rules
    templates: Mapping[str, Template]
    assets: Assets
    ledger_secret: str


Outcome = Issued | Extended | Amended | Denied


def serve(broker: Broker, book: Rulebook, case: Case, record: Attempt) -> Outcome:
    """Decide on the ticket and make what it grants; raises what `issuance.issue` raises."""
    outcome = _decided(broker, book, case, record)
    if isinstance(outcome, Denied):
        broker.audit_log.put_logs(audit.refusal(record, outcome, broker.now()))
    return outcome


def _decided(broker: Broker, book: Rulebook, case: Case, record: Attempt) -> Outcome:
    """The saga of the signed grant, or why there is none; names the approvers in the record."""
    approved = approvals.decide(case.ticket, book.rules, case.judged_at(broker.now()))
    if isinstance(approved, Denied):
        return approved
    ledger_key = broker.kms.get_secret_value(book.ledger_secret)
    grant = grants.plan(case.ticket, approved, book.templates, book.assets, ledger_key)
    if isinstance(grant, Denied):
        return grant
    record.base |= audit.approved_facts(grant, approved.approved_at)
    if case.action == "extend":
        return extending.extend(broker, grant, ledger_key, record)
    if case.action == "amend":
        return amending.amend(broker, grant, ledger_key, record)
    return issuance.issue(broker, grant, record, book.rules)
