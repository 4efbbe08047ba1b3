"""What an ingress refuses goes on record if its source had signed it, and nothing of its body."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from demo import actors, dingtalk, dingtalk_robot, feishu, feishu_chat, github, jira, slack
from shared import bootstrap, hints, refused_deliveries
from shared.adapters import light
from shared.audit import Attempt
from shared.errors import CloudUnknown
from shared.http_event import Inbound
from shared.listening import Ear, take
from shared.refusals import REASONS, Denied
from shared.refused_deliveries import FORMAT, Refusal
from shared.secrecy import Secret
from shared.sources import github as github_source
from shared.sources import standard_webhooks
from tests.unit.fakes import FakeFunctions
from tests.unit.samples import NOW
from tests.unit.strategies import brief

KINDS = (hints.WEBHOOKS, *hints.KINDS)
BODY = b'{"purpose": "zq7marker"}'
CONTENT = {
    "format": FORMAT, "kind": "jira", "reason": "invalid_value", "where": "data.permissions[0].x",
    "body_sha256": "0" * 64, "at": "2026-09-01T09:00:00Z",
}  # fmt: skip


def of(reason: str, where: str = "", kind: str = "jira", **more: Any) -> Refusal | None:
    return refused_deliveries.of(kind, Denied(reason, where, **more), BODY, NOW)


def made(reason: str, where: str = "", kind: str = "jira") -> Refusal:
    refusal = of(reason, where, kind)
    assert refusal is not None
    return refusal


@pytest.mark.parametrize("kind", KINDS)
def test_refusal_comes_back_without_the_body(kind: str) -> None:
    refusal = made("other_tenant", "data.id", kind)

    payload = refused_deliveries.payload(refusal)

    assert refusal == refused_deliveries.of_event(payload, KINDS)
    assert b"zq7marker" not in payload
    assert ("other_tenant", "data.id", 64) == (
        refusal.reason, refusal.where, len(refusal.body_sha256))  # fmt: skip


@pytest.mark.parametrize("reason", [
    "other_tenant", "delivery_too_old", "delivery_from_the_future", "not_json", "duplicate_key",
    "contains_access_key", "payload_malformed", "invalid_value", "approvals_missing",
    "template_not_allowed", "approver_is_requester",
])  # fmt: skip
def test_what_was_signed_goes_on_record(reason: str) -> None:
    """Unless its reader says that it was refused before its signature was known to be right."""
    assert of(reason) is not None
    assert of(reason, unproven=True) is None


@pytest.mark.parametrize("reason", [
    "invalid_signature", "body_too_large", "unknown_path", "source_not_enabled",
    *(reason for reason, (status, _) in REASONS.items() if status >= 500),
])  # fmt: skip
def test_what_nobody_signed_and_what_is_our_own_fault_does_not(reason: str) -> None:
    assert of(reason) is None


def test_name_that_the_sender_has_chosen_is_left_out() -> None:
    """It may look like one of ours, and is free text."""
    assert "data.network" == made("unknown_field", "data.network.my_password").where
    assert "" == made("unknown_field", "my_password").where
    assert "data.network" == made("missing_field", "data.network").where
    assert "" == made("invalid_value", "data.a b").where
    assert "" == made("invalid_value", "x" * 129).where


def test_sample_is_a_refusal() -> None:
    """Else the next test could not fail."""
    assert isinstance(refused_deliveries.of_event(json.dumps(CONTENT).encode(), KINDS), Refusal)


@pytest.mark.parametrize(("change", "where"), [
    ({"kind": "slack"}, "kind"), ({"kind": None}, ""), ({"reason": "because"}, "reason"),
    ({"where": "a b"}, "where"), ({"where": "x" * 129}, "where"), ({"where": 7}, ""),
    ({"body_sha256": "0" * 63}, "body_sha256"), ({"body_sha256": "G" * 64}, "body_sha256"),
    ({"at": "yesterday"}, "at"), ({"at": 7}, ""), ({"more": "x"}, ""),
])  # fmt: skip
def test_other_payloads_are_refused(change: dict[str, object], where: str) -> None:
    event = json.dumps(CONTENT | change).encode()

    found = refused_deliveries.of_event(event, KINDS)

    assert Denied("payload_malformed", where) == found


@pytest.mark.parametrize("name", [name for name in CONTENT if name != "format"])
def test_payload_that_lacks_something_is_refused(name: str) -> None:
    event = json.dumps({k: v for k, v in CONTENT.items() if k != name}).encode()

    assert Denied("payload_malformed") == refused_deliveries.of_event(event, KINDS)


@given(st.one_of(st.binary(max_size=60), st.recursive(
    st.none() | st.text(max_size=5) | st.integers(), lambda inner: st.lists(inner, max_size=3),
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
@brief
def test_events_of_another_format_are_left_to_others(event: bytes) -> None:
    assert refused_deliveries.of_event(event, KINDS) is None


def test_one_an_hour_whatever_the_body() -> None:
    """A sender that repeats itself, or seals the same event anew, cannot fill the log."""
    functions = FakeFunctions()

    def refuse(reason: str, where: str = "", body: bytes = BODY, minutes: int = 0,
               kind: str = "jira") -> None:  # fmt: skip
        at = NOW.replace(minute=0) + timedelta(minutes=minutes)
        refusal = refused_deliveries.of(kind, Denied(reason, where), body, at)
        assert refusal is not None
        refused_deliveries.hand_over(functions, "akw-fetch", refusal)

    for n in range(50):
        refuse("other_tenant", body=str(n).encode(), minutes=n)
    assert 1 == len(functions.states)
    refuse("invalid_value")
    refuse("invalid_value", "record")
    refuse("other_tenant", kind="github")
    refuse("other_tenant", minutes=60)
    assert 5 == len(functions.states)


def test_failed_hand_over_is_a_log_line(caplog: pytest.LogCaptureFixture) -> None:
    """And no exception: the sender is told of the refusal all the same."""

    class Broken(FakeFunctions):
        def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
            raise CloudUnknown("InvokeFunction")

    refused_deliveries.hand_over(Broken(), "akw-fetch", made("other_tenant"))

    assert 1 == len(caplog.records)
    assert "other_tenant by jira is not on record" in caplog.text


class Log:
    def __init__(self) -> None:
        self.rows: list[Any] = []

    def put_logs(self, rows: Any) -> None:
        self.rows += rows


@pytest.mark.parametrize(("late", "told"), [
    (timedelta(hours=2), NOW), (timedelta(days=3), NOW + timedelta(days=2)),
    (-timedelta(hours=1), NOW - timedelta(hours=1)),
])  # fmt: skip
def test_row_tells_why_where_and_of_which_body(late: timedelta, told: Any) -> None:
    """When, too; but nobody can write rows of another year, or of the future."""
    log, refusal = Log(), made("invalid_value", "data.id")

    refused_deliveries.record(log, Attempt("op-1", "r-1", {"ticket_system": "jira"}),  # type: ignore[arg-type]
                              refusal, NOW + late)  # fmt: skip

    (row,) = log.rows
    assert ("delivery.refused", "note", "failure", "invalid_value at data.id", "jira", "") == tuple(
        row[name] for name in ("event_type", "phase", "outcome", "reason", "ticket_system",
                               "ticket_id"))  # fmt: skip
    assert f"body/sha256:{refusal.body_sha256}" == row["resources"]
    assert str(int(told.timestamp() * 1000)) == row["time_ms"]


SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.mark.parametrize("minutes", [-6, 6])
def test_webhook_of_another_time_is_signed_or_not(minutes: int) -> None:
    """The answer is the same; only one of the two goes on record."""
    at = int((NOW + timedelta(minutes=minutes)).timestamp())
    headers = {k.lower(): v for k, v in actors.signed_headers(SECRET, BODY, at=at).items()}
    with time_machine.travel(NOW, tick=False):
        good, other_body, other_secret = (
            standard_webhooks.verify(body, headers, (Secret(secret),), NOW)
            for body, secret in ((BODY, SECRET), (BODY + b" ", SECRET), (BODY, SECRET[:-4])))

    assert good == other_body == other_secret
    assert good is not None
    assert other_body is not None
    assert other_secret is not None
    assert (False, True, True) == (good.unproven, other_body.unproven, other_secret.unproven)


def test_pasted_key_is_looked_for_in_what_is_signed() -> None:
    """Of what is not, nothing is told but that."""
    body = b'{"x": "LTAI5tAbCdEfGhIjKlMnOpQr"}'
    ear = Ear(lambda inbound, now: github_source.hear(
        inbound, [Secret(github.SECRET)], None, now), False, "akw-fetch", FakeFunctions)  # type: ignore[arg-type]  # fmt: skip
    signed, _ = github.request({"x": "LTAI5tAbCdEfGhIjKlMnOpQr"})
    lower = {name.lower(): value for name, value in signed.items()}

    assert Denied("invalid_signature") == take(Inbound("POST", "/", {}, body), ear, NOW)
    assert Denied("contains_access_key") == take(Inbound("POST", "/", lower, body), ear, NOW)


def _dingtalk(body: bytes) -> Any:
    query, _ = dingtalk.request({})
    given = dict(part.split("=", 1) for part in query.split("&"))
    return "dingtalk", dingtalk.channel_secret(), Inbound("POST", "/", {}, body, given)


def _by_headers(kind: str, secret: Callable[[], str], headers: dict[str, str]) -> Any:
    lower = {name.lower(): value for name, value in headers.items()}
    return lambda body: (kind, secret(), Inbound("POST", "/", lower, body))


SIGNED_FOR_ANOTHER_BODY = {
    "dingtalk": _dingtalk,
    "feishu": _by_headers("feishu", feishu.channel_secret, feishu.request({})[0]),
    "feishu-chat": _by_headers("feishu_chat", feishu_chat.channel_secret,
                               feishu_chat.request({})[0]),
    "jira": _by_headers("jira", jira.channel_secret, jira.request({"x": 1})[0]),
    "github": _by_headers("github", github.channel_secret, github.request({"x": 1})[0]),
    "slack": _by_headers("slack", slack.channel_secret, slack.signed(b"x")),
    "dingtalk-robot": _by_headers("dingtalk_robot", dingtalk_robot.channel_secret,
                                  {"timestamp": "1", "sign": "x"}),
}  # fmt: skip


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"{}", b'{"a": 1, "a": 2}', b"\xff", b'{"encrypt": 7}', b'{"encrypt": ""}',
    b'{"encrypt": "AAAA"}', b'{"encrypt": "LTAI5tAbCdEfGhIjKlMnOpQr"}', b"[" * 5000,
    b"text=%ff", b"payload=[]",
])  # fmt: skip
@pytest.mark.parametrize("kind", SIGNED_FOR_ANOTHER_BODY)
def test_nothing_that_is_not_signed_goes_on_record(kind: str, body: bytes) -> None:
    """Whatever it is refused for: who has no secret cannot have a row written."""
    name, secret, inbound = SIGNED_FOR_ANOTHER_BODY[kind](body)
    source = __import__(f"shared.sources.{name}", fromlist=["hear"])

    denied = source.hear(inbound, source.channels(Secret(secret)), None, NOW)

    assert isinstance(denied, Denied)
    assert refused_deliveries.of(kind, denied, body, NOW) is None


def test_refusal_is_told_in_time_though_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """DingTalk waits a second and a half; and for what gets no row nobody is called at all."""
    waited: list[float] = []
    monkeypatch.setattr(light, "sent", lambda protocol, request, seconds: waited.append(seconds))
    current = SimpleNamespace(fc_endpoint="fc.example", protocol="https")
    monkeypatch.setattr(bootstrap.ingress, "settings", lambda: current)
    environment = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "x", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "y"}

    for reason in ("other_tenant", "invalid_signature"):
        bootstrap.put_on_record("akw-fetch", "dingtalk", Denied(reason), BODY, environment)

    assert [True] == [seconds < 1 for seconds in waited]
