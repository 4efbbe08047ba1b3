"""`config/notifications.toml`: who is told, unasked, of what happened, and by which way."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from shared.config_tables import Table, read
from shared.errors import ConfigError

SLACK, FEISHU, DINGTALK, WEBHOOK = WAYS = ("slack", "feishu-chat", "dingtalk", "webhook")
URL = re.compile(r"https://[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*(:\d{1,5})?(/[A-Za-z0-9/_.~-]*)?")


@dataclass(frozen=True)
class Audience:
    """Who is told by one way. `channel`: Slack's or Feishu's chat id, DingTalk's conversation id,
    the webhook's URL; empty for none. `people`: the requester and the approvers, too. `robot`:
    DingTalk's robot code."""

    way: str
    channel: str
    people: bool = False
    robot: str = ""


@dataclass(frozen=True)
class Address:
    """Where one message goes: to a person (their e-mail address), or to the channel if empty."""

    way: str
    person: str = ""

    def __str__(self) -> str:
        return f"{self.way}:{self.person or 'channel'}"


def load(text: str) -> dict[str, Audience]:
    """The audiences by way; ConfigError with all problems at once."""
    root, problems = read(text)
    found = {}
    for name in root.names():
        if name not in WAYS:
            root.problem(name, f"is no way of telling; known are {', '.join(WAYS)}")
            root.table(name)
            continue
        table = root.table(name)
        found[name] = _webhook(table) if name == WEBHOOK else _chat(name, table)
        table.end()
    root.end()
    if problems:
        raise ConfigError(problems)
    return found


def _webhook(table: Table) -> Audience:
    url = table.text("url")
    if url and not URL.fullmatch(url):
        table.problem("url", "must be an https:// URL without a query and without credentials")
    return Audience(WEBHOOK, url)


def _chat(way: str, table: Table) -> Audience:
    channel = table.text("channel", may_be_empty=True)
    people = table.flag("people")
    robot = table.text("robot") if way == DINGTALK else ""
    if not channel and not people:
        table.problem("", "tells nobody: no channel and no people")
    return Audience(way, channel, people, robot)


def addresses(audiences: Sequence[Audience], concerned: Sequence[str]) -> list[Address]:
    """Where a notice goes: each way's channel, and each person whom it concerns."""
    found = [Address(one.way) for one in audiences if one.channel]
    return found + [Address(one.way, person) for one in audiences if one.people
                    for person in dict.fromkeys(concerned)]  # fmt: skip
