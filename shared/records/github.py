"""A GitHub issue with its comments, in common words.

`content` is the `issue` of a GraphQL answer, its comments complete. Who approves writes a comment
whose first line is `/approve`; `/reject` is final. Source: GitHub GraphQL API, "Issue",
"IssueComment"; issue forms put each answer under a heading of its own.

An issue and its comments can be edited. What was approved is what the issue said since its last
edit, and a comment that was edited may have said something else: neither counts for a yes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared import timestamps
from shared.places import Place
from shared.records.record import (
    APPROVED,
    CLOSED,
    PENDING,
    WITHDRAWN,
    Record,
    Standing,
    Vote,
    strict,
)
from shared.refusals import Denied
from shared.tickets import APPROVE, REJECT

KIND = "github"
EVENTS_SAY_DECIDED = False  # a comment may be anything
WITHDRAWN_IN_PLACE = True
_WORDS = {"/approve": APPROVE, "/reject": REJECT}
_HEADING = re.compile(r"^### +(.+?) *$", re.MULTILINE)
_CHECKED = re.compile(r"^- \[[xX]\] +(.+)$", re.MULTILINE)
_BOX = re.compile(r"^- \[[ xX]\] ", re.MULTILINE)
_FENCE = re.compile(r"```[a-z]*\n(.*)\n```", re.DOTALL)
# HTML and comments; what is a heading to Markdown (indented, quoted, listed, of another level,
# underlined) and none to the form; definitions of links, which are not shown.
_NOT_OF_A_FORM = re.compile(
    r"<[A-Za-z!/?]"
    r"|^(?!### \S)[ \t>*+-]*#{1,6}(?:[ \t]|$)"
    r"|^[ \t>]*(?:=+|-+)[ \t]*$"
    r"|^[ \t>]*\[[^\]]*\]:",
    re.MULTILINE,
)
_NOTHING = "_No response_"


@strict
def standing(id: str, content: Mapping[str, Any], place: Place) -> Standing | Denied:
    """Closed as "not planned" is taken back; any `/approve` may be enough: the rules decide."""
    if content["repository"]["nameWithOwner"] not in place.forms:
        return Denied("record_not_found", "record")
    if (content["state"], content.get("stateReason")) == ("CLOSED", "NOT_PLANNED"):
        return Standing(WITHDRAWN, id)
    words = [_word(one["body"]) for one in content["comments"]]
    if APPROVE in words:
        return Standing(APPROVED)
    return Standing(PENDING if content["state"] == "OPEN" else CLOSED)


@strict
def record(id: str, content: Mapping[str, Any], place: Place) -> Record | Denied:
    """Read an issue that somebody has approved."""
    return Record(
        kind=KIND, id=id, url=str(content["url"]), title=str(content["title"]),
        requester=_person(content), votes=_votes(content), fields=_fields(content["body"], place),
    )  # fmt: skip


@strict
def votes(content: Mapping[str, Any], place: Place) -> tuple[Vote, ...] | Denied:
    """Those of any record, approved or not."""
    return _votes(content)


def _word(text: str) -> str | None:
    """What the first line of a comment decides."""
    lines = text.strip().splitlines()
    return _WORDS.get(lines[0].strip()) if lines else None


def _votes(content: Mapping[str, Any]) -> tuple[Vote, ...]:
    edited = _moment(content["lastEditedAt"]) if content["lastEditedAt"] else None
    found = []
    for one in content["comments"]:
        decision = _word(one["body"])
        if decision is None:
            continue
        at = _moment(one["createdAt"])
        stale = bool(one["lastEditedAt"]) or (edited is not None and edited >= at)
        if decision == REJECT or not stale:
            found.append(Vote(_person(one), decision, at))
    return tuple(found)


def _person(content: Mapping[str, Any]) -> tuple[str, ...]:
    """A user's number, as names can be given up and taken by others; nobody for bots and for who
    has left GitHub."""
    author = content["author"]
    if not author or author["__typename"] != "User":
        return ()
    number = author["databaseId"]
    if not isinstance(number, int) or isinstance(number, bool):
        raise TypeError("no number")
    return (str(number),)


def _moment(text: str) -> datetime:
    found = timestamps.parse(text)
    if found is None:
        raise ValueError("no date")
    return found.astimezone(UTC)


def _fields(body: str, place: Place) -> dict[str, str]:
    """By the headings of the issue form: as the file names them, else in snake case.

    What is read must be what an approver sees: a body that GitHub's issue form would not have made
    is not read at all. Markdown can hide text, and show a heading that is none here."""
    text = body.replace("\r\n", "\n")
    before, *parts = _HEADING.split(text)
    if before.strip() or _NOT_OF_A_FORM.search(text):
        raise ValueError("edited beyond the form")
    found: dict[str, str] = {}
    seen: set[str] = set()
    for heading, answer in zip(parts[::2], parts[1::2], strict=True):
        name = place.field(heading, re.sub(r"[^a-z0-9]+", "_", heading.lower()).strip("_"))
        if heading in seen or (name and name in seen):
            raise ValueError("two fields of one name")
        seen |= {heading, name}
        value = _answer(answer.strip())
        if name and value:
            found[name] = value
    return found


def _answer(text: str) -> str:
    """Of a box, what is checked; of a block of code, what is in it."""
    if text == _NOTHING:
        return ""
    if _BOX.match(text):
        return ", ".join(_CHECKED.findall(text))
    fenced = _FENCE.fullmatch(text)
    answer = fenced[1] if fenced else text
    if "```" in answer or "~~~" in answer:
        raise ValueError("a block within an answer")
    return answer
