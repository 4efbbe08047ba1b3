"""A grant: what an approved ticket promises, and how the cloud's own records carry it.

For an application the RAM user's tags hold the short facts and the policy's Description the rest;
a self-service grant has no user of ours, so its Description holds everything. `sig` is an HMAC by
the ledger key over all of it: without that key nobody can extend, move or invent a grant.

Format 1. A reader must take unknown `akw:` tags as reason to report, never to delete; a new field
gets a new tag, and a changed meaning a new number.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import naming, policies, tickets, timestamps
from shared.approvals import Approved
from shared.policies import Assets
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.templates import Template
from shared.tickets import Ticket

FORMAT = "1"
TAG_PREFIX = "akw:"
MOST_NAMES = 9  # of 12 letters with a dot between them: 116 of the 128 of a tag
ASKED_BY = f"{TAG_PREFIX}asked-by"  # digests of the names of who asked, and of who is to get it
INCIDENT = f"{TAG_PREFIX}incident"  # of a grant that nobody approved
SIGNATURE = f"{TAG_PREFIX}sig"
# What an extension adds to the tags of a grant (`shared/extension.py`).
EXTENDED, EXTENDED_SIGNATURE = f"{TAG_PREFIX}extended", f"{TAG_PREFIX}extended-sig"
# What an amendment adds to the Description (`shared/amendment.py`).
AMENDED_SIGNATURE = "amended-sig"
MAX_TAG_VALUE = 128  # IMS TagResources
MAX_DESCRIPTION = 1024  # RAM CreatePolicy
APPLICATION, SELF_SERVICE = "application", "self-service"


@dataclass(frozen=True)
class Grant:
    """What is to be made. `user` is ours (`akw-…`) or, for self-service, an existing one.

    `tags` are for the RAM user, `description` for the policy; both carry the signature.
    """

    ticket: Ticket
    mode: str
    approvers: tuple[str, ...]
    user: str
    policy: str
    document: str
    description: str
    secret: str
    tags: Mapping[str, str]
    secret_tags: Mapping[str, str]
    incident: str = ""

    @property
    def holds_key(self) -> bool:
        return self.mode == APPLICATION


def plan(
    ticket: Ticket,
    approved: Approved,
    templates: Mapping[str, Template],
    assets: Assets,
    ledger_key: Secret,
) -> Grant | Denied:
    """Say what an approved ticket makes: names, policy, tags. Pure; decides nothing about time.

    The end of the grant counts from the approval, so that a late attempt plans the same grant.
    """
    document = policies.document(ticket, templates, assets)
    if isinstance(document, Denied):
        return document
    self_service = templates[ticket.permissions[0].template].self_service
    mode = SELF_SERVICE if self_service else APPLICATION
    user = (
        ticket.permissions[0].parameters["user_name"]
        if self_service
        else naming.user_name(ticket.application, ticket.environment)
    )
    facts = _facts(ticket, approved, mode, document)
    content = content_of(ticket) | ({"grant": dict(facts)} if self_service else {})
    signature = sign(user, facts, compact(content), ledger_key)
    description = compact({**content, "sig": signature})
    if len(description) > MAX_DESCRIPTION:
        return Denied("grant_too_long", "permissions")
    tags = {f"{TAG_PREFIX}{name}": value for name, value in facts.items()} | {SIGNATURE: signature}
    long = [name for name, value in tags.items() if len(value) > MAX_TAG_VALUE]
    if long:
        return Denied("grant_too_long", long[0].removeprefix(TAG_PREFIX))
    return Grant(
        ticket, mode, approved.approvers, user,
        naming.policy_name(ticket.application, ticket.environment), document, description,
        naming.secret_name(ticket.application, ticket.environment), tags,
        secret_tags(
            naming.secret_name(ticket.application, ticket.environment),
            (ticket.source, ticket.id, tickets.digest(ticket)), ticket.consumers, ledger_key,
        ), approved.incident,
    )  # fmt: skip


def secret_tags(
    name: str, of_ticket: tuple[str, str, str], consumers: Sequence[str], ledger_key: Secret
) -> dict[str, str]:
    """What marks a KMS secret as a ticket's (source, id, digest), signed together with its readers:
    a secret that somebody made beforehand, with readers of their own, cannot carry it."""
    facts = dict(zip(("source", "ticket", "digest"), of_ticket, strict=True))
    signature = sign(name, facts, compact(list(consumers)), ledger_key)
    return {f"{TAG_PREFIX}{k}": v for k, v in facts.items()} | {SIGNATURE: signature}


def _facts(ticket: Ticket, approved: Approved, mode: str, document: str) -> dict[str, str]:
    """The short facts, each of which fits a tag. A RAM user has room for 20: these are 18 at most,
    as the quorum is 5 at most (1 in an incident), and an extension adds two."""
    ends_at = approved.approved_at + timedelta(seconds=ticket.ttl_seconds)
    facts = {
        "format": FORMAT,
        "mode": mode,
        "source": ticket.source,
        "ticket": ticket.id,
        "digest": tickets.digest(ticket),
        "requester": ticket.requester.id,
        "approved": iso(approved.approved_at),
        "expires": iso(ends_at),
        "document": document_digest(document),
        "asked-by": ".".join(sorted(map(_name_digest, approved.asked_by))[:MOST_NAMES]),
    }
    for number, approver in enumerate(approved.approvers, 1):
        facts[f"approver-{number}"] = approver
    if approved.incident:
        facts["incident"] = approved.incident
    if ticket.rotation_days is not None:
        facts["rotation-days"] = str(ticket.rotation_days)
    if ticket.rotation_wait_days is not None:
        facts["rotation-wait-days"] = str(ticket.rotation_wait_days)
    return facts


def _name_digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def asked_by_one_of(tags: Mapping[str, str], names: Iterable[str]) -> bool:
    """Whether one of these (folded names) asked for the grant, or was to get it. One that was made
    before its tags said so is known by its requester's id alone."""
    digests = tags.get(ASKED_BY, "").split(".")
    return any(_name_digest(name) in digests or name == tags.get(f"{TAG_PREFIX}requester")
               for name in names)  # fmt: skip


def document_digest(document: str) -> str:
    """SHA-256 (hex) of a policy document's content, whatever its spacing: by it a changed policy is
    told from one whose template has changed since. Empty if the document cannot be read."""
    try:
        return hashlib.sha256(compact(json.loads(document)).encode()).hexdigest()
    except (ValueError, RecursionError):
        return ""


def content_of(ticket: Ticket) -> dict[str, object]:
    """What a drifted policy or a lost network policy is rebuilt from, in the Description."""
    return {
        "akw": FORMAT,
        "permissions": [[p.template, dict(p.parameters)] for p in ticket.permissions],
        "source_ips": list(ticket.source_ips),
    }


def sign(user: str, facts: Mapping[str, str], description: str, ledger_key: Secret) -> str:
    """HMAC-SHA256 (hex) over user, facts and description content, each unambiguous in JSON."""
    text = compact([user, dict(sorted(facts.items())), description]).encode(errors="surrogatepass")
    return hmac.new(ledger_key.reveal().encode(), text, hashlib.sha256).hexdigest()


def sign_amendment(
    user: str, tags: Mapping[str, str], content: Mapping[str, object], ledger_key: Secret
) -> str:
    """The signature of an amended Description: over everything that the grant's tags say, their
    own signature among it, as that no longer fits the Description."""
    facts = {name: value for name, value in unextended(tags).items()
             if name.startswith(TAG_PREFIX)}  # fmt: skip
    return sign(user, {"amends": compact(facts)}, compact(content), ledger_key)


def verified(
    user: str, tags: Mapping[str, str], description: str, ledger_key: Secret
) -> bool:
    """Whether tags (or, for self-service, the description's own facts) carry our signature.

    Never raises: whoever can write a description must not be able to stop a sweep with it. Only
    the very text that we wrote counts, not another spelling of the same JSON.
    """
    try:
        content = json.loads(description)
        if not isinstance(content, dict) or compact(content) != description:
            return False
    except (ValueError, RecursionError):
        return False
    if "amended" in content:
        return _amended_verified(user, tags, content, ledger_key)
    signature = str(content.pop("sig", ""))
    facts = content.get("grant")
    if facts is None:
        facts = {
            name.removeprefix(TAG_PREFIX): value
            for name, value in unextended(tags).items()
            if name.startswith(TAG_PREFIX)
        }
        if facts.pop("sig", "") != signature:
            return False
    if not isinstance(facts, dict) or not signature.isascii():
        return False
    expected = sign(user, facts, compact(content), ledger_key)
    return hmac.compare_digest(expected, signature)


def _amended_verified(
    user: str, tags: Mapping[str, str], content: dict[str, object], ledger_key: Secret
) -> bool:
    signature = str(content.pop(AMENDED_SIGNATURE, ""))
    if "grant" in content or not signature.isascii():  # a self-service grant is never amended
        return False
    return hmac.compare_digest(sign_amendment(user, tags, content, ledger_key), signature)


def unextended(tags: Mapping[str, str]) -> dict[str, str]:
    """A user's tags without what an extension adds: those of the grant as it was made."""
    return {name: tags[name] for name in tags if name not in (EXTENDED, EXTENDED_SIGNATURE)}


def ticket_tags(ticket: Ticket) -> dict[str, str]:
    """The tags by which a ticket's user is found."""
    return {f"{TAG_PREFIX}source": ticket.source, f"{TAG_PREFIX}ticket": ticket.id}


def ticket_of(tags: Mapping[str, str]) -> tuple[str, str, str]:
    """(source, ticket id, ticket digest) of a tagged user; empty strings if it has none."""
    source, ticket, digest = (
        tags.get(f"{TAG_PREFIX}{name}", "") for name in ("source", "ticket", "digest")
    )
    return source, ticket, digest


def self_service_of(description: str) -> tuple[str, str, str]:
    """(source, ticket id, RAM user) of a self-service policy; empty strings for any other.

    Never raises, and says nothing about the signature: see `verified`.
    """
    try:
        content = json.loads(description)
        facts = content["grant"]
        user = content["permissions"][0][1]["user_name"]
        return str(facts["source"]), str(facts["ticket"]), str(user)
    except (ValueError, TypeError, KeyError, IndexError, RecursionError):
        return "", "", ""


def self_service_requester(description: str) -> str:
    """Who asked for a self-service policy; empty for any other. Never raises."""
    try:
        return str(json.loads(description)["grant"]["requester"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return ""


def self_service_end(description: str) -> datetime | None:
    """When a self-service grant ends; None for any other policy. Never raises."""
    try:
        return timestamps.parse(str(json.loads(description)["grant"]["expires"]))
    except (ValueError, TypeError, KeyError, RecursionError):
        return None


def iso(at: datetime) -> str:
    """A moment as tags and descriptions write it: UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def compact(value: object) -> str:
    """The one spelling of a JSON value that is signed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
