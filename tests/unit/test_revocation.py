"""A revocation, broken at every call: run again until it ends, nothing is left of the grant."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from shared import audit, naming, revocation, tickets
from shared.errors import (
    AkwardenError,
    CloudRefused,
    CloudUnknown,
    LeaseHeld,
    RevocationIncomplete,
)
from shared.ports import KeyStatus, PolicyState, User
from shared.refusals import Denied
from shared.resumption import Issued
from shared.revocation import Revoked
from tests.unit.fakes import (
    REVOKING_WRITES,
    TERMS,
    WRITES,
    FakeIms,
    FakeKms,
    FakeRam,
    Fault,
    World,
    announced,
)
from tests.unit.samples import approved_ticket, self_service_ticket
from tests.unit.test_issuance import APPLICATION, SELF_SERVICE
from tests.unit.test_issuance import attempt as attempt_issue
from tests.unit.test_issuance import run as issue

OPERATION = naming.operation_id("standard-webhooks", "REQ-1042", "revoke")
READS = (
    "get_user", "get_policy", "list_access_keys", "list_policies_for_user", "describe_secret",
    "list_groups_for_user", "list_policy_versions", "list_entities_for_policy", "get_logs",
)  # fmt: skip
CUTS = ("attach_policy_to_user", "set_access_key_policy", "update_access_key")
REMOVALS = (
    "create_policy", "delete_access_key", "detach_policy_from_user", "delete_login_profile",
    "unbind_mfa_device", "remove_user_from_group", "delete_policy_version", "delete_policy",
    "delete_user", "delete_secret",
)  # fmt: skip
FAULTS = [
    Fault(method, nth, silent, after)
    for method in (*READS, *CUTS, *REMOVALS, "put_logs")
    for nth in (1, 2, 3)
    for silent in (False, True)
    for after in (False, True)
]


def ticket(**changes: Any) -> tickets.Ticket:
    parsed = tickets.parse(approved_ticket(status="revoked") | changes, source="standard-webhooks")
    assert isinstance(parsed, tickets.Ticket)
    return parsed


WITHDRAWN = ticket()


def attempt(world: World, given: tickets.Ticket = WITHDRAWN, **ports: Any) -> Revoked | Denied:
    """One run, with a record of its own, as FC would start it."""
    record = audit.attempt(
        audit.Subject.of(given), OPERATION, fc_request_id="1-request", fc_function="akw-revoke",
        account_id="1234567890123456", region="cn-hangzhou", trigger="webhook",
        broker_version="0",
    )  # fmt: skip
    return revocation.by_ticket(world.broker(**ports), given, record)


def run(world: World, given: tickets.Ticket = WITHDRAWN) -> Revoked:
    """Attempts until one ends, with the patience of the handler between them."""
    for _ in range(60):
        try:
            outcome = attempt(world, given)
        except LeaseHeld as held:
            world.sleep(max(1.0, (held.until - world.now).total_seconds() + 1))
        except AkwardenError:
            world.sleep(1)
        else:
            assert isinstance(outcome, Revoked)
            return outcome
    pytest.fail("the revocation never ended")


def quarantined(world: World) -> World:
    """With what provisioning has made."""
    name = naming.QUARANTINE_POLICY
    world.policies[name] = PolicyState(name, "the end of a grant", "{}")
    return world


def live(**more: Any) -> World:
    """A world with the grant in it, and with what somebody added by hand; no fault has fired."""
    world = quarantined(World())
    assert isinstance(issue(world), Issued)
    world.sleep(TERMS.max_lag_seconds + 1)
    world.groups.add((APPLICATION.user, "developers"))
    world.logins.add(APPLICATION.user)
    world.extra_versions[APPLICATION.policy] = ["v2"]
    world.log.clear()
    world.calls.clear()
    world.faults = set(more.get("faults", ()))
    return world


def assert_nothing_left(world: World) -> None:
    assert ({}, {}, {}) == (world.users, world.keys, world.secrets)
    assert [naming.QUARANTINE_POLICY] == list(world.policies)
    assert (set(), set(), set()) == (world.attached, world.groups, world.logins)


def ending(world: World) -> list[str]:
    """How the revocations of the ticket ended, one after the other."""
    return [row["outcome"] for row in world.rows
            if (row["event_type"], row["phase"]) == ("ticket.revoked", "result")]  # fmt: skip


def test_everything_goes_and_is_on_record() -> None:
    """One run, no failure: nothing left, an acknowledged intent for every change."""
    world = live()

    outcome = run(world)

    assert_nothing_left(world)
    assert ["success"] == ending(world)
    assert 1 == len(outcome.access_key_ids)
    made = {(OPERATION, kind) for kind, *_ in world.log
            if kind in {*WRITES.values(), *REVOKING_WRITES.values()}}  # fmt: skip
    assert made <= announced(world)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.method}-{f.nth}-{f.silent}-{f.after}")
def test_any_one_failure_is_survived(fault: Fault) -> None:
    """Refused or silent, before or after the change: the next attempts end with nothing left."""
    world = live(faults={fault})

    run(world)

    assert_nothing_left(world)
    assert "success" == ending(world)[-1]


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("method", [*CUTS, *REMOVALS[1:]])
def test_permanent_failure_leaves_no_access_and_is_reported(method: str, silent: bool) -> None:
    """One call that never works stops none of the others that do not need it."""
    world = live(faults={Fault(method, nth, silent, after=False) for nth in range(1, 50)})

    with pytest.raises(AkwardenError):
        attempt(world)

    if method != "delete_access_key":
        assert {} == world.keys
    if method != "delete_secret":
        assert {} == world.secrets
    for key in world.keys.values():
        assert ("Inactive", ("192.0.2.1/32",)) == (key.status, key.network)
    if world.users and method != "attach_policy_to_user":
        assert (naming.QUARANTINE_POLICY, APPLICATION.user) in world.attached
    assert "failure" == ending(world)[-1]


def test_all_failures_are_raised_together() -> None:
    """Nobody has to find them one after the other."""
    world = live(faults={
        Fault("delete_login_profile", 1, silent=False, after=False),
        Fault("delete_secret", 1, silent=True, after=False),
    })  # fmt: skip

    with pytest.raises(RevocationIncomplete) as raised:
        attempt(world)

    assert [CloudRefused, CloudUnknown] == [type(failure) for failure in raised.value.failures]
    assert "InternalRefusal" in str(raised.value)


def test_user_that_cannot_be_deleted_is_cut_off_again() -> None:
    """Its quarantine has to come off for the deletion; where that fails, it goes back."""
    world = live(faults={Fault("delete_user", 1, silent=False, after=False)})

    with pytest.raises(RevocationIncomplete):
        attempt(world)

    assert {(naming.QUARANTINE_POLICY, APPLICATION.user)} == world.attached


@pytest.mark.parametrize("silent", [False, True])
def test_without_the_log_access_ends_and_nothing_is_deleted(silent: bool) -> None:
    """The user and its tags stay to be found; once the log is back, what came before is `late`."""
    world = live(faults={Fault("put_logs", nth, silent, after=False) for nth in (1, 2)})

    with pytest.raises(RevocationIncomplete):
        attempt(world)

    assert {"Inactive"} == {key.status for key in world.keys.values()}
    assert (naming.QUARANTINE_POLICY, APPLICATION.user) in world.attached
    assert APPLICATION.user in world.users
    assert not [row for row in world.rows if row["operation_id"] == OPERATION]

    run(world)

    assert_nothing_left(world)
    late = {row["event_type"] for row in world.rows if row["message"].startswith("late")}
    assert {"quarantine.attached", "key.restricted", "key.disabled"} == late


def test_log_that_fails_once_is_written_in_the_same_run() -> None:
    """The cut was made without it: its results say late, and the run goes on."""
    world = live(faults={Fault("put_logs", 1, silent=False, after=False)})

    attempt(world)

    assert_nothing_left(world)
    late = {row["event_type"] for row in world.rows if row["message"].startswith("late")}
    assert {"quarantine.attached", "key.restricted", "key.disabled"} == late


@pytest.mark.parametrize("nth", range(1, 32))
def test_issue_that_died_anywhere_is_revoked_and_never_resumed(nth: int) -> None:
    """The issue run is killed at its n-th call; revoked then, and its retry comes late."""
    world = quarantined(World())
    with suppress(SystemError):
        attempt_issue(world.broker(ims=Dying(FakeIms(world), nth), ram=Dying(FakeRam(world), nth),
                                   kms=Dying(FakeKms(world), nth)), APPLICATION)  # fmt: skip

    run(world)

    assert Denied("ticket_consumed") == issue(world)
    # The dead run's lease of the ticket, which nobody needs any more, ends by itself.
    ticket_lease = naming.ticket_lease(WITHDRAWN.source, WITHDRAWN.id)
    world.policies.pop(naming.lease_name(ticket_lease, 1), None)
    assert_nothing_left(world)


class Dying:
    """A port whose calls end the function from the n-th call of any port on."""

    def __init__(self, port: Any, nth: int) -> None:
        self._port, self._nth = port, nth

    def __getattr__(self, method: str) -> Any:
        if sum(self._port.world.calls.values()) >= self._nth:
            raise SystemError("killed")
        return getattr(self._port, method)


def test_revoked_before_approved_leaves_the_end_on_record() -> None:
    """Nothing to revoke, and yet the ticket is consumed."""
    world = quarantined(World())

    outcome = run(world)

    assert ((), ()) == (outcome.access_key_ids, outcome.left)
    assert ["success"] == ending(world)
    assert Denied("ticket_consumed") == issue(world)


def test_repeat_changes_nothing() -> None:
    """The end is on record and nothing bears the name: no call but reads."""
    world = live()
    run(world)
    before = (len(world.log), len(world.rows))

    outcome = run(world)

    assert outcome.repeated
    assert before[1] == len(world.rows)
    assert {"ListAccessKeys"} >= {kind for kind, *_ in world.log[before[0]:]}


def test_user_that_came_back_is_removed_again() -> None:
    """A repeat looks at what is there, not only at what the log says."""
    world = live()
    run(world)
    world.users[APPLICATION.user] = User("id-restored", APPLICATION.user, dict(APPLICATION.tags))

    outcome = run(world)

    assert not outcome.repeated
    assert_nothing_left(world)


def test_another_tickets_user_is_not_touched() -> None:
    """Same application, other ticket: not a single change but the lease."""
    world = live()
    state = (dict(world.users), dict(world.keys), set(world.attached), dict(world.secrets))

    outcome = run(world, ticket(id="REQ-2000"))

    assert state == (world.users, world.keys, world.attached, world.secrets)
    assert f"user {APPLICATION.user} is another ticket's" in outcome.left
    assert {"CreatePolicy", "DeletePolicy", "acknowledged", "ListAccessKeys"} == {
        kind for kind, *_ in world.log
    }


def test_grant_is_found_under_the_names_the_log_remembers() -> None:
    """The delivery names another application than the approval did: the grant ends all the same."""
    world = live()

    outcome = run(world, ticket(application="renamed", environment="dev"))

    assert 1 == len(outcome.access_key_ids)
    assert_nothing_left(world)
    assert run(world, ticket(application="renamed", environment="dev")).repeated


def test_policy_is_left_where_its_holders_are_not_known() -> None:
    """I6: what could not be read decides nothing."""
    world = live(faults={
        Fault("list_entities_for_policy", nth, silent=False, after=False) for nth in (1, 2)
    })  # fmt: skip

    with pytest.raises(RevocationIncomplete):
        attempt(world)

    assert APPLICATION.policy in world.policies


@pytest.mark.parametrize("method", ["list_groups_for_user", "list_access_keys"])
def test_quarantine_stays_while_something_is_unread(method: str) -> None:
    """I6: a user of which not everything is known is not called bare."""
    world = live(faults={Fault(method, nth, silent=False, after=False) for nth in range(1, 9)})

    with pytest.raises(RevocationIncomplete):
        attempt(world)

    assert "DeleteUser" not in {kind for kind, *_ in world.log}
    assert (naming.QUARANTINE_POLICY, APPLICATION.user) in world.attached


def test_user_whose_keys_cannot_be_listed_yet_is_cut_and_read_again() -> None:
    """RAM says that there is no such user, IMS that there is: its keys are not called gone."""
    world = live()

    class Behind(FakeRam):
        def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None:
            return None

    with pytest.raises(RevocationIncomplete, match="keys cannot be listed"):
        attempt(world, ram=Behind(world))

    assert (naming.QUARANTINE_POLICY, APPLICATION.user) in world.attached
    assert APPLICATION.user in world.users

    run(world)

    assert_nothing_left(world)


def test_issue_stops_from_the_intent_of_the_revocation_on() -> None:
    """The revocation itself has not got through yet."""
    world = quarantined(World(faults={Fault("create_policy", 1, silent=True, after=False)}))
    with pytest.raises(CloudUnknown):
        attempt(world)

    refused = issue(world)

    assert Denied("ticket_consumed") == refused
    assert "success" not in ending(world)


def test_self_service_ends_with_the_policy_alone() -> None:
    """The user is not ours: it stays, cut off from nothing but the grant."""
    world = quarantined(World(users={"heidi": User("id-heidi", "heidi", {})}))
    issue(world, SELF_SERVICE)
    world.attached.add(("their-own", "heidi"))
    withdrawn = tickets.parse(self_service_ticket(status="withdrawn"), source="standard-webhooks")
    assert isinstance(withdrawn, tickets.Ticket)

    run(world, withdrawn)

    assert ["heidi"] == list(world.users)
    assert {("their-own", "heidi")} == world.attached
    assert [naming.QUARANTINE_POLICY] == list(world.policies)


def test_fresh_grant_is_read_again_after_the_lag() -> None:
    """What issue made within the lag bound may not be visible yet: the first look decides
    nothing."""
    world = quarantined(World())
    issue(world)
    hidden = world.users.pop(APPLICATION.user)
    ims = world.broker().ims
    issued_at = world.now

    class Stale(type(ims)):  # type: ignore[misc]
        def get_user(self, user: str) -> User | None:
            if world.now - issued_at >= timedelta(seconds=TERMS.max_lag_seconds):
                world.users.setdefault(user, hidden) if world.keys else None
            return super().get_user(user)

    outcome = attempt(world, ims=Stale(world))

    assert isinstance(outcome, Revoked)
    assert 1 == len(outcome.access_key_ids)
    assert_nothing_left(world)


def test_running_issue_is_cut_before_its_lease_ends() -> None:
    """Access does not wait for another run; deletion does, and says so."""
    world = live()
    marker = naming.lease_name(naming.application_lease("orders", "prod"), 1)
    until = (world.now + timedelta(seconds=100)).timestamp()
    world.policies[marker] = PolicyState(
        marker, json.dumps({"lease": "1", "holder": "op-issue", "until": until}), "{}"
    )

    with pytest.raises(LeaseHeld):
        attempt(world)

    assert {"Inactive"} == {key.status for key in world.keys.values()}
    assert (naming.QUARANTINE_POLICY, APPLICATION.user) in world.attached
    assert APPLICATION.user in world.users

    run(world)

    assert_nothing_left(world)


def test_no_secret_is_in_any_row() -> None:
    """I4: rows are made of names, ids, codes and times."""
    world = live()

    run(world)

    assert "secret-" not in json.dumps(world.rows, default=dict)
