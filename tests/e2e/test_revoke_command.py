"""`make revoke`: what an operator types, and what comes of it."""

from __future__ import annotations

import pytest

from demo.stage import ACCOUNT, ADMIN_ID
from deploy import revoke
from shared import tickets
from shared.errors import ConfigError
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
    assert told[2:] == ["1 grant; nothing was changed"]
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
     ["--application", "a", "--reason", "because"], ["--ticket", "only-one"],
     ["--environment", "", "--requester", "a"], ["--ram-user", "", "--requester", "a"]],
    ids=" ".join,
)  # fmt: skip
def test_unusable_command_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and a sentence; nothing is asked of the cloud."""
    with pytest.raises(SystemExit) as ended:
        revoke.arguments(words)

    assert ended.value.code == 2
    assert "error:" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["--application", ""], ["--application", "a", "--environment", ""], ["--ticket", "", "T-1"],
     ["--ticket", "s", ""], ["--requester", ""], ["--access-key-id", ""], ["--person", ""],
     ["--person", "p", "--ram-user", ""], ["--application", "a", "--order-id", ""]],
    ids=" ".join,
)  # fmt: skip
def test_empty_value_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unset variable of a shell never widens an order: `--environment ''` is not every one."""
    with pytest.raises(SystemExit) as ended:
        revoke.arguments(words)

    option = [word for word in words if word.startswith("--")][-1]
    assert ended.value.code == 2
    assert f"error: {option} must not be empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "why"),
    [(("--access-key-id", "LTAI5tMistypedByHand0001"), "no user has this key"),
     (("--access-key-id", ADMIN_ID), "user administrator is not akwarden's"),
     (("--application", "nosuch"), revoke.NO_MATCH),
     (("--person", "nobody@example.com"), revoke.NO_MATCH)],
    ids=str,
)  # fmt: skip
def test_order_that_hit_nothing_is_no_success(
    scene: Scene, words: tuple[str, str], why: str
) -> None:
    """Who mistypes a leaked key's id must not go home believing that it is dead."""
    code, told = typed(scene, *words, "--reason", "leaked", "--wait")

    assert (code, told[-2:]) == (1, ["task succeeded", f"NOTHING ENDED: {why}"])


@pytest.mark.parametrize(
    ("words", "why"),
    [(("--access-key-id", "LTAI5tMistypedByHand0001"), revoke.NO_KEY),
     (("--application", "nosuch"), revoke.NO_MATCH)],
    ids=str,
)  # fmt: skip
def test_dry_run_of_nothing_says_so(scene: Scene, words: tuple[str, str], why: str) -> None:
    """No table without rows."""
    assert typed(scene, *words, "--dry-run") == (1, [f"{why}; nothing was changed"])


def test_ticket_whose_id_begins_with_a_hyphen_can_be_named() -> None:
    """DingTalk's may; a forgotten id is still told."""
    options = revoke.arguments(["--ticket", "dingtalk", "-JzNA_1", "--dry-run"])

    assert (["dingtalk", "-JzNA_1"], True) == (options.ticket, options.dry_run)
    with pytest.raises(SystemExit):
        revoke.arguments(["--ticket", "dingtalk", "--dry-run"])


def test_source_of_tickets_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """An operator cannot guess it."""
    with pytest.raises(SystemExit):
        revoke.arguments(["--help"])

    assert "standard-webhooks" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "wanted"),
    [(["--application", "a", "--at-most", "0"], "--at-most: must be a whole number from 1 to 5000"),
     (["--application", "a", "--environment", "x-y"],
      "--environment: must fit [a-z][a-z0-9]*, at most 16 characters"),
     (["--ticket", "S", "T"], "--ticket SOURCE: must fit [a-z]"),
     (["--access-key-id", "short"], "--access-key-id: must fit [A-Za-z0-9]{16,64}"),
     (["--application", "a", "--order-id", "a b"], "--order-id: must fit [A-Za-z0-9]")],
    ids=str,
)  # fmt: skip
def test_bad_value_is_told_what_is_wanted(
    scene: Scene, words: list[str], wanted: str
) -> None:
    """The option that was typed, and its pattern or limits; there is no schema of orders."""
    with pytest.raises(ConfigError) as refused:
        typed(scene, *words)

    assert str(refused.value).startswith(wanted)


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
    assert capsys.readouterr().err == (
        f"--application: must fit {tickets.APPLICATION.pattern}, at most 39 characters\n"
    )
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
