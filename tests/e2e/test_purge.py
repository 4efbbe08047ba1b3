"""After a leak nothing can be restored; and a name that the recycle bin holds is freed or refused.

Both recycle bins are RAM's; an administrator tries to restore from them, through IMS.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as fc_models
from alibabacloud_fc20230330.client import Client as FcClient
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_tea_util.models import RuntimeOptions
from Tea.exceptions import TeaException

from demo import actors
from demo.stage import DOMAIN
from shared import handover, tickets
from shared.deliveries import Delivery
from tests.e2e.conftest import Scene, until
from tests.e2e.test_revoke import (
    GONE,
    administrator,
    answer_of,
    issued,
    key_of,
    refusal_code,
    remains,
    revoked,
    worker_changes,
)
from tests.unit.samples import approved_ticket


def order(scene: Scene, reason: str, **changes: Any) -> None:
    """End the scene's ticket for that reason: by whoever may invoke akw-revoke, no webhook can."""
    now = datetime.now(UTC)
    values = {"application": scene.application, "id": f"T-{scene.application}"}
    ticket = tickets.parse(
        approved_ticket(now, **(values | changes | {"status": "revoked"})),
        source="standard-webhooks",
    )
    assert isinstance(ticket, tickets.Ticket)
    content = json.loads(handover.payload(
        Delivery("accesskey.ticket.revoked", "revoke", now, ticket), now))  # fmt: skip
    config = actors.administrator(scene.stage).config(
        f"{actors.ACCOUNT}.{actors.REGION}.fc.aliyuncs.com")  # fmt: skip
    with scene.stage.proxied():
        FcClient(config).invoke_function_with_options(
            "akw-revoke",
            fc_models.InvokeFunctionRequest(body=json.dumps(content | {"reason": reason}).encode()),
            fc_models.InvokeFunctionHeaders(x_fc_invocation_type="Async"), RuntimeOptions(),
        )  # fmt: skip


def ended_for(scene: Scene, reason: str, **changes: Any) -> dict[str, Any]:
    """Order the end and wait for it; what the worker answered."""
    before = len(scene.tasks())
    order(scene, reason, **changes)
    assert len(scene.tasks()) == before + 1
    return answer_of(scene, "akw-revoke")


def ims(scene: Scene, call: Any) -> str:
    """An administrator's call of IMS: empty if it did what it should, else the refusal's code."""
    with scene.stage.proxied():
        try:
            call(ImsClient(actors.administrator(scene.stage).config("ims.aliyuncs.com")))
        except TeaException as err:
            return str(err.code)
    return ""


def user_id(scene: Scene, outcome: dict[str, Any]) -> str:
    return str(scene.state()["ram"]["users"][outcome["ram_user"]]["id"])


def restore_user(scene: Scene, of: str) -> str:
    return ims(scene, lambda client: client.restore_user_from_recycle_bin(
        ims_models.RestoreUserFromRecycleBinRequest(user_id=of)))  # fmt: skip


def restore_key(scene: Scene, of: str, key_id: str) -> str:
    return ims(scene, lambda client: client.restore_access_key_from_recycle_bin(
        ims_models.RestoreAccessKeyFromRecycleBinRequest(
            user_id=of, user_access_key_id=key_id)))  # fmt: skip


def proofs(scene: Scene) -> list[tuple[str, str, str]]:
    """(key, outcome, code) of what STS was asked, as the log has it."""
    return [(row["access_key_id"], row["outcome"], row["error_code"])
            for row in scene.audit('event_type: "key.proved_gone"')]  # fmt: skip


@pytest.mark.parametrize("reason", ["leaked", "offboarded"])
def test_nothing_can_be_restored(scene: Scene, reason: str) -> None:
    """Neither key nor user comes back by an administrator's hand, and the log has the proof."""
    outcome = issued(scene)
    key, owner = key_of(scene, outcome), user_id(scene, outcome)

    end = ended_for(scene, reason)

    assert end["access_key_ids"] == [outcome["access_key_id"]]
    assert remains(scene) == []
    assert restore_user(scene, owner) == "EntityNotExist.User"
    assert restore_key(scene, owner, key.access_key_id) == "EntityNotExist.User.AccessKey"
    assert refusal_code(scene, key) == GONE
    assert proofs(scene) == [(key.access_key_id, "success", GONE)]
    rows = [row for row in scene.audit() if row["fc_function"] == "akw-revoke"]
    assert {row["reason"] for row in rows} == {reason}


def test_withdrawn_grant_can_still_be_restored(scene: Scene) -> None:
    """A mistake can be put right: user and key come back, and nobody has asked for a proof."""
    outcome = issued(scene)
    key, owner = key_of(scene, outcome), user_id(scene, outcome)

    revoked(scene)

    assert restore_user(scene, owner) == ""
    assert restore_key(scene, owner, key.access_key_id) == ""
    assert refusal_code(scene, key) == "InvalidAccessKeyId.Inactive"
    assert proofs(scene) == []


def test_keys_go_from_the_bin_before_their_user_goes(scene: Scene) -> None:
    """The order of the changes, as the cloud saw them; the intents of all stand before them."""
    issued(scene)

    ended_for(scene, "leaked")

    actions = worker_changes(scene)
    wanted = ["DeleteAccessKey", "DeleteAccessKeyInRecycleBin", "DeleteUser",
              "DeleteUserInRecycleBin", "DeleteSecret"]  # fmt: skip
    assert [action for action in actions if action in wanted] == wanted
    phases = {phase: sorted(row["event_type"] for row in scene.audit(f"phase: {phase}")
                            if row["fc_function"] == "akw-revoke")
              for phase in ("intent", "result")}  # fmt: skip
    assert phases["intent"] == phases["result"]
    assert {"key.purged", "user.purged"} <= set(phases["result"])


def test_leak_after_a_withdrawal_purges_and_proves(scene: Scene) -> None:
    """The withdrawal's end is on record, and everything of it restorable: it is done anew."""
    outcome = issued(scene)
    key, owner = key_of(scene, outcome), user_id(scene, outcome)
    revoked(scene)

    end = ended_for(scene, "leaked")

    assert end["repeated"] is False
    assert restore_user(scene, owner) == "EntityNotExist.User"
    assert proofs(scene) == [(key.access_key_id, "success", GONE)]
    again = ended_for(scene, "leaked")
    assert again["repeated"] is True


def test_key_that_was_restored_in_between_ends_once_more(scene: Scene) -> None:
    """User and key came back by hand and work again: the leak ends both for good."""
    outcome = issued(scene)
    key, owner = key_of(scene, outcome), user_id(scene, outcome)
    revoked(scene)
    assert restore_user(scene, owner) == ""
    assert restore_key(scene, owner, key.access_key_id) == ""
    administrator(scene, lambda ram: ram.update_access_key(ram_models.UpdateAccessKeyRequest(
        user_name=outcome["ram_user"], user_access_key_id=key.access_key_id,
        status="Active")))  # fmt: skip

    ended_for(scene, "leaked")

    assert refusal_code(scene, key) == GONE
    assert remains(scene) == []
    assert restore_key(scene, owner, key.access_key_id) == "EntityNotExist.User.AccessKey"
    assert restore_user(scene, owner) == "EntityNotExist.User"


def test_keys_and_user_deleted_by_hand_are_purged(scene: Scene) -> None:
    """Somebody tidied up before the order came: the key in the bin says whose its user was."""
    outcome = issued(scene)
    owner, key_id = user_id(scene, outcome), outcome["access_key_id"]
    administrator(scene, lambda ram: ram.delete_access_key(ram_models.DeleteAccessKeyRequest(
        user_name=outcome["ram_user"], user_access_key_id=key_id)))  # fmt: skip
    administrator(scene, lambda ram: ram.detach_policy_from_user(
        ram_models.DetachPolicyFromUserRequest(
            policy_type="Custom", policy_name=outcome["policy"],
            user_name=outcome["ram_user"])))  # fmt: skip
    administrator(scene, lambda ram: ram.delete_user(
        ram_models.DeleteUserRequest(user_name=outcome["ram_user"])))  # fmt: skip

    ended_for(scene, "leaked")

    assert restore_user(scene, owner) == "EntityNotExist.User"
    assert remains(scene) == []
    assert proofs(scene) == [(key_id, "success", GONE)]


def test_unknown_reason_is_refused(scene: Scene) -> None:
    """Whoever invokes the function with a word of their own ends nothing."""
    outcome = issued(scene)

    end = ended_for(scene, "bored")

    assert end == {"status": "refused", "reason": "invalid_value"}
    assert outcome["ram_user"] in remains(scene)


def test_without_sts_nothing_is_proved_and_nothing_is_over(scene: Scene) -> None:
    """Everything is gone, and yet the revocation goes on until it has been proved."""
    outcome = issued(scene)
    scene.stage.manage("POST", "/faults", {
        "kind": "outage", "product": "sts", "status": 503, "code": "ServiceUnavailable",
    })  # fmt: skip
    order(scene, "leaked")
    until(lambda: remains(scene) == [] and scene.audit(
        'event_type: "ticket.revoked" and outcome: failure'))  # fmt: skip
    assert {result for _, result, _ in proofs(scene)} == {"unknown"}

    scene.stage.manage("DELETE", "/faults")

    assert answer_of(scene, "akw-revoke")["status"] == "revoked"
    assert proofs(scene)[-1] == (outcome["access_key_id"], "success", GONE)


@pytest.mark.parametrize("product", ["ims", "ram"])
def test_bins_that_lag_are_read_until_they_are_empty(scene: Scene, product: str) -> None:
    """Reads show what was a second ago, the purge acts on what is: nothing stays behind."""
    outcome = issued(scene)
    owner, key_id = user_id(scene, outcome), outcome["access_key_id"]
    scene.stage.manage("POST", "/faults", {
        "kind": "lag", "product": product, "seconds": 1.0,
    })  # fmt: skip

    ended_for(scene, "leaked")

    assert remains(scene) == []
    assert restore_user(scene, owner) == "EntityNotExist.User"
    assert restore_key(scene, owner, key_id) == "EntityNotExist.User.AccessKey"


# -- a name that the recycle bin holds ----------------------------------------------------------


@pytest.fixture
def kept_names(scene: Scene) -> Iterator[Scene]:
    """A cloud that keeps the names of users in its recycle bin."""
    scene.stage.manage("POST", "/choices", {"recycled_user_name_reusable": False})
    yield scene
    scene.stage.manage("POST", "/choices", {"recycled_user_name_reusable": True})


def test_name_of_our_own_deleted_user_is_freed(kept_names: Scene) -> None:
    """The log names its id: purged after an intent, and the application gets its new key."""
    first = issued(kept_names)
    owner = user_id(kept_names, first)
    revoked(kept_names)

    second = issued(kept_names, id=f"T-{kept_names.application}-new")

    assert second["status"] == "issued"
    assert restore_user(kept_names, owner) == "EntityNotExist.User"
    rows, ticket = kept_names.audit('event_type: "user.purged"'), f"T-{kept_names.application}-new"
    assert [(row["phase"], row["resources"], row["ticket_id"]) for row in rows] == [
        ("intent", owner, ticket), ("result", owner, ticket)
    ]  # fmt: skip


def stranger_in_the_bin(scene: Scene) -> str:
    """Somebody made and deleted a user of the name to come; its id."""
    name = f"akw-{scene.application}-prod"
    administrator(scene, lambda ram: ram.create_user(ram_models.CreateUserRequest(user_name=name)))
    made = str(scene.state()["ram"]["users"][name]["id"])
    administrator(scene, lambda ram: ram.delete_user(ram_models.DeleteUserRequest(user_name=name)))
    return made


def test_name_of_a_strangers_deleted_user_is_refused(kept_names: Scene) -> None:
    """Nothing is left behind, and what is not ours can still be restored."""
    stranger = stranger_in_the_bin(kept_names)

    refused = issued(kept_names)

    assert refused["reason"] == "name_in_recycle_bin"
    assert remains(kept_names) == []
    assert [row["reason"] for row in kept_names.audit('event_type: "ticket.rejected"')] == [
        "name_in_recycle_bin at application"
    ]
    assert restore_user(kept_names, stranger) == ""


def test_refused_ticket_is_issued_when_the_name_is_free(kept_names: Scene) -> None:
    """The refusal ended that delivery; the ticket is not consumed."""
    stranger = stranger_in_the_bin(kept_names)
    assert issued(kept_names)["reason"] == "name_in_recycle_bin"
    ims(kept_names, lambda client: client.delete_user_in_recycle_bin(
        ims_models.DeleteUserInRecycleBinRequest(user_id=stranger)))  # fmt: skip

    outcome = issued(kept_names, title="the same ticket once more")

    assert outcome["status"] == "issued"


def test_free_names_leave_the_bin_alone(scene: Scene) -> None:
    """Where RAM does not keep names, the earlier grant stays restorable under its own id."""
    first = issued(scene)
    owner = user_id(scene, first)
    revoked(scene)

    second = issued(scene, id=f"T-{scene.application}-new")

    assert second["status"] == "issued"
    assert owner in scene.state()["ram"]["recycled_users"]
    assert "ListUsersInRecycleBin" not in {call["action"] for call in scene.history()}


def test_emulator_keeps_names_from_both_apis(kept_names: Scene) -> None:
    """RAM's and IMS's CreateUser answer alike."""
    stranger_in_the_bin(kept_names)
    name = f"akw-{kept_names.application}-prod"

    code = ims(kept_names, lambda client: client.create_user(ims_models.CreateUserRequest(
        user_principal_name=f"{name}@{DOMAIN}", display_name="x")))  # fmt: skip

    assert code == "EntityAlreadyExists.User"
    with pytest.raises(TeaException) as raised:
        administrator(kept_names, lambda ram: ram.create_user(
            ram_models.CreateUserRequest(user_name=name)))  # fmt: skip
    assert raised.value.code == "EntityAlreadyExists.User"
