"""Where a managed user's rotation is, and what is due now: pure.

RAM and KMS tell it: a key is stored if the secret has a version of its own id, and the stages of
the versions say which one readers get. So any run can go on from any point. What only the log
knows (`shared/rotation_log.py`) can put a step off, and never brings one about.

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
from shared.rotation_log import DISABLE as DISABLE
from shared.rotation_log import ENABLE as ENABLE
from shared.rotation_log import LEAKED as LEAKED
from shared.rotation_log import Past

MOST_KEYS = 2  # of a RAM user
READ_ANEW = timedelta(hours=6, minutes=15)  # at the latest, a consumer asks for the secret again
SHORTEST_QUIET = timedelta(hours=9)  # that, and a "last used" that is up to two hours late
TURN = timedelta(days=1)  # between two looks at a user
NOT_OURS = "key_not_ours"

DUE, ASKED, UNDO = "due", "asked", "undo"
ALREADY_DISABLED, NOTHING_TO_ENABLE = "already_disabled", "nothing_to_enable"
REVOCATION_ON_RECORD = "revocation_on_record"


@dataclass(frozen=True)
class Asked:
    """Why a run looks at this user: its turn (DUE), or somebody's wish (ASKED, LEAKED with the key
    that leaked, UNDO; DISABLE and ENABLE switch the whole grant off and on again)."""

    why: str = DUE
    access_key_id: str = ""


@dataclass(frozen=True)
class Seen:
    """What was read of one managed user; `last_uses` lacks what could not be read, `binned` are
    keys in the recycle bin, read only for an undo and after a leak; `past` is empty where there is
    one key and nothing is to be undone."""

    user_id: str
    keys: tuple[KeyStatus, ...]
    versions: tuple[Version, ...]
    last_uses: Mapping[str, LastUse] = field(default_factory=dict)
    binned: frozenset[str] = frozenset()
    past: Past = field(default_factory=Past)

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
class Enable:
    """Of what DISABLE has disabled."""

    key_id: str


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


Step = Retire | Create | Promote | Cut | Disable | Enable | Delete | TakeBack | Report | Wait


def plan(
    grant: LiveGrant, seen: Seen, asked: Asked, terms: RotationTerms, now: datetime,
    guard_seconds: float,
) -> list[Step]:  # fmt: skip
    """The steps of this run in their order, none if nothing is due. `guard_seconds`: what is
    younger may belong to a run that is not over."""
    steps = _steps(grant, seen, asked, terms, now, guard_seconds)
    for place, step in enumerate(steps):
        key = None
        if isinstance(step, Retire | Report) and not seen.stored(step.key_id):
            key = seen.key(step.key_id)
        young = key is not None and key.created_at is not None and (
            now - key.created_at).total_seconds() <= guard_seconds  # fmt: skip
        if key is not None and (young or key.created_at is None):
            return [*steps[:place], Wait(key.id)]
    return steps


def _steps(
    grant: LiveGrant, seen: Seen, asked: Asked, terms: RotationTerms, now: datetime,
    guard_seconds: float,
) -> list[Step]:  # fmt: skip
    if asked.why == LEAKED:
        return _after_a_leak(seen, asked.access_key_id, guard_seconds)
    current = seen.key(seen.current)
    if asked.why == UNDO:
        return _undo(seen)
    if asked.why in (DISABLE, ENABLE):
        return _switched(seen, off=asked.why == DISABLE)
    if current is None:
        return [Report(seen.current, "current_key_missing")]
    if all(key.status != "Active" for key in seen.keys):
        return []  # switched off: nothing is made, moved or deleted until it is on again
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
    unstored: list[Step] = [_of_unstored(seen, key, guard_seconds) for key in others]
    if any(isinstance(step, Report) for step in unstored):
        return unstored
    wanted = asked.why == ASKED or _is_due(grant, current, terms, now)
    if current.status != "Active" or not wanted:
        return []
    return [*unstored, Create(current.id)]


def rotation_days(grant: LiveGrant, terms: RotationTerms) -> int:
    """The oldest that the grant's key may become; a ticket can only ask for less."""
    return min(grant.rotation_days or terms.days, terms.days)


def _is_pending(seen: Seen, key_id: str) -> bool:
    """Stored by a run that ended before it was made current. One that an undo took back bears the
    label too, and is previous."""
    return seen.staged(naming.PENDING_STAGE) == key_id != seen.previous


def _of_unstored(seen: Seen, key: KeyStatus, guard_seconds: float) -> Retire | Report:
    """A key from a lost answer is of no use to anybody; one that nobody announced is somebody's."""
    ours = seen.past.announced(key.created_at, guard_seconds)
    return Retire(key.id) if ours else Report(key.id, NOT_OURS)


def _is_due(grant: LiveGrant, current: KeyStatus, terms: RotationTerms, now: datetime) -> bool:
    """So early that the former key is disabled by the day; not if the grant ends before. Up to a
    turn passes until it is looked at, then consumers read anew, the former key is quiet, and up to
    another turn passes. Under a week that is too early, and half the time must do."""
    if current.created_at is None:
        return False
    days = timedelta(days=rotation_days(grant, terms))
    begins = max(days - 2 * TURN - READ_ANEW - _quiet(terms), days / 2)
    return now >= current.created_at + begins and grant.expires_at > current.created_at + days


def _quiet(terms: RotationTerms) -> timedelta:
    """For so long nobody has used a key that nobody uses."""
    return max(timedelta(hours=terms.overlap_hours), SHORTEST_QUIET)


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
    # An undo, or a run that came late, made it current long after both were created.
    beside_since = max(current.created_at, former.created_at,
                       seen.past.switched_at or current.created_at)  # fmt: skip
    over_at = beside_since + timedelta(hours=terms.overlap_hours)
    if now < over_at:
        return []
    use = seen.last_uses.get(former.id)
    if use is None:
        return [Report(former.id, "last_use_unknown")]
    if use.at is None or use.at <= now - _quiet(terms):
        return [Disable(former.id)]
    days = terms.wait_days if grant.rotation_wait_days is None else grant.rotation_wait_days
    used = Report(former.id, "former_key_still_used", f"last {use.at:%Y-%m-%dT%H:%M:%SZ}")
    if now < over_at + timedelta(days=days):
        return [used]
    return [used, Disable(former.id, in_use=True)]


def _after_a_leak(seen: Seen, leaked: str, guard_seconds: float) -> list[Step]:
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
    unstored = [_of_unstored(seen, k, guard_seconds) for k in others if not seen.stored(k.id)]
    steps += unstored
    removed = sum(isinstance(step, Retire) for step in unstored)
    if known and len(others) - removed + 1 >= MOST_KEYS:
        return [*steps, *ended, Create(leaked)]
    return [*steps, Create(leaked), *ended]


def _switched(seen: Seen, *, off: bool) -> list[Step]:
    """All keys of the user off, whosoever they are; on again those whose secret is stored, and that
    were on before: what a sweep, a leak or a person in RAM has disabled stays so."""
    if off:
        steps: list[Step] = [Disable(key.id) for key in seen.keys if key.status == "Active"]
        return steps or [Report(seen.current, ALREADY_DISABLED)]
    given_back = seen.past.paused - seen.past.leaked
    back: list[Step] = [Enable(key.id) for key in seen.keys
                        if key.status != "Active" and key.id in given_back and seen.stored(key.id)]
    return back or [Report(seen.current, NOTHING_TO_ENABLE)]


def _undo(seen: Seen) -> list[Step]:
    former = seen.previous
    if former == seen.current:  # an undo that ended between its two labels
        former = next((k.id for k in seen.keys if k.id != former and seen.stored(k.id)), "")
    key = seen.key(former)
    if not key_text.is_access_key_id(former):
        return [Report(former, "nothing_to_undo")]
    if former in seen.past.leaked:
        return [Report(former, "former_key_leaked")]
    if key is not None:
        return [TakeBack(former, seen.current, restore=False, enable=key.status != "Active")]
    if former in seen.binned and len(seen.keys) < MOST_KEYS:
        return [TakeBack(former, seen.current, restore=True, enable=True)]
    return [Report(former, "former_key_gone")]
