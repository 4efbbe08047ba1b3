"""What of a rotation only the audit log can tell: RAM and KMS keep the state, not its history.

A rotation goes on without it. It is read before something could be ended too early, ended that is
not ours, or brought back that leaked: where it says nothing, nothing of that is done.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.audit import INTENT, SUCCESS, Row

LEAKED, DISABLE, ENABLE = "leaked", "disable", "enable"
CREATED, ROTATED, DISABLED, ENABLED = "key.created", "key.rotated", "key.disabled", "key.enabled"
CUTS = (DISABLED, "key.deleted")
CLOCKS_APART = timedelta(minutes=10)  # of the function that announces and the service that creates


@dataclass(frozen=True)
class Past:
    """`announced_at`: when keys were about to be made. `switched_at`: when readers were last given
    another key, or may have been; None if never. `leaked`: keys that were cut because they leaked.
    `paused`: keys that somebody had disabled, and not enabled since, by a wish (DISABLE, ENABLE).
    """

    announced_at: tuple[datetime, ...] = ()
    switched_at: datetime | None = None
    leaked: frozenset[str] = frozenset()
    paused: frozenset[str] = frozenset()

    def announced(self, created_at: datetime | None, run_seconds: float) -> bool:
        """Whether a run, which lasts so long at most, was about to make a key when this one was
        made: what was not announced is not ours. One without a date may be any."""
        if created_at is None:
            return True
        earliest = created_at - timedelta(seconds=run_seconds) - CLOCKS_APART
        return any(earliest <= at <= created_at + CLOCKS_APART for at in self.announced_at)


def reason(why: str) -> str:
    """The word for it in the rows of a run; `read` knows a leak by it."""
    return f"rotation_{why}"


def query(source: str, ticket_id: str) -> str:
    """The log search for the rows that `read` takes. Both values are of a pattern without quotes.
    """
    events = " or ".join(f'event_type: "{event}"' for event in (CREATED, ROTATED, ENABLED, *CUTS))
    return f'ticket_id: "{ticket_id}" and ticket_system: "{source}" and ({events})'


def read(rows: Iterable[Row], application: str, environment: str) -> Past:
    """The past of a place. An intent counts where its end does not matter: the change may have been
    made although its result was never written."""
    here = [row for row in rows
            if (row.get("application"), row.get("environment")) == (application, environment)]
    return Past(
        tuple(_at(row) for row in here
              if (row.get("event_type"), row.get("phase")) == (CREATED, INTENT)),
        max((_at(row) for row in here if row.get("event_type") == ROTATED), default=None),
        frozenset(row.get("access_key_id", "") for row in here
                  if row.get("event_type") in CUTS and row.get("reason") == reason(LEAKED)) - {""},
        _paused(here),
    )  # fmt: skip


def _paused(here: Iterable[Row]) -> frozenset[str]:
    """Of an enabling only its success counts: until then it is to be done."""
    last: dict[str, Row] = {}
    for row in here:
        asked = (row.get("event_type"), row.get("reason"))
        if asked == (DISABLED, reason(DISABLE)) or (
                asked == (ENABLED, reason(ENABLE)) and row.get("outcome") == SUCCESS):  # fmt: skip
            before = last.setdefault(row.get("access_key_id", ""), row)
            last[row.get("access_key_id", "")] = max(before, row, key=_at)
    return frozenset(key for key, row in last.items() if row["event_type"] == DISABLED) - {""}


def _at(row: Row) -> datetime:
    return datetime.fromtimestamp(int(row.get("time_ms") or 0) / 1000, UTC)
