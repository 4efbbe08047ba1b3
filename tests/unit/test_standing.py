"""Feishu and GitHub: records that changed on their way, or that show people something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from demo import dingtalk as forms
from demo import feishu as feishu_vendor
from demo import github as github_vendor
from shared import bootstrap
from shared.records import feishu, github
from shared.records.record import APPROVED, WITHDRAWN, Record, Standing
from shared.refusals import Denied

FEISHU, GITHUB = bootstrap.places()["feishu"], bootstrap.places()["github"]
UNREADABLE = Denied("record_unreadable", "record")
Content = dict[str, Any]


def instance(**changes: Any) -> Content:
    filled = forms.form("parcels") | {"necessity_confirmed": "是"}
    return feishu_vendor.instance(filled, **changes)


@pytest.mark.parametrize(("change", "standing"), [
    ({}, Standing(APPROVED)),
    ({"reverted": True}, Standing(WITHDRAWN, "i-1")),
    ({"status": "REVERTED"}, Standing(WITHDRAWN, "i-1")),
    ({"reverted_instance_code": "i-0"}, Standing(WITHDRAWN, "i-0")),
    ({"modified_instance_code": "i-0"}, Denied("record_changes_another", "record")),
])  # fmt: skip
def test_instance_that_is_about_another_one_is_no_request_of_its_own(
    change: Content, standing: Standing | Denied
) -> None:
    """Feishu copies the form and the votes into the one that takes another back."""
    assert standing == feishu.standing("i-1", instance(**change), FEISHU)


@pytest.mark.parametrize(("kind", "votes"), [
    ("ROLLBACK", ["dave"]), ("ROLLBACK_SELECTED", ["dave"]), ("START", ["dave"]),
    ("WHATEVER_COMES", ["dave"]), ("TRANSFER", ["carol", "dave"]), ("CC", ["carol", "dave"]),
])  # fmt: skip
def test_vote_from_before_a_send_back_is_none(kind: str, votes: list[str]) -> None:
    """The form may have been filled in anew; what is not known counts as a send-back."""
    content = instance()
    start, carol, dave = content["timeline"]
    between = {"type": kind, "create_time": str(int(carol["create_time"]) + 1), "user_id": "uerin"}
    dave["create_time"] = str(int(carol["create_time"]) + 2)
    content["timeline"] = [dave, start, between, carol]  # not in the order of their moments

    found = feishu.record("i-1", content, FEISHU)

    assert isinstance(found, Record)
    assert [f"u{name}" for name in votes] == [vote.voter[0] for vote in found.votes]


def test_rejection_from_before_a_send_back_stays() -> None:
    content = instance()
    content["timeline"][1]["type"] = "REJECT"
    content["timeline"].append({"type": "ROLLBACK", "user_id": "uerin",
                                "create_time": content["timeline"][2]["create_time"]})

    found = feishu.record("i-1", content, FEISHU)

    assert isinstance(found, Record)
    assert ["reject"] == [vote.decision for vote in found.votes]


def issue(body: str) -> Content:
    return github_vendor.issue(7, body)


BODY = github_vendor.body("parcels")


def _inserted(text: str) -> Callable[[str], str]:
    """After the first answer."""
    return lambda body: body.replace("\n\n### ", f"\n\n{text}\n\n### ", 1)


@pytest.mark.parametrize("edit", [
    _inserted("<!--\n### TTL\n\n90d\n-->"), _inserted("<details>"), _inserted("</p>"),
    _inserted(" ### TTL\n\n90d"), _inserted("> ### TTL\n\n90d"), _inserted("- ### TTL\n\n90d"),
    _inserted("#### TTL\n\n90d"), _inserted("# TTL"), _inserted("TTL\n---\n90d"),
    _inserted("TTL\n===\n90d"), _inserted("[hidden]: https://example.com '90d'"),
    _inserted("```\n### TTL\n\n90d\n```"), _inserted("a\n```\nb\n```"), _inserted("~~~\n90d\n~~~"),
    lambda body: f"Please approve quickly.\n\n{body}",
    lambda body: f"{body}\n\n### TTL\n\n90d", lambda body: f"{body}\n\n### ttl\n\n90d",
], ids=range(17))  # fmt: skip
def test_body_that_the_form_would_not_have_made_is_not_read(edit: Callable[[str], str]) -> None:
    """An approver sees what Markdown shows; we read what is there."""
    edited = edit(BODY)
    assert edited != BODY

    assert isinstance(github.record("r.7", issue(BODY), GITHUB), Record)
    assert UNREADABLE == github.record("r.7", issue(edited), GITHUB)
