"""config/sources.toml and config/people.toml: all problems at once, and who somebody is."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from shared import bootstrap, intake, people, places, tickets
from shared.errors import ConfigError
from shared.intake import Desk
from shared.places import Place
from shared.refusals import Denied
from shared.tickets import Ticket
from tests.unit.fakes import FakeFunctions
from tests.unit.samples import ASSETS, NOW, RULES, TEMPLATES, approved_ticket

BUS = '[eventbridge]\ntenant = "1"\nforms = ["hr"]\n'
PLACE = '[dingtalk]\ntenant = "ding1"\nforms = ["PROC-1"]\n'


def test_shipped_files_can_be_used() -> None:
    assert "dingtalk" in bootstrap.places()
    assert "carol@example.com" == bootstrap.people().of("dingtalk", "carol01")


def test_source_that_is_on_must_be_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are off need not be, and are not looked at."""
    monkeypatch.setattr(bootstrap.configuration, "places", lambda: places.load(PLACE))
    named = SimpleNamespace(kinds=("dingtalk",))
    lacking = SimpleNamespace(kinds=("dingtalk", "jira"))

    assert ["dingtalk"] == list(bootstrap.enabled(named))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"sources.toml has no \[jira\]"):
        bootstrap.enabled(lacking)  # type: ignore[arg-type]


def test_field_is_known_by_alias_then_id_then_label() -> None:
    """The file's names count before those that are spelt like ours."""
    text = PLACE + '[dingtalk.fields]\napplication = "应用"\nttl = "T-1"\n'
    place = places.load(text)["dingtalk"]

    assert ["application", "ttl", "bucket", "", ""] == [
        place.field(None, "T-9", "应用"), place.field("T-1", "purpose"),
        place.field(None, "TextField-1", "bucket"), place.field(None, "TextField-1", "备注"),
        place.field(),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), [
    ("[wecom]\n", "wecom: is no source"), ("[dingtalk]\nforms = []\n", "dingtalk.tenant"),
    ("[dingtalk]\nforms = []\n", "dingtalk.forms"), (PLACE + "more = 1\n", "dingtalk.more"),
    (PLACE + '[dingtalk.fields]\nttl = "a"\npurpose = "a"\n', "dingtalk.fields.purpose"),
    (PLACE + '[dingtalk.fields]\n"T T" = "a"\n', "dingtalk.fields.T T"), ("[", "not TOML"),
    (BUS, "eventbridge.bus: must be a text"), (PLACE + 'bus = "b"\n', "dingtalk.bus: is not"),
    (BUS + 'bus = "b"\nwithdrawn = []\n', "eventbridge.withdrawn: is not known"),
    (BUS + "environments = []\n", "eventbridge.environments: must be a list of at least 1"),
    ('[standard-webhooks]\ntenant = "a"\n', "standard-webhooks.tenant: is not known"),
])  # fmt: skip
def test_problems_of_sources_are_told(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        places.load(text)
    assert any(problem in one for one in raised.value.problems), raised.value.problems


# -- what a source may ask for --------------------------------------------------------------------


def ticket(source: str, environment: str) -> Ticket:
    found = tickets.parse(approved_ticket(environment=environment), source=source)
    assert isinstance(found, Ticket)
    return found


def place(kind: str, lines: str = "") -> Place:
    start = "[standard-webhooks]\n" if kind == "standard-webhooks" else f'{BUS}bus = "b"\n'
    return places.load(start + lines)[kind]


@pytest.mark.parametrize(("source", "lines", "environment", "where"), [
    ("eventbridge", "", "dev", ""), ("eventbridge", "", "prod", "environment"),
    ("eventbridge", 'environments = ["prod"]', "prod", ""),
    ("eventbridge", 'environments = ["prod"]', "dev", "environment"),
    ("eventbridge", 'templates = ["sls-logstore-write"]', "dev", ""),
    ("eventbridge", 'templates = ["sls-logstore-write"]', "prod", "environment"),
    ("eventbridge", 'templates = ["oss-prefix-read"]', "dev", "permissions[0].template"),
    ("standard-webhooks", "", "prod", ""),
    ("standard-webhooks", 'environments = ["dev"]', "prod", "environment"),
    ("standard-webhooks", 'templates = ["oss-prefix-read"]', "prod", "permissions[0].template"),
])  # fmt: skip
def test_source_is_limited_to_what_its_section_says(
    source: str, lines: str, environment: str, where: str
) -> None:
    """And a bus that says nothing, to what is not production."""
    expected = Denied("source_not_allowed_here", where) if where else None

    assert expected == places.refusal(
        ticket(source, environment), place(source, lines), RULES.environments[environment])


def test_source_without_a_section_is_limited_as_one_that_says_nothing() -> None:
    production = RULES.environments["prod"]

    assert None is places.refusal(ticket("jira", "prod"), None, production)
    assert Denied("source_not_allowed_here", "environment") == places.refusal(
        ticket("eventbridge", "prod"), None, production)


def test_bus_may_ask_where_it_is_not_production_whatever_the_quorum() -> None:
    test = replace(RULES.environments["prod"], production=False)

    assert None is places.refusal(ticket("eventbridge", "prod"), None, test)


def test_webhook_is_told_at_once_that_it_may_not_ask_there() -> None:
    limited = place("standard-webhooks", 'environments = ["dev"]')
    desk = Desk((), RULES, TEMPLATES, ASSETS, "", "", FakeFunctions, limited)

    assert Denied("source_not_allowed_here", "environment") == intake.refusal(
        ticket("standard-webhooks", "prod"), desk, NOW)


def test_limits_must_name_what_exists() -> None:
    """One that does not would refuse every ticket with a misleading reason."""
    known = {"b": place("eventbridge", 'environments = ["dve"]\ntemplates = ["all"]')}
    places.require_known(bootstrap.places(), RULES.environments.keys(), TEMPLATES.keys())

    with pytest.raises(ConfigError) as raised:
        places.require_known(known, RULES.environments.keys(), TEMPLATES.keys())

    assert ("eventbridge.environments: there is no dve",
            "eventbridge.templates: there is no all") == raised.value.problems  # fmt: skip


@pytest.mark.parametrize(("channel", "text", "beside", "email"), [
    ("slack", "@U1", "T1/U9", "a@example.com"), ("slack", "@U1", "T2/U9", ""),
    ("slack", "@U1", "", ""), ("slack", "@T1/U1", "", "a@example.com"),
    ("feishu-chat", "@on_1", "on_9", "a@example.com"), ("slack", "@on_1", "T1/U9", ""),
    ("slack", "A@Example.COM", "T1/U9", "a@example.com"),
    ("jira", "a@example.com", "", "a@example.com"), ("feishu", "on_1", "", ""),
    ("slack", "b@example.com", "T1/U9", ""), ("slack", "", "T1/U9", ""),
])  # fmt: skip
def test_somebody_is_named_by_address_or_by_a_mention(
    channel: str, text: str, beside: str, email: str
) -> None:
    known = people.load('["A@example.com"]\nslack = ["T1/U1"]\nfeishu = ["on_1"]\n')

    assert email == known.named(channel, text, beside)


def test_people_are_compared_by_channel_and_exactly() -> None:
    known = people.load('["a@example.com"]\ndingtalk = ["u1", "U1"]\njira = ["u2"]\n')

    assert ["a@example.com", "a@example.com", "a@example.com", "", "", ""] == [
        known.of("dingtalk", "u1"), known.of("dingtalk", "U1"), known.of("jira", "u2"),
        known.of("jira", "u1"), known.of("dingtalk", "u1 "), known.of("", ""),
    ]  # fmt: skip


def test_two_ids_are_one_person_or_nobody() -> None:
    known = people.load('["a@example.com"]\nfeishu = ["u1", "ou_1"]\n'
                        '["b@example.com"]\nfeishu = ["ou_2"]\n')  # fmt: skip

    assert ["a@example.com", "a@example.com", "", ""] == [
        known.of("feishu", "u1", "ou_1"), known.of("feishu", "u9", "ou_1"),
        known.of("feishu", "u1", "ou_2"), known.of("feishu"),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), [
    ('["nobody"]\ndingtalk = ["u"]\n', "is no e-mail address"),
    ('["a@example.com"]\nwechat = ["u"]\n', "is no channel"),
    ('["a@example.com"]\ndingtalk = ["u"]\n["b@example.com"]\ndingtalk = ["u"]\n', "already"),
    ('["a@example.com"]\ndingtalk = [1]\n', "a list of at least 1"),
])  # fmt: skip
def test_problems_of_people_are_told(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        people.load(text)
    assert any(problem in one for one in raised.value.problems), raised.value.problems
