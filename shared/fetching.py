"""From a hint to a ticket: fetch the record, read it, hand what it decides over.

An event is not believed: it only says where to look. What the record asks for, and who agreed, is
decided by the worker that gets the ticket, as for every other one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared import audit, handover, hints, key_text, reasons, rejections
from shared.audit import Attempt
from shared.errors import RecordPending
from shared.handover import Accepted
from shared.hints import Hint
from shared.orders import Order, Selector
from shared.people import People
from shared.places import Place
from shared.ports import AuditLog, Functions, Records
from shared.records import record as records
from shared.records.record import CLOSED, PENDING, WITHDRAWN, Record, Standing, Vote
from shared.refusals import Denied
from shared.tickets import REJECT

FETCHED, IGNORED = "record.fetched", "record.ignored"
REVOKE = "revoke"  # the reason of a row whose record has withdrawn another, or itself
NOT_DECIDED = "not approved"


@dataclass(frozen=True)
class Vendor:
    """One source: its place, how to read where its records are, what they ask for and who has voted
    so far, and their API once it is needed. If its events say that a record is decided, one that is
    not is asked for again. An approved record that is `withdrawn_in_place` stays the same one."""

    place: Place
    standing: Callable[[str, Mapping[str, Any], Place], Standing | Denied]
    read: Callable[[str, Mapping[str, Any], Place], Record | Denied]
    votes: Callable[[Mapping[str, Any], Place], tuple[Vote, ...] | Denied]
    records: Callable[[], Records]
    events_say_decided: bool
    withdrawn_in_place: bool


@dataclass(frozen=True)
class Fetcher:
    """What a run works with."""

    vendors: Mapping[str, Vendor]
    people: People
    account_id: str
    functions: Functions
    issue_function: str
    revoke_function: str
    audit_log: AuditLog
    now: Callable[[], datetime]


@dataclass(frozen=True)
class Ignored:
    """A record that decides nothing: it was turned down, or is not decided yet."""

    record: str


Fetched = Accepted | Ignored | Denied


def fetch(run: Fetcher, hint: Hint, record: Attempt) -> Fetched:
    """The record that the hint names, handed over; every outcome is a row, written last.

    Raises RecordPending where the vendor does not show the decision yet, CloudError.
    """
    vendor = run.vendors.get(hint.kind)
    if vendor is None:
        return Denied("source_not_enabled")
    try:
        return served(run, vendor, hint, vendor.records().get(hint.record), record)
    except RecordPending:
        if vendor.events_say_decided or hint.withdrawn:
            raise
        return Ignored(hint.record)


def served(
    run: Fetcher, vendor: Vendor, hint: Hint, content: Mapping[str, Any] | None, record: Attempt
) -> Fetched:
    """The record's content, None if it is not there, handed over, with its row."""
    outcome, facts = _decided(run, vendor, hint, content, record)
    if isinstance(outcome, Denied):
        rows = audit.refusal(record, outcome, run.now())
    elif isinstance(outcome, Ignored):
        rows = record.note(IGNORED, run.now(), outcome=audit.SKIPPED, reason=NOT_DECIDED)
    else:
        rows = _told(record, outcome, content or {}, facts, run.now())
    run.audit_log.put_logs(rows)  # last: a record that has a row is not looked for again
    return outcome


def _decided(
    run: Fetcher, vendor: Vendor, hint: Hint, content: Mapping[str, Any] | None, record: Attempt
) -> tuple[Fetched, dict[str, str]]:
    """What comes of the record, handed over; and what its row is to say of it."""
    if content is None:
        return Denied("record_not_found", "record"), {}
    standing = vendor.standing(hint.record, content, vendor.place)
    if isinstance(standing, Denied):
        return standing, {}
    if standing.status != WITHDRAWN:  # nothing may keep a grant alive
        _remember_rejections(run, vendor, hint.kind, content, record)
    if hint.withdrawn and standing.status != WITHDRAWN:
        raise RecordPending(f"{hint.kind} {hint.record} is not withdrawn yet")
    if standing.status == PENDING:
        raise RecordPending(f"{hint.kind} {hint.record} is not decided yet")
    if standing.status == CLOSED:
        return Ignored(hint.record), {}
    if standing.status == WITHDRAWN:
        return _end(run, hint.kind, standing.withdraws), {"reason": REVOKE}
    return _issue(run, vendor, hint.record, content)


def _remember_rejections(
    run: Fetcher, vendor: Vendor, kind: str, content: Mapping[str, Any], record: Attempt
) -> None:
    """Before anything else is read: whatever the record asks for, and whether it is decided or can
    be read at all, may be another matter at the next look."""
    votes = vendor.votes(content, vendor.place)
    if isinstance(votes, Denied):  # told, if the record is read
        return
    people = {run.people.of(kind, *vote.voter) for vote in votes if vote.decision == REJECT}
    rejections.remember(run.audit_log, people - {""}, record, run.now())


def _end(run: Fetcher, kind: str, withdrawn: str) -> Accepted | Denied:
    """An order to end that record's grant, by the ticket's id alone: nothing else of the record is
    read, so that nothing in it can keep its grant alive."""
    if not hints.RECORD.fullmatch(withdrawn):
        return Denied("record_unreadable", "record")
    digest = hashlib.sha256(f"{kind}\n{withdrawn}".encode()).hexdigest()
    whose = Selector("ticket", source=kind, ticket=withdrawn)
    order = Order(f"withdrawn-{digest[:24]}", reasons.WITHDRAWN, whose, None, f"{kind}:{withdrawn}")
    handover.submit_order(run.functions, run.revoke_function, order, run.now())
    return Accepted(order.operation_id, withdrawn, REVOKE, "")


def _issue(
    run: Fetcher, vendor: Vendor, id: str, content: Mapping[str, Any]
) -> tuple[Accepted | Denied, dict[str, str]]:
    if key_text.holds_access_key(json.dumps(content, ensure_ascii=False)):
        return Denied("contains_access_key"), {}
    found = vendor.read(id, content, vendor.place)
    given = found if isinstance(found, Denied) else records.delivery(
        found, run.people, run.account_id, run.now())  # fmt: skip
    if isinstance(given, Denied):
        return given, {}
    ticket = given.ticket
    return handover.submit(run.functions, run.issue_function, given, run.now()), {
        "application": ticket.application, "environment": ticket.environment,
        "requester_id": ticket.requester.id, "ticket_url": ticket.url, "reason": given.action,
        "approver_id": ",".join(vote.approver.id for vote in ticket.approvals),
    }  # fmt: skip


def _told(
    record: Attempt, outcome: Accepted, content: Mapping[str, Any], facts: Mapping[str, str],
    now: datetime,
) -> list[audit.Row]:  # fmt: skip
    """By which record it was decided, so that an auditor can compare it with the vendor's: the
    SHA-256 is that of its answer as JSON with sorted keys."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    change = audit.Change(FETCHED, "", "", resource=f"record/{outcome.ticket_id}")
    noted = audit.Outcome(audit.SUCCESS, message=f"sha256:{digest}")
    return record.rows([(change, audit.NOTE, noted)], now, **facts)
