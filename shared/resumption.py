"""What an attempt finds, and what is therefore left to do: pure.

The same rules serve the first attempt, the retry after a crash and the late duplicate. Nothing
here decides from a read that failed: such an attempt never gets this far.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared import grants, naming
from shared.audit import ENDING_EVENTS, REVOKED, SERVED, SUCCESS, Change, Row
from shared.errors import StateChanged
from shared.grants import Grant
from shared.ports import KeyStatus, PolicyState, SecretState, User, Version
from shared.refusals import Denied

MEMORY_DAYS = 3650  # how far back a consumed ticket is remembered: as long as the log is kept


@dataclass(frozen=True)
class Issued:
    """What there is now; no secret, only where it lies."""

    user: str
    policy: str
    access_key_id: str = ""
    secret_name: str = ""
    secret_version: str = ""


@dataclass(frozen=True)
class Found:
    """What exists under a grant's names, and which events ended its ticket before."""

    user: User | None
    ended: frozenset[str]
    policy: PolicyState | None
    elsewhere: frozenset[str]  # other users that carry this ticket
    secret: SecretState | None
    versions: tuple[Version, ...]
    keys: tuple[KeyStatus, ...]

    @classmethod
    def of(
        cls,
        grant: Grant,
        user: User | None,
        rows: Sequence[Row],
        policy: PolicyState | None,
        carriers: Sequence[str],
        secret: SecretState | None = None,
        versions: Sequence[Version] | None = None,
        keys: Sequence[KeyStatus] | None = None,
    ) -> Found:
        """From the answers of the reads, in the order of `issuance.find`. StateChanged if a user
        has no list of keys or a secret no version: something of it is not visible yet."""
        if grant.holds_key and user is not None and keys is None:
            raise StateChanged("the user's keys cannot be listed yet")
        if secret is not None and not secret.deletes_at and not versions:
            raise StateChanged("the secret's versions cannot be listed yet")
        ended = events_of(rows)
        elsewhere = frozenset(carriers) - {grant.user}
        return cls(
            user, ended, policy, elsewhere, secret, tuple(versions or ()), tuple(keys or ())
        )

    @property
    def stored(self) -> tuple[KeyStatus, ...]:
        """Live keys whose secret is in KMS under their own id."""
        ids = {version.id for version in self.versions}
        return tuple(key for key in self.keys if key.id in ids)

    @property
    def orphans(self) -> tuple[KeyStatus, ...]:
        """Keys from lost answers: nobody has their secret."""
        return tuple(key for key in self.keys if key not in self.stored)

    @property
    def current(self) -> str:
        """The version id that readers get."""
        for version in self.versions:
            if naming.CURRENT_STAGE in version.stages:
                return version.id
        return ""


def plan(grant: Grant, found: Found) -> list[Change] | Issued | Denied:
    """The changes left to make, or what is already there, or why nothing may be made."""
    refused = _refused(grant, found)
    if refused:
        return refused
    if found.ended & set(SERVED):
        return _already(grant, found)
    return _changes(grant, found)


def begun(grant: Grant, found: Found) -> bool:
    """Whether an earlier attempt has made the first thing of a grant that is not refused."""
    return (found.user if grant.holds_key else found.policy) is not None


def _refused(grant: Grant, found: Found) -> Denied | None:
    if found.ended - set(SERVED):  # revoked, or used for something else
        return Denied("ticket_consumed")
    if not grant.holds_key:
        return _refused_self_service(grant, found)
    if found.elsewhere:
        return Denied("ticket_changed")
    ours = grants.ticket_of(grant.tags)
    if found.user is not None:
        source, ticket, digest = grants.ticket_of(found.user.tags)
        if not ticket:
            return Denied("name_in_use", "application")
        if (source, ticket) != ours[:2]:
            return Denied("application_has_live_key", "application")
        if digest != ours[2]:
            return Denied("ticket_changed")
        # Not signed by us, or edited since.
        if grants.unextended(found.user.tags) != dict(grant.tags):
            return Denied("name_in_use", "application")
    made = "key.issued" in found.ended  # then an amendment may have given it another policy
    if found.policy is not None and not made and not same_policy(found.policy, grant):
        return Denied("name_in_use", "application")
    if found.secret is not None:
        if found.secret.deletes_at:
            return Denied("secret_being_deleted", "application")
        if dict(found.secret.tags) != dict(grant.secret_tags):
            return Denied("name_in_use", "application")
    if not made and (  # else a second key is its rotation's
        len(found.stored) > 1 or any(key.status != "Active" for key in found.stored)
    ):
        return Denied("unexpected_keys", "application")
    return None


def _refused_self_service(grant: Grant, found: Found) -> Denied | None:
    if found.user is None:
        return Denied("user_not_found", "permissions")
    if found.elsewhere:
        return Denied("ticket_changed")
    if found.policy is not None and not same_policy(found.policy, grant):
        return Denied("application_has_live_key", "application")
    return None


def same_policy(policy: PolicyState, grant: Grant) -> bool:
    """Whether a policy is the grant's own, to the letter: signed description and document."""
    try:
        document = json.loads(policy.document)
    except ValueError:
        return False
    return policy.description == grant.description and document == json.loads(grant.document)


def retirement(key_id: str) -> list[Change]:
    """Cut a key off, then remove it."""
    return [
        Change("key.disabled", "ram", "UpdateAccessKey", key_id),
        Change("key.deleted", "ram", "DeleteAccessKey", key_id),
    ]


def _already(grant: Grant, found: Found) -> Issued | Denied:
    """The ticket was served before: say so while its grant still lives, refuse it afterwards."""
    if not grant.holds_key:
        alive = found.policy is not None
        return Issued(grant.user, grant.policy) if alive else Denied("ticket_consumed")
    if found.user is None or not found.stored or found.current != found.stored[0].id:
        return Denied("ticket_consumed")
    key_id = found.stored[0].id
    return Issued(grant.user, grant.policy, key_id, grant.secret, key_id)


def _changes(grant: Grant, found: Found) -> list[Change]:
    """Everything in the saga's order; what exists already is left out."""
    made = _key_changes(grant, found) if grant.holds_key else _self_service_changes(found)
    return under_leases(made)


def under_leases(changes: Sequence[Change]) -> list[Change]:
    """The changes with what is taken before them and released after them."""
    return [
        Change("ticket_lease.taken", "ram", "CreatePolicy"),
        Change("lease.taken", "ram", "CreatePolicy"),
        *changes,
        Change("lease.released", "ram", "DeletePolicy"),
        Change("ticket_lease.released", "ram", "DeletePolicy"),
    ]


def _self_service_changes(found: Found) -> list[Change]:
    attach = Change("self_service.granted", "ram", "AttachPolicyToUser")
    return [attach] if found.policy else [Change("policy.created", "ram", "CreatePolicy"), attach]


def _key_changes(grant: Grant, found: Found) -> list[Change]:
    made = [change for key in found.orphans for change in retirement(key.id)]
    if found.user is None:
        made.append(Change("user.created", "ims", "CreateUser"))
    if found.policy is None:
        made.append(Change("policy.created", "ram", "CreatePolicy"))
    if found.secret is None:
        made.append(Change("secret.reserved", "kms", "CreateSecret"))
    made.append(Change("policy.attached", "ram", "AttachPolicyToUser"))
    if not found.stored:
        made.append(Change("key.created", "ram", "CreateAccessKey"))
        if grant.ticket.source_ips:
            made.append(Change("key.restricted", "ims", "SetAccessKeyPolicy"))
        made.append(Change("secret.stored", "kms", "PutSecretValue"))
    return [*made, Change("key.issued", "kms", "UpdateSecretVersionStage")]


def events_of(rows: Iterable[Row]) -> frozenset[str]:
    """Which events ended the ticket whose rows `ended_query` has found."""
    return frozenset(
        row.get("event_type", "")
        for row in rows
        if row.get("event_type") == REVOKED or row.get("outcome") == SUCCESS
    )


def ended_query(source: str, ticket_id: str) -> str:
    """The log search for what ended a ticket. Both values are of a pattern without quotes.

    A revocation counts from its intent on: what it is still at work on is not issued anew.
    """
    events = " or ".join(f'event_type: "{event}"' for event in ENDING_EVENTS if event != REVOKED)
    ended = f'event_type: "{REVOKED}" or (phase: result and ({events}))'
    return f'ticket_id: "{ticket_id}" and ticket_system: "{source}" and ({ended})'
