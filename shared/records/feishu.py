"""A Feishu approval instance (GET /open-apis/approval/v4/instances/:id), in common words.

Source: Feishu Open Platform, "Obtain details of an approval instance". Votes are what the timeline
says that somebody did; what passed by itself bears other types and nobody's id.
"""

from __future__ import annotations

import json
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

KIND = "feishu"
EVENTS_SAY_DECIDED = True
WITHDRAWN_IN_PLACE = True
URL = "https://www.feishu.cn/approval/admin/approvalList?instanceCode={}"
_DECISIONS = {"PASS": APPROVE, "REJECT": REJECT}
# Steps after which the form is what it was; ROLLBACK and a second START are none of them.
_HARMLESS = frozenset({
    "PASS", "REJECT", "AUTO_PASS", "AUTO_REJECT", "REMOVE_REPEAT", "TRANSFER", "CC",
    "ADD_APPROVER", "ADD_APPROVER_BEFORE", "ADD_APPROVER_AFTER", "DELETE_APPROVER",
})  # fmt: skip
_TEXTS = ("input", "textarea", "radio", "radioV2", "date", "number", "amount", "checkbox",
          "checkboxV2")  # fmt: skip
_EARLIEST_MS, _LATEST_MS = 10**12, 10**14


@strict
def standing(id: str, content: Mapping[str, Any], place: Place) -> Standing | Denied:
    """Of the answer's `data`. An approved instance that is withdrawn stays the same one; where that
    has to be approved, it is by an instance of its own that names the first one."""
    if content["approval_code"] not in place.forms:
        return Denied("record_not_found", "record")  # another form's: nobody asked about it
    if content.get("reverted") is True or content["status"] == "REVERTED":
        return Standing(WITHDRAWN, id)
    if content["status"] != "APPROVED":
        return Standing(PENDING if content["status"] == "PENDING" else CLOSED)
    if withdrawn := content.get("reverted_instance_code"):
        return Standing(WITHDRAWN, str(withdrawn))
    changes_another = content.get("modified_instance_code")
    return Denied("record_changes_another", "record") if changes_another else Standing(APPROVED)


@strict
def record(id: str, content: Mapping[str, Any], place: Place) -> Record | Denied:
    """Read an approved one."""
    return Record(
        kind=KIND, id=id, url=URL.format(id), title=str(content.get("approval_name", "")),
        requester=_person(content), votes=_votes(content), fields=_fields(content, place),
    )  # fmt: skip


@strict
def votes(content: Mapping[str, Any], place: Place) -> tuple[Vote, ...] | Denied:
    """Those of any record, approved or not."""
    return _votes(content)


def _person(content: Mapping[str, Any]) -> tuple[str, ...]:
    """Empty for what nobody did. Only an app with that permission sees the `user_id`."""
    return tuple(str(content[name]) for name in ("user_id", "open_id") if content.get(name))


def _votes(content: Mapping[str, Any]) -> tuple[Vote, ...]:
    """In the order of the timeline's moments."""
    steps = sorted(content["timeline"], key=lambda one: _moment(one["create_time"]))
    return still_valid(((one["type"], _vote(one)) for one in steps), _HARMLESS)


def _vote(one: Mapping[str, Any]) -> Vote | None:
    decision = _DECISIONS.get(one["type"])
    if decision is None or not _person(one):
        return None
    return Vote(_person(one), decision, _moment(one["create_time"]))


def _moment(text: object) -> datetime:
    """Milliseconds since 1970, as a text or a number."""
    milliseconds = int(str(text))
    if not _EARLIEST_MS <= milliseconds < _LATEST_MS:
        raise ValueError("no milliseconds")
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _fields(content: Mapping[str, Any], place: Place) -> dict[str, str]:
    """By the widget's own id, else Feishu's, else its label."""
    found: dict[str, str] = {}
    for one in json.loads(content["form"]):
        # Feishu's own ids are spelt as our names may be: they count if the file says so.
        name = place.field(one.get("custom_id"), one.get("name")) or place.fields.get(
            str(one.get("id")), "")
        value = one.get("value")
        if not name or value in (None, "", []):
            continue
        if name in found or one.get("type") not in _TEXTS:
            raise ValueError("two fields of one name, or one that is no text")
        found[name] = _text(value)
    return found


def _text(value: object) -> str:
    """A multiple choice is a list of texts."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise TypeError("no text")
    return f"{value:g}" if isinstance(value, float) else str(value)
