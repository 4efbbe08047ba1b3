"""A revocation that leaves nothing to restore, broken at every call: it ends purged and proved."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from shared import audit, reasons, revocation, tickets
from shared.errors import (
    AkwardenError,
    CloudRefused,
    CloudUnknown,
    KeyStillKnown,
    LeaseHeld,
    RevocationIncomplete,
    StateChanged,
)
from shared.ports import User
from shared.refusals import Denied
from shared.resumption import Issued
from shared.revocation import Revoked
from tests.unit.fakes import REVOKING_WRITES, WRITES, FakeIms, FakeSts, Fault, World
from tests.unit.samples import self_service_ticket
from tests.unit.test_issuance import APPLICATION, SELF_SERVICE
from tests.unit.test_issuance import run as issue
from tests.unit.test_revocation import (
    CUTS,
    OPERATION,
    REMOVALS,
    WITHDRAWN,
    assert_nothing_left,
    ending,
    live,
    quarantined,
    ticket,
)
from tests.unit.test_revocation import run as withdraw

BIN_CALLS = (
    "list_users_in_recycle_bin", "list_access_keys_in_recycle_bin",
    "delete_access_key_in_recycle_bin", "delete_user_in_recycle_bin", "get_caller_identity",
)  # fmt: skip
FAULTS = [
    Fault(method, nth, silent, after)
    for method in (*BIN_CALLS, "put_logs", "delete_access_key", "delete_user", "get_logs")
    for nth in (1, 2, 3, 4)
    for silent in (False, True)
    for after in (False, True)
]
DYING = (
    "delete_access_key", "delete_access_key_in_recycle_bin", "delete_user",
    "delete_user_in_recycle_bin", "delete_secret", "get_caller_identity", "put_logs",
)  # fmt: skip


def attempt(world: World, reason: str = reasons.LEAKED, **ports: Any) -> Revoked | Denied:
    """One run for that reason, as FC would start it."""
    record = audit.attempt(
        audit.Subject.of(WITHDRAWN), OPERATION, fc_request_id="1-request",
        fc_function="akw-revoke", account_id="1234567890123456", region="cn-hangzhou",
        trigger="webhook", broker_version="0",
    )  # fmt: skip
    return revocation.by_ticket(world.broker(**ports), WITHDRAWN, record, reason=reason)


def run(world: World, reason: str = reasons.LEAKED) -> Revoked:
    """Attempts until one ends, with the patience of the handler between them."""
    for _ in range(60):
        try:
            outcome = attempt(world, reason)
        except LeaseHeld as held:
            world.sleep(max(1.0, (held.until - world.now).total_seconds() + 1))
        except AkwardenError:
            world.sleep(1)
        else:
            assert isinstance(outcome, Revoked)
            return outcome
    pytest.fail("the revocation never ended")


def assert_nothing_restorable(world: World) -> None:
    assert_nothing_left(world)
    assert ([], {}) == (world.recycled_users, world.recycled_keys)
    [key_id] = world.deleted_at
    proofs = [row for row in world.rows if row["event_type"] == "key.proved_gone"]
    assert (key_id, "success", "InvalidAccessKeyId.NotFound") == (
        proofs[-1]["access_key_id"], proofs[-1]["outcome"], proofs[-1]["error_code"]
    )  # fmt: skip
    assert "success" == ending(world)[-1]


def changes(world: World) -> list[str]:
    """The API calls that a run sent to change something, in order."""
    sent = {*WRITES.values(), *REVOKING_WRITES.values()}
    return [kind for kind, *_ in world.log if kind in sent]


@pytest.mark.parametrize("reason", [reasons.LEAKED, reasons.OFFBOARDED])
def test_leaked_and_offboarded_leave_nothing_to_restore(reason: str) -> None:
    """Key and user are purged, and STS has said that the key does not exist."""
    world = live()

    run(world, reason)

    assert_nothing_restorable(world)
    assert {reason} == {row["reason"] for row in world.rows if row["operation_id"] == OPERATION}


@pytest.mark.parametrize("reason", [reasons.ENDED, reasons.WITHDRAWN])
def test_ended_and_withdrawn_can_be_undone(reason: str) -> None:
    """Nothing is purged and nothing is asked for: a mistake can be put right for 30 days."""
    world = live()

    run(world, reason)

    assert_nothing_left(world)
    assert [APPLICATION.user] == [user.name for user in world.recycled_users]
    assert 1 == len(world.recycled_keys)
    assert not set(BIN_CALLS) & set(world.calls)


def test_keys_are_purged_before_the_user_goes_and_the_user_before_the_secret() -> None:
    """The order of the design: nothing says that a purged user's keys are gone."""
    world = live()

    run(world)

    order = [call for call in changes(world) if call not in ("UpdateAccessKey", "CreatePolicy")]
    wanted = ["DeleteAccessKey", "DeleteAccessKeyInRecycleBin", "DeleteUser",
              "DeleteUserInRecycleBin", "DeleteSecret"]  # fmt: skip
    assert wanted == [call for call in order if call in wanted]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f"{f.method}-{f.nth}-{f.silent}-{f.after}")
def test_any_one_failure_is_survived(fault: Fault) -> None:
    """Refused or silent, before or after the change: the next attempts purge and prove."""
    world = live(faults={fault})

    run(world)

    assert_nothing_restorable(world)


class Dying:
    """A port that ends the function at the `nth` call of one method, before or after it."""

    def __init__(self, port: Any, method: str, nth: int, *, after: bool) -> None:
        self._port, self._method, self._nth, self._after = port, method, nth, after

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        if name != self._method:
            return call

        def killed(*args: Any, **more: Any) -> Any:
            if self._port.world.calls[name] + 1 != self._nth:
                return call(*args, **more)
            if self._after:
                call(*args, **more)
            raise SystemError("killed")

        return killed


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize("method", DYING)
def test_killed_anywhere_it_is_finished_by_the_retry(method: str, nth: int, after: bool) -> None:
    """Above all between DeleteUser and the purge of its entry: only the log names its id then."""
    world = live()
    broker = world.broker()
    ports = {
        name: Dying(getattr(broker, name), method, nth, after=after)
        for name in ("ims", "ram", "kms", "sts", "audit_log")
    }
    with suppress(SystemError):
        attempt(world, **ports)

    run(world)

    assert_nothing_restorable(world)


@pytest.mark.parametrize("method", [*CUTS, *REMOVALS[1:], *BIN_CALLS[2:]])
def test_permanent_failure_is_reported_and_ends_nothing(method: str) -> None:
    """Not purged or not proved is not done, however much else went well."""
    world = live(faults={Fault(method, nth, silent=False, after=False) for nth in range(1, 99)})

    with pytest.raises(AkwardenError):
        attempt(world)

    assert "failure" == ending(world)[-1]
    for key in world.keys.values():
        assert ("Inactive", ("192.0.2.1/32",)) == (key.status, key.network)


def test_quarantine_holds_until_the_deleted_keys_are_not_accepted_any_more() -> None:
    """A key lives on for a lag after its deletion; without any policy its holder could make one."""
    world = live()
    proofs: list[tuple[str, bool]] = []

    class Watched(FakeSts):
        def get_caller_identity(self, access_key_id: str, secret: Any) -> str:
            held = ("akw-quarantine", APPLICATION.user) in world.attached
            try:
                return super().get_caller_identity(access_key_id, secret)
            except CloudRefused as err:
                proofs.append((err.code, held))
                raise

    attempt(world, sts=Watched(world))

    assert proofs[0][0] != "InvalidAccessKeyId.NotFound"  # it was known for a while
    assert ("InvalidAccessKeyId.NotFound", True) == proofs[-1]
    assert_nothing_restorable(world)


def test_user_stays_quarantined_until_its_keys_are_purged() -> None:
    """By its id alone they are found; a failed purge is no reason to let go of it."""
    world = live(faults={Fault("delete_access_key_in_recycle_bin", 1, silent=True, after=False)})

    with pytest.raises(RevocationIncomplete):
        attempt(world)

    assert [APPLICATION.user] == list(world.users)
    assert ("akw-quarantine", APPLICATION.user) in world.attached


def test_user_that_could_not_be_deleted_is_not_purged() -> None:
    """It is not in the bin: "not there" would be on record as its purge."""
    world = live(faults={Fault("delete_user", 1, silent=False, after=False)})

    with pytest.raises(RevocationIncomplete):
        attempt(world)

    [purge] = [row for row in world.rows
               if (row["event_type"], row["phase"]) == ("user.purged", "result")]  # fmt: skip
    assert "skipped" == purge["outcome"]
    assert "DeleteUserInRecycleBin" not in changes(world)


def test_keys_deleted_by_hand_are_purged_too() -> None:
    """Somebody was faster than the revocation: the key lies in the bin and nowhere else."""
    world = live()
    [key_id] = world.keys
    world.broker().ram.delete_access_key(APPLICATION.user, key_id)

    run(world)

    assert_nothing_restorable(world)


def test_user_deleted_by_hand_is_known_by_its_key() -> None:
    """No row names the id, but the log knows the key that lies in the bin under it."""
    world = live()
    [key_id] = world.keys
    ram = world.broker().ram
    ram.delete_access_key(APPLICATION.user, key_id)
    world.attached.clear()
    world.logins.clear()
    world.groups.clear()
    ram.delete_user(APPLICATION.user)

    run(world)

    assert_nothing_restorable(world)


def test_leak_after_a_withdrawal_is_purged_and_proved() -> None:
    """The end on record left everything restorable: it is not the end that a leak needs."""
    world = live()
    withdraw(world)
    assert world.recycled_users

    outcome = run(world)

    assert not outcome.repeated
    assert_nothing_restorable(world)


def test_key_restored_in_between_ends_once_more() -> None:
    """User and key came back by hand: cut, deleted, purged, from the beginning."""
    world = live()
    withdraw(world)
    user = world.recycled_users.pop()
    [key_id] = world.recycled_keys
    del world.recycled_keys[key_id]
    world.users[user.name] = user
    fresh = World(users=dict(world.users))
    key = fresh.broker().ram.create_access_key(user.name)
    world.keys[key_id] = replace(fresh.keys[key.id], id=key_id, created_at=world.now)

    run(world)

    assert_nothing_restorable(world)


def test_user_restored_without_its_tags_is_known_by_its_id() -> None:
    """Nobody documents that tags come back: cut, deleted and purged all the same."""
    world = live()
    withdraw(world)
    user = world.recycled_users.pop()
    [key_id] = world.recycled_keys
    del world.recycled_keys[key_id]
    world.users[user.name] = replace(user, tags={})
    fresh = World(users=dict(world.users))
    key = fresh.broker().ram.create_access_key(user.name)
    world.keys[key_id] = replace(fresh.keys[key.id], id=key_id, created_at=world.now)

    run(world)

    assert_nothing_restorable(world)


def test_leak_ends_under_the_names_that_the_log_remembers() -> None:
    """The delivery names another application, and the user was deleted by hand: its bin is
    searched under the name that the ticket was issued for."""
    world = live()
    [key_id] = world.keys
    ram = world.broker().ram
    ram.delete_access_key(APPLICATION.user, key_id)
    world.attached.clear()
    world.logins.clear()
    world.groups.clear()
    ram.delete_user(APPLICATION.user)
    renamed = ticket(application="renamed", environment="dev")
    record = audit.attempt(
        audit.Subject.of(renamed), OPERATION, fc_request_id="1", fc_function="akw-revoke",
        account_id="1", region="cn-hangzhou", trigger="webhook", broker_version="0",
    )  # fmt: skip

    revocation.by_ticket(world.broker(), renamed, record, reason=reasons.LEAKED)

    assert_nothing_restorable(world)


def test_foreign_user_in_the_bin_is_left_there() -> None:
    """It bore the name before the application did: neither the log nor its keys say it is ours."""
    foreign = User("9000", APPLICATION.user, {})
    world = live()
    world.recycled_users.append(foreign)
    world.recycled_keys["LTAI5tForeign00000000001"] = foreign.id

    run(world)

    assert [foreign] == world.recycled_users
    assert {"LTAI5tForeign00000000001": foreign.id} == world.recycled_keys


def test_repeat_of_a_purged_end_changes_nothing() -> None:
    """Once purged and proved, nothing can come back: no call but reads."""
    world = live()
    run(world)
    before = (len(changes(world)), len(world.rows))

    outcome = run(world)

    assert outcome.repeated
    assert before == (len(changes(world)), len(world.rows))


@pytest.mark.parametrize("code", ["SignatureDoesNotMatch", "InvalidAccessKeyId.Inactive"])
def test_key_that_still_exists_is_not_called_gone(code: str) -> None:
    """Refused is not gone: only the code of a key that does not exist is a proof."""
    world = live()

    class Stubborn(FakeSts):
        def get_caller_identity(self, access_key_id: str, secret: Any) -> str:
            raise CloudRefused("GetCallerIdentity", code, 400, "request-sts")

    with pytest.raises(RevocationIncomplete) as raised:
        attempt(world, sts=Stubborn(world))

    assert [KeyStillKnown] == [type(failure) for failure in raised.value.failures]
    assert ("akw-quarantine", APPLICATION.user) in world.attached
    [proof] = [row for row in world.rows if row["event_type"] == "key.proved_gone"]
    assert ("failure", code) == (proof["outcome"], proof["error_code"])


def test_no_answer_proves_nothing() -> None:
    """I6: a silent STS is unknown."""
    world = live()

    class Silent(FakeSts):
        def get_caller_identity(self, access_key_id: str, secret: Any) -> str:
            raise CloudUnknown("GetCallerIdentity")

    with pytest.raises(RevocationIncomplete):
        attempt(world, sts=Silent(world))

    [proof] = [row for row in world.rows if row["event_type"] == "key.proved_gone"]
    assert ("unknown", "cloud_outcome_unknown") == (proof["outcome"], proof["error_code"])


def test_bin_that_shows_its_entries_late_is_not_called_empty() -> None:
    """A purge that met nothing, and an entry that comes afterwards: found, retried, purged."""
    world = live()

    class Behind(FakeIms):
        def delete_user_in_recycle_bin(self, user_id: str) -> str:
            hidden, self.world.recycled_users = self.world.recycled_users, []
            try:
                return super().delete_user_in_recycle_bin(user_id)
            finally:
                self.world.recycled_users = hidden

    with pytest.raises(RevocationIncomplete) as raised:
        attempt(world, ims=Behind(world))
    assert [StateChanged] == [type(failure) for failure in raised.value.failures]

    run(world)

    assert_nothing_restorable(world)


def test_user_whose_bin_cannot_be_listed_yet_stays() -> None:
    """I6: "no such user" about a user that is there is lag, not an empty bin."""
    world = live()

    class Behind(FakeIms):
        def list_access_keys_in_recycle_bin(self, user_id: str) -> Sequence[str] | None:
            return None

    with pytest.raises(RevocationIncomplete, match="deleted keys cannot be listed"):
        attempt(world, ims=Behind(world))

    assert [APPLICATION.user] == list(world.users)


def test_policy_held_elsewhere_is_left_and_flagged() -> None:
    """A leak purges what was this ticket's, and touches nobody else."""
    world = live()
    world.users["bob"] = User("77", "bob", {})
    world.attached.add((APPLICATION.policy, "bob"))

    outcome = run(world)

    assert (f"policy {APPLICATION.policy} is held by user/bob too",) == outcome.left
    assert ["bob"] == list(world.users)
    assert {(APPLICATION.policy, "bob")} == world.attached
    assert ([], {}) == (world.recycled_users, world.recycled_keys)


def test_self_service_has_nothing_to_purge() -> None:
    """The user is not ours, nor is what it has deleted itself."""
    world = quarantined(World(users={"heidi": User("7", "heidi", {})}))
    world.recycled_keys["LTAI5tHeidi000000000001"] = "7"
    assert isinstance(issue(world, SELF_SERVICE), Issued)
    withdrawn = tickets.parse(self_service_ticket(status="revoked"), source="standard-webhooks")
    assert isinstance(withdrawn, tickets.Ticket)
    record = audit.attempt(
        audit.Subject.of(withdrawn), OPERATION, fc_request_id="1", fc_function="akw-revoke",
        account_id="1", region="cn-hangzhou", trigger="webhook", broker_version="0",
    )  # fmt: skip

    outcome = revocation.by_ticket(world.broker(), withdrawn, record, reason=reasons.LEAKED)

    assert isinstance(outcome, Revoked)
    assert ["heidi"] == list(world.users)
    assert {"LTAI5tHeidi000000000001": "7"} == world.recycled_keys
    assert not set(BIN_CALLS) & set(world.calls)


def test_application_with_a_new_grant_keeps_it_when_the_old_one_leaks() -> None:
    """The old user lies in the bin, another ticket's user bears the name: only the old one goes."""
    world = live()
    withdraw(world)
    old = world.recycled_users[0].id
    user = User("4242", APPLICATION.user, dict(APPLICATION.tags) | {"akw:ticket": "REQ-2000"})
    world.users[APPLICATION.user] = user

    outcome = run(world)

    assert old != user.id
    assert [user] == list(world.users.values())
    assert ([], {}) == (world.recycled_users, world.recycled_keys)
    assert f"user {APPLICATION.user} is another ticket's" in outcome.left
