"""Whether a user's policy and its keys' networks are still what was approved, and what brings them
back; pure.

The approved document's digest is signed into the grant. So a policy that somebody changed is told
from one whose template has changed since: the first is put back, the second is left as approved.
"""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence
from dataclasses import dataclass

from shared import grants, networks
from shared.ledger import LiveGrant
from shared.ports import Attached, PolicyVersion

LOOSENED, NARROWED, UNREADABLE = "network_drifted", "network_narrowed", "network_unreadable"


@dataclass(frozen=True)
class PutBack:
    """Make this the default version again: `version` if one still holds the approved text, else
    `document` as a new one."""

    version: str = ""
    document: str = ""


@dataclass(frozen=True)
class Irreparable:
    """The policy is not as approved, and nothing has the approved text any more: no version of it,
    nor today's templates. A person has to look."""


def of_document(
    grant: LiveGrant, current: str, rebuilt: str | None,
    versions: Sequence[tuple[PolicyVersion, str]],
) -> PutBack | Irreparable | None:  # fmt: skip
    """What to do about the default version's document; None if it is as approved.

    `rebuilt` is what today's templates make of the grant (None if they cannot), `versions` the
    other versions with their documents.
    """
    approved = grant.document_digest
    if grants.document_digest(current) == approved:
        return None
    for version, document in versions:
        if grants.document_digest(document) == approved:
            return PutBack(version=version.id)
    if rebuilt is not None and grants.document_digest(rebuilt) == approved:
        return PutBack(document=rebuilt)
    return Irreparable()


def of_network(grant: LiveGrant, text: str) -> str:
    """What a key's network policy is to the approved one: empty if it is the same, LOOSENED if it
    lets in somebody who was not approved, NARROWED if it only keeps out some who were, UNREADABLE.

    No page says how IMS writes one; it is read as it is set, and in any spelling of an address.
    """
    try:
        content = json.loads(text)
        statements = content.get("Statements") or []
        if content.get("Status") != "Active" or not statements:
            return LOOSENED
        lists = [statement["IPList"] for statement in statements
                 if statement["Type"] == "ClassicWhiteList"]  # fmt: skip
        given = {ipaddress.ip_network(address) for addresses in lists for address in addresses}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return UNREADABLE
    # From inside a VPC, which nobody approves here; or an empty list, of which no page says whether
    # it lets in nobody or everybody.
    if len(lists) < len(statements) or not given:
        return LOOSENED
    approved = {ipaddress.ip_network(address) for address in grant.source_ips}
    if given == approved:
        return ""
    nowhere = {ipaddress.ip_network(address) for address in networks.NOWHERE}
    inside = all(any(networks.within(one, other) for other in approved) for one in given - nowhere)
    return NARROWED if inside else LOOSENED


def strange(grant: LiveGrant, held: Sequence[Attached]) -> list[Attached]:
    """What the user holds beside its own policy: given by hand, to be told, not to be taken."""
    own = Attached("Custom", grant.policy)
    return [policy for policy in held if policy != own]


def detached(grant: LiveGrant, held: Sequence[Attached]) -> bool:
    """Whether its own policy was taken from the user."""
    return Attached("Custom", grant.policy) not in held
