"""A grant's end is put off by a new approval of the same thing, and by nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from shared import changing, cleanup, extending, extension, grants, ledger
from shared.extending import Extended
from shared.extension import Extension
from shared.grants import Grant
from shared.ledger import LiveGrant, Unreadable
from shared.ports import PolicyState, User
from shared.refusals import Denied
from shared.secrecy import Secret
from tests.unit.attempts import record_of, until_ended
from tests.unit.fakes import BEGAN, FakeIms, FakeKms, FakeRam, Fault, World, succeeded
from tests.unit.samples import approval, approved_ticket, person, self_service_ticket
from tests.unit.test_cleanup import run_of
from tests.unit.test_issuance import APPLICATION, attempt, grant_of

KEY = Secret("ledger")
END = BEGAN - timedelta(hours=1) + timedelta(days=30)
LATER = BEGAN - timedelta(hours=1) + timedelta(days=60)
METHODS = {"get_logs": 5, "get_user": 2, "get_policy": 2, "describe_secret": 2, "put_logs": 3,
           "create_policy": 2, "tag_resources": 1, "delete_policy": 2}  # fmt: skip
FAULTS = [Fault(method, nth, silent, after) for method, most in METHODS.items()
          for nth in range(1, most + 1) for silent in (False, True) for after in (False, True)]


def asked(**changes: Any) -> Grant:
    """An extension to the sixtieth day from the first approval, if nothing else is said."""
    return grant_of(approved_ticket(**{"id": "REQ-2", "ttl_seconds": 60 * 86_400} | changes))


EXTENSION = asked()


def issued() -> World:
    world = World()
    world.policies["akw-quarantine"] = PolicyState("akw-quarantine", "", "{}")
    attempt(world.broker(), APPLICATION)
    world.calls.clear()
    return world


def once(world: World, grant: Grant = EXTENSION) -> Extended | Denied:
    """One run, with a record of its own."""
    return extending.extend(world.broker(), grant, KEY, record_of(grant, "extend"))


def extended(world: World, grant: Grant = EXTENSION) -> Extended | Denied:
    """Attempts until one ends."""
    return until_ended(world, lambda: once(world, grant))


def grant_in(world: World) -> LiveGrant | Unreadable:
    user = world.users[APPLICATION.user]
    return ledger.read(user, world.policies[APPLICATION.policy].description, KEY)


def end_in(world: World) -> datetime:
    grant = grant_in(world)
    assert isinstance(grant, LiveGrant)
    return grant.expires_at


def everything_but_the_end(world: World) -> Any:
    tags = {user: {k: v for k, v in found.tags.items() if "extended" not in k}
            for user, found in world.users.items()}  # fmt: skip
    return tags, list(world.policies.items()), world.versions, world.values, sorted(world.keys)


def test_end_is_put_off_and_all_else_stays() -> None:
    """The same user, policy, secret and key; the later end is signed and in force."""
    world = issued()
    before = everything_but_the_end(world)

    outcome = once(world)

    assert Extended(APPLICATION.user, LATER) == outcome
    assert LATER == end_in(world)
    assert everything_but_the_end(world) == before
    (row,) = succeeded(world, "grant.extended")
    assert ("REQ-2", "2026-10-31T08:00:00Z") == (row["ticket_id"], row["resources"])


def test_extended_grant_lives_until_its_new_end() -> None:
    """The sweep goes by it, and so does whatever reads the ledger."""
    world = issued()
    once(world)

    for now, stands in ((END + timedelta(days=1), True), (LATER + timedelta(hours=1), False)):
        world.now = now
        cleanup.sweep(run_of(world, ledger_key=lambda: KEY))
        assert stands == (APPLICATION.user in world.users)


def test_later_extension_takes_the_place_of_an_earlier_one() -> None:
    """One end at a time; what there was before stands in the log."""
    world = issued()
    extended(world)

    third = asked(id="REQ-3", ttl_seconds=75 * 86_400)
    assert Extended(APPLICATION.user, LATER + timedelta(days=15)) == extended(world, third)

    grant = grant_in(world)
    assert isinstance(grant, LiveGrant)
    assert Extension(third.ticket.source, "REQ-3", grant.expires_at) == grant.extension
    assert "REQ-1042" == grant.ticket_id
    assert 2 == len(succeeded(world, "grant.extended"))


def test_repeat_changes_nothing() -> None:
    """A duplicate is told the end that there is, a later one's too."""
    world = issued()
    first = extended(world)
    world.log.clear()

    assert extended(world) == first
    extended(world, asked(id="REQ-3", ttl_seconds=75 * 86_400))
    assert Extended(APPLICATION.user, LATER + timedelta(days=15)) == extended(world)
    assert 2 == len(succeeded(world, "grant.extended"))


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_broken_anywhere_it_ends_extended_and_on_record(fault: Fault) -> None:
    """One end, signed, with a true record, whatever call failed and however."""
    world = issued()
    world.faults = {fault}

    outcome = extended(world)

    assert world.calls[fault.method] >= fault.nth  # else the fault was not met at all
    assert Extended(APPLICATION.user, LATER) == outcome
    assert LATER == end_in(world)
    assert succeeded(world, "grant.extended")
    announced = False
    for entry in world.log:
        if entry[0] == "acknowledged":
            announced |= any((row["event_type"], row["phase"]) == ("grant.extended", "intent")
                             for row in entry[2])  # fmt: skip
        assert entry[0] != "TagResources" or announced


@pytest.mark.parametrize("method", ["get_user", "get_policy", "describe_secret"])
def test_stale_answer_refuses_nothing(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """"Not found" for once is not "gone": a refusal would be final."""
    world = issued()
    port = FakeKms if method == "describe_secret" else FakeIms if method == "get_user" else FakeRam
    true, asked_before = getattr(port, method), []

    def stale_at_first(self: Any, name: str) -> Any:
        asked_before.append(name)
        return true(self, name) if len(asked_before) > 1 else None

    monkeypatch.setattr(port, method, stale_at_first)

    assert Extended(APPLICATION.user, LATER) == once(world)


@pytest.mark.parametrize(("changes", "where"), [
    ({"permissions": [{"template": "sls-logstore-write",
                       "parameters": {"project": "orders-logs", "logstore": "another"}}]},
     "permissions"),
    ({"network": {"source_ips": ["198.51.100.8"]}}, "network.source_ips"),
    ({"network": {"source_ips": ["198.51.100.7", "198.51.100.9"]}}, "network.source_ips"),
    ({"consumers": ["acs:ram::1234567890123456:role/billing-reader"]}, "consumers"),
    ({"rotation_days": 30}, "rotation_days"),
    ({"rotation_wait_days": 3}, "rotation_wait_days"),
])  # fmt: skip
def test_extension_widens_and_narrows_nothing(changes: dict[str, Any], where: str) -> None:
    """What else the ticket asks for was approved, and is not granted in passing."""
    world = issued()

    assert Denied("extension_differs", where) == once(world, asked(**changes))
    assert END == end_in(world)


def test_nobody_approves_a_longer_life_of_their_own_grant() -> None:
    """Whoever asks for it: a friend could. The grant's own tags know all their names."""
    for name in ("alice", "alice@example.com"):
        world = issued()

        outcome = extended(world, replace(EXTENSION, approvers=(name, "dave@example.com")))

        assert Denied("approver_is_requester", "approvals") == outcome, name
        assert END == end_in(world)


def test_who_gets_a_key_decides_on_it_as_little_as_who_asks() -> None:
    grant = grant_of(approved_ticket(beneficiary=person("frank")))

    assert [True, True, False] == [grants.asked_by_one_of(grant.tags, [name]) for name in (
        "frank@example.com", "alice", "dave@example.com")]  # fmt: skip
    assert len(grant.tags) <= 18
    known = {f"{grants.TAG_PREFIX}requester": "alice"}  # made before the tag was
    assert [True, False] == [grants.asked_by_one_of(known, [name]) for name in ("alice", "frank")]


def test_extension_never_shortens() -> None:
    world = issued()

    refused = once(world, asked(ttl_seconds=10 * 86_400))

    assert Denied("extension_shortens", "ttl_seconds") == refused
    assert END == end_in(world)


@pytest.mark.parametrize("end", ["over", "revoked", "revoking", "never"])
def test_ended_grant_is_not_brought_back(end: str) -> None:
    """By no extension, from the first word of its revocation on."""
    world = issued()
    expected = Denied("grant_over", "application")
    if end == "over":
        world.now = END
    elif end == "revoking":
        row = dict(succeeded(world, "key.issued")[0])
        world.rows.append(row | {"event_type": "ticket.revoked", "phase": "intent"})
    else:
        world = World()
        expected = Denied("no_such_grant", "application")

    assert once(world) == expected
    assert "TagResources" not in [entry[0] for entry in world.log]


def test_ticket_serves_once() -> None:
    """Neither a ticket that issued nor one that was revoked extends anything."""
    world = issued()
    row = dict(succeeded(world, "key.issued")[0])
    world.rows.append(row | {"ticket_id": "REQ-3", "event_type": "ticket.revoked"})

    assert Denied("ticket_consumed") == once(world, asked(id="REQ-1042"))
    assert Denied("ticket_consumed") == once(world, asked(id="REQ-3"))


def test_ticket_that_extended_issues_nothing_later() -> None:
    """Not even when the grant that it prolonged is gone: one approval, one use."""
    world = issued()
    extended(world)
    world.users.clear()
    for left in (world.keys, world.secrets, world.versions, world.policies, world.attached):
        left.clear()

    assert Denied("ticket_consumed") == attempt(world.broker(), EXTENSION)
    assert {} == world.users


def test_self_service_has_nothing_that_could_carry_a_later_end() -> None:
    """Said, and not half done."""
    refused = once(issued(), grant_of(self_service_ticket(id="REQ-2")))

    assert Denied("extension_not_possible", "permissions") == refused


def test_grant_that_was_tampered_with_is_not_extended() -> None:
    world = issued()
    user = world.users[APPLICATION.user]
    world.users[user.name] = replace(user, tags={**user.tags, "akw:approver-1": "eve"})

    assert Denied("grant_unreadable", "bad_signature") == once(world)


def test_first_ticket_comes_again_after_its_extension() -> None:
    """A late duplicate of the approval finds its grant, as before."""
    world = issued()
    extended(world)

    assert not isinstance(attempt(world.broker(), APPLICATION), Denied)
    assert LATER == end_in(world)


def test_run_that_is_overtaken_gives_way() -> None:
    """Two extensions at once: each is judged by what the other has left."""
    world = issued()
    further = asked(id="REQ-3", ttl_seconds=75 * 86_400)
    broker = world.broker()
    seen = changing.find(broker, EXTENSION, KEY)
    extended(world, further)

    assert seen != changing.find(broker, EXTENSION, KEY)
    assert Denied("extension_shortens", "ttl_seconds") == extended(world)


OTHER_GRANT = grant_of(approved_ticket(approvals=[
    approval("carol", BEGAN - timedelta(hours=3)), approval("dave", BEGAN - timedelta(hours=3)),
]))  # fmt: skip
SIGNED = extension.tags(
    APPLICATION.user, APPLICATION.tags, Extension("standard-webhooks", "REQ-2", LATER), KEY
)


@pytest.mark.parametrize("tags", [
    {**SIGNED, "akw:extended": SIGNED["akw:extended"].replace("2026", "2027")},
    {"akw:extended": SIGNED["akw:extended"]},
    {"akw:extended-sig": SIGNED["akw:extended-sig"]},
    {**SIGNED, "akw:extended-sig": "0" * 64},
    {**SIGNED, "akw:extended-sig": "\udcff"},
    extension.tags(APPLICATION.user, OTHER_GRANT.tags, Extension("s", "T", LATER), KEY),
    extension.tags("akw-another", APPLICATION.tags, Extension("s", "T", LATER), KEY),
    extension.tags(APPLICATION.user, APPLICATION.tags, Extension("s", "T", LATER), Secret("eve")),
])  # fmt: skip
def test_nobody_else_prolongs_a_grant(tags: dict[str, str]) -> None:
    """Edited, incomplete, of another grant or user, or signed by somebody else."""
    user = User("1", APPLICATION.user, {**APPLICATION.tags, **tags})

    assert Unreadable("bad_signature") == ledger.read(user, APPLICATION.description, KEY)


def test_notice_is_given_of_the_new_end() -> None:
    """Who was told of the old end is told of the new one too."""
    world = issued()
    world.now = END - timedelta(hours=2)
    cleanup.sweep(run_of(world, ledger_key=lambda: KEY, notice_days=(7, 1)))
    approvals = [approval("carol", world.now), approval("dave", world.now)]
    content = approved_ticket(id="REQ-2", approvals=approvals, ttl_seconds=86_400)

    extended(world, grant_of(content, world.now))
    cleanup.sweep(run_of(world, ledger_key=lambda: KEY, notice_days=(7, 1)))
    cleanup.sweep(run_of(world, ledger_key=lambda: KEY, notice_days=(7, 1)))

    told = [row["message"] for row in world.rows if row["event_type"] == "grant.expiring"]
    assert ["2026-10-01T08:00:00Z", "2026-10-02T06:00:00Z"] == told
