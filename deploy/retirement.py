"""What is due for the keys of a hand-made RAM user that an application gives up: pure.

Each run derives it from RAM alone, so that any run can go on: a key that is quiet is disabled, one
that has been disabled for the grace is deleted. Quiet is as of a rotation: longer than any consumer
keeps a secret, and nothing that could not be read is quiet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.lifecycle import RotationTerms
from shared.ports import KeyStatus, LastUse
from shared.rotation import SHORTEST_QUIET

DISABLE, DELETE, ENABLE, RESTORE = "disable", "delete", "enable", "restore"


@dataclass(frozen=True)
class OldKey:
    """A key of the old user; `use` None: its last use could not be read."""

    status: KeyStatus
    use: LastUse | None

    @property
    def id(self) -> str:
        return self.status.id


@dataclass(frozen=True)
class Step:
    """What is done to a key, or, with an empty `what`, why nothing is done yet."""

    key_id: str
    what: str
    why: str


def plan(keys: Sequence[OldKey], terms: RotationTerms, now: datetime) -> list[Step]:
    """One step for each key."""
    return [_of_active(key, terms, now) if key.status.status == "Active"
            else _of_disabled(key, terms, now) for key in keys]  # fmt: skip


def _of_active(key: OldKey, terms: RotationTerms, now: datetime) -> Step:
    if key.use is None:
        return Step(key.id, "", "its last use could not be read")
    quiet = max(timedelta(hours=terms.overlap_hours), SHORTEST_QUIET)
    if key.use.at is not None and key.use.at > now - quiet:
        return Step(key.id, "", f"still used, last {_text(key.use.at)} ({key.use.service or '?'})")
    if key.use.at is None:
        return Step(key.id, DISABLE, "never used")
    return Step(key.id, DISABLE, f"last used {_text(key.use.at)}")


def _of_disabled(key: OldKey, terms: RotationTerms, now: datetime) -> Step:
    if key.status.changed_at is None:
        return Step(key.id, "", "disabled, and RAM does not say since when")
    over_at = key.status.changed_at + timedelta(days=terms.grace_days)
    if now < over_at:
        return Step(key.id, "", f"disabled, can be taken back until {_text(over_at)}")
    return Step(key.id, DELETE, f"disabled since {_text(key.status.changed_at)}")


def undo(keys: Sequence[OldKey], binned: Sequence[str], key_id: str) -> list[Step]:
    """The way back for one key: enabled, or restored from the recycle bin and enabled."""
    known = next((key for key in keys if key.id == key_id), None)
    if known is not None and known.status.status == "Active":
        return [Step(key_id, "", "is active")]
    if known is not None:
        return [Step(key_id, ENABLE, "disabled")]
    if key_id in binned and len(keys) < 2:
        return [Step(key_id, RESTORE, "in the recycle bin"), Step(key_id, ENABLE, "restored")]
    return [Step(key_id, "", "is gone, or two other keys stand in its place")]


def _text(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M}"
