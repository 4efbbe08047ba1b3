"""What is due of a rotation follows from RAM and KMS alone, and from no unknown."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared import rotation
from shared.ledger import LiveGrant
from shared.lifecycle import RotationTerms
from shared.ports import KeyStatus, LastUse, Version
from shared.rotation import (
    ASKED,
    DISABLE,
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

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
TERMS = RotationTerms(days=90, overlap_hours=24, wait_days=14, grace_days=7)
OLD, NEW = "LTAI5tOldKey000000000001", "LTAI5tNewKey000000000002"
GUARD_SECONDS = 330.0


def ago(days: float = 0, hours: float = 0) -> datetime:
    return NOW - timedelta(days=days, hours=hours)


GRANT = LiveGrant(
    "akw-orders-prod", "orders", "prod", "s", "T-1", "d", "alice", ("carol",), ago(days=60),
    NOW + timedelta(days=400), (), (), "digest",
)


def key(key_id: str, created: datetime, status: str = "Active",
        changed: datetime | None = None) -> KeyStatus:  # fmt: skip
    return KeyStatus(key_id, status, created, changed or created)


def versions(**stages: str) -> tuple[Version, ...]:
    ids = {"old": OLD, "new": NEW, "reserve": "reserve"}
    names = {"C": "ACSCurrent", "P": "ACSPrevious", "N": "AkwPending"}
    return tuple(Version(ids[name], frozenset(names[s] for s in marks))
                 for name, marks in stages.items())  # fmt: skip


ALONE = versions(old="CN", reserve="P")
STORED = versions(old="C", new="N", reserve="P")
BESIDE = versions(old="P", new="CN", reserve="")


def plan(seen: Seen, why: str = "due", leaked: str = "", grant: LiveGrant = GRANT) -> list[Step]:
    return rotation.plan(grant, seen, Asked(why, leaked), TERMS, NOW, GUARD_SECONDS)


def ours(*keys: KeyStatus) -> Seen:
    """Nothing but the first key is stored; the others were announced when they were made."""
    announced = tuple(k.created_at - timedelta(seconds=5) for k in keys if k.created_at)
    return Seen("2", keys, ALONE, past=Past(announced))


def alone(age_days: float) -> Seen:
    return Seen("2", (key(OLD, ago(days=age_days)),), ALONE)


def beside(hours: float, used: LastUse | None, old: KeyStatus | None = None) -> Seen:
    """Both keys, the new one current for so long."""
    keys = (old or key(OLD, ago(days=89)), key(NEW, ago(hours=hours)))
    return Seen("2", keys, BESIDE, {} if used is None else {OLD: used})


NEVER, LONG_AGO, JUST_NOW = LastUse(None), LastUse(ago(hours=24)), LastUse(ago(hours=1))
NOT_OURS = Report(NEW, "key_not_ours")
USED = Report(OLD, "former_key_still_used", "last 2026-11-26T11:00:00Z")


@pytest.mark.parametrize(("seen", "expected"), [
    (alone(86.73), []),
    (alone(86.74), [Create(OLD)]),
    (Seen("2", (key(OLD, ago(89), "Inactive"),), ALONE), []),
    (Seen("2", (KeyStatus(OLD, "Active"),), ALONE), []),
    (Seen("2", (key(OLD, ago(89)), key(NEW, ago(hours=1))), STORED), [Promote(NEW, OLD)]),
    (Seen("2", (key(OLD, ago(89)), key(NEW, ago(hours=1))), versions(old="", new="CN")),
     [Promote(NEW, OLD)]),
    (ours(key(OLD, ago(89)), key(NEW, ago(hours=1))), [Retire(NEW), Create(OLD)]),
    (ours(key(OLD, ago(89)), key(NEW, ago(hours=0.05))), [Wait(NEW)]),
    (Seen("2", (key(OLD, ago(89)), key(NEW, ago(hours=0.05))), ALONE), [Wait(NEW)]),
    (Seen("2", (key(OLD, ago(89)), key(NEW, ago(hours=1))), ALONE), [NOT_OURS]),
    (Seen("2", (key(OLD, ago(1)), key(NEW, ago(hours=1))), ALONE), [NOT_OURS]),
    (ours(key(OLD, ago(1)), key(NEW, ago(hours=1))), []),
    (Seen("2", (key(NEW, ago(1)),), ALONE), [Report(OLD, "current_key_missing")]),
    (Seen("2", (), versions(reserve="C")), [Report("reserve", "current_key_missing")]),
    (beside(23.9, NEVER), []),
    (beside(24, NEVER), [Disable(OLD)]),
    (beside(24, LONG_AGO), [Disable(OLD)]),
    (beside(24, None), [Report(OLD, "last_use_unknown")]),
    (beside(24, JUST_NOW), [USED]),
    (beside(15 * 24 - 0.1, JUST_NOW), [USED]),
    (beside(15 * 24, JUST_NOW), [USED, Disable(OLD, in_use=True)]),
    (beside(400, None), [Report(OLD, "last_use_unknown")]),
    (beside(400, NEVER, key(OLD, ago(89), "Inactive", ago(6.9))), []),
    (beside(400, NEVER, key(OLD, ago(89), "Inactive", ago(7))), [Delete(OLD)]),
    (beside(400, NEVER, KeyStatus(OLD, "Inactive", ago(89))), []),
    (Seen("2", (key(OLD, ago(89)), key(NEW, ago(9), "Inactive")), BESIDE, {OLD: NEVER}),
     [Report(NEW, "current_key_disabled")]),
])  # fmt: skip
def test_each_stage_has_its_step(seen: Seen, expected: list[Step]) -> None:
    """A table of what can be found, and what is done about it by the timer."""
    assert expected == plan(seen)


@pytest.mark.parametrize(("grant", "age_days", "due"), [
    (replace(GRANT, rotation_days=30), 26.73, False),
    (replace(GRANT, rotation_days=30), 26.74, True),
    (replace(GRANT, rotation_days=1), 0.4, False),
    (replace(GRANT, rotation_days=1), 0.5, True),
    (replace(GRANT, expires_at=ago(89) + timedelta(days=90)), 89, False),
    (replace(GRANT, expires_at=ago(89) + timedelta(days=90, hours=1)), 89, True),
])  # fmt: skip
def test_ticket_may_ask_for_less_and_a_grant_may_end_before(
    grant: LiveGrant, age_days: float, due: bool
) -> None:
    assert due == bool(plan(alone(age_days), grant=grant))


def test_wait_for_a_used_key_is_the_grants() -> None:
    """Zero days: as soon as the overlap is over."""
    at_once = replace(GRANT, rotation_wait_days=0)

    assert [USED, Disable(OLD, in_use=True)] == plan(beside(24, JUST_NOW), grant=at_once)
    patient = replace(GRANT, rotation_wait_days=60)
    assert [USED] == plan(beside(24 * 60, JUST_NOW), grant=patient)


@pytest.mark.parametrize(("seen", "expected"), [
    (alone(0), [Create(OLD)]),
    (beside(1, NEVER), []),
    (ours(key(OLD, ago(0)), key(NEW, ago(hours=1))), [Retire(NEW), Create(OLD)]),
    (Seen("2", (key(OLD, ago(0)), key(NEW, ago(hours=1))), ALONE), [NOT_OURS]),
])  # fmt: skip
def test_whoever_asks_need_not_wait_for_the_age(seen: Seen, expected: list[Step]) -> None:
    """But no third key is made, and no overlap is shortened."""
    assert expected == plan(seen, ASKED)


@pytest.mark.parametrize(("seen", "leaked", "expected"), [
    (alone(5), OLD, [Cut(OLD), Create(OLD), Delete(OLD, purge=True)]),
    (Seen("2", (key(OLD, ago(5), "Inactive"),), ALONE), OLD,
     [Create(OLD), Delete(OLD, purge=True)]),
    (beside(1, JUST_NOW), OLD, [Cut(OLD), Delete(OLD, purge=True)]),
    (beside(1, JUST_NOW), NEW, [Cut(NEW), Delete(NEW, purge=True), Create(NEW)]),
    (Seen("2", (key(OLD, ago(5)), key(NEW, ago(hours=1))), STORED), OLD,
     [Cut(OLD), Promote(NEW, OLD), Delete(OLD, purge=True)]),
    (ours(key(OLD, ago(5)), key(NEW, ago(hours=1))), OLD,
     [Cut(OLD), Retire(NEW), Create(OLD), Delete(OLD, purge=True)]),
    (Seen("2", (key(OLD, ago(5)), key(NEW, ago(hours=1))), ALONE), OLD,
     [Cut(OLD), NOT_OURS, Delete(OLD, purge=True), Create(OLD)]),
    (Seen("2", (key(OLD, ago(5)), key(NEW, ago(hours=1))), ALONE), NEW,
     [Cut(NEW), Delete(NEW, purge=True)]),
    (Seen("2", (key(OLD, ago(5)),), BESIDE), NEW, [Create(NEW), Delete(NEW, purge=True)]),
    (Seen("2", (key(NEW, ago(5)),), BESIDE, binned=frozenset({OLD})), OLD,
     [Delete(OLD, purge=True)]),
    (alone(5), "LTAI5tSomebodyElse000001", [
        Report("LTAI5tSomebodyElse000001", "leaked_key_unknown")]),
])  # fmt: skip
def test_leaked_key_is_cut_first_and_cannot_be_restored(
    seen: Seen, leaked: str, expected: list[Step]
) -> None:
    """Readers get a new key, never the former one, which may be as old as the leak."""
    assert expected == plan(seen, LEAKED, leaked)


@pytest.mark.parametrize(("seen", "expected"), [
    (beside(1, None), [TakeBack(OLD, NEW, restore=False, enable=False)]),
    (beside(99, None, key(OLD, ago(89), "Inactive")),
     [TakeBack(OLD, NEW, restore=False, enable=True)]),
    (Seen("2", (key(NEW, ago(9)),), BESIDE, binned=frozenset({OLD})),
     [TakeBack(OLD, NEW, restore=True, enable=True)]),
    (Seen("2", (key(NEW, ago(9)),), BESIDE), [Report(OLD, "former_key_gone")]),
    (Seen("2", (key(NEW, ago(9)), key("LTAI5tThird00000000000003", ago(1))), BESIDE,
          binned=frozenset({OLD})), [Report(OLD, "former_key_gone")]),
    (replace(beside(99, None, key(OLD, ago(89), "Inactive")), past=Past(leaked=frozenset({OLD}))),
     [Report(OLD, "former_key_leaked")]),
    (Seen("2", (key(NEW, ago(9)),), BESIDE, binned=frozenset({OLD}),
          past=Past(leaked=frozenset({OLD}))), [Report(OLD, "former_key_leaked")]),
    (alone(9), [Report("reserve", "nothing_to_undo")]),
    (Seen("2", (key(OLD, ago(89)), key(NEW, ago(9))), versions(old="", new="CPN")),
     [TakeBack(OLD, NEW, restore=False, enable=False)]),
])  # fmt: skip
def test_undo_takes_the_former_key_back_while_it_exists(
    seen: Seen, expected: list[Step]
) -> None:
    """Also one that ended between its two labels is taken to its end."""
    assert expected == plan(seen, UNDO)


def off(seen: Seen) -> Seen:
    return replace(seen, keys=tuple(replace(one, status="Inactive") for one in seen.keys))


MIXED = beside(1, NEVER, key(OLD, ago(89), "Inactive"))
PAUSED, LEAKED_TOO = Past(paused=frozenset({OLD, NEW})), Past(
    paused=frozenset({OLD, NEW}), leaked=frozenset({OLD}))
STRANGE = off(replace(ours(key(OLD, ago(89)), key(NEW, ago(9))), past=PAUSED))


@pytest.mark.parametrize(("seen", "why", "expected"), [
    (alone(5), DISABLE, [Disable(OLD)]), (beside(1, NEVER), DISABLE, [Disable(OLD), Disable(NEW)]),
    (MIXED, DISABLE, [Disable(NEW)]),
    (Seen("2", (key(OLD, ago(89)), key(NEW, ago(hours=0.01))), ALONE), DISABLE,
     [Disable(OLD), Disable(NEW)]),
    (off(alone(5)), DISABLE, [Report(OLD, "already_disabled")]),
    (off(alone(5)), ENABLE, [Report(OLD, "nothing_to_enable")]),
    (replace(off(alone(5)), past=PAUSED), ENABLE, [Enable(OLD)]),
    (replace(off(beside(1, NEVER)), past=PAUSED), ENABLE, [Enable(OLD), Enable(NEW)]),
    (replace(off(beside(1, NEVER)), past=LEAKED_TOO), ENABLE, [Enable(NEW)]),
    (replace(MIXED, past=Past(paused=frozenset({NEW}))), ENABLE,
     [Report(NEW, "nothing_to_enable")]),
    (STRANGE, ENABLE, [Enable(OLD)]), (replace(alone(5), past=PAUSED), ENABLE,
                                       [Report(OLD, "nothing_to_enable")]),
    (replace(off(alone(5)), keys=()), DISABLE, [Report(OLD, "already_disabled")]),
])  # fmt: skip
def test_grant_is_switched_off_as_a_whole_and_on_as_it_was(
    seen: Seen, why: str, expected: list[Step]
) -> None:
    """Neither what leaked, nor what somebody else disabled, nor what is not stored comes back."""
    assert expected == plan(seen, why)


@pytest.mark.parametrize("seen", [
    off(alone(400)), off(beside(400, NEVER)),
    off(Seen("2", (key(OLD, ago(89)), key(NEW, ago(hours=1))), STORED)),
    off(ours(key(OLD, ago(89)), key(NEW, ago(9)))),
])  # fmt: skip
def test_nothing_moves_while_it_is_switched_off(seen: Seen) -> None:
    """Neither in its turn nor on request: everything is kept, so that it can be looked at."""
    assert [[], []] == [plan(seen), plan(seen, ASKED)]


def test_undone_rotation_is_not_done_again_by_the_next_turn() -> None:
    """The key that was taken back is the former one now, and leaves like one."""
    keys = (key(OLD, ago(40)), key(NEW, ago(hours=1)))
    undone = Seen("2", keys, versions(old="C", new="PN"), {NEW: NEVER})

    assert [] == plan(undone)
    later = replace(undone, keys=(key(OLD, ago(40)), key(NEW, ago(hours=24))))
    assert [Disable(NEW)] == plan(later)


@pytest.mark.parametrize(("switched_hours", "expected"), [
    (1, []), (23.9, []), (24, [Report(NEW, "former_key_still_used", USED.detail)]),
    (15 * 24, [Report(NEW, "former_key_still_used", USED.detail), Disable(NEW, in_use=True)]),
])  # fmt: skip
def test_overlap_and_wait_count_from_when_readers_were_given_another_key(
    switched_hours: float, expected: list[Step]
) -> None:
    """An undo, or a late run, comes long after the younger key was made."""
    keys = (key(OLD, ago(60)), key(NEW, ago(20)))
    undone = Seen("2", keys, versions(old="C", new="PN"), {NEW: JUST_NOW},
                  past=Past(switched_at=ago(hours=switched_hours)))  # fmt: skip

    assert expected == plan(undone)
