"""Reads that do not see what was written: fault rules of the kinds `lag` and `stale-not-found`.

`lag`: Get, List and Describe calls through a product see its state as it was some seconds ago, but
never as it was before the rule was made; writes act on the present, so names stay unique. RAM and
IMS show one state: a rule for `ram` makes RAM's reads lag, whichever of the two wrote.
`stale-not-found`: a read of what exists is answered as if nothing were there; only reads that then
have a not-found error count. Both cost nothing while no such rule is in force.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from emulator.call import Call, Denied
from emulator.errors import ProductError
from emulator.kms.state import KmsState
from emulator.ram.state import RamState
from emulator.sls.state import SlsState

if TYPE_CHECKING:
    from emulator.cloud import Cloud

T = TypeVar("T")
_SHOWN = {"ram": "ram", "ims": "ram", "kms": "kms", "sls": "sls"}  # the state a product shows
_LAGGING = {product: name for product, name in _SHOWN.items() if product != "sls"}
_READS = ("Get", "List", "Describe", "BatchGet")
_NOT_FOUND = 404


def answered(call: Call, run: Callable[[Call], T]) -> T:
    """Run an action under the cloud's lock: on the present, unless a rule makes its read stale."""
    cloud, entry = call.cloud, call.entry
    if not cloud.faults.stale_reads:
        return run(call)
    if entry.writes:
        _keep(cloud, entry.product)
        return run(call)
    if not entry.action.startswith(_READS):
        return run(call)
    return _not_found(call, run, run(_lagging(call)))


def _keep(cloud: Cloud, product: str) -> None:
    seconds = cloud.faults.longest_lag_seconds()
    name = _LAGGING.get(product)
    if seconds and name:
        cloud.faults.past.keep(name, getattr(cloud, name), cloud.clock.time(), seconds)


def _lagging(call: Call) -> Call:
    """The call as its product sees it: on the state of some seconds ago, if that was another."""
    name = _LAGGING.get(call.entry.product)
    rules = call.cloud.faults.stale(call.entry, "lag") if name else []
    if not rules:
        return call
    slowest = max(rules, key=lambda rule: rule.seconds)
    state = call.cloud.faults.past.as_of(str(name), call.cloud.clock.time() - slowest.seconds)
    if state is None:
        return call
    call.cloud.faults.fires(slowest, call.entry)
    return _seeing(call, str(name), state)


def _not_found(call: Call, run: Callable[[Call], T], answer: T) -> T:
    """The answer, or the refusal that the product has where there is nothing."""
    rules = call.cloud.faults.stale(call.entry, "stale-not-found")
    name = _SHOWN.get(call.entry.product)
    if not rules or not name:
        return answer
    empty = _seeing(call, name, _blank(call.cloud, name))
    try:
        run(replace(empty, entry=replace(call.entry, decisions=[])))
    except Denied:
        return answer
    except ProductError as refusal:
        if refusal.status == _NOT_FOUND:
            fired = [call.cloud.faults.fires(rule, call.entry) for rule in rules]
            if any(fired):
                raise
    return answer


def _blank(cloud: Cloud, name: str) -> object:
    """A state in which nothing has been made yet."""
    if name == "ram":
        return RamState(cloud.account_id)
    return (KmsState if name == "kms" else SlsState)(cloud.account_id, cloud.region)


def _seeing(call: Call, name: str, state: object) -> Call:
    """The same call in a cloud with another state of one product; all else is shared."""
    view = copy.copy(call.cloud)
    setattr(view, name, state)
    return replace(call, cloud=view, present=call.cloud)
