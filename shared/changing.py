"""A later ticket changes a live grant: what an extension and an amendment have in common.

Look, decide, announce, take the ticket's and the application's lease, look again, change, and keep
the leases until the log shows that the ticket is used. User, secret and key stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from shared import grants, ledger, resumption, ticket_leases
from shared.audit import REVOKED, Attempt, Change
from shared.broker import Broker
from shared.errors import StateChanged
from shared.grants import Grant
from shared.leases import Lease
from shared.ledger import LiveGrant, Unreadable
from shared.ports import PolicyState, User
from shared.refusals import Denied
from shared.resumption import under_leases
from shared.secrecy import Secret
from shared.steps import side_by_side
from shared.ticket_leases import RELEASES

T = TypeVar("T")


@dataclass(frozen=True)
class Seen:
    """What an attempt finds: what ended its own ticket, the user with its grant and policy, what
    marks the secret (None: there is none), and whether a revocation of the grant was announced."""

    ended: frozenset[str]
    user: User | None
    grant: LiveGrant | Unreadable
    secret_tags: dict[str, str] | None
    revoking: bool
    policy: PolicyState | None = None

    @property
    def tags(self) -> dict[str, str]:
        """The user's; none if there is no user."""
        return dict(self.user.tags) if self.user else {}

    @property
    def incomplete(self) -> bool:
        """Whether something that every grant has was not found."""
        return isinstance(self.grant, Unreadable) or self.secret_tags is None


def decided(
    broker: Broker, asked: Grant, ledger_key: Secret,
    decide: Callable[[Grant, Seen, datetime, Secret], T | Denied],
) -> tuple[Seen, T | Denied]:  # fmt: skip
    """What is there, and what is to become of it. A stale answer is not "gone", and a refusal is
    for good: where something was not found it is asked once more."""
    seen = find(broker, asked, ledger_key)
    outcome = decide(asked, seen, broker.now(), ledger_key)
    if isinstance(outcome, Denied) and seen.incomplete:
        broker.sleep(broker.lease_terms.max_lag_seconds)
        seen = find(broker, asked, ledger_key)
        outcome = decide(asked, seen, broker.now(), ledger_key)
    return seen, outcome


def carry_out(
    broker: Broker, asked: Grant, ledger_key: Secret, record: Attempt,
    planned: tuple[Seen, Sequence[Change]], make: Callable[[], None],
) -> None:  # fmt: skip
    """Make the announced changes by `make`, if what stands there is what was planned from. Raises
    LeaseHeld, StateChanged and CloudError, each to be retried."""
    seen, changes = planned
    broker.audit_log.put_logs(record.intents(under_leases(list(changes)), broker.now()))
    held: list[Lease] = []
    try:
        ticket_leases.take(broker, record, asked.ticket, held)
        if find(broker, asked, ledger_key) != seen:
            raise StateChanged("another run has worked on this meanwhile")
        make()
    except Exception:
        # While a change is in doubt the leases stay: their end is when it can be resolved.
        if not record.in_doubt:
            ticket_leases.release(broker, record, held)
        broker.audit_log.put_logs(record.results(broker.now()))
        raise
    broker.audit_log.put_logs(record.results(broker.now(), later=RELEASES))
    if ticket_leases.remembered(broker, asked.ticket):
        ticket_leases.release(broker, record, held)
    broker.audit_log.put_logs(record.results(broker.now()))


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
    return Seen(ended, user, grant, marks, _revoking(broker, grant), policy)


def _revoking(broker: Broker, grant: LiveGrant | Unreadable) -> bool:
    if isinstance(grant, Unreadable):
        return False
    query = resumption.ended_query(grant.source, grant.ticket_id)
    since = broker.now() - timedelta(days=resumption.MEMORY_DAYS)
    rows = broker.audit_log.get_logs(query, since, broker.now() + timedelta(minutes=15))
    return any(row.get("event_type") == REVOKED for row in rows)


def grant_of(asked: Grant, seen: Seen, impossible: str) -> LiveGrant | Denied:
    """The grant that the ticket is about, or why there is none; `impossible` is the reason for a
    self-service ticket."""
    if REVOKED in seen.ended:
        return Denied("ticket_consumed")
    if not asked.holds_key:
        return Denied(impossible, "permissions")
    if seen.user is None:
        return Denied("no_such_grant", "application")
    if isinstance(seen.grant, Unreadable):
        return Denied("grant_unreadable", seen.grant.reason)
    if grants.INCIDENT in seen.tags:
        return Denied("break_glass_stays_as_it_is", "application")
    if grants.asked_by_one_of(seen.tags, asked.approvers):  # whoever asks for the change
        return Denied("approver_is_requester", "approvals")
    return seen.grant


def otherwise(asked: Grant, grant: LiveGrant, seen: Seen, ledger_key: Secret) -> str:
    """Where the ticket asks for other readers or another rotation than the grant has; empty if
    nowhere."""
    ticket = asked.ticket
    if ticket.rotation_days != grant.rotation_days:
        return "rotation_days"
    if ticket.rotation_wait_days != grant.rotation_wait_days:
        return "rotation_wait_days"
    # Who may read the secret is signed into its tags, together with the ticket that made it.
    made_by = (grant.source, grant.ticket_id, grant.digest)
    same = grants.secret_tags(asked.secret, made_by, ticket.consumers, ledger_key)
    return "" if seen.secret_tags == same else "consumers"


def same_permissions(asked: Grant, grant: LiveGrant) -> bool:
    """Whether it asks for the permissions that the grant has, in whatever order."""
    ours, theirs = asked.ticket.permissions, grant.permissions
    return sorted(map(repr, ours)) == sorted(map(repr, theirs))
