"""A hint: some source says that one of its records may be decided. Nothing in it is believed.

The ingress makes one of a verified event and hands it over; the worker fetches the record that it
names, with credentials of its own, and decides by that.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from shared.refusals import Denied

FORMAT = "akwarden.hint/1"
KINDS = ("dingtalk", "feishu", "jira", "github")
CHATS = ("slack", "feishu-chat")  # where nothing is hinted at: people ask and decide there
# Chats whose signature does not cover what was said: they show, and nothing that is said there is
# ever done. No function that acts, and no ticket, knows these names.
UNSIGNED_CHATS = ("dingtalk-robot",)
# Of both, where people are answered by messages of a bot, not within the call.
BOTS = ("feishu-chat", "dingtalk-robot")
BUSES = ("eventbridge",)  # whose events carry the whole ticket
WEBHOOKS = "standard-webhooks"  # always on; so do they
# DingTalk's instance ids (base64 for URLs: `-` and `_` may come first), Feishu's instance codes,
# Jira's issue keys, of GitHub the repository's name and the number; as a ticket's id may
# be.
RECORD = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Hint:
    """`kind` is one of KINDS, `record` the id of the record there; `event` tells two events about
    one record apart, and leads to one task. `withdrawn`: the event says that the record was taken
    back, so that one which does not show it yet is asked for again; it decides nothing."""

    kind: str
    record: str
    event: str = ""
    withdrawn: bool = False


def payload(hint: Hint) -> bytes:
    """The event of the worker."""
    content = {"format": FORMAT, "kind": hint.kind, "record": hint.record,
               "withdrawn": hint.withdrawn}
    return json.dumps(content, sort_keys=True).encode()


def of_event(event: bytes) -> Hint | Denied:
    """What a worker's event holds."""
    content: Any
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return Denied("not_json")
    names = {"format", "kind", "record", "withdrawn"}
    if not isinstance(content, dict) or set(content) != names or content["format"] != FORMAT:
        return Denied("payload_malformed")
    kind, record = content["kind"], content["record"]
    if kind not in KINDS or not isinstance(record, str) or not RECORD.fullmatch(record):
        return Denied("payload_malformed", "record")
    if not isinstance(content["withdrawn"], bool):
        return Denied("payload_malformed", "withdrawn")
    return Hint(kind, record, withdrawn=content["withdrawn"])
