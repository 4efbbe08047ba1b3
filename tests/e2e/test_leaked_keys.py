"""From the event that tells of a leaked key to the dead key: how fast, and against whom."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from Tea.exceptions import TeaException

from demo import actors
from demo.actors import Keys
from demo.stage import DOMAIN
from tests.e2e.conftest import Scene, until
from tests.e2e.ordering import LEAK, outcome, publish, task
from tests.e2e.test_revoke import (
    ADDRESS,
    GONE,
    administrator,
    issued,
    key_of,
    refusal_code,
    remains,
    worker_changes,
)

DENIALS = {"AttachPolicyToUser", "SetAccessKeyPolicy", "UpdateAccessKey"}


def calls_of_the_worker(scene: Scene) -> list[dict[str, Any]]:
    return [c for c in scene.history() if "role/akw-revoke" in c["principal"]]


def calls_up_to_the_denial(scene: Scene) -> list[str]:
    """What the worker asked of the cloud from its start until something denied the key. So many
    calls at most can have waited for one another."""
    actions: list[str] = []
    for call in calls_of_the_worker(scene):
        actions.append(call["action"])
        if call["action"] in DENIALS and call["changed"]:
            return actions
    pytest.fail("nothing denied the key")


def test_leaked_key_is_dead_after_three_calls(scene: Scene) -> None:
    """Its owner found, the intents acknowledged, the access denied: one after the other."""
    found = issued(scene)
    key = key_of(scene, found)

    end = outcome(scene, publish(scene, found["access_key_id"]))

    assert calls_up_to_the_denial(scene)[:2] == ["GetUser", "PutLogs"]
    assert len(calls_up_to_the_denial(scene)) == 3
    assert set(worker_changes(scene)[:3]) == DENIALS
    assert (end["grants"], end["access_keys"]) == (1, 1)
    assert refusal_code(scene, key) == GONE
    assert remains(scene) == []
    rows = [row for row in scene.audit() if row["fc_function"] == "akw-revoke"]
    assert {row["reason"] for row in rows} == {"leaked"}
    assert not [row for row in rows if "late" in row["message"]]


@pytest.fixture
def cold(scene: Scene) -> Iterator[Scene]:
    """Every instance is a fresh interpreter that has imported nothing."""
    scene.stage.manage("POST", "/choices", {"fc_cold_start": True})
    scene.stage.manage("POST", "/clock", {"advance_seconds": 1})  # ends warm instances
    yield scene
    scene.stage.manage("POST", "/choices", {"fc_cold_start": False})
    scene.stage.manage("POST", "/clock", {"advance_seconds": 1})


def test_leaked_key_is_dead_after_one_true_cold_start(
    cold: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """A new interpreter, all imports, then the same three calls; the seconds are told."""
    found = issued(cold)
    key = key_of(cold, found)
    cold.stage.manage("POST", "/clock", {"advance_seconds": 1})

    began = time.monotonic()
    request_id = publish(cold, found["access_key_id"])
    code = until(lambda: refusal_code(cold, key))
    seconds = time.monotonic() - began

    outcome(cold, request_id)
    assert code in ("InvalidAccessKeyId.Inactive", "Forbidden.AccessKeyNetworkRestricted", GONE)
    with capsys.disabled():
        sys.stdout.write(f"\nleak event to unusable key, cold start: {seconds:.1f} s\n")
    assert len(calls_up_to_the_denial(cold)) == 3


# -- a holder who fights back -----------------------------------------------------------------


class Holder(threading.Thread):
    """Somebody who has the leaked key, and without pause makes keys and switches keys on."""

    def __init__(self, user: str, key: Keys) -> None:
        super().__init__(daemon=True)
        self.user, self.keys = user, [key]
        self.tried = 0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.is_set():
            for key in tuple(self.keys):
                client = RamClient(key.config("ram.aliyuncs.com"))
                self._try(lambda client=client: self._make(client))  # type: ignore[misc]
                for other in tuple(self.keys):
                    self._try(lambda client=client, other=other:  # type: ignore[misc]
                              client.update_access_key(ram_models.UpdateAccessKeyRequest(
                        user_name=self.user, user_access_key_id=other.access_key_id,
                        status="Active")))  # fmt: skip

    def _make(self, client: Any) -> None:
        made = client.create_access_key(
            ram_models.CreateAccessKeyRequest(user_name=self.user)
        ).body.access_key
        self.keys.append(Keys(made.access_key_id, made.access_key_secret))

    def _try(self, call: Callable[[], object]) -> None:
        self.tried += 1
        try:
            call()
        except TeaException:
            return

    def stop(self) -> None:
        self._over.set()
        self.join(timeout=30)


@pytest.fixture
def laggard(scene: Scene) -> Iterator[Scene]:
    """Keys change with a delay and reads see the past, both within AKWARDEN_MAX_LAG_SECONDS."""
    slow = {"key_propagation_min_seconds": 0.2, "key_propagation_max_seconds": 0.8}
    scene.stage.manage("POST", "/choices", slow)
    with scene.stage.proxied(ADDRESS):  # for the whole test: threads share the proxy variables
        yield scene
    scene.stage.manage("POST", "/choices", dict.fromkeys(slow, 0.0))


def make_administrator(scene: Scene, found: dict[str, Any]) -> None:
    """Behind akwarden's back: every right, and without the policy that denied making keys."""
    administrator(scene, lambda ram: ram.attach_policy_to_user(
        ram_models.AttachPolicyToUserRequest(policy_type="System",
            policy_name="AdministratorAccess", user_name=found["ram_user"])))  # fmt: skip
    administrator(scene, lambda ram: ram.detach_policy_from_user(
        ram_models.DetachPolicyFromUserRequest(policy_type="Custom",
            policy_name=found["policy"], user_name=found["ram_user"])))  # fmt: skip


@pytest.mark.parametrize("almighty", [False, True])
def test_holder_who_makes_keys_without_pause_ends_with_none(
    laggard: Scene, almighty: bool
) -> None:
    """By its own policy it makes none at all; as an administrator it makes none once it is cut,
    and what it had made before is found and dead."""
    scene = laggard
    found = issued(scene)
    key = key_of(scene, found)
    until(lambda: refusal_code(scene, key) == "")
    if almighty:
        make_administrator(scene, found)
    scene.stage.manage("POST", "/faults", {"kind": "lag", "product": "ram", "seconds": 0.8})
    holder = Holder(found["ram_user"], key)
    holder.start()
    try:
        until(lambda: holder.tried > 4 and len(holder.keys) == 1 + almighty)

        tried = holder.tried
        outcome(scene, publish(scene, found["access_key_id"]))

        until(lambda: all(refusal_code(scene, each) == GONE for each in holder.keys))
        assert holder.tried > tried + 4  # it did not stop trying
    finally:
        holder.stop()
    assert len(holder.keys) == 1 + almighty
    assert remains(scene) == []
    live = scene.state()["ram"]["keys"]
    assert not {each.access_key_id for each in holder.keys} & set(live)
    theirs = [c for c in scene.history()
              if c["principal"].endswith(f"user/{found['ram_user']}")]  # fmt: skip
    cut = next(c for c in calls_of_the_worker(scene) if c["action"] == "AttachPolicyToUser")
    assert [c["action"] for c in theirs if c["order"] > cut["order"]] == []


# -- whose key it is --------------------------------------------------------------------------


def test_key_of_nobody_is_on_record_and_nothing_changes(scene: Scene) -> None:
    """A false alarm, or a key of another account."""
    end = outcome(scene, publish(scene, "LTAI5tNobodysKey0000001"))

    assert end["flagged"] == ["no user has this key"]
    assert worker_changes(scene) == []
    rows = actors.audit_rows(scene.stage, 'access_key_id: "LTAI5tNobodysKey0000001"')
    assert [(row["event_type"], row["phase"]) for row in rows] == [("access_key.not_ours", "note")]


def test_key_of_a_user_that_is_not_ours_is_left_alone(scene: Scene) -> None:
    """On record, for those whose key it is; it is theirs to end."""
    user = f"heidi-{scene.application}"
    made: list[str] = []
    administrator(scene, lambda ram: ram.create_user(ram_models.CreateUserRequest(user_name=user)))
    request = ram_models.CreateAccessKeyRequest(user_name=user)
    administrator(scene, lambda ram: made.append(
        ram.create_access_key(request).body.access_key.access_key_id))  # fmt: skip

    end = outcome(scene, publish(scene, made[0]))

    assert end["flagged"] == [f"user {user} is not akwarden's"]
    assert worker_changes(scene) == []
    assert scene.state()["ram"]["keys"][made[0]]["status"] == "Active"


def test_event_that_comes_twice_ends_the_key_once(scene: Scene) -> None:
    """EventBridge delivers at least once."""
    found = issued(scene)
    outcome(scene, publish(scene, found["access_key_id"], id="twice"))
    before = len(worker_changes(scene))

    end = outcome(scene, publish(scene, found["access_key_id"], id="twice"))

    assert end["status"] == "carried_out"
    assert worker_changes(scene)[before:] == []


def test_key_removed_by_hand_ends_the_rest_of_its_grant(scene: Scene) -> None:
    """Somebody was faster with the key: the log knows whose it was."""
    found = issued(scene)
    administrator(scene, lambda ram: ram.delete_access_key(ram_models.DeleteAccessKeyRequest(
        user_name=found["ram_user"], user_access_key_id=found["access_key_id"])))  # fmt: skip

    end = outcome(scene, publish(scene, found["access_key_id"]))

    assert end["grants"] == 1
    assert remains(scene) == []


def untag(scene: Scene, user: str) -> dict[str, str]:
    """Take all tags of ours but one from a user; what they were."""
    keys = scene.state()["ram"]["users"][user]["tags"]
    gone = {k: v for k, v in keys.items() if k.startswith("akw:") and k != "akw:format"}
    with scene.stage.proxied():
        ims = ImsClient(actors.administrator(scene.stage).config("ims.aliyuncs.com"))
        ims.untag_resources(ims_models.UntagResourcesRequest(
            resource_type="user", resource_principal_name=[f"{user}@{DOMAIN}"],
            tag_key=list(gone)))  # fmt: skip
    return gone


def test_user_of_ours_whose_ticket_is_unreadable_is_cut_all_the_same(scene: Scene) -> None:
    """Access ends now; the rest waits until it can be told whose it is."""
    found = issued(scene)
    key = key_of(scene, found)
    tags = untag(scene, found["ram_user"])

    request_id = publish(scene, found["access_key_id"])

    until(lambda: refusal_code(scene, key) == "InvalidAccessKeyId.Inactive")
    attached = scene.state()["ram"]["users"][found["ram_user"]]["attached"]
    assert "Custom:akw-quarantine" in attached
    assert "DeleteAccessKey" not in worker_changes(scene)
    with scene.stage.proxied():
        ims = ImsClient(actors.administrator(scene.stage).config("ims.aliyuncs.com"))
        ims.tag_resources(ims_models.TagResourcesRequest(
            resource_type="user", resource_principal_name=[f"{found['ram_user']}@{DOMAIN}"],
            tag=[ims_models.TagResourcesRequestTag(key=k, value=v)
                 for k, v in tags.items()]))  # fmt: skip
    outcome(scene, request_id)
    assert remains(scene) == []


# -- errors on the way ------------------------------------------------------------------------


@pytest.mark.parametrize("refusal", [(400, "PostBodyInvalid"), (500, "InternalServerError")])
def test_leaked_key_is_cut_although_nothing_can_be_written(
    scene: Scene, refusal: tuple[int, str]
) -> None:
    """SLS is down: the key dies first; order and grant are on record once SLS is back."""
    found = issued(scene)
    key = key_of(scene, found)
    status, code = refusal
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "sls", "action": "PutLogs", "function": "akw-revoke",
        "times": 0, "status": status, "code": code,
    })  # fmt: skip

    request_id = publish(scene, found["access_key_id"])

    until(lambda: refusal_code(scene, key) == "InvalidAccessKeyId.Inactive")
    assert "DeleteAccessKey" not in worker_changes(scene)
    scene.stage.manage("DELETE", "/faults")
    outcome(scene, request_id)
    assert refusal_code(scene, key) == GONE
    assert remains(scene) == []


@pytest.mark.parametrize("action", sorted({"GetUser", *DENIALS}))
def test_leak_is_tried_until_it_is_over(scene: Scene, action: str) -> None:
    """A refusal at any of the first steps: the others happen, and FC runs it again."""
    found = issued(scene)
    key = key_of(scene, found)
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "action": action, "function": "akw-revoke", "status": 400,
        "code": "InvalidParameter",
    })  # fmt: skip

    request_id = publish(scene, found["access_key_id"])

    outcome(scene, request_id)
    assert task(scene, request_id)["attempts"] == 2
    assert refusal_code(scene, key) == GONE
    assert remains(scene) == []


def test_other_events_reach_nobody(scene: Scene) -> None:
    """The rule's pattern keeps them out."""
    answer = scene.stage.manage("POST", "/events", LEAK | {"source": "acs.oss", "data": {}})

    assert answer["delivered"] == []


def notes_of(scene: Scene, request_id: str) -> list[dict[str, str]]:
    return actors.audit_rows(scene.stage, f'fc_request_id: "{request_id}"')


def test_leak_that_cannot_be_read_is_on_record(scene: Scene) -> None:
    """A key id that is none: nobody's key ends, and the row that says so is there to be watched."""
    request_id = publish(scene, "nonsense")

    end = outcome(scene, request_id)

    assert end == {"status": "refused", "reason": "invalid_value"}
    (row,) = notes_of(scene, request_id)
    assert ("leak.unreadable", "failure", "invalid_value at data") == (
        row["event_type"], row["outcome"], row["reason"])  # fmt: skip
    assert "nonsense" not in str(row)
    assert [c["action"] for c in calls_of_the_worker(scene)] == ["PutLogs"]


def test_leak_that_cannot_be_read_waits_for_the_log(scene: Scene) -> None:
    """While SLS refuses, the task fails and is tried again."""
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "sls", "action": "PutLogs", "function": "akw-revoke",
        "status": 403, "code": "Unauthorized", "times": 1,
    })  # fmt: skip
    request_id = publish(scene, "nonsense")

    outcome(scene, request_id)

    assert task(scene, request_id)["attempts"] == 2
    assert len(notes_of(scene, request_id)) == 1
