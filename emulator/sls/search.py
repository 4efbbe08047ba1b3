"""The search language (left of `|`), compiled to a predicate over rows.

Source: "Search syntax": precedence `()`, not, and, or; words side by side are and-ed; `*` and `?`
not in front; comparisons and ranges for long and double fields. A text field without delimiters
matches as a whole, one with delimiters by its words in any order. Ours: the full-text index holds
values, not names; `chn` makes each Han character a word. Whatever else is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from emulator.errors import ProductError
from emulator.sls import errors
from emulator.sls.state import Index, Row
from emulator.sls.words import Words, number

Predicate = Callable[[Row], bool]

_TOKEN = re.compile(
    r'\s+|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<mark>>=|<=|[()\[\]:<>=])|(?P<word>[^\s"()\[\]:<>=|#]+)',
    re.DOTALL,
)
_RESERVED = {"sort", "asc", "desc", "group", "by", "avg", "sum", "min", "max", "limit", "and",
             "or", "not", "in"}  # fmt: skip
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b, "=": lambda a, b: a == b,
}  # fmt: skip
_MAX_TOKENS = 1000
_MAX_DEPTH = 50


def compile_search(text: str, index: Index) -> Predicate:
    """The predicate of a search statement; ParameterInvalid for what is no such statement."""
    tokens = _tokens(text)
    if not tokens or tokens == [("word", "*")]:
        return _every
    return _Parser(tokens, index).parse()


def exact_term(text: str, index: Index) -> tuple[str, str] | None:
    """A (key, value) that every row found must hold, where the statement begins with such a
    condition and everything else is and-ed to it (an `or` counts inside parentheses only); None if
    that cannot be told at a glance."""
    tokens = _tokens(text)
    if len(tokens) < 3 or _has_alternatives(tokens):
        return None
    (kind, key), colon, (quoted, value) = tokens[:3]
    definition = index.keys.get(key, {}) if kind == "word" else {}
    exact = definition.get("type") == "text" and not definition.get("token")
    if colon != ("mark", ":") or quoted != "quoted" or not exact:
        return None
    return (key, _unquoted(quoted, value)) if definition.get("caseSensitive") else None


def _has_alternatives(tokens: list[tuple[str, str]]) -> bool:
    """Whether an `or` stands outside all parentheses."""
    depth, before = 0, ""
    for kind, value in tokens:
        word = value.lower() if kind == "word" else ""
        if kind == "mark" and value == "(" and before != "in":  # else it opens a range
            depth += 1
        elif kind == "mark" and value == ")":
            depth -= 1
        if depth <= 0 and word == "or":
            return True
        before = word
    return False


def _every(row: Row) -> bool:
    return True


def split(query: str) -> tuple[str, str | None]:
    """The search statement and the analytic statement, None if there is no `|`."""
    quoted = False
    escaped = False
    for at, character in enumerate(query):
        if escaped:
            escaped = False
        elif character == "\\" and quoted:
            escaped = True
        elif character == '"':
            quoted = not quoted
        elif character == "|" and not quoted:
            return query[:at].strip(), query[at + 1 :].strip()
    return query.strip(), None


def refused(detail: str) -> ProductError:
    return errors.parameter_invalid(f"parse search query error: {detail}")


def _tokens(text: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise refused(f"unexpected {text[at]!r}")
        if token.lastgroup:
            found.append((token.lastgroup, token.group()))
        at = token.end()
    if len(found) > _MAX_TOKENS:
        raise refused("too many conditions")
    return found


class _Parser:
    """Recursive descent, one method per level of precedence."""

    def __init__(self, tokens: list[tuple[str, str]], index: Index) -> None:
        self._tokens = tokens
        self._index = index
        self._at = 0
        self._depth = 0

    def parse(self) -> Predicate:
        found = self._any_of()
        if self._at != len(self._tokens):
            raise refused(f"unexpected {self._tokens[self._at][1]!r}")
        return found

    def _peek(self, ahead: int = 0) -> tuple[str, str]:
        at = self._at + ahead
        return self._tokens[at] if at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        if token[0] == "end":
            raise refused("unexpected end")
        self._at += 1
        return token

    def _keyword(self, name: str) -> bool:
        kind, value = self._peek()
        if kind == "word" and value.lower() == name:
            self._at += 1
            return True
        return False

    def _any_of(self) -> Predicate:
        parts = [self._all_of()]
        while self._keyword("or"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _all_of(self) -> Predicate:
        parts = [self._one()]
        while self._keyword("and") or self._starts_condition():
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _starts_condition(self) -> bool:
        kind, value = self._peek()
        return kind == "quoted" or value == "(" or (kind == "word" and value.lower() != "or")

    def _one(self) -> Predicate:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise refused("nested too deeply")
        try:
            if self._keyword("not"):
                inner = self._one()
                return lambda row: not inner(row)
            if self._peek() == ("mark", "("):
                self._next()
                inner = self._any_of()
                if self._next() != ("mark", ")"):
                    raise refused("')' expected")
                return inner
            return self._condition()
        finally:
            self._depth -= 1

    def _condition(self) -> Predicate:
        kind, text = self._next()
        if kind == "mark":
            raise refused(f"unexpected {text!r}")
        if text == "__tag__" and self._peek()[1] == ":" and self._peek(2)[1] == ":":
            self._next()
            text = "__tag__:" + self._next()[1]
        operator = self._peek()[1] if self._peek()[0] == "mark" else ""
        if operator == ":":
            self._next()
            return self._has_value(_unquoted(kind, text))
        if operator in _COMPARISONS:
            self._next()
            return self._compares(_unquoted(kind, text), operator)
        if self._keyword("in"):
            return self._ranges(_unquoted(kind, text))
        if kind == "word" and text.lower() in _RESERVED:
            raise refused(f"{text!r} must be quoted")
        return self._full_text(kind, text)

    # -- conditions -----------------------------------------------------------------------

    def _full_text(self, kind: str, text: str) -> Predicate:
        if kind == "word" and text == "*":
            return _every
        line, since = self._index.line, self._index.line_since
        if line is None or since is None:
            raise errors.parameter_invalid("full text index is not configured")
        words = Words(line)
        matches = words.matcher(_unquoted(kind, text), wildcards=kind == "word")
        return lambda row: row.received_at >= since and matches(
            [word for value in (*row.fields.values(), row.topic, row.source)
             for word in words.of(value)]
        )  # fmt: skip

    def _has_value(self, key: str) -> Predicate:
        kind, text = self._next()
        if kind == "mark" or (kind == "word" and text.lower() in _RESERVED):
            raise refused(f"unexpected {text!r} after {key}:")
        value = _unquoted(kind, text)
        definition, read = self._field(key)
        if kind == "word" and value == "*":
            return lambda row: read(row) is not None
        if definition["type"] in ("long", "double"):
            return self._number_condition(key, lambda found: found == _literal(key, value))
        words = Words(definition)
        matches = words.matcher(value, wildcards=kind == "word")

        def has_value(row: Row) -> bool:
            found = read(row)
            return found is not None and matches(words.of(found))

        return has_value

    def _compares(self, key: str, operator: str) -> Predicate:
        limit = _literal(key, self._next()[1])
        compare = _COMPARISONS[operator]
        return self._number_condition(key, lambda found: compare(found, limit))

    def _ranges(self, key: str) -> Predicate:
        opening = self._next()[1]
        low, high = _literal(key, self._next()[1]), _literal(key, self._next()[1])
        closing = self._next()[1]
        if opening not in ("(", "[") or closing not in (")", "]"):
            raise refused("a range is written [1 10], (1 10], [1 10) or (1 10)")
        above = _COMPARISONS[">=" if opening == "[" else ">"]
        below = _COMPARISONS["<=" if closing == "]" else "<"]
        return self._number_condition(key, lambda n: above(n, low) and below(n, high))

    def _number_condition(self, key: str, holds: Callable[[float], bool]) -> Predicate:
        definition, read = self._field(key)
        kind = definition["type"]
        if kind not in ("long", "double"):
            raise errors.parameter_invalid(f"key ({key}) is not config as numberic column")

        def satisfied(row: Row) -> bool:
            found = number(kind, read(row))
            return found is not None and holds(found)

        return satisfied

    def _field(self, key: str) -> tuple[dict[str, object], Callable[[Row], str | None]]:
        """How a key is indexed and how its value is read; unindexed keys are refused."""
        definition = self._index.keys.get(key)
        if definition is None and key in ("__topic__", "topic", "__source__", "source"):
            attribute = "topic" if "topic" in key else "source"
            exact = {"type": "text", "token": [], "caseSensitive": True}
            return exact, lambda row: str(getattr(row, attribute))
        if definition is None:
            raise errors.parameter_invalid(
                f"key ({key}) is not config as key value config,if symbol : is in your log,"
                'please wrap : with quotation mark "'
            )
        if definition["type"] == "json":
            raise errors.parameter_invalid(f"key ({key}): json fields are not supported here")
        since = self._index.key_since[key]
        return definition, lambda row: row.fields.get(key) if row.received_at >= since else None


def _unquoted(kind: str, text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL) if kind == "quoted" else text


def _literal(key: str, text: str) -> float:
    found = number("double", text.strip('"'))
    if found is None:
        raise errors.parameter_invalid(f"the value {text} of key ({key}) is not a number")
    return found
