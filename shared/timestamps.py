"""RFC 3339 timestamps, read strictly: an approval's age is a security decision."""

from __future__ import annotations

import re
from datetime import UTC, datetime

# Six digits of a second are all that datetime can keep; more would not survive a round trip.
_FORMAT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def parse(text: str) -> datetime | None:
    """The moment in UTC, or None if the text is no RFC 3339 timestamp with an offset."""
    if not _FORMAT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # 30 February; an offset that leaves the years 1 to 9999
        return None


def text(at: datetime) -> str:
    """The one spelling that we write: UTC with `Z`, fractions only where there are any."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
