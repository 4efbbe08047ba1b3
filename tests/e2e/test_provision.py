"""Provisioning is run again after every change: it mends what differs, touches nothing else."""

from __future__ import annotations

import pytest

from demo import actors
from deploy import provision
from tests.e2e.conftest import Scene
from tests.e2e.test_roles import with_policy


def test_second_run_changes_nothing_but_the_index(scene: Scene) -> None:
    """What exists stays: no second secret, role, policy version or logstore."""
    lines: list[str] = []

    scene.stage.provision(lines.append)

    assert {c["action"] for c in scene.history() if c["changed"]} == {"UpdateIndex"}
    assert all(line.count("exists") >= 1 for line in lines), lines


def test_role_with_another_policy_gets_its_own_back(scene: Scene) -> None:
    """A role that was edited by hand has its least policy again after the next run."""
    with_policy(scene, "akw-issue", without="ram:CreateAccessKey")
    lines: list[str] = []

    scene.stage.provision(lines.append)

    assert "role akw-issue: exists; policy akwarden-akw-issue: updated" in lines
    scene.deliver(scene.body())
    assert scene.outcome()["status"] == "issued"


def test_signing_secret_survives_a_second_run(scene: Scene) -> None:
    """The ticket system's secret is never replaced behind its back."""
    before = actors.webhook_secret(scene.stage)

    scene.stage.provision(lambda line: None)

    assert before == actors.webhook_secret(scene.stage)


def test_audit_log_is_append_only_and_kept(scene: Scene) -> None:
    """Mode standard (the only one with SQL), a year at least, the server's own receive time beside
    ours, and no way to change a row."""
    with scene.stage.proxied():
        found = actors.administrator(scene.stage).log_client().get_logstore(
            actors.PROJECT, "audit"
        )

    body = found.get_body()
    assert body["ttl"] >= 365
    assert ("standard", True) == (body["mode"], body["appendMeta"])
    assert not body.get("enableModify")


def test_cloud_that_does_not_answer_is_told_in_our_words(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line and what to do, without an SDK's text about it."""
    for name, value in scene.stage.administrator_environment().items():
        monkeypatch.setenv(name, value)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # the discard port: nobody listens

    code = provision.main()

    told = f"no answer from the cloud (SLS)\n{provision.AGAIN}\n"
    assert (2, told) == (code, capsys.readouterr().err)
