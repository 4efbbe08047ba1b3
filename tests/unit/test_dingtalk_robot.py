"""What becomes of a request to DingTalk's robot: every bad one is refused, and a good one can lead
to nothing but a text to one person. Signatures are made here, by the documented formula."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import dingtalk_robot as vendor
from functions import command
from shared import bootstrap, chatting, deliveries, handover, hints, lookups, tickets
from shared.adapters import dingtalk_robot as adapter
from shared.chat import LANGUAGES, grammar, messages, words
from shared.chat.messages import Message, Reply
from shared.chatting import Counter
from shared.errors import ConfigError
from shared.http_event import Inbound
from shared.lookups import Shelf
from shared.people import People
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import dingtalk_robot
from shared.sources.heard import Heard
from tests.unit.samples import approved_ticket
from tests.unit.strategies import brief, json_values

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
STAMP = "1795780800000"  # NOW in milliseconds
PLACE = bootstrap.places()["dingtalk-robot"]
SECRET = "a-secret-of-the-app-0001"
KNOWN = dingtalk_robot.channels(Secret(json.dumps(["the-next-secret-of-the-app", SECRET])))
PEOPLE = People({("dingtalk", "alice01"): "alice@example.com"})
KEY = f"LTAI5tAbCdEfGhIjKlMnOpQr {'aB3' * 10}"
Change = Callable[[dict[str, Any]], object]


def signed(stamp: str = STAMP, secret: str = SECRET) -> dict[str, str]:
    """The headers: base64 of HMAC-SHA256 with the secret as its key, over timestamp, newline,
    secret."""
    mac = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)
    return {"timestamp": stamp, "sign": base64.b64encode(mac.digest()).decode()}


def heard(event: Any, headers: dict[str, str] | None = None, now: datetime = NOW) -> Any:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    inbound = Inbound("POST", "/dingtalk", signed() if headers is None else headers, body)
    return dingtalk_robot.hear(inbound, KNOWN, PLACE, now)


def typed(text: str = "whoami", **changes: Any) -> dict[str, Any]:
    return vendor.typed("alice", text, **changes)


def without(name: str) -> dict[str, Any]:
    event = typed()
    del event[name]
    return event


def test_message_is_read() -> None:
    """Its sender, its text, its id; nothing of where it wants to be answered."""
    found = heard(typed("whoami", msgId="msg1+/=="))

    assert Message(
        "dingtalk-robot", "alice01", "https://im.dingtalk.com/", "message msg1+/==",
        "/dingdemorobot0000001/alice01", text=" whoami",
    ) == found  # fmt: skip
    assert b"sendBySession" not in messages.payload(found)


def test_message_to_the_robot_alone_is_read() -> None:
    """`senderCorpId` comes in groups only."""
    event = without("senderCorpId") | {"conversationType": "1", "text": {"content": "list"}}

    assert "list" == heard(event).text


def test_signature_is_the_documented_one() -> None:
    """Worked out with `openssl dgst -sha256 -hmac KEY -binary | base64`, once, for this test."""
    vector = "86nBgGSbltvBR8tcS8uskhX2BvShGZ3bIBZBZ0GHOCo="

    assert vector == signed()["sign"]
    assert isinstance(heard(typed(), {"timestamp": STAMP, "sign": vector}), Message)
    headers, _ = vendor.request(typed(), secret=SECRET, at=NOW.timestamp())
    assert vector == headers["sign"]


@pytest.mark.parametrize("headers", [
    {}, {"timestamp": STAMP}, {"sign": signed()["sign"]}, signed() | {"sign": ""},
    signed() | {"sign": signed()["sign"].rstrip("=")}, signed() | {"sign": "é\udc80☃"},
    signed() | {"sign": signed()["sign"].lower()}, signed() | {"timestamp": "1795780800001"},
    signed() | {"timestamp": f"{STAMP} "}, signed(secret="a-secret-of-another-app-1"),
    signed("٣"), signed("soon"), signed(""), signed("-1795780800000"),
    signed("179578080"), signed("9" * 15), signed("1795780800000.5"), signed(f"{STAMP}\n"),
    {"x-ddpaas-signature-timestamp": STAMP, "x-ddpaas-signature": signed()["sign"]},
])  # fmt: skip
def test_wrong_signature_is_refused(headers: dict[str, str]) -> None:
    """Of timestamps that are none too, though they are signed; a card's is another one."""
    assert Denied("invalid_signature") == heard(typed(), headers)


def test_each_of_our_secrets_counts() -> None:
    assert isinstance(heard(typed(), signed(secret="the-next-secret-of-the-app")), Message)


@pytest.mark.parametrize(("seconds", "expected"), [
    (300, Message), (301, "delivery_too_old"), (3600, "delivery_too_old"), (-300, Message),
    (-301, "delivery_from_the_future"),
])  # fmt: skip
def test_age_is_five_minutes_at_most(seconds: int, expected: Any) -> None:
    """A fresh signature is good for any message: the hour that DingTalk allows is too long."""
    found = heard(typed(), now=NOW + timedelta(seconds=seconds))

    assert isinstance(found, Message) if expected is Message else Denied(expected) == found


@pytest.mark.parametrize(("body", "reason"), [
    (b"", "not_json"), (b"\xff", "not_json"), (b"[" * 100_000, "not_json"),
    (b'{"robotCode": "a", "robotCode": "b"}', "duplicate_key"), (b"[]", "payload_malformed"),
    (b"null", "payload_malformed"), (b"7", "payload_malformed"), (b"{}", "payload_malformed"),
    (b'{"encrypt": "x"}', "payload_malformed"),
])  # fmt: skip
def test_body_that_is_no_message_is_refused(body: bytes, reason: str) -> None:
    assert reason == heard(body).reason


@pytest.mark.parametrize(("event", "reason"), [
    (typed(robotCode="other"), "other_tenant"), (typed(robotCode=None), "other_tenant"),
    (typed(robotCode=["dingdemorobot0000001"]), "other_tenant"),
    (typed(chatbotCorpId="other"), "other_tenant"), (typed(senderCorpId="other"), "other_tenant"),
    (typed(senderCorpId=None), "other_tenant"),
    (without("robotCode"), "payload_malformed"), (without("chatbotCorpId"), "payload_malformed"),
    (without("msgId"), "payload_malformed"), (without("msgtype"), "payload_malformed"),
    (without("text"), "payload_malformed"), (typed() | {"text": "whoami"}, "payload_malformed"),
    (typed() | {"text": {}}, "payload_malformed"),
    (typed() | {"text": {"content": 7}}, "payload_malformed"),
    (typed(msgId=7), "payload_malformed"), (typed(msgId=""), "payload_malformed"),
    (typed(msgId="a b"), "payload_malformed"), (typed(msgId="x" * 129), "payload_malformed"),
    (typed(senderStaffId=7), "payload_malformed"),
    (typed(senderStaffId=["alice01"]), "payload_malformed"),
    (typed(senderStaffId="alice01/../bob01"), "payload_malformed"),
    (typed(senderStaffId="alice01\n"), "payload_malformed"),
    (typed(senderStaffId="艾丽丝"), "payload_malformed"),
    (typed(senderStaffId="x" * 65), "payload_malformed"),
])  # fmt: skip
def test_message_that_is_not_ours_or_not_whole_is_refused(
    event: dict[str, Any], reason: str
) -> None:
    assert Denied(reason) == heard(event)


@pytest.mark.parametrize("event", [
    without("senderStaffId"), typed(senderStaffId=""), typed(senderStaffId=None),
    typed(senderStaffId="", senderCorpId="other"), typed(msgtype="picture"), typed(msgtype=None),
])  # fmt: skip
def test_outsiders_and_pictures_lead_to_nothing(event: dict[str, Any]) -> None:
    assert Heard(None, {}) == heard(event)


@pytest.mark.parametrize("value", ["", "[]", '["short"]', '[""]', '"a-text-that-is-long-enough"',
                                   '[{"app_secret": "a-text-that-is-long-enough"}]'])  # fmt: skip
def test_without_a_secret_it_does_not_start(value: str) -> None:
    with pytest.raises(ConfigError):
        dingtalk_robot.channels(Secret(value))


@given(st.sampled_from(sorted(typed())), json_values, st.booleans())
@brief
def test_no_event_raises(name: str, value: Any, leave_out: bool) -> None:
    """Whatever stands where; what becomes a message can be handed over."""
    event = typed() | {name: value}
    if leave_out:
        del event[name]

    found = heard(event)

    assert isinstance(found, Denied | Heard | Message)
    if isinstance(found, Message):
        assert found == messages.of_event(messages.payload(found), hints.UNSIGNED_CHATS)


@given(st.dictionaries(st.sampled_from(["timestamp", "sign", "x"]), st.text(max_size=30)),
       st.binary(max_size=80), json_values)  # fmt: skip
@brief
def test_no_request_raises(headers: dict[str, str], body: bytes, value: Any) -> None:
    assert isinstance(heard(body, headers), Denied)
    assert isinstance(heard(body), Denied)
    assert isinstance(heard(json.dumps(value).encode()), Denied)


class Functions:
    """Keeps what is handed over; a task id counts once."""

    def __init__(self) -> None:
        self.tasks: dict[str, tuple[str, bytes]] = {}

    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        new = task_id not in self.tasks
        self.tasks.setdefault(task_id, (function, payload))
        return new

    def get_async_task(self, function: str, task_id: str) -> str:
        return "Running"


def _no_form() -> Any:
    raise AssertionError("a robot has no windows")


def taken(functions: Functions, event: dict[str, Any]) -> Any:
    counter = Counter(
        lambda inbound, now: dingtalk_robot.hear(inbound, KNOWN, PLACE, now), "en",
        lambda: functions, lambda: PEOPLE, _no_form, by_bot=True)  # type: ignore[arg-type,return-value]  # fmt: skip
    body = json.dumps(event).encode()
    return chatting.take(Inbound("POST", "/dingtalk", signed(), body), counter, NOW)


@pytest.mark.parametrize("verb", [*grammar.VERBS, "", "nonsense", "x" * 50_000])
def test_whatever_is_said_goes_to_the_function_that_shows(verb: str) -> None:
    """And to no other one; twice is once."""
    functions = Functions()
    text = grammar.VERBS[verb].example if verb in grammar.VERBS else verb

    assert [Heard(None, {})] * 2 == [taken(functions, typed(text, msgId="m1")) for _ in range(2)]

    ((to, payload),) = functions.tasks.values()
    assert "akw-lookup" == to
    assert isinstance(messages.of_event(payload, hints.UNSIGNED_CHATS), Message)


def test_whoever_we_do_not_know_is_told_nothing() -> None:
    """Else a forger could have anybody in the company written to."""
    functions = Functions()

    assert Heard(None, {}) == taken(functions, typed(senderStaffId="mallory01"))
    assert {} == functions.tasks


def test_key_with_its_secret_is_dropped_and_not_revoked() -> None:
    """Who has said it is a guess: a forger could end any key whose id they know."""
    functions = Functions()
    taken(functions, typed(f"is {KEY} good?"))

    ((to, payload),) = functions.tasks.values()
    message = messages.of_event(payload, hints.UNSIGNED_CHATS)
    assert isinstance(message, Message)
    assert ("akw-lookup", "access_key", "") == (to, message.tell, message.text)
    assert "LTAI" not in str(functions.tasks)


def test_oversized_body_is_refused() -> None:
    assert Denied("body_too_large") == taken(
        Functions(), typed("x" * deliveries.MAX_BODY_BYTES))  # fmt: skip


def shelf(language: str = "en") -> Shelf:
    """Without a log: what reads it would raise."""
    return Shelf(PEOPLE, bootstrap.rules(), bootstrap.templates(), language, None, lambda: NOW)  # type: ignore[arg-type]


def answered(text: str, language: str = "en", **changes: Any) -> str:
    found = heard(typed(text, **changes))
    return lookups.answer(shelf(language), found).text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", [
    *(one.example for verb, one in grammar.VERBS.items() if verb not in grammar.SHOWING),
    "request", "reqest app=x", "approve", "aprove AK-7Q2K-9FXM", "同意 AK-7Q2K-9FXM", "revoke",
    "show AK-7Q2K-9FXM", "break-glass", "enable", "停用 AK-7Q2K-9FXM",
])  # fmt: skip
def test_all_that_changes_something_is_refused_in_a_sentence(text: str, language: str) -> None:
    """Well spelt or not: nobody is to be led on to a command that will not be done."""
    assert words.say(language, "not_signed") == answered(text, language)


def test_questions_are_answered() -> None:
    """Help names what is served, and nothing else."""
    served = [one.example for verb, one in grammar.VERBS.items() if verb in grammar.SHOWING]
    others = [one.example for verb, one in grammar.VERBS.items() if verb not in grammar.SHOWING]
    for text in ("help", "", "nonsense"):
        told = answered(text)
        assert all(one in told for one in served)
        assert not any(one in told for one in others)
        assert "does not sign" in told

    assert "alice@example.com" in answered("whoami")
    assert "sls-logstore-write" in answered("templates")
    assert "For example: list pending" in answered("list pendin")


def test_command_function_takes_no_message_of_an_unsigned_chat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever hands it over: it stops before anything of the cloud is asked for."""
    monkeypatch.setattr(bootstrap, "desk_of_commands", _no_form)
    payload = messages.payload(heard(typed("approve AK-7Q2K-9FXM")))

    assert {"status": "refused", "reason": "payload_malformed"} == command.handler(payload, None)
    assert Denied("payload_malformed", "kind") == messages.of_event(payload)


def test_signed_and_unsigned_chats_are_two_things() -> None:
    """No ticket comes from an unsigned one either."""
    assert not set(hints.CHATS) & set(hints.UNSIGNED_CHATS)
    assert not set(hints.UNSIGNED_CHATS) & handover.SOURCES
    body = {"format": "1", "type": "accesskey.ticket.approved", "source": "dingtalk-robot",
            "accepted_at": "2026-11-27T12:00:00Z", "ticket": approved_ticket()}  # fmt: skip
    assert Denied("invalid_value", "source") == handover.case_of(
        json.dumps(body).encode(), "issue")  # fmt: skip
    assert isinstance(tickets.parse(approved_ticket(), source="slack"), tickets.Ticket)


class Robot:
    """Stands for the app; keeps what it was to say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, str]] = []

    def to_person(self, robot: str, user: str, text: str) -> None:
        self.said.append((robot, user, text))


def test_answer_goes_to_the_person_alone_and_is_cut_at_a_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A public one, too: there is no other way to say something."""
    robot, lines = Robot(), "\n".join(f"line {number}" for number in range(1000))
    monkeypatch.setattr(adapter, "DingTalkApp", lambda secret, endpoint: robot)
    made = adapter.Adapter(None, Secret(""))  # type: ignore[arg-type]

    made.reply("/robot1/alice01", Reply(lines, public=True))

    ((code, user, text),) = robot.said
    assert ("robot1", "alice01") == (code, user)
    assert len(text) <= adapter.MOST_TEXT
    assert lines.startswith(text.removesuffix("\n…") + "\n")
    assert text.endswith("\n…")
