"""What becomes of a request to Feishu's chat: every bad one is refused, and Feishu's own SDK judges
those that the tests send."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lark_oapi import EventDispatcherHandler
from lark_oapi.core.model import RawRequest
from lark_oapi.event.callback.model.p2_card_action_trigger import P2CardActionTriggerResponse

from demo import feishu as envelope
from demo import feishu_chat as vendor
from functions import chatops
from shared import bootstrap, chatting, deliveries, hints, http_event
from shared.adapters import feishu_chat as adapter
from shared.chat import messages
from shared.chat.messages import Button, Message, Reply
from shared.chatting import Counter
from shared.errors import ConfigError
from shared.http_event import Inbound
from shared.people import People
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import feishu_chat
from shared.sources.heard import Heard
from tests.unit.strategies import brief

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PLACE = bootstrap.places()["feishu-chat"]
CHANNELS = feishu_chat.channels(Secret(vendor.channel_secret()))
CARD = {"message_id": "om_card", "content": adapter.card_of(Reply(
    "a request", public=True, buttons=(Button("Approve", "approve", "o1.x"),)))}  # fmt: skip
Change = Callable[[dict[str, Any]], object]


def heard(headers: dict[str, str], body: bytes, now: datetime = NOW) -> Any:
    """By way of FC's event, as a request comes."""
    event = {"headers": headers, "body": base64.b64encode(body).decode(), "isBase64Encoded": True,
             "requestContext": {"http": {"method": "POST", "path": "/feishu"}}}  # fmt: skip
    inbound = http_event.parse(json.dumps(event).encode())
    assert inbound is not None
    return feishu_chat.hear(inbound, CHANNELS, PLACE, now)


def sealed(event: dict[str, Any], **signing: Any) -> tuple[dict[str, str], bytes]:
    return vendor.request(event, **{"at": NOW.timestamp()} | signing)


def typed(text: str = "whoami", **changes: Any) -> dict[str, Any]:
    return vendor.typed("alice", text, **changes)


def changed(event: dict[str, Any], change: Change) -> dict[str, Any]:
    change(event)
    return event


def test_message_is_read() -> None:
    """Without the mention; the sender by the id that is the same in all of a company's apps."""
    event = typed("whoami please", message_id="om_1")

    assert Message(
        "feishu-chat", "on_alice", "https://applink.feishu.cn/client/chat/open?openChatId=oc_1",
        "message om_1", "/om_1/ou_alice_1/oc_1", text="  whoami please",
    ) == heard(*sealed(event))  # fmt: skip


def test_press_is_read() -> None:
    event = vendor.pressed("bob", CARD)

    found = heard(*sealed(event))

    id = event["header"]["event_id"]
    assert Message(
        "feishu-chat", "on_bob", "https://applink.feishu.cn/client/chat/open?openChatId=oc_1",
        f"press {id}", f"/{id}/ou_bob_1/oc_1/om_card", action="approve", offer="o1.x",
    ) == found  # fmt: skip
    assert found == messages.of_event(messages.payload(found))


@pytest.mark.parametrize("event", [typed(), vendor.pressed("bob", CARD)], ids=["typed", "pressed"])
def test_feishus_own_sdk_takes_the_requests_of_these_tests(event: dict[str, Any]) -> None:
    """So that nothing here is signed, or shaped, by our own idea of it; nor is the answer."""
    seen: list[Any] = []
    toast = chatops.toast(Reply("One moment …"))
    builder = EventDispatcherHandler.builder(vendor.ENCRYPT_KEY, vendor.TOKEN)
    builder.register_p2_im_message_receive_v1(seen.append)
    builder.register_p2_card_action_trigger(
        lambda data: seen.append(data) or P2CardActionTriggerResponse(toast))
    request = RawRequest()
    request.headers, request.body = sealed(event)

    response = builder.build().do(request)

    assert 200 == response.status_code
    data, pressed = seen[0].event, event["header"]["event_type"] == feishu_chat.PRESSED
    assert not pressed or toast == json.loads(response.content)
    who = data.operator if pressed else data.sender.sender_id
    assert who.union_id == heard(request.headers, request.body).person


def _without(header: str) -> Callable[[dict[str, str]], None]:
    return lambda headers: headers.pop(header) and None


@pytest.mark.parametrize("spoil", [
    _without("X-Lark-Signature"), _without("X-Lark-Request-Timestamp"),
    _without("X-Lark-Request-Nonce"), lambda h: h.update({"X-Lark-Signature": "é\udc80☃"}),
    lambda h: h.update({"X-Lark-Signature": h["X-Lark-Signature"].upper()}),
    lambda h: h.update({"X-Lark-Signature": ""}), lambda h: h.update({"X-Lark-Request-Nonce": "☃"}),
    lambda h: h.update({"X-Lark-Request-Timestamp": "٣"}),
])  # fmt: skip
def test_wrong_signature_is_refused(spoil: Callable[[dict[str, str]], object]) -> None:
    headers, body = sealed(typed())
    spoil(headers)

    assert Denied("invalid_signature") == heard(headers, body)


@pytest.mark.parametrize("stamp", ["soon", "", "-1", "1e9", "9" * 12, "1795780800.5", "٣"])
def test_timestamp_that_is_none_is_refused(stamp: str) -> None:
    """Signed as it is."""
    headers, body = sealed(typed())
    text = (stamp + headers["X-Lark-Request-Nonce"] + vendor.ENCRYPT_KEY).encode() + body
    headers |= {"X-Lark-Request-Timestamp": stamp,
                "X-Lark-Signature": hashlib.sha256(text).hexdigest()}  # fmt: skip

    assert Denied("invalid_signature") == heard(headers, body)


def test_card_of_the_old_kind_is_refused() -> None:
    """Its signature is SHA-1, with the token as its key; its body may come unencrypted."""
    content = {"open_id": "ou_bob_1", "open_message_id": "om_card", "tenant_key": PLACE.tenant,
               "token": "c-1", "action": {"tag": "button", "value": {"action": "approve"}}}
    for body in (json.dumps(content).encode(), sealed(content)[1]):
        headers, _ = sealed(content)
        text = headers["X-Lark-Request-Timestamp"] + headers["X-Lark-Request-Nonce"] + vendor.TOKEN
        headers["X-Lark-Signature"] = hashlib.sha1(text.encode() + body).hexdigest()

        assert isinstance(heard(headers, body), Denied)


@pytest.mark.parametrize(("seconds", "expected"), [
    (3600, Message), (3601, "delivery_too_old"), (-3600, Message),
    (-3601, "delivery_from_the_future"),
])  # fmt: skip
def test_age_is_an_hour_at_most(seconds: int, expected: Any) -> None:
    found = heard(*sealed(typed()), now=NOW + timedelta(seconds=seconds))

    assert isinstance(found, Message) if expected is Message else Denied(expected) == found


def test_names_of_headers_have_no_case() -> None:
    headers, body = sealed(typed())

    for written in (str.lower, str.upper):
        assert isinstance(heard({written(k): v for k, v in headers.items()}, body), Message)


@pytest.mark.parametrize(("body", "reason"), [
    (b"", "not_json"), (b"\xff", "not_json"), (b"[]", "missing_field"), (b"{}", "missing_field"),
    (b'{"encrypt": 1}', "missing_field"), (b'{"encrypt": "!"}', "invalid_signature"),
    (b'{"encrypt": "x", "encrypt": "y"}', "duplicate_key"),
    (json.dumps(typed()).encode(), "missing_field"), (b"[" * 100_000, "not_json"),
])  # fmt: skip
def test_body_that_is_not_sealed_is_refused(body: bytes, reason: str) -> None:
    headers, _ = sealed(typed())

    assert reason == heard(headers, body).reason


def test_keys_that_come_twice_are_refused_inside_too() -> None:
    """Two readers could see two people in it."""
    once = json.dumps(typed())
    twice = once.replace('"sender_type"', '"sender_type": "user", "sender_type"')
    signing: Any = {"encrypt_key": vendor.ENCRYPT_KEY, "at": NOW.timestamp()}

    assert isinstance(heard(*envelope.sealed(once.encode(), **signing)), Message)
    assert Denied("invalid_signature") == heard(*envelope.sealed(twice.encode(), **signing))


@pytest.mark.parametrize(("change", "reason"), [
    (lambda e: e["header"].update(token="guessed"), "invalid_signature"),
    (lambda e: e["header"].update(token=None), "invalid_signature"),
    (lambda e: e["header"].update(token="\ud800"), "invalid_signature"),
    (lambda e: e["header"].update(tenant_key="other"), "other_tenant"),
    (lambda e: e["header"].update(app_id="cli_other"), "other_tenant"),
    (lambda e: e["event"]["sender"].update(tenant_key="other"), "other_tenant"),
    (lambda e: e.pop("header"), "payload_malformed"),
    (lambda e: e.pop("event"), "payload_malformed"),
    (lambda e: e.update(header=[]), "payload_malformed"),
    (lambda e: e.update(event="x"), "payload_malformed"),
    (lambda e: e["header"].pop("event_type"), "payload_malformed"),
    (lambda e: e["event"].pop("sender"), "payload_malformed"),
    (lambda e: e["event"]["sender"].update(sender_id={}), "payload_malformed"),
    (lambda e: e["event"]["sender"]["sender_id"].update(union_id=None), "payload_malformed"),
    (lambda e: e["event"]["sender"]["sender_id"].update(union_id="on_é"), "payload_malformed"),
    (lambda e: e["event"]["sender"]["sender_id"].update(open_id="../x"), "payload_malformed"),
    (lambda e: e["event"]["message"].update(chat_id="a/b"), "payload_malformed"),
    (lambda e: e["event"]["message"].update(message_id=""), "payload_malformed"),
    (lambda e: e["event"]["message"].update(message_id="x" * 65), "payload_malformed"),
    (lambda e: e["event"]["message"].update(content="{"), "payload_malformed"),
    (lambda e: e["event"]["message"].update(content="[]"), "payload_malformed"),
    (lambda e: e["event"]["message"].update(content='{"text": 1}'), "payload_malformed"),
])  # fmt: skip
def test_message_that_is_not_ours_or_not_whole_is_refused(change: Change, reason: str) -> None:
    assert Denied(reason) == heard(*sealed(changed(typed(), change)))


@pytest.mark.parametrize(("change", "reason"), [
    (lambda e: e["header"].update(app_id="cli_other"), "other_tenant"),
    (lambda e: e["event"]["operator"].update(tenant_key="other"), "other_tenant"),
    (lambda e: e["header"].update(event_id="a b"), "payload_malformed"),
    (lambda e: e["event"]["context"].update(open_message_id=None), "payload_malformed"),
    (lambda e: e["event"]["context"].pop("open_chat_id"), "payload_malformed"),
    (lambda e: e["event"]["action"]["value"].update(offer=7), "payload_malformed"),
    (lambda e: e["event"]["action"]["value"].pop("offer"), "payload_malformed"),
    (lambda e: e["event"].pop("action"), "payload_malformed"),
])  # fmt: skip
def test_press_that_is_not_ours_or_not_whole_is_refused(change: Change, reason: str) -> None:
    assert Denied(reason) == heard(*sealed(changed(vendor.pressed("bob", CARD), change)))


@pytest.mark.parametrize("event", [
    changed(typed(), lambda e: e["event"]["sender"].update(sender_type="app")),
    typed(message_type="image", content="{}"), typed(message_type="file", content="{}"),
    typed(message_type="post", content='{"content": []}', mentions=[]),
    typed(mentions=[]), typed(chat_type="other"),
    changed(typed(), lambda e: e["header"].update(event_type="im.message.message_read_v1")),
    changed(vendor.pressed("bob", CARD), lambda e: e["event"]["action"].update(value="link")),
    changed(vendor.pressed("bob", CARD), lambda e: e["event"]["action"].pop("value")),
    changed(vendor.pressed("bob", CARD),
            lambda e: e["event"]["action"]["value"].update(action="delete")),
])  # fmt: skip
def test_bots_pictures_and_other_buttons_lead_to_nothing(event: dict[str, Any]) -> None:
    assert Heard(None, {}) == heard(*sealed(event))


@pytest.mark.parametrize(("text", "read"), [
    ("@_user_1 whoami", "whoami"), ("@_user_1whoami", "@_user_1whoami"), ("whoami", "whoami"),
    ("@_all whoami", "whoami"), (" @_user_1状态", "状态"), ("@_user_2 whoami", "whoami"),
    ("whoami @_user_1", "whoami"), ("@_user_1 @_user_2 whoami", "whoami"),
    ("mail@_user.example", "mail@_user.example"), ("x @_user_12 @_all", "x"),
    ('request for="@_user_2"', 'request for="@on_bob"'), ("for=“@_user_2”", "for=“@on_bob”"),
    ("request for=@_user_2 x=1", "request for=@on_bob x=1"), ("for=@_user_2a", "for=@_user_2a"),
    ("for=@_user_3", "for=@_user_3"), ("for=@_user_4", "for=@_user_4"),
    ("for=@_user_5", "for=@_user_5"),
])  # fmt: skip
def test_mention_is_a_word_only_as_a_value(text: str, read: str) -> None:
    """There it means somebody, or nobody that we know; anywhere else somebody is spoken to."""
    found = heard(*sealed(mentioning(text)))

    assert read == found.text.strip()


def mentioning(text: str, **changes: Any) -> dict[str, Any]:
    """Whose mentions are the bot, bob, and three of whom the event does not say who they are."""
    event = typed(content=json.dumps({"text": text}))
    mentions = event["event"]["message"]["mentions"]
    mentions += [vendor.mention("bob", 2), {"key": "@_user_3"}, {"key": "@_user_4", "id": None},
                 {"key": "@_user_5", "id": {"union_id": "a/b"}}]  # fmt: skip
    return changed(event, lambda e: e["event"]["message"].update(changes))


def post(*lines: Any, **more: Any) -> dict[str, Any]:
    content = {"title": "", "content": [list(line) for line in lines]} | more
    return mentioning("", message_type="post", content=json.dumps(content))


def said(text: str, tag: str = "text", **more: Any) -> dict[str, Any]:
    return {"tag": tag, "text": text, **more}


BOT, BOB = ({"tag": "at", "user_id": f"@_user_{n}", "user_name": "x"} for n in (1, 2))
LINE = [BOT, said(" whoami")]


@pytest.mark.parametrize(("event", "read"), [
    (post(LINE), "whoami"), (post(LINE, title=None), "whoami"),
    (post(LINE, title="Please"), "Please\n  whoami"),
    (post([BOT, said(" request for="), BOB, said(" ttl=", style=["bold"]), said("7d")],
          [said('reason="a')], [{"tag": "img", "image_key": "k"}, said('b"')]),
     'request for=@on_bob ttl=7d\nreason="a\nb"'),
    (post([said("see "), said("b.example", "a", href="https://b.example")]),
     "see <b.example|https://b.example>"),
    (post([said("", "a", href="https://b.example"), said("", "a")]), "https://b.example"),
    (post([said("x>y", "a", href="https://b.example")]), "x>y https://b.example"),
    (post([said("k", "code_block", language="sh"), {"tag": "hr"}, said("m", "md")]), "km"),
    (post(content=[]), ""),
    (mentioning("", message_type="post", content=json.dumps(
        {"zh_cn": {"title": "甲", "content": [LINE]}, "en_us": {"content": [[said("b")]]}})),
     "甲\n  whoami\nb"),
    (mentioning("", message_type="post", content=json.dumps(
        {"zh_cn": {"content": [LINE]}, "en_us": {"content": [LINE]}})), "whoami"),
])  # fmt: skip
def test_rich_text_is_read_as_a_text(event: dict[str, Any], read: str) -> None:
    found = heard(*sealed(event))

    assert read == found.text.strip()
    assert found == messages.of_event(messages.payload(found))


@pytest.mark.parametrize("content", [
    "[]", '"x"', "7", "null", '{"content": 7}', '{"content": [7]}', '{"content": ["x"]}',
    '{"content": [[{"text": "x"}]]}', '{"content": [[{"tag": "text", "text": 7}]]}',
    '{"content": [], "title": 7}', '{"zh_cn": 7}', '{"zh_cn": []}', "{" * 9,
    '{"content": [[{"tag": "at"}]]}', '{"a":' * 900 + "1" + "}" * 900,
])  # fmt: skip
def test_rich_text_that_is_none_is_refused(content: str) -> None:
    event = mentioning("", message_type="post", content=content)

    assert Denied("payload_malformed") == heard(*sealed(event))


def test_check_of_the_address_is_answered() -> None:
    """Sealed, without a signature; by the token."""
    check = {"challenge": "c", "token": vendor.TOKEN, "type": "url_verification"}

    assert Heard(None, {"challenge": "c"}) == heard({}, sealed(check)[1])
    assert Denied("invalid_signature") == heard({}, sealed(check | {"token": "x"})[1])
    assert Denied("invalid_signature") == heard({}, sealed(check | {"challenge": None})[1])
    assert Denied("missing_field", "encrypt") == heard({}, json.dumps(check).encode())


def test_without_an_encrypt_key_it_does_not_start() -> None:
    """Feishu would sign nothing."""
    with pytest.raises(ConfigError):
        feishu_chat.channels(Secret('[{"verification_token": "t"}]'))


def test_key_of_the_approvals_opens_nothing_here() -> None:
    assert Denied("invalid_signature") == heard(*sealed(typed(), encrypt_key=envelope.ENCRYPT_KEY))


_ANY: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4)
    | st.sampled_from(["om_1", "user", "p2p", "text", "approve", '{"text": "x"}', PLACE.tenant]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4)  # fmt: skip


_WRITTEN: Any = st.sampled_from(["@_user_2", "<", "x|y"]) | _ANY
_ELEMENTS = st.fixed_dictionaries(
    {"tag": st.sampled_from(["text", "a", "at"])},
    optional=dict.fromkeys(("text", "href", "user_id"), _WRITTEN))  # fmt: skip


@given(_ANY | st.fixed_dictionaries({"content": st.lists(st.lists(_ELEMENTS))}))
@brief
def test_no_rich_text_raises(content: Any) -> None:
    found = heard(*sealed(mentioning("", message_type="post", content=json.dumps(content))))

    assert isinstance(found, Denied | Message)


@given(st.sampled_from([typed(), post(LINE), vendor.pressed("bob", CARD)]), st.data())
@brief
def test_no_event_raises(event: dict[str, Any], data: st.DataObject) -> None:
    """Whatever stands where; what becomes a message can be handed over."""
    content: Any = json.loads(json.dumps(event))
    part = content
    while isinstance(part, dict) and part:
        name = data.draw(st.sampled_from(sorted(part)))
        if not isinstance(part[name], dict) or not data.draw(st.booleans()):
            part[name] = data.draw(_ANY)
            break
        part = part[name]

    found = heard(*sealed(content))

    assert isinstance(found, Denied | Heard | Message)
    if isinstance(found, Message):
        assert found == messages.of_event(messages.payload(found))


@given(st.dictionaries(st.text(max_size=30), st.text(max_size=30), max_size=3),
       st.binary(max_size=80))  # fmt: skip
@brief
def test_no_request_raises(headers: dict[str, str], body: bytes) -> None:
    lower = {name.lower(): value for name, value in headers.items()}
    for raw in (body, json.dumps({"encrypt": base64.b64encode(body).decode()}).encode()):
        inbound = Inbound("POST", "/feishu", lower, raw)

        assert isinstance(feishu_chat.hear(inbound, CHANNELS, PLACE, NOW), Denied)


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
    raise AssertionError("a bot has no windows")


def taken(functions: Functions, event: dict[str, Any]) -> Any:
    counter = Counter(
        lambda inbound, now: feishu_chat.hear(inbound, CHANNELS, PLACE, now), "en",
        lambda: functions,  # type: ignore[arg-type,return-value]
        lambda: People({("feishu", "on_alice"): "alice@example.com"}), _no_form,
        by_bot=True)  # fmt: skip
    headers, body = sealed(event)
    lower = {name.lower(): value for name, value in headers.items()}
    return chatting.take(Inbound("POST", "/feishu", lower, body), counter, NOW)


@pytest.mark.parametrize(("text", "function"), [
    ("whoami", "akw-lookup"), ("help", "akw-lookup"), ("", "akw-lookup"), ("reqest", "akw-lookup"),
    ("x" * 50_000, "akw-lookup"), ("cancel AK-1", "akw-command"),
])  # fmt: skip
def test_what_was_typed_is_answered_by_another_function(text: str, function: str) -> None:
    """Within the call there is nothing but success; a message that is too long is one, too."""
    functions = Functions()

    assert [Heard(None, {})] * 2 == [taken(functions, typed(text, message_id="om_1"))
                                     for _ in range(2)]  # fmt: skip

    ((to, payload),) = functions.tasks.values()
    assert (function, True) == (to, isinstance(messages.of_event(payload), Message))


def test_key_with_its_secret_is_handed_over_as_a_sentence_and_as_an_order() -> None:
    """Nothing of the text; the id alone, to be revoked."""
    functions, secret = Functions(), "aB3" * 10
    taken(functions, typed(f"is LTAI5tAbCdEfGhIjKlMnOpQr {secret} good?"))

    assert {"akw-lookup", "akw-revoke"} == {to for to, _ in functions.tasks.values()}
    assert secret not in str(functions.tasks)
    (message,) = [messages.of_event(one) for to, one in functions.tasks.values()
                  if to == "akw-lookup"]  # fmt: skip
    assert isinstance(message, Message)
    assert ("access_key_cut", "") == (message.tell, message.text)


KEY_ID = "LTAI5tAbCdEfGhIjKlMnOpQr"


@pytest.mark.parametrize(("lines", "tell", "ended"), [
    ([[said("please check "), said(KEY_ID[:9], style=["bold"]), said(KEY_ID[9:])]],
     "access_key", False),
    ([[said("see"), said("this", "a", href=f"https://b.example/?AccessKeyId={KEY_ID}")]],
     "access_key", False),
    ([[said(KEY_ID, "a", href="https://b.example/")]], "access_key", False),
    ([[said(KEY_ID)], [said("aB3" * 10, "code_block")]], "access_key_cut", True),
])  # fmt: skip
def test_key_in_a_rich_text_goes_no_further(
    lines: list[Any], tell: str, ended: bool
) -> None:
    functions = Functions()
    taken(functions, post(*lines))

    (message,) = [messages.of_event(one) for to, one in functions.tasks.values()
                  if to == "akw-lookup"]  # fmt: skip
    assert isinstance(message, Message)
    assert (tell, "") == (message.tell, message.text)
    assert ended is ("akw-revoke" in {to for to, _ in functions.tasks.values()})


def test_oversized_body_is_refused() -> None:
    assert Denied("body_too_large") == taken(
        Functions(), typed("x" * deliveries.MAX_BODY_BYTES))  # fmt: skip


def test_message_of_an_older_version_is_one() -> None:
    """`tell` came later: it is left out where there is none, and may be missing."""
    message = Message("feishu-chat", "on_1", "https://x.example/", "message 1", "/1/2/3", "help")

    assert b"tell" not in messages.payload(message)
    assert message == messages.of_event(messages.payload(message))
    told = replace(message, tell="access_key")
    assert told == messages.of_event(messages.payload(told))
    assert Denied("payload_malformed", "tell") == messages.of_event(
        messages.payload(replace(message, tell="approve_all")))  # fmt: skip


def test_long_answers_are_cut_at_a_line_and_a_card_fits() -> None:
    lines = "\n".join(f"line {number}" for number in range(1000))
    offer = "o1." + "x" * 1997
    card = adapter.card_of(Reply(lines, public=True, buttons=(
        Button("Approve", "approve", offer), Button("Reject", "reject", offer))))  # fmt: skip

    text = adapter.text_of(Reply(lines))["text"]

    assert len(text) <= adapter.MOST_TEXT
    assert lines.startswith(text.removesuffix("\n…") + "\n")
    assert len(adapter.text_of(Reply("x" * 9000))["text"]) <= adapter.MOST_TEXT
    assert len(json.dumps(card).encode()) < 30 * 1024
    assert len(json.dumps(adapter.card_of(Reply("字" * 9000))).encode()) < 30 * 1024


def test_texts_ring_nobody() -> None:
    """Neither by a text's `<at>`, nor by a card: its texts are plain."""
    reply = Reply('<at user_id="all"></at> **x**', public=True)

    assert "<" not in adapter.text_of(reply)["text"]
    assert {"plain_text"} == {one["text"]["tag"] for one in adapter.card_of(reply)["elements"]}


def test_every_chat_has_a_path() -> None:
    assert {*hints.CHATS, *hints.UNSIGNED_CHATS} == set(chatops.KINDS.values())
    assert set(hints.BOTS) <= set(chatops.KINDS.values())
