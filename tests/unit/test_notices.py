"""What people are told unasked: of which rows, to whom, once, and how long it is tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import audiences, audit, bootstrap, notices, notifying
from shared.audiences import Address, Audience
from shared.chat import LANGUAGES
from shared.errors import CloudRefused, CloudUnknown, ConfigError
from shared.notices import FAILED, SENT, Notice, Past
from shared.people import People
from tests.unit.samples import ACCOUNT_ID, NOW, with_list
from tests.unit.strategies import brief

KEY_ID = "LTAI5tNoticeKey0000001"


def row(event: str = "key.issued", **changes: str) -> dict[str, str]:
    """As the log shows it."""
    found = dict.fromkeys(notices._FIELDS, "") | {
        "event_type": event, "ticket_system": "jira", "ticket_id": "AKW-1",
        "application": "orders", "environment": "prod", "operation_id": "op-1",
        "requester_id": "alice@example.com", "approver_id": "carol@example.com,dave@example.com",
        "secret_name": "akw/orders/prod", "access_key_id": KEY_ID,
        "time_ms": str(int(NOW.timestamp() * 1000)),
    }  # fmt: skip
    return found | changes


def notice(event: str = "key.issued", **changes: str) -> Notice:
    (found,) = notices.of_rows([row(event, **changes)])
    return found


def test_what_nobody_approved_is_told_as_such_and_as_issued() -> None:
    found = notices.of_rows([row(policy_decision="break_glass", reason="PD-431")])

    assert ["break_glass", "issued"] == [one.kind for one in found]
    assert "because of PD-431" in notices.text(found[0], "en")


def test_refusals_push_nothing_else_out() -> None:
    """Anybody may cause them who can send something; beyond a hundred a day, and without a ticket,
    they are in the log alone."""
    refused = [row("ticket.rejected", ticket_id=f"T-{n}", reason="x") for n in range(500)]
    found = notices.of_rows([row("ticket.rejected", ticket_id="", reason="other_tenant"), *refused,
                             row()])  # fmt: skip

    assert ["issued", *["refused"] * notices.MOST_REFUSALS] == [one.kind for one in found]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", [*notices._RESULTS, *notices._NOTES])
def test_each_event_is_told_in_each_language(event: str, language: str) -> None:
    """What it is about is named, the key's id never in full, and no value is left out."""
    told = notice(event, reason="withdrawn", resources="7 d", message="2026-12-07T00:00:00Z")
    text = notices.text(told, language)

    assert told.ticket in text
    assert KEY_ID not in text + str(notices.content(told, text))
    assert "{" not in text
    assert {"issued": "akw/orders/prod", "rotated": "LTAI…0001", "refused": "withdrawn",
            "expiring": "2026-12-07", "ended": "withdrawn"}.get(told.kind, "orders") in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("event", ["key.issued", "key.rotated"])
def test_key_is_told_by_its_secret_and_version(event: str, language: str) -> None:
    """People and machines learn where it is, which version it is, and no id in full."""
    told = notice(event)
    text = notices.text(told, language)
    data = notices.content(told, text)["data"]

    version = {"en": "version LTAI…0001", "zh": "版本 LTAI…0001"}[language]
    assert (True, True) == ("akw/orders/prod" in text, version in text)
    assert isinstance(data, dict)
    assert ("akw/orders/prod", "LTAI…0001", "LTAI…0001") == (
        data["secret_name"], data["secret_version"], data["access_key_id"])


@pytest.mark.parametrize("changes", [{"access_key_id": ""}, {"secret_name": ""}], ids=str)
def test_without_a_secret_or_a_key_there_is_no_version(changes: dict[str, str]) -> None:
    data = notices.content(notice("self_service.granted", **changes), "text")["data"]

    assert isinstance(data, dict)
    assert "secret_version" not in data


@pytest.mark.parametrize(("event", "same", "other"), [
    ("key.issued", {"access_key_id": "LTAI2"}, {"operation_id": "op-2"}),
    ("key.rotated", {"time_ms": "1"}, {"operation_id": "op-2"}),
    ("ticket.revoked", {"operation_id": "op-2", "reason": "expired"}, {"ticket_id": "AKW-2"}),
    ("ticket.rejected", {"operation_id": "op-2"}, {"reason": "approvals_missing"}),
    ("grant.expiring", {"operation_id": "op-2"}, {"resources": "1 d"}),
])  # fmt: skip
def test_what_is_the_same_for_people_is_told_once(
    event: str, same: dict[str, str], other: dict[str, str]
) -> None:
    rows = [row(event), row(event, **same), row(event, **other)]

    assert 2 == len(notices.of_rows(rows))


def test_second_delivery_of_a_used_ticket_tells_nobody() -> None:
    assert [] == notices.of_rows([row("ticket.rejected", reason="ticket_consumed")])


@pytest.mark.parametrize("changes", [
    {"time_ms": ""}, {"time_ms": "soon"}, {"time_ms": "9" * 30}, {"event_type": "of.others"},
])  # fmt: skip
def test_row_that_is_none_of_ours_keeps_no_other_from_being_told(changes: dict[str, str]) -> None:
    assert 1 == len(notices.of_rows([row() | changes, {}, row()]))


@given(st.integers(0, 40), st.integers(0, 90))
@brief
def test_pauses_double_up_to_an_hour(times: int, minutes: int) -> None:
    told, address = notice(), Address("slack")
    past = Past(frozenset(), {(told.id, "slack:channel"): (times, NOW)} if times else {})
    pause = min(60, 2 ** (times - 1)) if times else 0

    assert (minutes >= pause) == past.is_due(told, address, NOW + timedelta(minutes=minutes))


def test_what_was_told_is_never_due_again() -> None:
    told = notice()
    past = notices.past_of([
        {"message": told.id, "resources": "slack:channel", "event_type": event, "times": "1",
         "last_ms": "0"} for event in (SENT, FAILED)])  # fmt: skip

    assert not past.is_due(told, Address("slack"), NOW)
    assert past.is_due(told, Address("webhook"), NOW)


@dataclass
class Log:
    """The audit log, as the two queries and the one for people see it."""

    happened: list[dict[str, str]]
    issued: list[dict[str, str]] = field(default_factory=list)
    rows: list[audit.Row] = field(default_factory=list)
    asked: int = 0
    broken: bool = False

    def put_logs(self, rows: Sequence[audit.Row]) -> None:
        if self.broken:
            raise CloudUnknown("PutLogs")
        self.rows += rows

    def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[audit.Row]:
        raise AssertionError("not asked")

    def select_logs(self, query: str, since: datetime, until: datetime) -> Sequence[audit.Row]:
        self.asked += 1
        if query == notices.HAPPENED:
            return self.happened
        if query != notices.TOLD:
            return self.issued
        keys = {(one["message"], one["resources"], one["event_type"]) for one in self.rows}
        return [
            {"message": message, "resources": where, "event_type": event,
             "times": str(len(found)), "last_ms": max(one["time_ms"] for one in found)}
            for message, where, event in keys
            if (found := [one for one in self.rows if (message, where, event) == (
                one["message"], one["resources"], one["event_type"])])
        ]  # fmt: skip


@dataclass
class Told:
    """A messenger that keeps what it is given, and fails as it is told to."""

    sent: list[tuple[str, str]] = field(default_factory=list)
    failures: dict[str, Exception] = field(default_factory=dict)

    def send(self, address: Address, notice: Notice, text: str) -> None:
        if failure := self.failures.get(str(address)):
            raise failure
        self.sent.append((str(address), notice.kind))


def herald(log: Log, now: datetime = NOW, **messengers: Any) -> notifying.Herald:
    people = {("slack", "T1/UALICE"): "alice@example.com", ("slack", "T1/UCAROL"):
              "carol@example.com"}  # fmt: skip
    return notifying.Herald(
        {"slack": Audience("slack", "C1", people=True), "webhook": Audience("webhook", "https://x")},
        {way: lambda way=way: messengers[way] for way in ("slack", "webhook")}, People(people),
        bootstrap.rules(), "en", log, lambda: now)  # fmt: skip


def record(one: Notice | None) -> audit.Attempt:
    named = (one.source, one.ticket, one.application, one.environment) if one else ("",) * 4
    return audit.attempt(audit.Subject(*named), "op", fc_request_id="r", fc_function="akw-notify",
                         account_id=ACCOUNT_ID, region="r", trigger="timer",
                         broker_version="0")  # fmt: skip


def tell(run: notifying.Herald, seconds: float = 1) -> dict[str, int]:
    return notifying.tell(run, record, lambda: seconds)


@pytest.mark.parametrize(("listed", "told"), [
    ("orders", {"alice"}), ("orders-eu", {"alice", "carol"})])  # fmt: skip
def test_broken_glass_is_told_to_who_may_approve_for_the_application(
    listed: str, told: set[str]
) -> None:
    """erin has no account there."""
    log, chat = Log([row(policy_decision="break_glass", approver_id="dave@example.com")]), Told()
    rules = with_list(listed, ["dave", "erin"])

    tell(replace(herald(log, slack=chat, webhook=Told()), rules=rules))

    assert {f"slack:{name}@example.com" for name in told} | {"slack:channel"} == {
        where for where, kind in chat.sent if kind == "break_glass"}  # fmt: skip


def test_everybody_whom_it_concerns_is_told_once() -> None:
    """dave has no account there. The log is asked once if there is nothing, else twice."""
    log, chat, hook = Log([row()]), Told(), Told()

    assert {"sent": 4} == tell(herald(log, slack=chat, webhook=hook))
    assert {} == tell(herald(log, slack=chat, webhook=hook))
    assert ["slack:channel", "slack:alice@example.com", "slack:carol@example.com",
            "webhook:channel"] == [one for one, _ in chat.sent + hook.sent]  # fmt: skip
    assert 4 == log.asked
    assert {("issued", "AKW-1", "")} == {
        (one["reason"], one["ticket_id"], one["access_key_id"]) for one in log.rows
        if one["event_type"] == SENT}

    nothing = Log([])
    assert ({}, 1) == (tell(herald(nothing, slack=chat, webhook=hook)), nothing.asked)


def test_people_are_those_of_the_issue_where_a_row_names_none() -> None:
    issue = {"ticket_system": "jira", "ticket_id": "AKW-1", "requester": "alice@example.com",
             "approvers": "carol@example.com"}  # fmt: skip
    log = Log([row("ticket.revoked", requester_id="", approver_id="", reason="expired")], [issue])
    chat = Told()

    tell(herald(log, slack=chat, webhook=Told()))

    assert ["slack:channel", "slack:alice@example.com", "slack:carol@example.com"] == [
        one for one, _ in chat.sent]  # fmt: skip


def test_one_way_that_is_down_stops_no_other_and_is_tried_again() -> None:
    log, chat, hook = Log([row()]), Told(), Told()
    chat.failures["slack:channel"] = CloudUnknown("PostMessage")

    assert {"failed": 1, "left": 2, "sent": 1} == tell(herald(log, slack=chat, webhook=hook))
    chat.failures.clear()
    assert {"sent": 2} == tell(herald(log, slack=chat, webhook=hook))
    later = NOW + timedelta(minutes=1)
    assert {"sent": 1} == tell(herald(log, later, slack=chat, webhook=hook))
    assert [("", SENT), ("cloud_outcome_unknown", FAILED)] == sorted(
        (one["error_code"], one["event_type"]) for one in log.rows
        if one["resources"] == "slack:channel")  # fmt: skip


def test_refused_address_keeps_nobody_else_waiting() -> None:
    log, chat, hook = Log([row()]), Told(), Told()
    chat.failures["slack:channel"] = CloudRefused("PostMessage", "not_in_channel", 200, "")

    assert {"failed": 1, "sent": 3} == tell(herald(log, slack=chat, webhook=hook))
    assert ["not_in_channel"] == [one["error_code"] for one in log.rows if one["error_code"]]


def test_way_without_its_secret_stops_no_other() -> None:
    log, hook = Log([row()]), Told()
    run = herald(log, webhook=hook)

    def no_secret() -> notifying.Messenger:
        raise ConfigError(["the secret"])

    run.messengers["slack"] = no_secret  # type: ignore[index]

    assert {"failed": 1, "left": 2, "sent": 1} == tell(run)


def test_nothing_goes_out_that_cannot_be_recorded_and_time_runs_out() -> None:
    """Else the same would be told each minute while the log is down."""
    log, chat, hook = Log([row()], broken=True), Told(), Told()

    with pytest.raises(CloudUnknown):
        tell(herald(log, slack=chat, webhook=hook))
    assert [] == chat.sent + hook.sent
    log.broken = False
    assert {"left": 4} == tell(herald(log, slack=chat, webhook=hook), seconds=0)


def test_each_hour_a_row_says_that_somebody_looked() -> None:
    log = Log([])
    for minute in (59, 60, 61, 120):
        run = herald(log, NOW.replace(minute=0) + timedelta(minutes=minute))
        notifying.say_so_hourly(run, record(None))

    assert [("notices.looked", "slack, webhook")] * 2 == [
        (row["event_type"], row["message"]) for row in log.rows]  # fmt: skip


GOOD = '[slack]\nchannel = "C1"\npeople = false\n[webhook]\nurl = "https://a.example.com/x"\n'


def test_config_is_read() -> None:
    assert {"slack": Audience("slack", "C1"),
            "webhook": Audience("webhook", "https://a.example.com/x")} == audiences.load(GOOD)
    assert {"slack", "dingtalk", "webhook"} <= set(audiences.load(
        (bootstrap.CONFIG / "notifications.toml").read_text(encoding="utf-8")))


@pytest.mark.parametrize(("text", "problem"), [
    ('[pigeon]\nchannel = "C1"\n', "pigeon: is no way of telling"),
    ('[slack]\nchannel = ""\npeople = false\n', "slack: tells nobody"),
    ('[slack]\npeople = true\n', "slack.channel: must be a text"),
    ('[slack]\nchannel = "C1"\npeople = "yes"\n', "slack.people: must be true or false"),
    ('[dingtalk]\nchannel = "c"\npeople = true\n', "dingtalk.robot: must be a text"),
    ('[webhook]\nurl = "http://a.example.com/"\n', "webhook.url: must be an https:// URL"),
    ('[webhook]\nurl = "https://u:p@a.example.com/"\n', "webhook.url: must be an https:// URL"),
    ('[webhook]\nurl = "https://a.example.com/?k=v"\n', "webhook.url: must be an https:// URL"),
    ('[slack]\nchannel = "C1"\npeople = true\nchanel = "C2"\n', "slack.chanel"),
])  # fmt: skip
def test_config_says_what_is_wrong(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        audiences.load(text)

    assert problem in str(caught.value.problems)
