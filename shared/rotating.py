"""The rotation of one managed user: look, announce, act under the lease, look no further.

What is due says `shared/rotation.py`; which one API call makes each change, this module. Whatever a
run leaves undone, the next one finds in RAM and KMS and goes on with.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from shared import key_making, leases, naming, networks, resumption, rotation, rotation_log
from shared.audit import REVOKED, Attempt, Change, Row
from shared.broker import Broker
from shared.errors import CloudError, StateChanged
from shared.key_making import Place
from shared.leases import Lease
from shared.ledger import LiveGrant
from shared.lifecycle import RotationTerms
from shared.ports import KeyStatus, LastUse
from shared.rotation import (
    ENABLE,
    LEAKED,
    UNDO,
    Asked,
    Create,
    Cut,
    Delete,
    Disable,
    Enable,
    Promote,
    Report,
    Retire,
    Seen,
    Step,
    TakeBack,
    Wait,
)
from shared.rotation_log import Past
from shared.steps import Call, side_by_side, step

RELEASED = "lease.released"


@dataclass(frozen=True)
class Rotated:
    """What one run did with one user: its steps (reports among them), none if nothing was due;
    `current` is the key that readers get now, `keys` are those that the run found."""

    user: str
    steps: tuple[Step, ...]
    current: str
    keys: tuple[KeyStatus, ...] = ()


def rotate(
    broker: Broker, grant: LiveGrant, record: Attempt, asked: Asked, terms: RotationTerms
) -> Rotated:
    """Take the rotation as far as it may go now. Safe to run again after any failure.

    Raises LeaseHeld and StateChanged when another run is or was at work, CloudError when the cloud
    fails; each is to be retried. Before the intents are acknowledged nothing is changed.
    """
    record.base["reason"] = rotation_log.reason(asked.why)
    seen = find(broker, grant, asked)
    steps = _planned(broker, grant, seen, asked, terms)
    if steps and isinstance(steps[0], Cut):  # before anything that may have to wait
        broker.audit_log.put_logs(record.intents(_changes(grant, seen, steps[0]), broker.now()))
        _take_step(broker, grant, record, seen, steps[0])
        seen = find(broker, grant, asked)
        steps = _planned(broker, grant, seen, asked, terms)
    acts = _acts(steps)
    if not acts:
        if any(isinstance(step, Wait) for step in steps):
            raise StateChanged("a key may be at work yet")
        if record.changes:
            broker.audit_log.put_logs(record.results(broker.now()))
        return _ended(grant, seen, steps)
    if hindrance := _hindrance(broker, grant, acts):
        if record.changes:
            broker.audit_log.put_logs(record.results(broker.now()))
        return _ended(grant, seen, [Report("", hindrance)])
    announced = [Change("lease.taken", "ram", "CreatePolicy"),
                 *(change for act in acts for change in _changes(grant, seen, act)),
                 Change(RELEASED, "ram", "DeletePolicy")]  # fmt: skip
    broker.audit_log.put_logs(record.intents(announced, broker.now()))
    held: list[Lease] = []
    try:
        _under_lease(broker, grant, record, asked, terms, (seen, steps), held)
    finally:
        # While a change is in doubt the lease stays: its end is when it can be resolved.
        if held and not key_making.unsettled(record):
            with suppress(CloudError):
                step(record, RELEASED, partial(leases.release, broker.ram, held[0]))()
        broker.audit_log.put_logs(record.results(broker.now()))
    return _ended(grant, seen, steps, record.facts.get("access_key_id", ""))


def _hindrance(broker: Broker, grant: LiveGrant, acts: Sequence[Step]) -> str:
    """Why nothing may be done of it, for a person to look at; empty if it may. A key for whose
    secret there is no place must not be made."""
    if _revoked(broker, grant):
        return rotation.REVOCATION_ON_RECORD
    if any(isinstance(act, Create) for act in acts):
        secret = broker.kms.describe_secret(grant.secret)
        if secret is not None and secret.deletes_at:
            return "secret_is_being_deleted"
    return ""


def _revoked(broker: Broker, grant: LiveGrant) -> bool:
    """Whether a revocation of the ticket was ever announced: then no key is made any more."""
    rows = _remembered(broker, resumption.ended_query(grant.source, grant.ticket_id))
    return any(row.get("event_type") == REVOKED for row in rows)


def _remembered(broker: Broker, query: str) -> Sequence[Row]:
    now = broker.now()
    return broker.audit_log.get_logs(
        query, now - timedelta(days=resumption.MEMORY_DAYS), now + timedelta(minutes=15))


def _past(broker: Broker, grant: LiveGrant, asked: Asked) -> Past:
    """A log that cannot be read does not keep a leaked key alive; then no other key is ended."""
    try:
        rows = _remembered(broker, rotation_log.query(grant.source, grant.ticket_id))
    except CloudError:
        if asked.why != LEAKED:
            raise
        return Past()
    return rotation_log.read(rows, grant.application, grant.environment)


def find(broker: Broker, grant: LiveGrant, asked: Asked) -> Seen:
    """Keys and versions, side by side; then the last use of keys that may be former ones, where
    each read may fail. StateChanged for what cannot be: the user or the secret is not there."""
    user, keys, versions = side_by_side(
        lambda: broker.ims.get_user(grant.user),
        lambda: broker.ims.list_access_keys(grant.user),
        lambda: broker.kms.list_secret_version_ids(grant.secret),
    )
    if user is None or keys is None:
        raise StateChanged(f"user {grant.user} is not there (any more)")
    if not versions:
        raise StateChanged(f"secret {grant.secret} is not there (any more)")
    binned = frozenset[str]()
    if asked.why in (UNDO, LEAKED):
        binned = frozenset(broker.ims.list_access_keys_in_recycle_bin(user.id) or ())
    remembers = len(keys) > 1 or asked.why in (UNDO, ENABLE)
    past = _past(broker, grant, asked) if remembers else Past()
    seen = Seen(user.id, tuple(keys), tuple(versions), binned=binned, past=past)
    uses: dict[str, LastUse] = {}
    if len(keys) > 1:
        for key in keys:
            with suppress(CloudError):  # unknown is in use
                if key.id != seen.current:
                    uses[key.id] = broker.ims.get_access_key_last_used(grant.user, key.id)
    return replace(seen, last_uses=uses)


def _planned(
    broker: Broker, grant: LiveGrant, seen: Seen, asked: Asked, terms: RotationTerms
) -> list[Step]:
    guard_seconds = broker.lease_terms.lasts_seconds
    return rotation.plan(grant, seen, asked, terms, broker.now(), guard_seconds)


def _under_lease(
    broker: Broker, grant: LiveGrant, record: Attempt, asked: Asked, terms: RotationTerms,
    before: tuple[Seen, list[Step]], held: list[Lease],
) -> None:  # fmt: skip
    name = naming.application_lease(grant.application, grant.environment)
    take = partial(leases.take, broker.ram, name, record.operation_id, broker.lease_terms,
                   now=broker.now, sleep=broker.sleep)  # fmt: skip
    held.append(step(record, "lease.taken", take)())
    seen = find(broker, grant, asked)
    steps = _planned(broker, grant, seen, asked, terms)
    same = (seen.keys, seen.versions) == (before[0].keys, before[0].versions)
    if not same or _acts(steps) != _acts(before[1]):
        raise StateChanged("another run has worked on this meanwhile")
    if _revoked(broker, grant):
        raise StateChanged("a revocation has begun meanwhile")
    for act in steps:
        if isinstance(act, Wait):
            raise StateChanged(f"key {act.key_id} may be at work yet")
        _take_step(broker, grant, record, seen, act)


def _acts(steps: Sequence[Step]) -> list[Step]:
    return [step for step in steps if not isinstance(step, Report | Wait)]


# -- one step -------------------------------------------------------------------------------


def _changes(grant: LiveGrant, seen: Seen, act: Step) -> list[Change]:
    """What a step changes, in its order, as announced beforehand."""
    if isinstance(act, Create):
        restricted = [Change("key.restricted", "ims", "SetAccessKeyPolicy")]
        return [
            Change("key.created", "ram", "CreateAccessKey"),
            *(restricted if grant.source_ips else []),
            Change("secret.stored", "kms", "PutSecretValue"),
            *_stages(act.former),
        ]
    if isinstance(act, Promote):
        return _stages(act.former)
    if isinstance(act, TakeBack):
        key = act.key_id
        return [
            *([Change("key.restored", "ims", "RestoreAccessKeyFromRecycleBin", key, seen.user_id)]
              if act.restore else []),
            *([Change("key.restricted", "ims", "SetAccessKeyPolicy", key)]
              if act.restore and grant.source_ips else []),
            *([Change("key.enabled", "ram", "UpdateAccessKey", key)] if act.enable else []),
            *_stages(act.former, key),
        ]  # fmt: skip
    if isinstance(act, Cut):
        return [Change("key.restricted", "ims", "SetAccessKeyPolicy", act.key_id),
                Change("key.disabled", "ram", "UpdateAccessKey", act.key_id)]  # fmt: skip
    if isinstance(act, Disable):
        return [Change("key.disabled", "ram", "UpdateAccessKey", act.key_id)]
    if isinstance(act, Enable):
        return [Change("key.enabled", "ram", "UpdateAccessKey", act.key_id)]
    if isinstance(act, Retire | Delete):
        ends = resumption.retirement(act.key_id)
        purge = Change("key.purged", "ims", "DeleteAccessKeyInRecycleBin", act.key_id, seen.user_id)
        return [*(ends if isinstance(act, Retire) else ends[1:]),
                *([purge] if isinstance(act, Delete) and act.purge else [])]  # fmt: skip
    return []


def _stages(former: str, target: str = "") -> list[Change]:
    """The stage moves of a key that becomes current; the new one's id is not known yet."""
    return [
        *([Change("key.former", "kms", "UpdateSecretVersionStage", former)] if former else []),
        Change("key.rotated", "kms", "UpdateSecretVersionStage", target),
    ]


def _take_step(
    broker: Broker, grant: LiveGrant, record: Attempt, seen: Seen, act: Step
) -> None:
    ram, ims = broker.ram, broker.ims
    user = grant.user
    if isinstance(act, Retire):
        key_making.retire(broker, user, record, act.key_id)
    elif isinstance(act, Create):
        key = step(record, "key.created", lambda: ram.create_access_key(user))()
        record.facts |= {"access_key_id": key.id, "secret_version": key.id}
        key_making.secure(broker, Place(user, grant.secret, grant.source_ips), record, key)
        _make_current(broker, grant, record, key.id, act.former)
    elif isinstance(act, Promote):
        record.facts |= {"access_key_id": act.key_id, "secret_version": act.key_id}
        _make_current(broker, grant, record, act.key_id, act.former)
    elif isinstance(act, TakeBack):
        key_id = act.key_id
        if act.restore:
            _made(record, "key.restored", key_id, lambda: ims.restore_access_key_from_recycle_bin(
                seen.user_id, key_id))  # fmt: skip
            # Whether its network policy comes back with it is not documented.
            step(record, "key.restricted", lambda: ims.set_access_key_policy(
                user, key_id, grant.source_ips), target=key_id)()  # fmt: skip
        if act.enable:
            _made(record, "key.enabled", key_id,
                  lambda: ram.update_access_key(user, key_id, "Active"))  # fmt: skip
        _make_current(broker, grant, record, key_id, act.former, target=key_id)
    elif isinstance(act, Cut):
        side_by_side(
            _call(record, "key.restricted", act.key_id, lambda: ims.set_access_key_policy(
                user, act.key_id, networks.NOWHERE)),
            _call(record, "key.disabled", act.key_id, lambda: ram.update_access_key(
                user, act.key_id, "Inactive")),
        )  # fmt: skip
    elif isinstance(act, Disable):
        _made(record, "key.disabled", act.key_id,
              lambda: ram.update_access_key(user, act.key_id, "Inactive"))  # fmt: skip
    elif isinstance(act, Enable):
        _made(record, "key.enabled", act.key_id,
              lambda: ram.update_access_key(user, act.key_id, "Active"))  # fmt: skip
    elif isinstance(act, Delete):
        _made(record, "key.deleted", act.key_id,
              lambda: ram.delete_access_key(user, act.key_id))  # fmt: skip
        if act.purge:
            _made(record, "key.purged", act.key_id, lambda: ims.delete_access_key_in_recycle_bin(
                seen.user_id, act.key_id))  # fmt: skip


def _make_current(
    broker: Broker, grant: LiveGrant, record: Attempt, key_id: str, former: str, target: str = ""
) -> None:
    """The former one is labelled first: an undo that ends between the two is then no rotation that
    was left half-way. Whether the label follows by itself is not documented."""
    kms, secret = broker.kms, grant.secret
    if former:
        step(record, "key.former", lambda: kms.update_secret_version_stage(
            secret, naming.PREVIOUS_STAGE, former), target=former)()  # fmt: skip
    step(record, "key.rotated", lambda: kms.update_secret_version_stage(
        secret, naming.CURRENT_STAGE, key_id), target=target)()  # fmt: skip


def _call(record: Attempt, event: str, key_id: str, call: Callable[[], str]) -> Call:
    return step(record, event, lambda: key_making.unless_gone(call), target=key_id)


def _made(record: Attempt, event: str, key_id: str, call: Callable[[], str]) -> None:
    _call(record, event, key_id, call)()


def _ended(grant: LiveGrant, seen: Seen, steps: Sequence[Step], made: str = "") -> Rotated:
    took = next((s.key_id for s in steps if isinstance(s, TakeBack | Promote)), "")
    return Rotated(grant.user, tuple(steps), took or made or seen.current, seen.keys)
