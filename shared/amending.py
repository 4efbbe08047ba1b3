"""A grant gets other permissions or addresses: by a new ticket, approved by the same rules.

One call makes the amended grant the grant (`shared/amendment.py`); then the policy gets its new
text, and each key its new network. User, secret, key, readers and end stay as they are. A run that
dies in between is gone on with, and if nobody does, the daily look brings the policy to what the
grant says by then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from shared import amendment, changing, grants, timestamps
from shared.audit import AMENDED, SUCCESS, Attempt, Change, Outcome
from shared.broker import Broker
from shared.changing import Seen
from shared.errors import StateChanged
from shared.grants import MAX_DESCRIPTION, TAG_PREFIX, Grant
from shared.key_making import unless_gone
from shared.ports import KeyStatus
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.steps import step

DESCRIBED, REPLACED, RESTRICTED = "grant.described", "policy.replaced", "key.restricted"


@dataclass(frozen=True)
class Amended:
    """The grant's user, its policy, and the policy's Description as of now."""

    user: str
    policy: str
    description: str


def amend(
    broker: Broker, asked: Grant, ledger_key: Secret, record: Attempt
) -> Amended | Denied:
    """Give the grant that `asked` is about the content of `asked`; safe to run again after any
    failure.

    `asked` is what the new ticket would make if it were the first. Raises LeaseHeld, StateChanged
    and CloudError, each to be retried. Before the intents are acknowledged nothing is changed.
    """
    seen, outcome = changing.decided(broker, asked, ledger_key, decide)
    if isinstance(outcome, Denied) or AMENDED in seen.ended:
        return outcome
    keys = broker.ims.list_access_keys(asked.user)
    if not keys or seen.policy is None:
        raise StateChanged(f"the keys of user {asked.user} are not there (any more)")
    changes = _changes(asked, seen, keys, outcome.description)
    make = partial(_make, broker, asked, record, keys, outcome)
    changing.carry_out(broker, asked, ledger_key, record, (seen, changes), make)
    return outcome


def decide(asked: Grant, seen: Seen, now: datetime, ledger_key: Secret) -> Amended | Denied:
    """What the grant becomes, or the first reason why it stays; pure."""
    grant = changing.grant_of(asked, seen, "amendment_not_possible")
    if isinstance(grant, Denied):
        return grant
    description = amendment.description(seen.tags, asked, ledger_key)
    amended = Amended(asked.user, asked.policy, description)
    if AMENDED in seen.ended:
        return amended
    if seen.ended:  # the grant's own first ticket is among them
        return Denied("ticket_consumed")
    if seen.revoking or now >= grant.expires_at:
        return Denied("grant_over", "application")
    if where := changing.otherwise(asked, grant, seen, ledger_key):
        return Denied("amendment_differs", where)
    if grant.source_ips and not asked.ticket.source_ips:  # a network changes, it is not lifted
        return Denied("amendment_differs", "network.source_ips")
    if len(amended.description) > MAX_DESCRIPTION:
        return Denied("grant_too_long", "permissions")
    ends_at = timestamps.parse(asked.tags[f"{TAG_PREFIX}expires"])
    approved_at = timestamps.parse(asked.tags[f"{TAG_PREFIX}approved"])
    if ends_at is None or ends_at < grant.expires_at:
        return Denied("amendment_shortens", "ttl_seconds")
    if seen.policy and seen.policy.description == amended.description:
        return amended  # an earlier run's: what is missing follows
    newest = grant.amendment.approved_at if grant.amendment else grant.approved_at
    if approved_at is None or approved_at < newest:
        return Denied("amendment_overtaken", "approvals")
    same_addresses = asked.ticket.source_ips == grant.source_ips
    if same_addresses and changing.same_permissions(asked, grant):
        return Denied("nothing_to_amend", "permissions")
    return amended


def _changes(
    asked: Grant, seen: Seen, keys: Sequence[KeyStatus], description: str
) -> list[Change]:
    """In their order; what is so already is left out, but for networks, which cannot be read."""
    policy = seen.policy
    described = policy is not None and policy.description == description
    approved = grants.document_digest(asked.document)
    replaced = policy is not None and grants.document_digest(policy.document) == approved
    return [
        *([] if described else [Change(DESCRIBED, "ram", "UpdatePolicyDescription")]),
        *([] if replaced else [Change(REPLACED, "ram", "CreatePolicyVersion")]),
        *(Change(RESTRICTED, "ims", "SetAccessKeyPolicy", key.id)
          for key in keys if asked.ticket.source_ips),
        Change(AMENDED, "", "", resource=",".join(p.template for p in asked.ticket.permissions)),
    ]


def _make(
    broker: Broker, asked: Grant, record: Attempt, keys: Sequence[KeyStatus], amended: Amended
) -> None:
    """A key that a rotation has made meanwhile would keep the former network."""
    ram, ims = broker.ram, broker.ims
    if {key.id for key in ims.list_access_keys(asked.user) or ()} != {key.id for key in keys}:
        raise StateChanged("a rotation has worked on this meanwhile")
    step(record, DESCRIBED,
         lambda: ram.update_policy_description(asked.policy, amended.description))()  # fmt: skip
    step(record, REPLACED, lambda: ram.create_policy_version(asked.policy, asked.document))()
    for key in keys:
        step(record, RESTRICTED, partial(unless_gone, partial(
            ims.set_access_key_policy, asked.user, key.id, asked.ticket.source_ips)),
            target=key.id)()  # fmt: skip
    concluded = next(change for change in record.changes if change.event_type == AMENDED)
    record.outcomes[concluded] = Outcome(SUCCESS)
