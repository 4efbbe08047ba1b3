"""A user name that a deleted user still holds: freed if akwarden deleted that user, else refused.

Whether RAM keeps the names of users in its recycle bin is not documented, so nothing is purged
until CreateUser has said that the name is taken and nobody bears it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from shared.audit import Attempt, Change
from shared.errors import NameHeld, NotFound
from shared.ports import AuditLog, Ims
from shared.refusals import Denied
from shared.resumption import MEMORY_DAYS
from shared.steps import step, unless_so

# SLS makes a row searchable within 3 s of its acknowledgement ("Limits", real-time data): so soon
# after its user was deleted, a name may be asked for again.
MEMORY_PAUSE_SECONDS, LONGEST_MEMORY_SECONDS = 1.0, 6.0


def free(
    ims: Ims,
    audit_log: AuditLog,
    record: Attempt,
    user: str,
    *,
    now: Callable[[], datetime],
    sleep: Callable[[float], None],
) -> Denied | None:
    """Purge the deleted users of that name, after acknowledged intents, if all are akwarden's.

    The undo of an earlier ticket's withdrawal ends here: its application has a new one. Raises
    NameHeld if there is none.
    """
    entries = ims.list_users_in_recycle_bin(user)
    if not entries:
        raise NameHeld("the name is taken, and nothing visible bears it")
    waited = 0.0
    while foreign := set(entries) - _deleted_by_us(audit_log, entries, now()):
        if waited >= LONGEST_MEMORY_SECONDS:
            break
        sleep(MEMORY_PAUSE_SECONDS)
        waited += MEMORY_PAUSE_SECONDS
    if foreign:
        return Denied("name_in_recycle_bin", "application")
    purges = [Change("user.purged", "ims", "DeleteUserInRecycleBin", resource=entry)
              for entry in entries]  # fmt: skip
    audit_log.put_logs(record.intents(purges, now()))
    for entry in entries:
        purge = unless_so(partial(ims.delete_user_in_recycle_bin, entry), NotFound)
        step(record, "user.purged", purge, target=entry)()
    return None


def _deleted_by_us(audit_log: AuditLog, entries: Sequence[str], now: datetime) -> set[str]:
    """Those of the numeric user ids whose deletion the log announces; CloudError if it cannot be
    read."""
    rows = audit_log.get_logs(
        deletion_query(entries), now - timedelta(days=MEMORY_DAYS), now + timedelta(minutes=15)
    )
    return {row.get("resources", "") for row in rows}


def deletion_query(user_ids: Sequence[str]) -> str:
    """The log search for the deletion of users; their ids are decimal numbers."""
    wanted = " or ".join(f'resources: "{user_id}"' for user_id in user_ids)
    return f'event_type: "user.deleted" and ({wanted})'
