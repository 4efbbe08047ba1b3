"""Orders: one word that ends many grants, and nothing beside them."""

from __future__ import annotations

from typing import Any

import pytest
from alibabacloud_ram20150501 import models as ram_models

from shared import orders
from tests.e2e.conftest import Scene, until
from tests.e2e.ordering import order_of, order_rows, outcome, submit, task
from tests.e2e.test_revoke import (
    GONE,
    administrator,
    answer_of,
    issued,
    key_of,
    refusal_code,
    remains,
    revoked,
)


def issued_for(scene: Scene, name: str, **changes: Any) -> dict[str, Any]:
    """A live grant of another application of this scene."""
    application = f"{scene.application}-{name}"
    scene.deliver(scene.body(application=application, id=f"T-{application}", **changes))
    return answer_of(scene, "akw-issue")


def test_order_ends_an_application_and_leaves_its_namesakes(scene: Scene) -> None:
    """`app1` is not `app1-x`: names are compared whole; the record of the order stands around."""
    key = key_of(scene, issued(scene))
    other = issued_for(scene, "x")
    order = order_of(scene, reason="ended")

    end = outcome(scene, submit(scene, order))

    assert end == {"status": "carried_out", "order": order.id, "grants": 1, "access_keys": 1,
                   "left": [], "flagged": []}  # fmt: skip
    assert refusal_code(scene, key) == GONE
    assert remains(scene) == [f"Custom:{other['policy']}"]  # which begins with the same name
    assert refusal_code(scene, key_of(scene, other)) == ""
    intent, result = order_rows(scene, order.id)
    assert (intent["event_type"], intent["phase"], result["outcome"]) == (
        "revocation.ordered", "intent", "success")  # fmt: skip
    assert orders.of_text(intent["resources"]) == order
    rows = [row for row in scene.audit() if row["fc_function"] == "akw-revoke"]
    assert {(row["reason"], row["trigger"]) for row in rows} == {("ended", order.trigger)}


def test_revoked_by_order_the_ticket_never_issues_again(scene: Scene) -> None:
    """An order consumes its tickets as a webhook does."""
    issued(scene)
    outcome(scene, submit(scene, order_of(scene)))

    again = issued(scene, title="the same ticket once more")

    assert again["reason"] == "ticket_consumed"


def test_order_repeated_changes_nothing(scene: Scene) -> None:
    """Whoever sends it twice loses nothing by it."""
    issued(scene)
    order = order_of(scene)
    outcome(scene, submit(scene, order))
    before = len(scene.changes())

    end = outcome(scene, submit(scene, order))

    assert (end["status"], end["grants"]) == ("carried_out", 0)
    assert [c["action"] for c in scene.changes()[before:]] == ["InvokeFunction"]


@pytest.mark.parametrize("by", ["ticket", "requester", "access_key_id", "person"])
def test_order_by_whatever_is_known(scene: Scene, by: str) -> None:
    """A ticket, who asked, a key, or a person: each ends the grant, and only it."""
    person = f"zoe.{scene.application}@example.com"
    mine = issued(scene, requester={"id": person, "email": person})
    other = issued_for(scene, "other")
    selectors = {
        "ticket": {"source": "standard-webhooks", "ticket": f"T-{scene.application}"},
        "requester": {"requester": person},
        "access_key_id": {"access_key_id": mine["access_key_id"]},
        "person": {"person": person},
    }

    end = outcome(scene, submit(scene, order_of(scene, by=by, **selectors[by])))

    assert (end["grants"], end["access_keys"]) == (1, 1)
    assert remains(scene) == [f"Custom:{other['policy']}"]
    assert refusal_code(scene, key_of(scene, other)) == ""


def test_everything_of_a_person_goes(scene: Scene) -> None:
    """What they asked for, and the self-service policy of their RAM user, whoever asked for it."""
    person, user = f"zoe.{scene.application}@example.com", f"zoe-{scene.application}"
    issued(scene, requester={"id": person, "email": person})
    administrator(scene, lambda ram: ram.create_user(ram_models.CreateUserRequest(user_name=user)))
    issued_for(scene, "self", environment="dev", use_case="cli", consumers=[],
               network={"source_ips": []}, ttl_seconds=7 * 86_400,
               permissions=[{"template": "self-service-access-key-manage",
                             "parameters": {"user_name": user}}])  # fmt: skip
    order = order_of(scene, reason="offboarded", by="person", person=person, ram_user=user)

    end = outcome(scene, submit(scene, order))

    assert end["grants"] == 2
    assert remains(scene) == []
    assert scene.state()["ram"]["users"][user]["attached"] == {}


def test_order_over_the_cap_is_refused_before_anything_changes(scene: Scene) -> None:
    """With the count on record; raised by the order itself, it goes through."""
    person = f"zoe.{scene.application}@example.com"
    for name in ("a", "b"):
        issued_for(scene, name, requester={"id": person, "email": person})
    before = len(scene.changes())
    selector = {"by": "requester", "requester": person}

    refused = outcome(scene, submit(scene, order_of(scene, at_most=1, **selector)))

    assert (refused["status"], refused["reason"]) == ("refused", "over_the_cap")
    assert [c["action"] for c in scene.changes()[before:]] == ["InvokeFunction"]
    result = order_rows(scene, order_of(scene).id)[-1]
    assert (result["error_code"], result["message"]) == (
        "over_the_cap", "2 grants selected, at most 1 allowed")  # fmt: skip
    end = outcome(scene, submit(scene, order_of(scene, at_most=2, number=2, **selector)))
    assert end["grants"] == 2
    assert remains(scene, f"{scene.application}-a") == []


def test_what_bears_our_name_but_not_our_tags_is_cut_and_flagged(scene: Scene) -> None:
    """Not ended at a guess, nor passed over: a person is told, and the order stays open."""
    name, order = f"akw-{scene.application}-prod", order_of(scene)
    administrator(scene, lambda ram: ram.create_user(ram_models.CreateUserRequest(user_name=name)))

    request_id = submit(scene, order)

    flagged = f"user {name} bears our name or our tags, but not both"
    ends = until(lambda: [
        r for r in order_rows(scene, order.id)
        if (r["event_type"], r["phase"]) == (orders.EVENT, "result")
    ])  # fmt: skip
    assert ends[0]["outcome"] == "failure"
    notes = [r for r in order_rows(scene, order.id) if r["phase"] == "note"]
    assert {row["reason"] for row in notes} == {flagged}
    assert remains(scene) == [name]
    assert "Custom:akw-quarantine" in scene.state()["ram"]["users"][name]["attached"]
    administrator(scene, lambda ram: _removed_by_hand(ram, name))
    assert outcome(scene, request_id)["flagged"] == []


def _removed_by_hand(ram: Any, name: str) -> None:
    ram.detach_policy_from_user(ram_models.DetachPolicyFromUserRequest(
        policy_type="Custom", policy_name="akw-quarantine", user_name=name))  # fmt: skip
    ram.delete_user(ram_models.DeleteUserRequest(user_name=name))


def test_order_cuts_while_the_log_refuses_everything(scene: Scene) -> None:
    """Access ends without it; what is deleted waits until it is back."""
    key = key_of(scene, issued(scene))
    fault = {"kind": "error", "product": "sls", "function": "akw-revoke", "status": 400,
             "code": "InvalidParameter"}  # fmt: skip
    scene.stage.manage("POST", "/faults", fault)
    try:
        request_id = submit(scene, order_of(scene, "offboarded"))
        until(lambda: refusal_code(scene, key) == "InvalidAccessKeyId.Inactive")
    finally:
        scene.stage.manage("DELETE", "/faults")

    assert outcome(scene, request_id)["grants"] in (0, 1)  # a run that failed may have ended it
    assert remains(scene) == []


def test_order_beside_an_issue_ends_what_that_makes(scene: Scene) -> None:
    """Its user is not there yet when the order looks: its intents are."""
    scene.stage.manage("POST", "/faults", {
        "kind": "delay", "product": "ims", "action": "CreateUser", "seconds": 3,
        "function": "akw-issue",
    })  # fmt: skip
    scene.deliver(scene.body())
    until(lambda: scene.audit('event_type: "user.created" and phase: intent'))

    end = outcome(scene, submit(scene, order_of(scene, "offboarded")))

    assert (end["status"], end["grants"]) == ("carried_out", 1)
    answer_of(scene, "akw-issue")
    assert remains(scene) == []


@pytest.mark.parametrize("action", ["ListUsers", "ListPolicies"])
def test_order_waits_for_what_it_cannot_read(scene: Scene, action: str) -> None:
    """I6: an order that cannot see everything ends nothing yet; then it ends it all."""
    issued(scene)
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "action": action, "function": "akw-revoke", "times": 2, "status": 400,
        "code": "InvalidParameter",
    })  # fmt: skip

    end = outcome(scene, submit(scene, order_of(scene)))

    failed = [c for c in scene.history() if c["code"] == "InvalidParameter"]
    changed = [c for c in scene.changes() if "role/akw-revoke" in c["principal"]]
    assert (len(failed), end["grants"]) == (2, 1)
    assert changed[0]["at"] > failed[-1]["at"]
    assert remains(scene) == []


def test_order_that_is_none_is_refused(scene: Scene) -> None:
    """A clear word, and nothing is changed."""
    from dataclasses import replace

    order = replace(order_of(scene), reason="because")

    request_id = submit(scene, order)

    end = outcome(scene, request_id)
    assert end == {"status": "refused", "reason": "invalid_value"}
    assert task(scene, request_id)["attempts"] == 1


def test_order_beside_a_webhook_ends_it_once(scene: Scene) -> None:
    """Both run at the same time: one takes the lease, the other finds nothing left."""
    issued(scene)
    order = order_of(scene)
    scene.stage.manage("POST", "/faults", {
        "kind": "delay", "action": "DeleteAccessKey", "function": "akw-revoke", "seconds": 1.0,
    })  # fmt: skip

    request_id = submit(scene, order)
    revoked(scene)

    outcome(scene, request_id)
    assert remains(scene) == []
