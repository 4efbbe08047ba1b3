"""What a daily look at one managed user leads to: from what was read to steps; pure.

The rules are `shared/hygiene.py` (a key that nobody seems to need) and `shared/drift.py` (a policy
that is not the approved one). A user with two keys is in a rotation, which has its own rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared import drift, hygiene
from shared.candidates import Finding
from shared.drift import PutBack
from shared.hygiene import DISABLE, END_GRANT, KeyFacts
from shared.ledger import LiveGrant
from shared.lifecycle import CleanupTerms
from shared.ports import Attached, KeyStatus, LastUse, PolicyState, PolicyVersion, User

DRIFTED, BEYOND_REPAIR = "policy_drifted", "policy_beyond_repair"
DETACHED, NOT_OURS = "policy_detached", "policy_not_ours"


@dataclass(frozen=True)
class Seen:
    """One user as it was just read. `use`: of its only key, None if there is no such key or if that
    could not be read. `networks`: the network policy of each active key, if one was approved.
    `versions`: the policy's other versions with their documents, and `rebuilt`
    what today's templates make of the grant; both only if the document is not the approved one."""

    user: User
    keys: tuple[KeyStatus, ...]
    policy: PolicyState
    held: tuple[Attached, ...]
    use: LastUse | None = None
    networks: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[tuple[PolicyVersion, str], ...] = ()
    rebuilt: str | None = None


@dataclass(frozen=True)
class Disable:
    """Disable the grant's key; `rule` is one of `hygiene.RULES`."""

    key_id: str
    rule: str
    why: str


@dataclass(frozen=True)
class EndGrant:
    """End the grant of a key that has been disabled for long."""

    key_id: str
    rule: str
    why: str


@dataclass(frozen=True)
class Restore:
    """Make the approved document the policy's default again."""

    put_back: PutBack


@dataclass(frozen=True)
class Rebind:
    """Bind a key to the approved addresses again."""

    key_id: str


Step = Disable | EndGrant | Restore | Rebind | Finding
TAKES_AWAY = (Disable, EndGrant)


def plan(grant: LiveGrant, seen: Seen, terms: CleanupTerms, now: datetime) -> list[Step]:
    """What is to be done, and what is to be told, of one user."""
    return [*_of_policy(grant, seen), *_of_networks(grant, seen), *_of_key(seen, terms, now)]


def _of_policy(grant: LiveGrant, seen: Seen) -> list[Step]:
    """A policy that was taken from its user is told and not given back: somebody may have cut the
    application off in an emergency. A wider one is no emergency measure."""
    steps: list[Step] = []
    policy = f"policy/{grant.policy}"
    document = seen.policy.document
    verdict = drift.of_document(grant, document, seen.rebuilt, seen.versions)
    if isinstance(verdict, PutBack):
        steps += [Finding(policy, DRIFTED), Restore(verdict)]
    elif verdict is not None:
        steps.append(Finding(policy, BEYOND_REPAIR))
    if drift.detached(grant, seen.held):
        steps.append(Finding(f"user/{grant.user}", DETACHED))
    strangers = sorted(f"{p.kind}:{p.name}" for p in drift.strange(grant, seen.held))
    if strangers:
        steps.append(Finding(f"user/{grant.user}", NOT_OURS, ", ".join(strangers)))
    return steps


def _of_networks(grant: LiveGrant, seen: Seen) -> list[Step]:
    """As with policies: what lets more in is put back, what lets less in is told."""
    steps: list[Step] = []
    for key_id, text in sorted(seen.networks.items()):
        if verdict := drift.of_network(grant, text):
            steps.append(Finding(f"key/{key_id}", verdict))
            steps += [Rebind(key_id)] if verdict == drift.LOOSENED else []
    return steps


def _of_key(seen: Seen, terms: CleanupTerms, now: datetime) -> list[Step]:
    exemptions = hygiene.exemptions(seen.user.tags, now)
    steps: list[Step] = [
        Finding(f"user/{seen.user.name}", exemption.problem, exemption.rule[:64])
        for exemption in exemptions.values() if exemption.problem
    ]  # fmt: skip
    if len(seen.keys) != 1:
        return steps
    key, use = seen.keys[0], seen.use
    at = hygiene.used_by_others(use, key.created_at) if use else None
    used = None if use is None else at is not None
    facts = KeyFacts(key.id, key.status, key.created_at, key.changed_at, used, at)
    decision = hygiene.decide(facts, terms, exemptions, now)
    if decision is None or decision.action == hygiene.NOTHING:
        return steps
    steps.append(Finding(f"key/{key.id}", decision.rule, decision.why))
    if decision.action == DISABLE:
        steps.append(Disable(key.id, decision.rule, decision.why))
    elif decision.action == END_GRANT:
        steps.append(EndGrant(key.id, decision.rule, decision.why))
    return steps


def capped(
    steps: Sequence[tuple[LiveGrant, Step]], most: int
) -> tuple[list[tuple[LiveGrant, Step]], int]:
    """The steps of a run, of those that take something away no more than so many, and how many are
    left; whose grant began first comes first, so that the next run gets to the others."""
    taking = [pair for pair in steps if isinstance(pair[1], TAKES_AWAY)]
    others = [pair for pair in steps if not isinstance(pair[1], TAKES_AWAY)]
    taking.sort(key=lambda pair: (pair[0].approved_at, pair[0].user))
    return [*others, *taking[:most]], max(0, len(taking) - most)
