"""The audit record: flat rows of text, an intent for every planned change and a result for each.

Rows are what an auditor reads and what akwarden itself reads to know which tickets are consumed.
Schema `akw.audit/1`: a new field may be added at any time, a changed meaning needs a new number.
No field can hold a secret: values come from names, ids, codes and times only.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from shared.grants import Grant
from shared.refusals import Denied
from shared.tickets import Ticket

SCHEMA = "akw.audit/1"
INTENT, RESULT, NOTE = "intent", "result", "note"
SUCCESS, FAILURE, UNKNOWN, SKIPPED, PENDING = "success", "failure", "unknown", "skipped", "pending"

FOUND_BY_CLEANUP = "late; found by cleanup"  # begins the message of a result for another's intent
LATE = "late"  # begins the message of a row whose change came before its acknowledged intent

SERVED = ("key.issued", "self_service.granted")  # what ends an issue
# Events that end an operation of a ticket: whoever finds one never issues for it again.
ENDING_EVENTS = (*SERVED, "ticket.revoked", "grant.extended", "grant.amended")
EXTENDED, AMENDED = "grant.extended", "grant.amended"
REVOKED = "ticket.revoked"
REJECTED = "ticket.rejected"  # refused; the reason, and where
DELIVERY_REFUSED = "delivery.refused"  # signed, and refused before anything was read of a ticket
REMAINS_REMOVED = "remains.removed"  # ends an abandoned issue, and leaves its ticket unused
FINDING = "sweep.finding"
EXPIRING = "grant.expiring"  # its requester is to be told; once for each notice
# Of access that nobody approved the rows say so in `policy_decision`, and name the incident in
# `reason`; somebody else has looked at it since, in the review that `reason` names.
APPROVED, BROKEN_GLASS, REVIEWED = "approved", "break_glass", "break_glass.reviewed"
UNREADABLE_LEAK = "leak.unreadable"  # somebody told of a leaked key, and nobody can tell of which

FIELDS = (
    "schema", "event_id", "change_id", "event_type", "phase", "outcome", "time_ms",
    "operation_id", "seq", "chain_id", "prev_hash", "hash",
    "ticket_id", "ticket_system", "ticket_url",
    "requester_id", "requester_kind", "approver_id", "approver_kind", "approval_time_ms",
    "policy_decision", "actor_id", "actor_kind", "trigger", "source_ip", "user_agent",
    "target_account", "target_user", "access_key_id", "secret_name", "secret_version",
    "policy_name", "resources",
    "cloud_service", "cloud_action", "cloud_request_id", "cloud_region", "http_status",
    "error_code", "error_message",
    "fc_request_id", "fc_function", "fc_version", "broker_version",
    "application", "environment", "reason", "message",
    "key_status", "key_age_days", "replaces", "beneficiary_id",
)  # fmt: skip
NUMBERS = frozenset({"seq", "time_ms", "approval_time_ms", "http_status", "key_age_days"})

Row = Mapping[str, str]


@dataclass(frozen=True)
class Change:
    """One planned change: the event it makes and the API call that makes it.

    Where several changes of a kind can stand in one plan, `target` is an AccessKey id, or
    `resource` names what else is meant.
    """

    event_type: str
    service: str
    action: str
    target: str = ""
    resource: str = ""


@dataclass(frozen=True)
class Subject:
    """What an operation is about: a ticket and the application that it names."""

    source: str
    ticket_id: str
    application: str
    environment: str
    ticket_url: str = ""
    requester_id: str = ""

    @classmethod
    def of(cls, ticket: Ticket) -> Subject:
        return cls(ticket.source, ticket.id, ticket.application, ticket.environment, ticket.url,
                   ticket.requester.id)  # fmt: skip


@dataclass
class Outcome:
    """How a change ended; `code` and `request_id` as the service gave them."""

    outcome: str
    request_id: str = ""
    http_status: int = 0
    code: str = ""
    message: str = ""


@dataclass
class Attempt:
    """One run of one operation: who runs it, for which ticket, and what it found out.

    `facts` are row fields that become known on the way (the AccessKey id, for one). `late` are
    changes that could not wait for the acknowledgement of their intents: revocation's alone.
    `adopted` are changes that another run announced, with the change ids of its intents.
    """

    operation_id: str
    run_id: str
    base: dict[str, str]
    changes: list[Change] = field(default_factory=list)
    outcomes: dict[Change, Outcome] = field(default_factory=dict)
    reported: set[Change] = field(default_factory=set)
    facts: dict[str, str] = field(default_factory=dict)
    late: set[Change] = field(default_factory=set)
    adopted: dict[Change, str] = field(default_factory=dict)
    rows_written: int = 0
    last_hash: str = ""

    def planned(self, event_type: str, target: str = "") -> Change | None:
        """The planned change of that event; None if the plan has none."""
        for change in self.changes:
            if (change.event_type, change.target or change.resource) == (event_type, target):
                return change
        return None

    def tried(self, event_type: str) -> bool:
        """Whether that change was announced and begun."""
        change = self.planned(event_type)
        return change is not None and change in self.outcomes

    def done(self, event_type: str, target: str = "") -> bool:
        """Whether that change was announced and has succeeded."""
        change = self.planned(event_type, target)
        return change is not None and self.outcomes.get(change, Outcome("")).outcome == SUCCESS

    @property
    def in_doubt(self) -> bool:
        """Whether some change was begun and nobody knows whether it happened."""
        return any(outcome.outcome == UNKNOWN for outcome in self.outcomes.values())

    def elsewhere(self, name: str, base: dict[str, str]) -> Attempt:
        """The same run's record of work under other names: a chain of its own."""
        run_id = f"{self.run_id}.{name}"
        chain = {"chain_id": f"{self.operation_id}/{run_id}"}
        return Attempt(self.operation_id, run_id, self.base | base | chain)

    def intents(self, changes: Sequence[Change], now: datetime) -> list[Row]:
        """Announce changes: a row for each, to be acknowledged before the first one is made."""
        self.changes += changes
        return self.rows([(c, INTENT, Outcome(PENDING)) for c in changes], now)

    def results(self, now: datetime, *, later: Sequence[str] = ()) -> list[Row]:
        """A row for every announced change that has none yet, those not tried as `skipped`;
        events that are named `later` wait for the next call."""
        due = [c for c in self.changes if c not in self.reported and c.event_type not in later]
        self.reported |= set(due)
        return self.rows([(c, RESULT, self.outcomes.get(c, Outcome(SKIPPED))) for c in due], now)

    def note(self, event_type: str, now: datetime, *, outcome: str, reason: str) -> list[Row]:
        """One row about something that is no change, such as a refusal."""
        return self.rows(
            [(Change(event_type, "", ""), NOTE, Outcome(outcome))], now, reason=reason
        )

    def rows(
        self, events: Iterable[tuple[Change, str, Outcome]], now: datetime, **more: str
    ) -> list[Row]:
        """Full rows, each chained to the one before it; the attempt's first says that it is: `seq`
        0 and no `prev_hash`. A row that is sent again has the same event id and the same hash."""
        made: list[Row] = []
        for change, phase, outcome in events:
            row = dict.fromkeys(FIELDS, "") | self.base | self.facts | more
            row |= {
                "event_id": self._event_id(change.event_type, phase),
                "change_id": "" if phase == NOTE else self._change_id(change),
                "event_type": change.event_type,
                "phase": phase,
                "outcome": outcome.outcome,
                "time_ms": str(int(now.timestamp() * 1000)),
                "seq": str(self.rows_written),
                "prev_hash": self.last_hash,
                "cloud_service": change.service,
                "cloud_action": change.action,
                "cloud_request_id": outcome.request_id,
                "http_status": str(outcome.http_status or ""),
                "error_code": outcome.code,
                "message": outcome.message,
            }
            if change.target:
                row["access_key_id"] = change.target
            if change.resource:
                row["resources"] = change.resource
            if change in self.late and phase == RESULT:
                row["message"] = f"{LATE}; {row['message']}".rstrip("; ")
            row["hash"] = row_hash(row)
            self.rows_written += 1
            self.last_hash = row["hash"]
            made.append(row)
        return made

    def _event_id(self, event_type: str, phase: str) -> str:
        """The same for a row that is sent again, so that readers can count it once."""
        name = f"{self.operation_id}/{self.run_id}/{event_type}/{phase}/{self.rows_written}"
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"akwarden:{name}"))

    def _change_id(self, change: Change) -> str:
        """The same in a change's intent and in its result: an intent whose id stands in no result
        is one that nobody knows the end of."""
        if change in self.adopted:
            return self.adopted[change]
        named = (self.operation_id, self.run_id, change.event_type, change.target, change.resource)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"akwarden:change:{'/'.join(named)}"))


def row_hash(row: Row) -> str:
    """SHA-256 (hex) over the row's canonical JSON: every field but `hash` that is not empty, and
    none of those that SLS adds (`__time__`, `__tag__:…`). So a field that a later schema adds, or
    that a reader leaves out because it is empty, changes no hash."""
    content = {
        name: value for name, value in row.items()
        if value and name != "hash" and not name.startswith("__")
    }  # fmt: skip
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def attempt(
    subject: Subject,
    operation_id: str,
    *,
    fc_request_id: str,
    fc_function: str,
    account_id: str,
    region: str,
    trigger: str,
    broker_version: str,
) -> Attempt:
    """Start the record of one run. FC may give a retry the same request id, so that a run has an
    id of its own beside it."""
    run_id = f"{fc_request_id}.{uuid.uuid4().hex[:8]}"
    return Attempt(
        operation_id,
        run_id,
        {
            "schema": SCHEMA,
            "operation_id": operation_id,
            "chain_id": f"{operation_id}/{run_id}",
            "ticket_id": subject.ticket_id,
            "ticket_system": subject.source,
            "ticket_url": subject.ticket_url,
            "requester_id": subject.requester_id,
            "requester_kind": "human",
            "actor_id": fc_function,
            "actor_kind": "function",
            "trigger": trigger,
            "target_account": account_id,
            "cloud_region": region,
            "fc_request_id": fc_request_id,
            "fc_function": fc_function,
            "broker_version": broker_version,
            "application": subject.application,
            "environment": subject.environment,
        },
    )


def approved_facts(grant: Grant, approved_at: datetime) -> dict[str, str]:
    """What a decided grant adds to every row of its attempt."""
    return {
        "approver_id": ",".join(grant.approvers),
        "approver_kind": "human",
        "approval_time_ms": str(int(approved_at.timestamp() * 1000)),
        "policy_decision": BROKEN_GLASS if grant.incident else APPROVED,
        "target_user": grant.user,
        "policy_name": grant.policy,
        "secret_name": grant.secret if grant.holds_key else "",
        "resources": ",".join(p.template for p in grant.ticket.permissions),
        "replaces": grant.ticket.replaces,
        "beneficiary_id": grant.ticket.beneficiary.email if grant.ticket.beneficiary else "",
    } | ({"reason": grant.incident} if grant.incident else {})


def refusal(
    record: Attempt, denied: Denied, now: datetime, event: str = REJECTED
) -> Sequence[Row]:
    """The row of what was refused, a ticket or (DELIVERY_REFUSED) a delivery; only the reason and
    the field, never the text."""
    reason = f"{denied.reason} at {denied.where}" if denied.where else denied.reason
    return record.note(event, now, outcome=FAILURE, reason=reason)
