"""One sweep: its means, its reading of the cloud and of the log, and what has come of it so far."""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from shared import audit, candidates, leases, naming, removal, teardown
from shared.audit import Attempt, Row, Subject
from shared.broker import Broker
from shared.candidates import Finding, View
from shared.errors import AkwardenError, LeaseHeld, RevocationIncomplete
from shared.ownership import Seen
from shared.removal import Target
from shared.resumption import MEMORY_DAYS
from shared.secrecy import Secret
from shared.steps import side_by_side
from shared.teardown import Run

log = logging.getLogger(__name__)
T = TypeVar("T")
WORKERS = 8  # candidates at a time: a takeover of a lease waits, the others need not
TURN_SECONDS = 600  # the timer's period
FINDING_HOURS = 24  # a finding is written down once in so long
STOP_SECONDS = 30  # before the function's timeout nothing new is begun, and what was has ended


@dataclass
class Sweep:
    """One run: what it works with, and what has come of it so far.

    `record` starts the record of one operation, `remaining_seconds` counts down to the timeout,
    `revoke_cap` is how many grants an order may end, and how many that are over one sweep ends;
    `ledger_key` reads the key by which a grant's end is believed. A `quick` sweep does not list the
    secrets, of which a page shows a hundred where one of users shows a thousand.
    """

    broker: Broker
    record: Callable[[Subject, str], Attempt]
    remaining_seconds: Callable[[], float]
    revoke_cap: int
    dry_run: bool = False
    quick: bool = False
    ledger_key: Callable[[], Secret] | None = None
    notice_days: Sequence[int] = ()
    lines: list[tuple[str, str, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    findings: list[Finding] = field(default_factory=list)
    failures: list[AkwardenError] = field(default_factory=list)
    oldest_revocation_seconds: int = 0

    @property
    def guard_seconds(self) -> float:
        """What is younger may belong to a function that runs: its own timeout is the longest of
        all (a test compares them in s.yaml), and its lease outlives that by the lag."""
        return self.broker.lease_terms.lasts_seconds

    @property
    def oldest_ms(self) -> int:
        """Rows up to this moment are of runs that have ended."""
        return int((self.broker.now().timestamp() - self.guard_seconds) * 1000)

    def settled(self, at: datetime | None) -> bool:
        """Whether something made then is older than every running function."""
        return at is None or (self.broker.now() - at).total_seconds() > self.guard_seconds

    def planned(self, what: str, where: str, why: str = "") -> None:
        self.lines.append((what, where, why))
        self.counts[what] += 1
        log.info("%s: %s %s", what, where, why)

    def summary(self) -> dict[str, object]:
        """What the task record shows: counts by kind, and how old the oldest unfinished revocation
        is."""
        return {"counts": dict(self.counts), "failed": len(self.failures),
                "oldest_revocation_seconds": self.oldest_revocation_seconds}  # fmt: skip

    @property
    def turn(self) -> int:
        """The number of the timer's period."""
        return int(self.broker.now().timestamp()) // TURN_SECONDS

    @property
    def longest_seconds(self) -> float:
        """One candidate at worst waits out three lags: for its lease, for what is not visible yet,
        and for the proof of the end."""
        return STOP_SECONDS + 3 * self.broker.lease_terms.max_lag_seconds

    def in_turn(self, things: list[T]) -> list[T]:
        """Every run begins elsewhere, so that those that take long keep nobody waiting for ever;
        anywhere, since runs that can do little may be every second one."""
        first = zlib.crc32(str(self.turn).encode()) % max(1, len(things))
        return things[first:] + things[:first]

    def attempted(
        self, work: Callable[[], None], where: str, *, takes_seconds: float | None = None
    ) -> None:
        """One candidate's work, if it would end in time (by default, like the longest); what goes
        wrong in it is kept."""
        needed = self.longest_seconds if takes_seconds is None else takes_seconds
        if self.remaining_seconds() <= needed:
            self.counts["postponed"] += 1
            return
        try:
            work()
        except LeaseHeld:
            self.counts["left_at_work"] += 1
        except AkwardenError as err:
            self.failures.append(err)
            log.warning("%s: %s", where, err)
        except Exception as err:  # a sweep's loop: one odd record must not end it for the others
            self.failures.append(AkwardenError(f"internal_error: {type(err).__name__}"))
            log.error("%s: %s", where, type(err).__name__)

    def side_by_side(self, work: Sequence[tuple[Callable[[], None], str]]) -> None:
        """Several candidates' work, as far as time allows; each with where it is."""
        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            for call, where in work:
                pool.submit(self.attempted, call, where)


def look(run: Sweep) -> View:
    """The pages and statements, side by side; what cannot be read is unknown, and kept as failure.
    Without the log nothing is anybody's, so that nothing can be done."""
    broker = run.broker

    def read(call: Callable[[], Any]) -> Any:
        try:
            return call()
        except AkwardenError as err:
            run.failures.append(err)
            return None

    since = broker.now() - timedelta(days=candidates.WINDOW_DAYS)
    select = partial(broker.audit_log.select_logs, since=since, until=later(broker))
    return View(*side_by_side(
        lambda: read(lambda: select(candidates.TICKETS_STATEMENT)),
        lambda: read(lambda: select(candidates.ORDERS_STATEMENT)),
        lambda: read(lambda: broker.ims.list_users({})),
        lambda: read(broker.ram.list_policies),
        lambda: None if run.quick else read(broker.kms.list_secrets),
        lambda: read(lambda: broker.ram.list_entities_for_policy(naming.QUARANTINE_POLICY)),
    ))  # fmt: skip


def later(broker: Broker) -> datetime:
    return broker.now() + timedelta(minutes=15)


def rows_of(broker: Broker, query: str) -> Sequence[Row]:
    since = broker.now() - timedelta(days=MEMORY_DAYS)
    return broker.audit_log.get_logs(query, since, later(broker))


def name(run: Sweep, policy: str, targets: list[Target]) -> None:
    """Add the ticket of a policy that stands alone: for which one the log remembers its making."""
    rows = rows_of(run.broker, f'policy_name: "{policy}" and event_type: "policy.created"')
    found = candidates.of_rows(rows)
    if not found:
        run.findings.append(Finding(f"policy/{policy}", "unmanaged_name"))
    targets.extend(found)


def seen_of(broker: Broker, target: Target, view: View | None, record: Attempt) -> Seen:
    """Everything about one candidate; raises if any of it cannot be read."""
    rows = tuple(rows_of(broker, removal.memory_query(target)))
    if not target.application:
        return Seen(rows)
    run = Run(broker, target, record)
    found, details = teardown.find(run), teardown.details(run)
    versions = run.read(lambda: broker.kms.list_secret_version_ids(target.secret), None)
    holder = found.self_service
    holder_gone = bool(holder) and run.read(lambda: broker.ims.get_user(holder), found) is None
    if run.failures:
        raise RevocationIncomplete(run.failures)
    if view is None:
        return Seen(rows, found, details, _ordered(versions), holder_gone=holder_gone)
    secrets = view.secrets
    if secrets is None:
        secrets = broker.kms.list_secrets(target.secret)
    name = naming.application_lease(target.application, target.environment)
    return Seen(
        rows, found, details, _ordered(versions), view.listed(target, secrets),
        holder_gone and not view.lists_user(holder),
        max((m.until for m in view.markers
             if m.lease == name and leases.holds(m.until, broker.now())), default=None),
    )  # fmt: skip


def _ordered(versions: Any) -> Any:
    return None if versions is None else tuple(versions)


def report(run: Sweep) -> None:
    """Write down what was found, once a day."""
    found = list({(f.thing, f.reason): f for f in reversed(run.findings)}.values())
    for finding in found:
        run.planned("finding", finding.thing, f"{finding.reason} {finding.detail}".rstrip())
    if run.dry_run or not found:
        return
    broker = run.broker
    since = broker.now() - timedelta(hours=FINDING_HOURS)
    known = {
        (row["resources"], row["reason"])
        for row in broker.audit_log.get_logs(
            f'event_type: "{audit.FINDING}"', since, later(broker))
    }  # fmt: skip
    fresh = [f for f in found if (f.thing, f.reason) not in known]
    if fresh:
        record = run.record(Subject("", "", "", ""), naming.operation_id("sweep", "", "report"))
        broker.audit_log.put_logs([
            row for finding in fresh for row in record.rows(
                [(audit.Change(audit.FINDING, "", "", resource=finding.thing), audit.NOTE,
                  audit.Outcome("", message=finding.detail))],
                broker.now(), reason=finding.reason)
        ])  # fmt: skip
