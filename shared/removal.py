"""What a revocation finds, and what is therefore to be cut and removed: pure.

Whose something is, the cloud's own records say: a user's and a secret's tags, a self-service
policy's Description. What belongs to another ticket is never touched, and what is not read is
never removed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from shared import grants, naming, reasons, tickets
from shared.audit import FAILURE, INTENT, RESULT, REVOKED, SKIPPED, SUCCESS, UNKNOWN, Change, Row
from shared.ports import Attached, KeyStatus, PolicyState, PolicyVersion, SecretState, User
from shared.refusals import Denied
from shared.tickets import Ticket

ENDING_STATUSES = ("revoked", "withdrawn", "approved")
QUARANTINE = Attached("Custom", naming.QUARANTINE_POLICY)
CUT_OFF = Change("quarantine.attached", "ram", "AttachPolicyToUser")
_SOURCE = re.compile(r"[a-z][a-z0-9-]{0,63}")


@dataclass(frozen=True)
class Target:
    """Which ticket's grant is to end, and why (of `reasons.ALL`)."""

    source: str
    ticket_id: str
    application: str
    environment: str
    reason: str

    @property
    def user(self) -> str:
        return naming.user_name(self.application, self.environment)

    @property
    def policy(self) -> str:
        return naming.policy_name(self.application, self.environment)

    @property
    def secret(self) -> str:
        return naming.secret_name(self.application, self.environment)

    @property
    def operation_id(self) -> str:
        return naming.operation_id(self.source, self.ticket_id, "revoke")

    @property
    def purges(self) -> bool:
        """Whether nothing may be restorable afterwards."""
        return reasons.purges(self.reason)

    def is_of(self, source_and_ticket: Sequence[str]) -> bool:
        """Whether something marked so belongs to this ticket."""
        return tuple(source_and_ticket) == (self.source, self.ticket_id)


def target(ticket: Ticket, reason: str = reasons.WITHDRAWN) -> Target | Denied:
    """What a revoking delivery means. It needs no approvals: whoever may sign may withdraw."""
    if ticket.status not in ENDING_STATUSES:
        return Denied("ticket_not_revoked", "status")
    return Target(ticket.source, ticket.id, ticket.application, ticket.environment, reason)


def target_of(
    source: str, ticket: str, application: str, environment: str, reason: str
) -> Target | None:
    """The target that records of the cloud (tags, descriptions, names, rows) speak of; None unless
    every word is of the form that we write ourselves: they go into searches and names, and anybody
    who may tag a user can write them. A place may be empty, as in an order's own rows."""
    of_form = (
        searchable(source, ticket)
        and (not application or tickets.APPLICATION.fullmatch(application))
        and (not environment or tickets.ENVIRONMENT.fullmatch(environment))
        and len(application) <= tickets.MAX_APPLICATION
        and len(environment) <= tickets.MAX_ENVIRONMENT
    )
    return Target(source, ticket, application, environment, reason) if of_form else None


def searchable(source: str, ticket: str) -> bool:
    """Whether both can stand in a search: of the form of ours, which has no quotes."""
    return bool(_SOURCE.fullmatch(source) and tickets.ID.fullmatch(ticket))


@dataclass(frozen=True)
class Found:
    """What exists under the target's names; `self_service` is the user whose policy it is.

    `user`, `secret` and `policy` are this ticket's own; `foreign` names what is another's, and
    `odd` says what contradicts itself and was taken for an application's.
    """

    user: User | None = None
    keys: tuple[KeyStatus, ...] = ()
    attached: tuple[Attached, ...] = ()
    policy: PolicyState | None = None
    self_service: str = ""
    foreign: tuple[str, ...] = ()
    odd: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        whom: Target,
        user: User | None,
        keys: Sequence[KeyStatus] | None,
        attached: Sequence[Attached],
        policy: PolicyState | None,
        *,
        user_ids: Set[str] = frozenset(),
        key_ids: Set[str] = frozenset(),
    ) -> Found:
        """From the answers of the reads; what is not this ticket's is left out.

        `user_ids` and `key_ids` are the log's. Nobody documents whether a user comes back from the
        recycle bin with its tags; and whoever edits tags must not shield a key that we issued.
        """
        found = cls(policy=policy)
        marks = grants.ticket_of(user.tags)[:2] if user else ()
        restored = user is not None and not any(marks) and user.id in user_ids
        issued = any(key.id in key_ids for key in keys or ())
        if user is not None and (whom.is_of(marks) or restored or issued):
            found = replace(found, user=user, keys=tuple(keys or ()), attached=tuple(attached))
        elif user is not None:
            found = replace(found, policy=None, foreign=(f"user {user.name}",))
        if policy is None:
            return found
        source, ticket, holder = grants.self_service_of(policy.description)
        if not ticket:
            return found
        if not whom.is_of((source, ticket)):
            return replace(found, policy=None, foreign=(*found.foreign, f"policy {policy.name}"))
        if found.user is None and not holder.startswith(naming.PREFIX):
            return replace(found, policy=policy, self_service=holder)
        # Nothing signs this text for a revocation, so it decides nothing where a user of ours is.
        return replace(found, odd=(f"policy {policy.name} calls itself self-service",))

    @property
    def quarantined(self) -> bool:
        return QUARANTINE in self.attached


@dataclass(frozen=True)
class Details:
    """What else has to go before the user can; None where it could not be read."""

    groups: tuple[str, ...] = ()
    versions: tuple[PolicyVersion, ...] = ()
    holders: tuple[str, ...] | None = ()
    secret: SecretState | None = None


@dataclass(frozen=True)
class Memory:
    """What the audit log says of the ticket.

    `revoked` from the first intent on, `ended` once a revocation got through; `cut` if another
    run's quarantine, `made_policy` if the making of a policy is on record, `standing` what was made
    and not deleted since (the events that made it), `live_keys` the same of keys; `worked_at_ms` is
    the last sign of any other operation of the ticket, 0 if there is none, and `places` are the
    (application, environment) that such an operation was going to change. `user_ids` and `key_ids`
    are all that were this ticket's: those of deleted users, and every key's. `deleted` are
    (user id, key id) of deletions, `purged` the ids of what surely cannot be restored.
    """

    revoked: bool = False
    ended: bool = False
    cut: bool = False
    made_policy: bool = False
    standing: frozenset[str] = frozenset()
    live_keys: frozenset[str] = frozenset()
    worked_at_ms: int = 0
    places: frozenset[tuple[str, str]] = frozenset()
    user_ids: frozenset[str] = frozenset()
    key_ids: frozenset[str] = frozenset()
    deleted: frozenset[tuple[str, str]] = frozenset()
    purged: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, rows: Sequence[Row], *, operation_id: str, run_id: str,
        place: tuple[str, str], purging: bool = False,
    ) -> Memory:
        """From the ticket's rows, as the run `run_id` of `operation_id` reads them at its `place`
        (application, environment): what was made elsewhere is ended there. For a `purging` one only
        a purging one has ended what it has to."""
        everywhere, others = rows, [r for r in rows if r.get("operation_id", "") != operation_id]
        rows = [r for r in rows if (r.get("application", ""), r.get("environment", "")) == place]
        return cls(
            revoked=any(row.get("event_type", "") == REVOKED for row in everywhere),
            ended=any(
                row.get("event_type", "") == REVOKED and row.get("outcome", "") == SUCCESS
                and (not purging or reasons.purges(row.get("reason", "")))
                for row in rows
            ),
            cut=any(
                row.get("event_type", "") == "quarantine.attached"
                and run_id not in row.get("chain_id", "")
                for row in rows
            ),
            made_policy=any(row.get("event_type", "") == "policy.created" for row in rows),
            standing=_standing(rows),
            live_keys=_live_keys(rows),
            worked_at_ms=max((int(row.get("time_ms") or 0) for row in others), default=0),
            places=places(everywhere, operation_id),
            user_ids=frozenset(row.get("resources", "") for row in rows
                               if row.get("event_type", "") == "user.deleted") - {""},
            key_ids=frozenset(row.get("access_key_id", "") for row in rows) - {""},
            deleted=frozenset((row.get("resources", ""), row.get("access_key_id", ""))
                              for row in rows if row.get("event_type", "") == "key.deleted"),
            # One that was not there may have come there later; only a purge that met it counts.
            purged=frozenset(
                row.get("access_key_id", "") or row.get("resources", "") for row in rows
                if row.get("event_type", "") in ("key.purged", "user.purged")
                and row.get("outcome", "") == SUCCESS and not row.get("error_code", "")
            ),
        )  # fmt: skip


def places(rows: Sequence[Row], operation_id: str) -> frozenset[tuple[str, str]]:
    """Where operations other than this one were going to change something."""
    return frozenset(
        (row.get("application", ""), row.get("environment", "")) for row in rows
        if row.get("phase", "") == INTENT and row.get("operation_id", "") != operation_id
    )  # fmt: skip


# What makes a thing that a stale read may not show, and what ends it.
_MADE = {"user.created": "user.deleted", "policy.created": "policy.deleted",
         "secret.reserved": "secret.deleted"}  # fmt: skip


def _standing(rows: Sequence[Row]) -> frozenset[str]:
    happened = {row.get("event_type", "") for row in rows if row.get("outcome", "") == SUCCESS}
    return frozenset(
        made for made, end in _MADE.items() if made in happened and end not in happened
    )


def _live_keys(rows: Sequence[Row]) -> frozenset[str]:
    """Keys that were issued and whose deletion is not on record."""

    def of(*events: str, but: Set[str]) -> frozenset[str]:
        return frozenset(
            row.get("access_key_id", "") for row in rows
            if row.get("phase", "") == RESULT and row.get("event_type", "") in events
            and row.get("outcome", "") not in but
        )  # fmt: skip

    made = of("key.created", "secret.stored", "key.issued", but={FAILURE, SKIPPED})
    return made - of("key.deleted", but={FAILURE, SKIPPED, UNKNOWN}) - {""}


def memory_query(whom: Target) -> str:
    """The log search for all rows of a ticket. ValueError if the words of it could say more than
    that: whoever made such a target has not asked `target_of`."""
    if not searchable(whom.source, whom.ticket_id):
        raise ValueError("ticket or source cannot stand in a search")
    return f'ticket_id: "{whom.ticket_id}" and ticket_system: "{whom.source}"'


def denial(found: Found) -> list[Change]:
    """What ends all access at once, in no order: each of these is enough for what it covers."""
    if found.self_service:
        return [_detached(Attached("Custom", found.policy.name))] if found.policy else []
    if found.user is None:
        return []
    changes = [CUT_OFF]
    for key in found.keys:
        changes += [
            Change("key.restricted", "ims", "SetAccessKeyPolicy", key.id),
            Change("key.disabled", "ram", "UpdateAccessKey", key.id),
        ]
    return changes


def unsettled_seconds(
    whom: Target, found: Found, more: Details, memory: Memory, now: datetime,
    max_lag_seconds: float, *, cut_at: datetime | None = None,
) -> float:  # fmt: skip
    """How long what was found may still lack something, so that it has to be read again.

    A change of an issue run may not be visible yet. And until its quarantine is in force, the user
    itself could make a key: every policy of ours denies that, unless it was detached or changed
    behind our back. `cut_at` is when this run had attached it, None if it did not. What the log
    remembers and the read does not show is read again: a stale answer is not a deletion.
    """
    if memory.standing - _shown(found, more):
        return max_lag_seconds
    intact = Attached("Custom", whom.policy) in found.attached and len(more.versions) == 1
    if found.user is not None and not intact:
        return max_lag_seconds - (now - (cut_at or now)).total_seconds()
    since = now.timestamp() - memory.worked_at_ms / 1000
    return max(0.0, max_lag_seconds - since)


def _shown(found: Found, more: Details) -> set[str]:
    """Which of the things that are made once were found, as the events that made them."""
    things = {"user.created": found.user, "policy.created": found.policy,
              "secret.reserved": more.secret}  # fmt: skip
    return {made for made, thing in things.items() if thing is not None}


def vanished(before: tuple[Found, Details], now: tuple[Found, Details]) -> bool:
    """Whether a later read misses what an earlier one showed, with nothing deleted in between."""
    return bool(_shown(*before) - _shown(*now))


def removal(whom: Target, found: Found, details: Details, memory: Memory) -> list[Change]:
    """Everything that is this ticket's, in the order in which it goes. The user's numeric id is
    the resource of what becomes recyclable: by it, a later attempt finds that again."""
    changes: list[Change] = []
    if found.user is not None:
        changes += [
            Change("key.deleted", "ram", "DeleteAccessKey", key.id, found.user.id)
            for key in found.keys
        ]
        changes += [_detached(held) for held in found.attached if held != QUARANTINE]
        changes += [
            Change("group.left", "ram", "RemoveUserFromGroup", resource=name)
            for name in details.groups
        ]
        changes += [
            Change("login.removed", "ram", "DeleteLoginProfile"),
            Change("mfa.unbound", "ram", "UnbindMFADevice"),
        ]
    if owns_policy(whom, found, details, memory) and elsewhere(whom, found, details) == ():
        changes += [
            Change("policy.version_deleted", "ram", "DeletePolicyVersion", resource=version.id)
            for version in details.versions
            if not version.is_default
        ]
        changes.append(Change("policy.deleted", "ram", "DeletePolicy"))
    if found.user is not None:
        changes += [
            Change("quarantine.detached", "ram", "DetachPolicyFromUser"),
            Change("user.deleted", "ram", "DeleteUser", resource=found.user.id),
        ]
    if owns_secret(whom, details):
        changes.append(Change("secret.deleted", "kms", "DeleteSecret"))
    return changes


def owns_policy(whom: Target, found: Found, details: Details, memory: Memory) -> bool:
    """An application's policy does not name its ticket: it is its user's, or, once the user is
    gone, that of the ticket for which the log remembers one being made."""
    if found.policy is None:
        return False
    if found.user or found.self_service:
        return True
    others = found.foreign or (details.secret and not owns_secret(whom, details))
    return memory.made_policy and not others


def owns_secret(whom: Target, details: Details) -> bool:
    return details.secret is not None and whom.is_of(grants.ticket_of(details.secret.tags)[:2])


def elsewhere(whom: Target, found: Found, details: Details) -> tuple[str, ...] | None:
    """Who else holds the policy; None if that is not known."""
    if details.holders is None:
        return None
    own = f"user/{found.self_service or whom.user}"
    return tuple(holder for holder in details.holders if holder != own)


def left(whom: Target, found: Found, details: Details) -> tuple[str, ...]:
    """What stays although it stands in the way, each with its reason."""
    others = elsewhere(whom, found, details) if found.policy else ()
    held = (f"policy {whom.policy} is held by {name} too" for name in others or ())
    secret = details.secret is not None and not owns_secret(whom, details)
    return (
        *held,
        *found.odd,
        *(f"{name} is another ticket's" for name in found.foreign),
        *([f"secret {whom.secret} is another ticket's"] if secret else []),
    )


def _detached(policy: Attached) -> Change:
    return Change(
        "policy.detached", "ram", "DetachPolicyFromUser", resource=f"{policy.kind}:{policy.name}"
    )
