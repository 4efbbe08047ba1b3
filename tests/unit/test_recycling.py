"""What in the recycle bins is a ticket's, and in which order it is purged."""

from __future__ import annotations

from typing import Any

import pytest

from shared import recycling
from shared.ports import KeyStatus, User
from shared.recycling import Recycled
from shared.removal import Found, Memory, Target

LEAKED = Target("standard-webhooks", "REQ-1042", "orders", "prod", "leaked")
USER = User("1", "akw-orders-prod", {})
KEY = KeyStatus("LTAI5tOne", "Active")
LIVE = Found(user=USER, keys=(KEY,))
NOBODY = Found()
NAMED = Memory(user_ids=frozenset({"1"}))


def bins(**users: set[str]) -> dict[str, set[str]]:
    """Deleted keys by user; `u1` is the user with the id 1."""
    return {name.removeprefix("u"): keys for name, keys in users.items()}


@pytest.mark.parametrize(("memory", "entries", "users", "keys"), [
    (Memory(), bins(u1={"K"}), set(), set()),
    (NAMED, bins(u1={"K"}), {"1"}, {("1", "K")}),
    (NAMED, {}, {"1"}, set()),
    (NAMED, bins(u1=set(), u2={"K"}), {"1"}, set()),
    (Memory(key_ids=frozenset({"K"})), bins(u2={"K", "L"}), {"2"}, {("2", "K"), ("2", "L")}),
    (Memory(user_ids=frozenset({"1"}), deleted=frozenset({("1", "K"), ("", "L"), ("3", "M")})),
     {}, {"1"}, {("1", "K")}),
    (Memory(user_ids=frozenset({"1"}), deleted=frozenset({("1", "K")}),
            purged=frozenset({"1", "K"})), {}, set(), set()),
    (Memory(user_ids=frozenset({"1"}), purged=frozenset({"1"})), bins(u1={"K"}), {"1"},
     {("1", "K")}),
])  # fmt: skip
def test_deleted_user_is_ours_by_its_id_or_by_its_keys(
    memory: Memory, entries: dict[str, set[str]], users: set[str], keys: set[Any]
) -> None:
    """Never by its name: the log names the id, or a key that lies there."""
    found = recycling.recycled(NOBODY, memory, entries, entries)

    assert Recycled(frozenset(users), frozenset(keys)) == found


def test_live_user_is_in_no_bin_but_its_deleted_keys_are() -> None:
    """An announced deletion that did not happen purges nobody."""
    found = recycling.recycled(LIVE, NAMED, {}, bins(u1={"K"}))

    assert Recycled(frozenset(), frozenset({("1", "K")})) == found


def test_keys_are_purged_before_the_user() -> None:
    """Those about to be deleted too, each with its user's id."""
    changes = recycling.purges(
        LEAKED, LIVE, Recycled(frozenset({"2"}), frozenset({("1", "K")}))
    )

    assert [
        ("key.purged", "K", "1"), ("key.purged", KEY.id, "1"),
        ("user.purged", "", "1"), ("user.purged", "", "2"),
    ] == [(change.event_type, change.target, change.resource) for change in changes]  # fmt: skip


@pytest.mark.parametrize("reason", ["ended", "withdrawn"])
def test_other_reasons_purge_nothing(reason: str) -> None:
    """Whatever is found."""
    whom = Target("standard-webhooks", "REQ-1042", "orders", "prod", reason)

    assert [] == recycling.purges(whom, LIVE, Recycled(frozenset({"2"})))
