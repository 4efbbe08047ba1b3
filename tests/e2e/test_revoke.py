"""From a signed revocation to nothing: the key dead, its grant gone, all of it on record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_ram20150501 import models as ram_models
from Tea.exceptions import TeaException

from demo import actors
from demo.actors import Keys
from tests.e2e.conftest import Scene, until

ADDRESS = "198.51.100.7"
GONE = "InvalidAccessKeyId.NotFound"


def issued(scene: Scene, **changes: Any) -> dict[str, Any]:
    """A live grant of the scene's ticket; what the worker answered."""
    scene.deliver(scene.body(**changes))
    return answer_of(scene, "akw-issue")


def revoked(scene: Scene, **changes: Any) -> dict[str, Any]:
    """Withdraw the scene's ticket and wait for the end; what the worker answered."""
    withdraw(scene, **changes)
    return answer_of(scene, "akw-revoke")


def withdraw(scene: Scene, **changes: Any) -> tuple[int, dict[str, Any]]:
    values = {"type": "accesskey.ticket.revoked", "status": "revoked"} | changes
    return scene.deliver(scene.body(**values))


def answer_of(scene: Scene, function: str) -> dict[str, Any]:
    """The last answer of that function, once all its tasks of this test have ended well."""
    tasks = ended(scene, function)
    assert tasks[-1]["state"] == "Succeeded", tasks[-1]
    return dict(json.loads(tasks[-1]["return_payload"]))


def ended(scene: Scene, function: str) -> list[dict[str, Any]]:
    """The function's tasks, oldest first, once there is one and none is at work."""

    def all_ended() -> list[dict[str, Any]] | None:
        tasks = [task for task in scene.tasks() if task["function"] == function]
        over = all(task["state"] in ("Succeeded", "Failed") for task in tasks)
        return tasks if tasks and over else None

    return list(until(all_ended))


def key_of(scene: Scene, outcome: dict[str, Any]) -> Keys:
    reader = actors.assume(scene.stage, actors.READER)
    return actors.read_key(scene.stage, reader, outcome["secret_name"])


def refusal_code(scene: Scene, key: Keys) -> str:
    """With which code STS refuses the key; empty if it does not."""
    try:
        actors.identity(scene.stage, key, ADDRESS)
    except TeaException as err:
        return str(err.code)
    return ""


def remains(scene: Scene, application: str = "") -> list[str]:
    """Everything in RAM and KMS that bears the application's name."""
    name = application or scene.application
    state = scene.state()
    ram, kms = state["ram"], state["kms"]
    users = [user for user in ram["users"] if user == f"akw-{name}-prod"]
    policies = [p for p in ram["policies"] if f"akw-{name}-" in p or f"akw-lock-{name}-" in p]
    return [*users, *policies, *(s for s in kms["secrets"] if s.startswith(f"akw/{name}/"))]


def worker_changes(scene: Scene) -> list[str]:
    """What the revoke function changed, the audit left out."""
    return [c["action"] for c in scene.changes() if "role/akw-revoke" in c["principal"]]


def administrator(scene: Scene, change: Callable[[Any], object]) -> None:
    """An administrator does something in RAM, behind akwarden's back."""
    with scene.stage.proxied():
        change(actors.RamClient(actors.administrator(scene.stage).config("ram.aliyuncs.com")))


def test_revoked_key_is_gone_and_so_is_all_that_came_with_it(scene: Scene) -> None:
    """The key answers with the code of a key that does not exist; nothing bears the name."""
    outcome = issued(scene)
    key = key_of(scene, outcome)
    assert refusal_code(scene, key) == ""

    status, answer = withdraw(scene)

    end = answer_of(scene, "akw-revoke")
    assert (status, answer["status"], answer["action"]) == (202, "accepted", "revoke")
    assert refusal_code(scene, key) == GONE
    assert remains(scene) == []
    assert end == {
        "status": "revoked", "ticket": f"T-{scene.application}",
        "ram_user": f"akw-{scene.application}-prod", "access_key_ids": [outcome["access_key_id"]],
        "left": [], "repeated": False,
    }  # fmt: skip


def test_secret_of_a_revoked_key_cannot_be_read(scene: Scene) -> None:
    """The reader that was allowed yesterday finds no secret."""
    outcome = issued(scene)

    revoked(scene)

    with pytest.raises(TeaException) as refused:
        key_of(scene, outcome)
    assert refused.value.code == "Forbidden.NoPermission"  # the right was the secret's own policy


def test_access_ends_before_anything_is_deleted(scene: Scene) -> None:
    """Intents, then all that denies, then the lease, then intents again and all that deletes."""
    issued(scene)

    revoked(scene)

    actions = worker_changes(scene)
    denials = {"AttachPolicyToUser", "SetAccessKeyPolicy", "UpdateAccessKey"}
    assert set(actions[:3]) == denials
    assert actions[3] == "CreatePolicy"
    assert actions[4] == "DeleteAccessKey"
    assert actions[-1] == "DeletePolicy"  # the lease's marker
    assert actions[-4:-1] == ["DetachPolicyFromUser", "DeleteUser", "DeleteSecret"]
    worker = [c for c in scene.history() if "role/akw-revoke" in c["principal"] and c["changed"]]
    assert worker[0]["action"] == "PutLogs"
    assert worker[-1]["action"] == "PutLogs"


def test_every_change_has_its_intent_and_its_result(scene: Scene) -> None:
    """I3; what was gone already is a success that says so, and the end of the ticket comes too."""
    issued(scene)

    revoked(scene)

    rows = [row for row in scene.audit() if row["fc_function"] == "akw-revoke"]
    events = {phase: sorted(r["event_type"] for r in rows if r["phase"] == phase)
              for phase in ("intent", "result")}  # fmt: skip
    assert events["intent"] == events["result"] == sorted([
        "ticket.revoked", "lease.taken", "lease.released", "quarantine.attached",
        "key.restricted", "key.disabled", "key.deleted", "policy.detached", "login.removed",
        "mfa.unbound", "policy.deleted", "quarantine.detached", "user.deleted", "secret.deleted",
    ])  # fmt: skip
    results = {row["event_type"]: row for row in rows if row["phase"] == "result"}
    assert {row["outcome"] for row in results.values()} == {"success"}
    assert {row["reason"] for row in rows} == {"withdrawn"}
    assert results["login.removed"]["message"] == "already so"
    assert results["login.removed"]["error_code"] == "EntityNotExist.User.LoginProfile"
    assert not [row for row in rows if "late" in row["message"]]


def test_repeated_revocation_succeeds_and_changes_nothing(scene: Scene) -> None:
    """Never refused as a repeat: it runs again, finds the end on record, leaves all as it is."""
    issued(scene)
    revoked(scene)
    before = len(scene.changes())

    for _ in range(3):
        end = revoked(scene)
        assert (end["status"], end["repeated"]) == ("revoked", True)

    assert [c["action"] for c in scene.changes()[before:]] == ["InvokeFunction"] * 3
    assert len(ended(scene, "akw-revoke")) == 4


@pytest.mark.parametrize("status", ["revoked", "withdrawn", "approved"])
def test_nobody_has_to_approve_a_revocation(scene: Scene, status: str) -> None:
    """Whoever may sign may withdraw, whatever the rules say of the ticket by now."""
    issued(scene)

    end = revoked(scene, status=status, approvals=[], ttl_seconds=1, necessity_confirmed=False)

    assert end["status"] == "revoked"
    assert remains(scene) == []


@pytest.mark.parametrize("status", ["pending", "rejected"])
def test_status_that_ends_nothing_is_refused(scene: Scene, status: str) -> None:
    """A delivery that contradicts itself changes nothing."""
    code, answer = withdraw(scene, status=status)

    assert (code, answer["reason"]) == (409, "ticket_not_revoked")
    assert scene.changes() == []


# -- a revoked ticket never issues ------------------------------------------------------------


def test_redelivered_approval_is_refused(scene: Scene) -> None:
    """Revoke, then the approval comes again, with another title so that it is another task."""
    issued(scene)
    revoked(scene)

    again = issued(scene, title="the same ticket once more")

    assert again["reason"] == "ticket_consumed"
    assert remains(scene) == []


def test_revocation_that_overtakes_its_approval_ends_the_ticket(scene: Scene) -> None:
    """The end is on record although there was nothing to revoke."""
    end = revoked(scene)
    rows = scene.audit('event_type: "ticket.revoked" and phase: result')

    refused = issued(scene)

    assert (end["status"], end["access_key_ids"]) == ("revoked", [])
    assert [row["outcome"] for row in rows] == ["success"]
    assert refused["reason"] == "ticket_consumed"
    assert remains(scene) == []


def test_late_retry_of_issue_is_refused(scene: Scene) -> None:
    """FC tries an issue task again after its ticket was revoked: nothing is made."""
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "ims", "action": "GetUser", "function": "akw-issue",
        "times": 0, "status": 400, "code": "InvalidParameter",
    })  # fmt: skip
    scene.deliver(scene.body())
    until(lambda: scene.stage.manage("GET", "/faults")["rules"][0]["fired"])
    revoked(scene)

    scene.stage.manage("DELETE", "/faults")

    assert answer_of(scene, "akw-issue")["reason"] == "ticket_consumed"
    assert remains(scene) == []


@pytest.mark.parametrize("action", ["CreateUser", "CreateAccessKey", "UpdateSecretVersionStage"])
def test_revocation_during_issue_waits_to_delete_and_leaves_nothing(
    scene: Scene, action: str
) -> None:
    """The issue run is in the middle of a slow call: its grant is cut, and then removed."""
    scene.stage.manage("POST", "/faults", {
        "kind": "delay", "action": action, "function": "akw-issue", "seconds": 2.0,
    })  # fmt: skip
    scene.deliver(scene.body())
    until(lambda: scene.stage.manage("GET", "/faults")["rules"][0]["fired"])

    revoked(scene)

    ended(scene, "akw-issue")
    assert remains(scene) == []
    live = {key["user_id"] for key in scene.state()["ram"]["keys"].values()}
    assert live <= {user["id"] for user in scene.state()["ram"]["users"].values()}


# -- what others did in between ---------------------------------------------------------------


def test_everything_added_by_hand_goes_too(scene: Scene) -> None:
    """A second key, a system and a custom policy, a group, a login, an MFA device, versions."""
    outcome = issued(scene)
    user, mark = outcome["ram_user"], scene.application
    document = json.dumps({"Version": "1", "Statement": [
        {"Effect": "Allow", "Action": ["oss:GetObject"], "Resource": ["*"]}]})  # fmt: skip
    for change in (
        lambda ram: ram.create_access_key(ram_models.CreateAccessKeyRequest(user_name=user)),
        lambda ram: ram.create_policy(ram_models.CreatePolicyRequest(
            policy_name=f"extra-{mark}", policy_document=document)),
        lambda ram: ram.attach_policy_to_user(ram_models.AttachPolicyToUserRequest(
            policy_type="Custom", policy_name=f"extra-{mark}", user_name=user)),
        lambda ram: ram.attach_policy_to_user(ram_models.AttachPolicyToUserRequest(
            policy_type="System", policy_name="AliyunOSSReadOnlyAccess", user_name=user)),
        lambda ram: ram.create_group(ram_models.CreateGroupRequest(group_name=f"g-{mark}")),
        lambda ram: ram.add_user_to_group(ram_models.AddUserToGroupRequest(
            user_name=user, group_name=f"g-{mark}")),
        lambda ram: ram.create_login_profile(ram_models.CreateLoginProfileRequest(
            user_name=user, password="Very-long-password-1")),
        lambda ram: ram.create_virtual_mfadevice(ram_models.CreateVirtualMFADeviceRequest(
            virtual_mfadevice_name=mark)),
        lambda ram: ram.bind_mfadevice(ram_models.BindMFADeviceRequest(
            user_name=user, serial_number=f"acs:ram::{actors.ACCOUNT}:mfa/{mark}",
            authentication_code_1="123456", authentication_code_2="654321")),
        lambda ram: ram.create_policy_version(ram_models.CreatePolicyVersionRequest(
            policy_name=outcome["policy"], policy_document=document, set_as_default=True)),
        lambda ram: ram.create_policy_version(ram_models.CreatePolicyVersionRequest(
            policy_name=outcome["policy"], policy_document=document)),
    ):  # fmt: skip
        administrator(scene, change)

    end = revoked(scene)

    ram = scene.state()["ram"]
    assert len(end["access_key_ids"]) == 2
    assert remains(scene) == []
    assert f"Custom:extra-{mark}" in ram["policies"]  # detached, and not ours to delete
    assert f"g-{mark}" in ram["groups"]
    assert not set(end["access_key_ids"]) & set(ram["keys"])


def test_policy_that_others_hold_is_left_and_flagged(scene: Scene) -> None:
    """Somebody attached it to another user: detaching it there is not ours to do."""
    outcome = issued(scene)
    other = f"bob-{scene.application}"
    administrator(scene, lambda ram: ram.create_user(ram_models.CreateUserRequest(user_name=other)))
    administrator(scene, lambda ram: ram.attach_policy_to_user(
        ram_models.AttachPolicyToUserRequest(
            policy_type="Custom", policy_name=outcome["policy"], user_name=other)))  # fmt: skip

    end = revoked(scene)

    flag = f"policy {outcome['policy']} is held by user/{other} too"
    row = scene.audit('event_type: "ticket.revoked" and phase: result')[-1]
    assert end["left"] == [flag]
    assert row["message"] == f"left: {flag}"
    assert remains(scene) == [f"Custom:{outcome['policy']}"]
    assert scene.state()["ram"]["users"][other]["attached"]


def remove_secret(scene: Scene, outcome: dict[str, Any]) -> None:
    with scene.stage.proxied():
        admin = actors.administrator(scene.stage)
        kms = actors.KmsClient(admin.config("kms.cn-hangzhou.aliyuncs.com"))
        kms.delete_secret(kms_models.DeleteSecretRequest(
            secret_name=outcome["secret_name"], force_delete_without_recovery="true"))  # fmt: skip


def remove_user(scene: Scene, outcome: dict[str, Any]) -> None:
    """All an administrator has to do to delete a user; its policy and secret stay."""
    user, policy = outcome["ram_user"], outcome["policy"]
    administrator(scene, lambda ram: ram.delete_access_key(ram_models.DeleteAccessKeyRequest(
        user_name=user, user_access_key_id=outcome["access_key_id"])))  # fmt: skip
    administrator(scene, lambda ram: ram.detach_policy_from_user(
        ram_models.DetachPolicyFromUserRequest(
            policy_type="Custom", policy_name=policy, user_name=user)))  # fmt: skip
    administrator(scene, lambda ram: ram.delete_user(ram_models.DeleteUserRequest(user_name=user)))


@pytest.mark.parametrize("removed", [[remove_secret], [remove_user], [remove_user, remove_secret]])
def test_what_is_gone_already_is_no_failure(
    scene: Scene, removed: list[Callable[[Scene, dict[str, Any]], None]]
) -> None:
    """Somebody was faster with the secret, with the user, or with both."""
    outcome = issued(scene)
    for remove in removed:
        remove(scene, outcome)

    end = revoked(scene)

    assert end["status"] == "revoked"
    assert remains(scene) == []


def test_another_tickets_grant_is_not_touched(scene: Scene) -> None:
    """A ticket that was refused because the application has a key is withdrawn: the key lives."""
    outcome = issued(scene)
    key = key_of(scene, outcome)

    end = revoked(scene, id="T-OTHER-ONE")

    assert refusal_code(scene, key) == ""
    assert end["left"] == [
        f"user {outcome['ram_user']} is another ticket's",
        f"secret {outcome['secret_name']} is another ticket's",
    ]
    assert worker_changes(scene) == ["CreatePolicy", "DeletePolicy"]  # the lease, nothing else
    rights = scene.state()["ram"]["users"][outcome["ram_user"]]["attached"]
    assert list(rights) == [f"Custom:{outcome['policy']}"]


def test_delivery_with_another_application_ends_the_grant_all_the_same(scene: Scene) -> None:
    """The log remembers under which names the ticket was issued."""
    outcome = issued(scene)
    key = key_of(scene, outcome)

    end = revoked(scene, application=f"{scene.application}-renamed", environment="dev")

    assert end["access_key_ids"] == [outcome["access_key_id"]]
    assert refusal_code(scene, key) == GONE
    assert remains(scene) == []


def test_self_service_ends_with_its_policy(scene: Scene) -> None:
    """The existing user keeps everything else: its keys, its login, its other policies."""
    user = f"heidi-{scene.application}"
    administrator(scene, lambda ram: ram.create_user(ram_models.CreateUserRequest(user_name=user)))
    administrator(scene, lambda ram: ram.create_access_key(
        ram_models.CreateAccessKeyRequest(user_name=user)))  # fmt: skip
    other = ram_models.AttachPolicyToUserRequest(
        policy_type="System", policy_name="AliyunOSSReadOnlyAccess", user_name=user)  # fmt: skip
    administrator(scene, lambda ram: ram.attach_policy_to_user(other))
    ticket: dict[str, Any] = {
        "environment": "dev", "use_case": "cli", "consumers": [], "network": {"source_ips": []},
        "ttl_seconds": 7 * 86_400,
        "permissions": [{"template": "self-service-access-key-manage",
                         "parameters": {"user_name": user}}],
    }  # fmt: skip
    issued(scene, **ticket)

    revoked(scene, **ticket)

    ram = scene.state()["ram"]
    held = ram["users"][user]
    assert list(held["attached"]) == ["System:AliyunOSSReadOnlyAccess"]
    assert [k["status"] for k in ram["keys"].values() if k["user_id"] == held["id"]] == ["Active"]
    assert remains(scene) == []


def test_application_gets_a_new_key_by_a_new_ticket(scene: Scene) -> None:
    """The names are free again at once: user, policy and secret."""
    first = issued(scene)
    revoked(scene)

    second = issued(scene, id="T-NEW-ONE")

    assert second["status"] == "issued"
    assert second["secret_name"] == first["secret_name"]
    assert second["access_key_id"] != first["access_key_id"]


def test_provisioning_puts_the_quarantine_right(scene: Scene) -> None:
    """Whoever softened it finds it denying everything again after the next run."""
    soft = json.dumps({"Version": "1", "Statement": [
        {"Effect": "Deny", "Action": ["oss:*"], "Resource": ["*"]}]})  # fmt: skip
    administrator(scene, lambda ram: ram.create_policy_version(
        ram_models.CreatePolicyVersionRequest(
            policy_name="akw-quarantine", policy_document=soft, set_as_default=True)))  # fmt: skip
    told: list[str] = []

    scene.stage.provision(told.append)

    documents: list[str] = []
    administrator(scene, lambda ram: documents.append(ram.get_policy(ram_models.GetPolicyRequest(
        policy_name="akw-quarantine", policy_type="Custom",
    )).body.default_policy_version.policy_document))  # fmt: skip
    assert "policy akw-quarantine: updated" in told
    assert json.loads(documents[0])["Statement"] == [
        {"Effect": "Deny", "Action": ["*"], "Resource": ["*"]}
    ]


# -- errors on the way ------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [(400, "PostBodyInvalid"), (500, "InternalServerError")])
def test_access_ends_although_nothing_can_be_written(
    scene: Scene, refusal: tuple[int, str]
) -> None:
    """SLS is down: the key is cut, the user is left to be found, and the rows come later."""
    outcome = issued(scene)
    key = key_of(scene, outcome)
    status, code = refusal
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "sls", "action": "PutLogs", "function": "akw-revoke",
        "times": 0, "status": status, "code": code,
    })  # fmt: skip
    withdraw(scene)
    until(lambda: refusal_code(scene, key) == "InvalidAccessKeyId.Inactive")
    user = scene.state()["ram"]["users"][outcome["ram_user"]]
    assert "Custom:akw-quarantine" in user["attached"]
    until(lambda: scene.stage.manage("GET", "/faults")["rules"][0]["fired"] >= 2)

    scene.stage.manage("DELETE", "/faults")

    assert answer_of(scene, "akw-revoke")["status"] == "revoked"
    assert refusal_code(scene, key) == GONE
    assert remains(scene) == []
    rows = [r for r in scene.audit('phase: result') if r["fc_function"] == "akw-revoke"]
    late = {row["event_type"] for row in rows if row["message"].startswith("late")}
    assert late == {"quarantine.attached", "key.restricted", "key.disabled"}


def test_cut_does_not_wait_for_a_slow_log(scene: Scene) -> None:
    """SLS takes its time with the intents: after a few seconds access ends without it."""
    key = key_of(scene, issued(scene))
    scene.stage.manage("POST", "/faults", {
        "kind": "delay", "product": "sls", "action": "PutLogs", "function": "akw-revoke",
        "seconds": 8.0, "times": 0,
    })  # fmt: skip
    withdraw(scene)

    until(lambda: refusal_code(scene, key) == "InvalidAccessKeyId.Inactive")

    scene.stage.manage("DELETE", "/faults")
    assert [c for c in scene.history() if "role/akw-revoke" in c["principal"]
            and c["action"] == "PutLogs" and c["status"]] == []  # fmt: skip
    assert answer_of(scene, "akw-revoke")["status"] == "revoked"
    rows = scene.audit('phase: result and event_type: "key.disabled"')
    assert [row["message"] for row in rows] == ["late"]


def test_one_permanent_error_stops_nothing_else(scene: Scene) -> None:
    """The group cannot be left: key, policy and secret go all the same, the user stays cut off,
    and FC tries on."""
    outcome = issued(scene)
    user, group = outcome["ram_user"], f"g-{scene.application}"
    administrator(scene, lambda ram: ram.create_group(
        ram_models.CreateGroupRequest(group_name=group)))  # fmt: skip
    administrator(scene, lambda ram: ram.add_user_to_group(
        ram_models.AddUserToGroupRequest(user_name=user, group_name=group)))  # fmt: skip
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "action": "RemoveUserFromGroup", "times": 0, "status": 400,
        "code": "InvalidParameter",
    })  # fmt: skip
    withdraw(scene)
    until(lambda: scene.stage.manage("GET", "/faults")["rules"][0]["fired"] >= 2)

    assert remains(scene)[0] == user
    state = scene.state()["ram"]
    assert "Custom:akw-quarantine" in state["users"][user]["attached"]
    assert outcome["access_key_id"] not in state["keys"]
    scene.stage.manage("DELETE", "/faults")

    assert answer_of(scene, "akw-revoke")["status"] == "revoked"
    assert remains(scene) == []
    failed = {row["error_code"] for row in scene.audit("outcome: failure")}
    assert failed == {"InvalidParameter", "revocation_incomplete"}


def test_unreadable_user_is_not_taken_for_gone(scene: Scene) -> None:
    """I6: while nobody knows whose the user is, nothing is removed and nothing is called ended."""
    issued(scene)
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "action": "GetUser", "function": "akw-revoke", "times": 2,
        "status": 400, "code": "InvalidParameter",
    })  # fmt: skip

    end = revoked(scene)

    failed = [c for c in scene.history() if c["code"] == "InvalidParameter"]
    changed = [c for c in scene.changes() if "role/akw-revoke" in c["principal"]]
    assert end["status"] == "revoked"
    assert len(failed) == 2
    assert changed[0]["at"] > failed[-1]["at"]
    assert remains(scene) == []


def test_event_of_another_kind_is_refused(scene: Scene) -> None:
    """Whoever hands an approval to the revoking function revokes nothing."""
    from alibabacloud_fc20230330 import models as fc_models
    from alibabacloud_fc20230330.client import Client

    issued(scene)
    payload = json.dumps({"format": "1", "type": "accesskey.ticket.approved",
                          "source": "standard-webhooks", "sent_at": "", "ticket": {}})  # fmt: skip
    config = actors.administrator(scene.stage).config(
        f"{actors.ACCOUNT}.{actors.REGION}.fc.aliyuncs.com")  # fmt: skip
    with scene.stage.proxied():
        response = Client(config).invoke_function("akw-revoke", fc_models.InvokeFunctionRequest(
            body=payload.encode()))  # fmt: skip

    answer = json.loads(response.body.read())
    assert answer == {"status": "refused", "reason": "invalid_value"}
    assert worker_changes(scene) == []
