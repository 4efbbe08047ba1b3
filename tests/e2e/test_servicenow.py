"""ServiceNow: the scripts of docs/sources/servicenow.md, run as they stand there."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from demo import actors, servicenow
from shared import deliveries
from shared.deliveries import Delivery
from shared.refusals import Denied
from tests.e2e.conftest import Scene, until
from tests.e2e.servicenow import APPROVAL, END, Instance
from tests.e2e.test_revoke import remains
from tests.unit.strategies import brief

SECRET = "whsec_c2VydmljZW5vdyBzaWducyB3aXRoIHRoaXMga2V5"
ODD = ("订单系统 “daily” 😀\nit's \"quoted\" \\u0041 \\\\\n"
       "</script><script>gs.error('x')//\n'});x=${1}")


@pytest.fixture
def instance(scene: Scene) -> Instance:
    """An approved item of the scene's application."""
    return Instance.of(scene.stage.webhook_url, scene.secret, scene.application)


def alone(**variables: str) -> Instance:
    """One that sends to nobody."""
    made = Instance.of("https://akwarden.example/", SECRET, "orders")
    made.item["variables"] |= variables
    return made


def only(ran: dict[str, Any]) -> dict[str, Any]:
    """The one request that was sent, with nothing in the system log."""
    assert [] == ran["errors"]
    (request,) = ran["sent"]
    return dict(request)


def take(scene: Scene, request: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    """Verified as its receiver would, then given to akwarden."""
    assert ("post", scene.stage.webhook_url) == (request["method"], request["url"])
    Webhook(scene.secret).verify(request["body"], request["headers"])
    return scene.send(request["body"].encode(), request["headers"])


def read(request: dict[str, Any]) -> Delivery | Denied:
    found = deliveries.parse(request["body"].encode(), source="standard-webhooks")
    assert isinstance(found, Delivery | Denied)
    return found


def issued(scene: Scene, instance: Instance) -> None:
    assert 202 == take(scene, only(instance.approved()))[0]
    until(lambda: scene.audit('event_type: "key.issued" and phase: result'))


@pytest.mark.parametrize("ends", [
    lambda instance: instance.changed(approval="cancelled"),
    lambda instance: instance.changed(state="4"),
    lambda instance: instance.voted("dave", "rejected"),
], ids=["approval", "state", "vote"])  # fmt: skip
def test_approved_item_leads_to_a_key_and_its_end_to_none(
    scene: Scene, instance: Instance, ends: Any
) -> None:
    issued(scene, instance)
    assert remains(scene)

    status, answer = take(scene, only(ends(instance)))

    assert (202, "revoke", instance.item["number"]) == (
        status, answer["action"], answer["ticket"])  # fmt: skip
    until(lambda: not remains(scene))


def test_attempt_sends_what_the_scripts_send(scene: Scene, instance: Instance) -> None:
    """`make try` has no JavaScript engine."""
    sent = json.loads(only(instance.approved())["body"])
    tried = servicenow.delivery(instance.item["number"], scene.application)

    times = [one["data"].pop("approvals") for one in (sent, tried)]
    assert (tried["type"], tried["data"]) == (sent["type"], sent["data"])
    assert [vote | {"at": ""} for vote in times[1]] == [vote | {"at": ""} for vote in times[0]]


OTHER_HAND = {"sys_updated_by": "admin"}  # an administrator, or a rule that approves by itself


@pytest.mark.parametrize(("second", "reason"), [
    (None, "approvals_missing"),
    (("dave", "requested", {}), "approvals_missing"),
    (("dave", "not_required", {}), "approvals_missing"),
    (("dave", "approved", OTHER_HAND), "approvals_missing"),
    (("dave", "approved", {"sys_updated_on": servicenow.stamp(timedelta(hours=3))}),
     "approvals_missing"),  # before the item's variables were changed
    (("carol", "approved", {}), "approvals_missing"),  # a second row, as of another group
    (("alice", "approved", {}), "approver_is_requester"),
    (("grace", "approved", {}), "approver_not_allowed"),
    (("dave", "rejected", {}), "approval_rejected"),
    (("dave", "rejected", OTHER_HAND), "approval_rejected"),
])  # fmt: skip
def test_without_the_votes_there_is_no_key(
    scene: Scene, instance: Instance, second: Any, reason: str
) -> None:
    """Whatever ServiceNow calls approved."""
    number = instance.item["number"]
    instance.approvals = [servicenow.approval(number, "carol")]
    if second:
        name, state, changes = second
        instance.approvals.append(servicenow.approval(number, name, state, **changes))

    status, answer = take(scene, only(instance.approved()))

    assert (True, reason) == (400 <= status < 500, answer["reason"])
    assert [] == scene.changes()


def test_who_orders_for_somebody_else_and_they_approve_nothing(
    scene: Scene, instance: Instance
) -> None:
    instance.item["requested_for"] = servicenow.user("dave")

    status, answer = take(scene, only(instance.approved()))

    assert (403, "approver_is_requester") == (status, answer["reason"])


@pytest.mark.parametrize(("before", "after", "kind"), [
    ({"approval": "requested"}, {}, "approved"),
    ({"state": "4"}, {}, "approved"),
    ({}, {}, ""),
    ({}, {"state": "3"}, ""),  # completed
    ({"approval": "requested"}, {"approval": "rejected"}, ""),  # there was nothing
    ({"approval": "requested"}, {"state": "7"}, ""),
    ({"approval": "requested"}, {"cat_item": {"sys_id": "another"}}, ""),
    ({}, {"approval": "rejected"}, "revoked"),
    ({}, {"approval": "requested"}, "revoked"),
    ({}, {"state": "7"}, "revoked"),
])  # fmt: skip
def test_item_is_told_of_when_it_begins_and_ceases_to_stand(
    before: dict[str, Any], after: dict[str, Any], kind: str
) -> None:
    """By one of the two rules, and once."""
    made = alone()
    old, new = made.item | before, made.item | after

    sent = [json.loads(one["body"]) for script in (APPROVAL, END)
            for one in made.runs(script, new, old)["sent"]]  # fmt: skip

    assert ([f"accesskey.ticket.{kind}"] if kind else []) == [one["type"] for one in sent]
    assert [kind for _ in sent] == [one["data"]["status"] for one in sent]


@pytest.mark.parametrize(("change", "kind"), [
    ({}, "approved"), ({"variables": {"action": "amend"}}, "amended"), ({"state": "4"}, "revoked"),
    ({"approval": "rejected"}, "revoked"),
])  # fmt: skip
def test_what_was_lost_is_sent_again_by_hand_as_the_item_stands(
    change: dict[str, Any], kind: str
) -> None:
    made = alone()
    made.item |= change

    assert f"accesskey.ticket.{kind}" == json.loads(only(made.again())["body"])["type"]


@pytest.mark.parametrize(("before", "after", "told"), [
    ("approved", "rejected", True), ("requested", "rejected", True),
    ("approved", "requested", True), ("requested", "approved", False),
    ("requested", "not_required", False), ("rejected", "rejected", False),
])  # fmt: skip
def test_vote_is_told_of_when_it_is_taken_back(before: str, after: str, told: bool) -> None:
    made = alone()
    made.approvals[1]["state"] = before

    assert told == bool(made.voted("dave", after)["sent"])


@pytest.mark.parametrize("change", [
    {"approval": "requested"}, {"cat_item": {"sys_id": "another"}}, {"sys_id": "a-change-request"},
])  # fmt: skip
def test_vote_about_what_has_no_key_is_not_told_of(change: dict[str, Any]) -> None:
    made = alone()
    made.item |= change

    assert {"sent": [], "errors": []} == made.voted("dave", "rejected")


def test_texts_arrive_as_they_were_typed(scene: Scene, instance: Instance) -> None:
    instance.item["variables"] |= {"purpose": ODD, "alternative_considered": ODD[::-1]}
    instance.item["short_description"] = "AccessKey “订单” <b>'\""

    request = only(instance.approved())
    data = json.loads(request["body"])["data"]

    assert request["body"].isascii()
    assert (ODD, ODD[::-1], "AccessKey “订单” <b>'\"") == (
        data["purpose"], data["alternative_considered"], data["title"])  # fmt: skip
    assert 202 == take(scene, request)[0]
    until(lambda: scene.audit('event_type: "key.issued" and phase: result'))


@given(st.text())
@brief
def test_any_text_arrives_as_it_was_typed(text: str) -> None:
    request = only(alone(purpose=text).approved())

    Webhook(SECRET).verify(request["body"], request["headers"])
    assert text == json.loads(request["body"])["data"]["purpose"]


@pytest.mark.parametrize(("variables", "where"), [
    ({"permissions": "sls-logstore-write project"}, "permissions[0].parameters"),
    ({"permissions": "t project=a project=b"}, "permissions[0].parameters"),
    ({"permissions": "t __proto__=a"}, "permissions[0].parameters"),
    ({"permissions": "t1 project=a\nt2 =b"}, "permissions[1].parameters"),
    ({"permissions": " \n"}, "permissions"),
    ({"ttl": "soon"}, "ttl_seconds"), ({"ttl": ""}, "ttl_seconds"),
    ({"rotation_days": "x"}, "rotation_days"),
    ({"consumers": "acs:ram::1:user/x"}, "consumers[0]"),
    ({"source_ips": "everywhere"}, "network.source_ips[0]"),
    ({"purpose": "a\u202eb" * 9}, "purpose"),
    ({"application": "constructor\n"}, "application"),
])  # fmt: skip
def test_what_cannot_be_read_is_refused_by_its_field(variables: dict[str, str], where: str) -> None:
    found = read(only(alone(**variables).approved()))

    assert isinstance(found, Denied)
    assert f"data.{where}" == found.where


def test_variables_are_read_as_people_type_them() -> None:
    found = read(only(alone(
        permissions="sls-logstore-write project=orders-logs  logstore=app\r\n\n"
                    "oss-prefix-read bucket=b prefix=a=b/",
        consumers="orders-reader; acs:ram::1234567890123456:role/orders-2",
        source_ips="198.51.100.7\n198.51.100.8,  2001:db8::/48", ttl="4w", rotation_days="30",
        rotation_wait_days="0", replaces="legacy", necessity_confirmed="Yes",
    ).approved()))  # fmt: skip

    assert isinstance(found, Delivery)
    ticket = found.ticket
    assert [("sls-logstore-write", {"logstore": "app", "project": "orders-logs"}),
            ("oss-prefix-read", {"bucket": "b", "prefix": "a=b/"})] == [
        (one.template, dict(one.parameters)) for one in ticket.permissions]  # fmt: skip
    assert (2, 3, 28 * 86_400, 30, 0, "legacy", True) == (
        len(ticket.consumers), len(ticket.source_ips), ticket.ttl_seconds, ticket.rotation_days,
        ticket.rotation_wait_days, ticket.replaces, ticket.necessity_confirmed)


@pytest.mark.parametrize(("action", "kind"), [
    ("", "approved"), ("issue", "approved"), ("extend", "extended"), ("amend", "amended"),
    ("constructor", "constructor"), ("drop", "drop"),
])  # fmt: skip
def test_action_is_what_was_chosen_and_never_an_issue_by_mistake(action: str, kind: str) -> None:
    sent = json.loads(only(alone(action=action).approved())["body"])

    assert f"accesskey.ticket.{kind}" == sent["type"]


def test_vote_counts_only_if_it_is_known_what_it_is_for() -> None:
    """Without a variable to be seen nobody knows when the last one was changed."""
    made = alone()
    made.edited = ()

    assert [] == json.loads(only(made.approved())["body"])["data"]["approvals"]


@pytest.mark.parametrize("field", ["requested_for", "opened_by", "cat_item"])
def test_vote_is_void_once_it_is_for_somebody_or_something_else(field: str) -> None:
    """Whom an item is for is no variable: its history tells of it."""
    made = alone()
    made.history = ((field, timedelta(minutes=75)), ("state", timedelta()))

    votes = json.loads(only(made.approved())["body"])["data"]["approvals"]

    assert ["dave@example.com"] == [vote["approver"]["email"] for vote in votes]


def test_list_of_states_is_read_as_people_type_it() -> None:
    made = alone()
    made.states = "4, 8"

    assert "accesskey.ticket.revoked" == json.loads(only(made.changed(state="8"))["body"])["type"]


@pytest.mark.parametrize(("name", "value"), [
    ("webhook-id", "msg_another"), ("webhook-timestamp", "1600000000"),
    ("webhook-signature", "v1,AAAA"),
])  # fmt: skip
def test_all_that_counts_is_signed(
    scene: Scene, instance: Instance, name: str, value: str
) -> None:
    request = only(instance.approved())

    status, _ = actors.deliver(
        scene.stage, request["body"].encode(), request["headers"] | {name: value})

    assert 401 == status
    assert [] == scene.changes()


@pytest.mark.parametrize(("status", "told"), [
    (403, 'akwarden answered 403 to RITMorders: {"reason": "approvals_missing"}'),
    (0, "akwarden was not told of RITMorders: Error: Connection refused"),
])
def test_what_was_not_taken_is_in_the_system_log(status: int, told: str) -> None:
    """And whoever has approved gets no error of a script."""
    made = alone()
    made.status, made.body = status, '{"reason": "approvals_missing"}'

    assert [told] == made.approved()["errors"]
