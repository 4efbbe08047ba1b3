"""How long what may last: `config/lifecycle.toml`, read and checked."""

from __future__ import annotations

from dataclasses import dataclass

from shared.config_tables import Table, read
from shared.errors import ConfigError
from shared.tickets import MAX_ROTATION_DAYS, MAX_ROTATION_WAIT_DAYS

# Alibaba's own clients keep a secret for up to 6 h and then ask once more within 15 min.
SHORTEST_OVERLAP_HOURS, LONGEST_OVERLAP_HOURS = 7, 30 * 24 - 1


@dataclass(frozen=True)
class RotationTerms:
    """`days` is the oldest that a key may become. Its successor stands beside it for
    `overlap_hours` at least; if it is still used then, for up to `wait_days` more. Disabled, it is
    kept for `grace_days`. A ticket may ask for fewer days, and for its own wait."""

    days: int
    overlap_hours: int
    wait_days: int
    grace_days: int


@dataclass(frozen=True)
class CleanupTerms:
    """When a sweep acts on a key in use by its grant; `shared/hygiene.py` has the rules.

    `most_per_run`: so many keys and grants a run disables or ends at most.
    """

    never_used_days: int
    unused_days: int
    too_old_days: int
    disabled_grace_days: int
    most_per_run: int


@dataclass(frozen=True)
class Lifecycle:
    """All of `config/lifecycle.toml`. `notice_days`: so long before the end its requester is told,
    the longest first."""

    rotation: RotationTerms
    notice_days: tuple[int, ...]
    cleanup: CleanupTerms


def load(text: str) -> Lifecycle:
    """Read the file's text; raises ConfigError with all problems at once."""
    root, problems = read(text)
    rotation = _rotation(root.table("rotation", required=True))
    notices = root.table("notices", required=True)
    notice_days = notices.wholes("days_before_end", least=1, most=90)
    notices.end()
    cleanup = _cleanup(root.table("cleanup", required=True), rotation)
    root.end()
    if problems:
        raise ConfigError(problems)
    return Lifecycle(rotation, tuple(sorted(set(notice_days), reverse=True)), cleanup)


def _rotation(table: Table) -> RotationTerms:
    terms = RotationTerms(
        days=table.whole("days", least=2, most=MAX_ROTATION_DAYS),
        overlap_hours=table.whole("overlap_hours", least=SHORTEST_OVERLAP_HOURS,
                                  most=LONGEST_OVERLAP_HOURS),
        wait_days=table.whole("wait_days", least=0, most=MAX_ROTATION_WAIT_DAYS),
        grace_days=table.whole("grace_days", least=1, most=90),
    )  # fmt: skip
    table.end()
    return terms


def _cleanup(table: Table, rotation: RotationTerms) -> CleanupTerms:
    terms = CleanupTerms(
        never_used_days=table.whole("never_used_days", least=1, most=366),
        unused_days=table.whole("unused_days", least=1, most=366),
        too_old_days=table.whole("too_old_days", least=2, most=366),
        disabled_grace_days=table.whole("disabled_grace_days", least=1, most=366),
        most_per_run=table.whole("most_per_run", least=1, most=1000),
    )
    if terms.too_old_days <= rotation.days:
        table.problem("too_old_days", "must be more than rotation.days: until then rotation has it")
    table.end()
    return terms
