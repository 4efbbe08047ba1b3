"""One ticket in the worker: decide again, from nothing, plan the grant, run the saga.

Every refusal is on record before it is returned; the ingress's own decision counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shared import amending, approvals, audit, extending, grants, issuance, places, rejections
from shared.amending import Amended
from shared.audit import Attempt
from shared.broker import Broker
from shared.extending import Extended
from shared.handover import Case
from shared.people import People
from shared.places import Place
from shared.policies import Assets
from shared.refusals import Denied
from shared.resumption import Issued
from shared.rules import Rules
from shared.templates import Template


@dataclass(frozen=True)
class Rulebook:
    """What is allowed here, what each source may ask for, and which KMS secret holds the key that
    signs grants."""

    rules: Rules
    templates: Mapping[str, Template]
    assets: Assets
    ledger_secret: str
    places: Mapping[str, Place]
    people: People


Outcome = Issued | Extended | Amended | Denied


def serve(broker: Broker, book: Rulebook, case: Case, record: Attempt) -> Outcome:
    """Decide on the ticket and make what it grants; raises what `issuance.issue` raises."""
    outcome = _decided(broker, book, case, record)
    if isinstance(outcome, Denied):
        broker.audit_log.put_logs(audit.refusal(record, outcome, broker.now()))
    return outcome


def _decided(broker: Broker, book: Rulebook, case: Case, record: Attempt) -> Outcome:
    """The saga of the signed grant, or why there is none; names the approvers in the record."""
    judged_at = case.judged_at(broker.now())
    if case.incident:
        approved = approvals.break_glass(case.ticket, case.incident, book.rules, broker.now())
    else:
        ticket = rejections.with_seen(broker.audit_log, case.ticket, broker.now())
        approved = ticket if isinstance(ticket, Denied) else approvals.decide(
            ticket, book.rules, judged_at)  # fmt: skip
    if isinstance(approved, Denied):
        return approved
    source, environment = case.ticket.source, book.rules.environments[case.ticket.environment]
    if denied := places.refusal(case.ticket, book.places.get(source), environment):
        return denied
    ledger_key = broker.kms.get_secret_value(book.ledger_secret)
    grant = grants.plan(case.ticket, approved, book.templates, book.assets, ledger_key)
    if isinstance(grant, Denied):
        return grant
    record.base |= audit.approved_facts(grant, approved.approved_at)
    if case.action == "extend":
        return extending.extend(broker, grant, ledger_key, record)
    if case.action == "amend":
        return amending.amend(broker, grant, ledger_key, record)
    return issuance.issue(broker, grant, record, book.rules, book.people)
