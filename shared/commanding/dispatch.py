"""Which command a message is, and who does it."""

from __future__ import annotations

import logging
from collections.abc import Callable

from shared.chat import grammar, words
from shared.chat.grammar import Command, Misread
from shared.chat.messages import Message, Reply
from shared.commanding import break_glass, grant_actions, requesting, voting
from shared.commanding.desk import Desk, Recorder, Replies
from shared.errors import CloudError, StateChanged

log = logging.getLogger(__name__)
Act = Callable[[Desk, str, Command, Message, Recorder], Replies]
ACTS: dict[str, Act] = {
    grammar.REQUEST: requesting.request, grammar.EXTEND: requesting.extend,
    grammar.APPROVE: voting.vote, grammar.REJECT: voting.vote, grammar.CANCEL: voting.cancel,
    grammar.SHOW: voting.show, grammar.REVIEW: break_glass.review,
    grammar.BREAK_GLASS: break_glass.break_glass,
    grammar.DISABLE: grant_actions.disable, grammar.ENABLE: grant_actions.enable,
    grammar.ROTATE: grant_actions.rotate, grammar.REVOKE: grant_actions.revoke,
}  # fmt: skip


def answers(desk: Desk, message: Message, record: Recorder) -> Replies:
    """What `act` has to say; of a failure that it did fail: nobody is left without a word."""
    try:
        yield from act(desk, message, record)
    except (CloudError, StateChanged) as err:
        log.error("not done: %s", err)
        yield Reply(desk.say("unavailable"))


def act(desk: Desk, message: Message, record: Recorder) -> Replies:
    """Do what the message asks; `record` starts the record of one ticket's action."""
    who = desk.people.of(message.kind, message.person)
    if not who:
        yield Reply(desk.say("unknown_person", person=message.person))
        return
    if message.action:
        yield from voting.pressed(desk, who, message, record)
        return
    command = grammar.parse(message.text)
    if isinstance(command, Misread):  # the ingress has told; this is another version's message
        yield Reply(words.misread(desk.language, command))
        return
    yield from ACTS[command.verb](desk, who, command, message, record)
