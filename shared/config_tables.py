"""Reading TOML tables of config/: wrong types, unknown keys and bad values become a list.

The author of a file gets every problem at once, each with its place; a reader goes on with a
harmless value in the meantime and throws it away in the end.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping

from shared.errors import ConfigError


class Table:
    """One table; reading a key marks it as known, `end` reports the keys that nobody read."""

    def __init__(self, content: Mapping[str, object], where: str, problems: list[str]) -> None:
        self._content = content
        self._where = where
        self._problems = problems
        self._read: set[str] = set()

    def problem(self, key: str, message: str) -> None:
        """Report about a key; an empty key stands for the table itself."""
        place = ".".join(part for part in (self._where, key) if part)
        self._problems.append(f"{place or 'file'}: {message}")

    def text(self, key: str, *, may_be_empty: bool = False) -> str:
        """A required string."""
        value = self._value(key)
        if isinstance(value, str) and (value.strip() or (may_be_empty and not value)):
            return value
        self.problem(key, "must be a text" + ("" if may_be_empty else " that is not empty"))
        return ""

    def whole(self, key: str, *, least: int, most: int, default: int | None = None) -> int:
        """An integer in range; required, unless there is a default."""
        value = self._value(key)
        if value is None and default is not None:
            return default
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            return value
        self.problem(key, f"must be an integer from {least} to {most}")
        return least

    def wholes(self, key: str, *, least: int, most: int) -> tuple[int, ...]:
        """A required list of integers in range; it may be empty."""
        value = self._value(key)
        if isinstance(value, list) and all(
            isinstance(item, int) and not isinstance(item, bool) and least <= item <= most
            for item in value
        ):
            return tuple(value)
        self.problem(key, f"must be a list of integers from {least} to {most}")
        return ()

    def flag(self, key: str) -> bool:
        """A required boolean."""
        value = self._value(key)
        if isinstance(value, bool):
            return value
        self.problem(key, "must be true or false")
        return False

    def texts(self, key: str, *, least: int = 1) -> tuple[str, ...]:
        """A required list of non-empty strings."""
        value = self._value(key)
        if (
            isinstance(value, list)
            and len(value) >= least
            and all(isinstance(item, str) and item.strip() for item in value)
        ):
            return tuple(value)
        self.problem(key, f"must be a list of at least {least} texts")
        return ()

    def table(self, key: str, *, required: bool = False) -> Table:
        """A sub-table; an absent one that is not required is empty."""
        value = self._value(key)
        if value is None and not required:
            value = {}
        if not isinstance(value, dict):
            self.problem(key, "must be a table")
            value = {}
        return Table(value, f"{self._where}.{key}" if self._where else key, self._problems)

    def tables(self, key: str) -> list[Table]:
        """A required list of tables (`[[key]]`)."""
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            self.problem(key, "must be a list of at least one table")
            return []
        path = f"{self._where}.{key}" if self._where else key
        return [Table(item, f"{path}[{i}]", self._problems) for i, item in enumerate(value)]

    def names(self) -> tuple[str, ...]:
        """All keys as written."""
        return tuple(self._content)

    def has(self, key: str) -> bool:
        return key in self._content

    def end(self) -> None:
        """Report every key that nobody asked for: most are misspelt."""
        for key in self._content:
            if key not in self._read:
                self.problem(key, "is not known here")

    def _value(self, key: str) -> object:
        self._read.add(key)
        return self._content.get(key)


def read(text: str) -> tuple[Table, list[str]]:
    """The file's root table and the list that its readers fill; raises ConfigError if no TOML."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise ConfigError([f"not TOML: {err}"]) from err
    problems: list[str] = []
    return Table(content, "", problems), problems
