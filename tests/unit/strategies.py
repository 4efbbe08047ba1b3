"""Hypothesis strategies: arbitrary JSON, broken tickets, and valid ones of every shape."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from shared import timestamps
from shared.tickets import STATUSES
from shared.use_cases import ALTERNATIVES
from tests.unit.samples import approved_ticket
from tests.unit.stories import APPROVES, PEOPLE, REJECTS, REMARKS, REVISES, Act, Story

# No deadline and no database: the machine may be busy, and a test leaves no files behind.
brief = settings(max_examples=100, deadline=None, database=None)
thorough = settings(brief, max_examples=300)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def broken_tickets(draw: st.DrawFn) -> dict[str, Any]:
    """A good ticket with any JSON at one or two places, at any depth."""
    ticket = approved_ticket()
    for _ in range(draw(st.integers(1, 2))):
        place: Any = ticket
        while True:
            key = draw(st.sampled_from(sorted(place) if isinstance(place, dict)
                                       else list(range(len(place)))))  # fmt: skip
            if not isinstance(place[key], dict | list) or not place[key] or draw(st.booleans()):
                break
            place = place[key]
        place[key] = draw(json_values)
    return ticket


_lines = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), max_size=40)
_slug = st.from_regex(r"[a-z][a-z0-9]{1,8}", fullmatch=True)
_moments = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))
_names = st.sampled_from(["alice", "Bob", "carol", "DAVE", "erin", "frank", "mallory"])
_domains = st.sampled_from(["example.com", "Corp.Example.com"])
_networks = st.one_of(
    st.ip_addresses(network="198.51.100.0/24").map(str),
    st.ip_addresses(network="2001:db8::/32").map(str),
    st.sampled_from(["203.0.113.0/24", "10.1.0.0/16", "2001:DB8:1::/48"]),
)


@st.composite
def principals(draw: st.DrawFn) -> dict[str, Any]:
    """People whose ids and addresses cross over."""
    tag = draw(st.sampled_from(["", "+tickets"]))
    return {
        "id": draw(_names),
        "email": f"{draw(_names)}{tag}@{draw(_domains)}",
        "name": draw(_lines),
    }


@st.composite
def valid_tickets(draw: st.DrawFn) -> dict[str, Any]:
    """A `data` object that parses; whether anybody would approve it is another matter."""
    approvals = st.fixed_dictionaries({
        "approver": principals(),
        "decision": st.sampled_from(["approve", "approve", "approve", "reject"]),
        "at": _moments.map(timestamps.text),
        "comment": _lines,
    })  # fmt: skip
    permissions = st.fixed_dictionaries({
        "template": _slug,
        "parameters": st.dictionaries(_slug, _lines, max_size=3),
    })  # fmt: skip
    roles = _slug.map("acs:ram::1234567890123456:role/{}".format)
    return approved_ticket(
        title="T" + draw(_lines),
        status=draw(st.sampled_from(STATUSES)),
        requester=draw(principals()),
        beneficiary=draw(st.none() | principals()),
        approvals=draw(st.lists(approvals, max_size=5)),
        application=draw(_slug),
        environment=draw(_slug),
        use_case=draw(st.sampled_from(sorted(ALTERNATIVES))),
        purpose="0123456789" + draw(_lines),
        permissions=draw(st.lists(permissions, min_size=1, max_size=5)),
        consumers=draw(st.lists(roles, max_size=4)),
        network={"source_ips": draw(st.lists(_networks, max_size=6))},
        ttl_seconds=draw(st.integers(1, 10**8)),
        necessity_confirmed=draw(st.booleans()),
        alternative_considered=draw(_lines),
        rotation_days=draw(st.just(...) | st.integers(1, 90)),
        rotation_wait_days=draw(st.just(...) | st.integers(0, 60)),
        replaces=draw(st.just(...) | st.from_regex(r"(?!akw-)[a-z0-9._-]{1,64}", fullmatch=True)),
    )


# The newest of several acts may be about a day old, or ahead of our clock; the oldest, days old.
_newest_minutes = st.sampled_from([1, 1, 1, 60, 1439, 1441, -9, -11])
_gap_minutes = st.sampled_from([1, 1, 9, 60, 240, 1440])
_approvers = st.sampled_from(["carol", "dave", "erin"])
_whoever = _approvers | st.sampled_from(sorted(PEOPLE))


def _done(who: st.SearchStrategy[str], *deeds: str) -> st.SearchStrategy[tuple[str, str, bool]]:
    return st.tuples(who, st.sampled_from(deeds), st.sampled_from([False, False, True]))


_anything = _done(_whoever, APPROVES, APPROVES, REJECTS, REVISES, REMARKS)
_approvals = st.tuples(_approvers, st.just(APPROVES), st.just(False))
_sent_back = st.tuples(_done(_whoever, APPROVES, REJECTS), _done(_whoever, REVISES))


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Requests that might be served but for what was done before the approvals, or after them."""
    deeds = [*draw(st.lists(_anything, max_size=2) | _sent_back),
             *draw(st.lists(_approvals, min_size=2, max_size=3)),
             *draw(st.lists(_anything, max_size=1))]  # fmt: skip
    gaps = [draw(_newest_minutes), *(draw(_gap_minutes) for _ in deeds[1:])]
    ages = reversed(list(itertools.accumulate(gaps)))
    return Story(
        requester=draw(st.sampled_from(["alice"] * 5 + ["alice-too", "carol", "stranger"])),
        beneficiary=draw(st.sampled_from([""] * 5 + ["bob", "erin", "carol-too"])),
        acts=tuple(Act(who, does, age, touched)
                   for (who, does, touched), age in zip(deeds, ages, strict=True)),
        backwards=draw(st.booleans()),
    )  # fmt: skip
