"""What buttons carry, what messages are, and in which words people are answered."""

from __future__ import annotations

import itertools
import json
import string
from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import slack as vendor
from shared import bootstrap, chat_log, chatting, key_text, tickets
from shared.chat import LANGUAGES, grammar, messages, offers, words
from shared.chat.messages import Message, Reply
from shared.chat.offers import Offer
from shared.chat.terms import Terms
from shared.commanding import grant_actions, requesting
from shared.http_event import Inbound
from shared.policies import Assets
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import slack
from shared.tickets import Ticket
from tests import signing
from tests.unit.samples import NOW, approved_ticket, person
from tests.unit.strategies import brief

KEY = Secret("a key of the chat's")
ASSETS = Assets("1234567890123456", "cn-hangzhou", "akwarden-audit", "akwarden-digests")
MESSAGE = Message("slack", "T1/U1", "https://app.slack.com/client/T1/C1", "command 1",
                  "/commands/T1/1", "help")  # fmt: skip


def ticket(**changes: Any) -> Ticket:
    found = tickets.parse(approved_ticket(NOW, **{"approvals": [], "status": "pending"} | changes),
                          source="slack")  # fmt: skip
    assert isinstance(found, Ticket), found
    return found


OFFER = Offer("accesskey.ticket.approved", ticket(), NOW + timedelta(hours=8))


def sealed(offer: Offer = OFFER, key: Secret = KEY) -> str:
    text = offers.sealed(offer, key)
    assert isinstance(text, str)
    return text


def test_offer_comes_back_until_it_is_over() -> None:
    text = sealed()

    assert len(text) <= offers.LONGEST
    assert OFFER == offers.opened(text, KEY, NOW)
    assert Denied("offer_expired") == offers.opened(text, KEY, OFFER.expires_at)
    assert Denied("offer_unusable", "offer") == offers.opened(text, Secret("another"), NOW)


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda b: f"o1.{offers._text(b)}.AA"))
@brief
def test_no_text_opens_or_raises(text: str) -> None:
    assert isinstance(offers.opened(text, KEY, NOW), Denied)


@given(st.integers(0, 600), st.characters())
@brief
def test_changed_offer_is_none(at: int, character: str) -> None:
    text = sealed()
    changed = text[:at] + character + text[at + 1 :]

    assert isinstance(offers.opened(changed, KEY, NOW), Denied) is (changed != text)


def test_same_bytes_in_another_spelling_are_none() -> None:
    """The last character of base64 has bits that mean nothing; and there are two alphabets."""
    text = sealed()
    alphabet = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"
    last = alphabet[alphabet.index(text[-1]) + 1]

    for other in (text[:-1] + last, text + "=", text.replace("-", "+").replace("_", "/")):
        assert text != other
        assert isinstance(offers.opened(other, KEY, NOW), Denied), other


def test_request_that_fits_no_button_is_refused() -> None:
    purpose = "".join(chr(0x4E00 + (n * 7919) % 20_000) for n in range(500))

    long = replace(OFFER, ticket=ticket(purpose=purpose, alternative_considered=purpose[::-1]))

    assert Denied("request_too_long_for_chat") == offers.sealed(long, KEY)


def test_ballot_is_for_one_person_one_decision_and_one_content() -> None:
    one = offers.ballot(OFFER, "a@example.com", "approve", KEY)
    others = {
        offers.ballot(OFFER, "b@example.com", "approve", KEY),
        offers.ballot(OFFER, "a@example.com", "reject", KEY),
        offers.ballot(replace(OFFER, ticket=ticket(ttl_seconds=7200)), "a@example.com", "approve",
                      KEY),
        offers.ballot(replace(OFFER, type="accesskey.ticket.extended"), "a@example.com", "approve",
                      KEY),
        offers.ballot(OFFER, "a@example.com", "approve", Secret("another")),
    }  # fmt: skip

    assert one == offers.ballot(OFFER, "a@example.com", "approve", KEY)
    assert 5 == len(others - {one})


PEOPLE = ("carol@example.com", "dave@example.com", "bob@example.com")
WRITTEN = st.fixed_dictionaries({
    "approver_id": st.sampled_from(PEOPLE), "reason": st.sampled_from(["approve", "reject"]),
    "signed": st.booleans(), "event_type": st.sampled_from(["chat.voted", "chat.requested"]),
    "minutes": st.integers(0, 60),
})  # fmt: skip


@given(st.lists(WRITTEN, max_size=8))
@brief
def test_only_signed_rows_are_votes_and_a_rejection_stays(written: list[dict[str, Any]]) -> None:
    rows = [
        {**{k: one[k] for k in ("approver_id", "reason", "event_type")},
         "time_ms": str(int((NOW - timedelta(minutes=one["minutes"])).timestamp() * 1000)),
         "message": offers.ballot(OFFER, one["approver_id"], one["reason"], KEY)
         if one["signed"] else "0" * 64}
        for one in sorted(written, key=lambda one: -one["minutes"])
    ]  # fmt: skip

    found = {one["approver"]["id"]: one["decision"]  # type: ignore[index]
             for one in chat_log.votes(rows, OFFER, KEY)}  # fmt: skip

    real = [one for one in written if one["signed"] and one["event_type"] == "chat.voted"]
    assert {one["approver_id"] for one in real} == set(found)
    assert {one["approver_id"] for one in real if one["reason"] == "reject"} == {
        person for person, decision in found.items() if decision == "reject"}


def test_message_comes_back() -> None:
    assert MESSAGE == messages.of_event(messages.payload(MESSAGE))


@pytest.mark.parametrize("change", [
    {"kind": "teams"}, {"person": ""}, {"person": "a b"}, {"url": "http://x"}, {"event": ""},
    {"reply": "https://evil.example/"}, {"reply": "//evil.example/x y"}, {"action": "delete"},
    {"text": "x" * 8001}, {"offer": "x" * 3001}, {"text": 7}, {"format": "2"}, {"more": "x"},
])  # fmt: skip
def test_other_events_are_no_messages(change: dict[str, Any]) -> None:
    content = json.loads(messages.payload(MESSAGE)) | change

    assert isinstance(messages.of_event(json.dumps(content).encode()), Denied)


@given(st.binary(max_size=60))
@brief
def test_no_bytes_raise(event: bytes) -> None:
    assert isinstance(messages.of_event(event), Denied)


def test_both_languages_say_the_same_with_the_same_values() -> None:
    for key, sentences in words._SENTENCES.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(text) if name}
                 for text in sentences]  # fmt: skip
        assert names[0] == names[1], key
        assert len(LANGUAGES) == len(sentences)


def test_every_sentence_is_said_somewhere() -> None:
    """None is left over; one that is missing fails where it is said."""
    root = bootstrap.CONFIG.parent
    names = ("shared/lookups.py", "shared/chatting.py", "shared/chat/grammar.py",
             "shared/chat_log.py", "shared/chat/form.py", "shared/sources/slack_window.py",
             "shared/notices.py", "functions/chatops.py")  # fmt: skip
    files = [*(root / "shared/commanding").glob("*.py"), *(root / name for name in names)]
    source = "".join(file.read_text(encoding="utf-8") for file in files)
    source += (root / "shared/chat/words.py").read_text(encoding="utf-8").partition("def say(")[2]

    assert [] == [key for key in words._SENTENCES
                  if f'"{key}"' not in source and f"'{key}'" not in source]  # fmt: skip


@pytest.mark.parametrize(("mode", "dev", "prod"), [
    ("off", False, False), ("non-production", True, False), ("all", True, True),
])  # fmt: skip
def test_where_a_chat_may_approve(mode: str, dev: bool, prod: bool) -> None:
    terms = Terms(bootstrap.rules(), {}, ASSETS, mode)

    assert [dev, prod] == [terms.approval_refusal(ticket(environment=name)) is None
                           for name in ("dev", "prod")]  # fmt: skip


@pytest.mark.parametrize("production", [True, False])
def test_production_is_what_the_file_says_whatever_the_quorum(production: bool) -> None:
    """Two people approving elsewhere make no production of it."""
    shipped = bootstrap.rules()
    prod = replace(shipped.environments["prod"], production=production)
    terms = Terms(replace(shipped, environments={"prod": prod}), {}, ASSETS, "non-production")

    assert production is not terms.may_be_approved("prod")


KEY_ID, SECRET = "LTAI5tAbCdEfGhIjKlMnOpQr", "a1" * 15


@pytest.mark.parametrize(("text", "ids"), [
    (f"{KEY_ID} and {SECRET}", (KEY_ID,)), (KEY_ID, ()), (SECRET, ()), (f"{KEY_ID} {'a' * 31}", ()),
    (f"LTAI5tOldOldOldOldOldOld {SECRET} {KEY_ID} {SECRET}", ("LTAI5tOldOldOldOldOldOld", KEY_ID)),
    (f"{KEY_ID[:8]}\x01{KEY_ID[8:]} {SECRET[:9]}\x7f{SECRET[9:]}", (KEY_ID,)),
])  # fmt: skip
def test_keys_that_stand_beside_a_secret(text: str, ids: tuple[str, ...]) -> None:
    assert ids == key_text.ids_with_secret(text)


@pytest.mark.parametrize("text", [
    f"help {KEY_ID[:6]}\x01{KEY_ID[6:]}", f"help {KEY_ID[:6]}\ufe0f{KEY_ID[6:]}",
    f"help {KEY_ID[:4]}<{KEY_ID[4:]}|x>", f"AccessKey密文：{SECRET}", f"密钥是 {SECRET}",
    f"help {KEY_ID[:6]}\u0378{KEY_ID[6:]}", f"secret={SECRET[:5]}\x7f{SECRET[5:]}",
])  # fmt: skip
def test_key_is_found_as_a_command_would_be_read(text: str) -> None:
    """What only looks broken is whole once it is read."""
    assert chatting._holds_key(text)


@pytest.mark.parametrize("text", [command.example for command in grammar.VERBS.values()])
def test_examples_hold_no_key(text: str) -> None:
    assert not chatting._holds_key(text)


PLACE = bootstrap.places()["slack"]
FORM = st.dictionaries(
    st.sampled_from(["team_id", "api_app_id", "user_id", "channel_id", "trigger_id", "text",
                     "response_url", "payload", "ssl_check"]),
    st.sampled_from([PLACE.tenant, PLACE.forms[0], "U1", "https://hooks.slack.com/commands/1", "1",
                     "{}", "[]", "null", '{"user":[]}', '{"user":{"team_id":1,"id":{}}}']),
).map(lambda form: urlencode(form).encode())  # fmt: skip


@given(FORM | st.binary(max_size=80))
@brief
def test_no_signed_body_raises(body: bytes) -> None:
    """Whatever stands where; nothing that is not ours becomes a message."""
    # by hand: Slack's library signs text alone
    signed = signing.slack_by_hand(vendor.SECRET, body, str(int(NOW.timestamp())))
    headers = {name.lower(): value for name, value in signed.items()}
    inbound = Inbound("POST", "/slack", headers, body)

    found = slack.hear(inbound, slack.channels(Secret(vendor.channel_secret())), PLACE, NOW)

    assert found is None or isinstance(found, Denied | Message)
    if isinstance(found, Message):
        assert found.person.startswith(f"{PLACE.tenant}/")
        assert found == messages.of_event(messages.payload(found))


class Log:
    """An audit log that holds these rows."""

    def __init__(self, rows: list[dict[str, str]]) -> None:
        self.rows = rows

    def get_logs(self, query: str, since: datetime, until: datetime) -> list[dict[str, str]]:
        assert timedelta(days=1) == NOW - since
        return self.rows


@pytest.mark.parametrize(("asked", "refused"), [(9, False), (10, True), (11, True)])
def test_one_person_may_ask_for_so_much_a_day(asked: int, refused: bool) -> None:
    """Before anything of it is put before anybody; a repeat of the same message is none."""
    own = requesting.ticket_id(MESSAGE.event)
    names = ("alice@example.com", "alice@corp.example.com")  # one person
    rows = [{"ticket_id": id, "requester_id": name} for id, name in zip(
        (own, *(f"AK-{number}" for number in range(asked))), itertools.cycle(names))]  # fmt: skip
    rows += [{"ticket_id": f"AK-B{n}", "requester_id": "bob@example.com"} for n in range(20)]

    told = offered(rows, approved_ticket(NOW))

    assert refused is ("too_many_requests" in told[0].text), told
    assert [] == [button for reply in told for button in reply.buttons]


@pytest.mark.parametrize(("whose", "reason"), [
    ("grace", "chat_may_not_approve"), ("gone", "beneficiary_unknown")])  # fmt: skip
def test_extension_for_somebody_whom_we_do_not_know_is_refused(whose: str, reason: str) -> None:
    """Of whom a live grant is, who has left since."""
    (told,) = offered([], approved_ticket(NOW, beneficiary=person(whose)))

    assert reason in told.text


def offered(rows: list[dict[str, str]], content: dict[str, Any]) -> list[Reply]:
    """What a request with that content, of which nothing may be written, is answered."""
    desk: Any = SimpleNamespace(
        issuing=True, most_requests=10, audit_log=Log(rows), now=lambda: NOW,
        say=lambda key, **_: key, language="en", rules=bootstrap.rules(),
        terms=Terms(bootstrap.rules(), {}, ASSETS, "off"), people=bootstrap.people(),
    )  # fmt: skip
    return list(requesting.offered(
        desk, "alice@example.com", "accesskey.ticket.extended", content, MESSAGE,
        lambda *_: pytest.fail("written")))  # fmt: skip


def requested(offer: Offer, ticket: str, at: int = 1) -> dict[str, str]:
    return dict.fromkeys(("reason", "phase", "outcome", "operation_id"), "") | {
        "event_type": chat_log.REQUESTED, "ticket_id": ticket, "time_ms": str(at),
        "message": sealed(offer)}  # fmt: skip


def test_only_the_offer_about_that_ticket_is_decided_by_its_id() -> None:
    """Others can write rows: one that bears another request's text is passed over."""
    other = Offer(OFFER.type, ticket(id="AK-OTHR-0001"), OFFER.expires_at)
    rows = [requested(other, OFFER.ticket.id), requested(OFFER, OFFER.ticket.id),
            requested(OFFER, OFFER.ticket.id) | {"message": "o1.rubbish"}]  # fmt: skip

    assert sealed() == chat_log.offer_of(rows, OFFER.ticket.id, KEY)
    assert "" == chat_log.offer_of(rows[:1], OFFER.ticket.id, KEY)
    assert "" == chat_log.offer_of(rows, OFFER.ticket.id, Secret("another"))


def happened(event: str, **more: str) -> dict[str, str]:
    return dict.fromkeys(("reason", "phase", "outcome", "message", "operation_id"), "") | {
        "event_type": event, "ticket_id": OFFER.ticket.id, "time_ms": "2"} | more  # fmt: skip


@pytest.mark.parametrize(("rows", "state"), [
    ([], ""), ([happened("chat.voted", reason="approve")], ""),
    ([happened("chat.voted", reason="reject")], "was_rejected"),
    ([happened("chat.cancelled")], "was_cancelled"),
    ([happened("chat.handed_over")], "at_work"),
    ([happened("chat.handed_over"), happened("chat.cancelled")], "was_cancelled"),
    ([happened("chat.handed_over"), happened("key.issued", phase="intent")], "at_work"),
    ([happened("key.issued", phase="result", outcome="failure")], ""),
    ([happened("key.issued", phase="result", outcome="success")], "was_served"),
    ([happened("grant.extended", phase="result", outcome="success")], "was_served"),
    ([happened("ticket.rejected", reason="grant_over")], "was_refused"),
    ([happened("ticket.rejected", reason="ticket_consumed"),
      happened("key.issued", phase="result", outcome="success")], "was_served"),
])  # fmt: skip
def test_state_of_a_request(rows: list[dict[str, str]], state: str) -> None:
    asked = requested(OFFER, OFFER.ticket.id)

    assert state == chat_log.state_of([asked, *rows])


@pytest.mark.parametrize(("typed", "reason"), [
    ("revoke AK-1 leaked", "leaked"), ("revoke AK-1 reason=leak", "leaked"),
    ("吊销 AK-1 原因=泄露", "leaked"), ("revoke AK-1 alice offboarded", "offboarded"),
    ("吊销 AK-1 离职", "offboarded"), ("revoke AK-1", "withdrawn"),
    ("revoke AK-1 reason=\"not needed\"", "withdrawn"), ("revoke AK-1 ended", "ended"),
])  # fmt: skip
def test_reason_of_an_end_as_people_say_it(typed: str, reason: str) -> None:
    command = grammar.parse(typed)
    assert isinstance(command, grammar.Command), command

    assert reason == grant_actions._reason(command)


def test_lists_are_those_that_there_are() -> None:
    found = grammar.parse("list penidng")

    assert isinstance(found, grammar.Misread)
    assert ("pending",) == found.about
