"""The saga, broken at every call: run again until it ends, it leaves one key and a true record."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import approvals, audit, grants, issuance, naming, tickets
from shared.approvals import Approved
from shared.errors import AkwardenError, CloudRefused, KeyNotAccepted, LeaseHeld, NotPermitted
from shared.grants import Grant
from shared.issuance import Broker
from shared.ports import PolicyState, User
from shared.refusals import Denied
from shared.resumption import Issued
from shared.secrecy import Secret
from tests.unit.fakes import BEGAN, TERMS, WRITES, FakeSts, Fault, World, succeeded
from tests.unit.samples import ASSETS, RULES, TEMPLATES, approved_ticket, self_service_ticket
from tests.unit.strategies import brief

OPERATION = naming.operation_id("standard-webhooks", "REQ-1042", "issue")
READS = (
    "get_user", "get_policy", "list_access_keys", "describe_secret", "list_secret_version_ids",
    "get_logs", "get_caller_identity",
)  # fmt: skip
FIRST_RUN = {**dict.fromkeys((*READS, *WRITES), 2), "put_logs": 2}
FAULTS = [
    Fault(method, nth, silent, after)
    for method, most in FIRST_RUN.items()
    if method not in ("update_access_key", "delete_access_key")  # see the lost key's own test
    for nth in range(1, most + 1)
    for silent in (False, True)
    for after in (False, True)
]
ATTEMPTS = 60


def grant_of(content: dict[str, Any]) -> Grant:
    """What an approved ticket plans."""
    ticket = tickets.parse(content, source="standard-webhooks")
    assert isinstance(ticket, tickets.Ticket)
    approved = approvals.decide(ticket, RULES, BEGAN)
    assert isinstance(approved, Approved)
    grant = grants.plan(ticket, approved, TEMPLATES, ASSETS, Secret("ledger"))
    assert isinstance(grant, Grant)
    return grant


APPLICATION = grant_of(approved_ticket())
SELF_SERVICE = grant_of(self_service_ticket())


def attempt(broker: Broker, grant: Grant) -> Issued | Denied:
    """One run, with a record of its own, as FC would start it."""
    record = audit.attempt(
        grant.ticket, OPERATION, fc_request_id="1-request", fc_function="akw-issue",
        account_id="1234567890123456", region="cn-hangzhou", trigger="webhook",
        broker_version="0",
    )  # fmt: skip
    return issuance.issue(broker, grant, record)


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
    intents: set[str] = set()
    for kind, _, *about in world.log:
        if kind == "acknowledged":
            rows = about[0]
            if rows and rows[0]["phase"] == audit.INTENT:
                assert {OPERATION} == {row["operation_id"] for row in rows}
                intents = {row["cloud_action"] for row in rows}
        elif kind in WRITES.values():
            assert kind in intents


def assert_never_created_blindly(world: World) -> None:
    """Between two CreateAccessKey stands a ListAccessKeys, the lag bound after the former."""
    created = None
    for kind, at, *_ in world.log:
        if kind == "ListAccessKeys" and created is not None:
            late_enough = at >= created + timedelta(seconds=TERMS.max_lag_seconds)
            created = None if late_enough else created
        if kind == "CreateAccessKey":
            assert created is None
            created = at


def test_first_run_makes_one_of_everything() -> None:
    """Without faults one attempt is enough, and each planned change has its result."""
    world = World()

    outcome = attempt(world.broker(), APPLICATION)

    assert_one_key(world, outcome)
    assert_announced(world)
    intents = [row["event_type"] for row in world.rows if row["phase"] == "intent"]
    results = [row["event_type"] for row in world.rows if row["outcome"] == "success"]
    assert intents == results
    assert not [name for name in world.policies if "lock" in name]


@pytest.mark.parametrize(
    "fault", FAULTS,
    ids=lambda f: f"{f.method}-{f.nth}-{'silent' if f.silent else 'refused'}"
                  f"-{'after' if f.after else 'before'}",
)  # fmt: skip
def test_fault_at_any_call_is_survived(fault: Fault) -> None:
    """Any call refused or unanswered, before or after it was done: the same one key in the end."""
    world = World(faults={fault})

    outcome = run(world)

    assert_one_key(world, outcome)
    assert_announced(world)
    assert succeeded(world, "key.issued")


@given(st.sets(st.sampled_from(FAULTS), max_size=8))
@brief
def test_any_faults_together_are_survived(faults: set[Fault]) -> None:
    """Whatever fails together and in whatever order: one key, all of it announced."""
    world = World(faults=faults)

    outcome = run(world)

    assert_one_key(world, outcome)
    assert_announced(world)


def test_network_policy_stands_before_anybody_may_read_the_key() -> None:
    """While the key cannot be bound to its addresses, it is not made current."""
    world = World(faults={Fault("set_access_key_policy", 1, silent=False, after=False)})

    with pytest.raises(CloudRefused):
        attempt(world.broker(), APPLICATION)

    assert {"ACSCurrent"} == world.versions[APPLICATION.secret][naming.RESERVED_VERSION]
    assert [] == succeeded(world, "key.issued")


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

    assert_one_key(world, outcome)
    assert_announced(world)
    assert_never_created_blindly(world)
    assert 2 == world.calls["create_access_key"]
    changes = [entry[0] for entry in world.log if entry[0].endswith("AccessKey")]
    assert changes.index("UpdateAccessKey") < changes.index("DeleteAccessKey")


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

    assert not [name for name in world.policies if "lock" in name]
    outcomes = {r["event_type"]: r["outcome"] for r in world.rows if r["phase"] == "result"}
    assert "failure" == outcomes["secret.reserved"]
    assert "skipped" == outcomes["key.created"]


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

    assert {"ACSCurrent"} == world.versions[APPLICATION.secret][naming.RESERVED_VERSION]
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
    return PolicyState(name, "somebody else's", "{}", BEGAN)


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
    assert not [name for name in world.policies if "lock" in name]
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
