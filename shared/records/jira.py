"""A Jira Service Management issue with its approvals and its changes, in common words.

`content` is `{"issue", "approvals", "changes"}` as the adapter has read them: the issue of API v2,
whose texts are plain, all approvals, and all entries of the changelog. Source: Jira Cloud REST API
v2, "Get issue", "Get changelogs"; Service Management REST API, "Get approvals".

An issue can be edited after it was approved, and Jira does not say when each of an approval's
people decided. So the votes of an approval count if nothing that matters was edited since it was
asked for, and they are as old as its completion.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

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

KIND = "jira"
EVENTS_SAY_DECIDED = False  # only that the issue moved
WITHDRAWN_IN_PLACE = True
_DECISIONS = {"approved": APPROVE, "declined": REJECT}
_LATEST_MS = 10**14
# Beside the form: who asks, and under which rules of the project approvals are asked for.
_MATTERS = frozenset({"reporter", "project", "Key", "issuetype"})


@strict
def standing(id: str, content: Mapping[str, Any], place: Place) -> Standing | Denied:
    """By the issue's state if people take it back by that, else by its approvals: all of them must
    be given."""
    issue = content["issue"]["fields"]
    if issue["project"]["key"] not in place.forms:
        return Denied("record_not_found", "record")
    if issue["status"]["name"] in place.withdrawn:
        return Standing(WITHDRAWN, id)
    decisions = [one["finalDecision"] for one in content["approvals"]]
    if "declined" in decisions:
        return Standing(CLOSED)
    decided = bool(decisions) and all(one == "approved" for one in decisions)
    return Standing(APPROVED if decided else PENDING)


@strict
def record(id: str, content: Mapping[str, Any], place: Place) -> Record | Denied:
    """Read an approved one."""
    issue = content["issue"]["fields"]
    reporter, creator = _account(issue["reporter"]), _account(issue["creator"])
    return Record(
        kind=KIND, id=id, url=f"https://{place.tenant}/browse/{id}",
        title=str(issue.get("summary", "")),
        requester=(reporter,), votes=_votes(content, place),
        fields=_fields(issue, place), filed_by=(creator,) if creator != reporter else (),
    )  # fmt: skip


@strict
def votes(content: Mapping[str, Any], place: Place) -> tuple[Vote, ...] | Denied:
    """Those of any record, approved or not."""
    return _votes(content, place)


def _votes(content: Mapping[str, Any], place: Place) -> tuple[Vote, ...]:
    """Those of approvals that were asked for after the last edit; a rejection always counts."""
    edited = _edited(content["changes"], place)
    found: list[Vote] = []
    for approval in content["approvals"]:
        asked_at = _moment(approval["createdDate"]["epochMillis"])
        completed = approval.get("completedDate")
        at = _moment(completed["epochMillis"]) if completed else asked_at
        for one in approval["approvers"]:
            decision = _DECISIONS.get(one["approverDecision"])
            stale = edited is not None and edited >= asked_at
            if decision is not None and (decision == REJECT or not stale):
                found.append(Vote((_account(one["approver"]),), decision, at))
    return tuple(found)


def _edited(changes: list[Mapping[str, Any]], place: Place) -> datetime | None:
    """When something that was to be approved was changed last."""
    matters = _MATTERS | place.fields.keys()
    moments = [
        datetime.fromisoformat(_offset(change["created"])).astimezone(UTC)
        for change in changes
        for item in change["items"]
        if {item.get("fieldId"), item.get("field")} & matters
    ]
    return max(moments, default=None)


def _offset(text: str) -> str:
    """Jira writes `+0000`, which Python reads since 3.11, and a moment without one is none."""
    if datetime.fromisoformat(text).tzinfo is None:
        raise ValueError("no offset")
    return text


def _moment(milliseconds: object) -> datetime:
    if not isinstance(milliseconds, int) or not 0 <= milliseconds < _LATEST_MS:
        raise ValueError("no milliseconds")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _account(person: Mapping[str, Any]) -> str:
    if person.get("accountType", "atlassian") != "atlassian":
        return ""  # an app, or a customer without an account: nobody
    account = person["accountId"]
    if not isinstance(account, str):
        raise TypeError("no account")
    return account


def _fields(issue: Mapping[str, Any], place: Place) -> dict[str, str]:
    """By the ids that the file names; choices have their text in `value`."""
    found: dict[str, str] = {}
    for theirs, value in issue.items():
        name = place.fields.get(theirs, "")
        if not name or value is None:
            continue
        found[name] = _text(value)
    return found


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, dict):
        return _text(value["value"])
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("no text")
    return f"{value:g}" if isinstance(value, float) else str(value)
