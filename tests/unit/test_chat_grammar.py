"""What people type in a chat: read as it is meant, or told what is wrong; nothing ever raises."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.chat import grammar
from shared.chat.grammar import Command, Misread, cleaned, parse, rendered
from tests.unit.strategies import brief

WORDS = st.text(st.characters(exclude_characters='"=<>&'), min_size=1, max_size=12)
PIECES = st.one_of(
    st.sampled_from([*grammar.VERBS, *grammar.FIELDS, "AK-1", "=", '"', "“", "”", " ", "\u00a0",
                     "<@U1|bob>", "<@U1>", "<https://a.example|a>", "&lt;", "reason=", "ttl=30d",
                     "‘", "’", "'", "reason=‘", "\u2013", "\u2212", "AK\u20111", "LTAI…wxyz",
                     "for="]),
    WORDS,
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join) | st.lists(PIECES, max_size=12).map(" ".join))
@brief
def test_parsing_never_raises_and_what_is_read_can_be_typed_again(typed: str) -> None:
    found = parse(typed)

    assert isinstance(found, Command | Misread)
    if isinstance(found, Command):
        assert found == parse(rendered(found))


@given(st.text(max_size=80))
@brief
def test_any_text_is_a_command_or_told(typed: str) -> None:
    found = parse(typed)

    assert isinstance(found, Command | Misread)
    if isinstance(found, Command):
        assert found == parse(rendered(found))


@pytest.mark.parametrize("verb", grammar.VERBS)
def test_every_example_works(verb: str) -> None:
    found = parse(grammar.VERBS[verb].example)

    assert isinstance(found, Command)
    assert verb == found.verb


@pytest.mark.parametrize(("typed", "meant"), [
    ("", Command("help")), ("  \u00a0 ", Command("help")), ("HELP", Command("help")),
    ("帮助", Command("help")), ("状态 AK-1", Command("status", "AK-1")), ("ls", Command("list")),
    ("status", Command("status")), ("list mine", Command("list", "mine")),
    ("list\u00a0app=orders\u2003page=2", Command("list", "", {"application": "orders",
                                                              "page": "2"})),
    ("approve AK-1 looks fine", Command("approve", "AK-1", {}, "looks fine")),
    ("approve AK-1 a=b", Command("approve", "AK-1", {}, "a=b")),
    ("revoke AK-1 reason=leaked", Command("revoke", "AK-1", {"purpose": "leaked"})),
    ("revoke AK-1 no longer needed", Command("revoke", "AK-1", {}, "no longer needed")),
    ("extend AK-1 ttl=30d why=“still  needed”",
     Command("extend", "AK-1", {"ttl": "30d", "purpose": "still needed"})),
    ("申请 应用=orders 环境=dev 有效期=30d 用途=“导出日志”",
     Command("request", "", {"application": "orders", "environment": "dev", "ttl": "30d",
                             "purpose": "导出日志"})),
    ("request app＝orders env=dev ttl=1d reason=\"a",
     Command("request", "", {"application": "orders", "environment": "dev", "ttl": "1d",
                             "purpose": "a"})),
    ("extend AK-1 ttl=30d reason=<https://a.example/x|a.example/x>",
     Command("extend", "AK-1", {"ttl": "30d", "purpose": "https://a.example/x"})),
    ("request app=o env=dev ttl=1d reason=x for=<mailto:bob@example.com|bob@example.com>",
     Command("request", "", {"application": "o", "environment": "dev", "ttl": "1d", "purpose": "x",
                             "beneficiary": "bob@example.com"})),
    ("request app=o env=dev ttl=1d reason=x for=<@U1|bob smith>",
     Command("request", "", {"application": "o", "environment": "dev", "ttl": "1d", "purpose": "x",
                             "beneficiary": "@U1"})),
    ("approve AK-1 a &amp; b", Command("approve", "AK-1", {}, "a & b")),
    ("extend AK-1 ttl=30d reason=‘ship the logs’",
     Command("extend", "AK-1", {"ttl": "30d", "purpose": "ship the logs"})),
    ("extend AK-1 reason=‘don’t lose it’ ttl=‘30d’",
     Command("extend", "AK-1", {"ttl": "30d", "purpose": "don't lose it"})),
    ("extend AK-1 ttl=30d reason='tis", Command("extend", "AK-1", {"ttl": "30d",
                                                                   "purpose": "'tis"})),
    ("break\u2013glass incident=PD\u2011431 app=o env=prod reason=“a \u2013 b” use\u2212case=cli",
     Command("break-glass", "", {"incident": "PD-431", "application": "o", "environment": "prod",
                                 "purpose": "a \u2013 b", "use_case": "cli"})),
    ("approve AK\u20117Q2K\u22129FXM a \u2014 b",
     Command("approve", "AK-7Q2K-9FXM", {}, "a \u2014 b")),
    ("revoke AK-1 原因=导出\u2014\u2014完成", Command("revoke", "AK-1", {
        "purpose": "导出\u2014\u2014完成"})),
    ("revoke AK-1 “no reason=given”", Command("revoke", "AK-1", {}, "no reason=given")),
    ("rotate LTAI…wxyz", Command("rotate", "LTAI...wxyz")),
])  # fmt: skip
def test_text_is_read_as_it_is_meant(typed: str, meant: Command) -> None:
    assert meant == parse(typed)


@pytest.mark.parametrize(("typed", "reason", "about"), [
    ("aprove AK-1", "unknown_verb", ("approve",)), ("rotat", "unknown_verb", ("rotate",)),
    ("xyzzy", "unknown_verb", ()), ("approve", "no_target", ()),
    ("revoke reason=leaked", "no_target", ()), ("rotate AK-1 now", "stray", ()),
    ("rotate AK-1 env=dev", "unknown_field", ()), ("list colour=red", "unknown_field",
                                                   ("application", "page")),
    ("request app=orders", "missing", ("env", "ttl", "reason")), ("request", "missing", ()),
    ("extend AK-1 ttl=1d", "missing", ("reason",)), ("extend AK-1 ttl=1d ttl=2d reason=x",
                                                     "twice", ("ttl",)),
    ("request app=a APP=b env=dev ttl=1d reason=x", "twice", ("app",)),
    ("request orders env=dev ttl=1d reason=x app=o", "stray", ()), ("x" * 4001, "too_long", ()),
    ("request app=o env=dev ttl=1d reason=x for= ip=", "missing", ("for", "ip")),
    ('request app=o env=dev ttl=1d reason=x for=" "', "missing", ("for",)),
    ("request app=o env=dev ttl= reason=x for=‘’", "missing", ("ttl", "for")),
    ("revoke AK-1 reason=", "missing", ("reason",)),
])  # fmt: skip
def test_what_is_wrong_is_told_with_an_example(
    typed: str, reason: str, about: tuple[str, ...]
) -> None:
    found = parse(typed)

    assert isinstance(found, Misread)
    assert (reason, about) == (found.reason, found.about)
    assert isinstance(parse(found.example), Command)


def test_what_people_cannot_see_is_not_there() -> None:
    assert "approve AK-1 ok" == cleaned("approve\u200b AK\u202e-1\u2028ok").replace("  ", " ")
