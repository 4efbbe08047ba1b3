"""Lists in a chat: a page of ten at a time, and those that will soon be over."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from shared import bootstrap, lookups
from shared.audit import Row
from shared.chat import words
from shared.chat.messages import Message
from shared.lookups import Shelf
from shared.people import People
from tests.unit.samples import NOW

ALICE = "T0AKWARDEN/UALICE"
PEOPLE = People({("slack", ALICE): "alice@example.com",
                 ("slack", "T0AKWARDEN/UGRACE"): "grace@example.com"})  # fmt: skip


@dataclass
class Log:
    """So many live grants of alice's in dev, the newest first, some of which were announced to be
    over soon, one of which has ended; each was asked for under its own number."""

    grants: int
    expiring: list[int] = field(default_factory=list)
    ended: int = 0
    searched: list[tuple[str, timedelta]] = field(default_factory=list)

    def select_logs(self, query: str, since: datetime, until: datetime) -> list[Row]:
        if '"ticket.revoked"' in query:
            return [_ticket(self.ended)] if self.ended else []
        if "max_by(reason" in query:
            return []
        return [_ticket(number) | {
            "application": "orders", "environment": "dev", "requester": "alice@example.com",
            "secret": f"akw/orders{number}/dev", "issued_ms": str(number * 86_400_000),
        } for number in range(self.grants, 0, -1)]  # fmt: skip

    def get_logs(self, query: str, since: datetime, until: datetime) -> list[Row]:
        self.searched.append((query, NOW - since))
        return [_ticket(number) for number in self.expiring]


def _ticket(number: int) -> Row:
    return {"ticket_system": "slack", "ticket_id": f"AK-{number}"}


def told(log: Log, text: str, person: str = ALICE) -> list[str]:
    """The lines of the answer."""
    shelf = Shelf(PEOPLE, bootstrap.rules(), bootstrap.templates(), "en", log, lambda: NOW)  # type: ignore[arg-type]
    return lookups.answer(shelf, Message("slack", person, "", "", "", text=text)).text.split("\n")


def numbers(lines: list[str]) -> list[int]:
    """Of the tickets that are named."""
    return [int(line.partition(":")[0].removeprefix("AK-")) for line in lines if line[:2] == "AK"]


def more(left: int, page: int) -> str:
    return words.say("en", "more", left=left, page=page)


@pytest.mark.parametrize(("grants", "page", "shown", "last"), [
    (10, "", range(10, 0, -1), ""), (11, "", range(11, 1, -1), more(1, 2)),
    (25, "", range(25, 15, -1), more(15, 2)), (25, "page=1", range(25, 15, -1), more(15, 2)),
    (25, "page=2", range(15, 5, -1), more(5, 3)), (25, "page=3", range(5, 0, -1), ""),
    (20, "page=2", range(10, 0, -1), ""), (25, "page=0", range(25, 15, -1), more(15, 2)),
])  # fmt: skip
def test_ten_are_shown_and_how_to_see_more(
    grants: int, page: str, shown: range, last: str
) -> None:
    """The newest first, each on one page and none left out; what is said at the end is what to
    type."""
    lines = told(Log(grants), f"list mine {page}")

    assert list(shown) == numbers(lines)
    assert ([last] if last else []) == lines[len(shown) :]


@pytest.mark.parametrize("page", ["4", "9999"])
def test_page_behind_the_last_is_empty(page: str) -> None:
    assert [words.say("en", "nothing_found")] == told(Log(25), f"list mine page={page}")


@pytest.mark.parametrize("page", ["-1", "x", "10000", "1.5", "٢"])
def test_page_that_is_none_is_the_first(page: str) -> None:
    assert list(range(25, 15, -1)) == numbers(told(Log(25), f"list mine page={page}"))


def test_those_that_will_soon_be_over_are_told_apart() -> None:
    """By what the sweep announced in the last week; what has ended meanwhile is none of them."""
    log = Log(12, expiring=[2, 7, 9], ended=7)

    assert [9, 2] == numbers(told(log, "list expiring"))
    assert [('event_type: "grant.expiring"', timedelta(days=8))] == log.searched


def test_many_that_will_soon_be_over_have_pages_too() -> None:
    lines = told(Log(30, expiring=list(range(1, 13))), "list expiring page=2")

    assert [2, 1] == numbers(lines)


@pytest.mark.parametrize("text", ["list expiring", "list mine page=2", "list all page=2"])
def test_pages_show_nothing_of_others(text: str) -> None:
    """Grace asked for none of them, and may not approve in dev; nor is she told how many."""
    assert [words.say("en", "nothing_found")] == told(
        Log(25, expiring=[1]), text, "T0AKWARDEN/UGRACE")  # fmt: skip
