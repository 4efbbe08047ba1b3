"""From a signed approval to a working key, and to one key only."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from demo import actors
from shared import tickets
from shared.refusals import Denied
from tests.e2e.conftest import Scene
from tests.unit.samples import approval

ADDRESS = "198.51.100.7"
EVENTS = (
    "ticket_lease.taken", "lease.taken", "user.created", "policy.created", "secret.reserved",
    "policy.attached", "key.created", "secret.stored", "key.issued", "key.restricted",
    "lease.released", "ticket_lease.released",
)  # fmt: skip


def test_approval_becomes_a_working_key(scene: Scene) -> None:
    """The named role reads from KMS a key that STS knows as the application's user."""
    status, answer = scene.deliver(scene.body())

    outcome = scene.outcome()
    key = actors.read_key(
        scene.stage, actors.assume(scene.stage, actors.READER), outcome["secret_name"]
    )
    assert (status, answer["status"]) == (202, "accepted")
    assert outcome["access_key_id"] == key.access_key_id == outcome["secret_version"]
    arn = actors.identity(scene.stage, key, ADDRESS)
    assert arn.endswith(f":user/akw-{scene.application}-prod")


def test_user_has_no_console_login_and_one_policy(scene: Scene) -> None:
    """Programmatic access only, and nothing but the grant's own policy."""
    scene.deliver(scene.body())
    scene.settled()

    user = scene.state()["ram"]["users"][f"akw-{scene.application}-prod"]
    assert user["login_profile"] is None
    assert list(user["attached"]) == [f"Custom:akw-{scene.application}-prod"]


def test_key_has_the_tickets_network_policy(scene: Scene) -> None:
    """A key is usable from the ticket's addresses only."""
    scene.deliver(scene.body())
    outcome = scene.outcome()

    key = scene.state()["ram"]["keys"][outcome["access_key_id"]]
    assert f'"IPList": ["{ADDRESS}"]'.replace(" ", "") in key["network_policy"].replace(" ", "")


def test_fifty_deliveries_make_one_key_and_fifty_equal_answers(scene: Scene) -> None:
    """One user, one policy, one key, its one stored version, one intent and result per action."""
    body = scene.body()

    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: scene.deliver(body), range(50)))

    scene.settled()
    state = scene.state()
    name = f"akw-{scene.application}-prod"
    user = state["ram"]["users"][name]
    keys = [k for k in state["ram"]["keys"].values() if k["user_id"] == user["id"]]
    assert len(answers) == 50
    assert all(answer == answers[0] for answer in answers)
    assert answers[0][0] == 202
    assert [n for n in state["ram"]["users"] if scene.application in n] == [name]
    assert [n for n in state["ram"]["policies"] if scene.application in n] == [f"Custom:{name}"]
    assert len(keys) == 1
    created = [c["action"] for c in scene.history() if c["changed"]].count("CreateAccessKey")
    assert created == 1
    assert stored_versions(scene) == [keys[0]["id"]]
    rows = [(row["phase"], row["event_type"]) for row in scene.audit()]
    assert sorted(rows) == sorted(
        (phase, event) for phase in ("intent", "result") for event in EVENTS
    )


def stored_versions(scene: Scene) -> list[str]:
    """Version ids of the application's secret, without the reservation."""
    secret = scene.state()["kms"]["secrets"][f"akw/{scene.application}/prod"]
    return [v["id"] for v in secret["versions"] if v["id"] != "reserve"]


def test_intent_is_acknowledged_before_the_first_change(scene: Scene) -> None:
    """I3: PutLogs has been answered before anything in RAM or KMS is changed."""
    scene.deliver(scene.body())
    scene.settled()

    worker = [c for c in scene.history() if "role/akw-issue" in c["principal"] and c["changed"]]
    assert worker[0]["action"] == "PutLogs"
    assert worker[-1]["action"] == "PutLogs"


def test_second_ticket_for_a_live_application_is_refused(scene: Scene) -> None:
    """One user and key per application: a second ticket changes nothing."""
    scene.deliver(scene.body())
    scene.settled()
    before = len(scene.changes())

    scene.deliver(scene.body(id="T-OTHER"))

    tasks = scene.settled(2)
    assert "application_has_live_key" in tasks[-1]["return_payload"]
    assert [c["action"] for c in scene.changes()[before:]] == ["InvokeFunction"]
    assert scene.audit('event_type: "ticket.rejected"')[-1]["reason"].startswith(
        "application_has_live_key"
    )


def test_consumed_ticket_is_refused_once_its_grant_is_gone(scene: Scene) -> None:
    """I5: the audit log remembers a ticket when user, key and secret are gone."""
    scene.deliver(scene.body())
    outcome = scene.outcome()
    remove_by_hand(scene, outcome)
    before = len(scene.changes())

    scene.deliver(scene.body(title="the same ticket with another title"))

    tasks = scene.settled(2)
    assert "ticket_consumed" in tasks[-1]["return_payload"]
    assert [c["action"] for c in scene.changes()[before:]] == ["InvokeFunction"]


def remove_by_hand(scene: Scene, outcome: dict[str, str]) -> None:
    """What an administrator could do behind akwarden's back."""
    from alibabacloud_kms20160120 import models as kms_models
    from alibabacloud_ram20150501 import models as ram_models

    admin = actors.administrator(scene.stage)
    user, policy = outcome["ram_user"], outcome["policy"]
    with scene.stage.proxied():
        ram = actors.RamClient(admin.config("ram.aliyuncs.com"))
        ram.delete_access_key(ram_models.DeleteAccessKeyRequest(
            user_name=user, user_access_key_id=outcome["access_key_id"]))  # fmt: skip
        ram.detach_policy_from_user(ram_models.DetachPolicyFromUserRequest(
            policy_type="Custom", policy_name=policy, user_name=user))  # fmt: skip
        ram.delete_policy(ram_models.DeletePolicyRequest(policy_name=policy))
        ram.delete_user(ram_models.DeleteUserRequest(user_name=user))
        kms = actors.KmsClient(admin.config("kms.cn-hangzhou.aliyuncs.com"))
        kms.delete_secret(kms_models.DeleteSecretRequest(
            secret_name=outcome["secret_name"], force_delete_without_recovery="true"))  # fmt: skip


def test_secret_made_beforehand_is_not_adopted(scene: Scene) -> None:
    """I4: a secret with the ticket's tags but other readers never gets a key."""
    from alibabacloud_kms20160120 import models as kms_models

    body = scene.body()
    ticket = tickets.parse(json.loads(body)["data"], source="standard-webhooks")
    assert not isinstance(ticket, Denied)
    tags = {"akw:source": ticket.source, "akw:ticket": ticket.id,
            "akw:digest": tickets.digest(ticket)}  # fmt: skip
    with scene.stage.proxied():
        kms = actors.KmsClient(
            actors.administrator(scene.stage).config("kms.cn-hangzhou.aliyuncs.com")
        )
        kms.create_secret(kms_models.CreateSecretRequest(
            secret_name=f"akw/{scene.application}/prod", version_id="v1", secret_data="{}",
            dkmsinstance_id="kst-emulator0001", encryption_key_id="key-emulator0001",
            tags=json.dumps([{"TagKey": k, "TagValue": v} for k, v in tags.items()]),
        ))  # fmt: skip

    scene.deliver(body)

    assert scene.outcome()["reason"] == "name_in_use"
    assert f"akw-{scene.application}-prod" not in scene.state()["ram"]["users"]


def test_grant_that_is_nearly_over_is_not_made(scene: Scene) -> None:
    """A lifetime counts from the approval; what is over is not issued."""
    status, answer = scene.deliver(scene.body(
        environment="dev", ttl_seconds=3600,
        approvals=[approval("carol", datetime.now(UTC) - timedelta(days=2))],
    ))  # fmt: skip

    assert (status, answer["reason"]) == (409, "grant_nearly_over")
    assert scene.changes() == []


def test_types_of_others_are_ignored_with_success(scene: Scene) -> None:
    """A sender may share one address for all its events."""
    status, answer = scene.deliver(scene.body(type="invoice.paid"))

    assert (status, answer) == (200, {"status": "ignored"})
    assert scene.changes() == []


def test_several_signatures_and_rotated_secrets_are_accepted(scene: Scene) -> None:
    """One valid signature among others is enough."""
    body = scene.body()
    headers = actors.signed_headers(scene.secret, body)
    headers["webhook-signature"] = f"v1a,AAAA v1,AAAA {headers['webhook-signature']}"

    status, _ = scene.send(body, headers)

    assert status == 202
    scene.settled()


def test_self_service_grant_attaches_a_policy_and_makes_no_key(scene: Scene) -> None:
    """An existing user may manage its own keys, by a policy scoped to that user alone."""
    from alibabacloud_ram20150501 import models as ram_models

    user = f"heidi-{scene.application}"
    with scene.stage.proxied():
        ram = actors.RamClient(actors.administrator(scene.stage).config("ram.aliyuncs.com"))
        ram.create_user(ram_models.CreateUserRequest(user_name=user))

    scene.deliver(scene.body(
        environment="dev", use_case="cli", consumers=[], network={"source_ips": []},
        ttl_seconds=7 * 86_400,
        permissions=[{"template": "self-service-access-key-manage",
                      "parameters": {"user_name": user}}],
    ))  # fmt: skip

    outcome = scene.outcome()
    state = scene.state()["ram"]
    assert (outcome["status"], outcome["access_key_id"]) == ("issued", "")
    assert list(state["users"][user]["attached"]) == [f"Custom:akw-{scene.application}-dev"]
    assert not [k for k in state["keys"].values() if k["user_id"] == state["users"][user]["id"]]


def test_self_service_for_nobody_is_refused(scene: Scene) -> None:
    """A user that does not exist is not made for the purpose."""
    scene.deliver(scene.body(
        environment="dev", use_case="cli", consumers=[], network={"source_ips": []},
        ttl_seconds=7 * 86_400,
        permissions=[{"template": "self-service-access-key-manage",
                      "parameters": {"user_name": f"nobody-{scene.application}"}}],
    ))  # fmt: skip

    assert scene.outcome()["reason"] == "user_not_found"
    assert [c["action"] for c in scene.changes()] == ["InvokeFunction"]
