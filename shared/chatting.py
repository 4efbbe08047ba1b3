"""Take in what was said in a chat: verify, drop what holds a key, answer or hand over.

A person waits: what needs no cloud is answered here, the rest by the function that it goes to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from shared import deliveries, handover, key_text, naming, reasons
from shared.chat import grammar, words
from shared.chat.grammar import Misread
from shared.chat.messages import MOST_TEXT, Message, Reply
from shared.errors import CloudError
from shared.http_event import Inbound
from shared.orders import Order, Selector
from shared.refusals import Denied
from shared.sources.heard import Heard

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.people import People
    from shared.ports import Functions

log = logging.getLogger(__name__)
NOTHING = Heard(None, {})
LOOKUPS = (grammar.WHOAMI, grammar.TEMPLATES, grammar.STATUS, grammar.LIST)


@dataclass(frozen=True)
class Counter:
    """What the ingress works with: `hear` is a chat's, with its channels and place put in. Where
    a bot answers (`by_bot`), nothing that was typed is answered within the call."""

    hear: Callable[[Inbound, datetime], Message | Heard | Denied | None]
    language: str
    functions: Callable[[], Functions]
    people: Callable[[], People]
    by_bot: bool = False


def take(inbound: Inbound, counter: Counter, now: datetime) -> Reply | Heard | Denied | None:
    """The answer for whoever asked; a `Heard` has the one that the chat itself waits for, None is
    an empty one: what a button leads to comes later."""
    if len(inbound.body) > deliveries.MAX_BODY_BYTES:
        return Denied("body_too_large")
    message = counter.hear(inbound, now)
    if not isinstance(message, Message):
        return message
    if counter.by_bot:
        return _pressed(counter, message) if message.action else _typed(counter, message, now)
    if message.action:
        _hand_over(counter, naming.COMMAND_FUNCTION, message)
        return None
    if key_text.holds_access_key(message.text):
        return Reply(words.say(counter.language, _dropped(counter, message, now)))
    command = grammar.parse(message.text)
    if isinstance(command, Misread):
        return Reply(words.misread(counter.language, command))
    if command.verb == grammar.HELP:
        return Reply(words.help_text(counter.language))
    looks = command.verb in LOOKUPS
    _hand_over(counter, naming.LOOKUP_FUNCTION if looks else naming.COMMAND_FUNCTION, message)
    return Reply(words.say(counter.language, "one_moment"))


def _pressed(counter: Counter, message: Message) -> Reply:
    """Told at once, whatever comes: nobody sends a press again but whoever has pressed."""
    told = "one_moment"
    try:
        _hand_over(counter, naming.COMMAND_FUNCTION, message)
    except CloudError as err:
        log.error("not handed over: %s", err)
        told = "unavailable"
    return Reply(words.say(counter.language, told))


def _typed(counter: Counter, message: Message, now: datetime) -> Heard:
    """Whatever is to be said about it, another function says; of a key only that it was one."""
    function = naming.LOOKUP_FUNCTION
    if key_text.holds_access_key(message.text):
        message = replace(message, text="", tell=_dropped(counter, message, now))
    else:
        message = replace(message, text=message.text[:MOST_TEXT])  # too long to be read, still
        command = grammar.parse(message.text)
        if not isinstance(command, Misread) and command.verb not in (*LOOKUPS, grammar.HELP):
            function = naming.COMMAND_FUNCTION
    _hand_over(counter, function, message)
    return NOTHING


def _hand_over(counter: Counter, function: str, message: Message) -> None:
    handover.submit_message(counter.functions(), function, message)


def _dropped(counter: Counter, message: Message, now: datetime) -> str:
    """The sentence to say. Nothing of it goes on but, of a key with its secret that somebody we
    know has posted, the id: such a key has leaked."""
    key_id = key_text.id_with_secret(message.text)
    who = counter.people().of(message.kind, message.person) if key_id else ""
    if not who:
        return "access_key"
    whose = Selector("access_key_id", access_key_id=key_id)
    order = Order(f"chat-{handover.message_digest(message)[:24]}", reasons.LEAKED, whose, None, who)
    handover.submit_order(counter.functions(), naming.REVOKE_FUNCTION, order, now)
    return "access_key_cut"
