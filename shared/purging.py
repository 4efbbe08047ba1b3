"""Nothing restorable: what the recycle bins hold of a ticket, and the proof that it is over.

What is this ticket's says `shared/recycling.py`, which calls purge it `shared/teardown.py`.
"""

from __future__ import annotations

from collections.abc import Collection

from shared import recycling
from shared.audit import FAILURE, NOTE, SUCCESS, UNKNOWN, Change, Outcome
from shared.errors import CloudError, CloudRefused, KeyStillKnown, StateChanged
from shared.recycling import Recycled
from shared.removal import Found, Memory
from shared.secrecy import Secret
from shared.steps import side_by_side
from shared.teardown import Run

# A key that exists is refused for its signature, its status or its network, one that does not is
# not found: so any secret will do, and none has to be known.
NO_SECRET = Secret("no-secret-at-all")
GONE = "InvalidAccessKeyId.NotFound"
PROOF_PAUSE_SECONDS = 2.0


def find(run: Run, found: Found, memory: Memory) -> Recycled:
    """What of the ticket's lies in the recycle bins, where it is to be purged. A read that fails
    is kept as a failure, and shows nothing."""
    if not run.target.purges or found.self_service:
        return Recycled()
    ims = run.broker.ims
    entries = run.read(lambda: ims.list_users_in_recycle_bin(run.target.user), ())
    live = {found.user.id} if found.user else set[str]()
    users = sorted({*entries, *memory.user_ids, *live})
    keys = dict(zip(users, _recycled_keys(run, users), strict=True))
    if any(keys[user] is None for user in live):
        run.failures.append(StateChanged("the user's deleted keys cannot be listed yet"))
    held = {user: frozenset(ids or ()) for user, ids in keys.items()}
    return recycling.recycled(found, memory, {user: held[user] for user in entries}, held)


def _recycled_keys(run: Run, users: Collection[str]) -> list[Collection[str] | None]:
    """Each user's deleted keys; None for a user that is neither there nor in the recycle bin."""
    ims = run.broker.ims

    def listed(user: str) -> Collection[str] | None:
        nothing: Collection[str] | None = ()
        return run.read(lambda: ims.list_access_keys_in_recycle_bin(user), nothing)

    return side_by_side(*(lambda user=user: listed(user) for user in users)) if users else []


def prove(run: Run, keys: Collection[str], purged: Collection[str]) -> None:
    """See that no key of `keys` exists and none of the users `purged` can be restored, within the
    lag bound; what is not proved by then is kept as a failure. Both are on record."""
    waited, patience = 0.0, run.broker.lease_terms.max_lag_seconds
    unproved, proofs = sorted(set(keys)), dict[str, Outcome]()
    restorable = False
    while keys or purged:
        for key, outcome in zip(unproved, _asked(run, unproved), strict=True):
            proofs[key] = outcome
        unproved = [key for key in unproved if proofs[key].outcome != SUCCESS]
        restorable = _restorable(run, purged)
        if not (unproved or restorable) or waited >= patience:
            break
        run.broker.sleep(min(PROOF_PAUSE_SECONDS, patience - waited))
        waited += PROOF_PAUSE_SECONDS
    run.notes += [
        (Change("key.proved_gone", "sts", "GetCallerIdentity", key), NOTE, proofs[key])
        for key in sorted(proofs)
    ]
    if unproved:
        run.failures.append(KeyStillKnown("GetCallerIdentity"))
    if restorable:
        run.failures.append(StateChanged("something deleted can still be restored"))


def _asked(run: Run, keys: Collection[str]) -> list[Outcome]:
    return side_by_side(*(lambda key=key: _proof(run, key) for key in keys)) if keys else []


def _proof(run: Run, key: str) -> Outcome:
    """What STS says of the key; only one answer proves its end, and no answer proves nothing."""
    try:
        run.broker.sts.get_caller_identity(key, NO_SECRET)
    except CloudRefused as err:
        gone = SUCCESS if err.code == GONE else FAILURE
        return Outcome(gone, err.request_id, err.status, err.code)
    except CloudError as err:
        return Outcome(UNKNOWN, code=err.reason)
    return Outcome(FAILURE)


def _restorable(run: Run, users: Collection[str]) -> bool:
    """Whether one of these users, or a key of theirs, is in a recycle bin; an error read counts
    as yes, and is no failure by itself: it is read again."""
    ims = run.broker.ims
    try:
        entries = set(ims.list_users_in_recycle_bin(run.target.user))
        return bool(entries & set(users)) or any(
            ims.list_access_keys_in_recycle_bin(user) for user in users
        )
    except CloudError:
        return True
