"""The sweep in the local cloud: what dies for good is finished or removed, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_ram20150501 import models as ram_models

from demo import actors
from demo.stage import REGION, Stage
from tests.e2e.conftest import Scene, furnish, until, watched
from tests.e2e.ordering import order_of, order_rows, submit
from tests.e2e.test_crashes import CALLS, REVOKING_CALLS
from tests.e2e.test_issue import stored_versions
from tests.e2e.test_purge import order
from tests.e2e.test_revoke import administrator, ended, issued, remains, revoked, withdraw

PAST_THE_GUARD = 340  # the sweep's timeout, the lag bound, and what a test may take
NEVER = 1_000_000  # seconds until FC would try again: the task has failed for good


@pytest.fixture(scope="module", autouse=True)
def present(stage: Stage) -> Iterator[None]:
    """Leave the stage to other tests as they know it: furnished, and in the present."""
    yield
    stage.manage("POST", "/reset")
    stage.manage("POST", "/choices", {"fc_retry_interval_seconds": 0.5})
    furnish(stage)


@pytest.fixture
def scene(stage: Stage) -> Iterator[Scene]:
    """Time is moved here, so each test begins with an empty cloud that is back in the present."""
    stage.manage("POST", "/reset")
    stage.manage("POST", "/choices", {"fc_retry_interval_seconds": 0.5})
    furnish(stage)
    with watched(stage) as scene:
        yield scene


def fault(scene: Scene, kind: str, product: str, action: str, **more: Any) -> None:
    scene.stage.manage(
        "POST", "/faults", {"kind": kind, "product": product, "action": action, **more}
    )


def pass_the_guard(scene: Scene) -> None:
    scene.stage.manage("POST", "/clock", {"advance_seconds": PAST_THE_GUARD})


def fire(scene: Scene, timer: str = "sweep") -> str:
    """Let the timer fire now; the request it makes."""
    return str(scene.stage.manage("POST", f"/timers/akw-cleanup/{timer}")["request_id"])


def swept(scene: Scene, request_id: str = "", timer: str = "sweep") -> dict[str, Any]:
    """The sweep's task, once it has ended."""
    request_id = request_id or fire(scene, timer)

    def over() -> dict[str, Any] | None:
        tasks = scene.stage.manage("GET", "/tasks")["tasks"]
        return next((t for t in tasks if t["request_id"] == request_id
                     and t["state"] in ("Succeeded", "Failed")), None)  # fmt: skip

    return dict(until(over))


def died(scene: Scene, function: str, kind: str, product: str, action: str, nth: int = 1) -> None:
    """Break that call of the delivery's run, which nobody tries again; then let time pass."""
    fault(scene, kind, product, action, function=function, nth=nth, times=0)
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": NEVER})
    (scene.deliver if function == "akw-issue" else lambda body: withdraw(scene))(scene.body())
    mine = lambda: [t for t in scene.tasks() if t["function"] == function]  # noqa: E731
    until(lambda: mine() and mine()[-1]["state"] in ("Retrying", "Succeeded", "Failed"))
    scene.stage.manage("DELETE", "/faults")
    pass_the_guard(scene)


def open_changes(scene: Scene) -> list[str]:
    """I3: announced changes without a result."""
    rows = scene.audit()
    results = {row["change_id"] for row in rows if row["phase"] == "result"}
    return [r["event_type"] for r in rows
            if r["phase"] == "intent" and r["change_id"] not in results]  # fmt: skip


def live_keys(scene: Scene) -> list[str]:
    state = scene.state()["ram"]
    user = state["users"].get(f"akw-{scene.application}-prod")
    return [k["id"] for k in state["keys"].values() if user and k["user_id"] == user["id"]]


def markers(scene: Scene) -> list[str]:
    return [name for name in scene.state()["ram"]["policies"] if "akw-lock-" in name]


def assert_converged(scene: Scene) -> None:
    """I1 and I3: a live key is stored, or nothing bears the name; every intent has its result."""
    keys = live_keys(scene)
    if keys:
        assert len(keys) == 1
        assert keys[0] in stored_versions(scene)
    else:
        assert remains(scene) == []
    assert markers(scene) == []
    assert open_changes(scene) == []


# Killed before a call is as killed after the one before it; the unit tests do both.
@pytest.mark.parametrize(("product", "action"), CALLS)
def test_issue_killed_for_good_is_finished_or_removed(
    scene: Scene, product: str, action: str
) -> None:
    """Every change of the saga: one sweep past the age guard ends what it left."""
    died(scene, "akw-issue", "kill-after", product, action)

    task = swept(scene)

    assert task["state"] == "Succeeded", task
    assert_converged(scene)


@pytest.mark.parametrize(("product", "action"), REVOKING_CALLS)
def test_revocation_killed_for_good_is_finished(
    scene: Scene, product: str, action: str
) -> None:
    """I7: whoever died over it, the sweep goes on, and the log says that it has ended."""
    issued(scene)
    died(scene, "akw-revoke", "kill-after", product, action)
    announced = bool(scene.audit('event_type: "ticket.revoked"'))

    task = swept(scene)

    assert task["state"] == "Succeeded", task
    assert_converged(scene)
    if announced:
        assert remains(scene) == []
        assert scene.audit('event_type: "ticket.revoked" and phase: result and outcome: success')


def test_removed_issue_can_be_tried_again(scene: Scene) -> None:
    """A ticket whose issue was abandoned is not used up: a late retry serves it."""
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": PAST_THE_GUARD + 60})
    fault(scene, "kill-after", "ram", "CreateAccessKey", function="akw-issue")
    scene.deliver(scene.body())
    until(lambda: scene.tasks()[-1]["state"] == "Retrying")
    pass_the_guard(scene)
    assert swept(scene)["state"] == "Succeeded"
    assert remains(scene) == []

    scene.stage.manage("POST", "/clock", {"advance_seconds": 90})

    assert scene.settled()[-1]["state"] == "Succeeded"
    assert_converged(scene)
    assert len(live_keys(scene)) == 1


def test_grant_that_works_without_its_results_is_put_on_record(scene: Scene) -> None:
    """Its results could not be written: nothing is undone, and the ticket counts as used."""
    died(scene, "akw-issue", "error", "sls", "PutLogs", nth=2)
    keys = live_keys(scene)

    swept(scene)

    assert live_keys(scene) == keys != []
    (row,) = scene.audit('event_type: "key.issued" and phase: result')
    assert (row["outcome"], row["access_key_id"]) == ("success", keys[0])
    assert row["message"] == "late; found by cleanup"
    assert_converged(scene)


def test_key_from_a_lost_answer_beside_a_live_grant_is_retired(scene: Scene) -> None:
    """Only the key that was never stored; the other is neither disabled nor deleted."""
    outcome = issued(scene)
    user = f"akw-{scene.application}-prod"
    administrator(scene, lambda ram: ram.create_access_key(
        ram_models.CreateAccessKeyRequest(user_name=user)))  # fmt: skip
    # The sweep looks at what the log has a doubt about: here, a lost answer of long ago.
    doubtful = dict(scene.audit('event_type: "key.created" and phase: result')[0])
    doubtful |= {"outcome": "unknown", "access_key_id": "", "event_id": "lost"}
    _write(scene, {name: value for name, value in doubtful.items() if not name.startswith("__")})
    pass_the_guard(scene)

    assert swept(scene)["state"] == "Succeeded"

    assert live_keys(scene) == [outcome["access_key_id"]]
    touched = [c["parameters"].get("UserAccessKeyId") for c in scene.changes()
               if "role/akw-cleanup" in c["principal"] and "AccessKey" in c["action"]]  # fmt: skip
    assert outcome["access_key_id"] not in touched


def _write(scene: Scene, row: dict[str, str]) -> None:
    """A row in the audit log, as an administrator."""
    item = actors.LogItem(int(row["time_ms"]) // 1000, contents=list(row.items()))
    with scene.stage.proxied():
        actors.administrator(scene.stage).log_client().put_logs(actors.PutLogsRequest(
            actors.PROJECT, "audit", topic="akwarden", source="test", logitems=[item]))  # fmt: skip


def test_things_of_others_are_told_and_never_touched(scene: Scene) -> None:
    """Names like ours without an intent in the log: a finding a day, and not one change."""
    user = f"akw-{scene.application}-prod"
    administrator(scene, lambda ram: ram.create_user(
        ram_models.CreateUserRequest(user_name=user)))  # fmt: skip
    administrator(scene, lambda ram: ram.create_policy(ram_models.CreatePolicyRequest(
        policy_name="akw-other-dev", policy_document='{"Version":"1","Statement":[]}'
        .replace("[]", '[{"Effect":"Deny","Action":["*"],"Resource":["*"]}]'))))  # fmt: skip
    with scene.stage.proxied():
        admin = actors.administrator(scene.stage)
        kms = actors.KmsClient(admin.config(f"kms.{REGION}.aliyuncs.com"))
        kms.create_secret(kms_models.CreateSecretRequest(
            secret_name=f"akw/{scene.application}/prod", version_id="v1", secret_data="theirs",
            secret_data_type="text", dkmsinstance_id="kst-emulator0001",
            encryption_key_id="key-emulator0001",
            tags=json.dumps([{"TagKey": "akw:source", "TagValue": "standard-webhooks"},
                             {"TagKey": "akw:ticket", "TagValue": f"T-{scene.application}"}]),
        ))  # fmt: skip
    pass_the_guard(scene)

    assert swept(scene, timer="deep")["state"] == "Succeeded"
    assert swept(scene, timer="deep")["state"] == "Succeeded"

    changed = [c["action"] for c in scene.changes() if "role/akw-cleanup" in c["principal"]]
    assert changed == []
    rows = actors.audit_rows(scene.stage, 'event_type: "sweep.finding"')
    assert sorted(row["resources"] for row in rows) == sorted({row["resources"] for row in rows})
    assert {f"user/{user}", "policy/akw-other-dev", f"secret/akw/{scene.application}/prod"} == {
        row["resources"] for row in rows
    }


def _tags(scene: Scene, user: str, change: Callable[[ImsClient, list[str]], object]) -> None:
    """Change a user's tags, as an administrator."""
    user_id = scene.state()["ram"]["users"][user]["id"]
    with scene.stage.proxied():
        config = actors.administrator(scene.stage).config("ims.aliyuncs.com")
        change(ImsClient(config), [user_id])


def test_live_grant_survives_a_lost_tag(scene: Scene) -> None:
    """Somebody tidies up tags: the secret that readers get is not deleted because of that."""
    issued(scene)
    keys = live_keys(scene)
    _tags(scene, f"akw-{scene.application}-prod", lambda ims, ids: ims.untag_resources(
        ims_models.UntagResourcesRequest(
            resource_type="user", resource_id=ids, tag_key=["akw:ticket"])))  # fmt: skip
    pass_the_guard(scene)

    assert swept(scene, timer="deep")["state"] == "Succeeded"

    assert live_keys(scene) == keys != []
    assert keys[0] in stored_versions(scene)
    rows = actors.audit_rows(scene.stage, 'event_type: "sweep.finding"')
    assert f"secret/akw/{scene.application}/prod" in {row["resources"] for row in rows}


def test_copied_tags_of_a_revoked_ticket_end_nothing(scene: Scene) -> None:
    """A user of others, tagged with a ticket that has ended elsewhere, is told and not touched."""
    issued(scene)
    revoked(scene)
    administrator(scene, lambda ram: ram.create_user(
        ram_models.CreateUserRequest(user_name="akw-theirs-prod")))  # fmt: skip
    copied = {"akw:source": "standard-webhooks", "akw:ticket": f"T-{scene.application}"}
    _tags(scene, "akw-theirs-prod", lambda ims, ids: ims.tag_resources(
        ims_models.TagResourcesRequest(resource_type="user", resource_id=ids, tag=[
            ims_models.TagResourcesRequestTag(key=k, value=v) for k, v in copied.items()])))
    pass_the_guard(scene)

    assert swept(scene)["state"] == "Succeeded"

    assert [c for c in scene.changes() if "role/akw-cleanup" in c["principal"]] == []
    assert "akw-theirs-prod" in scene.state()["ram"]["users"]


def test_without_the_log_nothing_is_removed(scene: Scene) -> None:
    """SLS down: nobody knows what is ours."""
    died(scene, "akw-issue", "kill-after", "ram", "CreateAccessKey")
    fault(scene, "error", "sls", "GetLogs", times=0, status=400, code="ParameterInvalid",
          function="akw-cleanup")  # fmt: skip

    task = swept(scene)

    assert task["state"] == "Failed"
    assert [c for c in scene.changes() if "role/akw-cleanup" in c["principal"]] == []
    scene.stage.manage("DELETE", "/faults")
    assert swept(scene)["state"] == "Succeeded"
    assert_converged(scene)


def test_running_issue_is_left_alone(scene: Scene) -> None:
    """A sweep in the middle of an issue changes nothing of it."""
    fault(scene, "delay", "kms", "PutSecretValue", seconds=4)
    scene.deliver(scene.body())
    until(lambda: live_keys(scene))

    task = swept(scene)

    assert task["state"] == "Succeeded"
    assert [c for c in scene.changes() if "role/akw-cleanup" in c["principal"]] == []
    assert scene.outcome()["status"] == "issued"
    assert_converged(scene)


def test_two_sweeps_at_once_end_as_one(scene: Scene) -> None:
    """FC's timers may overlap: the lease lets one act, the other leaves it or sees it done."""
    died(scene, "akw-issue", "kill-after", "ram", "CreateAccessKey")

    both = [fire(scene), fire(scene)]

    assert "Succeeded" in {swept(scene, request)["state"] for request in both}
    swept(scene)
    deletes = [c for c in scene.changes() if c["action"] in ("DeleteUser", "DeleteSecret")]
    assert len(deletes) == 2
    pass_the_guard(scene)
    swept(scene)
    assert_converged(scene)


def test_revocation_finds_what_was_added_by_hand(scene: Scene) -> None:
    """A group, a login, a second version of the policy: the sweep's role can remove them too."""
    issued(scene)
    user, policy = (f"akw-{scene.application}-prod",) * 2

    def by_hand(ram: Any) -> None:
        ram.create_group(ram_models.CreateGroupRequest(group_name=f"g-{scene.application}"))
        ram.add_user_to_group(ram_models.AddUserToGroupRequest(
            user_name=user, group_name=f"g-{scene.application}"))  # fmt: skip
        ram.create_login_profile(ram_models.CreateLoginProfileRequest(
            user_name=user, password="Un-guessable-0815-xyz"))  # fmt: skip
        ram.create_policy_version(ram_models.CreatePolicyVersionRequest(
            policy_name=policy, set_as_default=True,
            policy_document='{"Version":"1","Statement":[{"Effect":"Deny","Action":["*"],'
                            '"Resource":["*"]}]}'))  # fmt: skip

    administrator(scene, by_hand)
    died(scene, "akw-revoke", "kill-after", "ram", "CreatePolicy")

    assert swept(scene)["state"] == "Succeeded"

    assert_converged(scene)
    assert remains(scene) == []


def test_leak_is_purged_by_the_sweep_too(scene: Scene) -> None:
    """The reason on record is kept: nothing of it can be restored, and that is proved."""
    issued(scene)
    fault(scene, "kill-after", "ram", "DeleteAccessKey", function="akw-revoke")
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": NEVER})
    order(scene, "leaked")
    until(lambda: any(t["state"] == "Retrying" for t in scene.tasks()))
    scene.stage.manage("DELETE", "/faults")
    pass_the_guard(scene)

    assert swept(scene)["state"] == "Succeeded"

    state = scene.state()["ram"]
    assert (state["recycled_users"], state["recycled_keys"]) in (({}, {}), ([], []))
    assert scene.audit('event_type: "key.proved_gone" and outcome: success')
    (end,) = scene.audit('event_type: "ticket.revoked" and outcome: success')
    assert (end["reason"], end["fc_function"]) == ("leaked", "akw-cleanup")
    assert_converged(scene)
    assert remains(scene) == []


@pytest.mark.parametrize(("product", "action", "nth"), [("ram", "AttachPolicyToUser", 1),
                                                       ("ram", "DeleteUser", 1),
                                                       ("sls", "PutLogs", 1)])  # fmt: skip
def test_order_that_died_is_carried_out_by_the_sweep(
    scene: Scene, product: str, action: str, nth: int
) -> None:
    """From its text on record, under its own id; afterwards nothing is open."""
    issued(scene)
    fault(scene, "kill-after", product, action, function="akw-revoke", nth=nth)
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": NEVER})
    order = order_of(scene, reason="ended")
    submit(scene, order)
    until(lambda: any(t["state"] == "Retrying" for t in scene.tasks()))
    scene.stage.manage("DELETE", "/faults")
    pass_the_guard(scene)

    assert swept(scene)["state"] == "Succeeded"

    rows = order_rows(scene, order.id)
    assert ("result", "success") in {(row["phase"], row["outcome"]) for row in rows}
    results = {row["change_id"] for row in rows if row["phase"] == "result"}
    assert {row["change_id"] for row in rows if row["phase"] == "intent"} == results
    assert remains(scene) == []
    assert_converged(scene)


def test_self_service_policy_of_a_holder_who_is_gone_is_removed(scene: Scene) -> None:
    """The description names who held it; the log proves whose policy it was."""
    holder = f"heidi{scene.application}"
    administrator(scene, lambda ram: ram.create_user(
        ram_models.CreateUserRequest(user_name=holder)))  # fmt: skip
    issued(scene, **_self_service(holder))
    policy = f"akw-{scene.application}-dev"
    administrator(scene, lambda ram: ram.detach_policy_from_user(
        ram_models.DetachPolicyFromUserRequest(
            policy_type="Custom", policy_name=policy, user_name=holder)))  # fmt: skip
    administrator(scene, lambda ram: ram.delete_user(
        ram_models.DeleteUserRequest(user_name=holder)))  # fmt: skip
    pass_the_guard(scene)

    assert swept(scene)["state"] == "Succeeded"

    assert f"Custom:{policy}" not in scene.state()["ram"]["policies"]


def _self_service(holder: str) -> dict[str, Any]:
    return {
        "environment": "dev", "use_case": "cli", "consumers": [], "network": {"source_ips": []},
        "ttl_seconds": 7 * 86_400,
        "permissions": [{"template": "self-service-access-key-manage",
                         "parameters": {"user_name": holder}}],
    }  # fmt: skip


def test_plan_is_answered_and_nothing_done(scene: Scene) -> None:
    """`make sweep-plan`: the table says what the next sweep will do."""
    from deploy import sweep_plan as command

    died(scene, "akw-issue", "kill-after", "ram", "CreateAccessKey")

    with scene.stage.proxied():
        lines = command.plan(scene.stage.administrator_environment())

    text = "\n".join(lines)
    assert f"remove remains  akw-{scene.application}-prod" in text
    assert "release lease" in text
    assert [c for c in scene.changes() if "role/akw-cleanup" in c["principal"]] == []


def test_event_of_anybody_else_is_refused(scene: Scene) -> None:
    """Neither a timer's event nor a request for a plan: nothing is read, nothing done."""
    from deploy import invocation

    with scene.stage.proxied():
        answer = invocation.answer_of(
            scene.stage.administrator_environment(), "akw-cleanup", b'{"dry_run": "yes"}'
        )

    assert answer == {"status": "refused", "reason": "payload_malformed"}


def test_ended_tasks_are_what_they_say(scene: Scene) -> None:
    """A quiet sweep: nothing planned, nothing failed."""
    issued(scene)
    pass_the_guard(scene)

    payload = json.loads(swept(scene)["return_payload"])

    assert payload["status"] == "swept"
    assert payload["failed"] == 0
    assert ended(scene, "akw-issue")
