"""A case of the matrix: one workflow with one or more faults; it can be written down and read."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.faults.kinds import KINDS, Call, Rule

_FAULT = re.compile(r"([a-z-]+):([a-z]+)\.(\w+)\.(\d+)(?:@(\d+))?=([a-z-]+)")


@dataclass(frozen=True, order=True)
class Fault:
    """That call, broken in that way."""

    call: Call
    kind: str

    @property
    def rules(self) -> list[Rule]:
        return KINDS[self.kind](self.call)

    def __str__(self) -> str:
        return f"{self.call.name}@{self.call.place}={self.kind}"


@dataclass(frozen=True, order=True)
class Case:
    """A workflow under faults; as text `workflow/function:product.Action.nth@place=kind+…`."""

    workflow: str
    faults: tuple[Fault, ...] = ()

    @property
    def reads_secrets_anew(self) -> bool:
        """Whether a fault hits what the ingress asks of KMS: once in the life of an instance."""
        aims = {(fault.call.function, fault.call.product) for fault in self.faults}
        return ("akw-approval", "kms") in aims

    @property
    def waits(self) -> int:
        """How much of its time goes by in waiting, 0 for none: SLS's SDK repeats by itself for
        tens of seconds, delays are waited out, a duplicate waits for a lease."""
        return max((_waits(f) for f in self.faults), default=0) + 3 * ("at once" in self.workflow)

    def __str__(self) -> str:
        return f"{self.workflow}/{'+'.join(str(fault) for fault in self.faults)}"


def _waits(fault: Fault) -> int:
    kind, product = fault.kind, fault.call.product
    if kind == "outage" and product == "sls":
        return 3
    if kind == "delay" and fault.call.function == "akw-approval":
        return 2
    return int(kind == "delay" or (kind == "error" and product == "sls"))


def parse(text: str) -> Case:
    """The case that a text names; ValueError if it is none."""
    workflow, _, rest = text.partition("/")
    faults = []
    for part in filter(None, rest.split("+")):
        found = _FAULT.fullmatch(part)
        if not found or found[6] not in KINDS:
            raise ValueError(f"not a fault: {part}")
        call = Call(found[1], found[2], found[3], int(found[4]), int(found[5] or 1))
        faults.append(Fault(call, found[6]))
    return Case(workflow, tuple(faults))


@dataclass(frozen=True)
class Verdict:
    """What a case came to: its violations by invariant, and the faults that never came about."""

    case: Case
    violations: dict[str, list[str]] = field(default_factory=dict)
    missed: tuple[str, ...] = ()
    attempts: int = 0
