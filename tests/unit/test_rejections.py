"""A rejection is final once it was seen, whatever becomes of the comment that said so."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from demo import github
from shared import deliveries, fetching, handover, orders
from shared.audit import REMAINS_REMOVED
from shared.deliveries import Delivery
from shared.errors import CloudError, CloudUnknown
from shared.fetching import FETCHED
from shared.handover import Case
from shared.hints import Hint
from shared.orders import Order
from shared.refusals import Denied
from shared.rejections import SEEN
from shared.resumption import Issued
from tests.unit.fakes import TERMS, Fault, World
from tests.unit.fetching_scene import Scene, attempt, look
from tests.unit.samples import NOW, approval, approved_body
from tests.unit.whole_way import Way, serve

ID = "accesskeys.7"
FORM = github.body("orders")
REJECTED = Denied("approval_rejected", "approvals[2]")
Comments = list[dict[str, Any]]


def comment(name: str, text: str, minutes_ago: float = 20, **changes: Any) -> dict[str, Any]:
    at = (NOW - timedelta(minutes=minutes_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return github.comment(name, text) | {"createdAt": at} | changes


def issue(*comments: dict[str, Any], **changes: Any) -> dict[str, Any]:
    created = (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    changes = {"createdAt": created, "comments": list(comments)} | changes
    return github.issue(7, changes.pop("body", FORM), **changes)


APPROVALS = (comment("carol", "/approve"), comment("dave", "/approve"))
REJECTION = comment("erin", "/reject")


def way(*comments: dict[str, Any], **changes: Any) -> Way:
    return Way(Scene({ID: issue(*comments, **changes)}, kind="github"))


def seen(scene: Scene) -> list[str]:
    return [row["approver_id"] for row in scene.rows if row["event_type"] == SEEN]


def test_rejection_without_an_approval_is_put_on_record_once() -> None:
    """By an event or the timer, whichever looks first."""
    here = way(REJECTION, comment("erin", "/reject\nreally"), comment("bob", "/reject"))
    here.scene.listed = [ID]

    assert [] == here.look(ID)
    assert ["bob@example.com", "erin@example.com"] == seen(here.scene)
    here.look(ID)
    assert {"pending": 1} == look(here.scene)
    assert 2 == len(seen(here.scene))


@pytest.mark.parametrize("became", [
    [], [comment("erin", "never mind", lastEditedAt="2026-09-01T08:55:00Z")],
    [comment("erin", "/approve", lastEditedAt="2026-09-01T08:55:00Z")],
], ids=["deleted", "edited", "turned"])  # fmt: skip
@pytest.mark.parametrize("first", [(), APPROVALS[:1], APPROVALS], ids=["none", "one", "both"])
def test_rejection_that_is_taken_out_afterwards_stays(first: Comments, became: Comments) -> None:
    here = way(*first, REJECTION)
    here.look(ID)

    assert_stays_rejected(here, *became)


def test_edited_approval_counts_for_nothing_and_does_not_take_a_rejection_back() -> None:
    turned = comment("erin", "/approve", lastEditedAt="2026-09-01T08:55:00Z")

    assert [Denied("approvals_missing", "approvals")] == way(APPROVALS[0], turned).look(ID)


@pytest.mark.parametrize("change", [
    {"body": "Give me a key"}, {"author": None}, {"title": "LTAI5tAbCdEfGhIjKlMnOpQr"},
    {"body": github.body("orders", TTL="900d")}, {"state": "CLOSED", "stateReason": "COMPLETED"},
], ids=["unreadable", "nobodys", "holds-a-key", "too-long", "closed"])  # fmt: skip
@pytest.mark.parametrize("first", [(), APPROVALS], ids=["rejected", "approved-too"])
def test_rejection_of_what_cannot_be_had_anyway_stays(
    change: dict[str, Any], first: Comments
) -> None:
    """What the issue asks for may be changed, and be approved then."""
    here = way(*first, REJECTION, **change)
    here.look(ID)

    assert_stays_rejected(here)


def assert_stays_rejected(here: Way, *more: dict[str, Any]) -> None:
    """With all approvals that it needs, and nothing to be seen against it."""
    here.scene.records[ID] = issue(*APPROVALS, *more)

    (outcome,) = here.look(ID)

    assert isinstance(outcome, Denied)
    assert "approval_rejected" == outcome.reason
    assert {} == here.cloud.keys


def test_rejection_counts_by_the_rules_of_what_is_asked_for_in_the_end() -> None:
    """Erin may reject in prod, not in dev."""
    here = way(REJECTION, body=github.body("orders", Environment="dev"))
    here.look(ID)

    assert_stays_rejected(here)


def test_rejection_by_who_may_not_reject_hinders_nobody() -> None:
    """Nor does it keep the timer from finding the approvals of which no event came."""
    here = way(comment("bob", "/reject"), comment("erin", "/reject", author=None))
    here.look(ID)
    here.scene.records[ID] = issue(*APPROVALS)
    here.scene.listed = [ID]

    assert {"accepted": 1} == look(here.scene)

    case = handover.case_of(here.scene.functions.payloads[0], "issue")
    assert isinstance(case, Case)
    assert isinstance(serve(here.cloud, case), Issued)
    assert ["bob@example.com"] == seen(here.scene)


@pytest.mark.parametrize("breaks", ["get_logs", "put_logs"])
def test_rejection_that_cannot_be_put_on_record_is_looked_at_again(breaks: str) -> None:
    """And nothing of the record is handed over meanwhile."""
    here = way(*APPROVALS, REJECTION)
    here.scene.breaks = breaks

    with pytest.raises(CloudError):
        here.look(ID)

    assert ([], []) == (here.scene.functions.payloads, here.scene.rows)


def test_nothing_is_issued_while_the_log_cannot_be_read() -> None:
    here = way(*APPROVALS)
    here.cloud.faults = {Fault("get_logs", 1, silent=True, after=False)}

    with pytest.raises(CloudUnknown):
        here.look(ID)
    assert {FETCHED} == {row["event_type"] for row in here.scene.rows}
    case = handover.case_of(here.scene.functions.payloads[0], "issue")
    assert isinstance(case, Case)
    assert isinstance(serve(here.cloud, case), Issued)


def test_withdrawal_of_a_rejected_record_passes_whatever_the_log_says() -> None:
    here = way(*APPROVALS, REJECTION, state="CLOSED", stateReason="NOT_PLANNED")
    here.scene.breaks = "get_logs"

    fetching.fetch(here.scene.fetcher(), Hint("github", ID), attempt(Hint("github", ID)))

    order = orders.of_event(here.scene.functions.payloads[0])
    assert isinstance(order, Order)
    assert ID == order.selector.ticket


@pytest.mark.parametrize("cleared", [False, True], ids=["half-made", "cleared away"])
def test_rejection_is_too_late_for_what_was_begun(cleared: bool) -> None:
    """A retry finishes it, until a sweep has removed it."""
    here = way(*APPROVALS)
    here.cloud.faults = {Fault("put_secret_value", nth, True, False) for nth in range(1, 9)}
    with pytest.raises(CloudUnknown):
        here.look(ID)
    here.cloud.faults = set()
    here.scene.records[ID] = issue(*APPROVALS, REJECTION)
    here.look(ID)
    here.cloud.sleep(TERMS.lasts_seconds + 1)
    if cleared:
        here.scene.rows += attempt(Hint("github", ID)).note(
            REMAINS_REMOVED, here.cloud.now, outcome="success", reason="")
    case = handover.case_of(here.scene.functions.payloads[0], "issue")
    assert isinstance(case, Case)

    outcome = serve(here.cloud, case)

    assert ["erin@example.com"] == seen(here.scene)
    assert isinstance(outcome, Denied if cleared else Issued), outcome


def delivered(**changes: Any) -> Case:
    """By a signed webhook."""
    delivery = deliveries.parse(approved_body(**changes), source="standard-webhooks")
    assert isinstance(delivery, Delivery)
    return Case(delivery.ticket, NOW)


def test_ticket_that_was_refused_for_a_rejection_stays_refused() -> None:
    """Of whatever source; for another reason it does not."""
    cloud = World(now=NOW)
    votes = [approval("carol"), approval("dave")]
    rejection = approval("erin", decision="reject")

    assert Denied("approvals_missing", "approvals") == serve(cloud, delivered(approvals=votes[:1]))
    assert REJECTED == serve(cloud, delivered(approvals=[*votes, rejection]))
    again = serve(cloud, delivered(approvals=votes))
    assert Denied("approval_rejected", "approvals") == again
    assert {} == cloud.keys

    assert isinstance(serve(cloud, delivered(approvals=votes, id="REQ-1043")), Issued)


def test_rows_of_another_source_are_another_tickets() -> None:
    cloud = World(now=NOW)
    rows = attempt(Hint("github", "REQ-1042")).note(
        "ticket.rejected", NOW, outcome="failure", reason="approval_rejected at approvals[0]")
    cloud.rows += rows

    assert isinstance(serve(cloud, delivered()), Issued)
