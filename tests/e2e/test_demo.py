"""The two commands of README, and a run without the shortcuts that the other tests take."""

from __future__ import annotations

import json
import subprocess
import sys

from demo import actors, leaks
from demo.stage import ROOT, Stage
from tests.e2e.conftest import furnish, until
from tests.unit.samples import approved_body


def test_demo_proves_what_it_claims() -> None:
    """`make demo` ends with 0, shows ticket, steps, audit and proofs, and never a secret."""
    done = subprocess.run(
        [sys.executable, "-m", "demo.show"], cwd=ROOT, capture_output=True, text=True, timeout=120
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8 proofs hold" in done.stdout
    for part in ("TICKET OPS-1042", "STEPS", "OUTCOME", "AUDIT", "result key.issued"):
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
