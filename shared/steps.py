"""Run independent calls side by side, and keep how each planned change ended."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from shared.audit import FAILURE, SUCCESS, UNKNOWN, Attempt, Outcome
from shared.errors import CloudError, CloudRefused, LeaseHeld, StateChanged

Call = Callable[[], Any]


@dataclass(frozen=True)
class AlreadySo:
    """A change that had happened before: a success, kept with the words of the service."""

    request_id: str
    status: int
    code: str


def unless_so(call: Call, *already: type[CloudRefused]) -> Call:
    """Make these refusals (gone already, attached already) a success that says so."""

    def run() -> Any:
        try:
            return call()
        except already as err:
            return AlreadySo(err.request_id, err.status, err.code)

    return run


def side_by_side(*calls: Call) -> list[Any]:
    """Run all calls at once and return their values in order.

    Every call is awaited before the first error is raised, so that none is left running
    unwatched while the caller already cleans up.
    """
    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        futures = [pool.submit(call) for call in calls]
    return [future.result() for future in futures]


def step(record: Attempt, event_type: str, call: Call, *, target: str = "") -> Call:
    """Wrap a planned change so that its outcome is kept; its error passes on.

    A change that the plan left out is already so: it becomes a call that does nothing. So no
    change can ever be made that was not announced.
    """
    change = record.planned(event_type, target)

    def run() -> Any:
        if change is None:
            return None
        record.outcomes[change] = Outcome(UNKNOWN)
        try:
            value = call()
        except CloudRefused as err:
            record.outcomes[change] = Outcome(FAILURE, err.request_id, err.status, err.code)
            raise
        except (LeaseHeld, StateChanged) as err:  # known not to have happened: no doubt about it
            record.outcomes[change] = Outcome(FAILURE, code=err.reason)
            raise
        except CloudError as err:
            record.outcomes[change] = Outcome(UNKNOWN, code=err.reason)
            raise
        if isinstance(value, AlreadySo):
            record.outcomes[change] = Outcome(
                SUCCESS, value.request_id, value.status, value.code, "already so"
            )
            return value
        request_id = value if isinstance(value, str) else getattr(value, "request_id", "")
        record.outcomes[change] = Outcome(SUCCESS, request_id, 200)
        return value

    return run
