"""The saga, broken at every call: run again until it ends, it leaves one key and a true record."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import approvals, audit, grants, issuance, leases, naming, tickets
from shared.approvals import Approved
from shared.audit import Row
from shared.broker import Broker
from shared.errors import (
    AkwardenError,
    CloudRefused,
    CloudUnknown,
    KeyNotAccepted,
    LeaseHeld,
    NotPermitted,
    StateChanged,
)
from shared.grants import Grant
from shared.people import People
from shared.ports import PolicyState, SecretState, User
from shared.refusals import Denied
from shared.resumption import Issued
from shared.secrecy import Secret
from tests.unit.fakes import BEGAN, TERMS, WRITES, FakeAuditLog, FakeSts, Fault, World, succeeded
from tests.unit.samples import ASSETS, RULES, TEMPLATES, approved_ticket, self_service_ticket
from tests.unit.strategies import brief

OPERATION = naming.operation_id("standard-webhooks", "REQ-1042", "issue")
READS = (
    "get_user", "list_users", "get_policy", "list_access_keys", "describe_secret",
    "list_secret_version_ids", "get_logs", "get_caller_identity",
)  # fmt: skip
FIRST_RUN = {
    **dict.fromkeys((*READS, *WRITES), 2), "create_policy": 3, "get_logs": 3, "put_logs": 3,
    "select_logs": 1,
}  # fmt: skip
FAULTS = [
    Fault(method, nth, silent, after)
    for method, most in FIRST_RUN.items()
    if method not in ("update_access_key", "delete_access_key")  # see those keys' own tests
    for nth in range(1, most + 1)
    for silent in (False, True)
    for after in (False, True)
]
ATTEMPTS = 60


def grant_of(content: dict[str, Any], now: datetime = BEGAN) -> Grant:
    """What a ticket plans that is approved at that moment."""
    ticket = tickets.parse(content, source="standard-webhooks")
    assert isinstance(ticket, tickets.Ticket)
    approved = approvals.decide(ticket, RULES, now)
    assert isinstance(approved, Approved)
    grant = grants.plan(ticket, approved, TEMPLATES, ASSETS, Secret("ledger"))
    assert isinstance(grant, Grant)
    return grant


APPLICATION = grant_of(approved_ticket())
BILLING = grant_of(approved_ticket(application="billing"))  # for the same ticket
SELF_SERVICE = grant_of(self_service_ticket())


def attempt(broker: Broker, grant: Grant) -> Issued | Denied:
    """One run, with a record of its own, as FC would start it."""
    record = audit.attempt(
        audit.Subject.of(grant.ticket), OPERATION, fc_request_id="1-request",
        fc_function="akw-issue", account_id="1234567890123456", region="cn-hangzhou",
        trigger="webhook", broker_version="0",
    )  # fmt: skip
    return issuance.issue(broker, grant, record, RULES, People({}))


def run(world: World, grant: Grant = APPLICATION) -> Issued | Denied:
    """Attempts until one ends, with the patience of the handler between them."""
    broker = world.broker()
    for _ in range(ATTEMPTS):
        try:
            return attempt(broker, grant)
        except LeaseHeld as held:
            world.sleep(issuance.patience_seconds(held, world.now, 100))
        except AkwardenError:
            world.sleep(1)
    pytest.fail("the saga never ended")


def assert_one_key(world: World, outcome: object) -> None:
    """I1, I2: one of everything, the one key's secret stored under its own id and current."""
    name, secret = APPLICATION.user, APPLICATION.secret
    assert isinstance(outcome, Issued)
    assert [name] == list(world.users)
    assert [APPLICATION.policy] == [n for n in world.policies if "lock" not in n]
    assert {(APPLICATION.policy, name)} == world.attached
    assert [secret] == list(world.secrets)
    assert [outcome.access_key_id] == list(world.keys)
    key = world.keys[outcome.access_key_id]
    assert (key.status, key.network) == ("Active", APPLICATION.ticket.source_ips)
    current = [v for v, stages in world.versions[secret].items() if "ACSCurrent" in stages]
    assert [outcome.access_key_id] == current
    stored = json.loads(world.values[secret, outcome.access_key_id])
    assert outcome.access_key_id == stored["AccessKeyId"]
    assert stored["AccessKeySecret"] == f"secret-{int(outcome.access_key_id[-14:])}"


def assert_announced(world: World) -> None:
    """I3: an acknowledged intent of the same call stands before every change, in the same run."""
    run, intents = "", set[tuple[str, str]]()
    for kind, _, *about in world.log:
        if kind == "acknowledged":
            rows = [row for row in about[0] if row["phase"] == audit.INTENT]
            assert {OPERATION} >= {row["operation_id"] for row in rows}
            if rows and rows[0]["chain_id"] != run:
                run, intents = rows[0]["chain_id"], set()
            intents |= {(row["cloud_action"], row["access_key_id"]) for row in rows}
        elif kind in ("UpdateAccessKey", "DeleteAccessKey"):
            assert (kind, about[0]) in intents
        elif kind in WRITES.values():
            assert kind in {action for action, _ in intents}


def assert_never_created_blindly(world: World) -> None:
    """Between two CreateAccessKey stands a ListAccessKeys; if the former was not answered, one
    that was asked for when the lag bound had passed."""
    visible_from = None
    for kind, at, *about in world.log:
        if kind == "CreateAccessKey":
            assert visible_from is None
            visible_from = at
        elif kind == "unanswered" and about == ["create_access_key"]:
            visible_from = at + timedelta(seconds=TERMS.max_lag_seconds)
        elif kind == "ListAccessKeys" and visible_from is not None and at >= visible_from:
            visible_from = None


def assert_sound(world: World, outcome: object) -> None:
    """Whatever failed on the way."""
    assert_one_key(world, outcome)
    assert_announced(world)
    assert_never_created_blindly(world)
    assert succeeded(world, "key.issued")


def locks(world: World) -> set[str]:
    """What the markers that stand are of."""
    ticket = naming.ticket_lease("standard-webhooks", "REQ-1042")
    kinds = {naming.lease_name(ticket, 1): "ticket"}
    return {kinds.get(name, "application") for name in world.policies if "lock" in name}


def results(world: World) -> dict[str, str]:
    """The outcome of each event of the last run."""
    last = world.rows[-1]["chain_id"]
    return {
        row["event_type"]: row["outcome"]
        for row in world.rows if (row["phase"], row["chain_id"]) == ("result", last)
    }  # fmt: skip


def test_first_run_makes_one_of_everything() -> None:
    """Without faults one attempt is enough, and each planned change has its result."""
    world = World()

    outcome = attempt(world.broker(), APPLICATION)

    assert_one_key(world, outcome)
    assert_announced(world)
    intents = [row["event_type"] for row in world.rows if row["phase"] == "intent"]
    results = [row["event_type"] for row in world.rows if row["outcome"] == "success"]
    assert intents == results
    assert set() == locks(world)


@pytest.mark.parametrize(
    "fault", FAULTS,
    ids=lambda f: f"{f.method}-{f.nth}-{'silent' if f.silent else 'refused'}"
                  f"-{'after' if f.after else 'before'}",
)  # fmt: skip
def test_fault_at_any_call_is_survived(fault: Fault) -> None:
    """Any call refused or unanswered, before or after it was done: the same one key in the end."""
    world = World(faults={fault})

    outcome = run(world)

    assert_sound(world, outcome)


@given(st.sets(st.sampled_from(FAULTS), max_size=8))
@brief
def test_any_faults_together_are_survived(faults: set[Fault]) -> None:
    """Whatever fails together and in whatever order: one key, all of it announced."""
    world = World(faults=faults)

    outcome = run(world)

    assert_sound(world, outcome)


def test_network_policy_stands_before_anybody_may_read_the_key() -> None:
    """While the key cannot be bound to its addresses, it is not made current."""
    world = World(faults={Fault("set_access_key_policy", 1, silent=False, after=False)})

    with pytest.raises(CloudRefused):
        attempt(world.broker(), APPLICATION)

    assert {naming.RESERVED_VERSION: {"ACSCurrent"}} == world.versions[APPLICATION.secret]
    assert [] == succeeded(world, "key.issued")
    assert {} == world.keys


@pytest.mark.parametrize("method", ["update_access_key", "delete_access_key"])
@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_fault_while_a_lost_key_is_removed_is_survived(
    method: str, silent: bool, after: bool
) -> None:
    """A key whose secret nobody has is cut and removed, however often that fails."""
    lost = Fault("create_access_key", 1, silent=True, after=True)
    world = World(faults={lost, Fault(method, 1, silent, after)})

    outcome = run(world)

    assert_sound(world, outcome)
    assert 2 == world.calls["create_access_key"]
    changes = [entry[0] for entry in world.log if entry[0].endswith("AccessKey")]
    assert changes.index("UpdateAccessKey") < changes.index("DeleteAccessKey")


LOSSES = {
    "not_restricted": Fault("set_access_key_policy", 1, silent=False, after=False),
    "restriction_in_doubt": Fault("set_access_key_policy", 1, silent=True, after=True),
    "not_stored": Fault("put_secret_value", 1, silent=False, after=False),
    "proof_in_doubt": Fault("get_caller_identity", 1, silent=True, after=False),
    "proof_refused": Fault("get_caller_identity", 1, silent=False, after=False),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_key_that_will_not_be_stored_is_given_up(loss: str) -> None:
    """Nobody is left with a key whose secret is lost: it is cut, removed, and named in the rows."""
    world = World(faults={LOSSES[loss]})

    with pytest.raises(AkwardenError):
        attempt(world.broker(), APPLICATION)

    assert {} == world.keys
    assert {naming.RESERVED_VERSION: {"ACSCurrent"}} == world.versions[APPLICATION.secret]
    assert_announced(world)
    cut = [row for row in world.rows if row["event_type"] in ("key.disabled", "key.deleted")]
    assert ["intent", "intent", "result", "result"] == [row["phase"] for row in cut]
    assert {"success"} == {row["outcome"] for row in cut if row["phase"] == "result"}
    (created,) = succeeded(world, "key.created")
    assert {"LTAI5tFake00000000000001"} == {row["access_key_id"] for row in [created, *cut]}
    assert_sound(world, run(world))


def test_store_in_doubt_keeps_the_key() -> None:
    """It may be stored, and then it is the one: the next attempt sees and goes on with it."""
    world = World(faults={Fault("put_secret_value", 1, silent=True, after=True)})

    with pytest.raises(CloudUnknown):
        attempt(world.broker(), APPLICATION)
    kept = set(world.keys)
    outcome = run(world)

    assert 0 == world.calls["update_access_key"] + world.calls["delete_access_key"]
    assert_sound(world, outcome)
    assert kept == set(world.keys)
    assert 1 == world.calls["create_access_key"]


@pytest.mark.parametrize("method", ["update_access_key", "delete_access_key", "put_logs"])
@pytest.mark.parametrize("silent", [False, True])
def test_key_that_cannot_be_given_up_keeps_the_leases(method: str, silent: bool) -> None:
    """It was created and is there, but not visible to everybody yet: nobody may work before the
    leases have ended. The next attempt then finds it as one that nobody has."""
    nth = 2 if method == "put_logs" else 1
    refused = Fault("put_secret_value", 1, silent=False, after=False)
    world = World(faults={refused, Fault(method, nth, silent, after=False)})
    broker = world.broker()

    with pytest.raises(CloudRefused) as raised:
        attempt(broker, APPLICATION)

    assert "put_secret_value" == raised.value.action
    assert 1 == len(world.keys)
    assert {"ticket", "application"} == locks(world)
    assert "skipped" == results(world)["lease.released"]
    with pytest.raises(LeaseHeld):
        attempt(broker, APPLICATION)
    assert_sound(world, run(world))


@pytest.mark.parametrize(
    "method",
    ["create_user", "create_secret", "attach_policy_to_user", "create_access_key",
     "put_secret_value", "update_secret_version_stage", "set_access_key_policy"],
)  # fmt: skip
def test_change_in_doubt_keeps_both_leases(method: str) -> None:
    """Whatever may still come into being is waited for."""
    world = World(faults={Fault(method, 1, silent=True, after=True)})

    with pytest.raises(CloudUnknown):
        attempt(world.broker(), APPLICATION)

    assert {"ticket", "application"} == locks(world)
    assert ("skipped", "skipped") == (
        results(world)["lease.released"], results(world)["ticket_lease.released"],
    )  # fmt: skip


def test_held_application_gives_the_ticket_back_under_its_own_name() -> None:
    """Another ticket works on the application: only the ticket's lease was taken and is released,
    and the rows say so."""
    world = World()
    broker = world.broker()
    lease = naming.application_lease("orders", "prod")
    leases.take(broker.ram, lease, "other", TERMS, now=broker.now, sleep=broker.sleep)

    with pytest.raises(LeaseHeld):
        attempt(broker, APPLICATION)

    assert {"application"} == locks(world)
    expected = {
        "ticket_lease.taken": "success", "lease.taken": "failure", "lease.released": "skipped",
        "ticket_lease.released": "success",
    }  # fmt: skip
    assert expected == {name: results(world)[name] for name in expected}


def test_leases_are_released_when_the_ticket_is_remembered() -> None:
    """The result is acknowledged first; then the run waits until it can be read."""
    world = World()
    broker = world.broker(audit_log=FakeAuditLog(world, lag_seconds=3))

    outcome = attempt(broker, APPLICATION)

    assert_sound(world, outcome)
    assert set() == locks(world)
    issued, released = succeeded(world, "key.issued")[0], succeeded(world, "lease.released")[0]
    assert 3000 <= int(released["time_ms"]) - int(issued["time_ms"]) < 4000
    (told,) = (n for n, e in enumerate(world.log)
               if e[0] == "acknowledged" and issued in e[2])  # fmt: skip
    assert all(told < n for n, e in enumerate(world.log) if e[0] == "DeletePolicy")


def test_leases_are_kept_while_the_ticket_is_not_remembered() -> None:
    """A later run could not read that the ticket is used: the markers say it in the meantime."""
    world = World()
    broker = world.broker(audit_log=FakeAuditLog(world, lag_seconds=1000))

    outcome = attempt(broker, APPLICATION)

    assert_sound(world, outcome)
    assert {"ticket", "application"} == locks(world)
    assert 0 == world.calls["delete_policy"]
    assert ("skipped", "skipped") == (
        results(world)["lease.released"], results(world)["ticket_lease.released"],
    )  # fmt: skip


def test_unreadable_memory_is_none() -> None:
    """The key is issued and on record; that the log cannot be read keeps the leases, no more."""
    world = World(faults={Fault("get_logs", 3, silent=True, after=False)})

    outcome = attempt(world.broker(), APPLICATION)

    assert_sound(world, outcome)
    assert {"ticket", "application"} == locks(world)
    assert "skipped" == results(world)["lease.released"]


def test_second_application_of_one_ticket_is_refused() -> None:
    """One ticket makes one grant, though its content names another application by now."""
    world = World()
    first = attempt(world.broker(), APPLICATION)
    before = [entry for entry in world.log if entry[0] in WRITES.values()]

    second = attempt(world.broker(), BILLING)

    assert Denied("ticket_changed") == second
    assert before == [entry for entry in world.log if entry[0] in WRITES.values()]
    assert_one_key(world, first)


def test_second_application_is_refused_before_the_first_has_ended() -> None:
    """The first attempt failed after its user was made: the user carries the ticket."""
    world = World(faults={Fault("create_access_key", 1, silent=False, after=False)})
    with pytest.raises(CloudRefused):
        attempt(world.broker(), APPLICATION)

    assert Denied("ticket_changed") == attempt(world.broker(), BILLING)
    assert_sound(world, run(world))


def test_two_applications_of_one_ticket_at_once_make_one_key() -> None:
    """Their leases of the application differ; that of the ticket is one."""
    world = World()
    broker = world.broker()

    def insist(grant: Grant) -> Issued | Denied:
        for _ in range(2000):
            try:
                return attempt(broker, grant)
            except AkwardenError:
                time.sleep(0)  # lets another thread run; the world's clock stands still
        pytest.fail("starved")

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(insist, [APPLICATION, BILLING] * 4))

    assert 1 == world.calls["create_access_key"]
    assert 2 == len(set(outcomes))
    assert 4 == outcomes.count(Denied("ticket_changed"))
    assert 1 == len(world.users)


def _premade(world: World, what: str) -> None:
    """Somebody who knows the ticket, but not the ledger key, was faster."""
    if what == "user":
        tags = {**APPLICATION.tags, "akw:sig": "0" * 64}
        world.users[APPLICATION.user] = User("1", APPLICATION.user, tags)
    elif what == "policy":
        world.policies[APPLICATION.policy] = PolicyState(
            APPLICATION.policy, APPLICATION.description, '{"Version": "1", "Statement": []}'
        )
    else:
        tags = {**APPLICATION.secret_tags, "akw:sig": "0" * 64}
        world.secrets[APPLICATION.secret] = SecretState(APPLICATION.secret, tags, "")
        world.versions[APPLICATION.secret] = {naming.RESERVED_VERSION: {"ACSCurrent"}}


@pytest.mark.parametrize("what", ["user", "policy", "secret"])
def test_premade_thing_is_never_adopted(what: str) -> None:
    """A user with keys, a policy with rights or a secret with readers of somebody's choice."""
    world = World()
    _premade(world, what)

    refused = attempt(world.broker(), APPLICATION)

    assert Denied("name_in_use", "application") == refused
    assert [] == [entry for entry in world.log if entry[0] in WRITES.values()]


@pytest.mark.parametrize("what", ["user", "policy", "secret"])
def test_thing_made_while_the_run_creates_is_never_adopted(what: str) -> None:
    """`Already exists` is compared like anything found: with its signature and document."""
    world = World()
    ram = world.broker().ram

    class Slow(type(ram)):  # type: ignore[misc]
        def attach_policy_to_user(self, policy: str, user: str) -> str:
            pytest.fail("went on with another's")

    def meddle(method: str, action: Any, *about: object) -> Any:
        creates = {"user": "create_user", "policy": "create_policy", "secret": "create_secret"}
        if method == creates[what] and not any("lock" in str(name) for name in about):
            _premade(world, what)
        return plain(method, action, *about)

    plain, world.call = world.call, meddle  # type: ignore[method-assign]

    with pytest.raises(StateChanged):
        attempt(world.broker(ram=Slow(world)), APPLICATION)

    assert {} == world.keys
    assert set() == locks(world)


def test_end_of_another_run_is_never_seen_without_its_grant() -> None:
    """The slowest read of a late duplicate: the first run ends between it and the others."""
    world = World()

    class Overtaken(FakeAuditLog):
        def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]:
            if not world.users:
                attempt(world.broker(), APPLICATION)
            return super().get_logs(query, since, until)

    outcome = attempt(world.broker(audit_log=Overtaken(world)), APPLICATION)

    assert_sound(world, outcome)


def test_half_visible_user_stops_the_run() -> None:
    """A user whose keys cannot be listed is not one without keys."""
    world = World()

    class Lagging(type(world.broker().ram)):  # type: ignore[misc]
        def list_access_keys(self, user: str) -> None:
            return None

    world.users[APPLICATION.user] = User("1", APPLICATION.user, dict(APPLICATION.tags))

    with pytest.raises(StateChanged):
        attempt(world.broker(ram=Lagging(world)), APPLICATION)

    assert ([], []) == (world.log, world.rows)


def test_doubt_keeps_the_lease() -> None:
    """I2: after an unanswered CreateAccessKey nobody works before the lease has ended."""
    world = World(faults={Fault("create_access_key", 1, silent=True, after=True)})
    broker = world.broker()
    with pytest.raises(AkwardenError):
        attempt(broker, APPLICATION)

    with pytest.raises(LeaseHeld) as raised:
        attempt(broker, APPLICATION)

    assert raised.value.until >= world.now + timedelta(seconds=TERMS.max_lag_seconds)
    assert 1 == world.calls["create_access_key"]


def test_refusal_gives_the_lease_back() -> None:
    """A clear no leaves nothing in doubt: the next attempt need not wait."""
    world = World(faults={Fault("create_secret", 1, silent=False, after=False)})

    with pytest.raises(CloudRefused):
        attempt(world.broker(), APPLICATION)

    assert set() == locks(world)
    assert "failure" == results(world)["secret.reserved"]
    assert "skipped" == results(world)["key.created"]
    assert ("success", "success") == (
        results(world)["lease.released"], results(world)["ticket_lease.released"],
    )  # fmt: skip


def test_unacknowledged_intent_changes_nothing() -> None:
    """I3: no acknowledged intent, no change, even where the rows were written."""
    world = World(faults={Fault("put_logs", 1, silent=True, after=True)})

    with pytest.raises(AkwardenError):
        attempt(world.broker(), APPLICATION)

    assert [] == [entry for entry in world.log if entry[0] in WRITES.values()]


@pytest.mark.parametrize("method", [name for name in READS if name != "get_caller_identity"])
def test_failed_read_changes_nothing(method: str) -> None:
    """I6: what could not be read is unknown, never `not there`."""
    world = World(faults={Fault(method, 1, silent=True, after=False)})

    with pytest.raises(AkwardenError):
        attempt(world.broker(), APPLICATION)

    assert [] == world.log or {"ListAccessKeys"} == {entry[0] for entry in world.log}
    assert [] == world.rows


def test_nothing_is_told_before_the_result_is_on_record() -> None:
    """An attempt whose result row is not acknowledged does not return."""
    world = World(faults={Fault("put_logs", 2, silent=True, after=False)})

    with pytest.raises(AkwardenError):
        attempt(world.broker(), APPLICATION)

    assert [] == succeeded(world, "key.issued")
    assert_one_key(world, run(world))
    assert succeeded(world, "key.issued")


def test_repeat_of_a_served_ticket_changes_nothing() -> None:
    """The same ticket again answers with the same key and writes nothing."""
    world = World()
    first = attempt(world.broker(), APPLICATION)
    before = len(world.log)

    again = attempt(world.broker(), APPLICATION)

    assert first == again
    assert {"ListAccessKeys"} == {entry[0] for entry in world.log[before:]}


def test_many_at_once_make_one_key() -> None:
    """Eight runs of one ticket at a time: one of them creates, all end with its key."""
    world = World()
    broker = world.broker()

    def insist(_: int) -> Issued | Denied:
        for _ in range(2000):
            try:
                return attempt(broker, APPLICATION)
            except AkwardenError:
                time.sleep(0)  # lets another thread run; the world's clock stands still
        pytest.fail("starved")

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(insist, range(8)))

    assert 1 == len(set(outcomes))
    assert 1 == world.calls["create_access_key"]
    assert_one_key(world, outcomes[0])


def test_key_that_is_never_accepted_is_not_made_current() -> None:
    """Nobody reads a key that was not proved; waiting ends at the lag bound."""
    world = World()
    broker = world.broker(sts=FakeSts(world, lag_seconds=10_000))

    with pytest.raises(KeyNotAccepted):
        attempt(broker, APPLICATION)

    assert {naming.RESERVED_VERSION: {"ACSCurrent"}} == world.versions[APPLICATION.secret]
    assert {} == world.keys
    assert world.now - BEGAN <= timedelta(seconds=TERMS.max_lag_seconds + 8)


def test_state_that_changed_before_the_lease_stops_the_run() -> None:
    """What was planned from is read again under the lease; if it differs nothing is made."""
    world = World()
    broker = world.broker()

    class Meddling(type(broker.ram)):  # type: ignore[misc]
        def create_policy(self, name: str, document: str, description: str) -> str:
            world.policies.setdefault(
                APPLICATION.policy, _foreign_policy(APPLICATION.policy)
            )
            return str(super().create_policy(name, document, description))

    with pytest.raises(AkwardenError) as raised:
        attempt(world.broker(ram=Meddling(world)), APPLICATION)

    assert "state_changed" == raised.value.reason
    assert {} == world.users
    assert [APPLICATION.policy] == list(world.policies)


def _foreign_policy(name: str) -> PolicyState:
    return PolicyState(name, "somebody else's", "{}")


def test_name_taken_meanwhile_is_never_adopted() -> None:
    """`Already exists` is ours only if the grant on it is; another's is left alone, doubtless."""
    world = World()
    ims = world.broker().ims

    class Stolen(type(ims)):  # type: ignore[misc]
        def create_user(self, user: str, display_name: str, tags: Any) -> str:
            super().create_user(user, display_name, {"akw:ticket": "other"})
            return str(super().create_user(user, display_name, tags))

    with pytest.raises(AkwardenError) as raised:
        attempt(world.broker(ims=Stolen(world)), APPLICATION)

    assert "state_changed" == raised.value.reason
    assert {} == world.keys
    assert set() == locks(world)
    rows = {r["event_type"]: r for r in world.rows if r["phase"] == "result"}
    assert ("failure", "state_changed") == (
        rows["user.created"]["outcome"], rows["user.created"]["error_code"]
    )  # fmt: skip


def test_self_service_grant_creates_no_key() -> None:
    """An existing user gets the policy attached, and nothing else is made."""
    world = World(users={"heidi": User("id-heidi", "heidi", {})})

    outcome = run(world, SELF_SERVICE)

    assert Issued("heidi", SELF_SERVICE.policy) == outcome
    assert ({}, {}) == (world.keys, world.secrets)
    assert {(SELF_SERVICE.policy, "heidi")} == world.attached
    assert_announced(world)


def test_missing_permission_is_on_record_with_its_code() -> None:
    """The result row of a refused change carries the service's code and request id."""
    world = World()

    class Forbidden(type(world.broker().kms)):  # type: ignore[misc]
        def create_secret(self, name: str, value: Any, *, policy: str, tags: Any) -> str:
            raise NotPermitted("CreateSecret", "Forbidden.NoPermission", 403, "request-9")

    with pytest.raises(NotPermitted):
        attempt(world.broker(kms=Forbidden(world)), APPLICATION)

    row = next(r for r in world.rows
               if (r["event_type"], r["phase"]) == ("secret.reserved", "result"))  # fmt: skip
    assert ("failure", "Forbidden.NoPermission", "403", "request-9") == (
        row["outcome"], row["error_code"], row["http_status"], row["cloud_request_id"],
    )  # fmt: skip
    assert {} == world.keys


def test_no_secret_is_in_any_row() -> None:
    """I4: rows are made of names, ids, codes and times."""
    world = World(faults={Fault("create_access_key", 1, silent=True, after=True)})

    run(world)

    assert "secret-" not in json.dumps(world.rows, default=dict)
