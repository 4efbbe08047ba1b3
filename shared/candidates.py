"""Where a sweep looks: pages of the cloud and two statements to the log, not a call per user; pure.

A candidate is a ticket at a place (application and environment) at which something may be left to
do. What there is to do says `shared/reconciliation.py`, from the ticket's own rows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared import grants, leases, naming, orders, reasons, removal
from shared.audit import ENDING_EVENTS, REMAINS_REMOVED, REVOKED, Row
from shared.leases import Marker
from shared.ports import ListedPolicy, SecretState, User
from shared.removal import Target

WINDOW_DAYS = 7  # how far back the statements look; pages find what is older and incomplete
MOST_TICKETS, MOST_ORDERS = 1000, 100  # rows of a statement; more of them are the next run's

OPERATION = re.compile(r"op-[0-9a-f]{24}")

_ENDED = ", ".join(f"'{event}'" for event in (*ENDING_EVENTS, REMAINS_REMOVED))
_PURGING = ", ".join(f"'{reason}'" for reason in reasons.ALL if reasons.purges(reason))
_STRICT = f"event_type = '{REVOKED}' and reason in ({_PURGING})"
# Four reasons, each per ticket and place: a change nobody knows the end of; work after the last
# thing that ended it (a sweep's or a rotation's does not count, but revocation's); a revocation
# that has to purge, whatever milder one came later; a key from a lost answer.
TICKETS_STATEMENT = f"""\
not phase: note | select ticket_system, ticket_id, application, environment, max(time_ms) as last_ms
from log where ticket_id <> ''
group by ticket_system, ticket_id, application, environment
having count(distinct if(phase = 'intent', change_id, null))
     > count(distinct if(phase = 'result', change_id, null))
or max(if(phase = 'intent'
          and (fc_function not in ('{naming.CLEANUP_FUNCTION}', '{naming.ROTATE_FUNCTION}')
               or event_type = '{REVOKED}'), time_ms, 0))
 > max(if(phase = 'result' and outcome = 'success' and event_type in ({_ENDED}), time_ms, 0))
or max(if({_STRICT} and phase = 'intent', time_ms, 0))
 > max(if({_STRICT} and phase = 'result' and outcome = 'success', time_ms, 0))
or max(if(phase = 'result' and event_type = 'key.created' and outcome = 'unknown', time_ms, 0))
 > max(if(phase = 'result' and outcome = 'success'
          and event_type in ('{REVOKED}', '{REMAINS_REMOVED}'), time_ms, 0))
order by last_ms desc, ticket_id limit {MOST_TICKETS}""".replace("\n", " ")  # noqa: S608 (constants of ours)
# The newest attempt decides, and its text is what counts: one that was refused for its size, or
# carried out, says nothing of an attempt that came later.
_OVER = "phase = 'result' and (outcome = 'success' or error_code = 'over_the_cap')"
ORDERS_STATEMENT = f"""\
event_type: "{orders.EVENT}" | select operation_id,
max_by(resources, if(phase = 'intent', time_ms, 0)) as resources,
min(time_ms) as since_ms, max(time_ms) as last_ms,
max(if(phase = 'intent', time_ms, 0)) as begun_ms, max(if({_OVER}, time_ms, 0)) as over_ms
from log group by operation_id
having max(if({_OVER}, time_ms, 0)) = 0
or max(if({_OVER}, time_ms, 0)) < max(if(phase = 'intent', time_ms, 0))
or count(distinct if(phase = 'intent', change_id, null))
   > count(distinct if(phase = 'result', change_id, null))
order by since_ms, operation_id limit {MOST_ORDERS}""".replace("\n", " ")  # noqa: S608 (constants of ours)


@dataclass(frozen=True)
class OpenOrder:
    """An order of revocation whose end is not, or not wholly, on record: its text, its age.
    `ended` if its newest attempt carried it out or refused it, and only some older one's result is
    missing."""

    operation_id: str
    text: str
    since_ms: int
    last_ms: int
    ended: bool


@dataclass(frozen=True)
class Finding:
    """Something that is not ours to change, or not to be explained; `thing` is kind and name."""

    thing: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class View:
    """The answers of the first reads; None for what was not or could not be read."""

    tickets: Sequence[Row] | None = None
    orders: Sequence[Row] | None = None
    users: Sequence[User] | None = None
    policies: Sequence[ListedPolicy] | None = None
    secrets: Sequence[SecretState] | None = None
    quarantined: Sequence[str] | None = None

    @property
    def truncated(self) -> bool:
        """Whether a statement gave as many rows as it may: there can be more."""
        return len(self.tickets or ()) >= MOST_TICKETS or len(self.orders or ()) >= MOST_ORDERS

    def lists_user(self, name: str) -> bool:
        """Whether the list of users has one of that name."""
        return any(user.name == name for user in self.users or ())

    def listed(self, target: Target, secrets: Iterable[SecretState]) -> frozenset[str]:
        """Which of the target's `user` and `secret` the lists have."""
        live = {secret.name for secret in secrets if not secret.deletes_at}
        user, secret = self.lists_user(target.user), target.secret in live
        return frozenset([*(["user"] if user else []), *(["secret"] if secret else [])])

    @property
    def markers(self) -> list[Marker]:
        """Every marker of a lease, in the order of its numbers."""
        found = [leases.marker_of(p.name, p.description) for p in self.policies or ()]
        return sorted((m for m in found if m), key=lambda m: (m.lease, m.number))


@dataclass(frozen=True)
class Suspects:
    """`nameless` are policies whose ticket only the log can tell."""

    targets: tuple[Target, ...]
    nameless: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


def open_orders(view: View) -> list[OpenOrder]:
    """Open orders, the oldest first."""
    return [
        OpenOrder(row["operation_id"], row["resources"], int(row["since_ms"]),
                  int(row["last_ms"]), int(row["over_ms"]) >= max(1, int(row["begun_ms"])))
        for row in view.orders or ()
    ]  # fmt: skip


def suspects(view: View, settled: Callable[[datetime | None], bool]) -> Suspects:
    """Everything to be looked at, each once, in a fixed order. `settled` says whether something
    made at that moment is older than any function that runs."""
    from_log = [
        _target(row["ticket_system"], row["ticket_id"], _text(row, "application"),
                _text(row, "environment"))
        for row in view.tickets or ()
    ]  # fmt: skip
    pages = _of_pages(view, settled)
    cut = _quarantined(view)
    targets = [t for t in (*cut.targets, *from_log, *pages.targets) if t is not None]
    return Suspects(
        tuple(dict.fromkeys(targets)), pages.nameless, (*cut.findings, *pages.findings)
    )


def of_rows(rows: Iterable[Row]) -> list[Target]:
    """The tickets and places that rows are about."""
    found = (
        _target(row["ticket_system"], row["ticket_id"], row["application"], row["environment"])
        for row in rows
    )
    return list(dict.fromkeys(target for target in found if target))


def _text(row: Row, name: str) -> str:
    """A cell of a statement's answer, in which NULL reads `null`."""
    return "" if row[name] == "null" else row[name]


def _target(source: str, ticket: str, application: str, environment: str) -> Target | None:
    """None if the words could not have been written by us: they go into searches and names."""
    return removal.target_of(source, ticket, application, environment, reason="")


def _quarantined(view: View) -> Suspects:
    users = {user.name: user for user in view.users or ()}
    targets: list[Target | None] = []
    findings = []
    for holder in sorted(view.quarantined or ()):
        name = holder.removeprefix("user/")
        user = users.get(name)
        if user is None and view.users is None:
            continue
        source, ticket, _ = grants.ticket_of(user.tags) if user else ("", "", "")
        target = _target(source, ticket, *naming.place_of(name))
        if target is None or not target.application:
            findings.append(Finding(holder, "quarantined_stranger"))
        else:
            targets.append(target)
    return Suspects(tuple(t for t in targets if t), findings=tuple(findings))


def _of_pages(view: View, settled: Callable[[datetime | None], bool]) -> Suspects:
    """Places at which user, policy and secret do not stand together under one ticket. Where the
    secrets are not known, a user with its policy is taken to have its own."""
    if view.users is None or view.policies is None:
        return Suspects(())
    users = {user.name: user for user in view.users}
    policies = {policy.name: policy for policy in view.policies}
    secrets = {secret.name: secret for secret in view.secrets or () if not secret.deletes_at}
    places = {naming.place_of(name) for name in (*users, *policies, *secrets)} - {("", "")}
    targets: list[Target] = []
    nameless: list[str] = []
    findings = [
        Finding(f"user/{user.name}", "renamed_user")
        for user in view.users
        if grants.ticket_of(user.tags)[1] and naming.place_of(user.name) == ("", "")
    ]
    for application, environment in sorted(places):
        user = users.get(naming.user_name(application, environment))
        policy = policies.get(naming.policy_name(application, environment))
        secret = secrets.get(naming.secret_name(application, environment))
        if not all(settled(thing.created_at) for thing in (user, policy, secret) if thing):
            continue
        *holds, holder = grants.self_service_of(policy.description) if policy else ("", "", "")
        if holder and holder in users and not user and not secret:
            continue
        of_user = grants.ticket_of(user.tags)[:2] if user else ("", "")
        of_secret = grants.ticket_of(secret.tags)[:2] if secret else ("", "")
        its_own = view.secrets is None or (secret is not None and of_user == of_secret)
        if user and policy and of_user[1] and its_own:
            continue
        found = []
        for thing, (source, ticket) in ((f"user/{user.name}" if user else "", of_user),
                                        (f"secret/{secret.name}" if secret else "", of_secret),
                                        (f"policy/{policy.name}" if policy else "", holds)):
            if target := _target(source, ticket, application, environment):
                found.append(target)
            elif thing and (ticket or not thing.startswith("policy/")):
                reason = "unreadable_mark" if ticket else "unmanaged_name"
                findings.append(Finding(thing, reason))
        targets += found
        if policy and not any(found) and not user and not secret:
            nameless.append(policy.name)
    return Suspects(tuple(targets), tuple(nameless), tuple(findings))
