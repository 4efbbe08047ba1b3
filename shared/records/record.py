"""A vendor's record in common words, and the ticket that it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar

from shared import fields as field_rules
from shared import forms, tickets, timestamps
from shared.deliveries import ACTIONS, Delivery
from shared.fields import Refused
from shared.people import People
from shared.refusals import Denied

APPROVED, PENDING, CLOSED, WITHDRAWN = "approved", "pending", "closed", "withdrawn"
MOST_TITLE = 200


P = ParamSpec("P")
T = TypeVar("T")
# What reading a record raises that is not what its vendor documents.
_ODD = (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError, RecursionError)


def strict(read: Callable[P, T | Denied]) -> Callable[P, T | Denied]:
    """A record that cannot be read as documented decides nothing, and is told."""
    @wraps(read)
    def reading(*args: P.args, **kwargs: P.kwargs) -> T | Denied:
        try:
            return read(*args, **kwargs)
        except _ODD:
            return Denied("record_unreadable", "record")

    return reading


@dataclass(frozen=True)
class Standing:
    """Where a record is: APPROVED, PENDING (it may be decided yet), CLOSED (it never will lead to
    anything) or WITHDRAWN, which says that the grant of record `withdraws` is to end. It is read
    apart from the rest: what somebody wrote into a form must not keep a grant alive."""

    status: str
    withdraws: str = ""


@dataclass(frozen=True)
class Vote:
    """A decision that one person made by hand (`approve` or `reject`); `voter` are their ids in
    the channel."""

    voter: tuple[str, ...]
    decision: str
    at: datetime


def still_valid(
    votes: Iterable[tuple[str, Vote | None]], harmless: frozenset[str]
) -> tuple[Vote, ...]:
    """The votes of a record's steps, in their order, each step with its type. What is not known to
    leave the form alone (a send-back, a beginning) voids the approvals before it: whoever approved
    may not have seen what was approved in the end. A rejection stays."""
    found: list[Vote] = []
    for kind, vote in votes:
        if kind not in harmless:
            found = [one for one in found if one.decision == tickets.REJECT]
        if vote is not None:
            found.append(vote)
    return tuple(found)


@dataclass(frozen=True)
class Record:
    """An approved one. `fields` are the form's, by our names; `requester` are their ids in the
    channel, `filed_by` those of who filed it for them, if that is somebody else."""

    kind: str
    id: str
    url: str
    title: str
    requester: tuple[str, ...]
    votes: tuple[Vote, ...]
    fields: Mapping[str, str]
    filed_by: tuple[str, ...] = ()


def delivery(record: Record, people: People, account_id: str, now: datetime) -> Delivery | Denied:
    """The ticket of an approved record, as a signed webhook would have brought it."""
    try:
        kind = forms.event_type(record.fields)
        content = _content(record, people, account_id)
    except Refused as refused:
        return refused.denied
    ticket = tickets.parse(content, source=record.kind)
    return ticket if isinstance(ticket, Denied) else Delivery(kind, ACTIONS[kind], now, ticket)


def _content(record: Record, people: People, account_id: str) -> dict[str, Any]:
    requester = people.of(record.kind, *record.requester)
    if not requester:
        raise Refused("requester_unknown", "requester")
    content = forms.for_somebody_known(
        forms.content(record.fields, account_id=account_id), partial(people.named, record.kind))
    if record.filed_by:
        content["beneficiary"] = _filed_by(record, people, content)
    return content | {
        "id": record.id, "url": record.url, "title": _title(record), "status": "approved",
        "requester": _principal(requester),
        "approvals": [
            {"approver": _principal(person), "decision": vote.decision,
             "at": timestamps.text(vote.at)}
            for vote in record.votes if (person := people.of(record.kind, *vote.voter))
        ],
    }  # fmt: skip


def _filed_by(record: Record, people: People, content: dict[str, Any]) -> dict[str, str]:
    """Whoever filed it in another's name asks, too, and no vote of theirs may count: they stand
    where a ticket has the other person of whom that is so."""
    person = people.of(record.kind, *record.filed_by)
    if not person:
        raise Refused("requester_unknown", "requester")
    if content.get("beneficiary", {}).get("email", person) != person:
        raise Refused("invalid_value", "beneficiary")  # three people ask: there is room for two
    return _principal(person)


def _principal(email: str) -> dict[str, str]:
    return {"id": email, "email": email}


def _title(record: Record) -> str:
    """For people to read; what could mislead them is not taken over."""
    title = record.title.strip()[:MOST_TITLE]
    return title if title and field_rules.LINE.fullmatch(title) else record.id
