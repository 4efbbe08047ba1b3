"""The search language: what finds what, and what is refused."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from emulator.errors import ProductError
from emulator.sls.protobuf import Log
from emulator.sls.search import compile_search, exact_term, split
from emulator.sls.sql import run
from emulator.sls.state import Index, Row
from tests.emulator.sls_scenario import DELIMITERS, client, get, index, put, ready, refusal

ROWS: dict[str, dict[str, Any]] = {
    "1": {"event_type": "key.issued", "user": "Alice", "n": 5, "score": 1.5,
          "message": "Key issued for /app/pay: OK", "unindexed": "needle"},
    "2": {"event_type": "key.issued.late", "user": "bob", "n": 100,
          "message": "key REVOKED, reason=leak"},
    "3": {"event_type": "key.deleted", "user": "", "n": "many", "message": "签发成功 done"},
    "4": {"event_type": 'a "quoted" \\ | value', "n": -3, "user": "and"},
}  # fmt: skip


@pytest.fixture
def sdk(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    found = client(emulator, monkeypatch)
    fields = index(id="text", event_type="text", user="text", n="long", score="double",
                   message="words")  # fmt: skip
    fields.key_config_list["message"].chn = True
    fields.key_config_list["__tag__:schema"] = fields.key_config_list["user"]
    ready(found, fields=fields)
    for number, row in ROWS.items():
        put(found, {"id": number, **row}, topic=f"t{number}", logtags=[("schema", number)])
    return found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "1234"),
        ("*", "1234"),
        (" * ", "1234"),
        ("event_type: key.issued", "1"),
        ('event_type:"key.issued"', "1"),
        ("event_type: key.issued*", "12"),
        ('event_type: "key.issued*"', ""),
        ("event_type: key.?ssued", "1"),
        ("event_type: issued", ""),
        ('event_type: "a \\"quoted\\" \\\\ | value"', "4"),
        ("user: Alice", "1"),
        ("user: alice", ""),
        ('user: ""', "3"),
        ("user: *", "1234"),
        ("score: *", "1"),
        ('user: "and"', "4"),
        ("message: KEY", "12"),
        ('message: "issued key"', "1"),
        ("message: reason and message: leak", "2"),
        ("message: rev*", "2"),
        ("message: 签发", "3"),
        ("message: 发货", ""),
        ("n: 5", "1"),
        ("n = 5", "1"),
        ("n > 4", "12"),
        ("n >= 100", "2"),
        ("n < 5", "4"),
        ("n <= 5", "14"),
        ("n > -4 and n < 0", "4"),
        ("n in [5 100]", "12"),
        ("n in (5 100]", "2"),
        ("n in [5 100)", "1"),
        ("n in (5 100)", ""),
        ("score > 1.4", "1"),
        ("score: 1.5", "1"),
        ("event_type: key.issued or user: bob", "12"),
        ("event_type: key.issued OR user: bob AND n: 1", "1"),
        ("(event_type: key.issued or user: bob) and n: 100", "2"),
        ("not event_type: key*", "4"),
        ("event_type: key* not user: bob", "13"),
        ("not not user: bob", "2"),
        ("not (user: bob or user: Alice)", "34"),
        ("message: key user: bob", "2"),
        ("needle", "1"),
        ("NEEDLE", "1"),
        ("pay and ok", "1"),
        ('"pay ok"', "1"),
        ("leak or done", "23"),
        ("nee*", "1"),
        ("* and user: bob", "2"),
        ("__topic__: t2", "2"),
        ("topic: t2", "2"),
        ("__source__: fc", "1234"),
        ("source: fc and __topic__: t1", "1"),
        ("__tag__:schema: 3", "3"),
        ('"__tag__:schema": 3', "3"),
    ],
)
def test_search(sdk: Any, query: str, expected: str) -> None:
    """Each form of the language finds its rows."""
    assert "".join(row["id"] for row in get(sdk, query)) == expected


@pytest.mark.parametrize(
    "query",
    [
        "user:", ": x", "user: : x", "user: (a or b)", "(user: a", "user: a)", "()", "and", "or x",
        "user: a and", "not", "user: and", "user: min", "sort", '"open', "a | ", "user: a]",
        "user: *x", "*x", "?x", "missing: x", "missing > 5", "unindexed: needle", "user > 5",
        "n: many", 'n: "x"', "n > x", "n >", "n in", "n in [1", "n in [1 2", "n in 1 2",
        "n in [x 2]", "n in )1 2(", "user in [1 2]", "__time__: 5", "__tag__: x",
        '#"phrase"', "a # b", "__tag__:missing: x", "(" * 200, "not " * 200 + "x",
        "x " * 1500, "n > 5 6 > 7",
    ],
)  # fmt: skip
def test_search_refused(sdk: Any, query: str) -> None:
    """What is no search statement is refused with 400, never guessed."""
    assert refusal(get, sdk, query)[:2] == (400, "ParameterInvalid")


def test_unindexed_key_says_so(sdk: Any) -> None:
    """The message is the service's own."""
    assert refusal(get, sdk, "unindexed: x")[2].startswith(
        "key (unindexed) is not config as key value config"
    )


def test_injection_finds_more(sdk: Any) -> None:
    """An unescaped quote does widen a query here as it does there; an escaped one does not."""
    hostile = 'x" or "*'
    escaped = hostile.replace("\\", "\\\\").replace('"', '\\"')

    assert refusal(get, sdk, 'user: "' + 'x" or *' + '"')[0] == 400
    assert len(get(sdk, 'user: "x" or *')) == 4
    assert get(sdk, f'user: "{escaped}"') == []


def test_full_text_needs_a_line_index(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a full-text index only fields can be searched."""
    sdk = client(emulator, monkeypatch)
    fields = index(user="text")
    fields.line_config = None
    ready(sdk, fields=fields)
    put(sdk, {"user": "u"})

    assert len(get(sdk, "user: u")) == 1
    assert refusal(get, sdk, "u")[:2] == (400, "ParameterInvalid")


def some_index() -> Index:
    keys = {
        "user": {"type": "text", "token": [], "doc_value": True, "caseSensitive": True},
        "n": {"type": "long", "doc_value": True},
        "doc": {"type": "json", "token": DELIMITERS, "doc_value": True},
    }
    return Index({"keys": keys, "line": {"token": DELIMITERS}}, 0.0, 0.0,
                 dict.fromkeys(keys, 0.0), 0.0)  # fmt: skip


def some_row() -> Row:
    log = Log(int(time.time()), (("user", "a"), ("n", "5"), ("doc", "{}")))
    return Row(1, log, "t", "s", (), time.time(), "R")


_PIECES = ["user", "n", "doc", ":", "*", "?", '"', "\\", "(", ")", "[", "]", "in", "and", "or",
           "not", ">", "<", "=", "5", "-1", "x", " ", "中", "__tag__", "|", "'", ",", "\0",
           "select", "count", "from", "log", "where", "group", "by", "order", "limit", "max_by",
           "date_trunc", "'day'", "__time__", "case", "when", "then", "end", "cast", "as", "/",
           "%", "null", "like", "between", "is", "having", "desc", "1.5", "9" * 20]  # fmt: skip
_SOUP = st.lists(st.sampled_from(_PIECES), max_size=25).map(" ".join) | st.text(max_size=30)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_SOUP)
def test_no_statement_is_a_defect(text: str) -> None:
    """Whatever is sent is answered or refused by the product, never by an exception of ours."""
    row, keys = some_row(), some_index()

    for statement in (text, f"select {text}", f"* | select n, {text}"):
        search, analysis = split(statement)
        with contextlib.suppress(ProductError):
            compile_search(search, keys)(row)
        with contextlib.suppress(ProductError):
            run(analysis if analysis is not None else text, [row], keys, "log", "null", 0.0)


_CONDITIONS = st.sampled_from(['user: "a"', 'user: "b"', "n > 3", "n in (1 4]", "n in [5 9)",
                               "n in (1 9)", "not n: 5", "*"])  # fmt: skip
_STATEMENTS = st.recursive(
    _CONDITIONS,
    lambda inner: st.builds("{} {} {}".format, inner, st.sampled_from(["and", "or", ""]), inner)
    | st.builds("({})".format, inner) | st.builds("not ({})".format, inner),
    max_leaves=6,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(_STATEMENTS)
def test_term_that_every_row_must_hold_hides_none(statement: str) -> None:
    """What is taken for granted at a glance is true of every row that the whole statement finds."""
    keys = some_index()
    matches, term = compile_search(statement, keys), exact_term(statement, keys)
    rows = [Row(seq, Log(1, (("user", user), ("n", n))), "t", "s", (), time.time(), "R")
            for seq, (user, n) in enumerate((u, n) for u in "abc" for n in ("2", "5", "9"))]

    found = [row for row in rows if matches(row)]

    assert term is None or all(row.fields.get(term[0]) == term[1] for row in found)


def test_alternatives_inside_parentheses_leave_the_first_term() -> None:
    keys = some_index()

    assert ("user", "a") == exact_term('user: "a" and (n: 5 or n: 6)', keys)
    assert exact_term('user: "a" or n: 5', keys) is None
    assert exact_term('user: "a" and n in (1 5] or n: 6', keys) is None
