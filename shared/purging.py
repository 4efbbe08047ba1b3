"""Nothing restorable: what the recycle bins hold of a ticket, and the proof that it is over.

What is this ticket's says `shared/recycling.py`, which calls purge it `shared/teardown.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

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


def keys_are_gone(run: Run, keys: Collection[str]) -> bool:
    """Wait until no key of `keys` exists, for the lag bound at most; whether that is over and STS
    knows none of them. Where it does not answer, the time that has passed is enough to go on."""
    _within_the_lag(run, lambda: _all_proved(run, keys))
    if any(run.proofs[key].outcome == FAILURE for key in keys):
        _tell(run, keys)
        run.failures.append(KeyStillKnown("GetCallerIdentity"))
        return False
    return True


def prove(run: Run, keys: Collection[str], purged: Collection[str]) -> None:
    """See that no key of `keys` exists and none of the users `purged` can be restored, within the
    lag bound; what is not proved by then is kept as a failure. The answers are on record."""
    if not _within_the_lag(run, lambda: _all_proved(run, keys)):
        run.failures.append(KeyStillKnown("GetCallerIdentity"))
    _tell(run, keys)
    if purged and not _within_the_lag(run, lambda: not _restorable(run, purged)):
        run.failures.append(StateChanged("something deleted can still be restored"))


def _tell(run: Run, keys: Collection[str]) -> None:
    run.notes += [
        (Change("key.proved_gone", "sts", "GetCallerIdentity", key), NOTE, run.proofs[key])
        for key in sorted(set(keys))
    ]


def _within_the_lag(run: Run, holds: Callable[[], bool]) -> bool:
    """Whether it comes to hold; all proofs of a run together wait no longer than one lag bound."""
    patience = run.broker.lease_terms.max_lag_seconds
    while not holds():
        if run.proof_seconds >= patience:
            return False
        run.broker.sleep(min(PROOF_PAUSE_SECONDS, patience - run.proof_seconds))
        run.proof_seconds += PROOF_PAUSE_SECONDS
    return True


def _all_proved(run: Run, keys: Collection[str]) -> bool:
    """Ask about those of which it is not known yet."""
    unproved = sorted(key for key in set(keys)
                      if key not in run.proofs or run.proofs[key].outcome != SUCCESS)  # fmt: skip
    run.proofs.update(zip(unproved, _asked(run, unproved), strict=True))
    return all(run.proofs[key].outcome == SUCCESS for key in unproved)


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
