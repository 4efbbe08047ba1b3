"""A user name that a deleted user holds: freed if akwarden deleted that user, refused if not."""

from __future__ import annotations

import itertools

import pytest

from shared import naming
from shared.ports import User
from shared.refusals import Denied
from shared.resumption import Issued
from tests.unit.fakes import TERMS, FakeAuditLog, Fault, World, announced
from tests.unit.test_issuance import APPLICATION, attempt, run
from tests.unit.test_revocation import WITHDRAWN, quarantined, ticket
from tests.unit.test_revocation import run as revoke

IN_THE_WAY = Denied("name_in_recycle_bin", "application")
FAULTS = [
    Fault(method, nth, silent, after)
    for method in ("create_user", "list_users_in_recycle_bin", "delete_user_in_recycle_bin",
                   "put_logs", "get_logs", "get_user")
    for nth in (1, 2, 3)
    for silent in (False, True)
    for after in (False, True)
]  # fmt: skip


def recycled(deleted: User, *, free: bool = False) -> World:
    """A world in which that user lies in the recycle bin."""
    world = quarantined(World())
    world.recycled_users.append(deleted)
    world.recycled_names_are_free = free
    return world


def predecessor(**more: bool) -> World:
    """An earlier ticket's user was deleted by akwarden; nothing else is left of that ticket."""
    world = recycled(User("1", "somebody-else", {}), **more)
    world.users[APPLICATION.user] = User("4711", APPLICATION.user, {
        "akw:source": WITHDRAWN.source, "akw:ticket": "REQ-0001",
    })  # fmt: skip
    revoke(world, ticket(id="REQ-0001"))
    world.sleep(TERMS.max_lag_seconds + 1)
    world.log.clear()
    world.calls.clear()
    assert ["somebody-else", APPLICATION.user] == [user.name for user in world.recycled_users]
    return world


def bin_calls(world: World) -> list[str]:
    return [call for call in world.calls if "recycle_bin" in call]


def test_name_that_akwarden_left_in_the_bin_is_freed() -> None:
    """Purged by its id, after an acknowledged intent; then the user is created once more."""
    world = predecessor()

    outcome = run(world)

    assert isinstance(outcome, Issued)
    assert ["somebody-else"] == [user.name for user in world.recycled_users]
    operation = naming.operation_id("standard-webhooks", "REQ-1042", "issue")
    assert (operation, "DeleteUserInRecycleBin") in announced(world)
    result = [row for row in world.rows
              if (row["event_type"], row["phase"]) == ("user.purged", "result")]  # fmt: skip
    assert [("4711", "success")] == [(row["resources"], row["outcome"]) for row in result]


def test_name_of_a_stranger_in_the_bin_is_refused() -> None:
    """Nothing is made, purged or consumed: only the leases came, and went."""
    stranger = User("9000", APPLICATION.user, {})
    world = recycled(stranger)

    outcome = run(world)

    assert IN_THE_WAY == outcome
    assert [stranger] == world.recycled_users
    assert ({}, {}, {}) == (world.users, world.keys, world.secrets)
    assert [naming.QUARANTINE_POLICY] == list(world.policies)


def test_refused_ticket_is_issued_once_the_name_is_free() -> None:
    """The refusal ended the delivery, not the ticket."""
    world = recycled(User("9000", APPLICATION.user, {}))
    assert IN_THE_WAY == run(world)
    world.recycled_users.clear()

    outcome = run(world)

    assert isinstance(outcome, Issued)


def test_one_stranger_beside_our_own_stops_both() -> None:
    """The name would not be free anyhow: the undo of a withdrawal is not given away for nothing."""
    world = predecessor()
    world.recycled_users.append(User("9000", APPLICATION.user, {}))

    outcome = run(world)

    assert IN_THE_WAY == outcome
    assert ["1", "4711", "9000"] == [user.id for user in world.recycled_users]


def test_reusable_name_leaves_the_bin_alone() -> None:
    """Where RAM does not keep names, nobody looks, and an earlier withdrawal can be undone."""
    world = predecessor(free=True)

    outcome = run(world)

    assert isinstance(outcome, Issued)
    assert [] == bin_calls(world)
    assert ["1", "4711"] == [user.id for user in world.recycled_users]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.method}-{f.nth}-{f.silent}-{f.after}")
def test_any_one_failure_is_survived(fault: Fault) -> None:
    """Refused or silent, before or after: the retry frees the name and issues one key."""
    world = predecessor()
    world.faults = {fault}

    outcome = run(world)

    assert isinstance(outcome, Issued)
    assert [APPLICATION.user] == list(world.users)
    assert 1 == len(world.keys)
    assert ["somebody-else"] == [user.name for user in world.recycled_users]


def test_deletion_that_the_log_shows_late_is_waited_for() -> None:
    """A new ticket a second after the old one's end: the row cannot be searched yet."""
    world = predecessor()
    late = itertools.count(1)

    class Behind(FakeAuditLog):
        def get_logs(self, query: str, *when: object) -> list[object]:  # type: ignore[override]
            behind = "user.deleted" in query and next(late) < 3
            return [] if behind else list(super().get_logs(query, *when))  # type: ignore[arg-type]

    outcome = attempt(world.broker(audit_log=Behind(world)), APPLICATION)

    assert isinstance(outcome, Issued)
