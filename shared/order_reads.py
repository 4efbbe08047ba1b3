"""What a run of an order reads before it acts: pages of the cloud, and what the log remembers.

The pages must be read: an order never ends less than it means because a list failed (I6). The log
gets a few seconds: what the pages show is denied without it, and the order then stays open.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from shared import selection
from shared.audit import REMAINS_REMOVED, REVOKED, Row
from shared.broker import Broker
from shared.errors import CloudError, CloudUnknown
from shared.orders import Order, Selector
from shared.ports import User
from shared.resumption import MEMORY_DAYS
from shared.selection import MAKING, Selection
from shared.steps import side_by_side

MAKING_HOURS = 1  # longer than any run of an issue: what was made before is in the lists


@dataclass(frozen=True)
class Remembered:
    """What the log says of an order: the ends that it has begun, where its ticket has worked, and
    what was made so lately that no list need show it."""

    begun: Sequence[Row] = ()
    worked: Sequence[Row] = ()
    made: Sequence[Row] = ()


@dataclass(frozen=True)
class Look:
    """What an order means, as seen `at` one moment; `unread` is why the log's part is missing."""

    selection: Selection
    at: datetime
    memory: Remembered = Remembered()
    unread: CloudError | None = None


def logged(broker: Broker, query: str) -> Sequence[Row]:
    now = broker.now()
    return broker.audit_log.get_logs(
        query, now - timedelta(days=MEMORY_DAYS), now + timedelta(minutes=15)
    )


def remembered(broker: Broker, order: Order) -> Remembered:
    """CloudError if any of it cannot be read."""
    source, ticket = order.selector.source, order.selector.ticket
    begun, worked, made = side_by_side(
        lambda: logged(broker, f'event_type: "{REVOKED}" and trigger: "{order.trigger}"'),
        lambda: logged(broker, f'ticket_id: "{ticket}" and ticket_system: "{source}"')
        if ticket else (),
        lambda: () if ticket else _lately(broker, making_query(order.selector)),
    )  # fmt: skip
    return Remembered(begun, worked, made)


def look(
    broker: Broker, order: Order, memory: Callable[[], Remembered], *, strict: bool = True
) -> Look:
    """Select from the lists and from the log. CloudError if a list cannot be read or, where
    `strict`, if `memory` cannot."""
    at = broker.now()
    users, policies = side_by_side(lambda: broker.ims.list_users({}), broker.ram.list_policies)
    try:
        known = memory()
        rows = [*selection.unfinished(known.begun), *known.worked]
        found = selection.select(order, users, policies, rows, selection.standing(known.made))
        found = replace(found, meant=(*found.meant, *_remembered_users(broker, order, found)))
        return Look(found, at, known)
    except CloudError as err:
        if strict:
            raise
        return Look(selection.select(order, users, policies), at, unread=err)


def patiently(pending: Future[Remembered], seconds: float) -> Callable[[], Remembered]:
    """The value of a read under way; CloudUnknown if it takes longer than that."""

    def value() -> Remembered:
        try:
            return pending.result(timeout=seconds)
        except TimeoutError:
            raise CloudUnknown("GetLogs") from None

    return value


def making_query(selector: Selector) -> str:
    """The search for the makings that a selector may mean, and for all that ended anything. The
    values are of patterns without quotes (`orders`)."""
    people = {selector.requester, selector.person, selector.ram_user} - {""}
    whose = [f'application: "{selector.application}"'] if selector.application else [
        f'{name}: "{person}"' for person in sorted(people)
        for name in ("requester_id", "target_user")
    ]  # fmt: skip
    makings = " or ".join(f'event_type: "{event}"' for event in MAKING)
    return (f'(({makings}) and ({" or ".join(whose)})) or event_type: "{REVOKED}" '
            f'or event_type: "{REMAINS_REMOVED}"')  # fmt: skip


def _lately(broker: Broker, query: str) -> Sequence[Row]:
    now = broker.now()
    return broker.audit_log.get_logs(
        query, now - timedelta(hours=MAKING_HOURS), now + timedelta(minutes=15)
    )


def _remembered_users(broker: Broker, order: Order, found: Selection) -> list[User]:
    """Of the users that tell too little of themselves, those under whose name the log remembers a
    grant that is meant."""
    meant = []
    for user in found.unsure:
        place = selection.named(user.name)
        if place is None:
            continue
        rows = logged(broker, f'application: "{place[0]}" and environment: "{place[1]}"')
        if selection.remembered_as_meant(order, rows):
            meant.append(user)
    return meant
