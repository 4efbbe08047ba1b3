"""The one statement of the Presto subset: a SELECT over the logstore's rows.

No joins, subqueries, set operations, windows or other statements; of tables beside the log only
the parts of a text: `from log, unnest(split(column, ',')) as t(part)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.sls.sql_expressions import Column, Expressions
from emulator.sls.sql_terms import RESERVED, VARCHAR, Expression, refused

_DEFAULT_ROWS, _MAX_ROWS = 100, 1_000_000


@dataclass
class Query:
    """What is to be run: database text without any text of the caller, and its parameters."""

    text: str = ""
    parameters: list[object] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    types: list[str] = field(default_factory=list)


def parse(statement: str, columns: dict[str, Column], logstore: str) -> Query:
    """Read one statement; ParameterInvalid for anything that is not of the subset."""
    return _Parser(statement, columns, logstore).query()


class _Parser(Expressions):
    """The clauses of the one SELECT."""

    def __init__(self, statement: str, columns: dict[str, Column], logstore: str) -> None:
        super().__init__(statement, columns)
        self._logstore = logstore
        self._parts = ""
        self._selected: list[tuple[str, Expression]] = []

    def query(self) -> Query:
        self._parts = self._look_ahead_for_parts()
        self._expect("select")
        distinct = self._accept("distinct")
        self._select_list()
        self._from()
        where = self.condition("WHERE") if self._accept("where") else None
        grouped = self._group_list() if self._accept("group", "by") else []
        having = self.condition("HAVING") if self._accept("having") else None
        order = self._order_list() if self._accept("order", "by") else []
        offset, count = self._limit()
        if self._token.kind != "end":
            raise self._unexpected()
        selected = [expression for _, expression in self._selected]
        self._check_grouping(selected, where, grouped, having, [e for e, _ in order])
        if distinct and not {e.text for e, _ in order} <= {e.text for e in selected}:
            raise refused("For SELECT DISTINCT, ORDER BY expressions must be selected")
        text = "SELECT " + ("DISTINCT " if distinct else "")
        text += ", ".join(e.text for e in selected) + " FROM log" + self._parts
        text += f" WHERE {where.text}" if where else ""
        text += " GROUP BY " + ", ".join(e.text for e in grouped) if grouped else ""
        text += f" HAVING {having.text}" if having else ""
        if order:
            text += " ORDER BY " + ", ".join(f"{e.text} {way} NULLS LAST" for e, way in order)
        text += f" LIMIT {count} OFFSET {offset}"
        return Query(text, self.literals, [n for n, _ in self._selected],
                     [e.type for e in selected])  # fmt: skip

    def _select_list(self) -> None:
        while True:
            if self._accept("*"):
                for name, column in self._columns.items():
                    self._selected.append((name, Expression(column.text, column.type, "column")))
            else:
                self._select_item()
            if not self._accept(","):
                break
        names = [name for name, _ in self._selected]
        if len(set(names)) != len(names):
            raise refused("duplicate column names in the select list")

    def _select_item(self) -> None:
        first = self._token
        found = self.expression()
        name = first.value if found.kind == "column" else f"_col{len(self._selected)}"
        bare = self._token.kind == "name" and self._token.word not in RESERVED
        if self._accept("as") or bare or self._token.kind == "quoted":
            name = self._name()
        self._selected.append((name, found))

    def _name(self) -> str:
        token = self._token
        if token.kind != "quoted" and (token.kind != "name" or token.word in RESERVED):
            raise self._unexpected()
        self._at += 1
        return token.value

    def _from(self) -> None:
        if self._accept("from"):
            table = self._token
            if self._name() not in ("log", self._logstore):
                raise refused(f"Table '{table.value}' does not exist", table.column)
            if self._accept(",") or self._accept("cross", "join"):
                self._unnested()

    def _look_ahead_for_parts(self) -> str:
        """What the select list names may be made in the FROM clause that follows it."""
        for at, token in enumerate(self._tokens):
            if token.word == "unnest":
                self._at = at
                name, text = self._unnested()
                if name in self._columns:
                    raise refused(f"Column '{name}' is ambiguous", token.column)
                self._columns = {**self._columns, name: Column("parts.value", VARCHAR)}
                self._at = 0
                return text
        return ""

    def _unnested(self) -> tuple[str, str]:
        """`unnest(split(x, 'c')) as t(name)`: the name, and the database's text."""
        for word in ("unnest", "(", "split", "("):
            self._expect(word)
        whole = self.expression()
        self._expect(",")
        between = self.expression()
        if {whole.type, between.type} - {VARCHAR}:
            raise refused("split needs varchars", self._token.column)
        self._expect(")")
        self._expect(")")
        self._accept("as")
        self._name()
        self._expect("(")
        name = self._name()
        self._expect(")")
        return name, f", json_each(sls_split({whole.text}, {between.text})) AS parts"

    def _group_list(self) -> list[Expression]:
        found = [self._reference()]
        while self._accept(","):
            found.append(self._reference())
        if any(expression.aggregate for expression in found):
            raise refused("GROUP BY clause cannot contain aggregations")
        return found

    def _order_list(self) -> list[tuple[Expression, str]]:
        found: list[tuple[Expression, str]] = []
        while True:
            expression = self._reference()
            way = "DESC" if self._accept("desc") else "ASC"
            if way == "ASC":
                self._accept("asc")
            found.append((expression, way))
            if not self._accept(","):
                return found

    def _reference(self) -> Expression:
        """An expression, an alias or an ordinal of the select list."""
        token, following = self._token, self._tokens[min(self._at + 1, len(self._tokens) - 1)]
        alone = following.word in ("", ",", "asc", "desc", "having", "order", "limit")
        if alone and token.kind == "integer":
            self._at += 1
            if not 1 <= int(token.value) <= len(self._selected):
                raise refused(f"position {token.value} is not in select list", token.column)
            return self._selected[int(token.value) - 1][1]
        if alone and token.kind in ("name", "quoted"):
            for name, expression in self._selected:
                if name.lower() == token.value.lower():
                    self._at += 1
                    return expression
        return self.expression()

    def _limit(self) -> tuple[int, int]:
        if not self._accept("limit"):
            return 0, _DEFAULT_ROWS
        first = self._count()
        offset, count = (first, self._count()) if self._accept(",") else (0, first)
        if offset + count > _MAX_ROWS:
            raise refused(f"limit is at most {_MAX_ROWS}")
        return offset, count

    def _count(self) -> int:
        token = self._token
        if token.kind != "integer" or len(token.value) > 9:
            raise self._unexpected(", expecting a number")
        self._at += 1
        return int(token.value)

    def _check_grouping(
        self, selected: list[Expression], where: Expression | None, grouped: list[Expression],
        having: Expression | None, order: list[Expression],
    ) -> None:
        if where and where.aggregate:
            raise refused("WHERE clause cannot contain aggregations")
        produced = [*selected, *order, *([having] if having else [])]
        if not grouped and not having and not any(e.aggregate for e in produced):
            return
        texts = {expression.text for expression in grouped}
        for expression in produced:
            for column in expression.ungrouped(texts):
                name = next(n for n, c in self._columns.items() if c.text == column.text)
                raise refused(
                    f"'{name}' must be an aggregate expression or appear in GROUP BY clause"
                )
