"""A new key until it is stored, and the end of one that cannot be: the same for every saga.

Prove, restrict, store, in this order: a stored key is one that works, from the approved addresses
only, so that whoever finds it stored may go on with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from shared import naming
from shared.audit import Attempt
from shared.broker import Broker
from shared.errors import CloudError, KeyNotAccepted, NotFound
from shared.ports import NewKey
from shared.resumption import retirement
from shared.secret_documents import key_document
from shared.steps import step

FIRST_PROBE_SECONDS, LONGEST_PROBE_SECONDS = 0.5, 4.0


@dataclass(frozen=True)
class Place:
    """Whose key it is, where its secret lies, and from where it may be used."""

    user: str
    secret: str
    source_ips: Sequence[str]


def secure(broker: Broker, place: Place, record: Attempt, key: NewKey) -> None:
    """Prove, restrict and store a key that was just made; one that fails is cut at once."""
    try:
        _prove(broker, key)
        step(record, "key.restricted", lambda: broker.ims.set_access_key_policy(
            place.user, key.id, place.source_ips))()  # fmt: skip
        step(record, "secret.stored", lambda: broker.kms.put_secret_value(
            place.secret, key.id, key_document(key), naming.PENDING_STAGE))()  # fmt: skip
    except CloudError:
        if not record.in_doubt or not record.tried("secret.stored"):
            _give_up(broker, place, record, key.id)
        raise


def _give_up(broker: Broker, place: Place, record: Attempt, key_id: str) -> None:
    """Cut and remove the key in hand, which will never be stored. What fails here is left to the
    next attempt, which finds the key as one that nobody has the secret of."""
    with suppress(CloudError):
        broker.audit_log.put_logs(record.intents(retirement(key_id), broker.now()))
        retire(broker, place.user, record, key_id)


def retire(broker: Broker, user: str, record: Attempt, key_id: str) -> None:
    """Disable, then delete, a key that no stored version stands for; gone already is fine."""
    ram = broker.ram
    step(record, "key.disabled", lambda: unless_gone(
        lambda: ram.update_access_key(user, key_id, "Inactive")), target=key_id)()  # fmt: skip
    step(record, "key.deleted", lambda: unless_gone(
        lambda: ram.delete_access_key(user, key_id)), target=key_id)()  # fmt: skip


def unless_gone(call: Callable[[], str]) -> str:
    """The request id, also of an answer that it is gone."""
    try:
        return call()
    except NotFound as err:
        return err.request_id


def unsettled(record: Attempt) -> bool:
    """Whether something may exist that the next attempt could fail to see yet."""
    key_id = record.facts.get("access_key_id", "")
    left_alone = (
        record.done("key.created")
        and not record.done("secret.stored")
        and not record.done("key.deleted", key_id)
    )
    return record.in_doubt or left_alone


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
