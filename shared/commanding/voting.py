"""Votes, counted from the log's signed rows; the hand-over once there are enough; and taking a
request back.

Whoever hands over, and whoever takes back, writes it first and then looks for the other: of two at
the same moment at least one sees the other, and nothing is issued that somebody was told is
cancelled.
"""

from __future__ import annotations

from collections.abc import Sequence

from shared import approvals, chat_log, handover, naming, tickets
from shared.approvals import Approved
from shared.audit import Attempt, Row
from shared.chat import grammar, words
from shared.chat import offers as signed
from shared.chat.grammar import Command
from shared.chat.messages import APPROVE, DETAILS, REJECT, Message, Reply
from shared.chat.offers import Offer
from shared.chat_log import CANCELLED, HANDED_OVER, VOTED, may_see, state_of
from shared.commanding.desk import Desk, Recorder, Replies, awaited, once_visible, refusal
from shared.commanding.grant_actions import ended
from shared.commanding.requesting import buttons, card, details
from shared.deliveries import Delivery
from shared.key_text import shortened
from shared.reasons import WITHDRAWN
from shared.refusals import Denied
from shared.tickets import Approval, Principal, Ticket

ENDABLE = ("at_work", "was_cancelled", "was_rejected")


def vote(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    text = chat_log.offer_of(rows, command.target, desk.key)
    if not text:
        yield Reply(desk.say("not_ours", ticket=command.target))
        return
    decision = APPROVE if command.verb == grammar.APPROVE else REJECT
    yield from vote_on(desk, who, decision, text, message, record, pressed=False)


def show(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    """All of a request, to those whose it is or who may decide."""
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    yield _shown(desk, who, command.target, chat_log.offer_of(rows, command.target, desk.key))


def _shown(desk: Desk, who: str, ticket: str, text: str) -> Reply:
    offer = chat_log.opened_ever(text, desk.key)
    if offer is None:
        return Reply(desk.say("not_ours", ticket=ticket))
    asked = chat_log.Grant("", ticket, offer.ticket.application, offer.ticket.environment,
                           offer.ticket.requester.email, "", "", ended=False)  # fmt: skip
    if not may_see(desk.rules, desk.people, who, asked):
        return Reply(desk.say("not_yours", ticket=ticket))
    return Reply(details(desk, offer))


def pressed(desk: Desk, who: str, message: Message, record: Recorder) -> Replies:
    """A button: it carries the request that it stands under."""
    if message.action != DETAILS:
        yield from vote_on(desk, who, message.action, message.offer, message, record)
        return
    offer = chat_log.opened_ever(message.offer, desk.key)
    if offer is None:
        yield refusal(desk, Denied("offer_unusable", "offer"))
    else:
        yield _shown(desk, who, offer.ticket.id, message.offer)


def vote_on(
    desk: Desk, who: str, decision: str, text: str, message: Message, record: Recorder, *,
    pressed: bool = True,
) -> Replies:  # fmt: skip
    """Count somebody's word, and hand the ticket over once there are enough."""
    offer = signed.opened(text, desk.key, desk.now())
    if isinstance(offer, Denied):
        yield refusal(desk, offer)
        return
    ticket, id = offer.ticket, offer.ticket.id
    attempt = record(id, ticket.application)
    attempt.base |= {"requester_id": ticket.requester.id, "approver_id": who,
                     "environment": ticket.environment}  # fmt: skip
    rows = chat_log.of_ticket(desk.audit_log, id, desk.now())
    if _by_this(attempt, rows) and state_of(rows) not in ("was_cancelled", "was_rejected"):
        yield from _served(desk, offer, rows, pressed)  # a former run of this message has died
        return
    state = state_of(rows)
    if state and not (state == "at_work" and decision == REJECT):
        yield from _too_late(desk, offer, rows, state)
        return
    if not desk.issuing and decision == APPROVE:
        yield Reply(desk.say("stopped"))
        return
    vote = Approval(Principal(who, who), decision, desk.now())
    denied = desk.terms.approval_refusal(ticket) or approvals.vote_refusal(
        ticket, vote, desk.rules, desk.now())  # fmt: skip
    if denied:
        yield refusal(desk, denied)
        return
    if decision in _of(who, rows, offer, desk):
        yield Reply(desk.say("voted_already", ticket=id))
    else:  # who has approved may still reject: that counts above all
        desk.audit_log.put_logs(chat_log.told(
            attempt, VOTED, desk.now(), reason=decision,
            message=signed.ballot(offer, who, decision, desk.key)))  # fmt: skip
        rows = once_visible(desk, id, lambda found: decision in _of(who, found, offer, desk))
        if chat_log.is_cancelled(rows):
            yield from _too_late(desk, offer, rows, "was_cancelled")
            return
    if decision == REJECT and chat_log.handed_over(rows):  # somebody's approval was in time
        yield from ended(desk, who, ticket.source, id, WITHDRAWN, message, public=True)
        return
    yield from _decided(desk, offer, rows, attempt, pressed)


def _of(who: str, rows: Sequence[Row], offer: Offer, desk: Desk) -> list[object]:
    """What somebody has decided so far; the last word of it counts."""
    return [one["decision"] for one in chat_log.votes(rows, offer, desk.key)
            if one["approver"] == {"id": who, "email": who}]  # fmt: skip


def _by_this(attempt: Attempt, rows: Sequence[Row]) -> bool:
    return any(row["operation_id"] == attempt.operation_id for row in chat_log.handed_over(rows))


def _too_late(desk: Desk, offer: Offer, rows: Sequence[Row], state: str) -> Replies:
    """Nobody can vote any more. What was handed over may have been lost on the way: it goes again,
    as one task."""
    id = offer.ticket.id
    if state == "at_work":
        ticket = _voted(desk, offer, rows)
        if isinstance(ticket, Ticket):
            _submitted(desk, offer, ticket)
    if state == "was_refused":
        yield Reply(_not_served(desk, id, chat_log.refusals(rows)[0]))
    else:
        yield Reply(desk.say(state, ticket=id))


def _voted(desk: Desk, offer: Offer, rows: Sequence[Row]) -> Ticket | Denied:
    """The ticket with the votes that there are."""
    content = tickets.canonical(offer.ticket) | {
        "status": "approved", "approvals": chat_log.votes(rows, offer, desk.key)}  # fmt: skip
    return tickets.parse(content, source=offer.ticket.source)


def _decided(
    desk: Desk, offer: Offer, rows: Sequence[Row], attempt: Attempt, pressed: bool
) -> Replies:
    ticket = _voted(desk, offer, rows)
    if isinstance(ticket, Denied):
        yield refusal(desk, ticket)
        return
    outcome = approvals.decide(ticket, desk.rules, desk.now())
    shown, names = card(desk, offer), _names(ticket)
    if isinstance(outcome, Approved):
        desk.audit_log.put_logs(chat_log.told(attempt, HANDED_OVER, desk.now()))
        rows = once_visible(desk, ticket.id, lambda found: _by_this(attempt, found))
        if (state := state_of(rows)) in ("was_cancelled", "was_rejected"):
            yield from _too_late(desk, offer, rows, state)
            return
        yield from _served(desk, offer, rows, pressed)
    elif outcome.reason == "approval_rejected":
        yield Reply(f"{shown}\n{desk.say('rejected_by', people=names)}", public=True,
                    replaces=pressed)  # fmt: skip
    elif outcome.reason == "approvals_missing":
        text = chat_log.offer_of(rows, ticket.id, desk.key)
        yield Reply(f"{shown}\n{desk.say('so_far', people=names)}", public=True, replaces=pressed,
                    buttons=buttons(desk, text) if pressed else ())  # fmt: skip
    else:
        yield refusal(desk, outcome)


def _names(ticket: Ticket) -> str:
    return ", ".join(vote.approver.email for vote in ticket.approvals)


def _served(desk: Desk, offer: Offer, rows: Sequence[Row], pressed: bool) -> Replies:
    """Hand it over, and tell the channel what came of it."""
    ticket = _voted(desk, offer, rows)
    if isinstance(ticket, Denied):
        yield refusal(desk, ticket)
        return
    if denied := _submitted(desk, offer, ticket):
        yield refusal(desk, denied)
        return
    yield Reply(f"{card(desk, offer)}\n{desk.say('approved_by', people=_names(ticket))}",
                public=True, replaces=pressed)  # fmt: skip
    yield came_of_it(desk, ticket)


def _submitted(desk: Desk, offer: Offer, ticket: Ticket) -> Denied | None:
    """Once, however often it is asked for."""
    delivery = Delivery(offer.type, offer.action, desk.now(), ticket)
    accepted = handover.submit(desk.functions, naming.ISSUE_FUNCTION, delivery, desk.now())
    return accepted if isinstance(accepted, Denied) else None


def came_of_it(desk: Desk, ticket: Ticket) -> Reply:
    """What the worker has put on record; never before it has."""
    def over(row: Row) -> bool:
        served = row["event_type"] in chat_log.SERVED and row["phase"] == "result"
        return row["event_type"] == chat_log.REFUSED or (served and row["outcome"] == "success")

    found = awaited(
        desk, lambda: chat_log.of_ticket(desk.audit_log, ticket.id, desk.now()), over)
    if found is None:
        return Reply(desk.say("at_work", ticket=ticket.id))
    if found["event_type"] == chat_log.REFUSED:
        return Reply(_not_served(desk, ticket.id, found), public=True)
    if found["event_type"] != "key.issued":
        return Reply(desk.say("served", ticket=ticket.id), public=True)
    secret = found["secret_name"]
    return Reply(desk.say("issued", ticket=ticket.id, secret=secret,
                          key_id=shortened(found["access_key_id"])), public=True)  # fmt: skip


def _not_served(desk: Desk, ticket: str, row: Row) -> str:
    reason = row["reason"].partition(" ")[0]
    return desk.say("not_served", ticket=ticket, reason=reason,
                    sentence=words.sentence(desk.language, reason))  # fmt: skip


def cancel(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    """Take a request back; one that was handed over is revoked, so that it never issues. Its card
    stays as it is: no press of it is answered here, and the next one is told."""
    id = command.target
    rows = chat_log.of_ticket(desk.audit_log, id, desk.now())
    offer = chat_log.opened_ever(chat_log.offer_of(rows, id, desk.key), desk.key)
    if offer is None:
        yield Reply(desk.say("not_ours", ticket=id))
        return
    if desk.rules.person(offer.ticket.requester.email) != desk.rules.person(who):
        yield Reply(desk.say("not_yours", ticket=id))
        return
    attempt = record(id, offer.ticket.application)
    attempt.base |= {"requester_id": who, "environment": offer.ticket.environment}
    state = state_of(rows)
    # Handed over: its end is ordered, again if need be, as a former order may never have left.
    if state and not (state in ENDABLE and chat_log.handed_over(rows)):
        yield from _too_late(desk, offer, rows, state)
        return
    if not chat_log.is_cancelled(rows):
        desk.audit_log.put_logs(chat_log.told(attempt, CANCELLED, desk.now()))
        rows = once_visible(desk, id, chat_log.is_cancelled)
    if chat_log.handed_over(rows):
        yield from ended(desk, who, offer.ticket.source, id, WITHDRAWN, message)
    else:
        yield Reply(desk.say("cancelled", ticket=id))
