"""From an order to the grants that it means: pure, in a fixed order, each once.

What is ours, the records themselves say: a user's tags together with its name, a self-service
policy's Description together with its own. Whatever says one thing here and another there is not
selected but flagged, for a person to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared import grants, naming, tickets
from shared.audit import INTENT, RESULT, SUCCESS, Row, Subject
from shared.orders import Order, Selector
from shared.ports import ListedPolicy, User
from shared.removal import Target


@dataclass(frozen=True)
class Chosen:
    """One grant that is to end; `user` is as it was listed, None if the grant has none of ours."""

    target: Target
    requester: str = ""
    user: User | None = None

    @property
    def subject(self) -> Subject:
        whom = self.target
        return Subject(whom.source, whom.ticket_id, whom.application, whom.environment,
                       requester_id=self.requester)  # fmt: skip


@dataclass(frozen=True)
class Selection:
    """What an order means; `flagged` says of what it cannot be told."""

    chosen: tuple[Chosen, ...]
    flagged: tuple[str, ...] = ()


def select(
    order: Order, users: Iterable[User], policies: Iterable[ListedPolicy], rows: Sequence[Row] = ()
) -> Selection:
    """The grants among all users and policies of the account, and those that the log's rows name:
    where an order's ticket or key has worked, and what the order had begun to end before."""
    found: dict[Target, Chosen] = {}
    flagged: list[str] = []
    for user in users:
        chosen, problem = of_user(order, user)
        if chosen and _means(order.selector, chosen):
            found[chosen.target] = chosen
        elif problem and _may_mean(order.selector, user):
            flagged.append(f"user {user.name} {problem}")
    for policy in policies:
        of_policy, holder = _self_service(order, policy)
        if of_policy and _means(order.selector, of_policy, holder):
            found.setdefault(of_policy.target, of_policy)
    for row in rows:
        remembered = _of_row(order, row)
        if remembered:
            found.setdefault(remembered.target, remembered)
    in_order = sorted(found.values(), key=lambda c: (c.target.policy, c.target.ticket_id))
    return Selection(tuple(in_order), tuple(sorted(flagged)))


def unfinished(rows: Sequence[Row]) -> list[Row]:
    """Of the rows about the ends of tickets, those of tickets that have not ended: their users may
    be gone already, and nothing but the log remembers what is still to be done."""
    ended = {
        (row.get("ticket_system"), row.get("ticket_id")) for row in rows
        if (row.get("phase"), row.get("outcome")) == (RESULT, SUCCESS)
    }  # fmt: skip
    return [row for row in rows if (row.get("ticket_system"), row.get("ticket_id")) not in ended]


def of_user(order: Order, user: User) -> tuple[Chosen | None, str]:
    """The grant that a user carries, or what is wrong with it; neither for users of others."""
    source, ticket, _ = grants.ticket_of(user.tags)
    name = named(user.name)
    if not is_ours(user):
        bare = user.name.startswith(naming.PREFIX) or bool(ticket)
        return None, "bears our name or our tags, but not both" if bare else ""
    tag = {key.removeprefix(grants.TAG_PREFIX): value for key, value in user.tags.items()}
    whole = source and ticket and tag.get("format") == grants.FORMAT
    if name is None or not whole or tag.get("mode") != grants.APPLICATION:
        return None, "has tags that no grant of ours has"
    target = Target(source, ticket, *name, order.reason)
    return Chosen(target, tag.get("requester", ""), user), ""


def is_ours(user: User) -> bool:
    """Whether name and tags both claim to be ours, however much of either can be read."""
    tagged = any(name.startswith(grants.TAG_PREFIX) for name in user.tags)
    return tagged and named(user.name) is not None


def named(name: str) -> tuple[str, str] | None:
    """Application and environment of a user's or policy's name; None for any other name."""
    application, _, environment = name.removeprefix(naming.PREFIX).rpartition("-")
    ours = name.startswith(naming.PREFIX) and len(application) <= tickets.MAX_APPLICATION
    if not ours or not tickets.APPLICATION.fullmatch(application):
        return None
    if len(environment) > tickets.MAX_ENVIRONMENT or not tickets.ENVIRONMENT.fullmatch(environment):
        return None
    return application, environment


def _self_service(order: Order, policy: ListedPolicy) -> tuple[Chosen | None, str]:
    """The self-service grant of a policy, and the RAM user who holds it."""
    source, ticket, holder = grants.self_service_of(policy.description)
    name = named(policy.name)
    if not ticket or not source or name is None:
        return None, ""
    requester = grants.self_service_requester(policy.description)
    return Chosen(Target(source, ticket, *name, order.reason), requester), holder


def _of_row(order: Order, row: Row) -> Chosen | None:
    """Where a ticket has worked; a note, such as a refusal, is no work."""
    name = named(naming.user_name(row.get("application", ""), row.get("environment", "")))
    source, ticket = row.get("ticket_system", ""), row.get("ticket_id", "")
    if row.get("phase") not in (INTENT, RESULT) or name is None or not source or not ticket:
        return None
    target = Target(source, ticket, *name, order.reason)
    return Chosen(target, row.get("requester_id", ""))


def _means(selector: Selector, chosen: Chosen, holder: str = "") -> bool:
    """Whether the order means this grant; `holder` is the user of a self-service policy."""
    target, requester = chosen.target, chosen.requester.casefold()
    match selector.by:
        case "application":
            environments = ("", target.environment)
            return (target.application == selector.application
                    and selector.environment in environments)  # fmt: skip
        case "ticket":
            return target.is_of((selector.source, selector.ticket))
        case "requester":
            return requester == selector.requester
        case "person":
            people = {selector.person, selector.ram_user.casefold()} - {""}
            return requester == selector.person or holder.casefold() in people
        case _:  # a key has one owner, who is asked for and not searched
            return False


def _may_mean(selector: Selector, user: User) -> bool:
    """Whether a user that nobody can make sense of could be meant: all we have is its name."""
    if selector.by != "application":
        return True
    parts = named(user.name)
    return parts is None or (
        parts[0] == selector.application and selector.environment in ("", parts[1])
    )
