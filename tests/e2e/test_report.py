"""The inventory from the turn that takes it to the page that shows it, in the local cloud."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from demo.stage import ROOT
from shared import inventory, rotation_runs
from tests.e2e.conftest import Scene, until
from tests.e2e.test_revoke import issued
from tests.e2e.test_rotate import run


def test_daily_turn_writes_the_inventory_and_the_report_shows_it(
    scene: Scene, tmp_path: Path
) -> None:
    """A key is in the log once its user had its turn, and on the page of whoever may read the log;
    its secret is in neither."""
    key_id = issued(scene)["access_key_id"]
    hour = rotation_runs.turn_of(f"akw-{scene.application}-prod")
    at = scene.stage.now().replace(hour=hour, minute=0, second=0, microsecond=0)
    turned = run(scene, "/invoke/akw-rotate", {
        "triggerName": "turn", "triggerTime": f"{at:%Y-%m-%dT%H:%M:%SZ}", "payload": "",
    })  # fmt: skip
    assert 1 <= turned["counts"]["inventory"]
    rows = until(lambda: scene.audit('event_type: "key.inventory"'))
    found = inventory.latest(rows)

    page = tmp_path / "report.html"
    with scene.stage.proxied():
        done = subprocess.run(
            [sys.executable, "-m", "deploy.report", str(page)], cwd=ROOT, text=True,
            capture_output=True, env=os.environ | scene.stage.administrator_environment(),
            timeout=120,
        )  # fmt: skip

    assert (0, "") == (done.returncode, done.stderr)
    assert [(key_id, "Active", ("sls-logstore-write",))] == [
        (one.key_id, one.status, one.templates) for one in found]  # fmt: skip
    text = page.read_text(encoding="utf-8")
    assert key_id in text
    scene.replies.append(text)  # and is searched for every secret, as all replies are
