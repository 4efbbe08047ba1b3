"""What follows for a live grant: its key replaced, switched off and on, or its end. Answered to
whoever asked alone: of new keys and ends others hear by notifications."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from shared import chat_log, handover, naming, rotation_log
from shared.audit import FINDING, REVOKED, Row
from shared.chat.grammar import Command
from shared.chat.messages import Message, Reply
from shared.chat_log import Grant, is_theirs, may_see
from shared.commanding.desk import Desk, Recorder, Replies, awaited, refusal
from shared.key_text import shortened
from shared.orders import Order, Selector
from shared.reasons import ENDED, LEAKED, OFFBOARDED, WITHDRAWN
from shared.refusals import Denied
from shared.rotation import (
    ALREADY_DISABLED,
    ASKED,
    DISABLE,
    ENABLE,
    NOTHING_TO_ENABLE,
    REVOCATION_ON_RECORD,
    Asked,
)
from shared.rotation_runs import Wish
from shared.rotation_runs import payload as rotation_payload

# What people write for a reason to end.
SIGNS = {LEAKED: ("leak", "exposed", "泄露", "泄漏", "外泄"),
         OFFBOARDED: ("offboard", "resigned", "离职"), ENDED: ("到期",)}  # fmt: skip
# Of an AccessKey id: its end alone, or as `key_text.shortened` shows it and a chat's text has it.
ENDING = re.compile(r"(?:LTAI(?:…|\.\.\.))?([A-Za-z0-9]{4,8})")
UNCHANGED = (ALREADY_DISABLED, NOTHING_TO_ENABLE, REVOCATION_ON_RECORD)  # why a switch was not made


def rotate(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    grant = theirs(desk, who, command.target)
    if isinstance(grant, str):
        yield Reply(desk.say(grant, ticket=command.target))
        return
    if grant.disabled:
        yield Reply(desk.say("is_disabled", ticket=grant.ticket))
        return
    wish = Wish(grant.application, grant.environment, Asked(ASKED, ""))
    began = desk.now()
    desk.functions.invoke_async(
        naming.ROTATE_FUNCTION, rotation_payload(wish), _task(message, "rotate"))  # fmt: skip
    yield Reply(desk.say("rotating", ticket=grant.ticket))

    def rotated(row: Row) -> bool:
        return (row["event_type"], row["phase"], row["outcome"]) == (
            "key.rotated", "result", "success") and _is_of(grant, row, began)  # fmt: skip

    found = _awaited_for(desk, grant, rotated)
    yield Reply(desk.say("at_work", ticket=grant.ticket) if found is None else desk.say(
        "rotated", ticket=grant.ticket, secret=grant.secret,
        key_id=shortened(found["access_key_id"])))  # fmt: skip


def revoke(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    grant = theirs(desk, who, command.target)
    if isinstance(grant, str):
        yield Reply(desk.say(grant, ticket=command.target))
        return
    yield from ended(desk, who, grant.source, grant.ticket, _reason(command), message)


def ended(
    desk: Desk, who: str, source: str, ticket: str, reason: str, message: Message, *,
    public: bool = False,
) -> Replies:  # fmt: skip
    """Order the end of a ticket, whatever there is of it, and tell it once it is on record: to all
    if that is what came of a decision which everybody sees."""
    whose = Selector("ticket", source=source, ticket=ticket)
    order = Order(f"chat-{_digest(message)[:24]}", reason, whose, None, who)
    handover.submit_order(desk.functions, naming.REVOKE_FUNCTION, order, desk.now())
    yield Reply(desk.say("revoking", ticket=ticket, reason=reason), public=public)

    def over(row: Row) -> bool:
        return (row["event_type"], row["phase"], row["outcome"]) == (REVOKED, "result", "success")

    query = f'ticket_system: "{source}" and ticket_id: "{ticket}" and event_type: "{REVOKED}"'
    found = _awaited_by(desk, query, over)
    done = "at_work" if found is None else "revoked"
    yield Reply(desk.say(done, ticket=ticket), public=public and found is not None)


def _reason(command: Command) -> str:
    """Why it ends, as people say it; what is none of these is `withdrawn`."""
    said = f"{command.fields.get('purpose', '')} {command.words}".casefold()
    return next((reason for reason, signs in SIGNS.items()
                 if any(sign in said for sign in (reason, *signs))), WITHDRAWN)  # fmt: skip


def disable(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    """Its keys are switched off, by whom it concerns; nothing of it is deleted."""
    grant = theirs(desk, who, command.target)
    if isinstance(grant, str):
        yield Reply(desk.say(grant, ticket=command.target))
        return
    yield from _switched(desk, grant, message, DISABLE)


def enable(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    """What was switched off is given back: it takes who may approve there, where chats may."""
    grant = theirs(desk, who, command.target)
    if isinstance(grant, str):
        yield Reply(desk.say(grant, ticket=command.target))
        return
    if not desk.terms.may_be_approved(grant.environment):
        yield refusal(desk, Denied("chat_may_not_approve", "environment"))
        return
    if is_theirs(desk.rules, desk.people, who, grant):
        yield Reply(desk.say("not_to_enable", ticket=grant.ticket))
        return
    yield from _switched(desk, grant, message, ENABLE)


def _switched(desk: Desk, grant: Grant, message: Message, why: str) -> Replies:
    if not grant.secret:
        yield Reply(desk.say("no_key", ticket=grant.ticket))
        return
    off, began = why == DISABLE, desk.now()
    wish = Wish(grant.application, grant.environment, Asked(why, ""))
    desk.functions.invoke_async(naming.ROTATE_FUNCTION, rotation_payload(wish),
                                _task(message, why))  # fmt: skip
    yield Reply(desk.say("disabling" if off else "enabling", ticket=grant.ticket))

    def over(row: Row) -> bool:
        event, reason = row["event_type"], row["reason"]
        done = (event, row["outcome"], reason) == (
            rotation_log.DISABLED if off else rotation_log.ENABLED, "success",
            rotation_log.reason(why))  # fmt: skip
        return (done or (event == FINDING and reason in UNCHANGED)) and (
            chat_log.moment(row) >= began)  # fmt: skip

    found = _awaited_for(desk, grant, over)
    if found is None:
        yield Reply(desk.say("at_work", ticket=grant.ticket))
    elif found["event_type"] == FINDING:
        yield Reply(desk.say("not_switched", ticket=grant.ticket, reason=found["reason"]))
    else:
        yield Reply(desk.say("key_off" if off else "key_on", ticket=grant.ticket))


def theirs(desk: Desk, who: str, target: str) -> Grant | str:
    """The live grant of that ticket, or whose key's id ends so, if this person may act on it: who
    asked for it, who gets it, and who may approve for its application in its environment. Else
    which sentence says why not."""
    found = _live(desk, target)
    if not found and (ending := ENDING.fullmatch(target)):
        named = chat_log.tickets_of_key(desk.audit_log, ending[1], desk.now())
        found = [one for ticket in sorted({ticket for _, ticket in named})
                 for one in _live(desk, ticket) if (one.source, one.ticket) in named
                 and may_see(desk.rules, desk.people, who, one)]  # fmt: skip
    if len(found) != 1:
        return "which_grant" if found else "no_grant"
    return found[0] if may_see(desk.rules, desk.people, who, found[0]) else "not_yours"


def _live(desk: Desk, ticket: str) -> list[Grant]:
    return [one for one in chat_log.grants(desk.audit_log, desk.now(), ticket=ticket)
            if not one.ended]  # fmt: skip


def _is_of(grant: Grant, row: Row, since: datetime) -> bool:
    """Whether a row is about that grant, not about another one of its application."""
    return (row["ticket_system"], row["ticket_id"]) == (grant.source, grant.ticket) and (
        chat_log.moment(row) >= since)  # fmt: skip


def _awaited_for(desk: Desk, grant: Grant, wanted: Callable[[Row], bool]) -> Row | None:
    query = f'application: "{grant.application}" and environment: "{grant.environment}"'
    return _awaited_by(desk, query, wanted)


def _awaited_by(desk: Desk, query: str, wanted: Callable[[Row], bool]) -> Row | None:
    def rows() -> Sequence[Row]:
        now = desk.now()
        return desk.audit_log.get_logs(query, now - timedelta(hours=1), now + chat_log.AHEAD)

    return awaited(desk, rows, wanted)


def _task(message: Message, action: str) -> str:
    return naming.task_id(message.kind, _digest(message), action, "", 1)


_digest = handover.message_digest
