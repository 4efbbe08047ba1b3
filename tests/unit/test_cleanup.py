"""A run that dies at any call is finished or removed by the first sweep past the age guard."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from shared import audit, cleanup, leases, naming, order_runs, orders, revocation, sweeps
from shared.audit import INTENT, SUCCESS, Subject
from shared.candidates import Finding
from shared.errors import AkwardenError, CloudRefused, CloudUnknown, SweepIncomplete
from shared.grants import Grant
from shared.orders import Selector
from shared.ports import PolicyState, SecretState, User
from shared.resumption import Issued
from shared.rotation_log import CLOCKS_APART
from shared.secrecy import Secret
from shared.sweeps import Sweep
from tests.unit import test_bulk_revocation as bulk
from tests.unit.fakes import (
    TERMS,
    WRITES,
    FakeIms,
    FakeKms,
    FakeRam,
    FakeSts,
    Fault,
    Key,
    World,
    succeeded,
)
from tests.unit.samples import approved_ticket
from tests.unit.test_issuance import APPLICATION, SELF_SERVICE, grant_of
from tests.unit.test_issuance import attempt as attempt_issue
from tests.unit.test_issuance import run as issue
from tests.unit.test_revocation import attempt as attempt_revocation
from tests.unit.test_revocation import live, quarantined

PAST_THE_GUARD = TERMS.lasts_seconds + 1
ISSUING = (*WRITES, "put_logs")
REVOKING = (
    "put_logs", "attach_policy_to_user", "set_access_key_policy", "update_access_key",
    "create_policy", "delete_access_key", "detach_policy_from_user", "delete_login_profile",
    "delete_policy", "delete_user", "delete_secret",
)  # fmt: skip
SWEEPING = (
    "select_logs", "list_users", "list_policies", "list_secrets", "list_entities_for_policy",
    "get_logs", "get_user", "get_policy", "list_access_keys", "list_policies_for_user",
    "describe_secret", "list_secret_version_ids", "list_groups_for_user", "list_policy_versions",
    "put_logs", "create_policy", "update_access_key", "set_access_key_policy", "delete_access_key",
    "detach_policy_from_user", "delete_policy", "delete_user", "delete_secret",
)  # fmt: skip


class Killed(BaseException):
    """SIGKILL: nothing of the process runs any more."""


@dataclass
class MortalWorld(World):
    """Kills its caller at the nth call of a method, before or after it is carried out."""

    dies_at: tuple[str, int, bool] | None = None
    dead: bool = False

    def call(self, method: str, action: Callable[[], Any], *about: object) -> Any:
        with self.lock:
            if self.dead:
                raise Killed
            at = self.dies_at
            if at is None or (method, self.calls[method] + 1) != at[:2]:
                return super().call(method, action, *about)
            if at[2]:
                super().call(method, action, *about)
            self.dead = True
            raise Killed

    def revive(self) -> None:
        """The next process, with no fault before it."""
        self.dies_at, self.dead, self.faults = None, False, set()
        self.calls.clear()


def mortal(world: World) -> MortalWorld:
    """The same world, in which functions can be killed."""
    state = {f.name: getattr(world, f.name) for f in fields(World)}
    made = MortalWorld(**state)
    made._numbers = world._numbers
    return made


def run_of(world: World, **more: Any) -> Sweep:
    """By the timer that comes most often: a quick one."""
    record = partial(
        audit.attempt, fc_request_id="1-sweep", fc_function=naming.CLEANUP_FUNCTION,
        account_id="1234567890123456", region="cn-hangzhou", trigger="timer", broker_version="0",
    )  # fmt: skip
    values: dict[str, Any] = {"remaining_seconds": lambda: 300.0, "revoke_cap": 25, "quick": True}
    return Sweep(world.broker(), record, **(values | more))


def sweep(world: World, **more: Any) -> Sweep:
    """One sweep that must go well."""
    run = run_of(world, **more)
    cleanup.sweep(run)
    return run


def foreign(world: World) -> World:
    """Things of others under names like ours, older than any guard."""
    world.users["akw-theirs-prod"] = User("id-t", "akw-theirs-prod", {}, world.now)
    world.users["heidi"] = User("id-heidi", "heidi", {}, world.now)
    for name in ("akw-theirs-prod", "akw-alone-dev", "their-policy"):
        world.policies[name] = PolicyState(name, "", "{}")
        world.made[name] = world.now
    world.policies["akw-lock-theirs-prod-1"] = PolicyState(
        "akw-lock-theirs-prod-1", json.dumps({"holder": "me", "until": 1.0}), "{}")
    world.made["akw-lock-theirs-prod-1"] = world.now
    world.secrets["akw/theirs/prod"] = SecretState("akw/theirs/prod", {}, "", world.now)
    world.versions["akw/theirs/prod"] = {"v1": {"ACSCurrent"}}
    return world


def theirs(world: World) -> tuple[object, ...]:
    """Everything that `foreign` made, and nothing else can be."""
    return (
        {n for n in world.users if "theirs" in n or n == "heidi"},
        {n for n in world.policies if "their" in n or "alone" in n},
        {n for n in world.secrets if "theirs" in n},
    )


def assert_converged(world: World, before: tuple[object, ...]) -> None:
    """I1 and I3: every live key stored or gone, no half grant, every intent with a result, nothing
    of others touched."""
    for key in world.keys.values():
        assert key.id in world.versions.get(APPLICATION.secret, {}), key
    parts = (APPLICATION.user in world.users, APPLICATION.policy in world.policies,
             APPLICATION.secret in world.secrets)  # fmt: skip
    assert parts in ((True,) * 3, (False,) * 3)
    assert parts[0] == bool(world.keys)
    assert [] == [n for n in world.policies if n.startswith("akw-lock-") and "theirs" not in n]
    assert [] == open_changes(world)
    assert before == theirs(world)


def open_changes(world: World) -> list[str]:
    results = {row["change_id"] for row in world.rows if row["phase"] == "result"}
    return [row["event_type"] for row in world.rows
            if row["phase"] == INTENT and row["change_id"] not in results]  # fmt: skip


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("method", ISSUING)
def test_issue_killed_for_good_is_finished_or_removed(method: str, nth: int, after: bool) -> None:
    """Whatever it left, one sweep ends it; and the ticket, unless it was served, is unused."""
    world = MortalWorld()
    foreign(quarantined(world))
    before = theirs(world)
    world.dies_at = (method, nth, after)
    with suppress(Killed):
        attempt_issue(world.broker(), APPLICATION)
    world.revive()
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert_converged(world, before)
    assert isinstance(issue(world), Issued)


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("method", ISSUING)
def test_issue_that_failed_for_good_is_finished_or_removed(
    method: str, after: bool, silent: bool
) -> None:
    """Refused or silent, on all of its tries: nothing is left in between."""
    world = foreign(quarantined(World()))
    before = theirs(world)
    world.faults = {Fault(method, nth, silent, after) for nth in range(1, 40)}
    with suppress(AkwardenError):
        attempt_issue(world.broker(), APPLICATION)
    world.faults = set()
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert_converged(world, before)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("method", REVOKING)
def test_revocation_killed_for_good_is_finished(method: str, nth: int, after: bool) -> None:
    """I7: it is tried until done, whoever died over it."""
    world = mortal(live())
    foreign(world)
    before = theirs(world)
    world.dies_at = (method, nth, after)
    with suppress(Killed):
        attempt_revocation(world)
    died = world.dead
    world.revive()
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert [] == open_changes(world)
    assert before == theirs(world)
    announced = any(row["event_type"] == "ticket.revoked" for row in world.rows)
    if announced or not died:
        assert ({}, []) == (world.keys, [n for n in world.users if n == APPLICATION.user])
        assert succeeded(world, "ticket.revoked")


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("method", SWEEPING)
def test_sweep_that_fails_at_any_call_is_made_good_by_the_next(method: str, silent: bool) -> None:
    """Every port's call refused or silent on all tries: nothing is lost, the next one goes on."""
    world = abandoned()
    before = theirs(world)
    world.faults = {Fault(method, nth, silent, after=False) for nth in range(1, 60)}
    with suppress(SweepIncomplete):
        sweep(world)
    world.faults = set()
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert_converged(world, before)
    assert before == theirs(world)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("method", SWEEPING)
def test_sweep_killed_at_any_call_is_made_good_by_the_next(method: str, after: bool) -> None:
    """Its own intents get their results too."""
    world = mortal(abandoned())
    before = theirs(world)
    world.dies_at = (method, 1, after)
    with suppress(Killed):
        sweep(world)
    world.revive()
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert_converged(world, before)


def abandoned(grant: Grant = APPLICATION) -> World:
    """An issue that was given up with a key in hand, long ago."""
    world = foreign(quarantined(World()))
    world.faults = {Fault("put_secret_value", 1, True, False),
                    Fault("update_access_key", 1, False, False)}  # fmt: skip
    with pytest.raises(AkwardenError):
        attempt_issue(world.broker(), grant)
    world.faults = set()
    world.calls.clear()
    world.sleep(PAST_THE_GUARD)
    return world


def test_key_that_was_never_stored_goes_with_its_issue() -> None:
    """Dead before deleted, and on record as an end that uses up no ticket."""
    world = abandoned()
    world.log.clear()

    sweep(world)

    assert {} == world.keys
    changes = [kind for kind, *_ in world.log if kind.endswith("AccessKey")]
    assert ["UpdateAccessKey", "DeleteAccessKey"] == changes
    assert 1 == len(succeeded(world, "remains.removed"))
    assert [] == [row for row in world.rows if row["event_type"].startswith("quarantine.")]
    assert isinstance(issue(world), Issued)


@pytest.mark.parametrize("method", ["get_logs", "put_logs"])
def test_without_the_log_nothing_is_changed(method: str) -> None:
    """Nobody knows then what is ours."""
    world = abandoned()
    world.log.clear()
    world.faults = {Fault(method, nth, True, False) for nth in range(1, 60)}

    with pytest.raises(SweepIncomplete):
        sweep(world)

    assert [] == [kind for kind, *_ in world.log if kind in WRITES.values() or "Delete" in kind]


def test_young_remains_are_left_alone() -> None:
    """They may be those of a run that goes on."""
    world = foreign(quarantined(World()))
    world.faults = {Fault("create_access_key", 1, True, True)}
    with pytest.raises(CloudUnknown):
        attempt_issue(world.broker(), APPLICATION)
    world.faults = set()
    world.sleep(TERMS.lasts_seconds - 1)
    world.log.clear()

    run = sweep(world)

    assert [] == [kind for kind, *_ in world.log if kind in WRITES.values()]
    assert 1 == run.counts["leave"]


def unheard_issue() -> World:
    """A grant that works, and nothing of it on record but what was announced."""
    world = quarantined(World())
    world.faults = {Fault("put_logs", nth, False, False) for nth in range(2, 9)}
    with pytest.raises(AkwardenError):
        attempt_issue(world.broker(), APPLICATION)
    world.faults = set()
    return world


def test_late_result_of_a_grant_that_works() -> None:
    """The results could not be written: the grant stays, and its ticket counts as used."""
    world = unheard_issue()
    world.sleep(PAST_THE_GUARD)
    keys = set(world.keys)

    sweep(world)

    assert keys == set(world.keys)
    (row,) = succeeded(world, "key.issued")
    intent = next(r for r in world.rows if r["event_type"] == "key.issued")
    assert (intent["change_id"], intent["operation_id"]) == (row["change_id"], row["operation_id"])
    assert row["message"].startswith("late; found by cleanup")
    assert [row["access_key_id"]] == list(keys)
    assert [] == succeeded(world, "remains.removed")


@pytest.mark.parametrize("announced", [True, False], ids=["a lost answer's", "somebody's"])
def test_second_key_of_a_grant_that_works_goes_if_it_was_announced(announced: bool) -> None:
    """One that nobody announced was made by hand, and may be in use: it is told."""
    world = unheard_issue()
    if not announced:
        world.sleep(TERMS.lasts_seconds + CLOCKS_APART.total_seconds() + 1)
    world.keys["LTAI5tSecond"] = Key("LTAI5tSecond", APPLICATION.user, world.now, world.now)
    world.sleep(PAST_THE_GUARD)

    run = sweep(world)

    assert announced == ("LTAI5tSecond" not in world.keys)
    told = [] if announced else [Finding("key/LTAI5tSecond", "key_not_ours")]
    assert told == [finding for finding in run.findings if finding.thing.startswith("key/")]


def test_key_from_a_lost_answer_beside_a_grant_that_lives() -> None:
    """Only that key: the stored one is not touched."""
    world = quarantined(World())
    assert isinstance(issue(world), Issued)
    stored = set(world.keys)
    record = audit.attempt(
        Subject("standard-webhooks", "REQ-1042", "orders", "prod"), "op-" + "0" * 24,
        fc_request_id="1", fc_function="akw-issue", account_id="1", region="r", trigger="t",
        broker_version="0",
    )  # fmt: skip
    made = audit.Change("key.created", "ram", "CreateAccessKey")
    world.rows += record.intents([made], world.now)
    world.broker().ram.create_access_key(APPLICATION.user)
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert stored == set(world.keys)
    assert 1 == len(succeeded(world, "key.deleted"))
    assert "Active" == world.keys[next(iter(stored))].status


def test_key_whose_secret_was_deleted_is_told_and_kept() -> None:
    """Its version is not there to be read: that is no evidence that it was never stored."""
    world = quarantined(World())
    assert isinstance(issue(world), Issued)
    del world.secrets[APPLICATION.secret]
    world.sleep(PAST_THE_GUARD)

    run = sweep(world, quick=False)

    assert 1 == len(world.keys)
    assert f"secret/{APPLICATION.secret}" in {finding.thing for finding in run.findings}


def test_records_of_a_user_who_is_gone_are_removed() -> None:
    """Deleted by hand: its policy and secret go, and the ticket stays used."""
    world = foreign(quarantined(World()))
    assert isinstance(issue(world), Issued)
    del world.users[APPLICATION.user]
    world.keys.clear()
    world.attached.clear()
    world.sleep(PAST_THE_GUARD)

    sweep(world, quick=False)

    assert APPLICATION.policy not in world.policies
    assert APPLICATION.secret not in world.secrets
    assert not isinstance(issue(world), Issued)


@pytest.mark.parametrize("event", ["user.created", "policy.created", "secret.reserved"])
def test_what_the_log_does_not_prove_is_not_touched(event: str) -> None:
    """Marks can be copied; the intent of making it cannot."""
    world = abandoned()
    world.rows = [row for row in world.rows if row["event_type"] != event]

    run = sweep(world)

    left = {"user.created": APPLICATION.user in world.users,
            "policy.created": APPLICATION.policy in world.policies,
            "secret.reserved": APPLICATION.secret in world.secrets}  # fmt: skip
    assert left[event]
    assert "not_proved_ours" in {finding.reason for finding in run.findings}


@pytest.mark.parametrize("tags", [{}, {"akw:ticket": "REQ-9999"}, None])
def test_live_grant_survives_a_lost_tag(tags: dict[str, str] | None) -> None:
    """One tag of its user, or the row of its making, is all that is missing: no secret is deleted
    while a user of that name stands there. It is told."""
    world = quarantined(World())
    assert isinstance(issue(world), Issued)
    user = world.users[APPLICATION.user]
    if tags is not None:
        world.users[user.name] = replace(user, tags={**user.tags, **tags} if tags else {})
    else:
        world.rows = [row for row in world.rows if row["event_type"] != "user.created"]
        world.policies.pop(APPLICATION.policy)  # or nobody would look at it
    world.sleep(PAST_THE_GUARD)

    run = sweep(world, quick=False)

    assert [APPLICATION.secret] == list(world.secrets)
    assert "Active" == next(iter(world.keys.values())).status
    assert f"secret/{APPLICATION.secret}" in {finding.thing for finding in run.findings}


def test_copied_tags_of_a_revoked_ticket_end_nothing() -> None:
    """Whoever tags a user of theirs with an ended ticket has not had it announced at that name."""
    world = foreign(live())
    attempt_revocation(world)
    world.sleep(PAST_THE_GUARD)
    tags = {"akw:source": "standard-webhooks", "akw:ticket": "REQ-1042"}
    theirs_too = User("id-t", "akw-theirs-prod", tags, world.now)
    world.users[theirs_too.name] = theirs_too
    world.sleep(PAST_THE_GUARD)
    before = theirs(world)

    run = sweep(world, quick=False)

    assert before == theirs(world)
    assert "finish revocation" not in run.counts
    assert ("user/akw-theirs-prod", "not_proved_ours") in {
        (finding.thing, finding.reason) for finding in run.findings
    }


def test_revocation_that_could_only_deny_is_finished() -> None:
    """The log was down to the end: the quarantine is the record."""
    world = live()
    world.faults = {Fault("put_logs", nth, False, False) for nth in range(1, 9)}
    with pytest.raises(AkwardenError):
        attempt_revocation(world)
    world.faults = set()
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert ({}, {}) == (world.keys, world.users)
    assert 1 == len(succeeded(world, "ticket.revoked"))


@pytest.mark.parametrize("reason", ["leaked", "offboarded", "ended"])
def test_finished_revocation_keeps_its_reason(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a leak demands is not forgotten by whoever goes on."""
    world = live(faults={Fault("delete_user", 1, False, False)})
    with pytest.raises(AkwardenError):
        attempt_revocation(world)
    world.faults = set()
    world.rows = [dict(r) | ({"reason": reason} if r["event_type"] == "ticket.revoked" else {})
                  for r in world.rows]  # fmt: skip
    world.sleep(PAST_THE_GUARD)
    seen: list[str] = []
    revoke = revocation.revoke
    monkeypatch.setattr(revocation, "revoke", lambda broker, target, record: (
        seen.append(target.reason), revoke(broker, target, record)))  # fmt: skip

    sweep(world)

    assert [reason] == seen


def test_unfinished_revocation_tells_its_age() -> None:
    """I7: a user that cannot be deleted is tried by every sweep, and grows old visibly."""
    world = live(faults={Fault("delete_user", nth, False, False) for nth in range(1, 99)})
    with pytest.raises(AkwardenError):
        attempt_revocation(world)
    world.sleep(PAST_THE_GUARD)
    with pytest.raises(SweepIncomplete):
        cleanup.sweep(run_of(world))
    run = run_of(world)

    with pytest.raises(SweepIncomplete):
        cleanup.sweep(run)

    assert run.oldest_revocation_seconds >= PAST_THE_GUARD
    told = [row for row in world.rows if row["reason"] == "revocation_unfinished"]
    assert 1 == len(told)


def noted(world: World) -> None:
    """The source delivers the approval again: refused, as a note."""
    record = audit.attempt(
        Subject("standard-webhooks", "REQ-1042", "orders", "prod"), "op-" + "3" * 24,
        fc_request_id="1", fc_function="akw-issue", account_id="1", region="r", trigger="webhook",
        broker_version="0",
    )  # fmt: skip
    world.rows += record.note("ticket.rejected", world.now, outcome="failure", reason="r")


def test_refused_deliveries_do_not_keep_a_revocation_young() -> None:
    """Whoever repeats an approval every two minutes does nothing about its ticket."""
    world = live(faults={Fault("delete_user", 1, False, False)})
    with pytest.raises(AkwardenError):
        attempt_revocation(world)
    world.faults = set()
    world.sleep(PAST_THE_GUARD)
    noted(world)

    sweep(world)

    assert ({}, {}) == (world.keys, world.users)


def test_revocation_that_is_left_tells_its_age() -> None:
    """Tried again and again by others, and never done: the sweep leaves it to them, visibly."""
    world = live(faults={Fault("delete_user", nth, False, False) for nth in range(1, 99)})
    for _ in range(3):
        with pytest.raises(AkwardenError):
            attempt_revocation(world)
        world.sleep(PAST_THE_GUARD - 60)

    run = sweep(world)

    assert 1 == run.counts["leave"]
    assert run.oldest_revocation_seconds >= 2 * PAST_THE_GUARD
    assert ["revocation_unfinished"] == [finding.reason for finding in run.findings]


def test_findings_are_written_once_a_day() -> None:
    """Every ten minutes anew they would be read by nobody."""
    world = foreign(quarantined(World()))
    world.sleep(PAST_THE_GUARD)
    for _ in range(3):
        sweep(world)
    once = [row["resources"] for row in world.rows if row["event_type"] == audit.FINDING]

    world.sleep(25 * 3600)
    sweep(world)

    assert sorted(set(once)) == sorted(once)
    assert "user/akw-theirs-prod" in once
    assert 2 * len(once) == len([r for r in world.rows if r["event_type"] == audit.FINDING])


def test_dry_run_changes_nothing_and_says_all() -> None:
    """The plan is what the sweep would do."""
    world = abandoned()
    world.log.clear()

    run = sweep(world, dry_run=True)

    assert [] == [entry for entry in world.log if entry[0] != "ListAccessKeys"]
    kinds = {line[0] for line in run.lines}
    assert {"remove remains", "release lease", "finding"} <= kinds


def test_time_that_runs_out_stops_a_sweep_cleanly() -> None:
    """Nothing new is begun so late; the next sweep goes on."""
    world = abandoned()
    before = theirs(world)
    world.log.clear()

    run = sweep(world, remaining_seconds=lambda: 119.0)

    assert [] == [kind for kind, *_ in world.log if kind in WRITES.values()]
    assert run.counts["postponed"] > 0
    sweep(world)
    assert_converged(world, before)


def test_many_candidates_are_done_by_several_runs_each_within_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Resumable: what one run does not begin, a later one does; none works in the last 30 s."""
    monkeypatch.setattr(sweeps, "WORKERS", 1)  # waits side by side would add up on this clock
    world = quarantined(World())
    for number in range(20):
        grant = grant_of(approved_ticket(application=f"app{number}", id=f"REQ-{number}"))
        world.faults = {Fault("create_access_key", number + 1, True, True)}
        with pytest.raises(AkwardenError):
            attempt_issue(world.broker(), grant)
    world.faults = set()
    world.sleep(PAST_THE_GUARD)
    postponed: list[int] = []

    for _ in range(40):
        began = world.now
        end = began + timedelta(seconds=150)
        run = sweep(world, remaining_seconds=lambda at=end: (at - world.now).total_seconds())
        assert (world.now - began).total_seconds() <= 150 - 30
        postponed.append(run.counts["postponed"])
        if not world.users and not world.keys:
            break

    assert postponed[0] > 0
    assert ({}, {}, {}) == (world.users, world.keys, world.secrets)


def test_grant_of_the_next_ticket_is_not_the_last_ones() -> None:
    """A revocation that never got its end on record, and the name given anew since."""
    world = live(faults={Fault("put_logs", 4, False, False)})
    with suppress(AkwardenError):
        attempt_revocation(world)
    world.faults = set()
    world.rows = [row for row in world.rows
                  if (row["event_type"], row["phase"]) != ("ticket.revoked", "result")]  # fmt: skip
    world.sleep(PAST_THE_GUARD)
    assert isinstance(issue(world, grant_of(approved_ticket(id="REQ-2000"))), Issued)
    keys = set(world.keys)
    world.sleep(PAST_THE_GUARD)

    run = sweep(world)

    assert keys == set(world.keys)
    assert "Active" == world.keys[next(iter(keys))].status
    assert [] == run.findings
    assert 1 == len(succeeded(world, "ticket.revoked"))


def test_stricter_revocation_after_a_mild_one_is_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ended as withdrawn may have to be ended as leaked: that one's own end counts."""
    world = live()
    attempt_revocation(world)
    world.sleep(10)
    rows = [dict(row) for row in world.rows if row["event_type"] == "ticket.revoked"]
    world.rows.append(next(row for row in rows if row["phase"] == INTENT) | {
        "reason": "leaked", "change_id": "another", "event_id": "another",
        "time_ms": str(int(world.now.timestamp() * 1000)),
    })  # fmt: skip
    world.sleep(PAST_THE_GUARD)
    seen: list[str] = []
    monkeypatch.setattr(
        revocation, "revoke", lambda broker, target, record: seen.append(target.reason)
    )

    sweep(world)

    assert ["leaked"] == seen


def test_held_lease_means_somebody_is_at_work() -> None:
    """What stands under it is left to them."""
    world = abandoned()
    for name in [n for n in world.policies if "lock" in n]:
        del world.policies[name]
    broker = world.broker()
    leases.take(broker.ram, "orders-prod", "op-1", TERMS, now=broker.now, sleep=broker.sleep)

    run = sweep(world)

    assert APPLICATION.user in world.users
    assert "at_work" in {line[2] for line in run.lines}


@pytest.mark.parametrize("ahead", [timedelta(hours=1), timedelta(days=36_500)])
def test_marker_dated_far_ahead_is_told(ahead: timedelta) -> None:
    """Whether it is believed for a while or not at all: no lease of ours lasts so long."""
    world = quarantined(World())
    name = naming.lease_name("orders-prod", 1)
    until = (world.now + timedelta(seconds=PAST_THE_GUARD) + ahead).timestamp()
    world.policies[name] = PolicyState(name, json.dumps({"holder": "x", "until": until}), "{}")
    world.made[name] = world.now
    world.sleep(PAST_THE_GUARD)

    run = sweep(world)

    assert [Finding("policy/akw-lock-orders-prod", "marker_far_ahead")] == run.findings


def test_revocation_goes_on_past_a_marker_dated_far_ahead() -> None:
    """One policy of anybody's does not block an application for ever: the sweep finishes."""
    world = live(faults={Fault("delete_user", 1, False, False)})
    with pytest.raises(AkwardenError):
        attempt_revocation(world)
    world.faults = set()
    name = naming.lease_name("orders-prod", 1)
    until = (world.now + timedelta(days=36_500)).timestamp()
    world.policies[name] = PolicyState(name, json.dumps({"holder": "x", "until": until}), "{}")
    world.made[name] = world.now
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert ({}, {}) == (world.keys, world.users)


def open_order(world: World, **more: Any) -> None:
    """An order by leak, over grants `x0` … of alice, that was carried out in vain."""
    with pytest.raises(AkwardenError):
        bulk.run(world, bulk.EVERYTHING, reason="leaked", **more)


def test_order_that_was_tried_again_after_its_refusal_is_open() -> None:
    """Refused for its size, given again with a higher limit, and stopped for want of time: the
    newest attempt says that it is not over, and its text is the one that counts."""
    world = bulk.grants("a", "b", "c")
    bulk.run(world, cap=2)
    world.sleep(60)
    with pytest.raises(AkwardenError):
        bulk.run(world, at_most=3, cap=2, seconds=lambda: 1.0)
    world.sleep(PAST_THE_GUARD)

    sweep(world, revoke_cap=2)

    assert ["others"] == bulk.left(world)


def test_order_sits_out_no_lease_in_a_sweep() -> None:
    """Another run is at work on what it would end: the sweep has more to do than to wait."""
    world = bulk.grants("a")
    open_order(world, seconds=lambda: 1.0)
    world.sleep(PAST_THE_GUARD)
    broker = world.broker()
    leases.take(broker.ram, "a-prod", "op-1", TERMS, now=broker.now, sleep=broker.sleep)
    began = world.now

    with pytest.raises(SweepIncomplete):
        sweep(world)

    patience = timedelta(seconds=revocation.LEASE_PATIENCE_SECONDS)
    assert world.now - began < 2 * patience


class DeafSts(FakeSts):
    """Proves nothing: whoever waits for it waits for the whole lag, and in vain."""

    def get_caller_identity(self, access_key_id: str, secret: Secret) -> str:
        raise CloudUnknown("GetCallerIdentity")


def test_order_that_never_ends_keeps_no_candidate_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it takes of a sweep's time: the sweep that begins with others finishes them."""
    monkeypatch.setattr(sweeps, "WORKERS", 1)  # waits side by side would add up on this clock
    monkeypatch.setattr(order_runs, "WORKERS", 1)
    world = bulk.grants(*(f"x{number}" for number in range(6)))
    open_order(world, sts=DeafSts(world), seconds=lambda: 600.0)
    bulk.add_grant(world, "late", requester="bob")
    world.attached.add((naming.QUARANTINE_POLICY, "akw-late-prod"))
    made = attempt_of("T-late", "late").intents([audit.Change("user.created", "", "")], world.now)
    world.rows += made
    world.sleep(3600)

    for _ in range(6):
        end = world.now + timedelta(seconds=300)
        run = run_of(world, remaining_seconds=lambda at=end: (at - world.now).total_seconds())
        run.broker = world.broker(sts=DeafSts(world))
        with suppress(SweepIncomplete):
            cleanup.sweep(run)
        world.sleep(600 - (300 - (end - world.now).total_seconds()))

    assert "akw-late-prod" not in world.users


def attempt_of(ticket_id: str, application: str) -> audit.Attempt:
    return audit.attempt(
        Subject(bulk.SOURCE, ticket_id, application, "prod"), "op-" + "2" * 24,
        fc_request_id="1", fc_function="akw-issue", account_id="1", region="r", trigger="t",
        broker_version="0",
    )  # fmt: skip


def ticket_markers(world: World) -> list[str]:
    lease = naming.ticket_lease("standard-webhooks", "REQ-1042")
    return [name for name in world.policies if name.startswith(f"akw-lock-{lease}")]


def test_marker_above_a_gap_is_removed_too() -> None:
    """Its holder died between giving back the lower one and its own."""
    world = abandoned()
    (name,) = ticket_markers(world)
    above = name.removesuffix("1") + "2"
    world.policies[above] = replace(world.policies.pop(name), name=above)
    world.made[above] = world.made[name]

    sweep(world)

    assert [] == ticket_markers(world)


def test_young_remains_without_a_lease_are_left_alone() -> None:
    """The age guard alone holds: a retry of the run may be on its way."""
    world = foreign(quarantined(World()))
    world.faults = {Fault("create_access_key", 1, False, False)}
    with pytest.raises(CloudRefused):
        attempt_issue(world.broker(), APPLICATION)
    world.faults = set()
    assert [] == ticket_markers(world)
    world.sleep(TERMS.lasts_seconds - 1)

    run = sweep(world)

    assert APPLICATION.user in world.users
    assert [("leave", "young")] == [(line[0], line[2]) for line in run.lines if "REQ" in line[1]]


def test_work_between_plan_and_lease_stops_the_removal() -> None:
    """An issue that came in between has made something of it: nothing is removed."""
    world = mortal(abandoned())
    carry_out = world.call

    def call(method: str, action: Callable[[], Any], *about: object) -> Any:
        if method == "create_policy" and not world.calls["create_policy"]:
            row = next(row for row in world.rows if row["event_type"] == "user.created")
            world.rows.append({**row, "event_id": "new", "change_id": "new",
                               "time_ms": str(int(world.now.timestamp() * 1000))})  # fmt: skip
        return carry_out(method, action, *about)

    world.call = call  # type: ignore[method-assign]

    with pytest.raises(SweepIncomplete):
        sweep(world)

    assert APPLICATION.user in world.users
    assert 1 == len(world.keys)


@pytest.mark.parametrize(("port", "method"), [
    (FakeIms, "get_user"), (FakeKms, "describe_secret"), (FakeKms, "list_secret_version_ids"),
])  # fmt: skip
def test_what_one_read_does_not_show_is_not_gone(
    port: type, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I6: the list has it, the read of itself has not: one of the two is not up to date."""
    world = quarantined(World())
    assert isinstance(issue(world), Issued)
    world.rows = [row for row in world.rows if row["event_type"] != "key.issued"]
    world.sleep(PAST_THE_GUARD)
    monkeypatch.setattr(port, method, lambda self, name: None)
    if method == "get_user":  # keys of a user that is not there are a failure by themselves
        monkeypatch.setattr(FakeRam, "list_access_keys", lambda self, name: None)

    run = sweep(world)

    assert (1, 1, 1) == (len(world.users), len(world.keys), len(world.secrets))
    assert "reads_disagree" in {line[2] for line in run.lines}


def test_one_failing_candidate_stops_no_other() -> None:
    """All failures are raised together."""
    world = abandoned()
    world.faults = {Fault("list_access_keys", nth, False, False) for nth in range(1, 9)}

    with pytest.raises(SweepIncomplete):
        sweep(world)

    assert [] == ticket_markers(world)


@pytest.mark.parametrize("code", ["", "revocation_incomplete", "over_the_cap"])
def test_open_order_is_carried_out_again_and_its_intent_answered(code: str) -> None:
    """With the very text that is on record; one that was refused for its size is over."""
    world = live()
    order = orders.Order("leak-1", "withdrawn", Selector("application", application="orders"),
                         None, "carol")  # fmt: skip
    record = audit.attempt(
        Subject("", "", "", ""), order.operation_id, fc_request_id="1", fc_function="akw-revoke",
        account_id="1", region="r", trigger=order.trigger, broker_version="0",
    )  # fmt: skip
    ordered = audit.Change(orders.EVENT, "", "", resource=orders.as_text(order))
    world.rows += record.intents([ordered], world.now)
    record.outcomes[ordered] = audit.Outcome("failure", code=code)
    if code:
        world.rows += record.results(world.now)
    else:  # it had begun with the grant
        world.rows += audit.attempt(
            Subject("standard-webhooks", "REQ-1042", "orders", "prod"), "op-" + "1" * 24,
            fc_request_id="1", fc_function="akw-revoke", account_id="1", region="r",
            trigger=order.trigger, broker_version="0",
        ).intents([revocation.ENDING], world.now)  # fmt: skip
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert (code == "over_the_cap") == bool(world.users)
    assert [] == open_changes(world)
    assert (code != "over_the_cap") == bool(succeeded(world, orders.EVENT))


def test_self_service_policy_without_its_attachment_is_removed() -> None:
    """Its user is not ours, and stays."""
    world = foreign(quarantined(World()))
    world.users[SELF_SERVICE.user] = User("id-heidi", SELF_SERVICE.user, {}, world.now)
    world.faults = {Fault("attach_policy_to_user", 1, False, False)}
    with pytest.raises(AkwardenError):
        attempt_issue(world.broker(), SELF_SERVICE)
    world.faults = set()
    world.sleep(PAST_THE_GUARD)

    sweep(world)

    assert SELF_SERVICE.policy not in world.policies
    assert SELF_SERVICE.user in world.users


@pytest.mark.parametrize("revoked", [False, True])
@pytest.mark.parametrize("killed", [False, True])
def test_issue_of_which_nothing_is_left_is_looked_at_no_more(killed: bool, revoked: bool) -> None:
    """Refused after its intents, or dead before it made anything: the log says so once, and the
    ticket is unused and no candidate any more."""
    world = mortal(quarantined(World()))
    if killed:
        world.dies_at = ("create_user", 1, False)
    else:
        world.faults = {Fault("create_user", nth, False, False) for nth in range(1, 9)}
    with suppress(AkwardenError, Killed):
        attempt_issue(world.broker(), APPLICATION)
    world.revive()
    if revoked:  # under another name
        record = attempt_of("REQ-1042", "others")
        record.outcomes[revocation.ENDING] = audit.Outcome("success")
        world.rows += [*record.intents([revocation.ENDING], world.now), *record.results(world.now)]
    for _ in range(3):
        world.sleep(PAST_THE_GUARD)
        run = sweep(world)

    assert [] == [line for line in run.lines if line[0] != "finding"]
    assert 1 == len(succeeded(world, "remains.removed"))
    assert [] == open_changes(world)
    assert revoked or isinstance(issue(world), Issued)


def test_finished_world_gives_a_sweep_nothing_to_do() -> None:
    """A quiet sweep reads pages, and not one user."""
    world = quarantined(World())
    assert isinstance(issue(world), Issued)
    world.sleep(PAST_THE_GUARD)
    world.calls.clear()
    world.log.clear()

    run = sweep(world)

    assert [] == run.lines
    assert 0 == world.calls["get_user"]
    assert [SUCCESS] == [row["outcome"] for row in succeeded(world, "key.issued")]
