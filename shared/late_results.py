"""Results for changes that were announced and whose end nobody wrote down: pure.

What is visibly so now has happened, whoever did it; of anything else nobody will ever know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared import ownership
from shared.audit import (
    FOUND_BY_CLEANUP,
    INTENT,
    RESULT,
    SUCCESS,
    UNKNOWN,
    Attempt,
    Change,
    Outcome,
    Row,
)
from shared.naming import ROTATE_FUNCTION
from shared.ownership import Seen, here
from shared.removal import QUARANTINE, Target


@dataclass(frozen=True)
class LateResult:
    """The intent, as it stands in the log, and how its change ended."""

    intent: Row
    outcome: str


def unanswered(rows: Sequence[Row], *, before_ms: int) -> list[Row]:
    """Intents without a result that are older than any running function, the newest first. Each
    once: the log may have a row twice."""
    answered = {row.get("change_id", "") for row in rows if row.get("phase") == RESULT} | {""}
    found = {
        row["change_id"]: row
        for row in rows
        if row.get("phase") == INTENT
        and row.get("change_id", "") not in answered
        and _time_ms(row) <= before_ms
    }
    return sorted(found.values(), key=_time_ms, reverse=True)


def due(target: Target, seen: Seen, *, before_ms: int) -> tuple[LateResult, ...]:
    """A result for every intent at this place that is older than any running function and has
    none. What another attempt is known to have done is not claimed a second time."""
    rows = here(target, seen.rows)
    claimed = {_what(r) for r in rows if r.get("phase") == RESULT and r.get("outcome") == SUCCESS}
    late: list[LateResult] = []
    # The newest first: an attempt announces only what it did not find done by those before it.
    for row in unanswered(rows, before_ms=before_ms):
        so = _what(row) not in claimed and _is_so(target, seen, row)
        claimed |= {_what(row)} if so else set()
        late.append(LateResult(row, SUCCESS if so else UNKNOWN))
    return (*late, *_issued_without_saying(target, seen, rows, late))


def _issued_without_saying(
    target: Target, seen: Seen, rows: Sequence[Row], late: Sequence[LateResult]
) -> list[LateResult]:
    """The result `unknown` of an issue whose last answer was lost, put right: the grant works, and
    its ticket must count as used."""
    told = any(_is_ending(row) and row.get("outcome") == SUCCESS for row in rows)
    told = told or any(_is_ending(r.intent) and r.outcome == SUCCESS for r in late)
    if told or not ownership.in_force(target, seen):
        return []
    intents = [row for row in rows if _is_ending(row) and row.get("phase") == INTENT]
    return [LateResult(max(intents, key=_time_ms), SUCCESS)] if intents else []


def _is_ending(row: Row) -> bool:
    return row.get("event_type") in ("key.issued", "self_service.granted")


def _time_ms(row: Row) -> int:
    return int(row.get("time_ms") or 0)


def _what(row: Row) -> tuple[str, str, str]:
    """Which change of which thing a row is about, whatever the attempt."""
    event = row.get("event_type", "")
    key_id = row.get("access_key_id", "") if event in ABOUT_A_KEY else ""
    return event, key_id, row.get("resources", "")


# Events whose intents name a key; other results do so too, of a key that was made meanwhile.
ABOUT_A_KEY = frozenset({
    "key.restricted", "key.disabled", "key.deleted", "key.purged", "key.former", "key.restored",
    "key.enabled",
})  # fmt: skip


def change_of(intent: Row) -> Change:
    """The planned change that an intent announced: in its result the same words stand again."""
    return Change(
        intent.get("event_type", ""), intent.get("cloud_service", ""),
        intent.get("cloud_action", ""), intent.get("access_key_id", ""),
        intent.get("resources", ""),
    )  # fmt: skip


def _is_so(target: Target, seen: Seen, row: Row) -> bool:
    """Whether the end of the change is visible. What is not listed here cannot be seen."""
    found, holders = seen.found, seen.details.holders or ()
    key_id, resource = row.get("access_key_id", ""), row.get("resources", "")
    keys = {key.id: key.status for key in found.keys}
    user_gone = found.user is None and not found.self_service
    held = {f"{policy.kind}:{policy.name}" for policy in found.attached}
    # That some key is stored says nothing of another one that a rotation was about to make.
    first = row.get("fc_function") != ROTATE_FUNCTION
    one_stored = first and bool(ownership.stored_keys(seen))
    ends = {
        "user.created": found.user is not None,
        "policy.created": found.policy is not None,
        "secret.reserved": seen.details.secret is not None,
        "policy.attached": f"user/{target.user}" in holders,
        "key.created": one_stored,
        "secret.stored": one_stored,
        "key.enabled": keys.get(key_id) == "Active",
        "key.issued": ownership.in_force(target, seen),
        "self_service.granted": ownership.in_force(target, seen),
        "quarantine.attached": QUARANTINE in found.attached,
        "key.disabled": keys.get(key_id) != "Active",
        "key.deleted": key_id not in keys,
        "policy.detached": not found.self_service and resource not in held,
        "group.left": user_gone,
        "login.removed": user_gone,
        "mfa.unbound": user_gone,
        "policy.version_deleted": found.policy is None,
        "policy.deleted": found.policy is None,
        "quarantine.detached": QUARANTINE not in found.attached,
        "user.deleted": user_gone,
        "secret.deleted": seen.details.secret is None,
    }
    return bool(target.application) and ends.get(row.get("event_type", ""), False)


def adopt(record: Attempt, results: Sequence[LateResult], key_id: str) -> None:
    """Put results of one attempt's changes into a record, under the ids of their intents.
    `key_id` is the grant's key, which its intents could not name yet."""
    for result in results:
        change = change_of(result.intent)
        record.changes.append(change)
        record.adopted[change] = result.intent["change_id"]
        record.outcomes[change] = Outcome(result.outcome, message=FOUND_BY_CLEANUP)
    first = results[0].intent
    for name in ("target_user", "policy_name", "secret_name", "reason", "trigger"):
        record.base[name] = first.get(name, "")
    if any(_is_ending(result.intent) and result.outcome == SUCCESS for result in results):
        record.facts |= {"access_key_id": key_id, "secret_version": key_id}
