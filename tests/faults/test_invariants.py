"""Each invariant, on a story told by hand that keeps it and on one that violates it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import invariants
from tests.faults.evidence import Entry, Evidence, Row, of

APPLICATION, TICKET, USER = "orders", "T-orders", "akw-orders-prod"
ISSUER = "acs:ram::1:assumed-role/akw-issue/fc-c-1"
REVOKER = "acs:ram::1:assumed-role/akw-revoke/fc-c-1"
STORED = {"versions": [{"id": "K1", "stages": ["ACSCurrent"]}]}


def change(order: int, product: str, action: str, **more: Any) -> Entry:
    """One call that has changed something, one second after the one before it."""
    parameters = {"UserName": USER} | more.pop("parameters", {})
    return {
        "order": order, "seq": order, "at": float(order), "product": product, "action": action,
        "parameters": parameters, "principal": ISSUER, "instance": "c-1", "made": "", "faults": [],
        "unheard": False, "changed": True, "status": 200, "request_id": f"R{order}",
    } | more  # fmt: skip


def created(order: int, key: str = "K1", **more: Any) -> Entry:
    return change(order, "ram", "CreateAccessKey", made=key, **more)


def stored(order: int, key: str = "K1") -> Entry:
    return change(order, "kms", "PutSecretValue", parameters={"VersionId": key})


def deleted(order: int, key: str = "K1", **more: Any) -> Entry:
    return change(order, "ram", "DeleteAccessKey", parameters={"UserAccessKeyId": key}, **more)


def row(order: int, phase: str, about: Entry, **more: Any) -> Row:
    """An audit row about a change, written by the same instance and acknowledged."""
    fields = {
        "phase": phase, "event_type": "some.change", "outcome": "success", "access_key_id": "",
        "cloud_service": about["product"], "cloud_action": about["action"], "change_id": "C1",
    }  # fmt: skip
    known = {"acknowledged": True, "instance": "c-1"} | {
        name: more.pop(name) for name in ("acknowledged", "instance") if name in more
    }
    return Row(fields | more, order, **known)


def state(*, keys: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A cloud in which the user holds these keys."""
    users = {USER: {"id": "U1", "tags": {"akw:ticket": TICKET}, "attached": {f"Custom:{USER}": ""}}}
    ram = {
        "users": users if keys else {}, "policies": {}, "recycled_keys": {}, "recycled_users": {},
        "keys": {key: {"id": key, "user_id": "U1", "network_policy": "{...}"} for key in keys},
    } | more.pop("ram", {})  # fmt: skip
    return {"ram": ram, "kms": {"secrets": more.pop("secrets", {})}, "sls": {"projects": {}}}


def case(*changes: Entry, rows: tuple[Row, ...] = (), now: Any = None, **more: Any) -> Evidence:
    return Evidence(APPLICATION, "prod", TICKET, changes, rows, now or state(), **more)


# -- I1 and I2 ------------------------------------------------------------------------------


def test_live_key_that_is_not_stored_is_told() -> None:
    """I1: a key whose secret nobody has."""
    whole = case(now=state(keys=("K1",), secrets={"akw/orders/prod": STORED}))
    broken = case(now=state(keys=("K1", "K2"), secrets={"akw/orders/prod": STORED}))

    assert invariants.i1_every_live_key_is_stored(whole) == []
    assert invariants.i1_every_live_key_is_stored(broken) == [
        "key K2 of akw-orders-prod is live and not stored"
    ]


def test_two_stored_keys_are_told_even_if_one_goes_later() -> None:
    """I2 at every moment: that it is well in the end is not enough."""
    whole = case(created(1, "K0"), deleted(2, "K0"), created(3), stored(4))
    broken = case(created(1), stored(2), created(3, "K2"), stored(4, "K2"), deleted(5))

    assert invariants.i2_one_stored_key_at_every_moment(whole) == []
    assert invariants.i2_one_stored_key_at_every_moment(broken) == [
        "['K1', 'K2'] are live and stored after kms PutSecretValue  (#4)"
    ]


def test_three_keys_are_told() -> None:
    """I2: never more than two, stored or not."""
    broken = case(created(1, "K1"), created(2, "K2"), created(3, "K3"))

    assert invariants.i2_one_stored_key_at_every_moment(broken) == [
        "3 keys after ram CreateAccessKey K3 (#3)"
    ]


@pytest.mark.parametrize("how", [
    {"faults": ["drop"]}, {"faults": ["delay"]}, {"faults": ["kill-after"]}, {"unheard": True},
])  # fmt: skip
def test_creation_after_a_lost_one_waits_for_the_lag(how: dict[str, Any]) -> None:
    """I2: what was created and not answered may not be visible yet."""
    lost = created(1, "K1", **how)

    early = case(lost, created(2, "K2"), max_lag_seconds=2)
    late = case(lost, created(3, "K2"), max_lag_seconds=2)
    assert invariants.i2_one_stored_key_at_every_moment(late) == []
    assert invariants.i2_one_stored_key_at_every_moment(early) == [
        "ram CreateAccessKey K2 (#2) follows a lost one within the lag bound"
    ]


# -- I3 -------------------------------------------------------------------------------------


def test_change_with_intent_and_result_is_on_record() -> None:
    """I3 as it should be."""
    made = created(2)
    rows = (row(1, "intent", made), row(3, "result", made))

    assert invariants.i3_every_change_is_on_record(case(made, rows=rows, swept=True)) == []


@pytest.mark.parametrize("intent", [
    {"order": 3}, {"acknowledged": False}, {"instance": "c-2"}, {"cloud_action": "CreateUser"},
    {"access_key_id": "K9"}, {"event_type": "lease.taken"}, {"phase": "note"},
])  # fmt: skip
def test_intent_that_announces_something_else_does_not_count(intent: dict[str, Any]) -> None:
    """I3: too late, not acknowledged, another run's, of another action, key or policy."""
    made = deleted(2)
    of_it = {"order": 1, "phase": "intent"} | intent
    rows = (row(of_it.pop("order"), of_it.pop("phase"), made, **of_it),)

    assert invariants.i3_every_change_is_on_record(case(made, rows=rows)) == [
        "ram DeleteAccessKey K1 (#2) has no acknowledged intent before it"
    ]


def test_missing_result_is_told_once_the_reconciler_has_run() -> None:
    """I3: until then it may still be written."""
    made = created(2)
    rows = (row(1, "intent", made), row(3, "result", made, change_id="another"))

    assert invariants.i3_every_change_is_on_record(case(made, rows=rows)) == []
    assert invariants.i3_every_change_is_on_record(case(made, rows=rows, swept=True)) == [
        "ram CreateAccessKey K1 (#2) has no result after it"
    ]


@pytest.mark.parametrize("how", [{"faults": ["delay"]}, {"unheard": True}])
def test_delayed_change_may_come_after_the_result_that_gave_it_up(how: dict[str, Any]) -> None:
    """I3: its run wrote `unknown` when it had waited long enough."""
    late = created(4, **how)
    rows = (row(1, "intent", late), row(3, "result", late, outcome="unknown"))

    assert invariants.i3_every_change_is_on_record(case(late, rows=rows, swept=True)) == []
    assert invariants.i3_every_change_is_on_record(
        case(late | {"faults": [], "unheard": False}, rows=rows, swept=True)) != []  # fmt: skip


def test_denial_may_come_before_its_intent_but_not_without() -> None:
    """I3: a revocation cuts access first; deleting waits for the log."""
    cut = change(1, "ram", "AttachPolicyToUser", principal=REVOKER,
                 parameters={"PolicyName": "akw-quarantine"})  # fmt: skip
    late = row(5, "intent", cut, event_type="quarantine.attached")
    gone = deleted(2, principal=REVOKER)

    assert invariants.i3_every_change_is_on_record(case(cut, rows=(late,))) == []
    assert invariants.i3_every_change_is_on_record(case(cut)) != []
    assert invariants.i3_every_change_is_on_record(case(gone, rows=(row(5, "intent", gone),))) != []


# -- I5, I6, I7 -----------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["key.issued", "ticket.revoked"])
def test_key_of_a_used_ticket_is_told(event: str) -> None:
    """I5: what has ended never begins again."""
    made = created(3)
    before, after = (row(order, "result", made, event_type=event) for order in (2, 4))

    assert invariants.i5_no_key_without_an_unused_approval(case(made, rows=(after,))) == []
    assert invariants.i5_no_key_without_an_unused_approval(case(made, rows=(before,))) != []


def test_user_of_another_ticket_is_told() -> None:
    """I5: a user carries the ticket that was approved."""
    now = state(keys=("K1",))
    now["ram"]["users"][USER]["tags"]["akw:ticket"] = "T-another"

    assert invariants.i5_no_key_without_an_unused_approval(case(now=now)) == [
        "akw-orders-prod is of no ticket that was approved"
    ]


@pytest.mark.parametrize("harm", [
    deleted(3),
    change(3, "ram", "UpdateAccessKey", parameters={"UserAccessKeyId": "K1", "Status": "Inactive"}),
    change(3, "ram", "DeleteUser"), change(3, "kms", "DeleteSecret"),
    change(3, "ram", "DetachPolicyFromUser", parameters={"PolicyName": USER}),
    change(3, "ram", "AttachPolicyToUser", parameters={"PolicyName": "akw-quarantine"}),
], ids=lambda harm: harm["action"])  # fmt: skip
def test_harm_to_a_stored_key_needs_a_revocation(harm: Entry) -> None:
    """I6: a live stored key goes only if its ticket was revoked, and before that change."""
    story = (created(1), stored(2), harm)

    assert invariants.i6_nothing_is_removed_without_a_revocation(case(*story)) != []
    assert invariants.i6_nothing_is_removed_without_a_revocation(
        case(*story, revoked_from=3)) != []  # fmt: skip
    assert invariants.i6_nothing_is_removed_without_a_revocation(
        case(*story, revoked_from=2)) == []  # fmt: skip


def test_key_that_is_not_stored_may_go() -> None:
    """I6 does not hold back the removal of a key whose secret nobody has, nor a lease's end."""
    lease = change(4, "ram", "DeletePolicy", parameters={"PolicyName": "akw-lock-orders-prod-1"})
    story = (created(1, "K0"), deleted(2, "K0"), created(3), lease)

    assert invariants.i6_nothing_is_removed_without_a_revocation(case(*story)) == []


def test_deletion_before_denial_is_told() -> None:
    """I7: the order counts, not only the end."""
    user = change(1, "ims", "CreateUser", made="U1")
    cut = change(3, "ims", "SetAccessKeyPolicy", principal=REVOKER)
    right = case(user, cut, deleted(4, principal=REVOKER), revoked_from=1)
    wrong = case(user, deleted(2, principal=REVOKER), cut, revoked_from=1)

    assert invariants.i7_revocation_is_complete_and_denies_first(right) == []
    assert invariants.i7_revocation_is_complete_and_denies_first(wrong) == [
        "something was deleted before access was denied"
    ]


def test_denial_that_was_given_up_was_asked_for_before() -> None:
    """I7, where the cloud is so slow that it comes to the denial after the deletion."""
    cut = change(3, "ram", "UpdateAccessKey", principal=REVOKER, seq=1, unheard=True,
                 parameters={"UserAccessKeyId": "K1", "Status": "Inactive"})  # fmt: skip
    gone = deleted(2, principal=REVOKER)
    made = change(0, "ims", "CreateUser")

    late = case(made, cut, gone, revoked_from=1)
    assert invariants.i7_revocation_is_complete_and_denies_first(late) == []
    for spoilt in ({"unheard": False}, {"seq": 3}):
        early = case(made, cut | spoilt, gone, revoked_from=1)
        assert invariants.i7_revocation_is_complete_and_denies_first(early) == [
            "something was deleted before access was denied"]  # fmt: skip


def test_what_a_revocation_leaves_is_told() -> None:
    """I7: nothing that bears the name, and where it purges nothing in the bins either."""
    bins = {"recycled_keys": {"K1": {}}, "recycled_users": {"U9": {}}}
    kept = case(now=state(ram=bins), revoked_from=1, ids=frozenset({"K1", "U1"}))
    purged = case(now=state(ram=bins), revoked_from=1, ids=frozenset({"K1", "U1"}), purged=True)
    left = case(now=state(secrets={"akw/orders/prod": STORED}), revoked_from=1)

    assert invariants.i7_revocation_is_complete_and_denies_first(kept) == []
    assert invariants.i7_revocation_is_complete_and_denies_first(purged) == [
        "K1 lies in a recycle bin"
    ]
    assert invariants.i7_revocation_is_complete_and_denies_first(left) == [
        "secret akw/orders/prod is left after the revocation"
    ]


# -- the end, and the evidence --------------------------------------------------------------


def test_end_of_an_extension_is_told() -> None:
    """The key as it was, the tag of the later ticket, and its row."""
    made = created(1)
    issued = row(2, "result", made, event_type="key.issued")
    prolonged = row(3, "result", made, event_type="grant.extended")
    now = state(keys=("K1",), secrets={"akw/orders/prod": STORED})
    carrying = state(keys=("K1",), secrets={"akw/orders/prod": STORED})
    carrying["ram"]["users"][USER]["tags"]["akw:extended"] = f"2026-10-31T08:00:00Z s {TICKET}.2"

    done = case(made, rows=(issued, prolonged), now=carrying)
    assert invariants.end_extended(done) == []
    assert invariants.end_extended(case(made, rows=(issued, prolonged), now=now)) == [
        "extended by nothing"]  # fmt: skip
    assert invariants.end_extended(case(made, rows=(issued,), now=carrying)) == [
        "the extension is not on record"]  # fmt: skip


def test_ends_are_told_apart() -> None:
    """One usable key, nothing left, nothing abandoned: each story has its own end."""
    made = created(1)
    issued = case(
        made, rows=(row(2, "result", made, event_type="key.issued"),),
        now=state(keys=("K1",), secrets={"akw/orders/prod": STORED}), ids=frozenset({"K1"}),
    )  # fmt: skip
    gone = case(rows=(row(2, "result", made, event_type="ticket.revoked"),))

    assert [] == invariants.end_one_usable_key(issued) == invariants.end_nothing_abandoned(issued)
    assert [] == invariants.end_nothing_left(gone) == invariants.end_nothing_abandoned(gone)
    assert invariants.end_one_usable_key(gone) != []
    assert invariants.end_nothing_left(issued) != []
    assert invariants.end_nothing_left(case()) == ["the end of the ticket is not on record"]


def test_evidence_is_of_one_application_in_the_order_of_its_changes() -> None:
    """Others' changes are left out; arrival is not when the change was made."""
    others = created(1) | {"parameters": {"UserName": "akw-orders2-prod"}}
    slow, quick = created(3) | {"seq": 1}, stored(2) | {"seq": 2}
    quick["parameters"]["SecretName"] = "akw/orders/prod"
    binned = change(4, "ims", "DeleteAccessKeyInRecycleBin",
                    parameters={"UserName": "", "UserAccessKeyId": "K1"})  # fmt: skip

    found = of(APPLICATION, TICKET, [others, slow, quick, binned], state())

    assert [2, 3, 4] == [entry["order"] for entry in found.changes]
    assert frozenset({"K1"}) == found.ids


@pytest.mark.parametrize(("spoilt", "counts"), [
    ({}, True), ({"faults": ["drop"]}, False), ({"faults": ["delay"]}, False),
    ({"status": 500}, False), ({"unheard": True}, False),
])  # fmt: skip
def test_row_is_acknowledged_if_its_call_was_answered(spoilt: Any, counts: bool) -> None:
    """A stored row whose writer got no answer is none that the writer may rely on."""
    call = change(7, "sls", "PutLogs") | spoilt
    stored_row = {"request_id": "R7", "contents": {"ticket_id": TICKET, "phase": "intent"}}
    now = state() | {"sls": {"projects": {"p": {"logstores": {"audit": {"rows": [stored_row]}}}}}}

    found = of(APPLICATION, TICKET, [call], now)

    assert [(7, counts, "c-1")] == [(r.order, r.acknowledged, r.instance) for r in found.rows]
