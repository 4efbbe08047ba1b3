"""What people ask for in a chat, done: requests, votes, and what follows for a grant.

Each function yields replies as there is something to say. Nothing is believed that was typed: who
somebody is says the chat's signature, what they saw the offer's, who has voted the audit log.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shared import approvals, chat_log, forms, handover, naming, policies, tickets
from shared.approvals import Approved
from shared.audit import REVOKED, Attempt, Row
from shared.chat import grammar, offers, words
from shared.chat.grammar import Command, Misread
from shared.chat.messages import APPROVE, REJECT, Button, Message, Reply
from shared.chat.offers import Offer
from shared.chat_log import CANCELLED, REQUESTED, VOTED, Grant
from shared.deliveries import Delivery
from shared.errors import StateChanged
from shared.fields import Refused
from shared.orders import Order, Selector
from shared.people import People
from shared.policies import Assets
from shared.ports import AuditLog, Functions
from shared.reasons import ALL as REASONS_TO_END
from shared.reasons import WITHDRAWN
from shared.refusals import REASONS, Denied
from shared.rotation import ASKED, Asked
from shared.rotation_runs import Wish
from shared.rotation_runs import payload as rotation_payload
from shared.rules import Rules
from shared.secrecy import Secret
from shared.templates import Template
from shared.tickets import Approval, Principal, Ticket

log = logging.getLogger(__name__)
OFF, NON_PRODUCTION, EVERYWHERE = "off", "non-production", "all"  # where a chat may approve
VISIBLE_SECONDS, PAUSE_SECONDS = 15.0, 0.5  # until a row that was written is found
SERVED = ("key.issued", "self_service.granted", "grant.extended", "grant.amended")


@dataclass(frozen=True)
class Desk:
    """What commands work with; `key` signs offers and ballots."""

    people: People
    rules: Rules
    templates: Mapping[str, Template]
    assets: Assets
    key: Secret
    chat_approvals: str
    most_requests: int  # of one person, within a day
    language: str
    issuing: bool
    functions: Functions
    audit_log: AuditLog
    account_id: str
    now: Callable[[], datetime]
    sleep: Callable[[float], None]
    remaining_seconds: Callable[[], float]

    def say(self, key: str, **values: object) -> str:
        return words.say(self.language, key, **values)


Replies = Iterator[Reply]


def act(desk: Desk, message: Message, record: Callable[[str, str], Attempt]) -> Replies:
    """Do what the message asks; `record` starts the record of one ticket's action."""
    who = desk.people.of(message.kind, message.person)
    if not who:
        yield Reply(desk.say("unknown_person", person=message.person))
        return
    if message.action:
        yield from _vote_on(desk, who, message.action, message.offer, record)
        return
    command = grammar.parse(message.text)
    if isinstance(command, Misread):  # the ingress has told; this is another version's message
        yield Reply(words.misread(desk.language, command))
        return
    acts: dict[str, Callable[[Desk, str, Command, Message, Any], Replies]] = {
        grammar.REQUEST: _request, grammar.APPROVE: _vote, grammar.REJECT: _vote,
        grammar.CANCEL: _cancel, grammar.ROTATE: _rotate, grammar.REVOKE: _revoke,
        grammar.EXTEND: _extend,
    }  # fmt: skip
    yield from acts[command.verb](desk, who, command, message, record)


def refusal(desk: Desk, denied: Denied) -> Reply:
    """In words: the reason, where, and what to do instead."""
    where = f" ({denied.where})" if denied.where else ""
    told = f"{denied.reason}{where}: {REASONS[denied.reason][1]}"
    return Reply(" ".join(filter(None, [desk.say("refused"), told, denied.advice])))


# -- asking ---------------------------------------------------------------------------------


def _request(
    desk: Desk, who: str, command: Command, message: Message, record: Callable[[str, str], Attempt]
) -> Replies:
    try:
        kind = forms.event_type(command.fields)
        content = forms.content(command.fields, account_id=desk.account_id)
    except Refused as refused:
        yield refusal(desk, refused.denied)
        return
    yield from _offered(desk, who, kind, content, message, record)


def _extend(
    desk: Desk, who: str, command: Command, message: Message, record: Callable[[str, str], Attempt]
) -> Replies:
    """A new request for what the ticket asked for, with a later end; of tickets made in a chat."""
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    first = _opened_ever(desk, chat_log.offer_of(rows))
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
    yield from _offered(desk, who, "accesskey.ticket.extended", asked, message, record)


def _offered(
    desk: Desk, who: str, kind: str, content: dict[str, Any], message: Message,
    record: Callable[[str, str], Attempt],
) -> Replies:  # fmt: skip
    """Put the request before the channel, with its buttons; nothing is made yet."""
    if not desk.issuing:
        yield Reply(desk.say("stopped"))
        return
    id = _ticket_id(message.event)
    if len(chat_log.asked_today(desk.audit_log, who, desk.now()) - {id}) >= desk.most_requests:
        yield refusal(desk, Denied("too_many_requests"))
        return
    ticket = tickets.parse(content | {
        "id": id, "url": message.url, "status": "pending", "approvals": [],
        "title": f"AccessKey for {content.get('application', '?')} (asked for in {message.kind})",
        "requester": {"id": who, "email": who},
    }, source=message.kind)  # fmt: skip
    if isinstance(ticket, Denied):
        yield refusal(desk, ticket)
        return
    if denied := _unacceptable(desk, ticket):
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
    _once_visible(desk, id, chat_log.offer_of)  # else `approve` and `list` would not know it yet
    yield Reply(_card(desk, offer), public=True, buttons=(
        Button(desk.say("approve"), APPROVE, text), Button(desk.say("reject"), REJECT, text)))


def _unacceptable(desk: Desk, ticket: Ticket) -> Denied | None:
    """What would be refused after the approval, told before anybody has to look at it."""
    if denied := approvals.terms_refusal(ticket, desk.rules) or _may_not_be_approved(desk, ticket):
        return denied
    document = policies.document(ticket, desk.templates, desk.assets)
    return document if isinstance(document, Denied) else None


def _may_not_be_approved(desk: Desk, ticket: Ticket) -> Denied | None:
    environment = desk.rules.environments.get(ticket.environment)
    production = environment is None or environment.is_production
    allowed = desk.chat_approvals == EVERYWHERE or (
        desk.chat_approvals == NON_PRODUCTION and not production)
    return None if allowed else Denied("chat_may_not_approve", "environment")


def _card(desk: Desk, offer: Offer) -> str:
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


def _ticket_id(event: str) -> str:
    """The same for the same message, so that a retry is no second request."""
    text = base64.b32encode(hashlib.sha256(event.encode()).digest()).decode()
    return f"AK-{text[:4]}-{text[4:8]}"


# -- deciding -------------------------------------------------------------------------------


def _vote(
    desk: Desk, who: str, command: Command, message: Message, record: Callable[[str, str], Attempt]
) -> Replies:
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    text = chat_log.offer_of(rows)
    if not text:
        yield Reply(desk.say("not_ours", ticket=command.target))
        return
    decision = APPROVE if command.verb == grammar.APPROVE else REJECT
    yield from _vote_on(desk, who, decision, text, record, pressed=False)


def _vote_on(
    desk: Desk, who: str, decision: str, text: str, record: Callable[[str, str], Attempt],
    *, pressed: bool = True,
) -> Replies:  # fmt: skip
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
    denied = _may_not_be_approved(desk, ticket) or approvals.vote_refusal(
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
        rows = _once_visible(desk, id, lambda found: any(
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
    card = _card(desk, offer)
    names = ", ".join(vote.approver.email for vote in ticket.approvals)
    if isinstance(outcome, Approved):
        delivery = Delivery(offer.type, offer.action, desk.now(), ticket)
        accepted = handover.submit(
            desk.functions, naming.ISSUE_FUNCTION, delivery, desk.now())  # fmt: skip
        if isinstance(accepted, Denied):
            yield refusal(desk, accepted)
            return
        yield Reply(f"{card}\n{desk.say('approved_by', people=names)}", public=True,
                    replaces=pressed)  # fmt: skip
        yield _came_of_it(desk, ticket)
    elif outcome.reason == "approval_rejected":
        yield Reply(f"{card}\n{desk.say('rejected_by', people=names)}", public=True,
                    replaces=pressed)  # fmt: skip
    elif outcome.reason == "approvals_missing":
        text = chat_log.offer_of(rows)
        buttons = (Button(desk.say("approve"), APPROVE, text),
                   Button(desk.say("reject"), REJECT, text)) if pressed else ()  # fmt: skip
        yield Reply(f"{card}\n{desk.say('so_far', people=names)}", public=True, replaces=pressed,
                    buttons=buttons)  # fmt: skip
    else:
        yield refusal(desk, outcome)


def _came_of_it(desk: Desk, ticket: Ticket) -> Reply:
    """What the worker has put on record; never before it has."""
    def ended(row: Row) -> bool:
        served = row["event_type"] in SERVED and row["phase"] == "result"
        return row["event_type"] == "ticket.rejected" or (served and row["outcome"] == "success")

    found = _awaited(desk, ticket.id, ended)
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


def shortened(key_id: str) -> str:
    """Enough to tell keys apart."""
    return f"{key_id[:4]}…{key_id[-4:]}" if key_id else "?"


def _awaited(desk: Desk, ticket: str, wanted: Callable[[Row], bool]) -> Row | None:
    while desk.remaining_seconds() > 0:
        rows = chat_log.of_ticket(desk.audit_log, ticket, desk.now())
        if found := next((row for row in rows if wanted(row)), None):
            return found
        desk.sleep(PAUSE_SECONDS)
    return None


def _once_visible(
    desk: Desk, ticket: str, shows: Callable[[Sequence[Row]], object]
) -> Sequence[Row]:
    """The ticket's rows once what was just written is among them: then, most likely, what others
    wrote before is, too. Of votes, whoever presses again counts again, should that not be so."""
    for _ in range(int(VISIBLE_SECONDS / PAUSE_SECONDS)):
        rows = chat_log.of_ticket(desk.audit_log, ticket, desk.now())
        if shows(rows):
            return rows
        desk.sleep(PAUSE_SECONDS)
    raise StateChanged(f"ticket {ticket}: what was written is not visible yet")


def _cancel(
    desk: Desk, who: str, command: Command, message: Message, record: Callable[[str, str], Attempt]
) -> Replies:
    rows = chat_log.of_ticket(desk.audit_log, command.target, desk.now())
    offer = _opened_ever(desk, chat_log.offer_of(rows))
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


def _opened_ever(desk: Desk, text: str) -> Offer | None:
    """An offer of ours, however old."""
    found = offers.opened(text, desk.key, datetime.min.replace(tzinfo=desk.now().tzinfo))
    return found if isinstance(found, Offer) else None


# -- what follows for a grant ---------------------------------------------------------------


def _rotate(
    desk: Desk, who: str, command: Command, message: Message, record: Callable[[str, str], Attempt]
) -> Replies:
    grant = _theirs(desk, who, command.target)
    if isinstance(grant, str):
        yield Reply(desk.say(grant, ticket=command.target))
        return
    wish = Wish(grant.application, grant.environment, Asked(ASKED, ""))
    began = desk.now()
    desk.functions.invoke_async(
        naming.ROTATE_FUNCTION, rotation_payload(wish), _task(message, "rotate"))  # fmt: skip
    yield Reply(desk.say("rotating", ticket=grant.ticket), public=True)

    def rotated(row: Row) -> bool:
        return (row["event_type"], row["phase"], row["outcome"]) == (
            "key.rotated", "result", "success") and chat_log.moment(row) >= began  # fmt: skip

    found = _awaited_for(desk, grant, rotated)
    yield Reply(desk.say("at_work", ticket=grant.ticket) if found is None else desk.say(
        "rotated", ticket=grant.ticket, secret=grant.secret,
        key_id=shortened(found["access_key_id"])), public=found is not None)  # fmt: skip


def _revoke(
    desk: Desk, who: str, command: Command, message: Message, record: Callable[[str, str], Attempt]
) -> Replies:
    grant = _theirs(desk, who, command.target)
    if isinstance(grant, str):
        yield Reply(desk.say(grant, ticket=command.target))
        return
    given = command.fields.get("purpose", "").casefold()
    reason = given if given in REASONS_TO_END else WITHDRAWN
    whose = Selector("ticket", source=grant.source, ticket=grant.ticket)
    order = Order(f"chat-{_digest(message)[:24]}", reason, whose, None, who)
    handover.submit_order(desk.functions, naming.REVOKE_FUNCTION, order, desk.now())
    yield Reply(desk.say("revoking", ticket=grant.ticket, reason=reason), public=True)

    def over(row: Row) -> bool:
        return (row["event_type"], row["outcome"]) == (REVOKED, "success")

    found = _awaited_for(desk, grant, over)
    done = "at_work" if found is None else "revoked"
    yield Reply(desk.say(done, ticket=grant.ticket), public=found is not None)


def _theirs(desk: Desk, who: str, ticket: str) -> Grant | str:
    """The live grant of that ticket, if this person may act on it: who asked for it, and who may
    approve in its environment. Else which sentence says why not."""
    found = [one for one in chat_log.grants(desk.audit_log, desk.now(), ticket=ticket)
             if not one.ended]  # fmt: skip
    if len(found) != 1:
        return "no_grant"
    return found[0] if may_see(desk.rules, who, found[0]) else "not_yours"


def may_see(rules: Rules, who: str, grant: Grant) -> bool:
    """Whether a grant is somebody's: they asked for it, or may approve in its environment."""
    person, environment = rules.person(who), rules.environments.get(grant.environment)
    everybody = environment.everybody if environment else frozenset()
    return person == rules.person(grant.requester) or person in everybody


def _awaited_for(desk: Desk, grant: Grant, wanted: Callable[[Row], bool]) -> Row | None:
    query = f'application: "{grant.application}" and environment: "{grant.environment}"'
    while desk.remaining_seconds() > 0:
        now = desk.now()
        rows = desk.audit_log.get_logs(query, now - timedelta(hours=1), now + chat_log.AHEAD)
        if found := next((row for row in rows if wanted(row)), None):
            return found
        desk.sleep(PAUSE_SECONDS)
    return None


def _task(message: Message, action: str) -> str:
    return naming.task_id(message.kind, _digest(message), action, "", 1)


_digest = handover.message_digest
