"""Fault rules: what goes wrong, at which call of which action.

Kinds: `error` (answer with status and code instead of acting), `throttle` (the product's
throttling error), `delay` (seconds before acting), `drop` (act, then close the connection without
an answer), `kill-before` and `kill-after` (SIGKILL the function instance that calls).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from emulator.errors import ProductError
from emulator.history import Entry
from emulator.wire import Response

KINDS = ("error", "throttle", "delay", "drop", "kill-before", "kill-after")


@dataclass
class Rule:
    """Matches calls of a product and action; `*` matches any. It fires on the matching calls
    number `nth` to `nth + times - 1` (counted from 1), or forever if `times` is 0."""

    kind: str
    product: str = "*"
    action: str = "*"
    function: str = "*"
    nth: int = 1
    times: int = 1
    status: int = 500
    code: str = "InternalError"
    message: str = "Injected fault."
    seconds: float = 0.0
    id: int = 0
    seen: int = 0
    fired: int = 0


class Faults:
    """The rules in force. `kill` ends the function instance that holds an AccessKey id."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._next_id = 1
        self._lock = threading.Lock()
        self.kill: Callable[[str], bool] = lambda _: False
        self.function_of: Callable[[str], str] = lambda _: ""

    def add(self, description: dict[str, Any]) -> Rule:
        """Add a rule; ValueError if it is not one."""
        if description.get("kind") not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}")
        unknown = set(description) - set(Rule.__dataclass_fields__)
        if unknown:
            raise ValueError(f"unknown field {sorted(unknown)[0]}")
        for name, value in description.items():
            _check_type(name, value)
        rule = Rule(**description)
        if not 200 <= rule.status <= 599:
            raise ValueError("status must be one of HTTP's final ones")
        with self._lock:
            rule.id, self._next_id = self._next_id, self._next_id + 1
            self._rules.append(rule)
        return rule

    def listed(self) -> list[dict[str, Any]]:
        return [asdict(rule) for rule in self._rules]

    def clear(self) -> None:
        with self._lock:
            self._rules.clear()

    def before(self, entry: Entry) -> None:
        """Apply what happens before the action; the rest is left on the entry for `after`."""
        for rule in self._firing(entry):
            entry.faults.append(rule.kind)
            if rule.kind == "delay":
                time.sleep(rule.seconds)
            elif rule.kind == "error":
                raise ProductError(rule.status, rule.code, rule.message)
            elif rule.kind == "throttle":
                raise _throttling(entry.product)
            elif rule.kind == "kill-before":
                self.kill(entry.access_key_id)
                raise ProductError(rule.status, rule.code, rule.message)

    def after(self, entry: Entry, response: Response) -> Response:
        """Drop the answer or kill the caller, now that the change is made."""
        if "kill-after" in entry.faults:
            self.kill(entry.access_key_id)
        if "drop" in entry.faults or "kill-after" in entry.faults or "kill-before" in entry.faults:
            return Response(0, drop=True)
        return response

    def _firing(self, entry: Entry) -> list[Rule]:
        function = self.function_of(entry.access_key_id)
        with self._lock:
            firing = []
            for rule in self._rules:
                wanted = ((rule.product, entry.product), (rule.action, entry.action),
                          (rule.function, function))  # fmt: skip
                if any(pattern not in ("*", value) for pattern, value in wanted):
                    continue
                rule.seen += 1
                in_range = rule.seen >= rule.nth
                if in_range and (rule.times == 0 or rule.seen < rule.nth + rule.times):
                    rule.fired += 1
                    firing.append(rule)
        return firing


def _check_type(name: str, value: object) -> None:
    """A rule of wrong types would fail later, inside the calls that it matches."""
    wanted = type(getattr(Rule, name, ""))  # only `kind` has no default
    kinds = (int, float) if wanted is float else (wanted,)
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f"{name} must be a {wanted.__name__}")


def _throttling(product: str) -> ProductError:
    if product == "kms":
        return ProductError(429, "Rejected.Throttling", "QPS Limit Exceeded", retry_after_ms=200)
    if product == "sls":
        return ProductError(403, "WriteQuotaExceed", "Write quota is exceeded.")
    return ProductError(
        400, "Throttling.User", "Request was denied due to user flow control.", retry_after_ms=200
    )
