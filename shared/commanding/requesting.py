"""A request, or a longer end, put before a channel: nothing is made by it yet."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from typing import Any

from shared import chat_log, forms, tickets
from shared.chat import offers, terms
from shared.chat.grammar import Command
from shared.chat.messages import APPROVE, DETAILS, REJECT, Button, Message, Reply
from shared.chat.offers import Offer
from shared.chat_log import REQUESTED
from shared.commanding.desk import Desk, Recorder, Replies, once_visible, refusal
from shared.commanding.grant_actions import theirs
from shared.fields import Refused
from shared.refusals import Denied
from shared.tickets import Ticket

DAY = timedelta(days=1)


def request(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    try:
        kind = forms.event_type(command.fields)
        content = forms.content(command.fields, account_id=desk.account_id)
    except Refused as refused:
        yield refusal(desk, refused.denied)
        return
    yield from offered(desk, who, kind, content, message, record)


def extend(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    """A new request for what a live grant has, with a later end; of grants from a chat. Whose grant
    it is cannot decide on it, whoever asks."""
    grant = theirs(desk, who, command.target)
    if isinstance(grant, str):
        yield Reply(desk.say(grant, ticket=command.target))
        return
    rows = chat_log.of_ticket(desk.audit_log, grant.ticket, desk.now())
    text = chat_log.offer_of(rows, grant.ticket, desk.key)
    first = chat_log.opened_ever(text, desk.key)
    if first is None:
        yield Reply(desk.say("not_ours", ticket=command.target))
        return
    try:
        seconds = forms.seconds(command.fields["ttl"])
    except Refused as refused:
        yield refusal(desk, refused.denied)
        return
    content = tickets.canonical(first.ticket)
    asked = {name: content[name] for name in content
             if name not in ("id", "url", "title", "status", "requester", "approvals")}  # fmt: skip
    asked |= {"ttl_seconds": seconds, "purpose": command.fields["purpose"]}
    if not chat_log.is_theirs(desk.rules, desk.people, who, grant):
        if first.ticket.beneficiary is not None:  # a ticket names one person beside its requester
            yield Reply(desk.say("not_yours", ticket=command.target))
            return
        asked["beneficiary"] = {"id": grant.requester, "email": grant.requester}
    yield from offered(desk, who, "accesskey.ticket.extended", asked, message, record)


def offered(
    desk: Desk, who: str, kind: str, content: dict[str, Any], message: Message, record: Recorder
) -> Replies:
    """Put the request before the channel, with its buttons; nothing is made yet."""
    if not desk.issuing:
        yield Reply(desk.say("stopped"))
        return
    id = ticket_id(message.event)
    today = chat_log.asked_today(desk.audit_log, desk.rules, who, desk.now())
    if len(today - {id}) >= desk.most_requests:
        yield refusal(desk, Denied("too_many_requests"))
        return
    ticket = _asked_for(desk, who, content, id, message)
    if isinstance(ticket, Denied):
        yield refusal(desk, ticket)
        return
    if denied := desk.terms.refusal(ticket):
        yield refusal(desk, denied)
        return
    offer = Offer(kind, ticket, desk.now() + offers.LIFETIME)
    text = offers.sealed(offer, desk.key)
    if isinstance(text, Denied):
        yield refusal(desk, text)
        return
    attempt = record(id, ticket.application)
    attempt.base |= {"requester_id": who, "environment": ticket.environment}
    desk.audit_log.put_logs(chat_log.told(attempt, REQUESTED, desk.now(), message=text))
    # Else `approve` and `list` would not know it yet.
    once_visible(desk, id, lambda rows: chat_log.offer_of(rows, id, desk.key))
    yield Reply(card(desk, offer), public=True, buttons=buttons(desk, text))


def _asked_for(
    desk: Desk, who: str, content: dict[str, Any], id: str, message: Message
) -> Ticket | Denied:
    """For somebody whom we know, of an extension too: they might have left, or never been known."""
    try:
        content = forms.for_somebody_known(
            content, lambda text: desk.people.named(message.kind, text, message.person))
    except Refused as refused:
        return refused.denied
    return terms.ticket_of(content, id=id, url=message.url, kind=message.kind, who=who)


def buttons(desk: Desk, text: str) -> tuple[Button, ...]:
    """Of a request that may be decided."""
    return tuple(Button(desk.say(action), action, text) for action in (APPROVE, REJECT, DETAILS))


def card(desk: Desk, offer: Offer) -> str:
    """What everybody in the channel may see: who, for whom and what, how long; the rest is told to
    those who ask for it, and may know it."""
    ticket = offer.ticket
    told = desk.say(
        "card", ticket=ticket.id, requester=ticket.requester.email, action=offer.action,
        application=ticket.application, environment=ticket.environment,
        templates=", ".join(one.template for one in ticket.permissions),
        days=_lifetime(ticket.ttl_seconds),
        quorum=desk.rules.environments[ticket.environment].quorum,
    )  # fmt: skip
    if ticket.beneficiary:
        told += "\n" + desk.say("card_for", person=ticket.beneficiary.email)
    if ticket.replaces:
        told += "\n" + desk.say("card_replaces", user=ticket.replaces)
    return told


def details(desk: Desk, offer: Offer) -> str:
    """All that is asked for, for those who decide."""
    ticket = offer.ticket
    permissions = "\n".join(
        f"  {one.template}: " + " ".join(f"{k}={v}" for k, v in sorted(one.parameters.items()))
        for one in ticket.permissions)  # fmt: skip
    return card(desk, offer) + "\n" + desk.say(
        "all_of_it", purpose=ticket.purpose, use_case=ticket.use_case, permissions=permissions,
        readers=", ".join(arn.rpartition("/")[2] for arn in ticket.consumers) or "-",
        addresses=", ".join(ticket.source_ips) or "-",
        alternative=ticket.alternative_considered or "-", rotation=_rotation(ticket),
    )  # fmt: skip


def _rotation(ticket: Ticket) -> str:
    given = (ticket.rotation_days, ticket.rotation_wait_days)
    return " + ".join(f"{days} d" for days in given if days is not None) or "-"


def _lifetime(seconds: int) -> str:
    whole_days = seconds % DAY.total_seconds() == 0
    return f"{seconds // 86_400} d" if whole_days else f"{seconds // 3600} h"


def ticket_id(event: str) -> str:
    """The same for the same message, so that a retry is no second request."""
    text = base64.b32encode(hashlib.sha256(event.encode()).digest()).decode()
    return f"AK-{text[:4]}-{text[4:8]}"
