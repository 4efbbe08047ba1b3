"""GitHub: from the signed webhook of a comment to the key, and from every bad one to a refusal."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from demo import actors, github
from tests.e2e.conftest import Scene, until
from tests.e2e.records import fetched, forget_others, handed_over, issued, look, tasks
from tests.e2e.test_revoke import remains

TAKEN: tuple[int, Any] = (200, {"status": "taken"})
Told = tuple[int, Any]
Spoil = Callable[[dict[str, Any]], None]
_numbers = itertools.count(100)


@pytest.fixture
def number(scene: Scene) -> int:
    """An issue's."""
    return next(_numbers)


def post(scene: Scene, number: int, content: dict[str, Any] | None = None) -> None:
    """GitHub's own record of it."""
    content = content or github.issue(number, github.body(scene.application))
    scene.stage.manage("POST", "/vendors/github",
                       {"records": {f"{github.REPOSITORY}.{number}": content}})  # fmt: skip


def tell(scene: Scene, event: dict[str, Any], **signing: Any) -> Told:
    return sent(scene, *github.request(event, **signing))


def sent(scene: Scene, headers: dict[str, str], body: bytes) -> Told:
    status, answer = actors.deliver(scene.stage, body, headers, "github")
    scene.replies.append(json.dumps(answer))
    return status, answer if status == 200 else answer["reason"]


def test_two_comments_lead_to_a_key_and_closing_ends_it(scene: Scene, number: int) -> None:
    """One is not enough in prod; the second one is told of like the first."""
    one = github.issue(number, github.body(scene.application), votes=("carol",))
    post(scene, number, one)
    assert TAKEN == tell(scene, github.commented(number))
    assert "approvals_missing" == issued(scene)["reason"]

    one["comments"].append(github.comment("dave", "/approve"))
    post(scene, number, one)
    assert TAKEN == tell(scene, github.commented(number))
    until(lambda: f"akw-{scene.application}-prod" in scene.state()["ram"]["users"]
          and len([t for t in handed_over(scene) if t["state"] == "Succeeded"]) == 2)
    row = scene.audit("event_type: record.fetched")[-1]
    assert ("github", f"accesskeys.{number}", "carol@example.com,dave@example.com") == (
        row["ticket_system"], row["ticket_id"], row["approver_id"])

    post(scene, number, one | {"state": "CLOSED", "stateReason": "NOT_PLANNED"})
    closed = github.commented(number, action="closed")
    assert TAKEN == tell(scene, closed, kind="issues")
    until(lambda: not remains(scene))


def test_withdrawal_that_comes_first_is_not_overtaken(scene: Scene, number: int) -> None:
    """Asked for again until the issue shows it; an approval that is told of later, as of an issue
    that was opened again, makes no key of the same issue."""
    content = github.issue(number, github.body(scene.application))
    post(scene, number, content)
    closed = github.commented(number, action="closed")
    closed["issue"]["state_reason"] = "not_planned"
    assert TAKEN == tell(scene, closed, kind="issues")
    until(lambda: [t for t in tasks(scene) if t["state"] == "Retrying"])
    post(scene, number, content | {"state": "CLOSED", "stateReason": "NOT_PLANNED"})
    assert ("handed over", "revoke") == (fetched(scene)["status"], fetched(scene)["action"])
    until(lambda: [t for t in handed_over(scene) if t["state"] == "Succeeded"])

    post(scene, number, content)
    assert TAKEN == tell(scene, github.commented(number))

    refused = until(lambda: [t for t in handed_over(scene) if t["function"] == "akw-issue"
                             and t["state"] == "Succeeded"])[0]  # fmt: skip
    assert "ticket_consumed" == json.loads(refused["return_payload"])["reason"]
    assert [] == remains(scene)


@pytest.mark.parametrize(("event", "kind"), [
    ({"zen": "Design for failure."}, "ping"), ({"action": "labeled"}, "issues"),
    ({"action": "created"}, "pull_request_review"),
    ({"repository": {"full_name": "example-org/other"}}, "issue_comment"),
    ({"issue": {"number": 1, "pull_request": {}}}, "issue_comment"),
])  # fmt: skip
def test_other_events_are_taken_and_lead_to_nothing(
    scene: Scene, number: int, event: dict[str, Any], kind: str
) -> None:
    post(scene, number)

    assert TAKEN == tell(scene, github.commented(number) | event, kind=kind)
    assert [] == scene.changes()


def test_delivery_that_is_sent_again_is_fetched_once(scene: Scene, number: int) -> None:
    post(scene, number)
    headers, body = github.request(github.commented(number))

    assert [TAKEN] * 2 == [sent(scene, headers, body) for _ in range(2)]

    assert "issued" == issued(scene)["status"]
    assert 1 == len(tasks(scene))


def _reserialised(scene: Scene, event: dict[str, Any]) -> Told:
    headers, body = github.request(event)
    return sent(scene, headers, json.dumps(json.loads(body), indent=1).encode())


@pytest.mark.parametrize(("send", "reason"), [
    (lambda s, e: sent(s, {"X-GitHub-Event": "issue_comment"}, github.request(e)[1]),
     "invalid_signature"),
    (_reserialised, "invalid_signature"),
    (lambda s, e: tell(s, e, secret="guessed-by-somebody"), "invalid_signature"),
    (lambda s, e: tell(s, e | {"repository": {"full_name": "evil/accesskeys"}}), "other_tenant"),
    (lambda s, e: tell(s, e | {"repository": None}), "wrong_type"),
    (lambda s, e: tell(s, e | {"issue": {"number": "1"}}), "invalid_value"),
    (lambda s, e: tell(s, e | {"comment": {"body": "LTAI5tAbCdEfGhIjKlMnOpQr"}}),
     "contains_access_key"),
    (lambda s, e: tell(s, e | {"more": "x" * 100_000}), "body_too_large"),
])  # fmt: skip
def test_bad_request_is_refused_and_leads_to_nothing(
    scene: Scene, number: int, send: Callable[[Scene, dict[str, Any]], Told], reason: str
) -> None:
    post(scene, number)

    status, said = send(scene, github.commented(number))

    assert (reason, True) == (said, 400 <= status < 500)
    assert [] == scene.changes()


def _date(minutes_ago: float) -> str:
    return (datetime.now(UTC) - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _edited_issue(content: dict[str, Any]) -> None:
    content["lastEditedAt"] = _date(0.5)


def _edited_comment(content: dict[str, Any]) -> None:
    content["comments"][1]["lastEditedAt"] = _date(0.5)


def _own(content: dict[str, Any]) -> None:
    content["author"] = github.author("carol")


def _by_a_bot(content: dict[str, Any]) -> None:
    content["comments"][1]["author"]["__typename"] = "Bot"


def _of_nobody(content: dict[str, Any]) -> None:
    content["comments"][1]["author"] = None


def _quoted(content: dict[str, Any]) -> None:
    content["comments"][1]["body"] = "> /approve\nI do not know"


def _vetoed(content: dict[str, Any]) -> None:
    content["comments"].append(github.comment("erin", "/reject too much", edited=True))
    content["comments"][-1]["body"] = "/reject\ntoo much"


@pytest.mark.parametrize(("spoil", "reason"), [
    (_edited_issue, "approvals_missing"), (_edited_comment, "approvals_missing"),
    (_own, "approver_is_requester"), (_by_a_bot, "approvals_missing"),
    (_of_nobody, "approvals_missing"), (_quoted, "approvals_missing"),
    (_vetoed, "approval_rejected"),
])  # fmt: skip
def test_approve_is_decided_here(scene: Scene, number: int, spoil: Spoil, reason: str) -> None:
    content = github.issue(number, github.body(scene.application))
    spoil(content)
    post(scene, number, content)

    tell(scene, github.commented(number))

    assert ("refused", reason) == (issued(scene)["status"], issued(scene)["reason"])
    assert [] == remains(scene)


def rejections(scene: Scene, number: int) -> list[dict[str, str]]:
    """The rows of who has rejected the issue."""
    query = f'ticket_id: "accesskeys.{number}" and event_type: "rejection.seen"'
    return list(until(lambda: actors.audit_rows(scene.stage, query)))


def test_rejection_that_is_deleted_once_it_was_seen_stays(scene: Scene, number: int) -> None:
    """It was alone, so that nothing was handed over; and it is on record once."""
    content = github.issue(number, github.body(scene.application), votes=())
    rejection = github.comment("erin", "/reject")
    post(scene, number, content | {"comments": [rejection]})
    for looks in (1, 2):
        tell(scene, github.commented(number))
        until(lambda n=looks: len([  # type: ignore[misc]
            one for one in tasks(scene) if one["state"] == "Succeeded"]) == n)
    (row,) = rejections(scene, number)
    assert ("github", "erin@example.com") == (row["ticket_system"], row["approver_id"])
    assert [] == handed_over(scene)

    post(scene, number, github.issue(number, github.body(scene.application)))
    tell(scene, github.commented(number, action="deleted"))

    assert "approval_rejected" == issued(scene)["reason"]
    assert [] == remains(scene)


def test_rejection_by_who_may_not_keeps_no_missed_event_from_being_found(
    scene: Scene, number: int
) -> None:
    """Its row is none by which the timer takes the issue for done."""
    forget_others(scene)
    content = github.issue(number, github.body(scene.application), createdAt=_date(2 * 1440))
    approvals, rejection = content["comments"], github.comment("bob", "/reject")
    post(scene, number, content | {"comments": [rejection]})
    tell(scene, github.commented(number))
    assert "ignored" == fetched(scene)["status"]
    assert ["bob@example.com"] == [row["approver_id"] for row in rejections(scene, number)]

    post(scene, number, content | {"comments": [rejection, *approvals]})

    assert 1 == look(scene)["accepted"]
    assert "issued" == issued(scene)["status"]


@pytest.fixture
def small_pages(scene: Scene) -> Iterator[None]:
    scene.stage.manage("POST", "/vendors/github", {"app": {"page_size": "2"}})
    yield
    scene.stage.manage("POST", "/vendors/github", {"app": {"page_size": "100"}})


def test_all_pages_of_comments_are_read(scene: Scene, number: int, small_pages: None) -> None:
    """A rejection on the last of them is final."""
    content = github.issue(number, github.body(scene.application))
    content["comments"] += [github.comment("bob", "hm") for _ in range(6)]
    content["comments"].append(github.comment("erin", "/reject"))
    post(scene, number, content)

    tell(scene, github.commented(number))

    assert "approval_rejected" == issued(scene)["reason"]


@pytest.mark.parametrize(("change", "reason"), [
    ({"author": None}, "requester_unknown"), ({"comments": [{"body": "/approve"}]},
                                              "record_unreadable"),
    ({"repository": {"nameWithOwner": "evil/accesskeys"}}, "record_not_found"),
])  # fmt: skip
def test_unusable_issue_is_refused_with_a_row(
    scene: Scene, number: int, change: dict[str, Any], reason: str
) -> None:
    post(scene, number, github.issue(number, github.body(scene.application)) | change)

    tell(scene, github.commented(number))

    assert ("refused", reason) == (fetched(scene)["status"], fetched(scene)["reason"])
    assert [] == handed_over(scene)


@pytest.mark.parametrize("more", [
    "### Application\n\nother", "<!--\n### TTL\n\n90d\n-->", " ### TTL\n\n90d",
], ids=["twice", "hidden", "shown-alone"])  # fmt: skip
def test_body_that_shows_something_else_than_it_says_is_not_read(
    scene: Scene, number: int, more: str
) -> None:
    """Somebody has put more into an answer than the form asks for."""
    text = github.body(scene.application, Purpose=f"Logs.\n\n{more}")
    post(scene, number, github.issue(number, text))

    tell(scene, github.commented(number))

    assert "record_unreadable" == fetched(scene)["reason"]


def test_issue_without_an_approval_and_one_that_is_unknown(scene: Scene, number: int) -> None:
    post(scene, number, github.issue(number, github.body(scene.application), votes=()))

    tell(scene, github.commented(number))
    assert "ignored" == fetched(scene)["status"]

    tell(scene, github.commented(number + 10_000))
    until(lambda: actors.audit_rows(scene.stage, f'ticket_id: "accesskeys.{number + 10_000}"'))
    assert [] == handed_over(scene)


@pytest.mark.parametrize("fault", [
    {"kind": "error", "status": 502, "code": "x", "message": "x"}, {"kind": "drop"},
    {"kind": "throttle"}, {"kind": "kill-after"},
])  # fmt: skip
def test_vendor_that_fails_costs_nothing_but_time(
    scene: Scene, number: int, fault: dict[str, Any]
) -> None:
    post(scene, number)
    scene.stage.manage("POST", "/faults", {"product": "github", "action": "Query", **fault})

    tell(scene, github.commented(number))

    assert "issued" == issued(scene)["status"]


def test_event_that_never_came_is_found_by_the_timer(
    scene: Scene, number: int, small_pages: None
) -> None:
    """On the last of several pages."""
    forget_others(scene)
    for n in range(5):
        old = github.issue(number + n, github.body(scene.application), votes=(),
                           createdAt=_date(2 * 1440 - n))  # fmt: skip
        post(scene, number + n, old)
    post(scene, number, github.issue(number, github.body(scene.application),
                                     createdAt=_date(2 * 1440)))  # fmt: skip

    first, second = look(scene), look(scene)

    assert ("issued", 1, 4) == (issued(scene)["status"], first["accepted"], first["pending"])
    assert (None, 4) == (second.get("accepted"), second["pending"])
    for _ in range(4):
        next(_numbers)
