"""The terms of an analytic statement: its tokens, typed expressions and refusals.

Whatever is not in these tables does not reach the database.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.errors import ProductError
from emulator.sls import errors

BIGINT, DOUBLE, VARCHAR, BOOLEAN = "bigint", "double", "varchar", "boolean"
TIMESTAMP, NULL = "timestamp", "unknown"
NUMERIC = (BIGINT, DOUBLE)

_RESERVED_WORDS = (
    "select distinct from where group by having order limit as and or not in like between is null "
    "case when then else end cast true false asc desc union join inner left right full cross on "
    "using with exists intersect except values insert update delete create drop alter attach "
    "pragma escape offset all any natural table into over window recursive"
)
RESERVED = frozenset(_RESERVED_WORDS.split())
_TOKEN = re.compile(
    r"(?P<space>\s+)|(?P<string>'(?:[^']|'')*')|(?P<quoted>\"(?:[^\"]|\"\")+\")"
    r"|(?P<decimal>\d{1,300}\.\d{1,300})|(?P<integer>\d+)(?![A-Za-z_])|(?P<comment>--|/\*)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<mark><>|!=|<=|>=|\|\||[-+*/%=<>(),])",
    re.ASCII,
)
_MAX_TOKENS = 600


@dataclass(frozen=True)
class Token:
    """`kind` is string, quoted, decimal, integer, name, mark or end; `value` its meaning."""

    kind: str
    value: str
    column: int

    @property
    def word(self) -> str:
        """An unquoted name or a mark in lower case; empty for everything else."""
        return self.value.lower() if self.kind in ("name", "mark") else ""


@dataclass(frozen=True)
class Expression:
    """`text` is for the database and holds no text of the caller: columns are `c<n>`, literals
    parameters `:p<n>`. Equal texts are equal expressions."""

    text: str
    type: str
    kind: str = "operation"
    parts: tuple[Expression, ...] = field(default=(), repr=False)

    @property
    def aggregate(self) -> bool:
        """Whether an aggregate function is in it."""
        return self.kind == "aggregate" or any(part.aggregate for part in self.parts)

    def ungrouped(self, grouped: set[str]) -> Iterator[Expression]:
        """The columns that are neither grouped by nor inside an aggregate."""
        if self.text in grouped or self.kind == "aggregate":
            return
        if self.kind == "column":
            yield self
        for part in self.parts:
            yield from part.ungrouped(grouped)


def refused(message: str, column: int = 1) -> ProductError:
    return errors.parameter_invalid(
        f"ErrorType:OLSQueryParseError.ErrorMessage:line 1:{column}: {message}"
    )


def unresolved(name: str, column: int) -> ProductError:
    return errors.parameter_invalid(
        f"ErrorType:ColumnNotExists.ErrorMessage:line 1:{column}: "
        f"Column '{name}' cannot be resolved"
    )


def tokens(statement: str) -> list[Token]:
    """The statement's tokens with an `end`; anything else in it is refused."""
    found: list[Token] = []
    at = 0
    while at < len(statement):
        match = _TOKEN.match(statement, at)
        if match is None or match.lastgroup == "comment":
            raise refused(f"extraneous input {statement[at]!r}", at + 1)
        kind, value = str(match.lastgroup), match.group()
        if kind in ("string", "quoted"):
            value = value[1:-1].replace(value[0] * 2, value[0])
        if kind != "space":
            found.append(Token(kind, value, at + 1))
        at = match.end()
    if len(found) > _MAX_TOKENS:
        raise refused("the statement is too long")
    return [*found, Token("end", "", at + 1)]


def unified(parts: list[Expression], column: int) -> str:
    """The common type of alternatives; refused if there is none."""
    types = {part.type for part in parts} - {NULL}
    if len(types) > 1 and types <= set(NUMERIC):
        return DOUBLE
    if len(types) > 1:
        raise refused(f"types {', '.join(sorted(types))} do not match", column)
    return types.pop() if types else NULL
