"""A leak's revocation, killed at any call that fills or empties a bin: the retry purges it."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import Scene, until
from tests.e2e.test_crashes import LEASE_SECONDS, assert_revoked, present, scene
from tests.e2e.test_purge import order, proofs, restore_key, restore_user, user_id
from tests.e2e.test_revoke import GONE, ended, issued

__all__ = ["present", "scene"]  # fixtures: an empty cloud in the present for each test

CALLS = [
    ("ims", "ListAccessKeysInRecycleBin", 1), ("ims", "DeleteAccessKeyInRecycleBin", 1),
    ("ram", "DeleteAccessKey", 1), ("ram", "DeleteUser", 1), ("ims", "DeleteUserInRecycleBin", 1),
    ("ims", "ListUsersInRecycleBin", 2), ("sls", "PutLogs", 2), ("sls", "PutLogs", 3),
]  # fmt: skip


@pytest.mark.parametrize("kind", ["kill-before", "kill-after", "drop"])
@pytest.mark.parametrize(("product", "action", "nth"), CALLS)
def test_broken_purge_is_finished_by_the_retry(
    scene: Scene, kind: str, product: str, action: str, nth: int
) -> None:
    """SIGKILL before or after, or the answer lost; above all between DeleteUser and its purge."""
    outcome = issued(scene)
    owner, key_id = user_id(scene, outcome), outcome["access_key_id"]
    scene.stage.manage("POST", "/faults", {
        "kind": kind, "product": product, "action": action, "function": "akw-revoke", "nth": nth,
    })  # fmt: skip
    # The retry comes after the jump in time, as it would wait for the lease in real seconds.
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": 30})
    order(scene, "leaked")
    until(lambda: any(rule["fired"] for rule in scene.stage.manage("GET", "/faults")["rules"]))
    scene.stage.manage("DELETE", "/faults")
    until(lambda: scene.tasks()[-1]["state"] != "Running")
    scene.stage.manage("POST", "/choices", {"fc_retry_interval_seconds": 0.5})
    scene.stage.manage("POST", "/clock", {"advance_seconds": LEASE_SECONDS})

    ended(scene, "akw-revoke")

    assert_revoked(scene)
    assert restore_user(scene, owner) == "EntityNotExist.User"
    assert restore_key(scene, owner, key_id) == "EntityNotExist.User.AccessKey"
    assert (key_id, "success", GONE) in proofs(scene)
