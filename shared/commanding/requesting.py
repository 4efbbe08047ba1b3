"""A request, or a longer end, put before a channel: nothing is made by it yet."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime
from typing import Any

from shared import chat_log, forms, tickets
from shared.chat import offers, terms
from shared.chat.grammar import Command
from shared.chat.messages import APPROVE, REJECT, Button, Message, Reply
from shared.chat.offers import Offer
from shared.chat_log import REQUESTED
from shared.commanding.desk import Desk, Recorder, Replies, once_visible, refusal
from shared.fields import Refused
from shared.refusals import Denied


def request(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    try:
        kind = forms.event_type(command.fields)
        content = forms.content(command.fields, account_id=desk.account_id)
    except Refused as refused:
        yield refusal(desk, refused.denied)
        return
    yield from offered(desk, who, kind, content, message, record)


def extend(desk: Desk, who: str, command: Command, message: Message, record: Recorder) -> Replies:
    """A new request for what the ticket asked for, with a later end; of tickets made in a chat."""
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    first = opened_ever(desk, chat_log.offer_of(rows))
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
    yield from offered(desk, who, "accesskey.ticket.extended", asked, message, record)


def offered(
    desk: Desk, who: str, kind: str, content: dict[str, Any], message: Message, record: Recorder
) -> Replies:
    """Put the request before the channel, with its buttons; nothing is made yet."""
    if not desk.issuing:
        yield Reply(desk.say("stopped"))
        return
    id = ticket_id(message.event)
    if len(chat_log.asked_today(desk.audit_log, who, desk.now()) - {id}) >= desk.most_requests:
        yield refusal(desk, Denied("too_many_requests"))
        return
    ticket = terms.ticket_of(content, id=id, url=message.url, kind=message.kind, who=who)
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
    once_visible(desk, id, chat_log.offer_of)  # else `approve` and `list` would not know it yet
    yield Reply(card(desk, offer), public=True, buttons=(
        Button(desk.say("approve"), APPROVE, text), Button(desk.say("reject"), REJECT, text)))


def card(desk: Desk, offer: Offer) -> str:
    """What everybody in the channel may see: who, for what, how long; no parameters."""
    ticket = offer.ticket
    return desk.say(
        "card", ticket=ticket.id, requester=ticket.requester.email, action=offer.action,
        application=ticket.application, environment=ticket.environment,
        templates=", ".join(one.template for one in ticket.permissions),
        days=_lifetime(ticket.ttl_seconds),
        quorum=desk.rules.environments[ticket.environment].quorum,
    )  # fmt: skip


def _lifetime(seconds: int) -> str:
    return f"{seconds // 86_400} d" if seconds % 86_400 == 0 else f"{seconds // 3600} h"


def ticket_id(event: str) -> str:
    """The same for the same message, so that a retry is no second request."""
    text = base64.b32encode(hashlib.sha256(event.encode()).digest()).decode()
    return f"AK-{text[:4]}-{text[4:8]}"


def opened_ever(desk: Desk, text: str) -> Offer | None:
    """An offer of ours, however old."""
    found = offers.opened(text, desk.key, datetime.min.replace(tzinfo=desk.now().tzinfo))
    return found if isinstance(found, Offer) else None
