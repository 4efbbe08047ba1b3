"""Orders beside everything else: outages of the log, running issues, users that lost their tags."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from deploy import revoke
from shared import naming, orders
from shared.bulk_revocation import carry_out
from shared.errors import AkwardenError, CloudUnknown, OutOfTime, RevocationIncomplete
from shared.order_runs import Carried
from shared.orders import Order, Selector
from shared.ports import PolicyState, User
from shared.refusals import Denied
from tests.unit.fakes import TERMS, FakeAuditLog, FakeIms, Fault, Key, World
from tests.unit.test_bulk_revocation import (
    SOURCE,
    add_grant,
    by_key,
    grants,
    left,
    open_record,
    rows_of,
    run,
)
from tests.unit.test_issuance import APPLICATION
from tests.unit.test_issuance import attempt as attempt_issue
from tests.unit.test_issuance import run as issue

TICKET = APPLICATION.ticket
REQUESTER = TICKET.requester.id
APPLICATION_A = Selector("application", application="a")
SELECTORS = [
    Selector("person", person="alice"), Selector("requester", requester="alice"), APPLICATION_A,
    Selector("ticket", source=SOURCE, ticket="T-a"),
]  # fmt: skip


class DownLog(FakeAuditLog):
    """SLS does not answer."""

    def put_logs(self, rows: Sequence[Any]) -> None:
        raise CloudUnknown("PutLogs")

    def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Any]:
        raise CloudUnknown("GetLogs")


class LateIms(FakeIms):
    """ListUsers shows a new user only after most of the lag bound."""

    def list_users(self, tags: Any) -> list[User]:
        known = super().list_users(tags)
        return [u for u in known if u.created_at is None
                or (self.world.now - u.created_at).total_seconds() > 0.9 * TERMS.max_lag_seconds
                ]  # fmt: skip


def live_issue() -> World:
    """A world in which the sample ticket is issued, with everything on record."""
    world = World()
    quarantine = naming.QUARANTINE_POLICY
    world.policies[quarantine] = PolicyState(quarantine, "the end of a grant", "{}")
    issue(world)
    return world


def cut(world: World, user: str) -> bool:
    """Whether access of the user has ended: quarantined, and no key active."""
    active = [k for k in world.keys.values() if k.user == user and k.status == "Active"]
    return (naming.QUARANTINE_POLICY, user) in world.attached and not active


def end_of_order(world: World) -> str:
    return str(rows_of(world, orders.EVENT)[-1]["outcome"])


# -- the log is down --------------------------------------------------------------------------


@pytest.mark.parametrize("reason", ["ended", "withdrawn", "leaked", "offboarded"])
@pytest.mark.parametrize("selector", SELECTORS, ids=lambda s: s.by)
def test_order_cuts_without_the_log(selector: Selector, reason: str) -> None:
    """Whatever selects and whatever the reason: access ends, and the rest is for the next run."""
    world = grants("a")

    with pytest.raises(AkwardenError):
        run(world, selector, reason=reason, audit_log=DownLog(world))

    assert cut(world, "akw-a-prod")
    assert not cut(world, "akw-others-prod")
    assert "akw-a-prod" in world.users
    run(world, selector, reason=reason)
    assert ["others"] == left(world)
    assert "success" == end_of_order(world)


def test_order_over_the_cap_cuts_nothing_without_the_log() -> None:
    """Whether it had begun cannot be told: it is neither refused for good nor carried out."""
    world = grants("a", "b")

    with pytest.raises(CloudUnknown):
        run(world, cap=1, audit_log=DownLog(world))

    assert {"Active"} == {key.status for key in world.keys.values()}


@pytest.mark.parametrize("method", ["put_logs", "get_logs", "list_entities_for_policy"])
def test_one_failure_of_what_is_not_needed_for_a_cut_holds_nothing_up(method: str) -> None:
    """The order's first row, what the log remembers, whom an earlier run had cut."""
    world = grants("a", "b")
    world.faults = {Fault(method, 1, silent=True, after=False)}

    run(world)

    assert ["others"] == left(world)
    assert "success" == end_of_order(world)


# -- beside an issue --------------------------------------------------------------------------


@pytest.mark.parametrize("selector", [
    Selector("person", person=REQUESTER), Selector("application", application=TICKET.application),
], ids=lambda s: s.by)  # fmt: skip
def test_grant_that_no_list_shows_yet_ends(selector: Selector) -> None:
    """Its making is on record before it begins."""
    world = live_issue()

    carried = run(world, selector, reason="offboarded", ims=LateIms(world))

    assert isinstance(carried, Carried)
    assert [APPLICATION.user] == [one.user for one in carried.revoked]
    assert {} == world.keys


def test_grant_that_neither_list_nor_log_shows_yet_ends() -> None:
    """An order looks again when everything that was there has become visible."""
    world = grants("a")
    add_grant(world, "b")

    carried = run(world, ims=LateIms(world))

    assert ["others"] == left(world)
    assert isinstance(carried, Carried)
    assert ["akw-a-prod", "akw-b-prod"] == [one.user for one in carried.revoked]
    assert ["2 of 2 ended"] == [row["message"] for row in rows_of(world, orders.EVENT)]


def test_order_between_look_and_creation_of_an_issue_wins() -> None:
    """The issue had announced its user: the order waits for its lease, and then ends it."""
    world = live_issue()
    world = World(policies=dict(world.policies))
    world.policies = {naming.QUARANTINE_POLICY: PolicyState(naming.QUARANTINE_POLICY, "", "{}")}
    failed: list[AkwardenError] = []

    class Ims(FakeIms):
        def create_user(self, *about: Any) -> str:
            if not failed:
                try:
                    run(self.world, Selector("person", person=REQUESTER), reason="offboarded")
                except AkwardenError as err:
                    failed.append(err)
            return super().create_user(*about)

    attempt_issue(world.broker(ims=Ims(world)), APPLICATION)

    assert 1 == len(failed)  # the lease was the issue's: the order stays open
    assert "failure" == end_of_order(world)
    run(world, Selector("person", person=REQUESTER), reason="offboarded")
    assert {} == world.keys
    assert APPLICATION.user not in world.users


def test_order_by_ticket_of_which_there_is_nothing_consumes_it() -> None:
    """An approval that comes later issues nothing; the row is written once."""
    world = grants()
    selector = Selector("ticket", source=TICKET.source, ticket=TICKET.id)

    run(world, selector, reason="withdrawn")

    (row,) = rows_of(world, "ticket.revoked")
    assert ("success", TICKET.id, "withdrawn") == (row["outcome"], row["ticket_id"], row["reason"])
    assert Denied("ticket_consumed") == attempt_issue(world.broker(), APPLICATION)
    assert [] == [name for name in world.policies if name.startswith(naming.LEASE_PREFIX)]
    run(world, selector, reason="withdrawn")
    assert 1 == len(rows_of(world, "ticket.revoked"))


def test_end_of_a_ticket_of_which_there_is_nothing_waits_for_its_lease() -> None:
    """An issue is at work on it: the order stays open, and ends what that has made."""
    world = grants()
    lease = naming.lease_name(naming.ticket_lease(TICKET.source, TICKET.id), 1)
    until = world.now.timestamp() + 100
    world.policies[lease] = PolicyState(lease, f'{{"holder": "op", "until": {until}}}', "{}")

    with pytest.raises(RevocationIncomplete):
        run(world, Selector("ticket", source=TICKET.source, ticket=TICKET.id))

    assert ["failure"] == [row["outcome"] for row in rows_of(world, "ticket.revoked")]
    assert "failure" == end_of_order(world)


# -- users that have lost what told of them ---------------------------------------------------


def mark(world: World, user: str, **changes: Any) -> None:
    world.users[user] = replace(world.users[user], **changes)


def test_leaked_key_of_a_user_that_lost_its_tags_is_cut_and_stays_open() -> None:
    """Its name is ours: to say that its key is somebody else's would leave it alive."""
    world = live_issue()
    mark(world, APPLICATION.user, tags={})

    with pytest.raises(RevocationIncomplete):
        run(world, by_key(next(iter(world.keys))), reason="leaked")

    assert cut(world, APPLICATION.user)
    assert "failure" == end_of_order(world)


def test_leaked_key_that_the_log_knows_is_cut_under_any_name() -> None:
    """Its user was renamed: what was made for a ticket is on record."""
    world = live_issue()
    world.users["bob"] = replace(world.users.pop(APPLICATION.user), name="bob", tags={})
    (key,) = world.keys.values()
    key.user = "bob"

    with pytest.raises(RevocationIncomplete):
        run(world, by_key(key.id), reason="leaked")

    assert cut(world, "bob")
    assert "failure" == end_of_order(world)


def test_note_about_a_key_does_not_make_it_ours() -> None:
    """The first event of a stranger's key is on record when the second one comes."""
    world = grants("a")
    world.users["heidi"] = User("id-heidi", "heidi", {}, world.now)
    world.keys["LTAI5tHeidisKey00001"] = Key("LTAI5tHeidisKey00001", "heidi", world.now, world.now)

    for _ in range(2):
        carried = run(world, by_key("LTAI5tHeidisKey00001"), reason="leaked")

        assert Carried(flagged=("user heidi is not akwarden's",)) == carried
    assert "Active" == world.keys["LTAI5tHeidisKey00001"].status


@pytest.mark.parametrize("tags", [{}, {"akw:format": ""}, {"akw:ticket": 'x" or event_type: "y'}])
def test_user_of_the_application_that_tells_no_grant_is_cut_and_stays_open(
    tags: dict[str, str]
) -> None:
    """Flagged, and no success while it is there: its name says that it is meant."""
    world = grants("a")
    mark(world, "akw-a-prod", tags=dict(world.users["akw-a-prod"].tags) | tags if tags else {})

    with pytest.raises(RevocationIncomplete):
        run(world, APPLICATION_A, reason="leaked")

    assert cut(world, "akw-a-prod")
    assert "akw-a-prod" in world.users
    assert "failure" == end_of_order(world)
    (note,) = rows_of(world, "revocation.flagged", "note")
    assert note["reason"].startswith("user akw-a-prod ")


def test_user_without_tags_is_meant_if_the_log_says_whose_it_was() -> None:
    """An order by person; a user of which the log knows nothing is only flagged."""
    world = live_issue()
    mark(world, APPLICATION.user, tags={})
    world.users["akw-x-prod"] = User("id-x", "akw-x-prod", {}, world.now)
    world.sleep(7200)

    with pytest.raises(RevocationIncomplete):
        run(world, Selector("person", person=REQUESTER), reason="offboarded")

    assert cut(world, APPLICATION.user)
    assert not cut(world, "akw-x-prod")
    carried = run(world, Selector("person", person="somebody-else"))
    assert isinstance(carried, Carried)
    assert 2 == len(carried.flagged)


def test_words_of_a_tag_never_widen_a_search() -> None:
    """A ticket's id of a form that is not ours is no ticket's."""
    world = grants("a")
    evil = 'x" or event_type: "user.deleted'
    mark(world, "akw-a-prod", tags=dict(world.users["akw-a-prod"].tags) | {"akw:ticket": evil})
    asked: list[str] = []

    class Log(FakeAuditLog):
        def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Any]:
            asked.append(query)
            return super().get_logs(query, since, until)

    with pytest.raises(RevocationIncomplete):
        run(world, APPLICATION_A, reason="leaked", audit_log=Log(world))

    assert asked
    assert [] == [query for query in asked if evil in query]


def test_owner_that_one_answer_does_not_show_is_asked_for_again() -> None:
    """One stale NotFound is not nobody."""
    world = grants("a")
    key_id = next(k for k, v in world.keys.items() if v.user == "akw-a-prod")
    asked: list[datetime] = []

    class Ims(FakeIms):
        def get_user_of_access_key(self, access_key_id: str) -> User | None:
            asked.append(self.world.now)
            return super().get_user_of_access_key(access_key_id) if len(asked) > 1 else None

    run(world, by_key(key_id), reason="leaked", ims=Ims(world))

    assert ["others"] == left(world)
    assert TERMS.max_lag_seconds <= (asked[1] - asked[0]).total_seconds()


# -- caps, leases, time -----------------------------------------------------------------------


def test_order_that_has_begun_is_not_refused_for_its_size() -> None:
    """What it was allowed to end it ends, though more has come to it since."""
    world = grants("a", "b", "c")
    calls = iter(range(1000))
    with pytest.raises(RevocationIncomplete):
        run(world, cap=3, seconds=lambda: 600.0 if next(calls) < 4 else 1.0)
    for application in "defg":
        add_grant(world, application)

    run(world, cap=3)

    assert ["others"] == left(world)


def test_order_refused_over_the_cap_can_be_given_again() -> None:
    """With a word that allows more; the refusal itself has begun nothing."""
    world = grants("a", "b", "c")
    assert isinstance(run(world, cap=2), Denied)
    assert isinstance(run(world, cap=2), Denied)

    run(world, cap=2, at_most=3)

    assert ["others"] == left(world)


@pytest.mark.parametrize("waits", [True, False])
def test_sweep_does_not_sit_out_the_leases_of_others(waits: bool) -> None:
    """A function of its own waits, for FC's next try; a sweep has other things to do."""
    world = grants("a")
    lease, until = naming.lease_name("a-prod", 1), world.now.timestamp() + 3_600
    world.policies[lease] = PolicyState(lease, f'{{"holder": "op", "until": {until}}}', "{}")
    began = world.now

    with pytest.raises(RevocationIncomplete):
        carry_out(world.broker(), Order("O-1", "ended", APPLICATION_A, None, "carol"), open_record,
                  cap=25, remaining_seconds=lambda: 600.0, waits=waits)  # fmt: skip

    assert waits is ((world.now - began).total_seconds() > 500)
    assert cut(world, "akw-a-prod")


def test_removal_begins_only_with_time_for_its_longest_waits() -> None:
    """Denied at once; three lags may pass in a removal, and the function would be killed in it."""
    world = grants("a")

    with pytest.raises(RevocationIncomplete) as raised:
        run(world, seconds=lambda: 30.0 + 3 * TERMS.max_lag_seconds - 1)

    assert cut(world, "akw-a-prod")
    assert "akw-a-prod" in world.users
    assert [OutOfTime] == [type(failure) for failure in raised.value.failures]


# -- what an operator sees --------------------------------------------------------------------


def test_dry_run_prints_no_control_characters() -> None:
    """Whoever may write a tag does not write on the operator's screen."""
    world = grants("a")
    tags = dict(world.users["akw-a-prod"].tags) | {"akw:requester": "\x1b[31mx\nalice"}
    mark(world, "akw-a-prod", tags=tags)
    operator = revoke.Operator(world.broker(), None, 25, "carol")  # type: ignore[arg-type] # unused
    told: list[str] = []

    revoke.shown(operator, Order("O-1", "ended", APPLICATION_A, None, "carol"), told.append)

    assert "?[31mx?alice" in told[1]
    assert all(line.isprintable() for line in told)
