"""Where a managed user's rotation is, and what is due now: pure.

It is all told by RAM and KMS: a key is stored if the secret has a version of its own id, and the
stages of the versions say which one readers get. So any run can go on from any point.

    current → (created, stored as pending) → current beside previous → previous disabled → deleted

A former key goes only after the overlap, and once it is quiet: whoever still uses it has not read
the new one. What could not be read is unknown, and an unknown key is in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared import key_text, naming
from shared.ledger import LiveGrant
from shared.lifecycle import RotationTerms
from shared.ports import KeyStatus, LastUse, Version

MOST_KEYS = 2  # of a RAM user
# A consumer reads anew after 6 h 15 min at the latest, and "last used" is up to two hours late.
SHORTEST_QUIET = timedelta(hours=9)

DUE, ASKED, LEAKED, UNDO = "due", "asked", "leaked", "undo"


@dataclass(frozen=True)
class Asked:
    """Why a run looks at this user: its turn (DUE), or somebody's wish (ASKED, LEAKED with the key
    that leaked, UNDO)."""

    why: str = DUE
    access_key_id: str = ""


@dataclass(frozen=True)
class Seen:
    """What was read of one managed user; `last_uses` lacks what could not be read, `binned` are
    keys in the recycle bin, read only for an undo."""

    user_id: str
    keys: tuple[KeyStatus, ...]
    versions: tuple[Version, ...]
    last_uses: Mapping[str, LastUse] = field(default_factory=dict)
    binned: frozenset[str] = frozenset()

    def staged(self, stage: str) -> str:
        """The version id that bears a stage; empty if none does."""
        return next((v.id for v in self.versions if stage in v.stages), "")

    @property
    def current(self) -> str:
        return self.staged(naming.CURRENT_STAGE)

    @property
    def previous(self) -> str:
        return self.staged(naming.PREVIOUS_STAGE)

    def key(self, key_id: str) -> KeyStatus | None:
        return next((key for key in self.keys if key.id == key_id), None)

    def stored(self, key_id: str) -> bool:
        return any(version.id == key_id for version in self.versions)


@dataclass(frozen=True)
class Retire:
    """Disable and delete a key whose secret nobody has."""

    key_id: str


@dataclass(frozen=True)
class Create:
    """Make another key, store it, make it current; `former` becomes the previous one."""

    former: str


@dataclass(frozen=True)
class Promote:
    """Make a stored key current, and the former one explicitly previous."""

    key_id: str
    former: str


@dataclass(frozen=True)
class Cut:
    """Deny a leaked key at once: its network and its status."""

    key_id: str


@dataclass(frozen=True)
class Disable:
    """`in_use`: the wait for it is over although it is still used."""

    key_id: str
    in_use: bool = False


@dataclass(frozen=True)
class Delete:
    """`purge`: it must not be restorable."""

    key_id: str
    purge: bool = False


@dataclass(frozen=True)
class TakeBack:
    """Make a former key the current one again; restored from the recycle bin, enabled."""

    key_id: str
    former: str
    restore: bool
    enable: bool


@dataclass(frozen=True)
class Report:
    """Something that a person has to look at; nothing is done."""

    key_id: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Wait:
    """Nothing more in this run: a key that is not stored is younger than a run that may still be
    storing it, or than a read may be late."""

    key_id: str


Step = Retire | Create | Promote | Cut | Disable | Delete | TakeBack | Report | Wait


def plan(
    grant: LiveGrant, seen: Seen, asked: Asked, terms: RotationTerms, now: datetime,
    guard_seconds: float,
) -> list[Step]:  # fmt: skip
    """The steps of this run in their order, none if nothing is due. `guard_seconds`: what is
    younger may belong to a run that is not over."""
    steps = _steps(grant, seen, asked, terms, now)
    for place, step in enumerate(steps):
        key = seen.key(step.key_id) if isinstance(step, Retire) else None
        young = key is not None and key.created_at is not None and (
            now - key.created_at).total_seconds() <= guard_seconds  # fmt: skip
        if key is not None and (young or key.created_at is None):
            return [*steps[:place], Wait(key.id)]
    return steps


def _steps(
    grant: LiveGrant, seen: Seen, asked: Asked, terms: RotationTerms, now: datetime
) -> list[Step]:
    if asked.why == LEAKED:
        return _after_a_leak(seen, asked.access_key_id)
    current = seen.key(seen.current)
    if asked.why == UNDO:
        return _undo(seen)
    if current is None:
        return [Report(seen.current, "current_key_missing")]
    others = [key for key in seen.keys if key.id != current.id]
    pending = next((key for key in others if _is_pending(seen, key.id)), None)
    if pending is not None:
        return [Promote(pending.id, current.id)]
    former = next((key for key in others if seen.stored(key.id)), None)
    if former is not None:
        steps: list[Step] = []
        if seen.previous != former.id:
            steps.append(Promote(current.id, former.id))
        return [*steps, *_of_former(grant, seen, current, former, terms, now)]
    wanted = asked.why == ASKED or _is_due(grant, current, terms, now)
    if current.status != "Active" or not wanted:
        return []
    return [*(Retire(key.id) for key in others), Create(current.id)]


def rotation_days(grant: LiveGrant, terms: RotationTerms) -> int:
    """The oldest that the grant's key may become; a ticket can only ask for less."""
    return min(grant.rotation_days or terms.days, terms.days)


def _is_pending(seen: Seen, key_id: str) -> bool:
    """Stored by a run that ended before it was made current. One that an undo took back bears the
    label too, and is previous."""
    return seen.staged(naming.PENDING_STAGE) == key_id != seen.previous


def _is_due(grant: LiveGrant, current: KeyStatus, terms: RotationTerms, now: datetime) -> bool:
    """So early that the former key can be disabled on the day; not if the grant ends before."""
    if current.created_at is None:
        return False
    days = timedelta(days=rotation_days(grant, terms))
    begins = max(days - timedelta(hours=terms.overlap_hours), days / 2)
    return now >= current.created_at + begins and grant.expires_at > current.created_at + days


def _of_former(
    grant: LiveGrant, seen: Seen, current: KeyStatus, former: KeyStatus, terms: RotationTerms,
    now: datetime,
) -> list[Step]:  # fmt: skip
    if former.status != "Active":
        if former.changed_at and now >= former.changed_at + timedelta(days=terms.grace_days):
            return [Delete(former.id)]
        return []
    if current.status != "Active":  # disabled by hand: then the other one is what works
        return [Report(current.id, "current_key_disabled")]
    if current.created_at is None or former.created_at is None:
        return [Report(former.id, "key_age_unknown")]
    overlap = timedelta(hours=terms.overlap_hours)
    over_at = max(current.created_at, former.created_at) + overlap
    if now < over_at:
        return []
    use = seen.last_uses.get(former.id)
    if use is None:
        return [Report(former.id, "last_use_unknown")]
    if use.at is None or use.at <= now - max(overlap, SHORTEST_QUIET):
        return [Disable(former.id)]
    days = terms.wait_days if grant.rotation_wait_days is None else grant.rotation_wait_days
    used = Report(former.id, "former_key_still_used", f"last {use.at:%Y-%m-%dT%H:%M:%SZ}")
    if now < over_at + timedelta(days=days):
        return [used]
    return [used, Disable(former.id, in_use=True)]


def _after_a_leak(seen: Seen, leaked: str) -> list[Step]:
    """The leaked key is cut first. If it was the current one, readers get another: the former one
    may be as old as the leak, so that it is a new one, for which a slot must be free."""
    known = seen.key(leaked)
    if known is None and leaked not in (*seen.binned, seen.current):
        return [Report(leaked, "leaked_key_unknown")]
    others = [key for key in seen.keys if key.id != leaked]
    pending = next((key for key in others if _is_pending(seen, key.id)), None)
    steps: list[Step] = [Cut(leaked)] if known and known.status == "Active" else []
    ended: list[Step] = [Delete(leaked, purge=True)]
    if seen.current not in ("", leaked) and seen.key(seen.current):
        return [*steps, *ended]
    if pending is not None:
        return [*steps, Promote(pending.id, leaked), *ended]
    unstored = [Retire(key.id) for key in others if not seen.stored(key.id)]
    if known and len(others) - len(unstored) + 1 >= MOST_KEYS:
        return [*steps, *unstored, *ended, Create(leaked)]
    return [*steps, *unstored, Create(leaked), *ended]


def _undo(seen: Seen) -> list[Step]:
    former = seen.previous
    if former == seen.current:  # an undo that ended between its two labels
        former = next((k.id for k in seen.keys if k.id != former and seen.stored(k.id)), "")
    key = seen.key(former)
    if not key_text.is_access_key_id(former):
        return [Report(former, "nothing_to_undo")]
    if key is not None:
        return [TakeBack(former, seen.current, restore=False, enable=key.status != "Active")]
    if former in seen.binned and len(seen.keys) < MOST_KEYS:
        return [TakeBack(former, seen.current, restore=True, enable=True)]
    return [Report(former, "former_key_gone")]
