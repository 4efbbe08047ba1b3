"""The timer's look at every source: decided records, and withdrawals, of which no event came.

Vendors promise little about their events: some are not sent again at all. What the log knows of is
not looked for again. A record that is withdrawn in place keeps the id under which it was served, so
each one whose grant may be alive is read again once a day.
"""

from __future__ import annotations

import logging
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from shared import fetching, hints, rejections
from shared.audit import NOTE, REVOKED, SERVED, SUCCESS, Attempt, Change, Outcome
from shared.errors import AkwardenError, FetchIncomplete, OutOfTime, RecordPending
from shared.fetching import Fetcher, Vendor
from shared.hints import Hint
from shared.ports import Records
from shared.records.record import WITHDRAWN, Standing

log = logging.getLogger(__name__)
LOOKED = "records.looked"
LOOKBACK = timedelta(days=14)  # how long before its decision a missed record may have been begun
SETTLED = timedelta(minutes=5)  # a younger one may have an event under way
PATIENCE = timedelta(hours=26)  # FC keeps a task's event for a day, and tries it for so long
LONGEST_LIFE = timedelta(days=730)  # of a grant whose withdrawal is looked for, since its issue
EVERY = timedelta(minutes=15)  # the timer's, in s.yaml: a day has so many turns
CLOCKS = timedelta(minutes=15)  # a row may be that much ahead
MOST_KNOWN = 100_000
TURNS = timedelta(days=1) // EVERY


Serve = Callable[[Fetcher, Vendor, Hint, Mapping[str, Any] | None, Attempt], str]


def look(
    run: Fetcher, record: Callable[[Hint | None], Attempt],
    remaining_seconds: Callable[[], float],
) -> dict[str, int]:  # fmt: skip
    """All of it, as if the events had come; how many records by outcome. A row says that it was
    done, as nobody would miss it; FetchIncomplete with all that failed, or that was left."""
    counts: Counter[str] = Counter()
    failures: list[AkwardenError] = []
    for kind, vendor in run.vendors.items():
        try:
            api = vendor.records()
            work = _work(run, kind, vendor, api)
        except AkwardenError as err:
            failures.append(err)
            log.warning("%s: %s", kind, err)
            continue
        for hint, serve in work:
            if remaining_seconds() <= 0:
                counts["left"] += 1
                continue
            try:
                counts[serve(run, vendor, hint, api.get(hint.record), record(hint))] += 1
            except RecordPending:
                counts["pending"] += 1
            except AkwardenError as err:
                failures.append(err)
                log.warning("%s %s: %s", kind, hint.record, err)
    if counts["left"]:
        failures.append(OutOfTime(counts["left"]))
    if failures:
        raise FetchIncomplete(failures)
    told = ", ".join(f"{name}: {number}" for name, number in sorted(counts.items()))
    done = Outcome(SUCCESS, message=told)
    run.audit_log.put_logs(record(None).rows([(Change(LOOKED, "", ""), NOTE, done)], run.now()))
    return dict(counts)


def _work(run: Fetcher, kind: str, vendor: Vendor, api: Records) -> Sequence[tuple[Hint, Serve]]:
    """Withdrawals first. Each look begins elsewhere, so that what stays pending, of which there may
    be more than one look can read, never keeps the same ones out."""
    served_before = _of_this_turn(run, kind) if vendor.withdrawn_in_place else []
    never_seen = [(Hint(kind, id), _serve) for id in _missed(run, kind, api)]
    mixed = sorted(never_seen, key=lambda one: zlib.crc32(f"{run.now()}{one[0].record}".encode()))
    return [(Hint(kind, id), _serve_if_withdrawn) for id in served_before] + mixed


def _serve(
    run: Fetcher, vendor: Vendor, hint: Hint, content: Mapping[str, Any] | None, record: Attempt
) -> str:
    return type(fetching.served(run, vendor, hint, content, record)).__name__.lower()


def _serve_if_withdrawn(
    run: Fetcher, vendor: Vendor, hint: Hint, content: Mapping[str, Any] | None, record: Attempt
) -> str:
    """One that is there no more, or cannot be read, says nothing: a person may look at it."""
    standing = vendor.standing(hint.record, content, vendor.place) if content else None
    if isinstance(standing, Standing) and standing.status == WITHDRAWN:
        fetching.served(run, vendor, hint, content, record)
        return "withdrawn"
    if not isinstance(standing, Standing):
        log.warning("%s %s: its grant may be alive, and it cannot be read", hint.kind, hint.record)
    return "standing"


def _missed(run: Fetcher, kind: str, api: Records) -> list[str]:
    """Finished records of which the log knows nothing but that somebody has rejected them."""
    now = run.now()
    finished = _usable(kind, api.finished(now - LOOKBACK, now - SETTLED))
    if not finished:
        return []
    # Handed over long ago, and nobody wrote of it since: its task was lost with all its tries.
    lost_ms = int((now - PATIENCE).timestamp() * 1000)
    rows = run.audit_log.select_logs(
        f'ticket_system: "{kind}" | select distinct ticket_id from log '  # noqa: S608 (ours)
        f"where event_type <> '{rejections.SEEN}' and (event_type <> '{fetching.FETCHED}' "
        f"or reason = '{fetching.REVOKE}' or time_ms > {lost_ms}) limit {MOST_KNOWN}",
        now - LOOKBACK, now + CLOCKS)  # fmt: skip
    known = {row["ticket_id"] for row in rows}
    return [id for id in finished if id not in known]


def _of_this_turn(run: Fetcher, kind: str) -> list[str]:
    """Of the records whose grants may be alive, those whose turn of the day it is."""
    now = run.now()
    events = "', '".join((*sorted(SERVED), REVOKED))
    rows = run.audit_log.select_logs(
        f'ticket_system: "{kind}" and outcome: {SUCCESS} | '  # noqa: S608 (ours)
        f"select distinct ticket_id, event_type from log where event_type in ('{events}') "
        f"limit {MOST_KNOWN}",
        now - LONGEST_LIFE, now + CLOCKS)  # fmt: skip
    ended = {row["ticket_id"] for row in rows if row["event_type"] == REVOKED}
    turn = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)) // EVERY
    served = {row["ticket_id"] for row in rows} - ended
    return sorted(id for id in served if turn_of(id) == turn)


def turn_of(id: str) -> int:
    """Which of a day's looks reads that record again."""
    return zlib.crc32(id.encode()) % TURNS


def _usable(kind: str, ids: Sequence[str]) -> list[str]:
    odd = [id for id in ids if not hints.RECORD.fullmatch(id)]
    if odd:  # not their text: it is not ours
        log.error("%s names %d records whose ids no ticket can have", kind, len(odd))
    return [id for id in ids if id not in odd]
