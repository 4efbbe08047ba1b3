"""What somebody said in a chat, or which button they pressed, and what they are answered.

A message is the event of the functions that answer; it is as much as they know of the chat.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shared.hints import CHATS
from shared.refusals import Denied

FORMAT = "akwarden.message/1"
APPROVE, REJECT, DETAILS = ACTIONS = ("approve", "reject", "details")  # what buttons do
REPLY_PATH = re.compile(r"/[A-Za-z0-9/_.@-]{1,300}")
_PERSON = re.compile(r"[A-Za-z0-9][A-Za-z0-9/_.:@-]{0,127}")
_URL = re.compile(r"https://[a-z0-9.-]+(/[A-Za-z0-9/_.-]*)?(\?[A-Za-z]+=[A-Za-z0-9_-]+)?")
TOLD = ("", "access_key", "access_key_cut")  # sentences in `words`
MOST_TEXT, MOST_OFFER = 8000, 3000
CUT = "…"


@dataclass(frozen=True)
class Message:
    """`person` is who said it, as config/people.toml knows them in `kind`; `url` where in the chat;
    `event` tells this message from every other. `reply` is the path at the chat's own host to which
    answers go; of a bot, what it has to know to answer. Either `text` was typed, or the button
    `action` pressed, which carried `offer`, or nothing of it may go on and the ingress has found
    the sentence `tell` to say. By `trigger` a window can be opened, for some seconds: it goes no
    further than the ingress."""

    kind: str
    person: str
    url: str
    event: str
    reply: str
    text: str = ""
    action: str = ""
    offer: str = ""
    tell: str = ""
    trigger: str = field(default="", compare=False)


@dataclass(frozen=True)
class Filled:
    """A form that somebody has filled in: the `message` that they could have typed, but for its
    text; what they wrote, by the form's `fields`; when they were given the form."""

    message: Message
    fields: Mapping[str, str]
    opened_at: datetime


@dataclass(frozen=True)
class Checked:
    """The answer to a filled form: what is wrong, by its fields; it was taken if nothing is."""

    problems: Mapping[str, str]


@dataclass(frozen=True)
class Button:
    """What it says, what it does (one of ACTIONS), what it carries."""

    label: str
    action: str
    offer: str


@dataclass(frozen=True)
class Reply:
    """An answer: to whoever asked alone, or for all in the channel to see. One that `replaces`
    stands where the pressed button was."""

    text: str
    public: bool = False
    replaces: bool = False
    buttons: tuple[Button, ...] = ()


_CARRIED = frozenset(Message.__dataclass_fields__) - {"trigger"}


def escaped(text: str) -> str:
    """As a notification shows it: there, `<!channel>` would ring everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def fitted(text: str, most: int) -> str:
    """As many whole lines as there is room for."""
    if len(text) <= most:
        return text
    room = text[: most - len(CUT) - 1]
    return (room.rpartition("\n")[0] or room) + "\n" + CUT


def payload(message: Message) -> bytes:
    """The event of a worker. `tell` came later: left out where it is empty, so that functions of
    two versions understand each other."""
    carried = {name: getattr(message, name) for name in _CARRIED if name != "tell" or message.tell}
    return json.dumps({"format": FORMAT, **carried}, sort_keys=True).encode()


def of_event(event: bytes, kinds: Collection[str] = CHATS) -> Message | Denied:
    """What a worker's event holds, if it is of these kinds; never raises. Whoever takes more than
    the signed chats has to say so."""
    content: Any
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return Denied("not_json")
    if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
        return Denied("payload_malformed", "format")
    content.setdefault("tell", "")
    if set(content) != _CARRIED or not all(
            isinstance(value, str) for value in content.values()):  # fmt: skip
        return Denied("payload_malformed")
    message = Message(**content)
    wrong = _wrong(content, message, kinds)
    return Denied("payload_malformed", wrong) if wrong else message


def _wrong(content: Mapping[str, str], message: Message, kinds: Collection[str]) -> str:
    """The first member that cannot be; empty if there is none."""
    checks = {
        "kind": message.kind in kinds, "person": bool(_PERSON.fullmatch(message.person)),
        "url": bool(_URL.fullmatch(message.url)), "event": 0 < len(message.event) <= 200,
        "reply": bool(REPLY_PATH.fullmatch(message.reply)), "text": len(message.text) <= MOST_TEXT,
        "action": message.action in ("", *ACTIONS),
        "offer": len(message.offer) <= MOST_OFFER, "tell": message.tell in TOLD,
    }  # fmt: skip
    return next((name for name, right in checks.items() if not right), "")
