"""Expressions of the Presto subset, read by recursive descent into database text.

Types are checked as Presto checks them, so that what passes here means the same there.
"""

from __future__ import annotations

from dataclasses import dataclass

from emulator.sls import sql_functions
from emulator.sls.sql_terms import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    NULL,
    NUMERIC,
    RESERVED,
    VARCHAR,
    Expression,
    Token,
    refused,
    tokens,
    unified,
    unresolved,
)

_COMPARISONS = ("=", "<>", "!=", "<", "<=", ">", ">=")
_MAX_DEPTH = 40


@dataclass(frozen=True)
class Column:
    """A column of the statement's table: its name in the database and its type."""

    text: str
    type: str


class Expressions:
    """Expressions by precedence: or, and, not, predicates, `||`, `+ -`, `* / %`, sign, terms."""

    def __init__(self, statement: str, columns: dict[str, Column]) -> None:
        self._tokens = tokens(statement)
        self._at = 0
        self._depth = 0
        self._columns = columns
        self.literals: list[object] = []

    # -- tokens ---------------------------------------------------------------------------

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _accept(self, *expected: str) -> bool:
        """Step over a run of words or marks if all of it is there."""
        ahead = self._tokens[self._at : self._at + len(expected)]
        if [token.word for token in ahead] != list(expected):
            return False
        self._at += len(expected)
        return True

    def _expect(self, expected: str) -> None:
        if not self._accept(expected):
            raise self._unexpected(f", expecting {expected!r}")

    def _unexpected(self, more: str = "") -> Exception:
        return refused(f"mismatched input {self._token.value!r}{more}", self._token.column)

    # -- levels ---------------------------------------------------------------------------

    def expression(self) -> Expression:
        """One expression of any type."""
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise refused("the expression is nested too deeply", self._token.column)
        found = self._conjunction()
        while self._accept("or"):
            found = self._logical("OR", found, self._conjunction())
        self._depth -= 1
        return found

    def condition(self, clause: str) -> Expression:
        """One expression that is true or false."""
        column = self._token.column
        found = self.expression()
        if found.type not in (BOOLEAN, NULL):
            raise refused(f"{clause} must be a boolean, is {found.type}", column)
        return found

    def _conjunction(self) -> Expression:
        found = self._negation()
        while self._accept("and"):
            found = self._logical("AND", found, self._negation())
        return found

    def _logical(self, operator: str, left: Expression, right: Expression) -> Expression:
        for side in (left, right):
            if side.type not in (BOOLEAN, NULL):
                raise refused(f"{operator} needs booleans, not {side.type}", self._token.column)
        return Expression(f"({left.text} {operator} {right.text})", BOOLEAN, parts=(left, right))

    def _negation(self) -> Expression:
        negations = 0
        while self._accept("not"):
            negations += 1
        found = self._predicate()
        if negations and found.type not in (BOOLEAN, NULL):
            raise refused(f"NOT needs a boolean, not {found.type}", self._token.column)
        if negations % 2:
            return Expression(f"(NOT {found.text})", BOOLEAN, parts=(found,))
        return found

    def _predicate(self) -> Expression:
        left = self._concatenation()
        operator = self._token.word
        if operator in _COMPARISONS:
            self._at += 1
            return self._compared(left, operator, self._concatenation())
        if self._accept("is"):
            text = "IS NOT NULL" if self._accept("not") else "IS NULL"
            self._expect("null")
            return Expression(f"({left.text} {text})", BOOLEAN, parts=(left,))
        negated = self._accept("not")
        if self._accept("in"):
            found = self._membership(left)
        elif self._accept("between"):
            low = self._compared(left, ">=", self._concatenation())
            self._expect("and")
            found = self._logical("AND", low, self._compared(left, "<=", self._concatenation()))
        elif self._accept("like"):
            pattern = self._concatenation()
            if {left.type, pattern.type} - {VARCHAR, NULL}:
                raise refused("LIKE needs varchars", self._token.column)
            text = f"sls_like({left.text}, {pattern.text})"
            found = Expression(text, BOOLEAN, parts=(left, pattern))
        elif negated:
            raise self._unexpected()
        else:
            return left
        return Expression(f"(NOT {found.text})", BOOLEAN, parts=(found,)) if negated else found

    def _compared(self, left: Expression, operator: str, right: Expression) -> Expression:
        numbers = left.type in NUMERIC and right.type in NUMERIC
        if not numbers and left.type != right.type and NULL not in (left.type, right.type):
            raise refused(
                f"'{operator}' cannot be applied to {left.type}, {right.type}", self._token.column
            )
        return Expression(f"({left.text} {operator} {right.text})", BOOLEAN, parts=(left, right))

    def _membership(self, left: Expression) -> Expression:
        self._expect("(")
        choices = [self._compared(left, "=", self.expression()).parts[1]]
        while self._accept(","):
            choices.append(self._compared(left, "=", self.expression()).parts[1])
        self._expect(")")
        among = ", ".join(choice.text for choice in choices)
        return Expression(f"({left.text} IN ({among}))", BOOLEAN, parts=(left, *choices))

    def _concatenation(self) -> Expression:
        found = self._sum()
        while self._accept("||"):
            right = self._sum()
            if {found.type, right.type} - {VARCHAR, NULL}:
                raise refused("|| needs varchars", self._token.column)
            found = Expression(f"({found.text} || {right.text})", VARCHAR, parts=(found, right))
        return found

    def _sum(self) -> Expression:
        found = self._product()
        while self._token.word in ("+", "-"):
            operator = self._token.word
            self._at += 1
            found = self._arithmetic(f"({{}} {operator} {{}})", found, self._product())
        return found

    def _product(self) -> Expression:
        templates = {"*": "({} * {})", "/": "sls_divide({}, {})", "%": "sls_modulo({}, {})"}
        found = self._signed()
        while self._token.word in templates:
            template = templates[self._token.word]
            self._at += 1
            found = self._arithmetic(template, found, self._signed())
        return found

    def _arithmetic(self, template: str, left: Expression, right: Expression) -> Expression:
        types = {left.type, right.type}
        if types - {*NUMERIC, NULL}:
            raise refused(f"cannot calculate with {left.type}, {right.type}", self._token.column)
        kind = DOUBLE if DOUBLE in types else BIGINT
        return Expression(template.format(left.text, right.text), kind, parts=(left, right))

    def _signed(self) -> Expression:
        if not self._accept("-"):
            return self._term()
        if self._token.word == "-":
            raise self._unexpected()
        found = self._term()
        if found.type not in (*NUMERIC, NULL):
            raise refused(f"cannot negate {found.type}", self._token.column)
        return Expression(f"(- {found.text})", found.type, parts=(found,))

    # -- terms ----------------------------------------------------------------------------

    def _term(self) -> Expression:
        token = self._token
        self._at += 1
        if token.kind == "string":
            return self._literal(token.value, VARCHAR)
        if token.kind == "integer":
            if len(token.value) > 19 or int(token.value) >= 1 << 63:
                raise refused(f"Invalid numeric literal: {token.value}", token.column)
            return self._literal(int(token.value), BIGINT)
        if token.kind == "decimal":
            return self._literal(float(token.value), DOUBLE)
        if token.word == "(":
            found = self.expression()
            self._expect(")")
            return found
        if token.word in ("true", "false"):
            return self._literal(int(token.word == "true"), BOOLEAN)
        if token.word == "null":
            return Expression("NULL", NULL, "literal")
        if token.word == "case":
            return self._case(token)
        if token.word == "cast":
            return self._cast(token)
        if token.kind == "name" and self._token.word == "(" and token.word not in RESERVED:
            return self._call(token)
        if token.kind == "quoted" or (token.kind == "name" and token.word not in RESERVED):
            return self._column(token)
        self._at -= 1
        raise self._unexpected()

    def _literal(self, value: object, kind: str) -> Expression:
        for number, known in enumerate(self.literals, 1):
            if known == value and type(known) is type(value):
                return Expression(f":p{number}", kind, "literal")
        self.literals.append(value)
        return Expression(f":p{len(self.literals)}", kind, "literal")

    def _column(self, token: Token) -> Expression:
        column = self._columns.get(token.value)
        if column is None:
            folded = [c for n, c in self._columns.items() if n.lower() == token.value.lower()]
            if len(folded) != 1:
                raise unresolved(token.value, token.column)
            column = folded[0]
        return Expression(column.text, column.type, "column")

    def _call(self, name: Token) -> Expression:
        self._expect("(")
        if name.word == "count" and self._accept("*", ")"):
            return Expression("count(*)", BIGINT, "aggregate")
        distinct = self._accept("distinct")
        arguments: list[Expression] = []
        if not self._accept(")"):
            arguments.append(self.expression())
            while self._accept(","):
                arguments.append(self.expression())
            self._expect(")")
        return sql_functions.call(name.value, arguments, distinct, name.column)

    def _cast(self, name: Token) -> Expression:
        self._expect("(")
        argument = self.expression()
        self._expect("as")
        target = self._token.word
        self._at += 1
        self._expect(")")
        return sql_functions.cast(argument, target, name.column)

    def _case(self, name: Token) -> Expression:
        text, conditions, results = "(CASE", list[Expression](), list[Expression]()
        while self._accept("when"):
            conditions.append(self.condition("CASE WHEN"))
            self._expect("then")
            results.append(self.expression())
            text += f" WHEN {conditions[-1].text} THEN {results[-1].text}"
        if not results:
            raise self._unexpected(", expecting 'when'")
        if self._accept("else"):
            results.append(self.expression())
            text += f" ELSE {results[-1].text}"
        self._expect("end")
        kind = unified(results, name.column)
        return Expression(text + " END)", kind, parts=(*conditions, *results))
