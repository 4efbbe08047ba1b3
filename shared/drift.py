"""Whether a user's policy is still the one that was approved, and what brings it back; pure.

The approved document's digest is signed into the grant. So a policy that somebody changed is told
from one whose template has changed since: the first is put back, the second is left as approved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from shared import grants
from shared.ledger import LiveGrant
from shared.ports import Attached, PolicyVersion


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


def strange(grant: LiveGrant, held: Sequence[Attached]) -> list[Attached]:
    """What the user holds beside its own policy: given by hand, to be told, not to be taken."""
    own = Attached("Custom", grant.policy)
    return [policy for policy in held if policy != own]


def detached(grant: LiveGrant, held: Sequence[Attached]) -> bool:
    """Whether its own policy was taken from the user."""
    return Attached("Custom", grant.policy) not in held
