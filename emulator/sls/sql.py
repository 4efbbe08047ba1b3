"""Runs an analytic statement over the rows that the search statement has found.

The statement is parsed by our own grammar; the database sees no text of the caller, holds only
these rows, and may do nothing but read them and call the functions listed.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable

from emulator.sls import words
from emulator.sls.sql_expressions import Column
from emulator.sls.sql_functions import ALLOWED, register
from emulator.sls.sql_grammar import parse
from emulator.sls.sql_terms import BIGINT, BOOLEAN, DOUBLE, VARCHAR, refused
from emulator.sls.state import Index, Row

Answer = tuple[list[dict[str, str]], list[str], list[str]]
_TIMEOUT_SECONDS = 10.0
_TYPES = {"text": VARCHAR, "long": BIGINT, "double": DOUBLE}


def run(
    statement: str, rows: list[Row], index: Index, logstore: str, null: str, now: float
) -> Answer:
    """Rows of strings, the columns' names and types; `null` is how a NULL is printed.

    Columns are the indexed fields with doc_value, `__time__`, `__source__` and `__topic__`; texts
    are cut at max_text_len bytes.
    """
    keys = {name: key for name, key in index.keys.items()
            if key.get("doc_value") and key["type"] in _TYPES}  # fmt: skip
    kinds = {"__time__": BIGINT, "__source__": VARCHAR, "__topic__": VARCHAR}
    kinds |= {name: _TYPES[key["type"]] for name, key in keys.items()}
    columns = {name: Column(f"c{at}", kind) for at, (name, kind) in enumerate(kinds.items())}
    try:
        query = parse(statement, columns, logstore)
        values = [_values(row, index, keys) for row in rows]
        found = _execute(query.text, query.parameters, values, len(columns), now)
    except RecursionError:
        raise refused("the expression is nested too deeply") from None
    cells = [
        {name: _cell(value, kind, null)
         for name, kind, value in zip(query.names, query.types, row, strict=True)}
        for row in found
    ]  # fmt: skip
    return cells, query.names, query.types


def _values(row: Row, index: Index, keys: dict[str, dict[str, object]]) -> list[object]:
    fields = row.fields
    values: list[object] = [row.log.time, row.source, row.topic]
    for name, key in keys.items():
        text = fields.get(name) if row.received_at >= index.key_since[name] else None
        if key["type"] == "text" or text is None:
            values.append(None if text is None else _cut(text, index.max_text_bytes))
        else:
            value = words.number(str(key["type"]), text)
            values.append(float(value) if key["type"] == "double" and value is not None else value)
    return values


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")


def _execute(
    text: str, parameters: list[object], values: list[list[object]], width: int, now: float
) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(":memory:")
    try:
        register(connection, now)
        names = ", ".join(f"c{at}" for at in range(width))
        connection.execute(f"CREATE TABLE log ({names})")
        marks = ", ".join("?" * width)
        insert = f"INSERT INTO log VALUES ({marks})"  # noqa: S608 - no text of the caller
        connection.executemany(insert, values)
        connection.execute("SELECT value FROM json_each('[]')")  # makes that table, once
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(_deadline(), 10_000)
        named = {f"p{number}": value for number, value in enumerate(parameters, 1)}
        return list(connection.execute(text, named))
    except (sqlite3.Error, OverflowError) as err:
        raise refused(f"the statement cannot be run: {err}") from None
    finally:
        connection.close()


def _authorize(action: int, first: str | None, second: str | None, *_: str | None) -> int:
    allowed = (
        action == sqlite3.SQLITE_SELECT
        or (action == sqlite3.SQLITE_READ and first in ("log", "json_each"))
        or (action == sqlite3.SQLITE_FUNCTION and (second or "").lower() in ALLOWED)
    )
    return sqlite3.SQLITE_OK if allowed else sqlite3.SQLITE_DENY


def _deadline() -> Callable[[], int]:
    end = time.monotonic() + _TIMEOUT_SECONDS
    return lambda: int(time.monotonic() > end)


def _cell(value: object, kind: str, null: str) -> str:
    if value is None:
        return null
    if kind == BOOLEAN:
        return "true" if value else "false"
    if kind == BIGINT and not isinstance(value, int):
        raise refused("bigint overflow")
    return str(float(value)) if kind == DOUBLE and isinstance(value, int | float) else str(value)
