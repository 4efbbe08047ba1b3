"""A grant's end is put off: by a new ticket, approved by the same rules, for the same thing.

User, policy, secret and key stay as they are; one call sets the two tags that say so. What is asked
for must be what the grant has: anything else is an amendment, and is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared import changing, extension, grants, timestamps
from shared.audit import EXTENDED, Attempt, Change
from shared.broker import Broker
from shared.changing import Seen
from shared.extension import Extension
from shared.grants import Grant
from shared.ledger import LiveGrant
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.steps import step


@dataclass(frozen=True)
class Extended:
    """The grant's user, and its end as of now."""

    user: str
    expires_at: datetime


def extend(
    broker: Broker, asked: Grant, ledger_key: Secret, record: Attempt
) -> Extended | Denied:
    """Put off the end of the grant that `asked` describes; safe to run again after any failure.

    `asked` is what the new ticket would make if it were the first. Raises LeaseHeld, StateChanged
    and CloudError, each to be retried. Before the intents are acknowledged nothing is changed.
    """
    seen, outcome = changing.decided(broker, asked, ledger_key, decide)
    if isinstance(outcome, Denied) or EXTENDED in seen.ended:
        return outcome
    change = Change(EXTENDED, "ims", "TagResources", resource=timestamps.text(outcome.expires_at))

    def make() -> None:
        new = Extension(asked.ticket.source, asked.ticket.id, outcome.expires_at)
        tags = extension.tags(asked.user, seen.tags, new, ledger_key)
        step(record, EXTENDED, lambda: broker.ims.tag_resources(asked.user, tags),
             target=change.resource)()  # fmt: skip

    changing.carry_out(broker, asked, ledger_key, record, (seen, [change]), make)
    return outcome


def decide(asked: Grant, seen: Seen, now: datetime, ledger_key: Secret) -> Extended | Denied:
    """The new end, or the first reason why there is none; pure."""
    grant = changing.grant_of(asked, seen, "extension_not_possible")
    if isinstance(grant, Denied):
        return grant
    if EXTENDED in seen.ended:
        return Extended(asked.user, grant.expires_at)
    if seen.ended:  # the grant's own first ticket is among them
        return Denied("ticket_consumed")
    if seen.revoking or now >= grant.expires_at:
        return Denied("grant_over", "application")
    if where := _differs(asked, grant, seen, ledger_key):
        return Denied("extension_differs", where)
    ends_at = timestamps.parse(asked.tags[f"{grants.TAG_PREFIX}expires"])
    if ends_at is None or ends_at < grant.expires_at:
        return Denied("extension_shortens", "ttl_seconds")
    return Extended(asked.user, ends_at)


def _differs(asked: Grant, grant: LiveGrant, seen: Seen, ledger_key: Secret) -> str:
    """Where the ticket asks for something else than the grant has; empty if nowhere."""
    if not changing.same_permissions(asked, grant):
        return "permissions"
    if asked.ticket.source_ips != grant.source_ips:
        return "network.source_ips"
    return changing.otherwise(asked, grant, seen, ledger_key)
