"""What can be restored from RAM's recycle bins although it was deleted, and what of it goes: pure.

RAM keeps a deleted user for 30 days under its numeric id, and a user's last three deleted keys.
Source: RAM, "Delete a RAM user" and "Delete an AccessKey pair".
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from shared.audit import Change
from shared.removal import Found, Memory, Target

RecycledKeys = Mapping[str, Set[str]]  # user id: ids of its deleted keys


@dataclass(frozen=True)
class Recycled:
    """What of a ticket's is, or may be, restorable: ids of deleted users, and (user id, key id)
    of deleted keys."""

    users: frozenset[str] = frozenset()
    keys: frozenset[tuple[str, str]] = frozenset()


def recycled(found: Found, memory: Memory, bins: RecycledKeys, keys: RecycledKeys) -> Recycled:
    """What is this ticket's in the recycle bins. `bins` are the deleted users of the name, `keys`
    the deleted keys of any user that may be meant.

    A deleted user is this ticket's if the log names its id or one of its deleted keys: one that
    merely bore the name is not. What the log says was deleted counts too, visible yet or not.
    """
    live = {found.user.id} if found.user else set[str]()
    known = memory.user_ids | {user for user, held in bins.items() if held & memory.key_ids}
    users = (known & set(bins)) | (memory.user_ids - memory.purged)
    listed = {(user, key) for user in known | live for key in keys.get(user, ())}
    unpurged = {
        (user, key) for user, key in memory.deleted
        if user in known | live and key not in memory.purged
    }  # fmt: skip
    return Recycled(frozenset(users - live), frozenset(listed | unpurged))


def purges(whom: Target, found: Found, bins: Recycled) -> list[Change]:
    """What has to be purged once the user and its keys are deleted; nothing for most reasons.
    Keys come first: nothing says that those of a purged user are gone."""
    if not whom.purges:
        return []
    users, keys = set(bins.users), set(bins.keys)
    if found.user is not None:
        users.add(found.user.id)
        keys |= {(found.user.id, key.id) for key in found.keys}
    return [
        *(Change("key.purged", "ims", "DeleteAccessKeyInRecycleBin", key, user)
          for user, key in sorted(keys)),
        *(Change("user.purged", "ims", "DeleteUserInRecycleBin", resource=user)
          for user in sorted(users)),
    ]  # fmt: skip
