"""Rotation in the local cloud: by the timer, on request, after a leak, and back again."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from Tea.exceptions import TeaException

from demo import actors
from demo.actors import Keys
from demo.stage import REGION, Stage
from shared import rotation_runs
from shared.rotation import ASKED, LEAKED, UNDO, Asked
from shared.rotation_runs import Wish
from tests.e2e.conftest import Scene, furnish, until, watched
from tests.e2e.test_revoke import ADDRESS, issued, revoked

TTL = 90 * 86_400
CACHE = timedelta(hours=6)  # of a client of KMS Secrets Manager
NETWORK_REFUSAL = "Forbidden.AccessKeyNetworkRestricted"


@pytest.fixture
def present(stage: Stage) -> Iterator[None]:
    """Leave the stage to other tests as they know it: furnished, and in the present."""
    yield
    stage.manage("POST", "/reset")
    furnish(stage)


def ask(scene: Scene, why: str = ASKED, leaked: str = "") -> dict[str, Any]:
    """Hand the wish to akw-rotate; its answer."""
    wish = Wish(scene.application, "prod", Asked(why, leaked))
    return run(scene, "/invoke/akw-rotate", json.loads(rotation_runs.payload(wish)))


def run(scene: Scene, path: str, content: object = None) -> dict[str, Any]:
    """One run of akw-rotate to its good end; what it answered."""
    request_id = scene.stage.manage("POST", path, content)["request_id"]

    def over() -> dict[str, Any] | None:
        tasks = scene.stage.manage("GET", "/tasks")["tasks"]
        return next((t for t in tasks if t["request_id"] == request_id
                     and t["state"] in ("Succeeded", "Failed")), None)  # fmt: skip

    task = until(over)
    assert task["state"] == "Succeeded", task
    return dict(json.loads(task["return_payload"]))


def read(scene: Scene, secret: str) -> Keys:
    reader = actors.assume(scene.stage, actors.READER)
    return actors.read_key(scene.stage, reader, secret)


def works(scene: Scene, key: Keys, address: str = ADDRESS) -> str:
    """Empty if the key is accepted from there, else the code of the refusal."""
    try:
        actors.identity(scene.stage, key, address)
    except TeaException as err:
        return str(err.code)
    return ""


def keys_of(scene: Scene) -> dict[str, str]:
    """Status by id of the application's keys."""
    ram = scene.state()["ram"]
    user = ram["users"][f"akw-{scene.application}-prod"]
    return {key["id"]: key["status"] for key in ram["keys"].values()
            if key["user_id"] == user["id"]}  # fmt: skip


def test_asked_for_twice_it_makes_one_new_key(scene: Scene) -> None:
    """The new key is read from the same secret and is bound to the same network; the former one
    works on; the trail says what was done."""
    secret = issued(scene)["secret_name"]
    old = read(scene, secret)

    first, second = ask(scene), ask(scene)

    new = read(scene, secret)
    assert (["Create"], []) == (first["steps"], second["steps"])
    assert new.access_key_id == first["current"] == second["current"] != old.access_key_id
    assert ["", "", NETWORK_REFUSAL] == [
        works(scene, old), works(scene, new), works(scene, new, "203.0.113.99")]
    rows = scene.audit("fc_function: akw-rotate and phase: result")
    assert [("key.created", "success"), ("key.restricted", "success"),
            ("secret.stored", "success"), ("key.former", "success"),
            ("key.rotated", "success")] == [
        (row["event_type"], row["outcome"]) for row in rows if row["event_type"].startswith(
            ("key", "secret"))]  # fmt: skip
    again = scene.deliver(scene.body())
    assert 202 == again[0]
    assert 2 == len(keys_of(scene))


def test_no_key_is_made_where_its_secret_is_being_deleted(scene: Scene) -> None:
    """An administrator has sent the secret into its deletion window, and takes it back."""
    secret = issued(scene)["secret_name"]
    before = keys_of(scene)
    with scene.stage.proxied():
        config = actors.administrator(scene.stage).config(f"kms.{REGION}.aliyuncs.com")
        kms = actors.KmsClient(config)
        kms.delete_secret(kms_models.DeleteSecretRequest(
            secret_name=secret, recovery_window_in_days="7"))  # fmt: skip
        told = ask(scene)
        kms.restore_secret(kms_models.RestoreSecretRequest(secret_name=secret))

    assert (["secret_is_being_deleted"], before) == (told["findings"], keys_of(scene))
    assert ["Create"] == ask(scene)["steps"]


def test_leaked_key_is_dead_and_its_application_has_another(scene: Scene) -> None:
    """Nobody can restore it, and the reader who asks again gets one that works."""
    secret = issued(scene)["secret_name"]
    old = read(scene, secret)

    answer = ask(scene, LEAKED, old.access_key_id)

    assert "InvalidAccessKeyId.NotFound" == works(scene, old)
    new = read(scene, secret)
    assert "" == works(scene, new)
    assert {new.access_key_id: "Active"} == keys_of(scene)
    assert ["Create", "Delete"] == answer["steps"]
    assert {} == {k: v for k, v in scene.state()["ram"].get("recycled_keys", {}).items()
                  if k == old.access_key_id}  # fmt: skip


def test_undo_gives_readers_the_former_key_back_even_from_the_recycle_bin(scene: Scene) -> None:
    """Somebody has deleted it by hand meanwhile."""
    secret = issued(scene)["secret_name"]
    old = read(scene, secret)
    ask(scene)
    with scene.stage.proxied():
        ram = RamClient(actors.administrator(scene.stage).config("ram.aliyuncs.com"))
        delete(scene, ram, old.access_key_id)

    answer = ask(scene, UNDO)

    assert (["TakeBack"], old.access_key_id) == (answer["steps"], answer["current"])
    assert old.access_key_id == read(scene, secret).access_key_id
    assert "" == works(scene, old)


def test_full_recycle_bin_is_told_and_costs_nothing(scene: Scene) -> None:
    """It holds three keys of a user. An undo whose key was pushed out of it says so, and readers
    keep the key that they have; one that leaked is gone from a bin that is full, too."""
    secret = issued(scene)["secret_name"]
    old = read(scene, secret)
    ask(scene)
    new = read(scene, secret)
    with scene.stage.proxied():
        ram = RamClient(actors.administrator(scene.stage).config("ram.aliyuncs.com"))
        delete(scene, ram, old.access_key_id)
        for _ in range(3):
            made = ram.create_access_key(ram_models.CreateAccessKeyRequest(
                user_name=f"akw-{scene.application}-prod"))  # fmt: skip
            delete(scene, ram, made.body.access_key.access_key_id)
    full = binned(scene)

    undone = ask(scene, UNDO)
    assert ([], ["former_key_gone"]) == (undone["steps"][1:], undone["findings"])
    assert (new, "") == (read(scene, secret), works(scene, new))

    leaked = ask(scene, LEAKED, new.access_key_id)
    left = binned(scene)
    assert ["Create", "Delete"] == leaked["steps"]
    assert "InvalidAccessKeyId.NotFound" == works(scene, new)
    assert (3, False) == (len(full), new.access_key_id in left)
    assert "" == works(scene, read(scene, secret))


def binned(scene: Scene) -> set[str]:
    """The application's keys in the recycle bin."""
    ram = scene.state()["ram"]
    user = ram["users"][f"akw-{scene.application}-prod"]
    return {id for id, key in ram["recycled_keys"].items() if key["user_id"] == user["id"]}


def delete(scene: Scene, ram: RamClient, key_id: str) -> None:
    """By hand."""
    user = f"akw-{scene.application}-prod"
    ram.update_access_key(ram_models.UpdateAccessKeyRequest(
        user_name=user, user_access_key_id=key_id, status="Inactive"))
    ram.delete_access_key(ram_models.DeleteAccessKeyRequest(
        user_name=user, user_access_key_id=key_id))  # fmt: skip


def test_command_says_what_was_done(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make rotate`: a new key, then that nothing is due, then the way back, then a refusal."""
    from deploy import rotate as command

    secret = issued(scene)["secret_name"]
    old = read(scene, secret)

    def say(*more: str, application: str = scene.application) -> tuple[int, str]:
        given = ["--application", application, "--environment", "prod", *more]
        with scene.stage.proxied():
            code = command.rotated(
                scene.stage.administrator_environment(), command.wish_of(command.arguments(given))
            )
        streams = capsys.readouterr()
        return code, streams.out + streams.err

    first, second, undone, unknown = (
        say(), say(), say("--undo"), say(application="nosuch"))  # fmt: skip

    assert (0, True) == (first[0], "a new key was made, stored and made current" in first[1])
    assert (0, True) == (second[0], "nothing was changed" in second[1])
    assert (0, True) == (undone[0], f"get {old.access_key_id}" in undone[1])
    assert (1, "refused: no_such_grant (application); nothing was changed\n") == unknown


def test_revocation_ends_both_keys_of_a_rotation(scene: Scene) -> None:
    """Whichever stage it is in; and afterwards there is nothing to rotate."""
    secret = issued(scene)["secret_name"]
    old = read(scene, secret)
    ask(scene)
    new = read(scene, secret)

    revoked(scene)

    assert ["InvalidAccessKeyId.NotFound"] * 2 == [works(scene, old), works(scene, new)]
    assert "refused" == ask(scene)["status"]


def test_strange_events_are_refused(scene: Scene) -> None:
    """Nothing is read, let alone changed, for what is neither a timer's event nor a wish."""
    for content in ({}, {"type": "akwarden.rotation.asked"}, {"triggerName": "turn"},
                    {"type": "akwarden.rotation.asked", "application": "x';--",
                     "environment": "prod", "why": "asked"}):  # fmt: skip
        assert "refused" == run(scene, "/invoke/akw-rotate", content)["status"]
    assert [] == [c for c in scene.history() if "role/akw-rotate" in c["principal"]
                  and c["product"] != "sls"]  # fmt: skip


def test_timer_takes_a_key_through_its_life(stage: Stage, present: None) -> None:
    """90 days by the cloud's clock, an hour of each day: a consumer that reads anew after six
    hours never holds a dead key, and in the end there is one key, the new one."""
    stage.manage("POST", "/reset")
    furnish(stage)
    with contextlib.ExitStack() as travels, watched(stage) as scene:
        secret = issued(scene, ttl_seconds=TTL, rotation_days=30)["secret_name"]
        old = read(scene, secret)
        turn = rotation_runs.turn_of(f"akw-{scene.application}-prod")

        def pass_days(days: float) -> Keys:
            """To the user's hour, so many days later; the key that readers get then."""
            there = stage.now() + timedelta(days=days)
            there = there.replace(hour=turn, minute=30)
            wait = (there - stage.now()).total_seconds()
            stage.manage("POST", "/clock", {"advance_seconds": wait})
            travels.enter_context(time_machine.travel(stage.now(), tick=True))
            run(scene, "/timers/akw-rotate/turn")
            return read(scene, secret)

        assert old.access_key_id == pass_days(25).access_key_id
        new = pass_days(4)
        assert new.access_key_id != old.access_key_id
        assert ["", ""] == [works(scene, old), works(scene, new)]
        pass_days(2)  # the application still used the former one within its last day
        assert "" == works(scene, new)
        pass_days(2)
        pass_days(2)
        assert "Inactive" == keys_of(scene)[old.access_key_id]
        pass_days(9)
        assert {new.access_key_id: "Active"} == keys_of(scene)
