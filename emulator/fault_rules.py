"""What a fault rule can say, and the check that it says it rightly.

A rule that never fires because of a typing error would let a test pass that proves nothing, so
everything that is not understood is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

PRODUCTS = ("ram", "ims", "sts", "kms", "sls", "fc", "dingtalk", "feishu", "jira", "github",
            "slack", "itsm")  # fmt: skip
_AIM = frozenset({"kind", "product", "action", "function", "contains", "event"})
_COUNT = frozenset({"nth", "times"})
_ANSWER = frozenset({"status", "code", "message"})
# Each kind with the fields that have an effect on it, beside those that aim.
KINDS = {
    "error": _COUNT | _ANSWER,
    "throttle": _COUNT,
    "delay": _COUNT | {"seconds"},
    "drop": _COUNT,
    "kill-before": _COUNT,
    "kill-after": _COUNT,
    "outage": _ANSWER | {"seconds", "drop"},
    "expire-token": _COUNT,
    "lag": frozenset({"seconds"}),
    "stale-not-found": _COUNT,
}
# What a rule of these kinds says where its description is silent.
_PRESET: dict[str, dict[str, Any]] = {
    "outage": {
        "times": 0, "status": 503, "code": "ServiceUnavailable",
        "message": "The request has failed due to a temporary failure of the server.",
    },
    "lag": {"times": 0},
}  # fmt: skip
_LONGEST_SECONDS = 10**8  # three years; `time.sleep` has a limit, too
_STATES = {"lag": ("ram", "ims", "kms"), "stale-not-found": ("ram", "ims", "kms", "sls")}


@dataclass
class Rule:
    """Matches calls of a product, action and function (`*` matches any) with `contains` somewhere
    in their parameters, made while the calling function runs an event with `event` in it. Where
    calls are counted it fires on the matching ones number `nth` to `nth + times - 1` (from 1), or
    forever if `times` is 0. `until` is when an outage ends, in seconds since the epoch; 0 is
    never."""

    kind: str
    product: str = "*"
    action: str = "*"
    function: str = "*"
    contains: str = ""
    event: str = ""
    nth: int = 1
    times: int = 1
    status: int = 500
    code: str = "InternalError"
    message: str = "Injected fault."
    seconds: float = 0.0
    drop: bool = False
    id: int = 0
    seen: int = 0
    fired: int = 0
    until: float = 0.0

    def count(self) -> bool:
        """Count one matching call; whether the rule fires on it."""
        self.seen += 1
        fires = self.seen >= self.nth and (
            self.times == 0 or self.seen < self.nth + self.times
        )
        self.fired += fires
        return fires


_DEFAULTS = {field.name: field.default for field in fields(Rule)} | {"kind": ""}


def parse(description: Mapping[str, Any]) -> Rule:
    """The rule that a description asks for; ValueError names what is wrong with it."""
    kind = description.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    for name in description:
        if name not in _AIM | KINDS[kind]:
            raise ValueError(f"a rule of kind {kind} has no field {name}")
        _check_type(name, description[name])
    rule = Rule(**_PRESET.get(kind, {}) | dict(description))
    _check_values(rule)
    return rule


def _check_type(name: str, value: object) -> None:
    wanted = type(_DEFAULTS[name])
    accepted = (int, float) if wanted is float else (wanted,)
    if type(value) not in accepted:
        raise ValueError(f"{name} must be of type {wanted.__name__}")


def _check_values(rule: Rule) -> None:
    products = _STATES.get(rule.kind, PRODUCTS)
    for right, problem in (
        (rule.product in ("*", *products), f"product must be * or one of {', '.join(products)}"),
        (rule.nth >= 1, "nth counts from 1"),
        (rule.times >= 0, "times must not be negative (0: always)"),
        (400 <= rule.status <= 599, "status must be from 400 to 599"),
        (0 <= rule.seconds <= _LONGEST_SECONDS, f"seconds must be from 0 to {_LONGEST_SECONDS}"),
        (rule.seconds > 0 or rule.kind not in ("delay", "lag"), f"{rule.kind} needs seconds"),
    ):
        if not right:
            raise ValueError(problem)
