"""What a vendor's record leads to: no vote that does not count ever does, whatever the record says.

The expectation is counted here by itself, from the generated operations.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from demo import dingtalk as vendor
from shared import approvals, bootstrap
from shared.approvals import Approved
from shared.deliveries import Delivery
from shared.records import dingtalk
from shared.records.record import CLOSED, PENDING, WITHDRAWN, Record, Standing, delivery
from shared.refusals import Denied
from tests.unit.samples import ACCOUNT_ID, NOW, with_list
from tests.unit.strategies import brief, thorough

PEOPLE, PLACE = bootstrap.people(), bootstrap.places()["dingtalk"]
APPROVERS = {"carol", "dave", "erin"}  # in prod, of those that people.toml knows
QUORUM, MOST_AGE = 2, timedelta(days=1)
# Mostly what could be approved, so that it is found out if it is not, or by whom it must not be.
IDS = st.sampled_from([*vendor.PEOPLE.values(), "stranger", "CAROL01", "",
                       *[vendor.PEOPLE[name] for name in sorted(APPROVERS)] * 4])  # fmt: skip
DATES = st.integers(-60, 3 * 24 * 60).map(lambda minutes: NOW - timedelta(minutes=minutes))
BY_HAND = "EXECUTE_TASK_NORMAL"
ON_THE_WAY = ("EXECUTE_TASK_AGENT", "REDIRECT_TASK", "ADD_REMARK", "PROCESS_CC")
BACK = ("REDIRECT_PROCESS", "START_PROCESS_INSTANCE", "SOMETHING_NEW")
OPERATIONS = st.lists(st.fixed_dictionaries({
    "userId": IDS, "date": DATES.map(vendor.minute),
    "type": st.sampled_from([*[BY_HAND] * 30, *ON_THE_WAY, *BACK]),
    "result": st.sampled_from([*["AGREE"] * 18, "REFUSE", "NONE"]),
}), max_size=8).map(lambda listed: sorted(listed, key=lambda one: one["date"]))  # fmt: skip


def instance(**changes: Any) -> dict[str, Any]:
    return vendor.instance(vendor.form("parcels")) | changes


def read(content: dict[str, Any]) -> Record:
    found = dingtalk.record("proc-1", content, PLACE)
    assert isinstance(found, Record), found
    return found


def agreed(name: str) -> dict[str, Any]:
    return {"userId": vendor.PEOPLE[name], "date": vendor.minute(NOW - timedelta(hours=1)),
            "type": BY_HAND, "result": "AGREE"}  # fmt: skip


LISTS = st.sampled_from([{"carol", "dave", "erin"}, {"carol", "dave"}, {"bob", "dave", "erin"}])


@example([agreed("carol"), agreed("erin")], ["alice", "carol"], {"carol", "dave"})
@given(OPERATIONS, st.permutations(["alice", "carol"]), LISTS)
@thorough
def test_a_record_is_approved_by_the_rules_alone(
    operations: list[dict[str, Any]], people: list[str], listed: set[str]
) -> None:
    """Whatever was done before and after whatever else, whoever asks, whoever may approve for the
    application."""
    requester = people[0]
    content = instance(originatorUserId=vendor.PEOPLE[requester], operationRecords=operations)

    ticket = delivery(read(content), PEOPLE, ACCOUNT_ID, NOW)
    assert isinstance(ticket, Delivery)
    rules = with_list("parcels", listed)
    decided = isinstance(approvals.decide(ticket.ticket, rules, NOW), Approved)

    assert counted(operations, requester, APPROVERS & listed) is decided


def counted(operations: list[dict[str, Any]], requester: str, approvers: set[str]) -> bool:
    """Written apart from the rules' own code."""
    names = {id: name for name, id in vendor.PEOPLE.items()}
    given = [(names.get(one["userId"], ""), one) for one in operations]
    acted = [(name, one) for name, one in given if one["type"].startswith("EXECUTE_TASK_")]
    if any(name in approvers and one["result"] == "REFUSE" for name, one in acted):
        return False
    # What was agreed to before the form went back may not be what was filed in the end.
    last_back = max((n for n, (_, one) in enumerate(given) if one["type"] in BACK), default=-1)
    agreed = [(name, datetime.strptime(one["date"], "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC))
              for name, one in given[last_back + 1:]
              if one["result"] == "AGREE" and one["type"] == BY_HAND
              and name in approvers - {requester}]  # fmt: skip
    if any(at > NOW + timedelta(minutes=10) for _, at in agreed):
        return False
    return len({name for name, at in agreed if at >= NOW - MOST_AGE}) >= QUORUM


@pytest.mark.parametrize(("change", "status"), [
    ({"status": "RUNNING"}, PENDING), ({"status": "NEW"}, PENDING),
    ({"status": "TERMINATED", "result": ""}, CLOSED), ({"result": "refuse"}, CLOSED),
    ({"status": "CANCELED"}, CLOSED), ({"result": None}, CLOSED),
])  # fmt: skip
def test_what_is_not_agreed_is_never_approved(change: dict[str, Any], status: str) -> None:
    assert Standing(status) == dingtalk.standing("proc-1", instance(**change), PLACE)


def test_withdrawal_is_read_whatever_else_the_record_says() -> None:
    """Its form may be anything: a key must not live on because of what somebody wrote there."""
    content = instance(bizAction="REVOKE", mainProcessInstanceId="proc-0",
                       formComponentValues="nonsense", operationRecords=7)  # fmt: skip

    assert Standing(WITHDRAWN, "proc-0") == dingtalk.standing("proc-1", content, PLACE)
    assert isinstance(dingtalk.standing("proc-1", {**content, "mainProcessInstanceId": None},
                                        PLACE), Denied)  # fmt: skip


def test_field_that_comes_twice_is_not_read() -> None:
    """Which of the two was approved, nobody can tell."""
    content = instance()
    content["formComponentValues"].append(
        {"id": "TextField-x", "name": "application", "value": "other"})

    assert Denied("record_unreadable", "record") == dingtalk.record("proc-1", content, PLACE)


@pytest.mark.parametrize(("title", "kept"), [
    ("  A key  ", "A key"), ("", "proc-1"), ("evil\u202etxt", "proc-1"), ("a\nb", "proc-1"),
    ("x" * 300, "x" * 200),
])  # fmt: skip
def test_title_that_could_mislead_is_not_taken_over(title: str, kept: str) -> None:
    ticket = delivery(read(instance(title=title)), PEOPLE, ACCOUNT_ID, NOW)

    assert isinstance(ticket, Delivery)
    assert kept == ticket.ticket.title


@pytest.mark.parametrize(("named", "email"), [
    ("grace@example.com", "grace@example.com"), (" Grace@Example.com ", "grace@example.com"),
])  # fmt: skip
def test_key_may_be_for_somebody_whom_we_know(named: str, email: str) -> None:
    found = delivery(read(vendor.instance(vendor.form("parcels") | {"beneficiary": named})),
                     PEOPLE, ACCOUNT_ID, NOW)  # fmt: skip

    assert isinstance(found, Delivery), found
    assert found.ticket.beneficiary is not None
    assert {email} == {found.ticket.beneficiary.id, found.ticket.beneficiary.email}


@pytest.mark.parametrize("named", ["mallory@example.com", "grace", "grace+x@example.com"])
def test_key_for_somebody_whom_we_do_not_know_is_refused(named: str) -> None:
    """They might be one of the approvers, by another name."""
    content = vendor.instance(vendor.form("parcels") | {"beneficiary": named})

    assert Denied("beneficiary_unknown", "beneficiary") == delivery(
        read(content), PEOPLE, ACCOUNT_ID, NOW)  # fmt: skip


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner,
                                                                max_size=3),
    max_leaves=8,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(instance())), VALUES))
@brief
def test_no_record_raises(changes: dict[str, Any]) -> None:
    """Whatever stands where."""
    assert isinstance(dingtalk.standing("proc-1", instance() | changes, PLACE), Standing | Denied)
    found = dingtalk.record("proc-1", instance() | changes, PLACE)
    assert isinstance(found, Record | Denied)
    if isinstance(found, Record):
        assert isinstance(delivery(found, PEOPLE, ACCOUNT_ID, NOW), Delivery | Denied)
