"""Votes, counted from the log's signed rows; and the hand-over once there are enough."""

from __future__ import annotations

from collections.abc import Sequence

from shared import approvals, chat_log, handover, naming, tickets
from shared.approvals import Approved
from shared.audit import Row
from shared.chat import grammar, offers
from shared.chat.grammar import Command
from shared.chat.messages import APPROVE, REJECT, Button, Message, Reply
from shared.chat.offers import Offer
from shared.chat_log import CANCELLED, VOTED, shortened
from shared.commanding.desk import Desk, Recorder, Replies, awaited, once_visible, refusal
from shared.commanding.requesting import card, opened_ever
from shared.deliveries import Delivery
from shared.refusals import REASONS, Denied
from shared.tickets import Approval, Principal, Ticket

SERVED = ("key.issued", "self_service.granted", "grant.extended", "grant.amended")


def vote(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    text = chat_log.offer_of(rows)
    if not text:
        yield Reply(desk.say("not_ours", ticket=command.target))
        return
    decision = APPROVE if command.verb == grammar.APPROVE else REJECT
    yield from vote_on(desk, who, decision, text, record, pressed=False)


def vote_on(
    desk: Desk, who: str, decision: str, text: str, record: Recorder, *, pressed: bool = True
) -> Replies:
    """Count somebody's word, and hand the ticket over once there are enough."""
    offer = offers.opened(text, desk.key, desk.now())
    if isinstance(offer, Denied):
        yield refusal(desk, offer)
        return
    ticket, id = offer.ticket, offer.ticket.id
    rows = chat_log.of_ticket(desk.audit_log, id, desk.now())
    if state := _closed(rows):
        yield Reply(desk.say(state, ticket=id))
        return
    person = Principal(who, who)
    vote = Approval(person, decision, desk.now())
    denied = desk.terms.approval_refusal(ticket) or approvals.vote_refusal(
        ticket, vote, desk.rules, desk.now())  # fmt: skip
    if denied:
        yield refusal(desk, denied)
        return
    before = chat_log.votes(rows, offer, desk.key)
    if any(one["approver"] == {"id": who, "email": who} for one in before):
        yield Reply(desk.say("voted_already", ticket=id))
    else:
        attempt = record(id, ticket.application)
        attempt.base |= {"requester_id": ticket.requester.id, "approver_id": who,
                         "environment": ticket.environment}  # fmt: skip
        desk.audit_log.put_logs(chat_log.told(
            attempt, VOTED, desk.now(), reason=decision,
            message=offers.ballot(offer, who, decision, desk.key)))  # fmt: skip
        rows = once_visible(desk, id, lambda found: any(
            one["approver"] == {"id": who, "email": who}
            for one in chat_log.votes(found, offer, desk.key)))  # fmt: skip
    yield from _decided(desk, offer, rows, pressed)


def _closed(rows: Sequence[Row]) -> str:
    """Why nobody can vote any more; empty if they can."""
    if chat_log.is_cancelled(rows):
        return "was_cancelled"
    if any(row["event_type"] == VOTED and row["reason"] == REJECT for row in rows):
        return "was_rejected"
    return "was_served" if any(row["event_type"] in SERVED for row in rows) else ""


def _decided(desk: Desk, offer: Offer, rows: Sequence[Row], pressed: bool) -> Replies:
    content = tickets.canonical(offer.ticket) | {
        "status": "approved", "approvals": chat_log.votes(rows, offer, desk.key)}  # fmt: skip
    ticket = tickets.parse(content, source=offer.ticket.source)
    if isinstance(ticket, Denied):
        yield refusal(desk, ticket)
        return
    outcome = approvals.decide(ticket, desk.rules, desk.now())
    shown = card(desk, offer)
    names = ", ".join(vote.approver.email for vote in ticket.approvals)
    if isinstance(outcome, Approved):
        delivery = Delivery(offer.type, offer.action, desk.now(), ticket)
        accepted = handover.submit(
            desk.functions, naming.ISSUE_FUNCTION, delivery, desk.now())  # fmt: skip
        if isinstance(accepted, Denied):
            yield refusal(desk, accepted)
            return
        yield Reply(f"{shown}\n{desk.say('approved_by', people=names)}", public=True,
                    replaces=pressed)  # fmt: skip
        yield came_of_it(desk, ticket)
    elif outcome.reason == "approval_rejected":
        yield Reply(f"{shown}\n{desk.say('rejected_by', people=names)}", public=True,
                    replaces=pressed)  # fmt: skip
    elif outcome.reason == "approvals_missing":
        text = chat_log.offer_of(rows)
        buttons = (Button(desk.say("approve"), APPROVE, text),
                   Button(desk.say("reject"), REJECT, text)) if pressed else ()  # fmt: skip
        yield Reply(f"{shown}\n{desk.say('so_far', people=names)}", public=True, replaces=pressed,
                    buttons=buttons)  # fmt: skip
    else:
        yield refusal(desk, outcome)


def came_of_it(desk: Desk, ticket: Ticket) -> Reply:
    """What the worker has put on record; never before it has."""
    def ended(row: Row) -> bool:
        served = row["event_type"] in SERVED and row["phase"] == "result"
        return row["event_type"] == "ticket.rejected" or (served and row["outcome"] == "success")

    found = awaited(
        desk, lambda: chat_log.of_ticket(desk.audit_log, ticket.id, desk.now()), ended)
    if found is None:
        return Reply(desk.say("at_work", ticket=ticket.id))
    if found["event_type"] == "ticket.rejected":
        reason = found["reason"].partition(" ")[0]
        sentence = REASONS.get(reason, (0, ""))[1]
        return Reply(desk.say("not_served", ticket=ticket.id, reason=reason, sentence=sentence),
                     public=True)  # fmt: skip
    if found["event_type"] != "key.issued":
        return Reply(desk.say("served", ticket=ticket.id), public=True)
    secret = found["secret_name"]
    return Reply(desk.say("issued", ticket=ticket.id, secret=secret,
                          key_id=shortened(found["access_key_id"])), public=True)  # fmt: skip


def cancel(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    offer = opened_ever(desk, chat_log.offer_of(rows))
    if offer is None:
        yield Reply(desk.say("not_ours", ticket=command.target))
    elif offer.ticket.requester.email != who:
        yield Reply(desk.say("not_yours", ticket=command.target))
    elif state := _closed(rows):
        yield Reply(desk.say(state, ticket=command.target))
    else:
        attempt = record(command.target, offer.ticket.application)
        attempt.base |= {"requester_id": who, "environment": offer.ticket.environment}
        desk.audit_log.put_logs(chat_log.told(attempt, CANCELLED, desk.now()))
        yield Reply(desk.say("cancelled", ticket=command.target), public=True)
