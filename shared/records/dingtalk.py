"""A DingTalk approval instance (GET /v1.0/workflow/processInstances), in common words.

Source: DingTalk Open Platform, "Obtain the details of an approval instance". Votes are read from
`operationRecords`: the instance's own list of approvers is absent where the form was filed by hand.
"""

from __future__ import annotations

import json
import re
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
    still_valid,
    strict,
)
from shared.refusals import Denied
from shared.tickets import APPROVE, REJECT

KIND = "dingtalk"
EVENTS_SAY_DECIDED = True
WITHDRAWN_IN_PLACE = False  # but by an instance of its own
URL = "https://aflow.dingtalk.com/dingtalk/web/query/pchomepage.htm?procInstId={}"
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?Z")
# By hand, and by hand through an agent, whose yes counts for nothing and whose no counts.
_BY_HAND, _BY_AGENT = "EXECUTE_TASK_NORMAL", "EXECUTE_TASK_AGENT"
_DECISIONS = {"AGREE": APPROVE, "REFUSE": REJECT}
# Steps after which the form is what it was; a send-back (REDIRECT_PROCESS) is none of them.
_HARMLESS = frozenset({
    _BY_HAND, _BY_AGENT, "APPEND_TASK_BEFORE", "APPEND_TASK_AFTER", "REDIRECT_TASK", "ADD_REMARK",
    "PROCESS_CC", "FINISH_PROCESS_INSTANCE",
})  # fmt: skip
_UNDECIDED = ("NEW", "RUNNING")
_ABSENT = ("", "null")


@strict
def standing(id: str, content: Mapping[str, Any], place: Place) -> Standing | Denied:
    """Of the answer's `result`, to which the adapter adds the `processCode` of a decided one. An
    instance that was filed again to take its first one back names that one; one that was filed
    again to change it is not served, as the first one's key stays."""
    if content["status"] in _UNDECIDED:
        return Standing(PENDING)
    if (content["status"], content.get("result")) != ("COMPLETED", "agree"):
        return Standing(CLOSED)
    action = content.get("bizAction") or "NONE"
    if action == "REVOKE":
        return Standing(WITHDRAWN, _text(content["mainProcessInstanceId"]))
    if action != "NONE":
        return Denied("record_changes_another", "record")
    if content["processCode"] not in place.forms:
        return Denied("record_not_found", "record")  # another form's: nobody asked about it
    return Standing(APPROVED)


@strict
def record(id: str, content: Mapping[str, Any], place: Place) -> Record | Denied:
    """Read an approved one."""
    return Record(
        kind=KIND, id=id, url=URL.format(id), title=str(content.get("title", "")),
        requester=(_text(content["originatorUserId"]),), votes=_votes(content),
        fields=_fields(content, place),
    )  # fmt: skip


@strict
def votes(content: Mapping[str, Any], place: Place) -> tuple[Vote, ...] | Denied:
    """Those of any record, approved or not."""
    return _votes(content)


def _votes(content: Mapping[str, Any]) -> tuple[Vote, ...]:
    """In the order of the operations, whose dates may not go back."""
    operations = content.get("operationRecords") or []
    dates = [_moment(one["date"]) for one in operations]
    if dates != sorted(dates):
        raise ValueError("not in order")
    return still_valid(((one["type"], _vote(one)) for one in operations), _HARMLESS)


def _vote(one: Mapping[str, Any]) -> Vote | None:
    """None for what is no decision, for nobody's (an automatic pass), and for an agent's yes."""
    decision = _DECISIONS.get(str(one.get("result")))
    if decision is None or one["type"] not in (_BY_HAND, _BY_AGENT) or not one.get("userId"):
        return None
    if one["type"] == _BY_AGENT and decision == APPROVE:
        return None
    return Vote((_text(one["userId"]),), decision, _moment(one["date"]))


def _moment(text: str) -> datetime:
    """Minutes are as fine as the documentation shows it."""
    if not _DATE.fullmatch(text):
        raise ValueError("no date")
    return datetime.fromisoformat(text).astimezone(UTC)


def _fields(content: Mapping[str, Any], place: Place) -> dict[str, str]:
    """By the component's alias, else its id, else its label; a value is always a text."""
    found: dict[str, str] = {}
    for one in content["formComponentValues"]:
        name = place.field(one.get("bizAlias"), one.get("id"), one.get("name"))
        value = one.get("value")
        if not name or value is None or value in _ABSENT:
            continue
        if name in found:
            raise ValueError("two fields of one name")
        found[name] = _joined(_text(value))
    return found


def _joined(value: str) -> str:
    """A multiple choice is a JSON list of texts."""
    try:
        listed = json.loads(value) if value.startswith("[") else None
    except (ValueError, RecursionError):
        return value
    if isinstance(listed, list) and all(isinstance(one, str) for one in listed):
        return ", ".join(listed)
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("no text")
    return value
