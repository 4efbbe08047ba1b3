"""Functions of analytic statements: which there are, what they take, what they do.

Source: "General aggregate functions", "Date and time functions". The session's time zone is
Asia/Shanghai, as in the pages' samples; a timestamp is kept as its text with milliseconds.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from emulator.sls import words
from emulator.sls.sql_terms import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    NULL,
    NUMERIC,
    TIMESTAMP,
    VARCHAR,
    Expression,
    refused,
    unified,
)

SHANGHAI = timezone(timedelta(hours=8))
_ORDERED = (BIGINT, DOUBLE, VARCHAR, TIMESTAMP)
_INSTANT = (BIGINT, TIMESTAMP)


def call(name: str, arguments: list[Expression], distinct: bool, column: int) -> Expression:
    """The expression of a function call; refused if the function or its arguments are unknown."""
    name = name.lower()
    if distinct and name != "count":
        raise refused(f"distinct is not supported in {name}", column)
    if name in _AGGREGATES:
        if any(argument.aggregate for argument in arguments):
            raise refused(f"Cannot nest aggregations inside aggregation '{name}'", column)
        return _aggregate(name, arguments, distinct, column)
    if name == "coalesce" and len(arguments) > 1:
        kind = unified(arguments, column)
        return Expression(f"COALESCE({_list(arguments)})", kind, parts=tuple(arguments))
    if name == "if" and len(arguments) == 3 and arguments[0].type in (BOOLEAN, NULL):
        condition, yes, no = (argument.text for argument in arguments)
        return Expression(
            f"(CASE WHEN {condition} THEN {yes} ELSE {no} END)",
            unified(arguments[1:], column), parts=tuple(arguments),
        )
    for takes, gives in _SCALARS.get(name, ()):
        if len(takes) == len(arguments) and all(
            argument.type in (*accepted, NULL)
            for argument, accepted in zip(arguments, takes, strict=True)
        ):
            kind = gives or arguments[0].type
            return Expression(f"sls_{name}({_list(arguments)})", kind, parts=tuple(arguments))
    types = ", ".join(argument.type for argument in arguments)
    raise refused(f"Unexpected parameters ({types}) for function {name}", column)


def cast(argument: Expression, target: str, column: int) -> Expression:
    """cast(x as bigint | double | varchar)."""
    if target not in (BIGINT, DOUBLE, VARCHAR) or argument.type == BOOLEAN:
        raise refused(f"Cannot cast {argument.type} to {target}", column)
    return Expression(f"sls_cast_{target}({argument.text})", target, parts=(argument,))


def _list(arguments: list[Expression]) -> str:
    return ", ".join(argument.text for argument in arguments)


# -- aggregates -------------------------------------------------------------------------------

_AGGREGATES: dict[str, tuple[tuple[str, ...], ...]] = {
    "count": ((*_ORDERED, BOOLEAN),),
    "count_if": ((BOOLEAN,),),
    "min": (_ORDERED,),
    "max": (_ORDERED,),
    "sum": (NUMERIC,),
    "avg": (NUMERIC,),
    "max_by": ((*_ORDERED, BOOLEAN), _ORDERED),
    "min_by": ((*_ORDERED, BOOLEAN), _ORDERED),
}


def _aggregate(
    name: str, arguments: list[Expression], distinct: bool, column: int
) -> Expression:
    takes = _AGGREGATES[name]
    if len(arguments) != len(takes) or any(
        argument.type not in (*accepted, NULL)
        for argument, accepted in zip(arguments, takes, strict=True)
    ):
        types = ", ".join(argument.type for argument in arguments)
        raise refused(f"Unexpected parameters ({types}) for function {name}", column)
    first = arguments[0]
    text = f"{name}({_list(arguments)})"
    kind = first.type
    if name == "count":
        text, kind = f"count({'DISTINCT ' if distinct else ''}{first.text})", BIGINT
    elif name == "count_if":
        text, kind = f"count(CASE WHEN {first.text} THEN 1 END)", BIGINT
    elif name == "avg":
        kind = DOUBLE
    elif name in ("max_by", "min_by"):
        text = f"sls_{text}"
    return Expression(text, kind, "aggregate", tuple(arguments))


class _MaxBy:
    """The first argument where the second is greatest; rows without a second do not count."""

    better: Callable[[Any, Any], bool] = staticmethod(lambda new, old: bool(new > old))

    def __init__(self) -> None:
        self._best: Any = None
        self._value: Any = None

    def step(self, value: Any, key: Any) -> None:
        if key is not None and (self._best is None or self.better(key, self._best)):
            self._best, self._value = key, value

    def finalize(self) -> Any:
        return self._value


class _MinBy(_MaxBy):
    better = staticmethod(lambda new, old: bool(new < old))


# -- scalars ----------------------------------------------------------------------------------

_Signatures = tuple[tuple[tuple[tuple[str, ...], ...], str], ...]
_SCALARS: dict[str, _Signatures] = {
    "date_trunc": ((((VARCHAR,), _INSTANT), TIMESTAMP),),
    "date_format": (((_INSTANT, (VARCHAR,)), VARCHAR),),
    "from_unixtime": (((NUMERIC,), TIMESTAMP),),
    "now": (((), TIMESTAMP),),
    "to_unixtime": ((((TIMESTAMP,),), DOUBLE),),
    "lower": ((((VARCHAR,),), VARCHAR),),
    "upper": ((((VARCHAR,),), VARCHAR),),
    "length": ((((VARCHAR,),), BIGINT),),
    "concat": (
        (((VARCHAR,),) * 2, VARCHAR), (((VARCHAR,),) * 3, VARCHAR), (((VARCHAR,),) * 4, VARCHAR),
    ),
    "abs": (((NUMERIC,), ""),),
    "round": (((NUMERIC,), ""), ((NUMERIC, (BIGINT,)), DOUBLE)),
}  # fmt: skip


def _instant(value: int | float | str) -> datetime:
    if isinstance(value, str):
        return datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f")
    return datetime.fromtimestamp(value, SHANGHAI).replace(tzinfo=None)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


def _date_trunc(unit: str, value: int | str) -> str:
    at = _instant(value)
    units = ("second", "minute", "hour", "day", "month", "year")
    if unit == "week":
        return _stamp(at.replace(hour=0, minute=0, second=0, microsecond=0)
                      - timedelta(days=at.weekday()))  # fmt: skip
    if unit == "quarter":
        at, unit = at.replace(day=1, month=(at.month - 1) // 3 * 3 + 1), "month"
    depth = units.index(unit)
    parts: list[tuple[str, int]] = [("microsecond", 0), ("second", 0), ("minute", 0), ("hour", 0),
                                    ("day", 1), ("month", 1)]  # fmt: skip
    for name, lowest in parts[: depth + 1]:
        at = at.replace(**{name: lowest})  # type: ignore[arg-type]
    return _stamp(at)


_FORMATS: dict[str, Callable[[datetime], str]] = {
    "Y": lambda at: f"{at.year:04d}", "y": lambda at: f"{at.year % 100:02d}",
    "m": lambda at: f"{at.month:02d}", "c": lambda at: str(at.month),
    "d": lambda at: f"{at.day:02d}", "e": lambda at: str(at.day),
    "H": lambda at: f"{at.hour:02d}", "k": lambda at: str(at.hour),
    "h": lambda at: f"{at:%I}", "I": lambda at: f"{at:%I}",
    "i": lambda at: f"{at.minute:02d}", "s": lambda at: f"{at.second:02d}",
    "S": lambda at: f"{at.second:02d}", "f": lambda at: f"{at.microsecond:06d}",
    "T": lambda at: f"{at:%H:%M:%S}", "p": lambda at: "AM" if at.hour < 12 else "PM",
    "j": lambda at: f"{at:%j}", "%": lambda _: "%",
}  # fmt: skip


def _date_format(value: int | str, pattern: str) -> str:
    at = _instant(value)
    found = ""
    characters = iter(pattern)
    for character in characters:
        found += _FORMATS[next(characters)](at) if character == "%" else character
    return found


def _to_unixtime(value: str) -> float:
    return _instant(value).replace(tzinfo=SHANGHAI).astimezone(UTC).timestamp()


def _divide(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return left / right


def _modulo(left: float, right: float) -> float:
    if isinstance(left, int) and isinstance(right, int):
        return left - int(_divide(left, right)) * right
    return left - int(left / right) * right


def _round(value: float, digits: int = 0) -> float:
    if isinstance(value, int) and not digits:
        return value
    scale = 10.0**digits
    magnitude = int(abs(value) * scale + 0.5) / scale
    return magnitude if value >= 0 else -magnitude


def _cast_bigint(value: Any) -> int:
    found = words.number("long", str(value)) if isinstance(value, str) else value
    if found is None:
        raise ValueError("Cannot cast to bigint")
    return int(found + (0.5 if found >= 0 else -0.5)) if isinstance(found, float) else int(found)


def _cast_double(value: Any) -> float:
    found = words.number("double", str(value))
    if found is None:
        raise ValueError("Cannot cast to double")
    return float(found)


def _like(value: str, pattern: str) -> bool:
    body = "".join({"%": ".*", "_": "."}.get(c, re.escape(c)) for c in pattern)
    return re.fullmatch(body, value, re.DOTALL) is not None


def _split(value: str, between: str) -> str:
    """As a JSON array, which is what the database can make rows of."""
    if not between:
        raise ValueError("The delimiter may not be the empty string")
    return json.dumps(value.split(between))


_PYTHON: dict[str, tuple[int, Callable[..., Any]]] = {
    "date_trunc": (2, _date_trunc), "date_format": (2, _date_format),
    "from_unixtime": (1, lambda value: _stamp(_instant(value))), "to_unixtime": (1, _to_unixtime),
    "lower": (1, str.lower), "upper": (1, str.upper), "length": (1, len), "abs": (1, abs),
    "round": (-1, _round), "concat": (-1, lambda *texts: "".join(texts)), "like": (2, _like),
    "divide": (2, _divide), "modulo": (2, _modulo), "cast_bigint": (1, _cast_bigint),
    "cast_double": (1, _cast_double), "cast_varchar": (1, str), "split": (2, _split),
}  # fmt: skip

ALLOWED = frozenset(
    {f"sls_{name}" for name in _PYTHON}
    | {"sls_now", "sls_max_by", "sls_min_by", "count", "min", "max", "sum", "avg", "coalesce"}
)


def register(connection: sqlite3.Connection, now: float) -> None:
    """Give the database the functions that expressions may call; a NULL argument gives NULL. `now`
    is the moment of the request, the same throughout a statement."""

    def strict(function: Callable[..., Any]) -> Callable[..., Any]:
        return lambda *values: None if None in values else function(*values)

    for name, (arity, function) in _PYTHON.items():
        connection.create_function(f"sls_{name}", arity, strict(function), deterministic=True)
    connection.create_function("sls_now", 0, lambda: _stamp(_instant(now)), deterministic=True)
    connection.create_aggregate("sls_max_by", 2, _MaxBy)  # type: ignore[arg-type]
    connection.create_aggregate("sls_min_by", 2, _MinBy)  # type: ignore[arg-type]
