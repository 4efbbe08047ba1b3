"""How a call is broken: each kind of fault as rules of the emulator, and where it can apply."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Rule = dict[str, Any]

DELAY_SECONDS = 3.0  # longer than the clients' read timeout in `arena.SETTINGS`
# The two clients of the ingress have timeouts of their own (shared/adapters/{fc,kms_reader}.py).
INGRESS_DELAY_SECONDS = {"fc": 11.0, "kms": 6.0}
LAG_SECONDS = 1.5  # shorter than the longest propagation that the functions are told
STATES = ("ram", "ims", "kms")  # products whose reads can lag
READS = ("Get", "List", "Describe")


@dataclass(frozen=True, order=True)
class Call:
    """The `nth` call of an action by a function in a clean run; `place`: among all the calls that
    this function makes to that product."""

    function: str
    product: str
    action: str
    nth: int = 1
    place: int = 1

    @property
    def reads(self) -> bool:
        return self.action.startswith(READS)

    @property
    def proves_the_end(self) -> bool:
        """Whether it asks with a key that is gone: refused before there is anything to break."""
        return self.function != "akw-issue" and self.product == "sts"

    @property
    def name(self) -> str:
        return f"{self.function}:{self.product}.{self.action}.{self.nth}"


def _at(call: Call, kind: str, **more: Any) -> list[Rule]:
    return [{"kind": kind, "product": call.product, "action": call.action,
             "function": call.function, "nth": call.nth, **more}]  # fmt: skip


def _delay(call: Call) -> list[Rule]:
    seconds = DELAY_SECONDS
    if call.function == "akw-approval":
        seconds = INGRESS_DELAY_SECONDS[call.product]
    return _at(call, "delay", seconds=seconds)


def _outage(call: Call) -> list[Rule]:
    """From this very call on the product refuses everything that the function asks."""
    if call.proves_the_end:
        return [{"kind": "outage", "product": call.product, "function": call.function}]
    return [{
        "kind": "error", "product": call.product, "function": call.function,
        "nth": call.place, "times": 0, "status": 503, "code": "ServiceUnavailable",
    }]  # fmt: skip


def _drop(call: Call) -> list[Rule]:
    if call.proves_the_end:
        return [rule | {"drop": True} for rule in _outage(call)]
    return _at(call, "drop")


def _lag(call: Call) -> list[Rule]:
    """A read sees what was a while ago; after a write, every read of the product does."""
    rule: Rule = {"kind": "lag", "product": call.product, "function": call.function,
                  "seconds": LAG_SECONDS}  # fmt: skip
    return [rule | ({"action": call.action} if call.reads else {})]


KINDS: dict[str, Callable[[Call], list[Rule]]] = {
    "error": lambda call: _at(call, "error"),
    "refused": lambda call: _at(call, "error", status=403, code=(
        "Unauthorized" if call.product == "sls" else "NoPermission")),
    "throttle": lambda call: _at(call, "throttle", times=2),
    "delay": _delay,
    "drop": _drop,
    "kill-before": lambda call: _at(call, "kill-before"),
    "kill-after": lambda call: _at(call, "kill-after"),
    "outage": _outage,
    "lag": _lag,
    "stale-not-found": lambda call: _at(call, "stale-not-found"),
    "expire-token": lambda call: _at(call, "expire-token"),
}
LASTING = frozenset({"outage", "drop"})  # over, at the latest, when the second retry begins
# A read that is stale only where something exists, and a lag that hides nothing, are no failure of
# the matrix to aim: such a rule need not fire.
MAY_MISS = frozenset({"lag", "stale-not-found"})


def applies(kind: str, call: Call) -> bool:
    """Whether that kind of fault means anything for that call."""
    if call.proves_the_end:
        return kind in ("outage", "drop")
    if kind == "lag":
        return call.product in STATES
    if kind == "stale-not-found":
        return call.reads and call.product in (*STATES, "sls")
    if kind == "expire-token":
        return call.product != "sts"  # GetCallerIdentity is signed by the new key
    return True
