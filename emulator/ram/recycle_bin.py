"""The recycle bins: a deleted key or user can come back for 30 days.

Source: RAM, "Delete a RAM user" and "Delete an AccessKey pair": three keys per user, the oldest
purged on overflow; 1,000 users. That the retention of keys is 30 days is read off the samples.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from emulator.ram import quotas
from emulator.ram.state import AccessKey, RamState, User

RETENTION = timedelta(days=30)


def recycle_key(ram: RamState, key: AccessKey, now: datetime) -> None:
    """Take a key out of use and keep it in the bin."""
    del ram.keys[key.id]
    key.recycled_at = key.updated_at = now
    ram.recycled_keys[key.id] = key
    held = keys_of(ram, key.user_id)
    for oldest in held[: max(0, len(held) - quotas.RECYCLED_KEYS_PER_USER)]:
        purge_key(ram, oldest)


def keys_of(ram: RamState, user_id: str) -> list[AccessKey]:
    """A user's keys in the bin, oldest first (by order of deletion)."""
    return [key for key in ram.recycled_keys.values() if key.user_id == user_id]


def purge_key(ram: RamState, key: AccessKey) -> None:
    """Nothing lists a purged key again; authentication may know it a moment longer."""
    del ram.recycled_keys[key.id]
    ram.purged_keys[key.id] = key


def recycle_user(ram: RamState, user: User, now: datetime) -> None:
    """Take a user out of use and keep it in the bin."""
    del ram.users[user.name]
    user.recycled_at = user.updated_at = now
    ram.recycled_users[user.id] = user
    for oldest in list(ram.recycled_users.values())[: -quotas.RECYCLED_USERS]:
        purge_user(ram, oldest)


def purge_user(ram: RamState, user: User) -> None:
    """Forget a user and the keys it left in the bin."""
    del ram.recycled_users[user.id]
    for key in keys_of(ram, user.id):
        purge_key(ram, key)


def expire(ram: RamState, now: datetime) -> None:
    """Purge what has lain there for the whole retention."""
    for key in list(ram.recycled_keys.values()):
        if key.recycled_at and key.recycled_at + RETENTION <= now:
            purge_key(ram, key)
    for user in list(ram.recycled_users.values()):
        if user.recycled_at and user.recycled_at + RETENTION <= now:
            purge_user(ram, user)
