"""`config/people.toml`: who somebody is in each channel. What is not in it is nobody.

A vote of nobody does not count, and nobody gets no key: the requester could be the approver.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from shared.config_tables import read
from shared.errors import ConfigError

CHANNELS = ("dingtalk", "feishu", "jira", "github", "slack", "standard-webhooks")
# One company, two ways; and events carry tickets as webhooks do.
SAME = {"feishu-chat": "feishu", "dingtalk-robot": "dingtalk", "eventbridge": "standard-webhooks"}
SLACK = re.compile(r"[TE][A-Z0-9]+/[UW][A-Z0-9]+")
EMAIL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+=-]{0,63}@[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])")


@dataclass(frozen=True)
class People:
    """E-mail addresses by (channel, id there); ids are compared as they are."""

    known: Mapping[tuple[str, str], str]

    def of(self, channel: str, *identities: str) -> str:
        """The e-mail address of whoever bears these ids there; empty if nobody is known by any of
        them, or two people are."""
        channel = SAME.get(channel, channel)
        found = {self.known[channel, one] for one in identities if (channel, one) in self.known}
        return found.pop() if len(found) == 1 else ""

    def address(self, source: str, id: str) -> str:
        """Of whoever a ticket of that source names by this id: their e-mail address, or the id
        where it is not known (most name people by their addresses)."""
        return self.of(source, id) or id

    def named(self, channel: str, text: str, beside: str = "") -> str:
        """Of whom somebody writes: their e-mail address, if that is what it is and it is known, or
        if it is a mention as chats have it (`@id`; in Slack of one of the team of `beside`, who
        wrote it). Empty if nobody is known by it."""
        if text.startswith("@"):
            team, slash, _ = beside.rpartition("/")
            return self.of(channel, f"{team}{slash}{text[1:]}")
        email = text.casefold()
        return email if email in self.known.values() else ""

    def accounts(self, channel: str, email: str) -> list[str]:
        """The ids that somebody has there, as the file lists them."""
        channel = SAME.get(channel, channel)
        return [one for (where, one), whose in self.known.items()
                if where == channel and whose == email]  # fmt: skip


def load(text: str) -> People:
    """Read the file's text; ConfigError with all problems at once."""
    root, problems = read(text)
    known: dict[tuple[str, str], str] = {}
    for email in root.names():
        table = root.table(email)
        if not EMAIL.fullmatch(email):
            root.problem(email, "is no e-mail address")
        for channel in table.names():
            if channel not in CHANNELS:
                table.problem(channel, f"is no channel; known are {', '.join(CHANNELS)}")
            for identity in table.texts(channel):
                if channel == "slack" and not SLACK.fullmatch(identity):
                    table.problem(channel, f"{identity} is not team and user (T…/U…)")
                whose = email.casefold()  # as tickets and rules have it
                if known.setdefault((channel, identity), whose) != whose:
                    table.problem(channel, f"{identity} is {known[channel, identity]} already")
        table.end()
    root.end()
    if problems:
        raise ConfigError(problems)
    return People(known)
