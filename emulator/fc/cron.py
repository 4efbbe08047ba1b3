"""When a timer fires: `@every 5m`, or six fields `second minute hour day month weekday`.

Source: FC, "Timer trigger": UTC unless prefixed with `CRON_TZ=<zone> `. Where both day fields are
restricted either one suffices, as in every cron; FC's page does not say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EVERY = re.compile(r"@every\s+([1-9]\d*)([hms])")
_UNITS = {"h": 3600, "m": 60, "s": 1}
_MONTHS = {
    "JAN": 1, "FEB": 2, "MAR": 3, "APR": 4, "MAY": 5, "JUN": 6,
    "JUL": 7, "AUG": 8, "SEP": 9, "OCT": 10, "NOV": 11, "DEC": 12,
}  # fmt: skip
_DAYS = {"SUN": 0, "MON": 1, "TUE": 2, "WED": 3, "THU": 4, "FRI": 5, "SAT": 6}
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("second", 0, 59, {}), ("minute", 0, 59, {}), ("hour", 0, 23, {}), ("day", 1, 31, {}),
    ("month", 1, 12, _MONTHS), ("weekday", 0, 7, _DAYS),
)  # fmt: skip
_HORIZON_DAYS = 8 * 366  # 29 February may be eight years away; beyond it never comes


@dataclass(frozen=True)
class Schedule:
    """A parsed expression; `every_seconds` is 0 for a calendar schedule."""

    every_seconds: int = 0
    fields: tuple[frozenset[int], ...] = ()
    either_day: bool = False
    zone: tzinfo = UTC

    @classmethod
    def parse(cls, expression: str) -> Schedule:
        """Parse an expression; ValueError says what is wrong with it."""
        if every := _EVERY.fullmatch(expression.strip()):
            return cls(every_seconds=int(every[1]) * _UNITS[every[2]])
        zone: tzinfo = UTC
        parts = expression.split()
        if parts and parts[0].startswith("CRON_TZ="):
            try:
                zone = ZoneInfo(parts.pop(0).removeprefix("CRON_TZ="))
            except (ZoneInfoNotFoundError, ValueError):
                raise ValueError(f"unknown time zone in {expression}") from None
        if len(parts) != len(_FIELDS):
            raise ValueError(f"{expression} has not six fields")
        fields = [_values(part, *field) for part, field in zip(parts, _FIELDS, strict=True)]
        fields[5] = frozenset(day % 7 for day in fields[5])
        either = parts[3] not in ("*", "?") and parts[5] not in ("*", "?")
        schedule = cls(0, tuple(fields), either, zone)
        schedule.after(datetime(2026, 1, 1, tzinfo=UTC))
        return schedule

    def after(self, moment: datetime) -> datetime:
        """The first time strictly after `moment` (UTC); ValueError if there is none."""
        if self.every_seconds:
            return moment + timedelta(seconds=self.every_seconds)
        local = moment.astimezone(self.zone).replace(microsecond=0) + timedelta(seconds=1)
        for offset in range(_HORIZON_DAYS):
            day = local if offset == 0 else _midnight(local, offset)
            if self._day_fits(day) and (found := self._time_within(day)):
                return found.astimezone(UTC)
        raise ValueError("this time never comes")

    def _day_fits(self, day: datetime) -> bool:
        _, _, _, days, months, weekdays = self.fields
        by_date, by_weekday = day.day in days, (day.weekday() + 1) % 7 in weekdays
        fits = (by_date or by_weekday) if self.either_day else (by_date and by_weekday)
        return day.month in months and fits

    def _time_within(self, start: datetime) -> datetime | None:
        """The first fitting time of `start`'s day that is not before it."""
        seconds, minutes, hours = (sorted(values) for values in self.fields[:3])
        for hour in (h for h in hours if h >= start.hour):
            for minute in minutes:
                for second in seconds:
                    found = start.replace(hour=hour, minute=minute, second=second)
                    if found >= start:
                        return found
        return None


def _midnight(day: datetime, offset: int) -> datetime:
    return day.replace(hour=0, minute=0, second=0) + timedelta(days=offset)


def _values(text: str, name: str, low: int, high: int, names: dict[str, int]) -> frozenset[int]:
    """The numbers one field allows: `*`, `?`, `a`, `a-b`, any of them `/step`, comma-separated."""
    found: set[int] = set()
    for part in text.upper().split(","):
        span, _, step = part.partition("/")
        if step and (not step.isdigit() or step == "0"):
            raise ValueError(f"{text} is no {name}")
        if span in ("*", "?"):
            first, last = low, high
        else:
            start, _, end = span.partition("-")
            first = _number(start, name, names)
            last = _number(end, name, names) if end else (high if step else first)
        if not low <= first <= last <= high:
            raise ValueError(f"{text} is no {name}")
        found.update(range(first, last + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, name: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not text.isdigit():
        raise ValueError(f"{text} is no {name}")
    return int(text)
