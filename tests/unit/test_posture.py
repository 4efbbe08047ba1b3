"""What a look at the account says, and that it says nothing that it does not know."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import posture as command
from shared import audit
from shared.errors import CloudUnknown
from shared.lifecycle import RotationTerms
from shared.ports import User
from shared.posture import controls, documents, judging, reading, report, rows
from shared.posture.facts import (
    AttachedPolicy,
    Facts,
    Holders,
    PasswordRules,
    PolicyName,
    Practice,
    Reading,
)
from shared.posture.judging import FAIL, HIGH, PASS, UNKNOWN, Control, Doubt, Failure, Judgement
from shared.posture.reading import Observer
from tests.unit.strategies import brief, json_values

NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
TERMS = RotationTerms(days=90, overlap_hours=24, wait_days=14, grace_days=7)
HEADER = ("user,user_creation_time,user_last_logon,password_exist,password_active,"
          "password_last_changed,password_next_rotation,mfa_active,"
          "access_key_1_exist,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used,"
          "access_key_2_exist,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used")
ROOT = "<root>,2020-01-01T00:00:00Z,-,TRUE,TRUE,N/A,N/A,TRUE,FALSE,N/A,N/A,N/A,FALSE,N/A,N/A,N/A"
HEIDI = ("heidi@corp.onaliyun.com,2026-01-01T00:00:00Z,2026-08-30T00:00:00Z,TRUE,TRUE,"
         "2026-01-01T00:00:00Z,N/A,FALSE,TRUE,TRUE,2026-01-02T00:00:00Z,-,"
         "TRUE,FALSE,2026-02-02T00:00:00Z,2026-03-03T00:00:00Z")  # fmt: skip
GOOD = PasswordRules(14, True, True, True, True, 5, 0, 5)
UNREAD: dict[str, Any] = {name: Reading(problem="unread") for name in (
    "report", "practice", "own_keys", "passwords", "key_network", "users", "policies")}  # fmt: skip


def text(*lines: str) -> str:
    return "\n".join([HEADER, ROOT, *lines])


def facts(**read: Any) -> Facts:
    known = {name: Reading(value) for name, value in read.items()}
    return Facts(account_id="1", region="cn-hangzhou", now=NOW, rotation=TERMS,
                 **(UNREAD | known))  # fmt: skip


def result(control_id: str, **read: Any) -> Judgement:
    (control,) = [one for one in controls.ALL if one.id == control_id]
    return judging.judge(control, facts(**read))


# -- the report -----------------------------------------------------------------------------


def test_report_is_read_as_its_page_says() -> None:
    """Never is not unknown, a key that is not there is none, and the domain is no part of a name.
    """
    found = report.parse(text(HEIDI), NOW)

    (heidi,) = found.users
    assert ("heidi", True, True, False) == (
        heidi.user, heidi.has_password, heidi.password, heidi.mfa)  # fmt: skip
    first, second = heidi.keys
    assert (True, None) == (first.active, first.last_used_at)
    assert (False, datetime(2026, 3, 3, tzinfo=UTC)) == (second.active, second.last_used_at)
    assert () == found.root.keys


def test_more_than_two_keys_are_read() -> None:
    """The page tells of additional columns."""
    more = ",".join(f"additional_access_key_1_{c}" for c in
                    ("exist", "active", "last_rotated", "last_used"))  # fmt: skip
    lines = [f"{HEADER},{more}", f"{ROOT},FALSE,N/A,N/A,N/A",
             f"{HEIDI},TRUE,TRUE,2026-05-05T00:00:00Z,-"]  # fmt: skip

    (heidi,) = report.parse("\n".join(lines), NOW).users

    assert [1, 2, 3] == [key.number for key in heidi.keys]


@pytest.mark.parametrize("spoilt", [
    "", HEADER, f"{HEADER}\n{HEIDI}", text(HEIDI).replace("mfa_active", "mfa"),
    text(HEIDI[:-30]), text(HEIDI.replace("TRUE", "YES", 1)),
    text(HEIDI.replace("2026-01-02T00:00:00Z", "yesterday")),
    text(HEIDI).replace("access_key_2_exist", "access_key_2"), text('"heidi'),
])  # fmt: skip
def test_report_that_is_not_as_described_is_unknown(spoilt: str) -> None:
    """Truncated, without a column, or with other words: nothing is decided from it."""
    with pytest.raises(report.Unreadable):
        report.parse(spoilt, NOW)


@brief
@given(st.text())
def test_any_text_is_a_report_or_none(found: str) -> None:
    """It never fails in another way."""
    for whole in (found, text(found)):
        try:
            report.parse(whole, NOW)
        except report.Unreadable:
            continue


# -- documents ------------------------------------------------------------------------------


def document(**statement: Any) -> str:
    return json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", **statement}]})


SECRET = "acs:kms:cn-hangzhou:1:secret/akw/a/prod"


@pytest.mark.parametrize(("statement", "allowed"), [
    ({"Action": "kms:GetSecretValue", "Resource": "*"}, True),
    ({"Action": "KMS:getsecretvalue", "Resource": SECRET}, True),
    ({"Action": ["oss:*", "kms:Get*"], "Resource": ["acs:kms:*:*:secret/*"]}, True),
    ({"Action": "*", "Resource": "acs:kms:*:*:secret/akw/?/prod"}, True),
    ({"NotAction": "oss:*", "Resource": "*"}, True),
    ({"Action": "*", "NotResource": "acs:oss:*:*:*"}, True),
    ({"Action": "kms:GetSecretValue", "Resource": "*", "Condition": {}}, True),
    ({"NotAction": ["kms:*"], "Resource": "*"}, False),
    ({"Action": "*", "NotResource": "acs:kms:*:*:secret/akw/*"}, False),
    ({"Action": "kms:Decrypt", "Resource": "*"}, False),
    ({"Action": "kms:GetSecretValue", "Resource": "acs:kms:*:*:secret/akw/b/*"}, False),
    ({"Action": "kms:GetSecretValue", "Resource": "acs:kms:*:2:secret/akw/*"}, False),
    ({"Effect": "Deny", "Action": "*", "Resource": "*"}, False),
    ({"Action": "kms:*"}, False),
])  # fmt: skip
def test_what_a_document_allows(statement: dict[str, Any], allowed: bool) -> None:
    assert allowed == documents.allows(document(**statement), "kms:GetSecretValue", SECRET)


@pytest.mark.parametrize("broken", [
    "", "[]", "{}", '{"Statement": 1}', '{"Statement": [1]}', '{"Statement": [{}]}',
    '{"Statement": {"Effect": "Allow", "Action": 1, "Resource": "*"}}',
    '{"Statement": [{"Effect": "Allow", "Action": [1], "Resource": "*"}]}', "[" * 100_000,
])  # fmt: skip
def test_broken_document_is_told_as_such(broken: str) -> None:
    """It allows nobody knows what."""
    with pytest.raises(documents.Malformed):
        documents.allows(broken, "a:b", "*")
    with pytest.raises(documents.Malformed):
        documents.administers(broken)


@brief
@given(json_values)
def test_any_json_is_a_document_or_malformed(value: Any) -> None:
    with contextlib.suppress(documents.Malformed):
        documents.administers(json.dumps({"Statement": value}))


# -- judging --------------------------------------------------------------------------------


def test_nothing_read_is_nothing_passed() -> None:
    """Every control, and each says why."""
    judged = judging.judge_all(controls.ALL, facts())

    assert {UNKNOWN} == {one.result for one in judged}
    assert {"unread"} == {doubt.why for one in judged for doubt in one.doubts}


def test_controls_have_names_of_their_own() -> None:
    ids = [control.id for control in controls.ALL]

    assert sorted(set(ids)) == sorted(ids)
    assert all(control.sources and control.passes and control.advice for control in controls.ALL)


@pytest.mark.parametrize(("control", "read"), [
    ("root-access-key", {"practice": Practice(None, True)}),
    ("root-mfa", {"practice": Practice(0, None)}),
    ("password-length", {"passwords": replace(GOOD, minimum_length=None)}),
    ("password-symbol", {"passwords": replace(GOOD, symbols=None)}),
    ("account-key-network", {"key_network": "[]"}),
    ("account-key-network", {"key_network": "nothing"}),
])  # fmt: skip
def test_absent_field_is_unknown(control: str, read: dict[str, Any]) -> None:
    """A field that the answer lacks proves nothing."""
    assert UNKNOWN == result(control, **read).result


def policy(document: Reading[str], holders: Reading[Holders], name: str = "p") -> AttachedPolicy:
    return AttachedPolicy(PolicyName("Custom", name), document, holders)


def test_one_policy_that_cannot_be_read_is_a_doubt() -> None:
    """It hides nothing that was found elsewhere, and nothing passes beside it."""
    unread: Reading[Any] = Reading(problem="refused")
    fine = policy(Reading(document(Action="*", Resource="*")), Reading(Holders(groups=("g",))))
    broken = policy(Reading("{"), Reading(Holders()), "broken")
    alone = result("admin-policy", policies=[policy(unread, unread)])
    beside = result("admin-policy", policies=[policy(unread, unread), fine, broken])

    assert (UNKNOWN, (Doubt("policy/Custom/p", "refused"),)) == (alone.result, alone.doubts)
    assert (FAIL, 2) == (beside.result, len(beside.doubts))
    assert ["group/g"] == [failure.resource for failure in beside.failures]


def test_what_is_ours_has_a_deadline() -> None:
    """After it, the same state is a failure like anybody's."""
    tags = {"akw:ticket": "T", "akw:expires": "2026-09-30T00:00:00Z"}
    users = [User("1", "akw-a-prod", tags)]
    made = f"{NOW - timedelta(days=15):%Y-%m-%dT%H:%M:%SZ}"
    line = HEIDI.replace("heidi@", "akw-a-prod@").replace("TRUE,FALSE,2026-02-02T00:00:00Z",
                                                         f"TRUE,TRUE,{made}")  # fmt: skip
    found = report.parse(text(line), NOW)

    within, after = (
        judging.judge(next(c for c in controls.ALL if c.id == "two-active-keys"), replace(
            facts(users=users, report=found), now=now))
        for now in (NOW, NOW + timedelta(seconds=1))
    )  # fmt: skip

    assert (True, False) == (within.by_design, within.alarming)
    assert (False, True) == (after.by_design, after.alarming)


# -- reading --------------------------------------------------------------------------------


class Silent:
    """A cloud of which nothing can be read."""

    def __getattr__(self, name: str) -> Any:
        def unread(*_: object) -> Any:
            raise CloudUnknown(name)

        return unread


def observer(reader: Any, **more: Any) -> Observer:
    parts: dict[str, Any] = {
        "reader": reader, "account_id": "1", "region": "r", "rotation": TERMS, "now": lambda: NOW,
        "sleep": lambda _: None, "remaining_seconds": lambda: 1.0,
    } | more  # fmt: skip
    return Observer(**parts)


def test_silent_cloud_is_unknown_throughout() -> None:
    judged = judging.judge_all(controls.ALL, reading.look(observer(Silent())))

    assert {UNKNOWN} == {one.result for one in judged}


class OnePolicy(Silent):
    """A cloud with one policy, which is gone when it is read."""

    def list_policies(self, kind: str) -> list[PolicyName]:
        return [PolicyName(kind, "p")] if kind == "Custom" else []

    def get_policy(self, name: PolicyName) -> str | None:
        return None

    def list_entities_for_policy(self, name: PolicyName) -> Holders | None:
        return None


@pytest.mark.parametrize(("seconds", "why"), [(1.0, "gone meanwhile"), (0.0, "out_of_time")])
def test_policy_that_was_not_read_is_not_known(seconds: float, why: str) -> None:
    """Neither one that went, nor one for which no time was left."""
    found = reading.look(observer(OnePolicy(), remaining_seconds=lambda: seconds))

    (attached,) = found.policies.get()
    assert (why, why) == (attached.document.problem, attached.holders.problem)


class Reporting(Silent):
    """A cloud with a report, which is made anew or not."""

    def __init__(self, at: datetime, states: list[str]) -> None:
        self.at, self.states = at, states

    def generate_credential_report(self) -> str:
        if not self.states:
            raise CloudUnknown("GenerateCredentialReport")
        return self.states.pop(0)

    def get_credential_report(self) -> tuple[str, datetime]:
        return text(HEIDI), self.at


@pytest.mark.parametrize(("at", "states", "known"), [
    (NOW, ["STARTED", "INPROGRESS", "COMPLETED"], True), (NOW, [], True),
    (NOW - timedelta(hours=24), ["COMPLETED"], True),
    (NOW - timedelta(hours=24, seconds=1), ["COMPLETED"], False),
    (NOW + timedelta(hours=2), ["COMPLETED"], False),
])  # fmt: skip
def test_report_counts_by_its_date(at: datetime, states: list[str], known: bool) -> None:
    """A stale one says nothing of today, and one of tomorrow nothing at all."""
    found = reading.look(observer(Reporting(at, states)))

    assert known == (found.report.value is not None)


# -- what comes of it -----------------------------------------------------------------------


def control(name: str, check: Any = lambda _: ()) -> Control:
    return Control(name, HIGH, ("akwarden",), "It passes.", "Do it.", check)


def made(number: int, design: str = "") -> Failure:
    return Failure(f"user/u{number:03}", "why", design, NOW if design else None)


JUDGED = [
    Judgement(control("good"), PASS),
    Judgement(control("bad"), FAIL, tuple(made(number) for number in range(30))),
    Judgement(control("ours"), FAIL, (made(1, "rotation"),)),
    Judgement(control("dark"), UNKNOWN, doubts=(Doubt("account", "NoPermission"),)),
]


def test_rows_tell_each_control_and_all() -> None:
    """Capped, with the number of all; the last row counts."""
    record = audit.attempt(
        audit.Subject("", "", "", ""), "op-1", fc_request_id="1", fc_function="akw-posture",
        account_id="1", region="r", trigger="timer", broker_version="0",
    )  # fmt: skip
    written = rows.rows(record, JUDGED, NOW)

    assert [("good", "pass", "high"), ("bad", "fail", "high"), ("ours", "fail", "high; by design"),
            ("dark", "unknown", "high"), ("", "fail", json.dumps(rows.counts(JUDGED)))] == [
        (row["reason"], row["outcome"], row["message"]) for row in written]  # fmt: skip
    bad = json.loads(written[1]["resources"])
    assert (30, 20) == (bad["count"], len(bad["first"]))
    (ours,) = json.loads(written[2]["resources"])["first"]
    assert {"resource": "user/u001", "why": "why", "by_design": "rotation",
            "until": "2026-09-01T09:00:00Z"} == ours  # fmt: skip
    assert {"pass": 1, "fail": 2, "unknown": 1, "by_design": 1} == rows.counts(JUDGED)


@pytest.mark.parametrize(("judged", "code"), [
    (JUDGED, 1), ([JUDGED[0], JUDGED[2]], 0), ([JUDGED[2], JUDGED[3]], 2), ([JUDGED[0]], 0),
])  # fmt: skip
def test_exit_code_says_what_kind_of_news(judged: list[Judgement], code: int) -> None:
    """What akwarden causes itself is no news."""
    assert code == command.verdict(judged)


def test_table_has_the_worst_first() -> None:
    lines = command.table(JUDGED)

    firsts = [line.split("  ")[0] for line in lines if line and not line.startswith(" ")]
    assert ["FAIL", "UNKNOWN", "by design", "PASS", "2 fail, 1 unknown, 1 pass"] == firsts
    assert f"{'':<11}and 20 more" in lines
    assert f"{'':<11}user/u001: why (rotation until 2026-09-01)" in lines
    assert f"{'':<11}account: not known: NoPermission" in lines
