"""Take in what was said in a chat: verify, drop what holds a key, answer or hand over.

A person waits: what needs no cloud is answered here, the rest by the function that it goes to.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from shared import deliveries, handover, hints, key_text, naming, reasons
from shared.chat import grammar, words
from shared.chat.grammar import Command, Misread
from shared.chat.messages import MOST_TEXT, Checked, Filled, Message, Reply
from shared.errors import CloudError
from shared.http_event import Inbound
from shared.orders import Order, Selector
from shared.refusals import Denied
from shared.sources.heard import Heard

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.chat.form import Form
    from shared.people import People
    from shared.ports import Functions

log = logging.getLogger(__name__)
NOTHING = Heard(None, {})
ANSWERABLE = timedelta(minutes=25)  # of the half hour in which a chat takes answers to a message


@dataclass(frozen=True)
class Counter:
    """What the ingress works with: `hear` is a chat's, with its channels and place put in. `show`
    opens the form for whoever sent that message (False: there is nothing to fill in; CloudError if
    the chat does not); None where a chat has no windows. Where a bot answers (`by_bot`), nothing
    that was typed is answered within the call. `record` puts on record that a body was refused,
    which is told otherwise than by a status."""

    hear: Callable[[Inbound, datetime], Message | Filled | Heard | Denied | None]
    language: str
    functions: Callable[[], Functions]
    people: Callable[[], People]
    form: Callable[[], Form]
    show: Callable[[Message, datetime], bool] | None = None
    by_bot: bool = False
    record: Callable[[Denied, bytes], None] | None = None


def take(
    inbound: Inbound, counter: Counter, now: datetime
) -> Reply | Checked | Heard | Denied | None:
    """The answer for whoever asked; a `Heard` has the one that the chat itself waits for, None is
    an empty one: what a button leads to comes later."""
    if len(inbound.body) > deliveries.MAX_BODY_BYTES:
        return Denied("body_too_large")
    message = counter.hear(inbound, now)
    if not isinstance(message, Message | Filled):
        return message
    pasted = _holds_key(_written(message))
    answer = _answer(counter, message, pasted, now)
    if pasted and counter.record:  # last: a key that has leaked is to be cut first
        counter.record(Denied("contains_access_key"), inbound.body)
    return answer


def _answer(
    counter: Counter, message: Message | Filled, pasted: bool, now: datetime
) -> Reply | Checked | Heard | None:
    if isinstance(message, Filled):
        return Checked(_problems(counter, message, pasted, now))
    if counter.by_bot and message.action:
        return _pressed(counter, message)
    if counter.by_bot:
        return _typed(counter, message, pasted, now)
    if message.action:
        _hand_over(counter, naming.COMMAND_FUNCTION, message)
        return None
    if pasted:
        return Reply(words.say(counter.language, "access_key_cut" if _cut(counter, message, now)
                               else "access_key"))  # fmt: skip
    command = grammar.parse(message.text)
    if command == grammar.NOTHING_SAID and _shown(counter, message, now):
        return Reply(words.say(counter.language, "form_opened"))
    if isinstance(command, Misread):
        return Reply(words.misread(counter.language, command))
    if command.verb == grammar.HELP:
        return Reply(words.help_text(counter.language))
    looks = command.verb in grammar.SHOWING
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


def _typed(counter: Counter, message: Message, pasted: bool, now: datetime) -> Heard:
    """Whatever is to be said about it, another function says; of a key only that it was one. Of
    what is not signed the sender is a guess: it revokes nothing, is shown to those we know alone,
    and never goes to the function that acts."""
    signed, function = message.kind in hints.CHATS, naming.LOOKUP_FUNCTION
    if not signed and not counter.people().of(message.kind, message.person):
        log.warning("ignored: nobody in config/people.toml, by %s", message.kind)
        return NOTHING
    if pasted:
        cut = signed and _cut(counter, message, now)
        message = replace(message, text="", tell="access_key_cut" if cut else "access_key")
    else:
        message = replace(message, text=message.text[:MOST_TEXT])  # too long to be read, still
        command = grammar.parse(message.text)
        acts = isinstance(command, Command) and command.verb not in grammar.SHOWING
        if signed and acts:
            function = naming.COMMAND_FUNCTION
    _hand_over(counter, function, message)
    return NOTHING


def _hand_over(counter: Counter, function: str, message: Message) -> None:
    handover.submit_message(counter.functions(), function, message)


def _shown(counter: Counter, message: Message, now: datetime) -> bool:
    """Whether a form was opened, for somebody we know; else they are told how to type it."""
    try:
        return bool(counter.show and counter.people().of(message.kind, message.person)
                    and counter.show(message, now))  # fmt: skip
    except CloudError as err:
        log.warning("no form: %s", err)
        return False


def _problems(
    counter: Counter, filled: Filled, pasted: bool, now: datetime
) -> dict[str, str]:
    """What is wrong with a form, by its fields; without any it is handed over, as if typed."""
    message = filled.message
    text, first = _written(filled), next(iter(filled.fields), "")
    if pasted:
        cut = _cut(counter, replace(message, text=text), now)
        where = next((n for n, t in filled.fields.items() if _holds_key(t)), first)
        return {where: words.say(counter.language, "key_in_form_cut" if cut else "key_in_form")}
    if filled.opened_at < now - ANSWERABLE:
        return {first: words.say(counter.language, "form_too_old")}
    who = counter.people().of(message.kind, message.person)
    if not who:
        return {first: words.say(counter.language, "unknown_person", person=message.person)}
    command = counter.form().read(filled, who)
    if isinstance(command, dict):
        return command
    try:
        typed = replace(message, text=grammar.rendered(command))
        _hand_over(counter, naming.COMMAND_FUNCTION, typed)
    except CloudError as err:  # the window stays, with all that was written
        log.error("not handed over: %s", err)
        return {first: words.say(counter.language, "unavailable")}
    return {}


def _written(message: Message | Filled) -> str:
    """All that somebody wrote."""
    return message.text if isinstance(message, Message) else "\n".join(message.fields.values())


def _holds_key(text: str) -> bool:
    """As it was typed, and as a command would be read from it."""
    return key_text.holds_access_key(f"{text}\n{grammar.cleaned(text)}")


def _cut(counter: Counter, message: Message, now: datetime) -> bool:
    """Whether keys are being revoked. Nothing of the message goes on but, of keys with a secret
    that somebody we know has posted, the ids: such keys have leaked."""
    ids = key_text.ids_with_secret(f"{message.text}\n{grammar.cleaned(message.text)}")
    who = counter.people().of(message.kind, message.person) if ids else ""
    if not who:
        return False
    for key_id in ids:
        whose = Selector("access_key_id", access_key_id=key_id)
        name = handover.message_digest(replace(message, event=f"{message.event} {key_id}"))
        order = Order(f"chat-{name[:24]}", reasons.LEAKED, whose, None, who)
        handover.submit_order(counter.functions(), naming.REVOKE_FUNCTION, order, now)
    return True
