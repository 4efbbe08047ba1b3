"""Which command a message is, and who does it."""

from __future__ import annotations

from collections.abc import Callable

from shared.chat import grammar, words
from shared.chat.grammar import Command, Misread
from shared.chat.messages import Message, Reply
from shared.commanding import break_glass, grant_actions, requesting, voting
from shared.commanding.desk import Desk, Recorder, Replies

Act = Callable[[Desk, str, Command, Message, Recorder], Replies]
ACTS: dict[str, Act] = {
    grammar.REQUEST: requesting.request, grammar.EXTEND: requesting.extend,
    grammar.APPROVE: voting.vote, grammar.REJECT: voting.vote, grammar.CANCEL: voting.cancel,
    grammar.BREAK_GLASS: break_glass.break_glass, grammar.REVIEW: break_glass.review,
    grammar.DISABLE: grant_actions.disable, grammar.ENABLE: grant_actions.enable,
    grammar.ROTATE: grant_actions.rotate, grammar.REVOKE: grant_actions.revoke,
}  # fmt: skip


def act(desk: Desk, message: Message, record: Recorder) -> Replies:
    """Do what the message asks; `record` starts the record of one ticket's action."""
    who = desk.people.of(message.kind, message.person)
    if not who:
        yield Reply(desk.say("unknown_person", person=message.person))
        return
    if message.action:
        yield from voting.vote_on(desk, who, message.action, message.offer, record)
        return
    command = grammar.parse(message.text)
    if isinstance(command, Misread):  # the ingress has told; this is another version's message
        yield Reply(words.misread(desk.language, command))
        return
    yield from ACTS[command.verb](desk, who, command, message, record)
