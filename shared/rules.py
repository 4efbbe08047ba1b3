"""Who may approve what, where, and within which limits: `config/rules.toml`, read and checked.

Persons are compared by their folded names: lower case, `+tag` of an e-mail dropped, alias
replaced by the person it stands for. Nothing else in the code compares people.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from shared.config_tables import Table, read
from shared.errors import ConfigError
from shared.tickets import APPLICATION, MAX_APPLICATION, MAX_TTL_SECONDS, Principal

_ENVIRONMENT = re.compile(r"[a-z][a-z0-9]{1,15}")  # as in tickets: no hyphen, it parts names
# `*` stands for the whole account (then the account that akwarden runs in is meant: the policy
# stage refuses any other) or for a part of the role's name.
_CONSUMER = re.compile(r"acs:ram::(?:[0-9]{16}|\*):role/[A-Za-z0-9._*-]{1,64}")
_PLUS_TAG = re.compile(r"\+[^@]*(?=@)")
MAX_BREAK_GLASS_SECONDS = 4 * 3600
_LEAST_IN_PRODUCTION = 2  # people who must approve there: nobody gets a key by one other's word
_MAX_QUORUM = 5  # the approvers' tags must leave room among the 20 of a RAM user
MOST_GRANTS = 5000  # so many RAM users an account can have (RAM, "Limits"): no limit is higher


@dataclass(frozen=True)
class Environment:
    """The rules of one environment.

    `templates` are all that may be asked for. `approvers` may approve them; where a template has
    a list in `approvers_of`, that list counts in place of it. Where an application has a list in
    `approvers_of_application`, one must be on that, too: see `of`. `consumers` are ARN patterns.
    In `production` two people at least must approve, and what chats and buses bring counts only if
    the operator says so.
    """

    name: str
    production: bool
    quorum: int
    approval_max_age_seconds: int
    ttl_min_seconds: int
    ttl_max_seconds: int
    source_ips_required: bool
    templates: frozenset[str]
    approvers: frozenset[str]
    approvers_of: Mapping[str, frozenset[str]]
    approvers_of_application: Mapping[str, frozenset[str]]
    consumers: tuple[str, ...]

    def of(self, application: str) -> Environment:
        """The same as it is for one application: with nobody in it who is not on the application's
        list, if there is one."""
        owners = self.approvers_of_application.get(application)
        if owners is None:
            return self
        lists = {template: people & owners for template, people in self.approvers_of.items()}
        return replace(self, approvers=self.approvers & owners, approvers_of=lists)

    @property
    def everybody(self) -> frozenset[str]:
        """All who may approve something here."""
        return self.approvers.union(*self.approvers_of.values())

    def approvers_for(self, template: str) -> frozenset[str]:
        """Who may approve this template here, as folded names."""
        return self.approvers_of.get(template, self.approvers)


@dataclass(frozen=True)
class BreakGlass:
    """Who gets access in an incident without anybody's approval: these people, there, by these
    templates, for so long. `people` are folded names."""

    people: frozenset[str]
    environments: frozenset[str]
    templates: frozenset[str]
    ttl_max_seconds: int


@dataclass(frozen=True)
class Limit:
    """How many grants somebody or something may have: issued within any 24 hours, and alive at
    once. 0 is taken at its word: none."""

    issued_in_24_hours: int
    alive: int


@dataclass(frozen=True)
class Limits:
    """Of one person, counted as the requester; of one application, in all its environments; and of
    the whole account. The defaults count for what the file does not say."""

    person: Limit = Limit(20, 200)
    application: Limit = Limit(5, 10)
    account: Limit = Limit(100, 1000)


@dataclass(frozen=True)
class Rules:
    """All of `config/rules.toml`. `aliases` lead straight to the person, never to an alias.
    `break_glass` None: there is no such way."""

    environments: Mapping[str, Environment]
    aliases: Mapping[str, str]
    limits: Limits = Limits()
    break_glass: BreakGlass | None = None

    def environment(self, name: str, application: str) -> Environment | None:
        """What counts there for that application, as far as it is known (else empty); None if
        there is no such environment."""
        found = self.environments.get(name)
        return found.of(application) if found else None

    def person(self, name: str) -> str:
        """The one name of the person behind an id or e-mail address."""
        folded = _folded(name)
        return self.aliases.get(folded, folded)

    def names(self, principal: Principal) -> frozenset[str]:
        """The names by which the rules may know a person: by id and by e-mail address."""
        return frozenset({self.person(principal.id), self.person(principal.email)})


def load(text: str) -> Rules:
    """Read the file's text; raises ConfigError with all problems at once."""
    root, problems = read(text)
    aliases = _aliases(root.table("aliases"))
    known = Rules({}, aliases)
    environments = root.table("environments", required=True)
    if not environments.names():
        environments.problem("", "names no environment")
    found = {}
    for name in environments.names():
        if not _ENVIRONMENT.fullmatch(name):
            environments.problem(name, "is no environment name (2 to 16 of a-z, 0-9)")
        found[name] = _environment(name, environments.table(name), known)
    glass = None
    if root.has("break_glass"):
        glass = _break_glass(root.table("break_glass"), known, found)
    limits = _limits(root.table("limits"))
    root.end()
    if problems:
        raise ConfigError(problems)
    return Rules(found, aliases, limits, glass)


def require_templates(rules: Rules, names: Iterable[str]) -> None:
    """Raise ConfigError if an environment allows a template that config/templates.toml lacks."""
    available = set(names)
    problems = [
        f"environments.{environment.name}.templates: {template} is not in config/templates.toml"
        for environment in rules.environments.values()
        for template in sorted(environment.templates - available)
    ]
    if problems:
        raise ConfigError(problems)


def _environment(name: str, table: Table, known: Rules) -> Environment:
    ttl_min_seconds = table.whole("ttl_min_seconds", least=3600, most=MAX_TTL_SECONDS)
    production = table.flag("production")
    environment = Environment(
        name=name,
        production=production,
        quorum=table.whole(
            "quorum", least=_LEAST_IN_PRODUCTION if production else 1, most=_MAX_QUORUM
        ),
        approval_max_age_seconds=table.whole(
            "approval_max_age_seconds", least=60, most=30 * 86_400
        ),
        ttl_min_seconds=ttl_min_seconds,
        ttl_max_seconds=table.whole("ttl_max_seconds", least=3600, most=MAX_TTL_SECONDS),
        source_ips_required=table.flag("source_ips_required"),
        templates=frozenset(table.texts("templates")),
        approvers=_people(table, "approvers", known),
        approvers_of=_lists(table.table("approvers_of"), known),
        approvers_of_application=_lists(table.table("approvers_of_application"), known),
        consumers=_consumer_patterns(table),
    )
    _check(environment, table)
    _check_applications(environment, table)
    table.end()
    return environment


def _break_glass(
    table: Table, known: Rules, environments: Mapping[str, Environment]
) -> BreakGlass:
    found = BreakGlass(
        _people(table, "people", known), frozenset(table.texts("environments")),
        frozenset(table.texts("templates")),
        table.whole("ttl_max_seconds", least=3600, most=MAX_BREAK_GLASS_SECONDS),
    )  # fmt: skip
    for name in sorted(found.environments):
        if name not in environments:
            table.problem("environments", f"{name} is no environment of this file")
            continue
        if unknown := found.templates - environments[name].templates:
            table.problem("templates", f"{', '.join(sorted(unknown))}: not allowed in {name}")
        if environments[name].everybody <= found.people:
            table.problem("people", f"leaves nobody in {name} who could review it")
        for application in environments[name].approvers_of_application:
            if environments[name].of(application).everybody <= found.people:
                table.problem("people", f"leaves nobody in {name} who could review it for "
                                        f"{application}")  # fmt: skip
    table.end()
    return found


def _check(environment: Environment, table: Table) -> None:
    """What only shows when the fields are seen together."""
    if environment.ttl_max_seconds < environment.ttl_min_seconds:
        table.problem("ttl_max_seconds", "must not be less than ttl_min_seconds")
    for template in sorted(set(environment.approvers_of) - environment.templates):
        table.problem(f"approvers_of.{template}", "is not among the environment's templates")
    for template in sorted(environment.templates):
        # One more than the quorum, because one of them may be the requester.
        if len(environment.approvers_for(template)) <= environment.quorum:
            table.problem("quorum", f"needs more approvers than its number for {template}")


def _check_applications(environment: Environment, table: Table) -> None:
    for application, people in environment.approvers_of_application.items():
        key = f"approvers_of_application.{application}"
        if not (APPLICATION.fullmatch(application) and 2 <= len(application) <= MAX_APPLICATION):
            table.problem(key, "is no application's name: no ticket could bear it")
        for person in sorted(people - environment.everybody):
            table.problem(key, f"{person} may approve nothing in this environment")
        its = environment.of(application)
        # Not each template: an application's own people need not be those of every template.
        if all(len(its.approvers_for(one)) <= environment.quorum for one in its.templates):
            table.problem(key, "needs more approvers than the quorum for one template at least")


def _limits(table: Table) -> Limits:
    usual = Limits()
    limits = Limits(
        person=_limit(table.table("person"), usual.person),
        application=_limit(table.table("application"), usual.application),
        account=_limit(table.table("account"), usual.account),
    )
    table.end()
    return limits


def _limit(table: Table, usual: Limit) -> Limit:
    limit = Limit(
        table.whole("issued_in_24_hours", least=0, most=MOST_GRANTS,
                    default=usual.issued_in_24_hours),
        table.whole("alive", least=0, most=MOST_GRANTS, default=usual.alive),
    )  # fmt: skip
    table.end()
    return limit


def _people(table: Table, key: str, known: Rules) -> frozenset[str]:
    return frozenset(known.person(person) for person in table.texts(key))


def _lists(table: Table, known: Rules) -> dict[str, frozenset[str]]:
    return {name: _people(table, name, known) for name in table.names()}


def _consumer_patterns(table: Table) -> tuple[str, ...]:
    patterns = table.texts("consumers")
    for pattern in patterns:
        if not _CONSUMER.fullmatch(pattern):
            table.problem("consumers", f"{pattern} is no role ARN with `*` in the role's name only")
        elif not pattern.partition(":role/")[2].strip("*"):
            table.problem("consumers", f"{pattern} allows every role; name a part of the name")
    return patterns


def _aliases(table: Table) -> dict[str, str]:
    """Alias → person, both folded, chains followed; a circle is a problem."""
    direct = {_folded(alias): _folded(table.text(alias)) for alias in table.names()}
    if len(direct) < len(table.names()):
        table.problem("", "holds two spellings of one alias")
    resolved = {}
    for alias in direct:
        person, seen = alias, set[str]()
        while person in direct and person not in seen:
            seen.add(person)
            person = direct[person]
        if person in seen:
            table.problem(alias, "leads in a circle")
        resolved[alias] = person
    return resolved


def _folded(name: str) -> str:
    return _PLUS_TAG.sub("", name.strip().casefold())
