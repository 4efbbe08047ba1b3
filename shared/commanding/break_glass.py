"""Access in an incident without anybody's approval, told to everybody; and its review."""

from __future__ import annotations

from datetime import datetime

from shared import approvals, chat_log, forms, handover, naming, policies, tickets, timestamps
from shared.audit import BROKEN_GLASS, REVIEWED, SUCCESS, Attempt, Row
from shared.chat.grammar import Command
from shared.chat.messages import Message, Reply
from shared.chat_log import HANDED_OVER
from shared.commanding.desk import Desk, Recorder, Replies, once_visible, refusal
from shared.commanding.requesting import ticket_id
from shared.commanding.voting import came_of_it
from shared.deliveries import Delivery
from shared.fields import Refused
from shared.refusals import Denied
from shared.tickets import APPROVE, Ticket

KIND = "accesskey.ticket.approved"


def break_glass(
    desk: Desk, who: str, command: Command, message: Message, record: Recorder
) -> Replies:
    """By the chat's signature we know who asks; whether they may is decided again by the worker."""
    if not desk.issuing:
        yield Reply(desk.say("stopped"))
        return
    attempt = record(ticket_id(message.event), "")
    attempt.base |= {"requester_id": who}
    asked_at = _asked_at(desk, attempt)
    wish = _wish(desk, who, command, message, asked_at or _to_the_millisecond(desk.now()))
    if isinstance(wish, Denied):
        yield refusal(desk, wish)
        return
    if asked_at is None:  # so that a run after this one hands over the very same
        attempt.base |= {"application": wish.ticket.application,
                         "environment": wish.ticket.environment}  # fmt: skip
        desk.audit_log.put_logs(chat_log.told(attempt, HANDED_OVER, wish.sent_at))
    accepted = handover.submit(desk.functions, naming.ISSUE_FUNCTION, wish, desk.now())
    if isinstance(accepted, Denied):
        yield refusal(desk, accepted)
        return
    ticket = wish.ticket
    yield Reply(desk.say(
        "glass_broken", ticket=ticket.id, requester=who, incident=wish.incident,
        application=ticket.application, environment=ticket.environment,
        templates=", ".join(one.template for one in ticket.permissions),
        hours=ticket.ttl_seconds // 3600), public=True)  # fmt: skip
    yield came_of_it(desk, ticket)


def _asked_at(desk: Desk, attempt: Attempt) -> datetime | None:
    """When this very message was taken, by a run that has died since; None if none has."""
    rows = chat_log.of_ticket(desk.audit_log, attempt.base["ticket_id"], desk.now())
    mine = [row for row in chat_log.handed_over(rows)
            if row["operation_id"] == attempt.operation_id]  # fmt: skip
    return chat_log.moment(mine[0]) if mine else None


def _to_the_millisecond(at: datetime) -> datetime:
    """As a row will say it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def _wish(
    desk: Desk, who: str, command: Command, message: Message, at: datetime
) -> Delivery | Denied:
    fields = dict(command.fields)
    incident = fields.pop("incident")
    glass = desk.rules.break_glass
    if glass is None:
        return Denied("break_glass_off")
    fields.setdefault("ttl", f"{glass.ttl_max_seconds // 3600}h")
    if "action" in fields or not handover.INCIDENT.fullmatch(incident):
        return Denied("invalid_value", "action" if "action" in fields else "incident")
    try:
        content = forms.content(fields, account_id=desk.account_id)
    except Refused as refused:
        return refused.denied
    person = {"id": who, "email": who}
    ticket = tickets.parse(content | {
        "id": ticket_id(message.event), "url": message.url, "status": "approved",
        "title": f"Break-glass for {incident}", "requester": person,
        "approvals": [{"approver": person, "decision": APPROVE,
                       "at": timestamps.text(at)}],
    }, source=message.kind)  # fmt: skip
    if isinstance(ticket, Denied):
        return ticket
    denied = _unacceptable(desk, ticket, incident)
    return denied or Delivery(KIND, "issue", at, ticket, incident)


def _unacceptable(desk: Desk, ticket: Ticket, incident: str) -> Denied | None:
    outcome = approvals.break_glass(ticket, incident, desk.rules, desk.now())
    if isinstance(outcome, Denied):
        return outcome
    document = policies.document(ticket, desk.terms.templates, desk.terms.assets)
    return document if isinstance(document, Denied) else None


def _is_use(row: Row) -> bool:
    return (row["policy_decision"], row["phase"], row["outcome"]) == (
        BROKEN_GLASS, "result", SUCCESS) and row["event_type"] in chat_log.SERVED  # fmt: skip


def review(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    """Somebody else who may approve there has looked at it, and names the ticket that says so."""
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    used = next((row for row in rows if _is_use(row)), None)
    given = command.fields["ticket"]
    if used is None:
        yield Reply(desk.say("no_glass_broken", ticket=command.target))
        return
    environment = desk.rules.environment(used["environment"], used["application"])
    person, everybody = desk.rules.person(who), environment.everybody if environment else ()
    if person not in everybody or person == desk.rules.person(used["requester_id"]):
        yield Reply(desk.say("may_not_review", ticket=command.target))
    elif any(row["event_type"] == REVIEWED for row in rows):
        yield Reply(desk.say("reviewed_already", ticket=command.target))
    elif not handover.INCIDENT.fullmatch(given):
        yield refusal(desk, Denied("invalid_value", "ticket"))
    else:
        attempt = record(command.target, used["application"])
        attempt.base |= {"requester_id": used["requester_id"], "approver_id": who,
                         "environment": used["environment"]}  # fmt: skip
        desk.audit_log.put_logs(chat_log.told(attempt, REVIEWED, desk.now(), reason=given))
        once_visible(desk, command.target, lambda found: any(
            row["event_type"] == REVIEWED for row in found))  # fmt: skip
        yield Reply(desk.say("reviewed", ticket=command.target, person=who, review=given),
                    public=True)  # fmt: skip
