"""Take in a signed delivery: verify before parsing, refuse what needs no cloud, hand over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from shared import approvals, deliveries, grants, handover, key_text, places, policies
from shared.deliveries import Delivery, Ignored
from shared.handover import Accepted
from shared.http_event import Inbound
from shared.places import Place
from shared.policies import Assets
from shared.refusals import Denied
from shared.rules import Rules
from shared.secrecy import Secret
from shared.sources import standard_webhooks
from shared.templates import Template
from shared.tickets import Ticket

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.ports import Functions


@dataclass(frozen=True)
class Desk:
    """What an ingress works with; `functions` is made only when something is handed over. `place`
    limits what webhooks may ask for. With `issuing` off only revocations pass."""

    secrets: Sequence[Secret]
    rules: Rules
    templates: Mapping[str, Template]
    assets: Assets
    issue_function: str
    revoke_function: str
    functions: Callable[[], Functions]
    place: Place | None = None
    issuing: bool = True


def receive(inbound: Inbound, desk: Desk, now: datetime) -> Accepted | Ignored | Denied:
    """Verify, parse, hand over. Raises CloudError if the hand-over fails."""
    if len(inbound.body) > deliveries.MAX_BODY_BYTES:
        return Denied("body_too_large")
    if denied := standard_webhooks.verify(inbound.body, inbound.headers, desk.secrets, now):
        return denied
    if key_text.holds_access_key(inbound.body.decode(errors="replace")):
        return Denied("contains_access_key")
    delivery = deliveries.parse(inbound.body, source=standard_webhooks.KIND)
    if not isinstance(delivery, Delivery):
        return delivery
    if delivery.action == "revoke":
        from shared import removal  # the rare case pays for it

        target = removal.target(delivery.ticket)
        return target if isinstance(target, Denied) else handover.submit_again(
            desk.functions(), desk.revoke_function, delivery, now
        )  # fmt: skip
    if not desk.issuing:
        return Denied("issuing_stopped")
    return refusal(delivery.ticket, desk, now) or handover.submit(
        desk.functions(), desk.issue_function, delivery, now
    )


def refusal(ticket: Ticket, desk: Desk, now: datetime) -> Denied | None:
    """What the worker would refuse too, told while the sender still listens."""
    document = policies.document(ticket, desk.templates, desk.assets)
    if isinstance(document, Denied):
        return document
    approved = approvals.decide(ticket, desk.rules, now)
    if isinstance(approved, Denied):
        return approved
    if denied := places.refusal(ticket, desk.place, desk.rules.environments[ticket.environment]):
        return denied
    # Only to learn whether the grant fits its ledger: the key that signs it is the worker's.
    unsigned = Secret("not the ledger key")
    grant = grants.plan(ticket, approved, desk.templates, desk.assets, unsigned)
    return grant if isinstance(grant, Denied) else None
