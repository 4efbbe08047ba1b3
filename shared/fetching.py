"""From a hint to a ticket: fetch the record, read it, hand what it decides over.

An event is not believed: it only says where to look. What the record asks for, and who agreed, is
decided by the worker that gets the ticket, as for every other one.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from shared import audit, handover, hints, key_text, removal
from shared.audit import Attempt
from shared.deliveries import Delivery
from shared.errors import AkwardenError, FetchIncomplete, RecordPending
from shared.handover import Accepted
from shared.hints import Hint
from shared.people import People
from shared.places import Place
from shared.ports import AuditLog, Functions, Records
from shared.records import record as records
from shared.records.record import CLOSED, PENDING, WITHDRAWN, Record
from shared.refusals import Denied

log = logging.getLogger(__name__)
FETCHED, IGNORED = "record.fetched", "record.ignored"
LOOKBACK = timedelta(days=14)  # how long before its decision a missed record may have been begun
SETTLED = timedelta(minutes=5)  # a younger one may have an event under way
PATIENCE = timedelta(hours=26)  # FC keeps a task's event for a day, and tries it for so long
NOT_DECIDED = "not approved"
MOST_KNOWN = 100_000


@dataclass(frozen=True)
class Vendor:
    """One source: its place, how to read its records, and their API once it is needed. If its
    events say that a record is decided, one that is not is asked for again."""

    place: Place
    read: Callable[[str, Mapping[str, Any], Place], Record | Denied]
    records: Callable[[], Records]
    events_say_decided: bool


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
        return _fetched(run, vendor, vendor.records(), hint, record)
    except RecordPending:
        if vendor.events_say_decided:
            raise
        return Ignored(hint.record)


def _fetched(
    run: Fetcher, vendor: Vendor, api: Records, hint: Hint, record: Attempt
) -> Fetched:
    found, digest = _read(vendor, api, hint.record)
    if isinstance(found, Record) and found.status == PENDING:
        raise RecordPending(f"{hint.kind} {hint.record} is not decided yet")
    if isinstance(found, Record) and found.status == CLOSED:
        run.audit_log.put_logs(record.note(IGNORED, run.now(), outcome=audit.SKIPPED,
                                           reason=NOT_DECIDED))  # fmt: skip
        return Ignored(hint.record)
    if isinstance(found, Record) and found.withdraws:
        found, digest = _read(vendor, api, found.withdraws)
        if isinstance(found, Record):
            found = replace(found, status=WITHDRAWN)  # whatever it withdrew itself
    ticket = found if isinstance(found, Denied) else records.delivery(
        found, run.people, run.account_id, run.now())  # fmt: skip
    if isinstance(ticket, Delivery) and ticket.action == "revoke":
        target = removal.target(ticket.ticket)
        ticket = target if isinstance(target, Denied) else ticket
    outcome = ticket if isinstance(ticket, Denied) else _handed_over(run, ticket)
    if isinstance(outcome, Denied):
        run.audit_log.put_logs(audit.refusal(record, outcome, run.now()))
    elif isinstance(ticket, Delivery):
        # Last: a record that has a row is not looked for again.
        run.audit_log.put_logs(_told(record, ticket, digest, run.now()))
    return outcome


def _read(vendor: Vendor, api: Records, id: str) -> tuple[Record | Denied, str]:
    """The record, and the SHA-256 of what the vendor answered."""
    content = api.get(id) if hints.RECORD.fullmatch(id) else None
    if content is None:
        return Denied("record_not_found", "record"), ""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    if key_text.holds_access_key(text):
        return Denied("contains_access_key"), ""
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return vendor.read(id, content, vendor.place), digest


def _told(record: Attempt, ticket: Delivery, digest: str, now: datetime) -> list[audit.Row]:
    """By which record the ticket was decided, so that an auditor can compare it with the
    vendor's."""
    asked = ticket.ticket
    change = audit.Change(FETCHED, "", "", resource=f"record/{asked.id}")
    outcome = audit.Outcome(audit.SUCCESS, message=f"sha256:{digest}")
    return record.rows(
        [(change, audit.NOTE, outcome)], now, application=asked.application,
        environment=asked.environment, requester_id=asked.requester.id, ticket_url=asked.url,
        approver_id=",".join(vote.approver.id for vote in asked.approvals), reason=ticket.action,
    )  # fmt: skip


def _handed_over(run: Fetcher, ticket: Delivery) -> Accepted | Denied:
    if ticket.action == "revoke":
        return handover.submit_again(run.functions, run.revoke_function, ticket, run.now())
    return handover.submit(run.functions, run.issue_function, ticket, run.now())


def look_for_missed(
    run: Fetcher, record: Callable[[Hint], Attempt], remaining_seconds: Callable[[], float]
) -> dict[str, int]:
    """Every decided record of which the log knows nothing, as if its event had come; how many by
    outcome. FetchIncomplete with all that failed."""
    counts: dict[str, int] = {}
    failures: list[AkwardenError] = []
    for kind, vendor in run.vendors.items():
        try:
            api = vendor.records()
            missed = _missed(run, kind, api)
        except AkwardenError as err:
            failures.append(err)
            continue
        for hint in missed:
            if remaining_seconds() <= 0:
                counts["left"] = counts.get("left", 0) + 1
                continue
            try:
                name = type(_fetched(run, vendor, api, hint, record(hint))).__name__.lower()
                counts[name] = counts.get(name, 0) + 1
            except RecordPending:
                counts["pending"] = counts.get("pending", 0) + 1
            except AkwardenError as err:
                failures.append(err)
                log.warning("%s %s: %s", kind, hint.record, err)
    if failures:
        raise FetchIncomplete(failures)
    return counts


def _missed(run: Fetcher, kind: str, api: Records) -> list[Hint]:
    now = run.now()
    finished = api.finished(now - LOOKBACK, now - SETTLED)
    if not finished:
        return []
    # Handed over long ago, and nobody wrote of it since: its task was lost with all its tries.
    lost_ms = int((now - PATIENCE).timestamp() * 1000)
    statement = (
        f'ticket_system: "{kind}" | select distinct ticket_id from log '  # noqa: S608 (ours)
        f"where event_type <> '{FETCHED}' or reason = 'revoke' or time_ms > {lost_ms} "
        f"limit {MOST_KNOWN}")  # fmt: skip
    rows = run.audit_log.select_logs(statement, now - LOOKBACK, now + timedelta(minutes=15))
    known = {row["ticket_id"] for row in rows}
    return [Hint(kind, id) for id in finished
            if id not in known and hints.RECORD.fullmatch(id)]  # fmt: skip
