"""Orders carried out on the fakes: denied first, one by one on record, past every failure."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from shared import audit, bulk_revocation, naming, orders
from shared.bulk_revocation import carry_out, unreadable_leak
from shared.errors import AkwardenError, CloudError, OutOfTime, RevocationIncomplete
from shared.order_runs import Carried
from shared.orders import Order, Selector
from shared.ports import PolicyState, SecretState, User
from shared.refusals import Denied
from tests.unit.fakes import TERMS, FakeAuditLog, FakeIms, Fault, Key, World

SOURCE = "standard-webhooks"
EVERYTHING = Selector("requester", requester="alice")
open_record = partial(
    audit.attempt, fc_request_id="1-request", fc_function="akw-revoke", trigger="order",
    account_id="1234567890123456", region="cn-hangzhou", broker_version="0",
)  # fmt: skip


def add_grant(world: World, application: str, requester: str = "alice") -> str:
    """A whole grant as issuing leaves it; its AccessKey id."""
    name, key_id = f"akw-{application}-prod", f"LTAI5tFake{world.number():014}"
    facts = {"source": SOURCE, "ticket": f"T-{application}"}
    tags = facts | {"format": "1", "mode": "application", "requester": requester}
    world.users[name] = User(
        f"id-{name}", name, {f"akw:{k}": v for k, v in tags.items()}, world.now
    )
    world.policies[name] = PolicyState(name, '{"akw":"1"}', "{}")
    world.attached.add((name, name))
    world.keys[key_id] = Key(key_id, name, world.now, world.now)
    secret = naming.secret_name(application, "prod")
    world.secrets[secret] = SecretState(secret, {f"akw:{k}": v for k, v in facts.items()}, "")
    world.versions[secret] = {key_id: {naming.CURRENT_STAGE}}
    return key_id


def grants(*applications: str) -> World:
    """A world with these grants, long since made, and one of somebody else's."""
    world = World()
    name = naming.QUARANTINE_POLICY
    world.policies[name] = PolicyState(name, "the end of a grant", "{}")
    for application in applications:
        add_grant(world, application)
    add_grant(world, "others", requester="bob")
    world.sleep(3600)
    return world


def run(
    world: World, selector: Selector = EVERYTHING, *, reason: str = "ended",
    at_most: int | None = None, cap: int = 25, seconds: Callable[[], float] = lambda: 600.0,
    **ports: Any,
) -> Carried | Denied:  # fmt: skip
    order = Order("O-1", reason, selector, at_most, "carol")
    return carry_out(world.broker(**ports), order, open_record, cap=cap, remaining_seconds=seconds)


def left(world: World) -> list[str]:
    """Applications of which anything is left; leases that were in doubt end by themselves."""
    names = {*world.users, *(n.replace("/", "-") for n in world.secrets), *world.policies}
    return sorted({name.split("-")[1] for name in names} - {"quarantine", "lock"})


def rows_of(world: World, event_type: str, phase: str = "result") -> list[Any]:
    return [r for r in world.rows if (r["event_type"], r["phase"]) == (event_type, phase)]


def test_all_that_is_selected_goes_and_nothing_else() -> None:
    """Each grant with its own record, the order with one of its own around them."""
    world = grants("a", "b", "c")

    carried = run(world)

    assert isinstance(carried, Carried)
    assert ["others"] == left(world)
    assert {"akw-a-prod", "akw-b-prod", "akw-c-prod"} == {one.user for one in carried.revoked}
    ended = rows_of(world, "ticket.revoked")
    assert {"T-a", "T-b", "T-c"} == {row["ticket_id"] for row in ended}
    assert {("success", "ended")} == {(row["outcome"], row["reason"]) for row in ended}
    (intent,), (result,) = rows_of(world, orders.EVENT, "intent"), rows_of(world, orders.EVENT)
    assert intent is world.rows[0]
    assert ("success", "3 of 3 ended", "carol") == (
        result["outcome"], result["message"], result["requester_id"])  # fmt: skip
    assert Order("O-1", "ended", EVERYTHING, None, "carol") == orders.of_text(intent["resources"])


def test_all_are_denied_before_the_first_is_deleted() -> None:
    """However many there are, nobody's access outlives the removal of somebody else's grant."""
    world = grants(*"abcdefghijkl")

    run(world)

    kinds = [entry[0] for entry in world.log]
    denials = ("AttachPolicyToUser", "UpdateAccessKey", "SetAccessKeyPolicy")
    last_denial = max(at for at, kind in enumerate(kinds) if kind in denials)
    assert 3 * 12 == sum(kind in denials for kind in kinds)
    assert last_denial < kinds.index("DeleteAccessKey")


def test_order_repeated_after_success_changes_nothing() -> None:
    """It selects nothing any more, and says so."""
    world = grants("a", "b")
    run(world)
    before = len([e for e in world.log if e[0] not in ("acknowledged", "ListAccessKeys")])

    carried = run(world)

    assert Carried() == carried
    assert before == len([e for e in world.log if e[0] not in ("acknowledged", "ListAccessKeys")])


@pytest.mark.parametrize(
    ("at_most", "cap", "expected"),
    [(None, 2, False), (None, 3, True), (3, 1, True), (2, 25, False)],
)
def test_order_over_the_cap_changes_nothing(
    at_most: int | None, cap: int, expected: bool
) -> None:
    """Refused before it begins, with the count on record; `at_most` is a word of its own."""
    world = grants("a", "b", "c")

    outcome = run(world, at_most=at_most, cap=cap)

    assert expected is isinstance(outcome, Carried)
    if not expected:
        assert {"acknowledged"} == {entry[0] for entry in world.log}
        (result,) = rows_of(world, orders.EVENT)
        assert ("failure", "over_the_cap") == (result["outcome"], result["error_code"])
        assert result["message"].startswith("3 grants selected")


def test_leak_is_exempt_from_the_cap() -> None:
    """A cap is for mistakes; leaving leaked keys alive would be one."""
    world = grants("a", "b", "c")

    run(world, reason="leaked", cap=1)

    assert ["others"] == left(world)


def test_one_that_never_works_stops_none_of_the_others() -> None:
    """Done are all but it; it is named, and the order stays open."""
    world = grants("a", "b", "c")
    broken = world.broker().ram.delete_user

    class Ram(type(world.broker().ram)):  # type: ignore[misc]
        def delete_user(self, user: str) -> str:
            if user == "akw-b-prod":
                raise CloudError("DeleteUser")
            return str(broken(user))

    with pytest.raises(RevocationIncomplete) as raised:
        run(world, ram=Ram(world))

    assert ["b", "others"] == left(world)
    assert {} == {k: v for k, v in world.keys.items() if v.user == "akw-b-prod"}
    assert ["akw-b-prod"] == [getattr(failure, "user", "") for failure in raised.value.failures]
    (result,) = rows_of(world, orders.EVENT)
    assert ("failure", "2 of 3 ended") == (result["outcome"], result["message"])

    world.sleep(TERMS.lasts_seconds + 1)
    run(world)

    assert ["others"] == left(world)


def test_what_is_no_error_of_ours_stops_none_of_the_others_either() -> None:
    """A defect that one odd grant brings to light; of its text nothing is told."""
    world = grants("a", "b")

    class Ims(FakeIms):
        def get_user(self, user: str) -> User | None:
            if user == "akw-a-prod":
                raise KeyError("something that nobody should read")
            return super().get_user(user)

    with pytest.raises(RevocationIncomplete) as raised:
        run(world, ims=Ims(world))

    assert ["a", "others"] == left(world)
    assert "akw-a-prod: KeyError" in str(raised.value)
    assert "nobody should read" not in str(raised.value)


def test_run_stops_in_time_and_the_next_one_goes_on() -> None:
    """What is gone is gone; what is left is counted, and done by running it again."""
    world = grants(*"abcdefghij")
    calls = iter(range(1000))

    with pytest.raises(RevocationIncomplete) as raised:
        run(world, seconds=lambda: 600.0 if next(calls) < 14 else 29.0)

    (stopped,) = raised.value.failures
    assert isinstance(stopped, OutOfTime)
    assert 6 == stopped.left
    assert 7 == len(left(world))
    assert {"Inactive"} == {k.status for k in world.keys.values() if k.user != "akw-others-prod"}

    run(world)

    assert ["others"] == left(world)


READS = [Fault(m, 1, silent, after=False) for m in ("list_users", "list_policies")
         for silent in (False, True)]  # fmt: skip


@pytest.mark.parametrize("fault", READS, ids=lambda f: f"{f.method}-{f.silent}")
def test_what_cannot_be_read_is_not_less(fault: Fault) -> None:
    """I6: an order never ends a part because a list failed; nothing is changed, it is retried."""
    world = grants("a", "b")
    world.faults = {fault}

    with pytest.raises(AkwardenError):
        run(world)

    assert {"acknowledged"} >= {entry[0] for entry in world.log}
    run(world)
    assert ["others"] == left(world)


METHODS = ("get_user", "list_access_keys", "attach_policy_to_user", "set_access_key_policy",
           "update_access_key", "delete_access_key", "delete_user", "delete_secret", "get_logs",
           "put_logs", "create_policy", "delete_policy")  # fmt: skip


@pytest.mark.parametrize("silent", [False, True])
@pytest.mark.parametrize("nth", [1, 2, 4])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("reason", ["ended", "leaked"])
def test_any_one_failure_is_survived(method: str, nth: int, silent: bool, reason: str) -> None:
    """Run until it ends: nothing is left, and nobody else's is touched."""
    world = grants("a", "b", "c")
    world.faults = {Fault(method, nth, silent, after=True)}

    for _ in range(20):
        try:
            run(world, reason=reason)
            break
        except AkwardenError:
            world.sleep(TERMS.lasts_seconds + 1)

    assert ["others"] == left(world)
    assert "success" == rows_of(world, orders.EVENT)[-1]["outcome"]


def test_grant_whose_user_is_gone_is_finished_by_the_same_order() -> None:
    """Deleted with an answer that was lost, or not yet purged: only the log knows it by then."""
    world = grants("a", "b")
    world.faults = {Fault("delete_user", 1, silent=True, after=True)}
    with pytest.raises(RevocationIncomplete):
        run(world)
    assert ["others"] == left(world)
    assert 1 == len([r for r in rows_of(world, "ticket.revoked") if r["outcome"] == "failure"])

    world.sleep(TERMS.lasts_seconds + 1)
    run(world)

    ended = {r["ticket_id"] for r in rows_of(world, "ticket.revoked") if r["outcome"] == "success"}
    assert {"T-a", "T-b"} == ended


# -- one key ----------------------------------------------------------------------------------


def by_key(key_id: str) -> Selector:
    return Selector("access_key_id", access_key_id=key_id)


def test_leaked_key_is_dead_after_one_read_and_one_write() -> None:
    """GetUser, intents of order and grant together, then the three denials."""
    world = grants("a", "b")
    key_id = add_grant(world, "c")
    asked: list[str] = []
    call = world.call
    world.call = lambda method, *rest: (asked.append(method), call(method, *rest))[1]  # type: ignore[method-assign]

    run(world, by_key(key_id), reason="leaked")

    assert ["get_user_of_access_key", "put_logs"] == asked[:2]
    denials = {"attach_policy_to_user", "set_access_key_policy", "update_access_key"}
    assert denials == set(asked[2:5])
    assert (orders.EVENT, "intent") == (world.rows[0]["event_type"], world.rows[0]["phase"])
    assert ["a", "b", "others"] == left(world)
    assert {"leaked"} == {row["reason"] for row in rows_of(world, "ticket.revoked")}


def test_leak_is_cut_without_the_log_and_is_on_record_later() -> None:
    """Its rows come with the next run, marked late."""
    world = grants("a")
    key_id = add_grant(world, "c")
    world.faults = {Fault("put_logs", nth, silent=True, after=False) for nth in (1, 2, 3, 4)}

    with pytest.raises(AkwardenError):
        run(world, by_key(key_id), reason="leaked")

    assert "Inactive" == world.keys[key_id].status
    run(world, by_key(key_id), reason="leaked")
    assert ["a", "others"] == left(world)
    assert "success" == rows_of(world, orders.EVENT)[-1]["outcome"]


def test_other_keys_of_a_leaked_ones_user_are_dead_too() -> None:
    """Whoever had one key could have made another."""
    world = grants()
    key_id = add_grant(world, "c")
    second = "LTAI5tFake00000000000099"
    world.keys[second] = Key(second, "akw-c-prod", world.now, world.now)

    run(world, by_key(key_id), reason="leaked")

    assert ["akw-others-prod"] == [key.user for key in world.keys.values()]


def test_key_of_nobody_is_noted_and_nothing_is_changed() -> None:
    """On record, a success: there is nothing to end."""
    world = grants("a")

    carried = run(world, by_key("LTAI5tUnknown0000001"), reason="leaked")

    assert Carried(flagged=("no user has this key",)) == carried
    assert {"acknowledged"} == {entry[0] for entry in world.log}
    (note,) = rows_of(world, "access_key.not_ours", "note")
    assert ("LTAI5tUnknown0000001", "no user has this key") == (
        note["access_key_id"], note["reason"])  # fmt: skip
    assert "success" == rows_of(world, orders.EVENT)[-1]["outcome"]


def test_key_of_another_user_is_noted_and_left_alone() -> None:
    """Other people's keys are not ours to end."""
    world = grants("a")
    world.users["heidi"] = User("id-heidi", "heidi", {}, world.now)
    world.keys["LTAI5tHeidisKey00001"] = Key("LTAI5tHeidisKey00001", "heidi", world.now, world.now)

    carried = run(world, by_key("LTAI5tHeidisKey00001"), reason="leaked")

    assert Carried(flagged=("user heidi is not akwarden's",)) == carried
    assert "Active" == world.keys["LTAI5tHeidisKey00001"].status


def test_user_of_ours_without_a_readable_ticket_is_cut_and_tried_again() -> None:
    """Its tags cannot be read fully: access ends all the same, and the order stays open."""
    world = grants("a")
    key_id = add_grant(world, "c")
    whole = world.users["akw-c-prod"]
    world.users["akw-c-prod"] = User(whole.id, whole.name, {"akw:format": "1"}, whole.created_at)

    with pytest.raises(RevocationIncomplete):
        run(world, by_key(key_id), reason="leaked")

    assert ("Inactive", ("192.0.2.1/32",)) == (
        world.keys[key_id].status, world.keys[key_id].network)  # fmt: skip
    assert (naming.QUARANTINE_POLICY, "akw-c-prod") in world.attached
    assert "failure" == rows_of(world, orders.EVENT)[-1]["outcome"]
    world.users["akw-c-prod"] = whole
    run(world, by_key(key_id), reason="leaked")
    assert ["a", "others"] == left(world)


def test_owner_that_cannot_be_read_is_not_nobody() -> None:
    """I6: the order stays open, on record."""
    world = grants("a")
    world.faults = {Fault("get_user_of_access_key", 1, silent=True, after=False)}

    with pytest.raises(CloudError):
        run(world, by_key(next(iter(world.keys))), reason="leaked")

    assert ["failure"] == [row["outcome"] for row in rows_of(world, orders.EVENT)]


def test_former_key_is_known_from_the_log() -> None:
    """It was deleted by hand: what else its grant had made ends."""
    world = grants("a")
    key_id = add_grant(world, "c")
    row = {"ticket_id": "T-c", "ticket_system": SOURCE, "application": "c", "environment": "prod",
           "access_key_id": key_id, "phase": "result", "event_type": "key.created",
           "time_ms": f"{world.now.timestamp() * 1000:.0f}",
           "operation_id": "op-issue"}  # fmt: skip
    world.rows.append(dict.fromkeys(audit.FIELDS, "") | row)
    del world.keys[key_id]

    run(world, by_key(key_id), reason="leaked")

    assert ["a", "others"] == left(world)


def test_answer_holds_counts_and_names_only() -> None:
    """What FC keeps of a run: no key, no ticket's text."""
    world = grants("a", "b")
    outcome = run(world)

    shown = bulk_revocation.answer(Order("O-1", "ended", EVERYTHING, None, "carol"), outcome)

    assert {"status": "carried_out", "order": "O-1", "grants": 2, "access_keys": 2, "left": [],
            "flagged": []} == shown  # fmt: skip
    assert "LTAI" not in json.dumps(shown)


def test_slow_log_does_not_hold_up_a_leak_of_many() -> None:
    """The order's own row may be late; the result comes once it is there."""
    world = grants("a", "b")

    class Silent(FakeAuditLog):
        def put_logs(self, rows: Any) -> None:
            if rows[0]["event_type"] == orders.EVENT and rows[0]["phase"] == "intent":
                failed.append(1)
                if len(failed) == 1:
                    raise CloudError("PutLogs")
            super().put_logs(rows)

    failed: list[int] = []
    run(world, reason="leaked", audit_log=Silent(world))

    assert ["others"] == left(world)
    assert ["late; 2 of 2 ended"] == [row["message"] for row in rows_of(world, orders.EVENT)]


def test_unreadable_leak_is_on_record_without_its_text() -> None:
    """The refusal's reason and place, and the same operation each time the event is delivered."""
    world, event = World(), b'{"data": {"AccessKeyId": "nonsense"}}'

    for _ in range(2):
        unreadable_leak(world.broker(), event, Denied("invalid_value", "data"), open_record)

    row, again = world.rows
    assert ("leak.unreadable", "note", "failure", "invalid_value at data", "eventbridge") == (
        row["event_type"], row["phase"], row["outcome"], row["reason"], row["trigger"])  # fmt: skip
    assert row["operation_id"] == again["operation_id"]
    assert "nonsense" not in json.dumps(world.rows)


def test_unreadable_leak_is_tried_again_while_the_log_refuses() -> None:
    """Nobody would ever know of it otherwise."""
    world = World()
    world.faults = {Fault("put_logs", 1, silent=False, after=False)}

    with pytest.raises(CloudError):
        unreadable_leak(world.broker(), b"{}", Denied("not_json"), open_record)
