"""How many grants a person, an application and the account may have, and how many they have: pure.

Counted in the audit log, the only place that remembers grants that have ended. One that is being
made counts from its intent on, so that tickets side by side see each other as soon as SLS shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.audit import REVOKED, SERVED, SUCCESS, Row
from shared.people import People
from shared.refusals import Denied
from shared.rules import MOST_GRANTS, Limits, Rules
from shared.tickets import Ticket

DAY = timedelta(hours=24)
# A row of the statement was issued lately or is alive. So where there are more rows than these, one
# of both counts is above any limit, and what was cut off would not change the answer.
MOST_ROWS = 2 * MOST_GRANTS + 1

_EVENTS = " or ".join(f'event_type: "{event}"' for event in (*sorted(SERVED), REVOKED))
_SERVED = f"event_type <> '{REVOKED}'"
_ISSUED = f"{_SERVED} and phase = 'result' and outcome = '{SUCCESS}'"
_ENDED = f"event_type = '{REVOKED}' and phase = 'result' and outcome = '{SUCCESS}'"
_LAST_MS = f"max(if({_SERVED}, time_ms, 0))"
# Per ticket: it was issued, or an attempt has announced that it will be and has not told of its
# end. The sweep's results name no requester, the intents do.
_STATEMENT = f"""\
({_EVENTS}) and not phase: note | select ticket_system, ticket_id,
max_by(requester_id, if({_SERVED} and requester_id <> '', time_ms, 0)) as requester,
max_by(application, if({_SERVED}, time_ms, 0)) as application,
{_LAST_MS} as last_ms, count_if({_ENDED}) as ends
from log where ticket_id <> '' group by ticket_system, ticket_id
having (count_if({_ISSUED}) > 0
     or count(distinct if({_SERVED} and phase = 'intent', change_id, null))
      > count(distinct if({_SERVED} and phase = 'result', change_id, null)))
and (count_if({_ENDED}) = 0
     or {_LAST_MS} >= (to_unixtime(now()) - {DAY.total_seconds():.0f}) * 1000)
order by last_ms desc, ticket_id limit {MOST_ROWS}"""  # noqa: S608 (constants of ours)
STATEMENT = " ".join(_STATEMENT.split())


@dataclass(frozen=True)
class Tally:
    """Grants that there are."""

    issued_in_24_hours: int
    alive: int


@dataclass(frozen=True)
class Counts:
    """What the requester, the application and the account have, without the ticket that asks."""

    person: Tally
    application: Tally
    account: Tally


def refusal(
    ticket: Ticket, rows: Sequence[Row], rules: Rules, people: People, now: datetime
) -> Denied | None:
    """Why the ticket may not be issued beside what `STATEMENT` has answered; None if it may."""
    return decide(count(ticket, rows, rules, people, now), rules.limits)


def count(
    ticket: Ticket, rows: Iterable[Row], rules: Rules, people: People, now: datetime
) -> Counts:
    """What the ticket's requester, its application and the account have besides this ticket: a
    retry finds its own former attempt. Of a person, by whichever way they asked."""
    who, since_ms = rules.names(ticket.requester), (now - DAY).timestamp() * 1000
    others = [row for row in rows
              if (row["ticket_system"], row["ticket_id"]) != (ticket.source, ticket.id)]

    def of(some: Iterable[Row]) -> Tally:
        listed = list(some)
        return Tally(sum(_number(row["last_ms"]) >= since_ms for row in listed),
                     sum(_number(row["ends"]) == 0 for row in listed))  # fmt: skip

    def asked_by(row: Row) -> str:
        return rules.person(people.address(row["ticket_system"], row["requester"]))

    return Counts(
        of(row for row in others if asked_by(row) in who or rules.person(row["requester"]) in who),
        of(row for row in others if row["application"] == ticket.application),
        of(others),
    )


def _number(text: str) -> float:
    """What cannot be read (others can write into the log) counts as of now."""
    try:
        return float(text)
    except ValueError:
        return float("inf")


def decide(counts: Counts, limits: Limits) -> Denied | None:
    """Refuse the next one if there are as many as there may be. `where` is the rule's own name."""
    for reason, whose, has, may in (
        ("too_many_for_person", "person", counts.person, limits.person),
        ("too_many_for_application", "application", counts.application, limits.application),
        ("too_many_for_account", "account", counts.account, limits.account),
    ):
        if has.issued_in_24_hours >= may.issued_in_24_hours:
            return Denied(reason, f"limits.{whose}.issued_in_24_hours")
        if has.alive >= may.alive:
            return Denied(reason, f"limits.{whose}.alive")
    return None
