"""The rules about keys that nobody seems to need any more; pure.

Each decision is about one key of one live grant, from facts that were read for it. "Never used" and
"not used for long" are different rules: age is not idleness. What could not be read is unknown, and
about an unknown nothing is decided. Keys of a rotation that is under way are rotation's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.lifecycle import CleanupTerms
from shared.ports import LastUse

NEVER_USED, UNUSED, TOO_OLD = "key_never_used", "key_unused", "key_too_old"
GRANT_DISABLED = "grant_disabled"
RULES = (NEVER_USED, UNUSED, TOO_OLD, GRANT_DISABLED)
DISABLE, END_GRANT, REPORT, NOTHING = "disable", "end_grant", "report", "nothing"
ACTIONS = {NEVER_USED: DISABLE, UNUSED: DISABLE, TOO_OLD: REPORT, GRANT_DISABLED: END_GRANT}

# A new key is proved by one call of ours before anybody is told of it. Which name the service has
# in a last use is not documented: STS itself, or none.
PROVING, PROVED_WITH = timedelta(hours=1), ("", "sts")

EXEMPT_PREFIX = "akw-exempt:"
LONGEST_EXEMPTION = timedelta(days=366)
_EXEMPTION = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) ([A-Za-z0-9][A-Za-z0-9@._+-]{1,100})")


@dataclass(frozen=True)
class KeyFacts:
    """The current key of a grant as it was just read; None: that is not known.

    `used` is False if it was never used; else `last_used_at` says when. `changed_at` is when its
    status last changed, as far as RAM tells: whoever enables a key again gives it its time anew.
    """

    id: str
    status: str
    created_at: datetime | None
    changed_at: datetime | None
    used: bool | None
    last_used_at: datetime | None = None


@dataclass(frozen=True)
class Decision:
    """What one rule says of one key: one of DISABLE, END_GRANT, REPORT, or NOTHING because of an
    exemption; `why` in words for people."""

    rule: str
    key_id: str
    action: str
    why: str


@dataclass(frozen=True)
class Exemption:
    """`problem` is why it does not count: `exemption_unreadable`, `exemption_too_long` or
    `exemption_over`; empty if it does."""

    rule: str
    owner: str = ""
    until: datetime | None = None
    problem: str = ""


def used_by_others(use: LastUse, created_at: datetime | None) -> datetime | None:
    """When a key was used last by anybody but us; None if it never was, as far as one can tell."""
    ours = (
        use.at is not None and created_at is not None and use.at <= created_at + PROVING
        and use.service.casefold() in PROVED_WITH
    )  # fmt: skip
    return None if ours else use.at


def decide(
    key: KeyFacts, terms: CleanupTerms, exemptions: Mapping[str, Exemption], now: datetime
) -> Decision | None:
    """The first rule that has something to say of the key; None if there is none."""
    found = _of_disabled(key, terms, now) if key.status == "Inactive" else _of_active(
        key, terms, now)  # fmt: skip
    if found is None:
        return None
    rule, why = found
    exemption = exemptions.get(rule)
    if exemption and not exemption.problem:
        until = f"{exemption.until:%Y-%m-%d}"
        return Decision(rule, key.id, NOTHING, f"{why}; exempt until {until} by {exemption.owner}")
    return Decision(rule, key.id, ACTIONS[rule], why)


def _of_active(key: KeyFacts, terms: CleanupTerms, now: datetime) -> tuple[str, str] | None:
    if key.created_at is None:
        return None
    age = (now - key.created_at).days
    active = (now - max(key.created_at, key.changed_at or key.created_at)).days
    if key.used is False and active >= terms.never_used_days:
        return NEVER_USED, f"never used since it was created {age} days ago"
    if key.used and key.last_used_at is not None:
        idle = (now - key.last_used_at).days
        if min(idle, active) >= terms.unused_days:
            return UNUSED, f"last used {idle} days ago"
    if age >= terms.too_old_days:
        return TOO_OLD, f"{age} days old"
    return None


def _of_disabled(key: KeyFacts, terms: CleanupTerms, now: datetime) -> tuple[str, str] | None:
    if key.changed_at is None:
        return None
    days = (now - key.changed_at).days
    if days < terms.disabled_grace_days:
        return None
    return GRANT_DISABLED, f"disabled {days} days ago"


def exemptions(tags: Mapping[str, str], now: datetime) -> dict[str, Exemption]:
    """What a user's tags exempt it from, by rule; those that do not count say why."""
    return {
        exemption.rule: exemption for name, value in sorted(tags.items())
        if name.startswith(EXEMPT_PREFIX)
        for exemption in [_exemption(name.removeprefix(EXEMPT_PREFIX), value, now)]
    }  # fmt: skip


def _exemption(rule: str, value: str, now: datetime) -> Exemption:
    """It holds to the end of its day (UTC)."""
    form = _EXEMPTION.fullmatch(value)
    if form is None or rule not in RULES:
        return Exemption(rule, problem="exemption_unreadable")
    try:
        until = datetime.strptime(form[1], "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError):
        return Exemption(rule, problem="exemption_unreadable")
    problem = ""
    if until <= now:
        problem = "exemption_over"
    elif until > now + LONGEST_EXEMPTION:
        problem = "exemption_too_long"
    return Exemption(rule, form[2], until - timedelta(seconds=1), problem)
