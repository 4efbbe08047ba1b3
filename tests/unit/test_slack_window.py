"""Slack's window: what it asks, and what people, or anybody, may have written in it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo import slack as vendor
from shared import bootstrap, chatting
from shared.chat import LANGUAGES, form, grammar, words
from shared.chat.form import Form
from shared.chat.grammar import Command
from shared.chat.messages import Checked, Filled, Message, Reply
from shared.chat.terms import Terms
from shared.chatting import Counter
from shared.errors import CloudUnknown, ConfigError
from shared.http_event import Inbound
from shared.policies import Assets
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import slack
from tests.unit.samples import NOW
from tests.unit.strategies import brief

ASSETS = Assets("1234567890123456", "cn-hangzhou", "akwarden-audit", "akwarden-digests")
PLACE = bootstrap.places()["slack"]
CHANNELS = slack.channels(Secret(vendor.channel_secret()))
TYPED = Message("slack", f"{PLACE.tenant}/UALICE", f"https://app.slack.com/client/{PLACE.tenant}/C1",
                "command 1", "/commands/T1/1", "request", trigger="1.2")  # fmt: skip
VALUES = {
    "application": "orders", "environment": "dev", "template": "sls-logstore-write",
    "parameters": "project=orders-logs\nlogstore=app", "ttl": "7d",
    "purpose": "the order system writes its logs", "use_case": "on-premises",
    "consumers": "orders-reader", "source_ips": "", "necessity_confirmed": "yes",
    "alternative_considered": "",
}  # fmt: skip


def blank(mode: str = "all", language: str = "en") -> Form:
    terms = Terms(bootstrap.rules(), bootstrap.templates(), ASSETS, mode)
    return Form(terms, language)


def read(**changes: str) -> Command | dict[str, str]:
    filled = Filled(replace(TYPED, text=""), VALUES | changes, NOW)
    return blank().read(filled, "alice@example.com")


def shown() -> dict[str, Any]:
    return {"id": "V1", "view": slack.window(TYPED, blank().questions(), "en", NOW)}


def heard(body: bytes) -> Message | Filled | Denied | None:
    headers = {k.lower(): v for k, v in vendor.signed(body, at=NOW.timestamp()).items()}
    return slack.hear(Inbound("POST", "/slack", headers, body), CHANNELS, PLACE, NOW)


def submitted(change: Any = None, values: dict[str, str] | None = None) -> Any:
    """What is heard of a window that was sent, its payload changed by `change` before."""
    body, _ = vendor.filled("alice", shown(), VALUES if values is None else values)
    content = json.loads(parse_qs(body.decode())["payload"][0])
    if change:
        change(content)
    return heard(urlencode({"payload": json.dumps(content)}).encode())


def test_form_comes_back_as_the_command_that_could_have_been_typed() -> None:
    """With the address of the command that opened it."""
    found = submitted()

    assert isinstance(found, Filled)
    assert (TYPED.person, TYPED.url, TYPED.reply) == (
        found.message.person, found.message.url, found.message.reply)  # fmt: skip
    assert (VALUES, NOW, "view V1") == (dict(found.fields), found.opened_at, found.message.event)
    command = blank().read(found, "alice@example.com")
    typed = (
        "request app=orders env=dev template=sls-logstore-write ttl=7d "
        'reason="the order system writes its logs" usecase=on-premises readers=orders-reader '
        "confirm=yes project=orders-logs logstore=app"
    )
    assert grammar.parse(typed) == command


def _at(*path: Any, to: Any) -> Any:
    def change(content: dict[str, Any]) -> None:
        part: Any = content
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = to

    return change


def _back(**changes: Any) -> Any:
    def change(content: dict[str, Any]) -> None:
        metadata = json.loads(content["view"]["private_metadata"]) | changes
        content["view"]["private_metadata"] = json.dumps(metadata)

    return change


@pytest.mark.parametrize("change", [
    _at("view", to=None), _at("view", to=[]), _at("view", "id", to=7), _at("view", "id", to="v 1"),
    _at("view", "private_metadata", to=""), _at("view", "private_metadata", to="[]"),
    _at("view", "private_metadata", to="{}"), _at("view", "private_metadata", to=None),
    _at("view", "private_metadata", to="[" * 5000), _back(channel="C1/../x"), _back(channel=None),
    _back(response_url="https://evil.example/commands/1"), _back(response_url=7),
    _back(response_url="https://hooks.slack.com.evil.example/commands/1"),
    _back(response_url="http://hooks.slack.com/commands/1"), _back(opened_at="1"),
    _back(opened_at=-1), _back(opened_at=10**12), _back(opened_at=1.5),
    _at("view", "state", to={}), _at("view", "state", to=None),
    _at("view", "state", "values", to=[1]), _at("view", "state", "values", to={"ttl": {}}),
    _at("view", "state", "values", to={"ttl": {"ttl": None}}),
    _at("view", "state", "values", to={"ttl": {"ttl": {"value": 7}}}),
    _at("view", "state", "values", to={"ttl": {"ttl": {"value": "x" * 3001}}}),
    _at("view", "state", "values", to={"ttl": {"ttl": {"selected_option": {"value": {}, "x": 1}}}}),
    _at("view", "state", "values", to={"ttl": {"ttl": {"selected_option": "7d"}}}),
    _at("view", "state", "values", to={"ttl": {"ttl": {"selected_options": 7}}}),
    _at("view", "state", "values", to={f"f{n}": {f"f{n}": {"value": "x"}} for n in range(51)}),
    _at("user", "id", to="U/1"), _at("user", to={}),
])  # fmt: skip
def test_malformed_submission_is_refused(change: Any) -> None:
    found = submitted(change)

    if isinstance(found, Filled):  # an empty choice is an empty answer
        assert "" == found.fields["ttl"]
    else:
        assert Denied("payload_malformed") == found


@pytest.mark.parametrize("change", [
    _at("view", "callback_id", to="other"), _at("type", to="view_closed"),
    _at("type", to="shortcut"), _at("type", to=None),
])  # fmt: skip
def test_what_is_no_window_of_ours_gets_an_empty_answer(change: Any) -> None:
    assert submitted(change) is None


@pytest.mark.parametrize("change", [
    _at("api_app_id", to="A0OTHER"), _at("user", "team_id", to="T0OTHER"),
])  # fmt: skip
def test_window_of_another_app_or_workspace_is_refused(change: Any) -> None:
    assert Denied("other_tenant") == submitted(change)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.sampled_from(["request", "V1", "C1", "https://hooks.slack.com/commands/1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["values", "ttl", "value", "selected_option", "selected_options", "id"]),
        inner, max_size=3), max_leaves=12)  # fmt: skip


@given(st.sampled_from(["view", "state", "values", "metadata"]), JSON)
@brief
def test_no_submission_raises(place: str, what: Any) -> None:
    paths: dict[str, Any] = {
        "view": _at("view", to=what), "state": _at("view", "state", to=what),
        "values": _at("view", "state", "values", to=what),
        "metadata": _at("view", "private_metadata", to=json.dumps(what)),
    }  # fmt: skip
    found = submitted(paths[place])

    assert found is None or isinstance(found, Filled | Denied)


TEXT = st.text(max_size=30) | st.sampled_from([
    '"', "x=y", 'a" confirm="yes', "“a”", "<b>", "&amp;lt;", "project=a\nproject=b",
    "application=other", "ttl=900d", "7d", "orders", "prod", "ﬁ\u0301", "＂", "\u2028", "LTAI",
])  # fmt: skip


@given(st.dictionaries(st.sampled_from([*VALUES, "unknown"]), TEXT))
@brief
def test_no_answer_raises_and_none_is_read_as_something_else(changes: dict[str, str]) -> None:
    """What is taken has every field as it was written, but for quotes, spaces and line ends."""
    found = read(**changes)

    if isinstance(found, Command):
        assert found == grammar.parse(grammar.rendered(found))
        asked = grammar.named((VALUES | changes)["application"].strip())
        assert asked == found.fields["application"]
        assert "unknown" not in found.fields
    else:
        assert found
        assert set(found) <= {one.field for one in blank().questions()}


@pytest.mark.parametrize(("changes", "field", "reason"), [
    ({"application": " "}, "application", "needed"), ({"purpose": "\n"}, "purpose", "needed"),
    ({"use_case": ""}, "use_case", "needed"), ({"application": "../x"}, "application", "value"),
    ({"application": "o" * 40}, "application", "name_too_long"), ({"ttl": "soon"}, "ttl", "value"),
    ({"ttl": "900d"}, "ttl", "ttl_out_of_range"), ({"ttl": "99999w"}, "ttl", "ttl_out_of_range"),
    ({"environment": "staging"}, "environment", "unknown_environment"),
    ({"environment": "prod"}, "source_ips", "source_ips_required"),
    ({"source_ips": "everywhere"}, "source_ips", "source_ips_invalid"),
    ({"template": "no-such"}, "template", "template_not_allowed"),
    ({"parameters": ""}, "parameters", "parameter_missing"),
    ({"parameters": "project=*\nlogstore=app"}, "parameters", "wildcard_not_allowed"),
    ({"parameters": "project"}, "parameters", "invalid_value"),
    ({"parameters": "project=a\nproject=b"}, "parameters", "invalid_value"),
    ({"parameters": "environment=prod"}, "parameters", "invalid_value"),
    ({"parameters": "reason=other"}, "parameters", "invalid_value"),
    ({"parameters": "permissions=all"}, "parameters", "invalid_value"),
    ({"parameters": "project=p\nlogstore=l\ncolour=red"}, "parameters", "parameter_unknown"),
    ({"consumers": ""}, "consumers", "consumers_required"),
    ({"consumers": "admin"}, "consumers", "consumer_not_allowed"),
    ({"purpose": "too short"}, "purpose", "invalid_value"),
    ({"use_case": "fun"}, "use_case", "unknown_use_case"),
    ({"necessity_confirmed": ""}, "necessity_confirmed", "SAML or OIDC token"),
    ({"alternative_considered": "x" * 501}, "alternative_considered", "value"),
    ({"purpose": "&" * 499, "alternative_considered": "<" * 499}, "purpose", "too long"),
])  # fmt: skip
def test_what_is_wrong_stands_beside_its_field(
    changes: dict[str, str], field: str, reason: str
) -> None:
    found = read(**changes)

    assert isinstance(found, dict), found
    assert [(field, True)] == [(name, reason in text) for name, text in found.items()], found


def test_all_that_is_missing_is_told_at_once() -> None:
    assert {"application", "ttl", "purpose"} == set(read(application="", ttl="", purpose=""))


def test_quotes_and_lines_smuggle_nothing_in() -> None:
    found = read(purpose='logs" env="prod" x="\nenv=prod “and” <more> & &lt;')

    assert isinstance(found, Command)
    assert "logs' env='prod' x=' env=prod 'and' more & <" == found.fields["purpose"]
    assert ("dev", "yes") == (found.fields["environment"], found.fields["necessity_confirmed"])


def test_dashes_of_phones_are_those_of_names() -> None:
    found = read(purpose="on—call-rotation", parameters="project = orders‑logs\nlogstore=app")

    assert isinstance(found, Command), found
    assert ("on-call-rotation", "orders-logs") == (
        found.fields["purpose"], found.fields["project"])  # fmt: skip


@pytest.mark.parametrize(("mode", "environments"), [
    ("all", ("dev", "prod")), ("non-production", ("dev",)), ("off", ())])  # fmt: skip
def test_only_where_a_chat_may_approve_can_be_chosen(
    mode: str, environments: tuple[str, ...]
) -> None:
    """Without any there is no form."""
    found = [one.choices for one in blank(mode).questions() if one.field == "environment"]

    assert [environments] * bool(environments) == found


@pytest.mark.parametrize("language", LANGUAGES)
def test_window_keeps_to_slacks_limits(language: str) -> None:
    """Of titles, labels, options, and of what is carried."""
    questions = blank(language=language).questions()

    found = slack.window(TYPED, questions, language, NOW)

    assert all(len(found[name]["text"]) <= 24 for name in ("title", "submit", "close"))
    assert len(found["private_metadata"]) <= 3000
    assert [one.field for one in questions] == [one["block_id"] for one in found["blocks"]]
    options = [o for one in found["blocks"] for o in one["element"].get("options", [])]
    assert all(len(o["text"]["text"]) <= 75 and len(o["value"]) <= 150 for o in options)
    assert all(0 < one["element"].get("max_length", 1) <= 3000 for one in found["blocks"])
    assert found["private_metadata"].count("hooks.slack.com") == 1
    assert form.PARAMETERS in VALUES


@pytest.mark.parametrize(("text", "token"), [
    ('["signing-secret-01"]', ""), ('["signing-secret-01", "signing-secret-02"]', ""),
    ('{"signing_secrets": ["signing-secret-01"], "bot_token": "xoxb-of-the-bot-1"}',
     "xoxb-of-the-bot-1"),
])  # fmt: skip
def test_bots_token_is_optional(text: str, token: str) -> None:
    found = slack.channels(Secret(text))

    assert ("signing-secret-01", token) == (found.signing[0].reveal(), found.bot_token.reveal())


@pytest.mark.parametrize("text", [
    "{}", "null", "[]", '{"signing_secrets": ["signing-secret-01"]}', '{"bot_token": "xoxb-1"}',
    '{"signing_secrets": [], "bot_token": "xoxb-of-the-bot-1"}',
    '{"signing_secrets": ["signing-secret-01"], "bot_token": ""}',
    '{"signing_secrets": ["signing-secret-01"], "bot_token": null}',
    '{"signing_secrets": ["short"], "bot_token": "xoxb-of-the-bot-1"}',
    '{"signing_secrets": "signing-secret-01", "bot_token": "xoxb-of-the-bot-1"}',
    '{"signing_secrets": ["signing-secret-01"], "bot_token": "xoxb-of-the-bot-1", "x": 1}',
])  # fmt: skip
def test_other_secrets_of_the_app_are_refused_untold(text: str) -> None:
    with pytest.raises(ConfigError) as err:
        slack.channels(Secret(text))

    assert "signing-secret-01" not in str(err.value)


def counter(heard: Any, show: Any = None) -> Counter:
    """Hands nothing over: whoever asks for functions fails."""
    return Counter(lambda *_: heard, "en", lambda: pytest.fail("handed over"), bootstrap.people,
                   blank, show)  # fmt: skip


def _unreachable(*_: object) -> bool:
    raise CloudUnknown("views.open")


INBOUND = Inbound("POST", "/slack", {}, b"")


@pytest.mark.parametrize("show", [None, _unreachable, lambda *_: False])
def test_without_a_window_the_example_stays(show: Any) -> None:
    found = chatting.take(INBOUND, counter(TYPED, show), NOW)

    assert Reply(words.misread("en", grammar.NOTHING_SAID)) == found


def test_window_is_opened_for_whom_we_know() -> None:
    opened: list[tuple[Message, datetime]] = []

    def show(message: Message, at: datetime) -> bool:
        opened.append((message, at))
        return True

    known = chatting.take(INBOUND, counter(TYPED, show), NOW)
    stranger = replace(TYPED, person=f"{PLACE.tenant}/USTRANGER")
    unknown = chatting.take(INBOUND, counter(stranger, show), NOW)

    assert [(TYPED, NOW)] == opened
    assert Reply("Fill in the window; I answer here.") == known
    assert Reply(words.misread("en", grammar.NOTHING_SAID)) == unknown


@pytest.mark.parametrize(("filled", "told"), [
    (Filled(TYPED, VALUES, NOW - timedelta(minutes=26)), "too old"),
    (Filled(replace(TYPED, person="T1/U2"), VALUES, NOW), "I do not know you"),
    (Filled(TYPED, VALUES | {"purpose": "LTAI5tAbCdEfGhIjKlMnOpQr"}, NOW), "like an AccessKey"),
    (Filled(TYPED, {}, NOW), "needed"),
])  # fmt: skip
def test_form_that_is_not_taken_is_not_handed_over(filled: Filled, told: str) -> None:
    found = chatting.take(INBOUND, counter(filled), NOW)

    assert isinstance(found, Checked)
    assert told in " ".join(found.problems.values())
