"""Fault rules in force: what goes wrong, at which call of which action.

Kinds: `error` (answer with status and code instead of acting), `throttle` (the product's
throttling error), `delay` (seconds before acting), `drop` (act, then close the connection without
an answer), `kill-before` and `kill-after` (SIGKILL the function instance that calls), `outage`
(every call refused or dropped, even before it is authenticated), `expire-token` (the calling
session's token has expired from now on); `lag` and `stale-not-found` stand in `staleness`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from emulator.clock import Clock
from emulator.errors import ProductError
from emulator.fault_rules import Rule, parse
from emulator.history import Entry
from emulator.past import Past
from emulator.wire import Response

Detail = Callable[[], str]
_ON_ARRIVAL = ("outage", "expire-token")
_AT_THE_ACTION = ("error", "throttle", "delay", "drop", "kill-before", "kill-after")
_STALE = ("lag", "stale-not-found")


class Faults:
    """The rules in force. A caller is known by the id of its function instance or of its
    AccessKey: `kill` ends that instance, `function_of` names its function, `event_of` tells the
    event that it is running. `expire` lets a session expire."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rules: list[Rule] = []
        self._next_id = 1
        self.past = Past()
        self._lock = threading.Lock()
        self.kill: Callable[[str], bool] = lambda _: False
        self.expire: Callable[[str], object] = lambda _: False
        self.function_of: Callable[[str], str] = lambda _: ""
        self.event_of: Callable[[str], str] = lambda _: ""

    def add(self, description: dict[str, Any]) -> Rule:
        """Add a rule; ValueError if it is not one."""
        rule = parse(description)
        if rule.kind == "outage" and rule.seconds:
            rule.until = self._clock.time() + rule.seconds
        with self._lock:
            if rule.kind == "lag" and not self.longest_lag_seconds():
                self.past.clear()  # kept by earlier rules, and not since
            rule.id, self._next_id = self._next_id, self._next_id + 1
            self._rules.append(rule)
        return rule

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(rule) for rule in self._rules]

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()
            self.past.clear()

    def remove(self, rule_id: int) -> None:
        """Take one rule out of force; KeyError if there is none of that id."""
        with self._lock:
            kept = [rule for rule in self._rules if rule.id != rule_id]
            if len(kept) == len(self._rules):
                raise KeyError(rule_id)
            self._rules = kept

    # -- at the moments of a call -----------------------------------------------------------

    def arrive(self, entry: Entry, detail: Detail | None = None) -> None:
        """Apply what happens before a call is authenticated. `detail` reads what the history does
        not keep of a call, for rules that aim by it."""
        for rule in self._firing(entry, _ON_ARRIVAL, detail):
            entry.faults.append(rule.kind)
            if rule.kind == "expire-token":
                self.expire(entry.access_key_id)
            else:
                entry.dropped = rule.drop
                raise ProductError(rule.status, rule.code, rule.message)

    def before(self, entry: Entry, detail: Detail | None = None) -> None:
        """Apply what happens before the action; the rest is left on the entry for `after`."""
        for rule in self._firing(entry, _AT_THE_ACTION, detail):
            entry.faults.append(rule.kind)
            if rule.kind == "delay":
                time.sleep(rule.seconds)
            elif rule.kind == "error":
                raise ProductError(rule.status, rule.code, rule.message)
            elif rule.kind == "throttle":
                raise _throttling(entry.product)
            else:
                entry.dropped = True
            if rule.kind == "kill-before":
                self.kill(_caller(entry))
                raise ProductError(rule.status, rule.code, rule.message)

    def after(self, entry: Entry, response: Response) -> Response:
        """Drop the answer or kill the caller, now that the change is made."""
        if "kill-after" in entry.faults:
            self.kill(_caller(entry))
        return Response(0, drop=True) if entry.dropped else response

    # -- for `staleness` --------------------------------------------------------------------

    @property
    def stale_reads(self) -> bool:
        """Whether any rule makes reads stale; if not, nothing is kept and nothing compared."""
        return any(rule.kind in _STALE for rule in self._rules)

    def longest_lag_seconds(self) -> float:
        return max((rule.seconds for rule in self._rules if rule.kind == "lag"), default=0.0)

    def stale(self, entry: Entry, kind: str) -> list[Rule]:
        """The rules of a kind that match a read, uncounted."""
        with self._lock:
            return self._matching(entry, (kind,), None)

    def fires(self, rule: Rule, entry: Entry) -> bool:
        """Count a read that a rule applies to."""
        with self._lock:
            fires = rule.count()
        if fires:
            entry.faults.append(rule.kind)
        return fires

    # -- matching ---------------------------------------------------------------------------

    def _firing(self, entry: Entry, kinds: tuple[str, ...], detail: Detail | None) -> list[Rule]:
        if not self._rules:
            return []
        with self._lock:
            return [rule for rule in self._matching(entry, kinds, detail) if rule.count()]

    def _matching(self, entry: Entry, kinds: tuple[str, ...], detail: Detail | None) -> list[Rule]:
        function, event = self.function_of(_caller(entry)), self.event_of(entry.instance)
        return [
            rule for rule in self._rules
            if rule.kind in kinds
            and rule.product in ("*", entry.product)
            and rule.action in ("*", entry.action)
            and rule.function in ("*", function)
            and (not rule.until or self._clock.time() < rule.until)
            and (rule.kind != "expire-token" or entry.access_key_id.startswith("STS."))
            and (not rule.contains or rule.contains in _text(entry, detail))
            and (not rule.event or rule.event in event)
        ]  # fmt: skip


def _caller(entry: Entry) -> str:
    """The instance's id, or of a caller that gives none the key that it signs with."""
    return entry.instance or entry.access_key_id


def _text(entry: Entry, detail: Detail | None) -> str:
    """What `contains` is looked for in: `name=value` lines."""
    lines = [f"{name}={value}" for name, value in entry.parameters.items()]
    return "\n".join([*lines, detail() if detail else ""])


def _throttling(product: str) -> ProductError:
    if product == "kms":
        return ProductError(429, "Rejected.Throttling", "QPS Limit Exceeded", retry_after_ms=200)
    if product == "sls":
        return ProductError(403, "WriteQuotaExceed", "Write quota is exceeded.")
    if product == "feishu":
        return ProductError(429, "99991400", "request trigger frequency limit")
    if product in ("jira", "github", "slack", "itsm"):
        return ProductError(429, "TooManyRequests", "Rate limit exceeded.")
    if product == "dingtalk":
        return ProductError(403, "Forbidden.AccessDenied.QpsLimitForApi", "Too many calls.")
    return ProductError(
        400, "Throttling.User", "Request was denied due to user flow control.", retry_after_ms=200
    )
