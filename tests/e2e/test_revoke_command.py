"""`make revoke`: what an operator types, and what comes of it."""

from __future__ import annotations

import pytest

from demo.stage import ACCOUNT
from deploy import revoke
from tests.e2e.conftest import Scene
from tests.e2e.ordering import order_rows
from tests.e2e.test_revoke import GONE, issued, key_of, refusal_code, remains


def typed(scene: Scene, *words: str) -> tuple[int, list[str]]:
    """Exit code and lines of the command."""
    told: list[str] = []
    with scene.stage.proxied():
        code = revoke.run(words, scene.stage.administrator_environment(), told.append)
    return code, told


def test_dry_run_shows_what_would_end_and_ends_nothing(scene: Scene) -> None:
    """A table of the selected grants; the only calls are reads."""
    key = key_of(scene, issued(scene))
    before = len(scene.changes())

    code, told = typed(scene, "--application", scene.application, "--dry-run")

    assert code == 0
    assert told[0].split() == ["NAME", "APPLICATION", "ENVIRONMENT", "TICKET", "REQUESTER"]
    assert told[1].split() == [f"akw-{scene.application}-prod", scene.application, "prod",
                               f"T-{scene.application}", "alice"]  # fmt: skip
    assert told[2:] == ["1 grants; nothing was changed"]
    assert scene.changes()[before:] == []
    assert refusal_code(scene, key) == ""


def test_wait_follows_the_order_to_its_end(scene: Scene) -> None:
    """Each grant's end, then the order's; whoever ordered it is on record."""
    key = key_of(scene, issued(scene))

    code, told = typed(scene, "--application", scene.application, "--reason", "leaked", "--wait",
                       "--order-id", f"ORD-{scene.application}")  # fmt: skip

    assert told == [
        f"order ORD-{scene.application} handed to akw-revoke",
        f"success  akw-{scene.application}-prod",
        "success  order, 1 of 1 ended",
        "task succeeded",
    ]
    assert code == 0
    assert refusal_code(scene, key) == GONE
    assert remains(scene) == []
    rows = order_rows(scene, f"ORD-{scene.application}")
    assert {row["requester_id"] for row in rows} == {f"acs:ram::{ACCOUNT}:user/administrator"}


def test_refused_order_says_so(scene: Scene) -> None:
    """Over the cap: its task ends well, and the command does not."""
    issued(scene)
    scene.deliver(scene.body(environment="dev", id=f"T-{scene.application}-dev"))
    scene.settled(2)

    code, told = typed(scene, "--application", scene.application, "--at-most", "1", "--wait")

    assert code == 1
    assert told[1:] == [
        "failure  order, 2 grants selected, at most 1 allowed (over_the_cap)", "task succeeded"
    ]
    assert len(remains(scene)) == 5  # two policies, two secrets, and the user in `prod`


def test_key_is_enough(scene: Scene) -> None:
    """An operator has nothing but the id from a bill or a log."""
    found = issued(scene)

    code, told = typed(scene, "--access-key-id", found["access_key_id"], "--dry-run")
    assert (code, len(told)) == (0, 3)

    typed(scene, "--access-key-id", found["access_key_id"], "--reason", "leaked", "--wait")

    assert remains(scene) == []


@pytest.mark.parametrize(
    "words",
    [[], ["--application", "a", "--requester", "b"], ["--environment", "prod"],
     ["--requester", "a", "--environment", "prod"], ["--application", "a", "--ram-user", "u"],
     ["--application", "a", "--reason", "because"], ["--ticket", "only-one"]],
    ids=" ".join,
)  # fmt: skip
def test_unusable_command_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and a sentence; nothing is asked of the cloud."""
    with pytest.raises(SystemExit) as ended:
        revoke.arguments(words)

    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


def test_value_that_is_none_is_refused_before_anything_is_sent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Read as strictly as the function reads it."""
    for name, value in scene.stage.administrator_environment().items():
        monkeypatch.setenv(name, value)
    before = len(scene.changes())

    with scene.stage.proxied():
        code = revoke.main(["--application", "*"])

    assert code == 2
    assert "application: A field's value is outside its pattern" in capsys.readouterr().err
    assert scene.changes()[before:] == []


def test_missing_credentials_are_named(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, no traceback."""
    for name, value in scene.stage.administrator_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("ALIBABA_CLOUD_ACCESS_KEY_ID")

    code = revoke.main(["--application", "orders"])

    assert code == 2
    assert capsys.readouterr().err == (
        "ALIBABA_CLOUD_ACCESS_KEY_ID is required: an operator's credentials\n"
    )
