"""Generated pages are up to date, and the check can fail."""

from __future__ import annotations

import shutil
from pathlib import Path

from deploy import generate_docs
from tests.unit.samples import ROOT


def test_pages_are_up_to_date() -> None:
    """Whoever changes the schema, a reason or a template runs `python -m deploy.generate_docs`."""
    assert [] == generate_docs.stale()


def test_changed_and_missing_pages_are_stale(tmp_path: Path) -> None:
    """The check sees an edit by hand and a page that was never written."""
    for folder in ("docs", "config"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    shutil.copy(ROOT / "README.md", tmp_path)
    page = tmp_path / "docs" / "ticket.md"
    page.write_text(page.read_text("utf-8") + "by hand\n", "utf-8")
    (tmp_path / "docs" / "refusals.md").unlink()

    assert {"ticket.md", "refusals.md"} == set(generate_docs.stale(tmp_path))
