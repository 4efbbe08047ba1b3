"""What was read of one candidate, and what of it the audit log proves to be ours: pure.

I3 promises that whatever we made was announced first. So a thing is a ticket's if its mark says so
and the log remembers the intent of making it there, and without that proof nobody's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared import grants, naming
from shared.audit import FAILURE, INTENT, RESULT, SKIPPED, Row
from shared.candidates import Finding
from shared.errors import StateChanged
from shared.ports import KeyStatus, Version
from shared.removal import Details, Found, Target


@dataclass(frozen=True)
class Seen:
    """What was read of one candidate. Reads that failed never get this far.

    `rows` are all of the ticket's, whatever the place. `listed` says which of `user` and `secret`
    the first lists had too, `busy_until` when a lease of the application ends that is held now.
    """

    rows: tuple[Row, ...]
    found: Found = field(default_factory=Found)
    details: Details = field(default_factory=Details)
    versions: tuple[Version, ...] | None = None
    listed: frozenset[str] = frozenset()
    holder_gone: bool = False
    busy_until: datetime | None = None


def reads_agree(target: Target, seen: Seen) -> bool:
    """Whether everything that the lists had was read as well: where one of two reads does not show
    a thing, one of them is not up to date, and the thing is not gone."""
    user = seen.found.user is not None or f"user {target.user}" in seen.found.foreign
    secret = seen.details.secret is not None and bool(seen.versions)
    return (user or "user" not in seen.listed) and (secret or "secret" not in seen.listed)


def user_stands(target: Target, seen: Seen) -> bool:
    """Whether there is a user of the target's name, whosever its tags say it is. Beside one,
    nothing is abandoned: a tag that is lost or edited does not end a grant."""
    return seen.found.user is not None or f"user {target.user}" in seen.found.foreign


def last_sign_ms(seen: Seen) -> int:
    """When anybody but a sweep last did something about the ticket. A note is nothing done: a
    source may deliver again and again what is refused each time."""
    made = [
        thing.created_at
        for thing in (seen.found.user, seen.details.secret, *seen.found.keys)
        if thing is not None and thing.created_at is not None
    ]
    others = [r for r in seen.rows if r.get("fc_function", "") != naming.CLEANUP_FUNCTION
              and r.get("phase") in (INTENT, RESULT)]  # fmt: skip
    moments_ms = [int(row.get("time_ms") or 0) for row in others]
    return max([*moments_ms, *(int(at.timestamp() * 1000) for at in made)], default=0)


def here(target: Target, rows: Sequence[Row]) -> list[Row]:
    """The rows of the ticket that are about this place."""
    place = (target.application, target.environment)
    return [r for r in rows if (r.get("application", ""), r.get("environment", "")) == place]


def proved(target: Target, seen: Seen) -> tuple[Seen, tuple[Finding, ...]]:
    """What of it the log proves to be ours. The rest is left out; of what bears this ticket's mark
    without proof there is a finding (what bears another's is that one's, and looked at there)."""
    rows, found, details = here(target, seen.rows), seen.found, seen.details
    strange: list[Finding] = []
    if found.user is not None and not announced(rows, "user.created"):
        strange.append(Finding(f"user/{found.user.name}", "not_proved_ours"))
        found = replace(found, user=None, keys=(), attached=())
    if found.policy is not None and not announced(rows, "policy.created"):
        strange.append(Finding(f"policy/{found.policy.name}", "not_proved_ours"))
        found = replace(found, policy=None, self_service="")
    if found.user is None and not found.self_service and details.holders:
        found = replace(found, policy=None)  # somebody holds it, and not for this ticket
    secret = details.secret
    if secret is not None and not target.is_of(grants.ticket_of(secret.tags)[:2]):
        details = replace(details, secret=None)
    elif secret is not None and not announced(rows, "secret.reserved"):
        strange.append(Finding(f"secret/{secret.name}", "not_proved_ours"))
        details = replace(details, secret=None)
    return replace(seen, found=found, details=details), tuple(strange)


def announced(rows: Sequence[Row], event_type: str) -> bool:
    """Whether the making of it is on record, by an intent that was not found to be void: skipped,
    or met by a thing of that name that was not for this grant."""
    void = {
        row.get("change_id", "")
        for row in rows
        if row.get("outcome") == SKIPPED or row.get("error_code") == StateChanged.reason
    }
    return any(
        row.get("event_type") == event_type
        and row.get("phase") == INTENT
        and row.get("change_id", "") not in void
        for row in rows
    )


def unstored(target: Target, seen: Seen) -> list[KeyStatus]:
    """Keys without a version of their own id, from the evidence of both: the versions, which must
    be there to be read, and the log, which must not remember any storing of that key."""
    if seen.details.secret is None or not seen.versions:
        return []
    stored = {version.id for version in seen.versions} | {
        row.get("access_key_id", "")
        for row in here(target, seen.rows)
        if row.get("event_type") in ("secret.stored", "key.issued")
        and row.get("phase") == RESULT
        and row.get("outcome") not in (FAILURE, SKIPPED)
    }
    return [key for key in seen.found.keys if key.id not in stored]


def remains(seen: Seen) -> list[str]:
    """What stands there that is this ticket's."""
    found, details = seen.found, seen.details
    return [
        *([f"user/{found.user.name}"] if found.user else []),
        *([f"policy/{found.policy.name}"] if found.policy else []),
        *([f"secret/{details.secret.name}"] if details.secret else []),
    ]


def in_force(target: Target, seen: Seen) -> bool:
    """Whether the grant works: readers get a key that lives, or the holder has the policy."""
    if seen.found.self_service:
        return f"user/{seen.found.self_service}" in (seen.details.holders or ())
    return bool({key.id for key in seen.found.keys} & {current(seen)})


def stored_keys(seen: Seen) -> list[str]:
    """Keys with a version of their own id."""
    versions = {version.id for version in seen.versions or ()}
    return [key.id for key in seen.found.keys if key.id in versions]


def current(seen: Seen) -> str:
    """The version that readers get; empty if there is none."""
    versions = seen.versions or ()
    return next((v.id for v in versions if naming.CURRENT_STAGE in v.stages), "")
