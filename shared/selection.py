"""From an order to the grants that it means: pure, in a fixed order, each once.

What is ours, the records themselves say: a user's tags together with its name, a self-service
policy's Description together with its own. Whatever says one thing here and another there is not
selected but flagged, for a person to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared import grants, naming, tickets
from shared.audit import INTENT, REMAINS_REMOVED, RESULT, REVOKED, SUCCESS, Row, Subject
from shared.orders import Order, Selector
from shared.ports import ListedPolicy, User
from shared.removal import Target, target_of

MAKING = ("user.created", "policy.created")  # the first change of a grant, of either kind


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
    """What an order means; `flagged` says of what it cannot be told. Of the flagged users, `meant`
    are those that what is left of name or tags brings under the order, and `unsure` those of which
    only the log may tell."""

    chosen: tuple[Chosen, ...]
    flagged: tuple[str, ...] = ()
    meant: tuple[User, ...] = ()
    unsure: tuple[User, ...] = ()


def select(
    order: Order, users: Iterable[User], policies: Iterable[ListedPolicy],
    rows: Sequence[Row] = (), made: Sequence[Row] = (),
) -> Selection:  # fmt: skip
    """The grants among all users and policies of the account, and those that the log's rows name:
    where an order's ticket or key has worked, and what the order had begun to end before. `made`
    are makings of any ticket, which the lists may not show yet."""
    found: dict[Target, Chosen] = {}
    flagged: list[str] = []
    meant: list[User] = []
    unsure: list[User] = []
    for user in users:
        chosen, problem = of_user(order, user)
        if chosen and _means(order.selector, chosen):
            found[chosen.target] = chosen
        elif problem and _may_mean(order.selector, user.name):
            flagged.append(f"user {user.name} {problem}")
            (meant if _still_means(order.selector, user) else unsure).append(user)
    for policy in policies:
        of_policy, holder, problem = _self_service(order, policy)
        if of_policy and _means(order.selector, of_policy, holder):
            found.setdefault(of_policy.target, of_policy)
        elif problem and _may_mean(order.selector, policy.name):
            flagged.append(f"policy {policy.name} {problem}")
    for row in rows:
        remembered = _of_row(order, row)
        if remembered:
            found.setdefault(remembered.target, remembered)
    for row in made:
        remembered = _of_row(order, row)
        if remembered and _means(order.selector, remembered, row.get("target_user", "")):
            found.setdefault(remembered.target, remembered)
    in_order = sorted(found.values(), key=lambda c: (c.target.policy, c.target.ticket_id))
    return Selection(tuple(in_order), tuple(sorted(flagged)), tuple(meant), tuple(unsure))


def remembered_as_meant(order: Order, rows: Iterable[Row]) -> bool:
    """Whether any of these rows, all about one user, is of a grant that the order means."""
    works = (_of_row(order, row) for row in rows)
    return any(_means(order.selector, work) for work in works if work)


def standing(rows: Sequence[Row]) -> list[Row]:
    """Of makings and ends, the makings that nothing on record has ended since."""
    ended: set[tuple[str, str]] = set()
    removed: dict[tuple[str, str], int] = {}
    for row in rows:
        if (row.get("phase"), row.get("outcome")) != (RESULT, SUCCESS):
            continue
        if row.get("event_type") == REVOKED:
            ended.add(_ticket(row))
        elif row.get("event_type") == REMAINS_REMOVED:
            removed[_ticket(row)] = max(removed.get(_ticket(row), 0), int(row["time_ms"]))
    return [
        row for row in rows
        if row.get("event_type") in MAKING and row.get("phase") == INTENT
        and _ticket(row) not in ended and int(row["time_ms"]) > removed.get(_ticket(row), 0)
    ]  # fmt: skip


def _ticket(row: Row) -> tuple[str, str]:
    return row.get("ticket_system", ""), row.get("ticket_id", "")


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
    target = target_of(source, ticket, *name, order.reason)
    if target is None:
        return None, "has tags that no grant of ours has"
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


def _self_service(order: Order, policy: ListedPolicy) -> tuple[Chosen | None, str, str]:
    """The self-service grant of a policy, the RAM user who holds it, or what is wrong with it."""
    source, ticket, holder = grants.self_service_of(policy.description)
    name = named(policy.name)
    if not ticket or not source or name is None:
        return None, "", ""
    target = target_of(source, ticket, *name, order.reason)
    if target is None:
        return None, "", "has a description that no grant of ours has"
    return Chosen(target, grants.self_service_requester(policy.description)), holder, ""


def _of_row(order: Order, row: Row) -> Chosen | None:
    """Where a ticket has worked; a note, such as a refusal, is no work."""
    name = named(naming.user_name(row.get("application", ""), row.get("environment", "")))
    if row.get("phase") not in (INTENT, RESULT) or name is None:
        return None
    target = target_of(*_ticket(row), *name, order.reason)
    return Chosen(target, row.get("requester_id", "")) if target else None


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


def _may_mean(selector: Selector, name: str) -> bool:
    """Whether something that nobody can make sense of could be meant: all we have is its name."""
    if selector.by != "application":
        return True
    return named(name) is None or _is_at(selector, name)


def _is_at(selector: Selector, name: str) -> bool:
    """Whether the name is one of the selected application."""
    application, environment = named(name) or ("", "")
    return (application, selector.environment or environment) == (
        selector.application, environment)  # fmt: skip


def _still_means(selector: Selector, user: User) -> bool:
    """Whether what is left of a user's name and tags brings it under the order."""
    match selector.by:
        case "application":
            return _is_at(selector, user.name)
        case "ticket":
            return grants.ticket_of(user.tags)[:2] == (selector.source, selector.ticket)
        case _:
            requester = user.tags.get(f"{grants.TAG_PREFIX}requester", "").casefold()
            return requester in {selector.requester, selector.person} - {""}
