"""A copy of what is deployed, with a few texts replaced: for a shorter timeout, and mutations.

In every copy one person may ask for everything, as tests do.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.stage import ROOT
from shared.rules import MOST_GRANTS

DEPLOYED = ("functions", "shared", "config")
# A duplicate that meets a held lease waits for it in real seconds, up to the function's timeout.
# And timers fire when the matrix says so, not whenever it makes the clock jump.
REPLACED = {"timeout: 180": "timeout: 70", "enable: true": "enable: false"}


@dataclass(frozen=True)
class Change:
    """`old` stands exactly once in the file and becomes `new`."""

    file: str
    old: str
    new: str


def deployed(home: Path) -> Path:
    """Copy the tree to `home` as it is, but for the limits."""
    for name in DEPLOYED:
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
    for file in (".fcignore", "s.yaml"):
        shutil.copy(ROOT / file, home / file)
    limit(home)
    return home


def limit(home: Path, **most: tuple[int, int]) -> None:
    """Give the copy other limits than the shipped ones: (issued in 24 hours, alive) of `person`,
    `application` and `account`; what is not named is as high as can be."""
    rules = (ROOT / "config" / "rules.toml").read_text(encoding="utf-8").partition("[limits.")[0]
    for whose in ("person", "application", "account"):
        issued, alive = most.get(whose, (MOST_GRANTS, MOST_GRANTS))
        rules += f"[limits.{whose}]\nissued_in_24_hours = {issued}\nalive = {alive}\n"
    written = home / "config" / "rules.toml.new"
    written.write_text(rules, encoding="utf-8")
    written.replace(home / "config" / "rules.toml")  # at once: functions read it as they like


def copied(home: Path, changes: Sequence[Change]) -> Path:
    """Copy the tree to `home` and apply the changes; ValueError if a text is not there once."""
    deployed(home)
    described = (home / "s.yaml").read_text(encoding="utf-8")
    for old, new in REPLACED.items():
        described = described.replace(old, new)
    (home / "s.yaml").write_text(described, encoding="utf-8")
    for change in changes:
        apply(home, change)
    return home


def apply(home: Path, change: Change) -> None:
    """Replace one text in one file."""
    path = home / change.file
    text = path.read_text(encoding="utf-8")
    if text.count(change.old) != 1:
        raise ValueError(f"{change.file} does not hold this text once: {change.old!r}")
    path.write_text(text.replace(change.old, change.new), encoding="utf-8")
