"""How an indexed value falls into words, and when words match a search term."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from emulator.sls import errors

_HAN = re.compile(r"([\u4e00-\u9fff])")
_INTEGER = re.compile(r"[+-]?\d{1,19}", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(\d{1,300}(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)


def number(kind: str, text: str | None) -> int | float | None:
    """The value of a `long` or `double` field; None if it is absent or no such number."""
    if text is None:
        return None
    if _INTEGER.fullmatch(text.strip()):
        value = int(text)
        return value if -(1 << 63) <= value < 1 << 63 else None
    if kind == "double" and _DECIMAL.fullmatch(text.strip()):
        return float(text)
    return None


class Words:
    """The words of a text field or of the full-text index, by its delimiters."""

    def __init__(self, definition: dict[str, Any]) -> None:
        self._delimiters = "".join(definition.get("token", []))
        self._case_sensitive = bool(definition.get("caseSensitive", False))
        self._han = bool(definition.get("chn", False))

    def of(self, value: str) -> list[str]:
        """The words of a stored value; without delimiters the value as a whole."""
        return self._split(value, self._delimiters)

    def matcher(self, term: str, *, wildcards: bool) -> Callable[[Iterable[str]], bool]:
        """Whether every word of the term is among the words of a value.

        Only unquoted terms have wildcards; there `?` is one even if it is a delimiter too.
        """
        delimiters = self._delimiters
        if wildcards:
            delimiters = delimiters.replace("*", "").replace("?", "")
        wanted = self._split(term, delimiters)
        if wildcards and any(word[:1] in ("*", "?") for word in wanted):
            raise errors.parameter_invalid(
                f"parse search query error: {term!r} starts with a wildcard"
            )
        if not wanted:
            return lambda words: not list(words)
        patterns = [
            _glob(word) if wildcards and ("*" in word or "?" in word) else None for word in wanted
        ]

        def matches(words: Iterable[str]) -> bool:
            held = set(words)
            return all(
                word in held if pattern is None else any(pattern.fullmatch(h) for h in held)
                for word, pattern in zip(wanted, patterns, strict=True)
            )

        return matches

    def _split(self, value: str, delimiters: str) -> list[str]:
        folded = value if self._case_sensitive else value.lower()
        if not self._delimiters:
            return [folded]
        if self._han:
            folded = _HAN.sub(lambda found: f"\0{found[1]}\0", folded)
        return [w for w in re.split(f"[{re.escape(delimiters)}\0]", folded) if w]


def _glob(word: str) -> re.Pattern[str]:
    body = "".join({"*": ".*", "?": "."}.get(c, re.escape(c)) for c in word)
    return re.compile(body, re.DOTALL)
