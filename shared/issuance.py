"""The saga of one approved ticket: every cloud call and every audit line, in order.

Read `issue` and `_make`. Why this order: the intent is acknowledged before the first change; the
secret's place is reserved before a key exists, so that name, quota and permission errors come while
nothing is lost yet; the key is stored, proved and bound to its network before anybody may read it;
whoever reads a result row reads it before anybody is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import leases, naming, resumption
from shared.audit import Attempt
from shared.errors import AlreadyExists, KeyNotAccepted, LeaseHeld, NotFound, StateChanged
from shared.grants import Grant
from shared.leases import Lease, LeaseTerms
from shared.ports import AuditLog, Ims, Kms, NewKey, Ram, Sts
from shared.refusals import Denied
from shared.resumption import Found, Issued
from shared.secret_documents import key_document, reservation, secret_policy
from shared.steps import side_by_side, step

FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS = 0.5, 4.0


@dataclass(frozen=True)
class Broker:
    """The ports and terms an operation works with; `sleep` takes seconds."""

    ims: Ims
    ram: Ram
    kms: Kms
    sts: Sts
    audit_log: AuditLog
    lease_terms: LeaseTerms
    broker_role: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]


def issue(broker: Broker, grant: Grant, record: Attempt) -> Issued | Denied:
    """Make what the grant promises, or say why not. Safe to run again after any failure.

    Raises LeaseHeld and StateChanged when another run is or was at work, CloudError when the
    cloud fails; each is to be retried. Before the intents are acknowledged nothing is changed.
    """
    found = find(broker, grant)
    plan = resumption.plan(grant, found)
    if not isinstance(plan, list):
        return plan
    record.changes = plan
    broker.audit_log.put_logs(record.intents(broker.now()))
    try:
        issued = _under_lease(broker, grant, record, found)
    except Exception:
        # Whatever went wrong, what was done must be on record before the next attempt.
        broker.audit_log.put_logs(record.results(broker.now()))
        raise
    broker.audit_log.put_logs(record.results(broker.now()))
    return issued


def find(broker: Broker, grant: Grant) -> Found:
    """Read, side by side, what exists under the grant's names and what ended its ticket before."""
    ticket = grant.ticket
    query = resumption.ended_query(ticket.source, ticket.id)
    since = broker.now() - timedelta(days=resumption.MEMORY_DAYS)
    until = broker.now() + timedelta(minutes=15)
    reads: list[Callable[[], object]] = [
        lambda: broker.ims.get_user(grant.user),
        lambda: broker.audit_log.get_logs(query, since, until),
        lambda: broker.ram.get_policy(grant.policy),
    ]
    if grant.holds_key:
        reads += [
            lambda: broker.kms.describe_secret(grant.secret),
            lambda: broker.kms.list_secret_version_ids(grant.secret),
            lambda: broker.ram.list_access_keys(grant.user),
        ]
    return Found.of(*side_by_side(*reads))


def _under_lease(broker: Broker, grant: Grant, record: Attempt, found: Found) -> Issued:
    ticket = grant.ticket
    lease: Lease = step(record, "lease.taken", lambda: leases.take(
        broker.ram, ticket.application, ticket.environment, record.operation_id,
        broker.lease_terms, now=broker.now, sleep=broker.sleep,
    ))()  # fmt: skip
    release = step(record, "lease.released", lambda: leases.release(broker.ram, lease))
    try:
        if find(broker, grant) != found:
            raise StateChanged("another run has worked on this application meanwhile")
        issued = _make(broker, grant, record, found)
    except Exception:
        # While a change is in doubt the lease stays: its end is when the doubt can be resolved.
        if not record.in_doubt:
            release()
        raise
    release()
    return issued


def _make(broker: Broker, grant: Grant, record: Attempt, found: Found) -> Issued:
    if not grant.holds_key:
        step(record, "policy.created", lambda: _ensure_policy(broker, grant))()
        step(record, "self_service.granted", lambda: _attach(broker, grant))()
        return Issued(grant.user, grant.policy)
    for orphan in found.orphans:  # keys whose secret nobody has: cut first, then remove
        _retire(broker, grant, record, orphan.id)
    side_by_side(
        step(record, "user.created", lambda: _ensure_user(broker, grant)),
        step(record, "policy.created", lambda: _ensure_policy(broker, grant)),
        step(record, "secret.reserved", lambda: _ensure_secret(broker, grant)),
    )
    _, key = side_by_side(
        step(record, "policy.attached", lambda: _attach(broker, grant)),
        step(record, "key.created", lambda: broker.ram.create_access_key(grant.user)),
    )
    key_id = key.id if key else found.stored[0].id
    record.facts |= {"access_key_id": key_id, "secret_version": key_id}
    side_by_side(
        step(record, "secret.stored", lambda: _store(broker, grant, key)),
        lambda: _prove(broker, key) if key else _await_propagation(broker, found),
    )
    # In this order: `key.issued` ends the operation, so nothing may be left to do after it.
    step(record, "key.restricted", lambda: broker.ims.set_access_key_policy(
        grant.user, key_id, grant.ticket.source_ips))()  # fmt: skip
    step(record, "key.issued", lambda: broker.kms.update_secret_version_stage(
        grant.secret, naming.CURRENT_STAGE, key_id))()  # fmt: skip
    return Issued(grant.user, grant.policy, key_id, grant.secret, key_id)


# -- creates that may already be ours -------------------------------------------------------


def _ensure_user(broker: Broker, grant: Grant) -> str:
    ticket = grant.ticket
    try:
        return broker.ims.create_user(
            grant.user, naming.display_name(ticket.application), grant.tags
        )
    except AlreadyExists as err:
        user = broker.ims.get_user(grant.user)
        if user is None or dict(user.tags) != dict(grant.tags):
            raise StateChanged("the user exists, and not for this grant") from err
        return err.request_id


def _ensure_policy(broker: Broker, grant: Grant) -> str:
    try:
        return broker.ram.create_policy(grant.policy, grant.document, grant.description)
    except AlreadyExists as err:
        policy = broker.ram.get_policy(grant.policy)
        if policy is None or policy.description != grant.description:
            raise StateChanged("the policy exists, and not for this grant") from err
        return err.request_id


def _ensure_secret(broker: Broker, grant: Grant) -> str:
    tags = resumption.secret_tags(grant)
    try:
        return broker.kms.create_secret(
            grant.secret, reservation(),
            policy=secret_policy(grant.ticket.consumers, broker.broker_role), tags=tags,
        )  # fmt: skip
    except AlreadyExists as err:
        secret = broker.kms.describe_secret(grant.secret)
        if secret is None or dict(secret.tags) != tags:
            raise StateChanged("the secret exists, and not for this grant") from err
        return err.request_id


def _attach(broker: Broker, grant: Grant) -> str:
    try:
        return broker.ram.attach_policy_to_user(grant.policy, grant.user)
    except AlreadyExists as err:
        return err.request_id


# -- the key --------------------------------------------------------------------------------


def _retire(broker: Broker, grant: Grant, record: Attempt, key_id: str) -> None:
    """Disable, then delete, a key that no stored version stands for; gone already is fine."""
    ram, user = broker.ram, grant.user
    step(record, "key.disabled", lambda: _unless_gone(
        lambda: ram.update_access_key(user, key_id, "Inactive")), target=key_id)()  # fmt: skip
    step(record, "key.deleted", lambda: _unless_gone(
        lambda: ram.delete_access_key(user, key_id)), target=key_id)()  # fmt: skip


def _unless_gone(call: Callable[[], str]) -> str:
    try:
        return call()
    except NotFound as err:
        return err.request_id


def _store(broker: Broker, grant: Grant, key: NewKey) -> str:
    return broker.kms.put_secret_value(
        grant.secret, key.id, key_document(key), naming.PENDING_STAGE
    )


def _prove(broker: Broker, key: NewKey) -> None:
    """Call with the new key until it is accepted, at most as long as the lag bound."""
    waited, pause = 0.0, FIRST_PROBE_SECONDS
    while True:
        try:
            broker.sts.get_caller_identity(key.id, key.secret)
            return
        except NotFound:
            if waited >= broker.lease_terms.max_lag_seconds:
                raise KeyNotAccepted("GetCallerIdentity") from None
        broker.sleep(pause)
        waited, pause = waited + pause, min(pause * 2, LONGEST_PROBE_SECONDS)


def _await_propagation(broker: Broker, found: Found) -> None:
    """A key that an earlier attempt stored cannot be proved: its secret is not in hand, and the
    broker may not read it. Once it is older than the lag bound it is accepted everywhere."""
    age = (broker.now() - found.stored[0].created_at).total_seconds()
    remaining = broker.lease_terms.max_lag_seconds - age
    if remaining > 0:
        broker.sleep(remaining)


def patience_seconds(held: LeaseHeld, now: datetime, remaining_seconds: float) -> float:
    """How long to wait for a held lease within an invocation that may run so much longer."""
    until_free = (held.until - now).total_seconds() + 1
    return max(0.0, min(until_free, remaining_seconds))
