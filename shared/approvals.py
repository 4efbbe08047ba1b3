"""Does this ticket's approval count? Decided on the whole ticket, by the rules, at `now`.

The word "approved" in a ticket proves nothing: votes are counted here, by distinct humans who
are neither requester nor beneficiary, allowed for what is asked, and recent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared.patterns import overlap
from shared.refusals import Denied
from shared.rules import Environment, Rules
from shared.tickets import APPROVE, REJECT, Approval, Principal, Ticket
from shared.use_cases import ALTERNATIVES

# How far the ticket system's clock may be ahead of ours.
CLOCK_SKEW = timedelta(minutes=10)
BREAK_GLASS_AGE = timedelta(minutes=30)  # of the wish for it, whenever it is served
# A lifetime counts from the approval: so much of the shortest one may pass until the decision.
SLACK = timedelta(minutes=30)


@dataclass(frozen=True)
class Approved:
    """Who approved, as folded names from rules.toml, and when the newest of them did (UTC).

    These are the newest votes, as many as the quorum asks for: a retry that comes later finds
    the same ones, so that it plans the same grant. `incident`: nobody did, but for whoever asked.
    `asked_by` are all names, folded, of who asked and of who is to get it.
    """

    approvers: tuple[str, ...]
    approved_at: datetime
    incident: str = ""
    asked_by: frozenset[str] = frozenset()


def decide(ticket: Ticket, rules: Rules, now: datetime) -> Approved | Denied:
    """Count the approval, or say the first thing that is wrong with it. `now` is aware."""
    if ticket.status != "approved":
        return Denied("ticket_not_approved", "status")
    environment = rules.environment(ticket.environment, ticket.application)
    if environment is None:
        return Denied("unknown_environment", "environment")
    return (
        _terms_refusal(ticket, environment)
        or _veto(ticket, environment, rules)
        or _Ballot(ticket, environment, rules, now).result()
    )


def break_glass(
    ticket: Ticket, incident: str, rules: Rules, now: datetime
) -> Approved | Denied:
    """Whether the requester may have this without anybody's approval, because of an incident. The
    ticket bears one vote, their own, which says when they asked."""
    glass, environment = rules.break_glass, rules.environments.get(ticket.environment)
    if glass is None or environment is None or environment.name not in glass.environments:
        return Denied("break_glass_off", "environment")
    people = rules.names(ticket.requester) & glass.people
    if not people or ticket.beneficiary is not None:
        return Denied("break_glass_not_allowed", "requester")
    for index, permission in enumerate(ticket.permissions):
        if permission.template not in glass.templates:
            return Denied("template_not_allowed", f"permissions[{index}].template")
    if ticket.ttl_seconds > glass.ttl_max_seconds:
        return Denied("ttl_out_of_range", "ttl_seconds")
    if denied := _terms_refusal(ticket, environment):
        return denied
    own = [vote for vote in ticket.approvals
           if vote.approver == ticket.requester and vote.decision == APPROVE]  # fmt: skip
    if len(own) != 1 or len(ticket.approvals) != 1:
        return Denied("break_glass_not_allowed", "approvals")
    if not now - BREAK_GLASS_AGE <= own[0].at <= now + CLOCK_SKEW:
        return Denied("approval_too_old", "approvals")
    return Approved((min(people),), own[0].at, incident, rules.names(ticket.requester))


def vote_refusal(ticket: Ticket, vote: Approval, rules: Rules, now: datetime) -> Denied | None:
    """Why this vote of somebody about the ticket would not count; None if it would."""
    environment = rules.environment(ticket.environment, ticket.application)
    if environment is None:
        return Denied("unknown_environment", "environment")
    alone = replace(ticket, approvals=(vote,))
    fault = _Ballot(alone, environment, rules, now).fault(vote)
    return Denied(fault, "approvals") if fault else None


def terms_refusal(ticket: Ticket, rules: Rules) -> Denied | None:
    """What is wrong with what is asked for, before anybody has voted."""
    environment = rules.environment(ticket.environment, ticket.application)
    if environment is None:
        return Denied("unknown_environment", "environment")
    return _terms_refusal(ticket, environment)


def _terms_refusal(ticket: Ticket, environment: Environment) -> Denied | None:
    """What is asked for, against the environment's limits."""
    for index, permission in enumerate(ticket.permissions):
        if permission.template not in environment.templates:
            return Denied("template_not_allowed", f"permissions[{index}].template")
    if ticket.use_case not in ALTERNATIVES:
        return Denied("unknown_use_case", "use_case")
    if not ticket.necessity_confirmed:
        return Denied(
            "necessity_not_confirmed", "necessity_confirmed", ALTERNATIVES[ticket.use_case]
        )
    if not environment.ttl_min_seconds <= ticket.ttl_seconds <= environment.ttl_max_seconds:
        return Denied("ttl_out_of_range", "ttl_seconds")
    if environment.source_ips_required and not ticket.source_ips:
        return Denied("source_ips_required", "network.source_ips")
    for index, arn in enumerate(ticket.consumers):
        if not any(overlap(pattern, arn) for pattern in environment.consumers):
            return Denied("consumer_not_allowed", f"consumers[{index}]")
    return None


def _veto(ticket: Ticket, environment: Environment, rules: Rules) -> Denied | None:
    """A rejection by anyone who may approve any of it is final, however old, and under whichever
    of their names it was given."""
    allowed = environment.approvers.union(
        *(environment.approvers_for(permission.template) for permission in ticket.permissions)
    )
    people = _People(ticket, rules)
    for index, approval in enumerate(ticket.approvals):
        if approval.decision == REJECT and people.names(approval.approver) & allowed:
            return Denied("approval_rejected", f"approvals[{index}]")
    return None


class _Ballot:
    """The count of one ticket's votes. For a vote one must be allowed for all that is asked."""

    # The order in which a missing vote is explained.
    _FAULTS = ("approver_is_requester", "approval_too_old", "approver_not_allowed")

    def __init__(
        self, ticket: Ticket, environment: Environment, rules: Rules, now: datetime
    ) -> None:
        self._rules = rules
        self._quorum = environment.quorum
        self._voters = frozenset.intersection(
            *(environment.approvers_for(permission.template) for permission in ticket.permissions)
        )
        self._now = now
        self._lifetime = timedelta(seconds=ticket.ttl_seconds)
        self._shortest = timedelta(seconds=environment.ttl_min_seconds) - SLACK
        self._latest = now + CLOCK_SKEW
        self._oldest = now - timedelta(seconds=environment.approval_max_age_seconds)
        self._people = _People(ticket, rules)
        self._given = [vote for vote in ticket.approvals if vote.decision == APPROVE]

    def result(self) -> Approved | Denied:
        """The newest votes up to the quorum, one for each person; or why there are too few."""
        faults = [fault for vote in self._given if (fault := self.fault(vote))]
        if "approval_in_the_future" in faults:  # a clock is wrong: then no age can be trusted
            return Denied("approval_in_the_future", "approvals")
        newest_of: dict[str, Approval] = {}
        for vote in sorted(self._given, key=lambda vote: vote.at):
            if not self.fault(vote):
                newest_of[self._people.of(vote.approver)] = vote
        if len(newest_of) < self._quorum:
            reason = min(faults, key=self._FAULTS.index, default="approvals_missing")
            return Denied(reason, "approvals")
        counted = sorted(
            ((vote.at, self._listed(vote.approver)) for vote in newest_of.values()), reverse=True
        )[: self._quorum]
        approved = Approved(tuple(sorted(name for _, name in counted)), counted[0][0],
                            asked_by=self._people.asking())  # fmt: skip
        if approved.approved_at + self._lifetime <= self._now + self._shortest:
            return Denied("grant_nearly_over", "ttl_seconds")
        return approved

    def fault(self, vote: Approval) -> str:
        """Why this vote does not count; empty if it does."""
        if self._people.asks(vote.approver):
            return "approver_is_requester"
        if not self._rules.names(vote.approver) & self._voters:
            return "approver_not_allowed"
        if vote.at > self._latest:
            return "approval_in_the_future"
        return "approval_too_old" if vote.at < self._oldest else ""

    def _listed(self, principal: Principal) -> str:
        """The name under which rules.toml allows this person."""
        return min(self._rules.names(principal) & self._voters)


class _People:
    """Who of a ticket is one person: those who share an id or an address, also over a third.

    Joined over all of the ticket's principals, so that nobody gets a second vote, or a vote on
    their own request, by an id here and an address there.
    """

    def __init__(self, ticket: Ticket, rules: Rules) -> None:
        self._rules = rules
        self._groups: list[set[str]] = []
        asking = [ticket.requester, *([ticket.beneficiary] if ticket.beneficiary else [])]
        for principal in (*asking, *(approval.approver for approval in ticket.approvals)):
            self._join(rules.names(principal))
        self._asking = {self.of(principal) for principal in asking}

    def of(self, principal: Principal) -> str:
        """One name for the person, whichever of their names is used."""
        return min(self.names(principal))

    def names(self, principal: Principal) -> set[str]:
        """All names of the person."""
        name = self._rules.person(principal.id)
        return next(group for group in self._groups if name in group)

    def asks(self, principal: Principal) -> bool:
        """Whether this person asks for the key or is to get it."""
        return self.of(principal) in self._asking

    def asking(self) -> frozenset[str]:
        """All names of those who ask."""
        return frozenset[str]().union(*(group for group in self._groups
                                        if min(group) in self._asking))  # fmt: skip

    def _join(self, names: Iterable[str]) -> None:
        joined = set(names)
        apart = []
        for group in self._groups:
            if group & joined:
                joined |= group
            else:
                apart.append(group)
        self._groups = [*apart, joined]
