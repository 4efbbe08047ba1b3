"""Which grants are over, and whose end is near: pure.

Only what we signed has an end: a tag or a Description that was edited is a finding, and neither
prolongs a grant nor ends it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared import grants, ledger, naming, reasons, removal
from shared.candidates import Finding
from shared.ledger import LiveGrant, Unreadable
from shared.ports import ListedPolicy, User
from shared.removal import Target
from shared.secrecy import Secret

# A clock of ours that is ahead by so much must not end anything before its time.
CLOCK_SKEW = timedelta(minutes=10)


@dataclass(frozen=True)
class Ending:
    """A grant with its end, and its approval (None: unknown); `user` holds it (a self-service one:
    an existing user)."""

    target: Target
    user: str
    requester: str
    expires_at: datetime
    approved_at: datetime | None = None


def endings(
    users: Iterable[User], policies: Iterable[ListedPolicy], ledger_key: Secret
) -> tuple[list[Ending], list[Finding]]:
    """Every grant that we signed, the first to end first; and what bears our marks unsigned."""
    descriptions = {policy.name: policy.description for policy in policies}
    found: list[Ending] = []
    findings: list[Finding] = []
    for user in users:
        name = user.name if naming.place_of(user.name)[0] else ""
        grant = ledger.read(user, descriptions.get(name), ledger_key)
        if isinstance(grant, Unreadable):
            if grant.reason == "bad_signature":
                findings.append(Finding(f"user/{user.name}", grant.reason))
        elif ending := _ending(grant):
            found.append(ending)
    for name, description in descriptions.items():
        found += _self_service(name, description, ledger_key)
    return sorted(found, key=lambda one: (one.expires_at, one.user)), findings


def _ending(grant: LiveGrant) -> Ending | None:
    target = removal.target_of(grant.source, grant.ticket_id, grant.application, grant.environment,
                               reasons.ENDED)  # fmt: skip
    if target is None:
        return None
    return Ending(target, grant.user, grant.requester, grant.expires_at, grant.approved_at)


def _self_service(name: str, description: str, ledger_key: Secret) -> list[Ending]:
    source, ticket, holder = grants.self_service_of(description)
    application, environment = naming.place_of(name)
    if not holder or not application or not grants.verified(holder, {}, description, ledger_key):
        return []
    expires_at = grants.self_service_end(description)
    target = removal.target_of(source, ticket, application, environment, reasons.ENDED)
    if target is None or expires_at is None:
        return []
    return [Ending(target, holder, grants.self_service_requester(description), expires_at)]


def over(found: Sequence[Ending], now: datetime) -> list[Ending]:
    """Those that have ended for sure."""
    return [one for one in found if now - CLOCK_SKEW >= one.expires_at]


def notices(
    found: Sequence[Ending], days: Sequence[int], now: datetime
) -> list[tuple[Ending, int]]:
    """Whom to tell, and as of which of the `days` before the end: the nearest that has come. What
    was approved for no longer than that is not told so when it begins."""
    due: list[tuple[Ending, int]] = []
    for one in found:
        left = one.expires_at - now
        whole = one.expires_at - one.approved_at if one.approved_at else timedelta.max
        reached = [number for number in days
                   if timedelta() < left <= timedelta(days=number) < whole]  # fmt: skip
        if reached:
            due.append((one, min(reached)))
    return due


def told(row: Mapping[str, str]) -> tuple[str, str, str, str]:
    """Which notice a row is: ticket system, ticket, what it says of the days, and of which end: of
    another one, after an extension, a notice is given anew."""
    names = ("ticket_system", "ticket_id", "resources", "message")
    system, ticket, days, end = (row.get(name, "") for name in names)
    return system, ticket, days, end
