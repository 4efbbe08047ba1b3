"""What a sweep finds of one ticket, and what is therefore left to do: pure.

What is younger than a function that runs is left alone, and what the log does not prove to be ours
is reported. A grant that was made to the end stays; one that nobody goes on with is removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shared import late_results, ownership, rotation_log
from shared.audit import ENDING_EVENTS, INTENT, REMAINS_REMOVED, REVOKED, SUCCESS, UNKNOWN, Row
from shared.candidates import Finding
from shared.late_results import LateResult
from shared.naming import CLEANUP_FUNCTION, ROTATE_FUNCTION
from shared.ownership import Seen, here, remains
from shared.reasons import ENDED, LEAKED, OFFBOARDED, WITHDRAWN, purges
from shared.removal import Target
from shared.rotation import NOT_OURS

STRICTEST_FIRST = (LEAKED, OFFBOARDED, WITHDRAWN, ENDED)


@dataclass(frozen=True)
class FinishRevocation:
    """`since_ms` is when it was first announced; 0 if it never could be."""

    target: Target
    since_ms: int = 0


@dataclass(frozen=True)
class RemoveRemains:
    """What an issue left that nobody goes on with; `seen` is what the removal must still find."""

    target: Target
    seen: Seen


@dataclass(frozen=True)
class RetireKey:
    """A key whose secret was never stored, beside a grant that lives."""

    target: Target
    key_id: str


@dataclass(frozen=True)
class RecordResults:
    target: Target
    results: tuple[LateResult, ...]


@dataclass(frozen=True)
class CloseIssue:
    """Nothing was left, `at` that moment, of an issue that was given up. On record, or its ticket
    would be looked at for days."""

    target: Target
    at: datetime


@dataclass(frozen=True)
class Report:
    target: Target
    finding: Finding


@dataclass(frozen=True)
class Leave:
    """Nothing is done in this run; `why` is `young`, `at_work` or `reads_disagree`, `since_ms` when
    a revocation was announced that has not ended, 0 if there is none."""

    target: Target
    why: str
    since_ms: int = 0


Step = (
    FinishRevocation | RemoveRemains | RetireKey | RecordResults | CloseIssue | Report | Leave
)


def plan(target: Target, seen: Seen, *, now: datetime, guard_seconds: float) -> list[Step]:
    """The steps for one candidate, in their order; `now` is when it began to be looked at."""
    oldest_ms = int((now.timestamp() - guard_seconds) * 1000)
    why = ""
    if ownership.last_sign_ms(seen) > oldest_ms:
        why = "young"
    elif seen.busy_until and seen.busy_until > now:
        why = "at_work"
    elif not ownership.reads_agree(target, seen):
        why = "reads_disagree"
    if why:
        return [Leave(target, why, _unfinished_since_ms(target, seen))]
    occupied = ownership.user_stands(target, seen)
    seen, strange = ownership.proved(target, seen)
    steps: list[Step] = [Report(target, finding) for finding in strange]
    late = late_results.due(target, seen, before_ms=oldest_ms)
    if late:
        steps.insert(0, RecordResults(target, late))
    if not target.application:  # an order's own rows: nothing of it stands under a name
        return steps
    left = remains(seen)
    if not left and not steps and _is_given_up(target, seen):
        return [CloseIssue(target, now)]
    if _revoking(seen):
        return [*steps, *_revocation(target, seen, strange=bool(strange))]
    if occupied and seen.found.user is None:
        return [*steps, *(Report(target, Finding(thing, "beside_anothers_user")) for thing in left)]
    if _is_issued(target, seen):
        return [*steps, *_of_issued(target, seen, guard_seconds)]
    return [*steps, *_of_abandoned(target, seen)]


def line(step: Step, now: datetime) -> tuple[str, str, str]:
    """What is done, where, and why: a line of the plan for people."""
    target = step.target
    place = target.user if target.application else "order"
    where = f"{place} ({target.source} {target.ticket_id})"
    if isinstance(step, FinishRevocation):
        age = f"{now.timestamp() - step.since_ms / 1000:.0f} s ago" if step.since_ms else "nowhere"
        return "finish revocation", where, f"{target.reason}, announced {age}"
    if isinstance(step, RemoveRemains):
        return "remove remains", where, ", ".join(remains(step.seen))
    if isinstance(step, RetireKey):
        return "retire key", where, f"{step.key_id} was never stored"
    if isinstance(step, RecordResults):
        events = sorted({result.intent["event_type"] for result in step.results})
        return "record results", where, ", ".join(events)
    if isinstance(step, CloseIssue):
        return "close issue", where, "nothing is left"
    if isinstance(step, Report):
        return "report", where, f"{step.finding.thing} {step.finding.reason}"
    age = f", revocation announced {now.timestamp() - step.since_ms / 1000:.0f} s ago"
    return "leave", where, step.why + (age if step.since_ms else "")


# -- revocations ----------------------------------------------------------------------------


def _revoking(seen: Seen) -> bool:
    """From the first intent on; without the log, its quarantine is the record."""
    revoked = any(row.get("event_type") == REVOKED for row in seen.rows)
    return revoked or (seen.found.user is not None and seen.found.quarantined)


def _revocation(target: Target, seen: Seen, *, strange: bool) -> list[Step]:
    """What is left of a ticket that has ended somewhere is no reason to end what stands here: that
    takes a revocation that began here, or something of the ticket's own (`strange`: not only)."""
    revoked = [row for row in seen.rows if row.get("event_type") == REVOKED]
    begun, left = here(target, revoked), remains(seen)
    if not begun or _is_ended(begun):
        if not left:
            return []
        if seen.found.user is None and (begun or strange):
            return [Report(target, Finding(thing, "left_after_revocation")) for thing in left]
    given = {row.get("reason", "") for row in revoked}
    reason = next((reason for reason in STRICTEST_FIRST if reason in given), WITHDRAWN)
    since_ms = min(map(_time_ms, revoked), default=0)
    return [FinishRevocation(replace(target, reason=reason), since_ms)]


def _unfinished_since_ms(target: Target, seen: Seen) -> int:
    begun = [row for row in here(target, seen.rows) if row.get("event_type") == REVOKED]
    return 0 if _is_ended(begun) else min(map(_time_ms, begun), default=0)


def _is_ended(revoked: Sequence[Row]) -> bool:
    """Whether the last that was announced got through. Where one of them has to purge, only those
    count that do: a mild end is not the end of a strict one."""
    strict = [row for row in revoked if purges(row.get("reason", ""))] or revoked
    ends_ms = [_time_ms(row) for row in strict if row.get("outcome") == SUCCESS]
    intents_ms = [_time_ms(row) for row in strict if row.get("phase") == INTENT]
    return bool(ends_ms) and max(ends_ms) >= max(intents_ms, default=0)


def _time_ms(row: Row) -> int:
    return int(row.get("time_ms") or 0)


# -- issues ---------------------------------------------------------------------------------


def _is_issued(target: Target, seen: Seen) -> bool:
    """Whether the grant was made to the end: its key is what readers get, or the log says so."""
    on_record = any(
        row.get("event_type") in ENDING_EVENTS and row.get("outcome") == SUCCESS
        for row in here(target, seen.rows)
    )
    return on_record or ownership.in_force(target, seen)


def _is_given_up(target: Target, seen: Seen) -> bool:
    """Whether the last thing on record is work on an issue that came to no end, or a key of which
    nobody knows whether it was made; where a revocation began, that one has its own end."""
    rows = here(target, seen.rows)
    if any(row.get("event_type") == REVOKED for row in rows):
        return False
    doubt_ms = [_time_ms(r) for r in rows
                if (r.get("event_type"), r.get("outcome")) == ("key.created", UNKNOWN)]  # fmt: skip
    work_ms = [_time_ms(r) for r in rows if r.get("phase") == INTENT
               and r.get("fc_function") not in (CLEANUP_FUNCTION, ROTATE_FUNCTION)]  # fmt: skip
    return (
        _last_success_ms(rows, (REMAINS_REMOVED,)) < max(doubt_ms, default=0)
        or _last_success_ms(rows, (*ENDING_EVENTS, REMAINS_REMOVED)) < max(work_ms, default=0)
    )  # fmt: skip


def _last_success_ms(rows: Sequence[Row], events: Sequence[str]) -> int:
    ends_ms = (_time_ms(row) for row in rows
               if row.get("event_type") in events and row.get("outcome") == SUCCESS)  # fmt: skip
    return max(ends_ms, default=0)


def _of_issued(target: Target, seen: Seen, guard_seconds: float) -> list[Step]:
    """A grant that lives keeps what it has, but for keys whose secret nobody can have: one that was
    never stored is from a lost answer, if it was announced; else it is somebody's."""
    found, details = seen.found, seen.details
    if found.user is None and not found.self_service:
        return _of_abandoned(target, seen)
    if found.self_service:
        return _of_abandoned(target, seen) if seen.holder_gone else []
    past = rotation_log.read(seen.rows, target.application, target.environment)
    steps: list[Step] = [
        RetireKey(target, key.id) if past.announced(key.created_at, guard_seconds)
        else Report(target, Finding(f"key/{key.id}", NOT_OURS))
        for key in ownership.unstored(target, seen)
    ]  # fmt: skip
    if details.secret is None:
        steps.append(Report(target, Finding(f"secret/{target.secret}", "missing_of_a_live_grant")))
    if found.policy is None:
        steps.append(Report(target, Finding(f"policy/{target.policy}", "missing_of_a_live_grant")))
    return steps


def _of_abandoned(target: Target, seen: Seen) -> list[Step]:
    """What nobody goes on with is removed; what a removal has left for a reason is told."""
    left = remains(seen)
    rows = here(target, seen.rows)
    removed_ms = _last_success_ms(rows, (REMAINS_REMOVED,))
    sign_ms = ownership.last_sign_ms(replace(seen, rows=tuple(rows)))
    if left and removed_ms and removed_ms >= sign_ms:
        return [Report(target, Finding(thing, "left_after_removal")) for thing in left]
    return [RemoveRemains(target, seen)] if left else []
