"""config/rules.toml: who is who, and what a wrong file is told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from shared import rules
from shared.errors import ConfigError
from tests.unit.samples import ROOT, RULES, TEMPLATES

_GOOD = (ROOT / "config" / "rules.toml").read_text("utf-8")


def problems(*replacements: tuple[str, str], text: str = _GOOD) -> tuple[str, ...]:
    for old, new in replacements:
        assert old in text, old
        text = text.replace(old, new)
    with pytest.raises(ConfigError) as caught:
        rules.load(text)
    return caught.value.problems


def test_shipped_rules_hold_what_the_demo_needs() -> None:
    """Production asks for two people; both environments allow only templates that exist."""
    rules.require_templates(RULES, TEMPLATES)

    assert {"prod": (True, 2), "dev": (False, 1)} == {
        e.name: (e.production, e.quorum) for e in RULES.environments.values()}
    assert RULES.environments["prod"].source_ips_required


@pytest.mark.parametrize(
    "spelling",
    ["alice@example.com", "Alice@Example.COM", " alice+x@example.com", "alice@corp.example.com",
     "ALICE+a+b@Corp.example.com"],
)  # fmt: skip
def test_one_person_has_one_name(spelling: str) -> None:
    """Case, +tag and alias make nobody a second person."""
    assert "alice@example.com" == RULES.person(spelling)


def test_alias_of_an_alias_is_the_person() -> None:
    """Chains are followed when the file is read, and approver lists are folded with them."""
    text = _GOOD.replace(
        "[environments.prod]", '"al" = "ALICE+x@corp.example.com"\n[environments.prod]', 1
    ).replace('"dave@example.com"', '"AL"')

    loaded = rules.load(text)

    assert "alice@example.com" == loaded.person("AL")
    assert "alice@example.com" in loaded.environments["dev"].approvers


def test_template_list_counts_in_place_of_the_environments() -> None:
    """A template of its own list is approved by those people only."""
    prod = RULES.environments["prod"]

    assert "grace@example.com" in prod.approvers_for("self-service-access-key-manage")
    assert "carol@example.com" not in prod.approvers_for("self-service-access-key-manage")
    assert prod.approvers == prod.approvers_for("oss-prefix-read")


_PROD_APPROVERS = (
    'approvers = ["carol@example.com", "dave@example.com", "erin@example.com", "frank@example.com"]'
)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("production = true", "", "prod.production: must be true or false"),
        ("production = true", "production = 1", "prod.production: must be true or false"),
        ("production = false", "", "dev.production: must be true or false"),
        ("quorum = 2", "quorum = 1", "prod.quorum: must be an integer from 2 to 5"),
        ("quorum = 2", "quorum = 2.0", "prod.quorum: must be an integer from 2 to 5"),
        ("quorum = 2", "", "prod.quorum: must be an integer from 2 to 5"),
        ("quorum = 1", "quorum = 0", "dev.quorum: must be an integer from 1 to 5"),
        ("quorum = 2", "quorum = 2\nquota = 1", "prod.quota: is not known here"),
        ("quorum = 2", "quorum = 3", "prod.quorum: needs more approvers than its number for "
                                     "self-service-access-key-create"),
        ("ttl_min_seconds = 3_600\nttl_max_seconds = 7_776_000",
         "ttl_min_seconds = 7_200\nttl_max_seconds = 3_600",
         "prod.ttl_max_seconds: must not be less than ttl_min_seconds"),
        ("source_ips_required = true", 'source_ips_required = "yes"',
         "prod.source_ips_required: must be true or false"),
        (_PROD_APPROVERS, "approvers = []", "prod.approvers: must be a list of at least 1 texts"),
        (_PROD_APPROVERS,
         'approvers = ["carol@example.com", "CAROL@corp.example.com", "dave@example.com"]',
         "prod.quorum: needs more approvers than its number for oss-prefix-read"),
        ('"acs:ram::*:role/billing-*"]\n\n# Where', '"acs:ram::*:role/*"]\n\n# Where',
         "prod.consumers: acs:ram::*:role/* allows every role; name a part of the name"),
        ('"acs:ram::*:role/billing-*"]\n\n# Where', '"*"]\n\n# Where',
         "prod.consumers: * is no role ARN with `*` in the role's name only"),
        ('"acs:ram::*:role/billing-*"]\n\n# Where', '"acs:ram::12*:role/x"]\n\n# Where',
         "prod.consumers: acs:ram::12*:role/x is no role ARN with `*` in the role's name only"),
        ('[environments.prod.approvers_of]\n',
         '[environments.prod.approvers_of]\n"oss-all" = ["a", "b", "c"]\n',
         "prod.approvers_of.oss-all: is not among the environment's templates"),
    ],
)  # fmt: skip
def test_wrong_rule_is_told(old: str, new: str, expected: str) -> None:
    """A rule that would never hold, or always, does not pass as a setting."""
    assert f"environments.{expected}" in problems((old, new))


_TABLE = "[environments.prod.approvers_of_application]\n"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('"orders" = []', ".orders: must be a list of at least 1 texts"),
        ('"orders" = "carol@example.com"', ".orders: must be a list of at least 1 texts"),
        ('"orders" = ["carol@example.com", 7, "x"]', ".orders: must be a list of at least 1 texts"),
        ('"orders" = {people = ["carol@example.com"]}',
         ".orders: must be a list of at least 1 texts"),
        ('"Orders" = ["carol@example.com", "dave@example.com", "erin@example.com"]',
         ".Orders: is no application's name: no ticket could bear it"),
        ('"lock-a" = ["carol@example.com", "dave@example.com", "erin@example.com"]',
         ".lock-a: is no application's name: no ticket could bear it"),
        ('"a" = ["carol@example.com", "dave@example.com", "erin@example.com"]',
         ".a: is no application's name: no ticket could bear it"),
        (f'"{"a" * 40}" = ["carol@example.com", "dave@example.com", "erin@example.com"]',
         f".{'a' * 40}: is no application's name: no ticket could bear it"),
        ('"orders" = ["carol@example.com", "dave@example.com", "erin@example.com", "bob"]',
         ".orders: bob may approve nothing in this environment"),
        ('"orders" = ["carol@example.com", "dave@example.com"]',
         ".orders: needs more approvers than the quorum for one template at least"),
        # Three, of whom no template has more than two.
        ('"orders" = ["carol@example.com", "dave@example.com", "grace@example.com"]',
         ".orders: needs more approvers than the quorum for one template at least"),
        ('"orders" = ["carol@example.com", "CAROL@corp.example.com", "dave@example.com"]',
         ".orders: needs more approvers than the quorum for one template at least"),
    ],
)
def test_wrong_list_of_an_application_is_told(lines: str, expected: str) -> None:
    """One that closes the application for all, or never counts, does not pass as a list."""
    assert f"environments.prod.approvers_of_application{expected}" in problems(
        (_TABLE, f"{_TABLE}{lines}\n"))


def test_lists_of_applications_are_a_table() -> None:
    place = "environments.dev.approvers_of_application"
    found = problems(("[environments.dev]\n",
                      '[environments.dev]\napprovers_of_application = ["orders"]\n'))  # fmt: skip

    assert (f"{place}: must be a table",) == found


def test_applications_list_takes_away_and_gives_nothing() -> None:
    """Of the environment's people, and of a template's, who are on it; in that environment, for
    that application."""
    text = _GOOD.replace(
        _TABLE, f'{_TABLE}"orders" = ["CAROL@corp.example.com", "dave@example.com", '
                '"erin+a@example.com"]\n')  # fmt: skip
    loaded = rules.load(text)
    prod, its = loaded.environments["prod"], loaded.environment("prod", "orders")
    assert its is not None

    carol, dave, erin = (f"{name}@example.com" for name in ("carol", "dave", "erin"))
    assert {carol, dave, erin} == its.everybody == its.approvers_for("oss-prefix-read")
    assert {erin} == its.approvers_for("self-service-access-key-manage")
    for application in ("", "order", "orders-eu"):
        assert prod == loaded.environment("prod", application)
    assert loaded.environments["dev"] == loaded.environment("dev", "orders")
    assert loaded.environment("staging", "orders") is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("issued_in_24_hours = 20", "issued_in_24_hours = -1",
         "person.issued_in_24_hours: must be an integer from 0 to 5000"),
        ("alive = 10\n", "alive = true\n", "application.alive: must be an integer from 0 to 5000"),
        ("alive = 1000", "alive = 5001", "account.alive: must be an integer from 0 to 5000"),
        ("alive = 1000", 'alive = "many"', "account.alive: must be an integer from 0 to 5000"),
        ("issued_in_24_hours = 100", "issued_a_day = 100",
         "account.issued_a_day: is not known here"),
        ("[limits.person]", "[limits.people]", "people: is not known here"),
    ],
)
def test_wrong_limit_is_told(old: str, new: str, expected: str) -> None:
    """A limit that is misspelt would be none."""
    assert (f"limits.{expected}",) == problems((old, new))


def test_limits_may_be_left_out() -> None:
    """Whatever the file does not say is as it was shipped; 0 is said."""
    head = _GOOD.partition("# How many grants there may be")[0]
    some = f"{head}[limits.account]\nalive = 0\n"

    assert rules.Limits() == rules.load(head).limits == RULES.limits
    assert replace(rules.Limits(), account=rules.Limit(100, 0)) == rules.load(some).limits


def test_all_problems_are_told_at_once() -> None:
    """The author need not start again for each."""
    found = problems(
        ("quorum = 2", "quorum = 9"),
        ("[environments.dev]", '[environments."pre-prod"]'),
        ("[aliases]", "[nicknames]"),
        ("alive = 200", "alive = 9999"),
        ("alive = 1000", "alive = 9999"),
    )

    assert 5 == len(found)


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ('a = "b"\nb = "a"', "aliases.a: leads in a circle"),
        ('a = "A"', "aliases.a: leads in a circle"),
        ('a = "b"\nA = "c"', "aliases: holds two spellings of one alias"),
        ("a = 1", "aliases.a: must be a text that is not empty"),
    ],
)
def test_wrong_alias_is_told(lines: str, expected: str) -> None:
    """An alias leads to one person."""
    assert expected in problems(("[aliases]", f"[aliases]\n{lines}"))


def test_file_without_environments_is_refused() -> None:
    """An empty file would refuse every ticket with a misleading reason."""
    assert problems(text="")


def test_template_that_does_not_exist_is_told() -> None:
    """The two files of config/ must agree."""
    with pytest.raises(ConfigError) as caught:
        rules.require_templates(RULES, TEMPLATES.keys() - {"oss-prefix-read"})

    assert 2 == len(caught.value.problems)
