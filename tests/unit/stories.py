"""What people did about one request, as a story; and how each vendor's record tells it.

A story knows nothing of records, votes or rules: what may come of it can be said from it alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from demo import dingtalk, feishu, github, jira
from shared import bootstrap
from shared.people import People
from tests.unit.samples import NOW

APPROVES, REJECTS, REVISES, REMARKS = "approves", "rejects", "revises", "remarks"
# Whose accounts these are. `-too` are second ones, under an alias; a stranger is in no file of
# ours, and what a bot does nobody has done, although it bears Dave's number where it can.
PEOPLE = {"alice": "alice", "alice-too": "alice", "carol": "carol", "carol-too": "carol",
          "dave": "dave", "erin": "erin", "bob": "bob", "stranger": "", "bot": ""}  # fmt: skip
ADDRESSES = {"alice-too": "alice@corp.example.com", "carol-too": "carol@corp.example.com"}
SECOND = {"alice-too": 2001, "carol-too": 2003, "stranger": 2999}


@dataclass(frozen=True)
class Act:
    """Somebody does something. `touched`: not by their own hand, or another text was there before,
    so that a yes is none; a no is one."""

    who: str
    does: str
    minutes_ago: int
    touched: bool = False

    @property
    def at(self) -> datetime:
        return NOW - timedelta(minutes=self.minutes_ago)

    @property
    def person(self) -> str:
        return PEOPLE[self.who]


@dataclass(frozen=True)
class Story:
    """Who asks (by which account), for whom (empty: themselves), and what was done since, oldest
    first and no two at a time. `backwards`: told the newest first, where the vendor may do so."""

    requester: str
    beneficiary: str
    acts: tuple[Act, ...]
    backwards: bool = False

    def told(self) -> Sequence[Act]:
        return self.acts[::-1] if self.backwards else self.acts


def address(account: str) -> str:
    return ADDRESSES.get(account, f"{account}@example.com")


def people() -> People:
    """The file's, and second accounts under aliases."""
    known = dict(bootstrap.people().known)
    for account, other in ADDRESSES.items():
        number = str(SECOND[account])
        known |= {(kind, number): other for kind in ("dingtalk", "feishu", "github", "jira")}
    return People(known)


def _id(known: Mapping[str, Any], account: str) -> str:
    """An account's id, of those that a vendor's demo knows, or a second one."""
    return str(known[account] if account in known else SECOND[account])


# -- the four vendors -------------------------------------------------------------------------


def of_github(story: Story) -> dict[str, Any]:
    """A revision is an edit of the issue: its last one is all that GitHub tells."""
    def author(account: str) -> dict[str, Any]:
        if account == "bot":
            return {"__typename": "Bot", "databaseId": github.PEOPLE["dave"]}
        return {"__typename": "User", "databaseId": int(_id(github.PEOPLE, account))}

    def date(at: datetime) -> str:
        return at.strftime("%Y-%m-%dT%H:%M:%SZ")

    words = {APPROVES: "/approve\nseen", REJECTS: "/reject\nno", REMARKS: "> /approve\nreally?"}
    revised = [date(act.at) for act in story.acts if act.does == REVISES]
    body = github.body("parcels", Beneficiary=story.beneficiary and address(story.beneficiary))
    return github.issue(
        7, body, author=author(story.requester), createdAt=date(NOW - timedelta(days=9)),
        lastEditedAt=revised[-1] if revised else None,
        comments=[{"body": words[act.does], "createdAt": date(act.at), "author": author(act.who),
                   "lastEditedAt": date(NOW) if act.touched else None}
                  for act in story.told() if act.does != REVISES],
    )  # fmt: skip


def of_jira(story: Story) -> dict[str, Any]:
    """Each vote is an approval that was asked for just then, and that others' votes have decided.
    Whoever is to get the key has filed the issue in the requester's name."""
    def person(account: str) -> dict[str, Any]:
        kind = "app" if account == "bot" else "atlassian"
        account = "dave" if account == "bot" else account
        return {"accountId": _id(jira.PEOPLE, account), "accountType": kind}

    said = {APPROVES: "approved", REJECTS: "declined", REMARKS: "pending"}
    content = jira.record(jira.form("parcels"))
    content["issue"]["fields"] |= {"reporter": person(story.requester),
                                   "creator": person(story.beneficiary or story.requester)}
    content["approvals"] = [
        {"finalDecision": "approved", "createdDate": {"epochMillis": _milliseconds(act.at)},
         "completedDate": {"epochMillis": _milliseconds(act.at)},
         "approvers": [{"approver": person("bot" if act.touched and act.does == APPROVES
                                           else act.who),
                        "approverDecision": said[act.does]}]}
        for act in story.told() if act.does != REVISES
    ]  # fmt: skip
    content["changes"] = [
        jira.edit("status" if act.does == REMARKS else jira.FIELDS["permissions"], act.at)
        for act in story.told() if act.does in (REVISES, REMARKS)
    ]  # fmt: skip
    return content


def of_feishu(story: Story) -> dict[str, Any]:
    def who(account: str) -> dict[str, str]:
        return {} if account == "bot" else {
            "user_id": _id(feishu.PEOPLE, account), "open_id": f"ou_{account}"}

    def kind(act: Act) -> str:
        passed, back = ("AUTO_PASS", "START") if act.touched else ("PASS", "ROLLBACK")
        return {APPROVES: passed, REVISES: back, REJECTS: "REJECT", REMARKS: "CC"}[act.does]

    fields = dingtalk.form("parcels") | _beneficiary(story)
    return feishu.instance(fields, **who(story.requester), timeline=[
        {"type": kind(act), "create_time": str(_milliseconds(act.at)), **who(act.who)}
        for act in story.told()
    ])  # fmt: skip


def of_dingtalk(story: Story) -> dict[str, Any]:
    """In the order in which it was done: another one is not read."""
    def operation(act: Act) -> dict[str, str]:
        kinds = {REVISES: "START_PROCESS_INSTANCE" if act.touched else "REDIRECT_PROCESS",
                 REMARKS: "ADD_REMARK"}  # fmt: skip
        by = "EXECUTE_TASK_AGENT" if act.touched else "EXECUTE_TASK_NORMAL"
        said = {APPROVES: "AGREE", REJECTS: "REFUSE"}
        return {"userId": "" if act.who == "bot" else _id(dingtalk.PEOPLE, act.who),
                "date": dingtalk.minute(act.at), "type": kinds.get(act.does, by),
                "result": said.get(act.does, "NONE")}  # fmt: skip

    fields = dingtalk.form("parcels") | _beneficiary(story)
    return dingtalk.instance(fields, originatorUserId=_id(dingtalk.PEOPLE, story.requester),
                             operationRecords=[operation(act) for act in story.acts])  # fmt: skip


def _beneficiary(story: Story) -> dict[str, str]:
    return {"beneficiary": address(story.beneficiary)} if story.beneficiary else {}


def _milliseconds(at: datetime) -> int:
    return int(at.astimezone(UTC).timestamp() * 1000)


TELLS: dict[str, Callable[[Story], dict[str, Any]]] = {
    "dingtalk": of_dingtalk, "feishu": of_feishu, "github": of_github, "jira": of_jira,
}  # fmt: skip
RECORDS = {"dingtalk": "proc-1", "feishu": "i-1", "github": "accesskeys.7", "jira": "AKW-7"}
