"""`config/sources.toml`: where approvals come from, and what their forms call a ticket's fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.config_tables import Table, read
from shared.errors import ConfigError
from shared.hints import CHATS, KINDS

FIELD = re.compile(r"[a-z][a-z0-9_]{0,31}")  # a ticket field's or a template parameter's name


@dataclass(frozen=True)
class Place:
    """One source. `tenant`: DingTalk's corp id, Feishu's tenant key, Jira's host, GitHub's owner.
    `forms`: whose records count (process codes, approval codes, project keys, repositories).
    `fields`: our name of a field by what the form calls it. `withdrawn`: the states by which people
    take an approved record back, where the vendor has no way of its own."""

    kind: str
    tenant: str
    forms: tuple[str, ...]
    fields: Mapping[str, str]
    withdrawn: tuple[str, ...] = ()

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
        if name not in (*KINDS, *CHATS):
            root.problem(name, f"is no source; known are {', '.join((*KINDS, *CHATS))}")
            continue
        found[name] = Place(
            name, table.text("tenant"), table.texts("forms"), _fields(table.table("fields")),
            table.texts("withdrawn", least=0) if table.has("withdrawn") else (),
        )  # fmt: skip
        table.end()
    root.end()
    if problems:
        raise ConfigError(problems)
    return found


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
