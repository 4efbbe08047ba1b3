"""How many grants there may be: the rule, what it counts, and where the saga asks it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import audit, issuance, limits, naming, tickets
from shared.audit import Row
from shared.errors import AkwardenError, CloudUnknown
from shared.grants import Grant
from shared.limits import Counts, Tally
from shared.people import People
from shared.refusals import Denied
from shared.resumption import Issued
from shared.rules import MOST_GRANTS, Limit, Limits, Rules
from tests.unit.fakes import WRITES, Fault, World
from tests.unit.samples import LIFTED, NOW, RULES, approved_ticket, person, self_service_ticket
from tests.unit.strategies import brief
from tests.unit.test_issuance import grant_of

NOBODY = People({})
WHOSE = ("person", "application", "account")
LATELY = str(int(NOW.timestamp() * 1000) - 1000)
LONG_AGO = str(int((NOW - timedelta(hours=24)).timestamp() * 1000) - 1)


def ticket_of(**changes: object) -> tickets.Ticket:
    ticket = tickets.parse(approved_ticket(**changes), source="standard-webhooks")
    assert isinstance(ticket, tickets.Ticket)
    return ticket


def row(number: int, requester: str = "zoe", application: str = "billing",
        last_ms: str = LATELY, ends: str = "0", source: str = "jira") -> Row:  # fmt: skip
    """One row of the statement's answer."""
    return {"ticket_system": source, "ticket_id": f"T-{number}", "requester": requester,
            "application": application, "last_ms": last_ms, "ends": ends}  # fmt: skip


# -- the rule -------------------------------------------------------------------------------

TALLIES = st.builds(Tally, st.integers(0, 9), st.integers(0, 9))
BOUNDS = st.builds(Limit, st.integers(0, 9), st.integers(0, 9))


@brief
@given(st.builds(Counts, TALLIES, TALLIES, TALLIES), st.builds(Limits, BOUNDS, BOUNDS, BOUNDS))
def test_one_more_is_let_through_if_it_stays_within_all_six(counts: Counts, may: Limits) -> None:
    """With the next one nothing is above its limit, or it is refused; never otherwise."""
    within = all(
        getattr(getattr(counts, whose), what) + 1 <= getattr(getattr(may, whose), what)
        for whose in WHOSE for what in ("issued_in_24_hours", "alive")
    )  # fmt: skip

    assert within == (limits.decide(counts, may) is None)


@brief
@given(st.sampled_from(WHOSE), st.sampled_from(["issued_in_24_hours", "alive"]),
       st.integers(0, MOST_GRANTS))  # fmt: skip
def test_refusal_names_the_rule_that_is_reached(whose: str, what: str, most: int) -> None:
    """The reason says whose, `where` the line of config/rules.toml; one below passes."""
    may = replace(LIFTED, **{whose: replace(LIFTED.person, **{what: most})})
    none = Counts(Tally(0, 0), Tally(0, 0), Tally(0, 0))

    def having(number: int) -> Counts:
        return replace(none, **{whose: replace(none.person, **{what: number})})

    expected = Denied(f"too_many_for_{whose}", f"limits.{whose}.{what}")
    assert expected == limits.decide(having(most), may)
    if most:
        assert limits.decide(having(most - 1), may) is None


# -- what is counted ------------------------------------------------------------------------


def test_each_is_counted_by_itself() -> None:
    """Requester, application and account; what ended counts for the day, what is old for life."""
    rows = [
        row(1, "alice", "orders"), row(2, "alice", "billing", ends="1"),
        row(3, "zoe", "orders", LONG_AGO), row(4), row(5, last_ms=LONG_AGO, ends="2"),
    ]  # fmt: skip

    counted = limits.count(ticket_of(), rows, RULES, NOBODY, NOW)

    assert Counts(Tally(2, 1), Tally(1, 2), Tally(3, 3)) == counted


@pytest.mark.parametrize(
    "name", ["alice", "ALICE", " alice ", "alice@example.com", "Alice+x@Example.com",
             "alice@corp.example.com"])  # fmt: skip
def test_one_person_is_counted_under_every_name(name: str) -> None:
    """By id and address, case, +tag and alias: as approvers are compared."""
    counted = limits.count(ticket_of(), [row(1, name)], RULES, NOBODY, NOW)

    assert Tally(1, 1) == counted.person


@brief
@given(st.lists(st.sampled_from(["alice", "zoe", "", "null"])), st.integers(0, 30))
def test_nobody_counts_for_somebody_else(names: list[str], own: int) -> None:
    """Any number of rows: the account has all, alice hers, and the asking ticket none."""
    asks = ticket_of(id=f"T-{own}")
    rows = [row(number, name, source=asks.source) for number, name in enumerate(names)]
    others = [name for number, name in enumerate(names) if number != own]

    counted = limits.count(asks, rows, RULES, NOBODY, NOW)

    assert others.count("alice") == counted.person.alive
    assert len(others) == counted.account.alive == counted.account.issued_in_24_hours


def test_ticket_of_the_same_id_elsewhere_is_another() -> None:
    """Ids are a source's own."""
    counted = limits.count(ticket_of(id="T-1"), [row(1, source="jira")], RULES, NOBODY, NOW)

    assert Tally(1, 1) == counted.account


def test_answer_that_is_cut_off_is_refused() -> None:
    """More rows than the statement's limit are above the highest limit there can be, whichever of
    the two they count for."""
    half = limits.MOST_ROWS // 2
    rows = [row(n, ends="1") for n in range(half)]
    rows += [row(n, last_ms=LONG_AGO) for n in range(half, limits.MOST_ROWS)]
    asks = ticket_of(id="T-0")
    own = [row(0, ends="1", source=asks.source), *rows[1:]]

    refused = limits.refusal(asks, own, replace(RULES, limits=LIFTED), NOBODY, NOW)

    assert Denied("too_many_for_account", "limits.account.alive") == refused
    assert f"limit {len(rows)}" in limits.STATEMENT


# -- in the saga ----------------------------------------------------------------------------

APPLICATION, SELF_SERVICE = grant_of(approved_ticket()), grant_of(self_service_ticket())


def only(**numbers: int) -> Rules:
    """Rules that let everything through but for these: `person=1`, and so on, a day."""
    return replace(RULES, limits=replace(
        LIFTED, **{whose: Limit(most, MOST_GRANTS) for whose, most in numbers.items()}))


def alive(**numbers: int) -> Rules:
    return replace(RULES, limits=replace(
        LIFTED, **{whose: Limit(MOST_GRANTS, most) for whose, most in numbers.items()}))


def issue(world: World, grant: Grant, rules: Rules) -> Issued | Denied:
    ticket = grant.ticket
    record = audit.attempt(
        audit.Subject.of(ticket), naming.operation_id(ticket.source, ticket.id, "issue"),
        fc_request_id="1-request", fc_function="akw-issue", account_id="1234567890123456",
        region="cn-hangzhou", trigger="webhook", broker_version="0",
    )  # fmt: skip
    return issuance.issue(world.broker(), grant, record, rules, NOBODY)


def other(number: int, **changes: object) -> Grant:
    return grant_of(approved_ticket(id=f"T-{number}", application=f"other{number}", **changes))


def test_one_too_many_makes_and_announces_nothing() -> None:
    """Refused before the first intent; somebody else is served."""
    world = World()
    assert isinstance(issue(world, other(1), only(person=1)), Issued)
    before = list(world.log)

    refused = issue(world, other(2), only(person=1))
    served = issue(world, other(3, requester=person("zoe")), only(person=1))

    assert Denied("too_many_for_person", "limits.person.issued_in_24_hours") == refused
    assert [] == [entry for entry in world.log[len(before):]
                  if entry[0] != "ListAccessKeys" and "other2" in str(entry)]
    assert isinstance(served, Issued)


def test_none_is_none() -> None:
    """0 lets nobody through, not even the first."""
    world = World()

    assert isinstance(issue(world, APPLICATION, only(account=0)), Denied)
    assert isinstance(issue(world, APPLICATION, alive(application=0)), Denied)
    assert [] == [entry for entry in world.log if entry[0] in WRITES.values()]


def test_day_goes_by() -> None:
    """24 hours later it is let through; of those that are alive it still counts."""
    world = World()
    issue(world, other(1), only(person=1))
    world.sleep(24 * 3600 + 60)
    late = {"now": world.now}

    assert isinstance(issue(world, grant_of(
        approved_ticket(id="T-2", application="other2", **late), world.now),
        alive(person=1)), Denied)  # fmt: skip
    assert isinstance(issue(world, grant_of(
        approved_ticket(id="T-3", application="other3", **late), world.now),
        only(person=1)), Issued)  # fmt: skip


@pytest.mark.parametrize("grant", [APPLICATION, SELF_SERVICE])
def test_repeat_of_an_issued_ticket_is_not_counted(grant: Grant) -> None:
    """The second delivery finds its grant, and says so, whatever the limits say by then."""
    world = World()
    if not grant.holds_key:
        world.broker().ims.create_user(grant.user, "heidi", {})
    first = issue(world, grant, only(person=1))

    assert isinstance(first, Issued)
    assert first == issue(world, grant, only(person=1))
    assert first == issue(world, grant, only(account=0))


@pytest.mark.parametrize("dies", [
    Fault("create_user", 1, silent=True, after=False),  # announced, and nothing made
    Fault("create_access_key", 1, silent=False, after=False),
    Fault("put_logs", 2, silent=True, after=False),  # made, and its end is not on record
])  # fmt: skip
def test_retry_does_not_count_its_own_former_attempt(dies: Fault) -> None:
    """One is allowed, and the one that asks has been announced already."""
    world = World(faults={dies})
    with pytest.raises(AkwardenError):
        issue(world, APPLICATION, only(person=1))
    world.sleep(200)

    assert isinstance(issue(world, APPLICATION, only(person=1)), Issued)


def test_begun_grant_is_finished() -> None:
    """Its user was made; what others had issued meanwhile does not leave it half-made."""
    world = World(faults={Fault("create_access_key", 1, silent=False, after=False)})
    with pytest.raises(AkwardenError):
        issue(world, APPLICATION, only(account=1))
    assert isinstance(issue(world, other(1), only(account=2)), Issued)

    assert isinstance(issue(world, APPLICATION, only(account=1)), Issued)


def test_announced_grant_counts_until_its_end_is_known() -> None:
    """A run that died after its intents holds its place; one that has told of its failure does
    not."""
    world = World(faults={Fault("put_logs", 2, silent=True, after=False),
                          Fault("create_user", 1, silent=False, after=False)})  # fmt: skip
    with pytest.raises(AkwardenError):
        issue(world, other(1), only(account=1))
    died = World(rows=list(world.rows))
    world.faults = {Fault("create_user", 2, silent=False, after=False)}
    world.sleep(200)
    with pytest.raises(AkwardenError):
        issue(world, other(2, requester=person("zoe")), only(person=1))

    assert {"T-1", "T-2"} == {r["ticket_id"] for r in world.rows}
    assert isinstance(issue(died, other(3), only(account=1)), Denied)
    assert isinstance(issue(world, other(4, requester=person("zoe")), only(person=1)), Issued)


def test_unreadable_log_issues_nothing() -> None:
    """CloudUnknown, for FC to try again: no row is not the same as no answer."""
    world = World(faults={Fault("select_logs", 1, silent=True, after=False)})

    with pytest.raises(CloudUnknown):
        issue(world, APPLICATION, only(person=1))

    assert {"ListAccessKeys"} == {entry[0] for entry in world.log}  # a read: what is there


def test_one_more_call_and_no_more() -> None:
    """It is read once, beside the reads there were: not again under the lease."""
    world = World()
    issue(world, APPLICATION, RULES)

    assert 1 == world.calls["select_logs"]


def test_one_person_is_counted_by_whichever_way_they_asked() -> None:
    """As config/people.toml knows them; and a row that nobody can read counts as of now."""
    people = People({("standard-webhooks", "u-17"): "alice@example.com"})
    rows = [row(1, "u-17", source="standard-webhooks"), row(2, "u-18", source="standard-webhooks"),
            row(3, "alice@example.com", source="slack") | {"last_ms": "null"}]  # fmt: skip

    counted = limits.count(ticket_of(), rows, RULES, people, NOW)

    assert Tally(2, 2) == counted.person
