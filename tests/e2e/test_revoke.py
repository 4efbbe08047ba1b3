"""From a signed revocation to nothing: the key dead, everything of the ticket gone, all on record."""

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
