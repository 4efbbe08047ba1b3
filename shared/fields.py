"""Strict reading of one untrusted JSON value: exact types, known names, patterns, limits.

Inside, a fault is raised as `Refused`, so that a reader is a plain list of fields; the public
`parse` functions hand its `Denied` back as a value.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import NoReturn

from shared.refusals import Denied

# No control characters (they forge log lines), no line and paragraph separators, no direction
# overrides (they make a person approve what is not there), no lone surrogates (not UTF-8).
_UNSEEN = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
LINE = re.compile(rf"[^{_UNSEEN}\t\n\r]*")
LINES = re.compile(rf"[^{_UNSEEN}]*")

# A name may be repeated in an answer only if it cannot be anything but a name.
_HARMLESS = re.compile(r"[a-z][a-z_]{0,31}")


class Refused(Exception):
    """Carries the refusal to the public function."""

    def __init__(self, reason: str, where: str) -> None:
        super().__init__(reason)
        self.denied = Denied(reason, where)


def decoded(body: bytes) -> object:
    """The JSON value; two readers of it can never see two different things."""
    try:
        return json.loads(
            body.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):  # also UnicodeDecodeError, and integers without end
        raise Refused("not_json", "") from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Refused("duplicate_key", "")
    return made


def _no_constant(_: str) -> NoReturn:
    raise Refused("not_json", "")  # NaN and Infinity are Python's, not JSON's


def below(where: str, name: str) -> str:
    """The path of a member; a name that could be anything is left out of it."""
    if not _HARMLESS.fullmatch(name):
        return where
    return f"{where}.{name}" if where else name


def members(
    value: object, where: str, *, required: Iterable[str], optional: Iterable[str] = ()
) -> dict[str, object]:
    """The members of an object that has all required names and no unknown ones."""
    if not isinstance(value, dict):
        raise Refused("wrong_type", where)
    required = tuple(required)
    known = {*required, *optional}
    for name in value:
        if name not in known:
            raise Refused("unknown_field", below(where, str(name)))
    for name in required:
        if name not in value:
            raise Refused("missing_field", below(where, name))
    return value


def items(
    value: object, where: str, *, least: int, most: int, reason: str = "invalid_value"
) -> list[object]:
    """The items of an array of that many."""
    if not isinstance(value, list):
        raise Refused("wrong_type", where)
    if len(value) < least:
        raise Refused("invalid_value", where)
    if len(value) > most:
        raise Refused(reason, where)
    return value


def text(
    value: object,
    where: str,
    *,
    most: int,
    least: int = 0,
    pattern: re.Pattern[str] = LINE,
    reason: str = "invalid_value",
) -> str:
    """A string of that many characters that fits the pattern as a whole."""
    if not isinstance(value, str):
        raise Refused("wrong_type", where)
    if not least <= len(value) <= most or not pattern.fullmatch(value):
        raise Refused(reason, where)
    return value


def whole(value: object, where: str, *, least: int, most: int, reason: str) -> int:
    """An integer in range; JSON's `true` and `1.0` are none."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise Refused("wrong_type", where)
    if not least <= value <= most:
        raise Refused(reason, where)
    return value


def flag(value: object, where: str) -> bool:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise Refused("wrong_type", where)
    return value
