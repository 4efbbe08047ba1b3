"""config/sources.toml and config/people.toml: all problems at once, and who somebody is."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from shared import bootstrap, people, places
from shared.errors import ConfigError

PLACE = '[dingtalk]\ntenant = "ding1"\nforms = ["PROC-1"]\n'


def test_shipped_files_can_be_used() -> None:
    assert "dingtalk" in bootstrap.places()
    assert "carol@example.com" == bootstrap.people().of("dingtalk", "carol01")


def test_source_that_is_on_must_be_in_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are off need not be, and are not looked at."""
    monkeypatch.setattr(bootstrap, "places", lambda: places.load(PLACE))
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
])  # fmt: skip
def test_problems_of_sources_are_told(text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as raised:
        places.load(text)
    assert any(problem in one for one in raised.value.problems), raised.value.problems


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
