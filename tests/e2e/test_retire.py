"""An application moves from a hand-made RAM user to a managed one, and the old key is retired."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient

from demo import actors
from demo.actors import Keys
from deploy import retire
from deploy.provision import ROLES
from shared.errors import CloudError
from tests.e2e.conftest import Scene, pass_time
from tests.e2e.test_digest_rights import acting
from tests.e2e.test_revoke import issued, revoked
from tests.e2e.test_rotate import works

POLICY = ROLES.parent / "retirer-policy.json"
USER, HOUR = "orders-by-hand", 3600
Ask = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def old(scene: Scene) -> Keys:
    """The hand-made user's key."""
    with scene.stage.proxied():
        ram = RamClient(actors.administrator(scene.stage).config("ram.aliyuncs.com"))
        ram.create_user(ram_models.CreateUserRequest(user_name=USER))
        made = ram.create_access_key(ram_models.CreateAccessKeyRequest(user_name=USER))
    key = made.body.access_key
    return Keys(key.access_key_id, key.access_key_secret)


@pytest.fixture
def ask(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The command, by somebody who may do what the shipped policy says, and no more."""
    for name, value in scene.stage.administrator_environment().items():
        monkeypatch.setenv(name, value)

    def asked(*more: str, user: str = USER) -> tuple[int, list[str]]:
        keys = acting(scene.stage, POLICY)
        environment = scene.stage.administrator_environment() | {
            "ALIBABA_CLOUD_ACCESS_KEY_ID": keys.access_key_id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.secret,
            "ALIBABA_CLOUD_SECURITY_TOKEN": keys.token,
        }
        lines: list[str] = []
        with scene.stage.proxied():
            options = retire.arguments(["--ram-user", user, *more])
            code = retire.retire(environment, options, lines.append)
        scene.replies.extend(lines)
        return code, lines

    return asked


def test_old_key_goes_step_by_step_and_can_come_back(
    scene: Scene, travels: contextlib.ExitStack, old: Keys, ask: Ask
) -> None:
    """Side by side at first; not while it is used; then disabled, deleted, and even then back."""
    issued(scene, replaces=USER)
    assert "" == works(scene, old)

    used = ask()
    pass_time(scene, travels, 25 * HOUR)
    planned, alive = ask("--dry-run"), works(scene, old)
    pass_time(scene, travels, 25 * HOUR)
    disabled, dead = ask(), works(scene, old)
    waiting = ask()
    pass_time(scene, travels, 8 * 24 * HOUR)
    deleted, nothing = ask(), ask()
    back = ask("--undo", old.access_key_id)

    told = [lines[0].partition(": ")[0].partition("  ")[2] for _, lines in (
        used, planned, disabled, waiting, deleted)]  # fmt: skip
    assert ["left", "would be disabled", "disabled", "left", "deleted"] == told
    assert ["", "InvalidAccessKeyId.Inactive"] == [alive, dead]
    assert (0, [f"{USER} has no key any more"]) == nothing
    assert ["restored", "enabled"] == [
        line.partition(": ")[0].partition("  ")[2] for line in back[1]]  # fmt: skip
    assert "" == works(scene, old)
    rows = scene.audit('reason: replaced and phase: result')
    assert {("success", "human", USER)} == {
        (row["outcome"], row["actor_kind"], row["target_user"]) for row in rows}  # fmt: skip


def test_without_a_replacement_nothing_is_touched(scene: Scene, old: Keys, ask: Ask) -> None:
    """No ticket named it, or that ticket's grant is over."""
    before = ask()
    issued(scene, replaces=USER)
    revoked(scene)
    after = ask()

    assert [1, 1] == [before[0], after[0]]
    assert before[1][0].startswith("refused: no live grant replaces")
    assert "" == works(scene, old)


def test_unwritable_log_changes_nothing(
    scene: Scene, travels: contextlib.ExitStack, old: Keys, ask: Ask
) -> None:
    issued(scene, replaces=USER)
    pass_time(scene, travels, 25 * HOUR)
    scene.stage.manage("POST", "/faults", {
        "kind": "error", "product": "sls", "action": "PutLogs", "status": 403, "times": 0,
        "code": "ProjectForbidden",
    })  # fmt: skip

    with pytest.raises(CloudError):
        ask()

    scene.stage.manage("DELETE", "/faults")
    assert "" == works(scene, old)


@pytest.mark.parametrize("user", ["akw-orders-prod", "a b", "", "x" * 65])
def test_names_that_are_no_hand_made_users_are_refused(
    user: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        retire.arguments(["--ram-user", user])

    assert 2 == caught.value.code
    assert "not akwarden's own" in capsys.readouterr().err
