"""A run of the rotation function: one user that somebody asked for, or all whose turn it is.

Each user's turn comes once a day, at an hour that its name decides, so that the calls are spread
evenly over the day: three per user, and one for the last use of each key, which goes into the
inventory.
"""

from __future__ import annotations

import json
import logging
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from shared import audit, inventory, key_text, ledger, naming, rotating, tickets, timestamps
from shared.audit import Attempt, Subject
from shared.broker import Broker
from shared.errors import AkwardenError, CloudError, LeaseHeld, RotationIncomplete
from shared.inventory import Entry
from shared.ledger import LiveGrant, Unreadable
from shared.lifecycle import RotationTerms
from shared.ports import LastUse, PolicyState, User
from shared.refusals import Denied
from shared.rotating import Rotated
from shared.rotation import ASKED, DISABLE, DUE, ENABLE, LEAKED, UNDO, Asked, Report
from shared.secrecy import Secret

log = logging.getLogger(__name__)
HOURS = 24
WORKERS = 8
STOP_SECONDS = 100  # before the timeout no user is begun: one may wait out two lags and a new key
KIND = "akwarden.rotation.asked"


@dataclass(frozen=True)
class Wish:
    """One application's key is to be rotated (ASKED, LEAKED, UNDO) or switched (DISABLE, ENABLE).
    """

    application: str
    environment: str
    asked: Asked


@dataclass
class Run:
    """What a run works with, and what has come of it; `record` starts one operation's record."""

    broker: Broker
    record: Callable[[Subject, str], Attempt]
    ledger_key: Secret
    terms: RotationTerms
    remaining_seconds: Callable[[], float]
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[AkwardenError] = field(default_factory=list)
    inventory: list[Entry] = field(default_factory=list)


def of_event(event: bytes) -> Wish | datetime | Denied:
    """What an event means: a wish, or, of a timer, the moment that it was meant for."""
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return Denied("payload_malformed", "")
    if not isinstance(content, dict):
        return Denied("payload_malformed", "")
    if "triggerName" in content:
        at = timestamps.parse(str(content.get("triggerTime", "")))
        return at or Denied("payload_malformed", "triggerTime")
    return _wish(content)


def _wish(content: Mapping[str, Any]) -> Wish | Denied:
    names = ("type", "application", "environment", "why", "access_key_id")
    given = {name: content.get(name, "") for name in names}
    if set(content) - set(names) or not all(isinstance(value, str) for value in given.values()):
        return Denied("payload_malformed", "")
    if given["type"] != KIND:
        return Denied("payload_malformed", "type")
    if not tickets.APPLICATION.fullmatch(given["application"]):
        return Denied("payload_malformed", "application")
    if not tickets.ENVIRONMENT.fullmatch(given["environment"]):
        return Denied("payload_malformed", "environment")
    if given["why"] not in (ASKED, LEAKED, UNDO, DISABLE, ENABLE):
        return Denied("payload_malformed", "why")
    leaked = key_text.is_access_key_id(given["access_key_id"])
    if leaked != (given["why"] == LEAKED) or (given["access_key_id"] and not leaked):
        return Denied("payload_malformed", "access_key_id")
    asked = Asked(given["why"], given["access_key_id"])
    return Wish(given["application"], given["environment"], asked)


def payload(wish: Wish) -> bytes:
    """The event that asks for it."""
    return json.dumps({
        "type": KIND, "application": wish.application, "environment": wish.environment,
        "why": wish.asked.why, "access_key_id": wish.asked.access_key_id,
    }).encode()  # fmt: skip


def fulfil(run: Run, wish: Wish) -> Rotated | Denied:
    """Rotate the one; raises what `rotating.rotate` raises."""
    user, policy = _holder(run.broker, wish)
    if user is None or policy is None:  # a stale answer is not "gone": it is asked once more
        run.broker.sleep(run.broker.lease_terms.max_lag_seconds)
        user, policy = _holder(run.broker, wish)
    if user is None:
        return Denied("no_such_grant", "application")
    grant = ledger.read(user, policy.description if policy else None, run.ledger_key)
    if isinstance(grant, Unreadable):
        return Denied("grant_unreadable", grant.reason)
    return _rotated(run, grant, wish.asked)


def _holder(broker: Broker, wish: Wish) -> tuple[User | None, PolicyState | None]:
    user = broker.ims.get_user(naming.user_name(wish.application, wish.environment))
    name = naming.policy_name(wish.application, wish.environment)
    return user, broker.ram.get_policy(name)


def take_turns(run: Run, at: datetime) -> None:
    """Everybody whose turn it is in that hour; RotationIncomplete with all that failed, so that
    FC's retry goes on with those that have no row in the hour's inventory yet."""
    users = run.broker.ims.list_users({})
    policies = {policy.name: policy.description for policy in run.broker.ram.list_policies()}
    done = _inventoried(run, at)
    with ThreadPoolExecutor(max_workers=WORKERS) as pool:
        for user in users:
            ours = naming.place_of(user.name)[0] and user.name not in done
            if ours and turn_of(user.name) == at.hour % HOURS:
                pool.submit(_take_turn, run, user, policies.get(user.name))
    _write_inventory(run, at)
    log.info("rotation: %s", dict(run.counts))
    if run.failures:
        raise RotationIncomplete(run.failures)


def turn_of(user: str) -> int:
    """The hour of the day (UTC) at which a user is looked at."""
    return zlib.crc32(user.encode()) % HOURS


def _take_turn(run: Run, user: User, description: str | None) -> None:
    if run.remaining_seconds() <= STOP_SECONDS:
        run.counts["postponed"] += 1
        run.failures.append(AkwardenError("out_of_time"))
        return
    run.counts["looked at"] += 1
    grant = ledger.read(user, description, run.ledger_key)
    if isinstance(grant, Unreadable):
        run.counts[grant.reason] += 1  # to be told by the sweep, whose findings these are
        return
    try:
        _take_inventory(run, grant, _rotated(run, grant, Asked(DUE)))
    except LeaseHeld:
        run.counts["left at work"] += 1
    except AkwardenError as err:
        run.failures.append(err)
        log.warning("user %s: %s", user.name, err)
    except Exception as err:  # the run's loop: one odd record must not end it for the others
        run.failures.append(AkwardenError(f"internal_error: {type(err).__name__}"))
        log.error("user %s: %s", user.name, type(err).__name__)


def _take_inventory(run: Run, grant: LiveGrant, done: Rotated) -> None:
    broker = run.broker
    for key in done.keys:
        use: LastUse | None = None
        with suppress(CloudError):  # told as unknown
            use = broker.ims.get_access_key_last_used(grant.user, key.id)
        run.inventory.append(inventory.entry(grant, key, use, broker.now()))


def _inventoried(run: Run, at: datetime) -> set[str]:
    """The users whom an earlier run for the same hour has looked at to the end; nobody, if the log
    cannot be read: then they are looked at again."""
    query = f'operation_id: "{_inventory_id(at)}" and event_type: "{inventory.EVENT}"'
    with suppress(CloudError):
        rows = run.broker.audit_log.get_logs(query, at, run.broker.now() + timedelta(minutes=15))
        return {row["target_user"] for row in rows}
    return set()


def _inventory_id(at: datetime) -> str:
    return naming.operation_id("inventory", timestamps.text(at), "take")


def _write_inventory(run: Run, at: datetime) -> None:
    """All of the hour's keys at once; what cannot be written is the retry's."""
    if not run.inventory:
        return
    run.counts["inventory"] = len(run.inventory)
    record = run.record(Subject("", "", "", ""), _inventory_id(at))
    try:
        run.broker.audit_log.put_logs(inventory.rows(record, run.inventory, run.broker.now()))
    except AkwardenError as err:
        run.failures.append(err)


def _rotated(run: Run, grant: LiveGrant, asked: Asked) -> Rotated:
    broker = run.broker
    subject = Subject(grant.source, grant.ticket_id, grant.application, grant.environment,
                      requester_id=grant.requester)  # fmt: skip
    action = f"rotate {asked.why} {asked.access_key_id}".strip()
    record = run.record(subject, naming.operation_id(grant.source, grant.ticket_id, action))
    record.base |= {"target_user": grant.user, "policy_name": grant.policy,
                    "secret_name": grant.secret}
    done = rotating.rotate(broker, grant, record, asked, run.terms)
    for act in done.steps:
        kind = type(act).__name__
        run.counts[kind] += 1
        if isinstance(act, Report):
            log.warning("user %s: %s %s", grant.user, act.reason, act.key_id)
            broker.audit_log.put_logs(_finding(record, grant, act, broker.now()))
        else:
            log.info("user %s: %s", grant.user, kind)
    return done


def _finding(record: Attempt, grant: LiveGrant, report: Report, now: datetime) -> list[audit.Row]:
    thing = f"key/{report.key_id}" if report.key_id else f"user/{grant.user}"
    change = audit.Change(audit.FINDING, "", "", resource=thing)
    return record.rows([(change, audit.NOTE, audit.Outcome("", message=report.detail))], now,
                       reason=report.reason)  # fmt: skip


def answer(wish: Wish, outcome: Rotated | Denied) -> dict[str, Any]:
    """What the task record shows: names and ids."""
    if isinstance(outcome, Denied):
        return {"status": "refused", "reason": outcome.reason, "where": outcome.where}
    return {
        "status": "rotated", "application": wish.application, "environment": wish.environment,
        "user": outcome.user, "current": outcome.current,
        "steps": [type(step).__name__ for step in outcome.steps],
        "findings": [step.reason for step in outcome.steps if isinstance(step, Report)],
    }  # fmt: skip
