"""What the audit log says of grants and of requests that were made in a chat."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared import audit, hints, rotation_log, timestamps
from shared.audit import NOTE, REVOKED, SUCCESS, Attempt, Change, Outcome, Row
from shared.chat import offers
from shared.chat.offers import Offer
from shared.people import People
from shared.ports import AuditLog
from shared.rules import Rules
from shared.secrecy import Secret
from shared.tickets import APPROVE, REJECT

REQUESTED, VOTED, CANCELLED = "chat.requested", "chat.voted", "chat.cancelled"
HANDED_OVER = "chat.handed_over"  # to the worker, before it is: from then on it is no mere request
EXPIRING = "grant.expiring"
LIFETIME = timedelta(days=730)  # since its issue, a grant that is listed
AHEAD = timedelta(minutes=15)  # a row's clock may be
MOST = 10_000
# `Ticket.source` of tickets that were made in a chat: they may be decided in another one.
_OF_CHATS = " or ".join(f'ticket_system: "{kind}"' for kind in hints.CHATS)
_SERVED = ", ".join(f"'{event}'" for event in audit.SERVED)
SERVED = (*audit.SERVED, audit.EXTENDED, audit.AMENDED)
REFUSED = "ticket.rejected"


@dataclass(frozen=True)
class Grant:
    """One ticket that was served; `ended` once it was revoked or is over, `disabled` while its keys
    are switched off by a wish."""

    source: str
    ticket: str
    application: str
    environment: str
    requester: str
    secret: str
    issued_at: str
    ended: bool
    disabled: bool = False
    beneficiary: str = ""


def may_see(rules: Rules, people: People, who: str, grant: Grant) -> bool:
    """Whether a grant is somebody's: they asked for it, or may approve for its application in its
    environment."""
    environment = rules.environment(grant.environment, grant.application)
    everybody = environment.everybody if environment else frozenset()
    return is_theirs(rules, people, who, grant) or rules.person(who) in everybody


def is_theirs(rules: Rules, people: People, who: str, grant: Grant) -> bool:
    """Whether they asked for it, or it was for them."""
    names = (people.address(grant.source, grant.requester), grant.beneficiary)
    return rules.person(who) in {rules.person(name) for name in names if name}


def grants(
    log: AuditLog, now: datetime, *, ticket: str = "", application: str = "", requester: str = ""
) -> list[Grant]:
    """The newest first. Arguments are of our own forms: no quote can be in them."""
    wanted = {"ticket_id": ticket, "application": application, "requester_id": requester}
    where = " and ".join(f'{name}: "{value}"' for name, value in wanted.items() if value)
    # A revocation may not name its requester: it is asked for by the ticket.
    rows = log.select_logs(
        f"{where or '*'} | select ticket_system, ticket_id, "  # noqa: S608 (ours)
        "max_by(application, time_ms) as application, max_by(environment, time_ms) as environment, "
        "max_by(requester_id, time_ms) as requester, max_by(secret_name, time_ms) as secret, "
        "max_by(beneficiary_id, time_ms) as beneficiary, min(time_ms) as issued_ms from log "
        f"where outcome = '{SUCCESS}' and phase = 'result' and event_type in ({_SERVED}) "
        f"group by ticket_system, ticket_id order by issued_ms desc limit {MOST}",
        now - LIFETIME, now + AHEAD)  # fmt: skip
    over, off = _ended(log, now, ticket), _disabled(log, now, ticket)
    return [
        Grant(row["ticket_system"], row["ticket_id"], row["application"], row["environment"],
              row["requester"], row["secret"], _date(row["issued_ms"]),
              (row["ticket_system"], row["ticket_id"]) in over,
              (row["ticket_system"], row["ticket_id"]) in off, row.get("beneficiary") or "")
        for row in rows
    ]  # fmt: skip


def _ended(log: AuditLog, now: datetime, ticket: str) -> set[tuple[str, str]]:
    of_one = f' and ticket_id: "{ticket}"' if ticket else ""
    rows = log.select_logs(
        f'event_type: "{REVOKED}" and outcome: {SUCCESS}{of_one}'  # noqa: S608 (ours)
        f" | select distinct ticket_system, ticket_id from log limit {MOST}",
        now - LIFETIME, now + AHEAD)  # fmt: skip
    return {(row["ticket_system"], row["ticket_id"]) for row in rows}


def _disabled(log: AuditLog, now: datetime, ticket: str) -> set[tuple[str, str]]:
    """The tickets whose keys were last switched off, and neither on again nor replaced since."""
    of_one = f' and ticket_id: "{ticket}"' if ticket else ""
    off, on = (rotation_log.reason(why) for why in (rotation_log.DISABLE, rotation_log.ENABLE))
    events = " or ".join(f'event_type: "{event}"' for event in (
        rotation_log.DISABLED, rotation_log.ENABLED, rotation_log.ROTATED))  # fmt: skip
    rows = log.select_logs(
        f"({events}) and outcome: {SUCCESS}{of_one} | select ticket_system, "  # noqa: S608 (ours)
        "ticket_id, max_by(reason, time_ms) as last from log "
        f"where event_type = '{rotation_log.ROTATED}' or reason in ('{off}', '{on}') "
        f"group by ticket_system, ticket_id limit {MOST}",
        now - LIFETIME, now + AHEAD)  # fmt: skip
    return {(row["ticket_system"], row["ticket_id"]) for row in rows if row["last"] == off}


def tickets_of_key(log: AuditLog, ending: str, now: datetime) -> set[tuple[str, str]]:
    """(source, id) of the tickets whose keys' ids end so: letters and digits alone."""
    rows = log.select_logs(
        f'event_type: "key.issued" or event_type: "{rotation_log.ROTATED}" | '  # noqa: S608 (ours)
        "select distinct ticket_system, ticket_id from log "
        f"where outcome = '{SUCCESS}' and access_key_id like '%{ending}' limit {MOST}",
        now - LIFETIME, now + AHEAD)  # fmt: skip
    return {(row["ticket_system"], row["ticket_id"]) for row in rows}


def tickets_with(log: AuditLog, event: str, now: datetime) -> set[tuple[str, str]]:
    """(source, id) of the tickets of which such a row was written in the last week."""
    rows = log.get_logs(f'event_type: "{event}"', now - timedelta(days=8), now + AHEAD)
    return {(row["ticket_system"], row["ticket_id"]) for row in rows}


def _date(milliseconds: str) -> str:
    return f"{datetime.fromtimestamp(int(float(milliseconds)) / 1000, UTC):%Y-%m-%d}"


def of_ticket(log: AuditLog, ticket: str, now: datetime) -> Sequence[Row]:
    """All rows of a ticket that was made in a chat, oldest first."""
    rows = log.get_logs(f'ticket_id: "{ticket}" and ({_OF_CHATS})',
                        now - LIFETIME, now + AHEAD)  # fmt: skip
    return sorted(rows, key=lambda row: int(row["time_ms"]))


def asked_today(log: AuditLog, rules: Rules, who: str, now: datetime) -> set[str]:
    """The requests that somebody has made in a chat within a day, by whichever of their names; the
    ids of these."""
    rows = log.get_logs(f'event_type: "{REQUESTED}"', now - timedelta(days=1), now + AHEAD)
    return {row["ticket_id"] for row in rows
            if rules.person(row["requester_id"]) == rules.person(who)}  # fmt: skip


def pending(log: AuditLog, now: datetime) -> list[Row]:
    """Requests that are open: not handed over, not turned down, not over."""
    rows = log.get_logs(f"({_OF_CHATS})", now - offers.LIFETIME, now + AHEAD)
    closed = {row["ticket_id"] for row in rows if _closes(row)}
    first = {row["ticket_id"]: row for row in reversed(rows) if row["event_type"] == REQUESTED}
    return [row for id, row in first.items() if id not in closed]


def _closes(row: Row) -> bool:
    turned_down = row["event_type"] in (CANCELLED, HANDED_OVER) or (
        row["event_type"] == VOTED and row["reason"] == REJECT)
    return turned_down or not row["event_type"].startswith("chat.")


def state_of(rows: Sequence[Row]) -> str:
    """What became of a request, as the sentence that says it; empty while people may vote."""
    if any(row["event_type"] in SERVED and (row["phase"], row["outcome"]) == ("result", SUCCESS)
           for row in rows):  # fmt: skip
        return "was_served"
    if refusals(rows):
        return "was_refused"
    if any(row["event_type"] == CANCELLED for row in rows):
        return "was_cancelled"
    if any(row["event_type"] == VOTED and row["reason"] == REJECT for row in rows):
        return "was_rejected"
    return "at_work" if handed_over(rows) else ""


def refusals(rows: Sequence[Row]) -> list[Row]:
    """The worker's, each of which is final."""
    return [row for row in rows if row["event_type"] == REFUSED]


def handed_over(rows: Sequence[Row]) -> list[Row]:
    return [row for row in rows if row["event_type"] == HANDED_OVER]


def offer_of(rows: Sequence[Row], ticket: str, key: Secret) -> str:
    """The request as its buttons carry it: ours, and about this very ticket, as others can write
    rows, too. Empty if there is none."""
    for row in rows:
        if row["event_type"] == REQUESTED:
            found = opened_ever(row["message"], key)
            if found is not None and found.ticket.id == ticket:
                return row["message"]
    return ""


def opened_ever(text: str, key: Secret) -> Offer | None:
    """An offer of ours, however old."""
    found = offers.opened(text, key, datetime.min.replace(tzinfo=UTC))
    return found if isinstance(found, Offer) else None


def is_cancelled(rows: Sequence[Row]) -> bool:
    return any(row["event_type"] == CANCELLED for row in rows)


def votes(rows: Sequence[Row], offer: Offer, key: Secret) -> list[dict[str, object]]:
    """As a ticket's `approvals`: the first decision of each person, a rejection above all. Only
    those with our signature over this very request: others may write rows, too."""
    found: dict[str, Row] = {}
    for row in rows:
        if row["event_type"] != VOTED or row["message"] != offers.ballot(
                offer, row["approver_id"], row["reason"], key):  # fmt: skip
            continue
        before = found.get(row["approver_id"])
        if before is None or (row["reason"] == REJECT and before["reason"] == APPROVE):
            found[row["approver_id"]] = row
    return [
        {"approver": {"id": person, "email": person}, "decision": row["reason"],
         "at": timestamps.text(moment(row))}
        for person, row in sorted(found.items())
    ]  # fmt: skip


def moment(row: Row) -> datetime:
    return datetime.fromtimestamp(int(row["time_ms"]) / 1000, UTC)


def told(
    record: Attempt, event: str, now: datetime, *, reason: str = "", message: str = "", **facts: str
) -> list[Row]:
    """One row about a request; nothing was changed in the cloud by it."""
    change = Change(event, "", "")
    outcome = Outcome(SUCCESS, message=message)
    return record.rows([(change, NOTE, outcome)], now, reason=reason, **facts)
