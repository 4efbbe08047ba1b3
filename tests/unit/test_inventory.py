"""A key's row tells what was known of it, and reads back as it was written."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import audit, inventory, ledger, rotation_runs
from shared.inventory import NEVER, UNKNOWN, Entry
from shared.ledger import LiveGrant
from shared.ports import KeyStatus, LastUse, User
from tests.unit.fakes import BEGAN, Fault
from tests.unit.strategies import brief, json_values
from tests.unit.test_grants import APPLICATION, LEDGER_KEY
from tests.unit.test_rotating import issued
from tests.unit.test_rotation_runs import hour_of, run_of

KEY = KeyStatus("LTAI5tSomeKey", "Active", BEGAN - timedelta(days=5))
RECORD = audit.attempt(
    audit.Subject("", "", "", ""), "op-1", fc_request_id="1", fc_function="akw-rotate",
    account_id="1", region="r", trigger="timer", broker_version="0",
)  # fmt: skip


def grant() -> LiveGrant:
    user = User("1", APPLICATION.user, APPLICATION.tags)
    found = ledger.read(user, APPLICATION.description, LEDGER_KEY)
    assert isinstance(found, LiveGrant)
    return found


def entry(use: LastUse | None = None, **changes: Any) -> Entry:
    return replace(inventory.entry(grant(), KEY, use, BEGAN), **changes)


@pytest.mark.parametrize(("use", "used", "service"), [
    (None, UNKNOWN, ""), (LastUse(None), NEVER, ""), (LastUse(BEGAN, "Sls"), BEGAN, "Sls"),
])  # fmt: skip
def test_unread_is_not_unused(use: LastUse | None, used: Any, service: str) -> None:
    """Three things that must never be taken for each other."""
    found = entry(use)

    assert (used, service) == (found.used, found.service)
    (row,) = inventory.rows(RECORD, [found], BEGAN)
    assert found == inventory.read(row)


def test_row_names_what_auditors_search_for() -> None:
    """Key, user, place, ticket and people are in fields of their own."""
    (row,) = inventory.rows(RECORD, [entry()], BEGAN)

    assert ("key.inventory", "note", KEY.id, "akw-orders-prod", "orders", "prod", "REQ-1042",
            "alice", "carol@example.com,dave@example.com") == tuple(row[name] for name in (
        "event_type", "phase", "access_key_id", "target_user", "application", "environment",
        "ticket_id", "requester_id", "approver_id"))  # fmt: skip
    assert ["sls-logstore-write"] == json.loads(row["message"])["templates"]
    assert row["hash"] == audit.row_hash(row)


def test_newest_row_of_each_key_counts() -> None:
    """The oldest key first, one of unknown age last."""
    old, new = entry(seen_at=BEGAN), entry(LastUse(BEGAN), seen_at=BEGAN + timedelta(days=1))
    other = entry(key_id="K2", created_at=BEGAN - timedelta(days=50))
    dark = entry(key_id="K3", created_at=None)
    written = [row for one in (new, old, dark, other)
               for row in inventory.rows(RECORD, [one], one.seen_at)]  # fmt: skip

    assert [other, new, dark] == inventory.latest(written)


@brief
@given(st.dictionaries(st.sampled_from(("event_type", "message", "time_ms", "ticket_id")),
                       st.text()), json_values)  # fmt: skip
def test_any_row_is_read_or_left_out(row: dict[str, str], message: Any) -> None:
    """Whoever can write to the log must not be able to break the page."""
    (good,) = inventory.rows(RECORD, [entry()], BEGAN)

    for strange in (row, {**good, **row}, {**good, "message": json.dumps(message)}):
        found = inventory.read(strange)
        assert found is None or isinstance(found, Entry)


def test_daily_turn_takes_the_inventory() -> None:
    """Of every key; a last use that cannot be read is unknown, and no failure."""
    world = issued()
    world.calls.clear()
    world.faults = {Fault("get_access_key_last_used", 1, silent=True, after=False)}

    rotation_runs.take_turns(run_of(world), hour_of(APPLICATION.user))

    (found,) = inventory.latest(row for row in world.rows if row["event_type"] == inventory.EVENT)
    (key,) = world.keys.values()
    assert (key.id, UNKNOWN, APPLICATION.user) == (found.key_id, found.used, found.user)
