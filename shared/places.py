"""`config/sources.toml`: where approvals come from, what their forms call a ticket's fields, and
what a source may ask for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.config_tables import Table, read
from shared.errors import ConfigError
from shared.hints import BUSES, CHATS, KINDS, UNSIGNED_CHATS, WEBHOOKS
from shared.refusals import Denied

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.rules import Environment
    from shared.tickets import Ticket

NAMES = (*KINDS, *CHATS, *UNSIGNED_CHATS, *BUSES, WEBHOOKS)
# Nothing but the cloud's own permissions says that an event is genuine, so that production is
# for those who ask for it by name.
NON_PRODUCTION_UNLESS_NAMED = BUSES
FIELD = re.compile(r"[a-z][a-z0-9_]{0,31}")  # a ticket field's or a template parameter's name


@dataclass(frozen=True)
class Place:
    """One source. `tenant`: DingTalk's corp id, Feishu's tenant key, Jira's host, GitHub's owner,
    EventBridge's account. `forms`: whose records count (process codes, approval codes, project
    keys, repositories, the `source` of events), or who is spoken to (apps, robots). `fields`: our
    name of a field by what the form calls it. `withdrawn`: the states by which people take an
    approved record back, where the vendor has no way of its own. `bus`: the event bus's name.
    `environments`, `templates`: what its tickets may ask for; empty: see `refusal`."""

    kind: str
    tenant: str
    forms: tuple[str, ...]
    fields: Mapping[str, str]
    withdrawn: tuple[str, ...] = ()
    bus: str = ""
    environments: tuple[str, ...] = ()
    templates: tuple[str, ...] = ()

    def field(self, *names: object) -> str:
        """Our name for a field that the form knows by these: those of the file count first, then
        one that is spelt like ours; empty if there is none."""
        texts = [name for name in names if isinstance(name, str)]
        mapped = (self.fields[name] for name in texts if name in self.fields)
        spelt = (name for name in texts if FIELD.fullmatch(name))
        return next(mapped, "") or next(spelt, "")


def load(text: str) -> dict[str, Place]:
    """The places by kind; ConfigError with all problems at once."""
    root, problems = read(text)
    found = {}
    for name in root.names():
        table = root.table(name)
        if name not in NAMES:
            root.problem(name, f"is no source; known are {', '.join(NAMES)}")
            continue
        found[name] = _place(name, table)
        table.end()
    root.end()
    if problems:
        raise ConfigError(problems)
    return found


def refusal(ticket: Ticket, place: Place | None, environment: Environment) -> Denied | None:
    """Whether the ticket's source may ask for this at all, whoever has approved it. `environment`
    is the ticket's. A source without a list may ask for everything, but in production a bus for
    nothing."""
    if place and place.environments:
        allowed = environment.name in place.environments
    else:
        allowed = not (ticket.source in NON_PRODUCTION_UNLESS_NAMED and environment.production)
    if not allowed:
        return Denied("source_not_allowed_here", "environment")
    if place and place.templates:
        for index, permission in enumerate(ticket.permissions):
            if permission.template not in place.templates:
                return Denied("source_not_allowed_here", f"permissions[{index}].template")
    return None


def require_known(
    places: Mapping[str, Place], environments: AbstractSet[str], templates: AbstractSet[str]
) -> None:
    """Raise ConfigError if a source is limited to something that does not exist."""
    problems = [
        f"{place.kind}.{name}: there is no {value}"
        for place in places.values()
        for name, given, known in (("environments", place.environments, environments),
                                   ("templates", place.templates, templates))
        for value in given if value not in known
    ]  # fmt: skip
    if problems:
        raise ConfigError(problems)


def _place(kind: str, table: Table) -> Place:
    environments, templates = _limit(table, "environments"), _limit(table, "templates")
    if kind == WEBHOOKS:  # signed by whoever has the secret: no tenant, no form
        return Place(kind, "", (), {}, environments=environments, templates=templates)
    bus = kind in BUSES
    return Place(
        kind, table.text("tenant"), table.texts("forms"),
        {} if bus else _fields(table.table("fields")),
        () if bus or not table.has("withdrawn") else table.texts("withdrawn", least=0),
        table.text("bus") if bus else "", environments, templates,
    )  # fmt: skip


def _limit(table: Table, key: str) -> tuple[str, ...]:
    return table.texts(key) if table.has(key) else ()


def _fields(table: Table) -> dict[str, str]:
    """Ours by theirs; the file says them the other way round, which reads better."""
    found: dict[str, str] = {}
    for ours in table.names():
        theirs = table.text(ours)
        if not FIELD.fullmatch(ours):
            table.problem(ours, "is no name of a field (a-z, 0-9 and _)")
        if theirs in found:
            table.problem(ours, f"names a field that is {found[theirs]} already")
        found[theirs] = ours
    return found
