"""The saga of one approved ticket: every cloud call and every audit line, in order.

Read `issue` and `_make`. Why this order: the intent is acknowledged before the first change; the
secret's place is reserved before a key exists, so that name, quota and permission errors come while
nothing is lost yet; the key is stored, proved and bound to its network before anybody may read it;
whoever reads a result row reads it before anybody is told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared import grants, key_making, limits, naming, recycled_names, resumption, ticket_leases
from shared.audit import Attempt, Row
from shared.broker import Broker
from shared.errors import AlreadyExists, LeaseHeld, NameHeld, StateChanged
from shared.grants import Grant
from shared.key_making import Place
from shared.leases import Lease
from shared.people import People
from shared.ports import NewKey
from shared.refusals import Denied
from shared.resumption import Found, Issued
from shared.rules import Rules
from shared.secret_documents import reservation, secret_policy
from shared.steps import side_by_side, step
from shared.ticket_leases import RELEASES


def issue(
    broker: Broker, grant: Grant, record: Attempt, rules: Rules, people: People
) -> Issued | Denied:
    """Make what the grant promises, or say why not. Safe to run again after any failure.

    Raises LeaseHeld and StateChanged when another run is or was at work, CloudError when the
    cloud fails; each is to be retried. Before the intents are acknowledged nothing is changed.
    """
    found, granted = side_by_side(lambda: find(broker, grant), lambda: everything(broker))
    plan = resumption.plan(grant, found)
    if not isinstance(plan, list):
        return plan
    # What was begun is finished, whoever came in between: it was let through before. An incident
    # does not wait for others' limits.
    refused = limits.refusal(grant.ticket, granted, rules, people, broker.now())
    if refused and not grant.incident and not resumption.begun(grant, found):
        return refused
    broker.audit_log.put_logs(record.intents(plan, broker.now()))
    held: list[Lease] = []
    try:
        outcome = _under_leases(broker, grant, record, found, held)
    except Exception:
        # While a change is in doubt the leases stay: their end is when it can be resolved.
        if not key_making.unsettled(record):
            ticket_leases.release(broker, record, held)
        broker.audit_log.put_logs(record.results(broker.now()))
        raise
    if isinstance(outcome, Denied):  # nothing was made; only a success is worth waiting for
        ticket_leases.release(broker, record, held)
        broker.audit_log.put_logs(record.results(broker.now()))
        return outcome
    broker.audit_log.put_logs(record.results(broker.now(), later=RELEASES))
    if ticket_leases.remembered(broker, grant.ticket):
        ticket_leases.release(broker, record, held)
    broker.audit_log.put_logs(record.results(broker.now()))
    return outcome


def find(broker: Broker, grant: Grant) -> Found:
    """Read what ended the grant's ticket before, then, side by side, what exists under its names.

    In this order: what an ended ticket has made was made by then, so that a run beside another
    never sees the end of it without its grant.
    Raises StateChanged for what cannot be: a thing whose parts are not there is not visible yet.
    """
    ticket, ended = grant.ticket, ticket_leases.ended(broker, grant.ticket)
    reads: list[Callable[[], Any]] = [
        lambda: broker.ims.get_user(grant.user),
        lambda: broker.ram.get_policy(grant.policy),
        lambda: [user.name for user in broker.ims.list_users(grants.ticket_tags(ticket))],
    ]
    if grant.holds_key:
        reads += [
            lambda: broker.kms.describe_secret(grant.secret),
            lambda: broker.kms.list_secret_version_ids(grant.secret),
            lambda: broker.ram.list_access_keys(grant.user),
        ]
    user, *others = side_by_side(*reads)
    return Found.of(grant, user, ended, *others)


def everything(broker: Broker) -> Sequence[Row]:
    """What the limits are counted from. CloudUnknown if SLS does not get to the end of it: a part
    would say that there is room."""
    since = broker.now() - timedelta(days=resumption.MEMORY_DAYS)
    return broker.audit_log.select_logs(
        limits.STATEMENT, since, broker.now() + timedelta(minutes=15)
    )


def _under_leases(
    broker: Broker, grant: Grant, record: Attempt, found: Found, held: list[Lease]
) -> Issued | Denied:
    ticket_leases.take(broker, record, grant.ticket, held)
    if find(broker, grant) != found:
        raise StateChanged("another run has worked on this meanwhile")
    return _make(broker, grant, record, found)


def _make(broker: Broker, grant: Grant, record: Attempt, found: Found) -> Issued | Denied:
    if not grant.holds_key:
        step(record, "policy.created", lambda: _ensure_policy(broker, grant))()
        step(record, "self_service.granted", lambda: _attach(broker, grant))()
        return Issued(grant.user, grant.policy)
    for orphan in found.orphans:  # keys whose secret nobody has: cut first, then remove
        key_making.retire(broker, grant.user, record, orphan.id)
    # Alone and first: its name may be refused for good, and nothing is left behind then.
    refused = _make_user(broker, grant, record)
    if refused:
        return refused
    side_by_side(
        step(record, "policy.created", lambda: _ensure_policy(broker, grant)),
        step(record, "secret.reserved", lambda: _ensure_secret(broker, grant)),
    )
    step(record, "policy.attached", lambda: _attach(broker, grant))()
    # Last of all that can be refused: from here on there is something to lose.
    key: NewKey | None = step(
        record, "key.created", lambda: broker.ram.create_access_key(grant.user))()
    key_id = key.id if key else found.stored[0].id
    record.facts |= {"access_key_id": key_id, "secret_version": key_id}
    if key:
        place = Place(grant.user, grant.secret, grant.ticket.source_ips)
        key_making.secure(broker, place, record, key)
    step(record, "key.issued", lambda: broker.kms.update_secret_version_stage(
        grant.secret, naming.CURRENT_STAGE, key_id))()  # fmt: skip
    return Issued(grant.user, grant.policy, key_id, grant.secret, key_id)


# -- creates that may already be ours -------------------------------------------------------


def _make_user(broker: Broker, grant: Grant, record: Attempt) -> Denied | None:
    """Create the user; once more if its name had to be freed first."""
    create = step(record, "user.created", lambda: _ensure_user(broker, grant))
    try:
        create()
    except NameHeld:
        refused = recycled_names.free(
            broker.ims, broker.audit_log, record, grant.user, now=broker.now, sleep=broker.sleep
        )
        if refused:
            return refused
        create()
    return None


def _ensure_user(broker: Broker, grant: Grant) -> str:
    ticket = grant.ticket
    try:
        return broker.ims.create_user(
            grant.user, naming.display_name(ticket.application), grant.tags
        )
    except AlreadyExists as err:
        user = broker.ims.get_user(grant.user)
        if user is None:
            raise NameHeld("the name is taken, and nothing visible bears it") from err
        if grants.unextended(user.tags) != dict(grant.tags):
            raise StateChanged("the user exists, and not for this grant") from err
        return err.request_id


def _ensure_policy(broker: Broker, grant: Grant) -> str:
    try:
        return broker.ram.create_policy(grant.policy, grant.document, grant.description)
    except AlreadyExists as err:
        policy = broker.ram.get_policy(grant.policy)
        if policy is None or not resumption.same_policy(policy, grant):
            raise StateChanged("the policy exists, and not for this grant") from err
        return err.request_id


def _ensure_secret(broker: Broker, grant: Grant) -> str:
    try:
        return broker.kms.create_secret(
            grant.secret, reservation(), tags=grant.secret_tags,
            policy=secret_policy(grant.ticket.consumers, broker.broker_role),
        )  # fmt: skip
    except AlreadyExists as err:
        secret = broker.kms.describe_secret(grant.secret)
        if secret is None or dict(secret.tags) != dict(grant.secret_tags):
            raise StateChanged("the secret exists, and not for this grant") from err
        return err.request_id


def _attach(broker: Broker, grant: Grant) -> str:
    try:
        return broker.ram.attach_policy_to_user(grant.policy, grant.user)
    except AlreadyExists as err:
        return err.request_id


def patience_seconds(held: LeaseHeld, now: datetime, remaining_seconds: float) -> float:
    """How long to wait for a held lease within an invocation that may run so much longer."""
    until_free = (held.until - now).total_seconds() + 1
    return max(0.0, min(until_free, remaining_seconds))
