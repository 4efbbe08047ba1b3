"""A grant's end is put off: by a new ticket, approved by the same rules, for the same thing.

User, policy, secret and key stay as they are; one call sets the two tags that say so. What is asked
for must be what the grant has: anything else is an amendment, and is refused here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import extension, grants, ledger, resumption, ticket_leases, timestamps
from shared.audit import EXTENDED, REVOKED, Attempt, Change
from shared.broker import Broker
from shared.errors import StateChanged
from shared.extension import Extension
from shared.grants import Grant
from shared.leases import Lease
from shared.ledger import LiveGrant, Unreadable
from shared.ports import User
from shared.refusals import Denied
from shared.resumption import under_leases
from shared.secrecy import Secret
from shared.steps import side_by_side, step
from shared.ticket_leases import RELEASES


@dataclass(frozen=True)
class Extended:
    """The grant's user, and its end as of now."""

    user: str
    expires_at: datetime


@dataclass(frozen=True)
class Seen:
    """What an attempt finds: what ended its own ticket, the user with its grant, what marks the
    secret (None: there is none), and whether a revocation of the grant was ever announced."""

    ended: frozenset[str]
    user: User | None
    grant: LiveGrant | Unreadable
    secret_tags: dict[str, str] | None
    revoking: bool

    @property
    def incomplete(self) -> bool:
        """Whether something that every grant has was not found."""
        return isinstance(self.grant, Unreadable) or self.secret_tags is None


def extend(
    broker: Broker, asked: Grant, ledger_key: Secret, record: Attempt
) -> Extended | Denied:
    """Put off the end of the grant that `asked` describes; safe to run again after any failure.

    `asked` is what the new ticket would make if it were the first. Raises LeaseHeld, StateChanged
    and CloudError, each to be retried. Before the intents are acknowledged nothing is changed.
    """
    seen = find(broker, asked, ledger_key)
    outcome = decide(asked, seen, broker.now(), ledger_key)
    if isinstance(outcome, Denied) and seen.incomplete:
        # A stale answer is not "gone", and a refusal is for good: it is asked once more.
        broker.sleep(broker.lease_terms.max_lag_seconds)
        seen = find(broker, asked, ledger_key)
        outcome = decide(asked, seen, broker.now(), ledger_key)
    if isinstance(outcome, Denied) or EXTENDED in seen.ended:
        return outcome
    change = Change(EXTENDED, "ims", "TagResources", resource=timestamps.text(outcome.expires_at))
    broker.audit_log.put_logs(record.intents(under_leases([change]), broker.now()))
    held: list[Lease] = []
    try:
        ticket_leases.take(broker, record, asked.ticket, held)
        if find(broker, asked, ledger_key) != seen or seen.user is None:
            raise StateChanged("another run has worked on this meanwhile")
        new = Extension(asked.ticket.source, asked.ticket.id, outcome.expires_at)
        tags = extension.tags(asked.user, seen.user.tags, new, ledger_key)
        step(record, EXTENDED, lambda: broker.ims.tag_resources(asked.user, tags),
             target=change.resource)()  # fmt: skip
    except Exception:
        # While the change is in doubt the leases stay: their end is when it can be resolved.
        if not record.in_doubt:
            ticket_leases.release(broker, record, held)
        broker.audit_log.put_logs(record.results(broker.now()))
        raise
    broker.audit_log.put_logs(record.results(broker.now(), later=RELEASES))
    if ticket_leases.remembered(broker, asked.ticket):
        ticket_leases.release(broker, record, held)
    broker.audit_log.put_logs(record.results(broker.now()))
    return outcome


def find(broker: Broker, asked: Grant, ledger_key: Secret) -> Seen:
    """What ended the ticket before, then, side by side, what the grant is now, then its end."""
    ended = resumption.events_of(ticket_leases.ended(broker, asked.ticket))
    user, policy, secret = side_by_side(
        lambda: broker.ims.get_user(asked.user),
        lambda: broker.ram.get_policy(asked.policy),
        lambda: broker.kms.describe_secret(asked.secret),
    )
    grant: LiveGrant | Unreadable = Unreadable("no_grant")
    if user is not None:
        grant = ledger.read(user, policy.description if policy else None, ledger_key)
    marks = None if secret is None or secret.deletes_at else dict(secret.tags)
    return Seen(ended, user, grant, marks, _revoking(broker, grant))


def _revoking(broker: Broker, grant: LiveGrant | Unreadable) -> bool:
    if isinstance(grant, Unreadable):
        return False
    query = resumption.ended_query(grant.source, grant.ticket_id)
    since = broker.now() - timedelta(days=resumption.MEMORY_DAYS)
    rows = broker.audit_log.get_logs(query, since, broker.now() + timedelta(minutes=15))
    return any(row.get("event_type") == REVOKED for row in rows)


def decide(asked: Grant, seen: Seen, now: datetime, ledger_key: Secret) -> Extended | Denied:
    """The new end, or the first reason why there is none; pure."""
    if REVOKED in seen.ended:
        return Denied("ticket_consumed")
    if not asked.holds_key:
        return Denied("extension_not_possible", "permissions")
    if seen.user is None:
        return Denied("no_such_grant", "application")
    grant = seen.grant
    if isinstance(grant, Unreadable):
        return Denied("grant_unreadable", grant.reason)
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
    ticket = asked.ticket
    if sorted(map(repr, ticket.permissions)) != sorted(map(repr, grant.permissions)):
        return "permissions"
    if ticket.source_ips != grant.source_ips:
        return "network.source_ips"
    if ticket.rotation_days != grant.rotation_days:
        return "rotation_days"
    if ticket.rotation_wait_days != grant.rotation_wait_days:
        return "rotation_wait_days"
    # Who may read the secret is signed into its tags, together with the ticket that made it.
    made_by = (grant.source, grant.ticket_id, grant.digest)
    same = grants.secret_tags(asked.secret, made_by, ticket.consumers, ledger_key)
    return "" if seen.secret_tags == same else "consumers"
