"""The two commands of README, and a run without the shortcuts that the other tests take."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from demo import actors, leaks, serve, vendors
from demo.stage import ROOT, Stage
from shared import hints
from tests.e2e.conftest import furnish, until
from tests.unit.samples import approved_body


def test_demo_proves_what_it_claims() -> None:
    """`make demo` ends with 0, shows ticket, steps, audit and proofs, and never a secret."""
    done = subprocess.run(
        [sys.executable, "-m", "demo.show"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8 proofs hold" in done.stdout
    assert "yes  the key cannot make keys, even with the account-wide switch on" in done.stdout
    for part in ("TICKET OPS-1042", "STEPS", "OUTCOME", "AUDIT", "result key.issued", "CHAT",
                 "presses [Approve]", "is issued: secret akw/parcels/dev"):
        assert part in done.stdout


def test_truly_cold_functions_issue_with_delays_and_throttling_on() -> None:
    """Each invocation in a fresh interpreter, in a cloud with its default delays and quotas."""
    stage = Stage(max_lag_seconds=10, quiet=True, choices={"fc_cold_start": True})
    try:
        furnish(stage)
        body = approved_body(now=actors.datetime.now(actors.UTC))
        reply = actors.deliver(
            stage, body, actors.signed_headers(actors.webhook_secret(stage), body)
        )

        def ended() -> list[dict[str, str]]:
            tasks: list[dict[str, str]] = stage.manage("GET", "/tasks")["tasks"]
            return [task for task in tasks if task["state"] in ("Succeeded", "Failed")]

        task = until(ended)[0]
        assert reply[0] == 202
        assert json.loads(task["return_payload"])["status"] == "issued"
        leaks.assert_none(stage, [json.dumps(reply[1])])
    finally:
        stage.stop()


def test_stage_ends_cleanly() -> None:
    """SIGTERM ends the emulator, its functions and their scratch folder, with exit code 0."""
    stage = Stage(calm=True, quiet=True)

    assert stage.stop() == 0


def free_ports() -> int:
    """A port that is free, and the next one too; below those that the machine gives to outgoing
    connections, of which one might come in between."""
    first = 10_000 + os.getpid() % 10_000
    for port in range(first, 32_000, 2):
        if all(bindable(number) for number in (port, port + 1)):
            return port
    raise RuntimeError("no two ports are free")


def bindable(port: int) -> bool:
    with socket.socket() as found, contextlib.suppress(OSError):
        found.bind(("127.0.0.1", port))
        return True
    return False


def reachable(port: int) -> bool:
    with socket.socket() as found:
        return found.connect_ex(("127.0.0.1", port)) == 0


def serving_at(port: int, folder: Path) -> tuple[subprocess.Popen[str], list[str]]:
    """`make serve`, once it says that it serves; and what it says."""
    serving = subprocess.Popen(
        [sys.executable, "-m", "demo.serve", str(folder)], cwd=ROOT, text=True,
        stdout=subprocess.PIPE, env=os.environ | {"PORT": str(port)},
        # As in a terminal: who runs the tests under `nohup` has the signal ignored by all children.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )  # fmt: skip
    told: list[str] = []
    for line in serving.stdout or ():
        told.append(line.rstrip())
        if told[-1] == "Ctrl-C ends it.":
            break
    assert reachable(port), told
    return serving, told


def test_every_vendor_can_be_tried_beside_a_served_cloud(tmp_path: Path) -> None:
    """`make try`, as README and docs/sources say it; and what it says how to end it."""
    port = free_ports()
    serving, _ = serving_at(port, tmp_path)
    try:
        trying = [
            subprocess.run([sys.executable, "-m", "demo.attempt", name, "--port", str(port),
                            "--application", f"try-{name}"],
                           cwd=ROOT, capture_output=True, text=True, timeout=120)
            for name in vendors.TRIED
        ]  # fmt: skip
    finally:
        serving.send_signal(signal.SIGTERM)
        serving.communicate(timeout=60)

    for name, done in zip(vendors.TRIED, trying, strict=True):
        assert 0 == done.returncode, done.stdout + done.stderr
        if name in hints.UNSIGNED_CHATS:  # where nothing is done, there is nothing to end
            assert "In this chat I only show things" in done.stdout
            continue
        assert '"status": "issued"' in done.stdout or "is issued: secret" in done.stdout
        assert f"make revoke ARGS='--application try-{name} --reason withdrawn'" in done.stdout


def test_attempt_without_a_served_cloud_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo.attempt", "jira", "--port", str(free_ports())],
        cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip

    assert (2, "") == (done.returncode, done.stderr)
    assert "start `make serve` in another shell" in done.stdout


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda s: s.name)
def test_served_cloud_ends_with_its_server(tmp_path: Path, number: signal.Signals) -> None:
    """A signal to `make serve` is the same way out as Ctrl-C: no emulator outlives it."""
    port = free_ports()
    serving, told = serving_at(port, tmp_path)

    serving.send_signal(number)

    rest, _ = serving.communicate(timeout=60)
    assert (0, "\nstopped; nothing is left running\n") == (serving.returncode, rest)
    assert (False, False) == (reachable(port), reachable(port + 1))
    assert f". {tmp_path / 'local.env'}" in told


def test_demo_that_is_ended_leaves_nothing_running() -> None:
    """SIGTERM while it works ends the emulator as well."""
    showing = subprocess.Popen(
        [sys.executable, "-m", "demo.show"], cwd=ROOT, text=True, stdout=subprocess.PIPE
    )
    for line in showing.stdout or ():
        if "log project" in line:  # it is up, and being provisioned
            break
    children = Path(f"/proc/{showing.pid}/task/{showing.pid}/children").read_text().split()

    showing.send_signal(signal.SIGTERM)

    rest, _ = showing.communicate(timeout=60)
    assert (130, True) == (showing.returncode, "nothing is left running" in rest)
    assert [] == [child for child in children if Path(f"/proc/{child}").exists()]


def test_environment_file_points_the_commands_at_the_local_cloud(
    stage: Stage, tmp_path: Path
) -> None:
    """Read by a shell, as it says, it is all that a command needs; nobody else can read it."""
    path = serve.write_environment(stage, tmp_path)
    bare = {"PATH": os.environ["PATH"], "ALIBABA_CLOUD_SECURITY_TOKEN": "of another account"}

    done = subprocess.run(
        ["/bin/sh", "-c", f". {path} && exec {sys.executable} -m deploy.revoke"
         " --application none-of-these --dry-run"],
        cwd=ROOT, env=bare, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (1, "") == (done.returncode, done.stderr)
    assert "nothing was changed" in done.stdout
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("port", ["abc", "", "0", "65535", "-1", "99999999999"])
def test_port_that_is_none_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, port: str
) -> None:
    """One line, and no cloud is started."""
    monkeypatch.setenv("PORT", port)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}

    code = serve.main(tmp_path)

    for number, handler in handlers.items():
        signal.signal(number, handler)
    assert 2 == code
    assert capsys.readouterr().out.startswith("PORT must be a number from 1 to 65534")
