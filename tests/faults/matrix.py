"""The lists of cases: every call in every way, a representative of each class, pairs at random."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from tests.faults.cases import Case, Fault
from tests.faults.kinds import KINDS, Call, applies
from tests.faults.workflows import CLEANUP, WORKFLOWS

Calls = dict[str, list[Call]]  # by workflow: the calls of a clean run
BATCH = 40


def every(calls: Calls) -> list[Case]:
    """Every call of every workflow, broken in every way that means anything for it."""
    return [
        Case(workflow, (Fault(call, kind),))
        for workflow, made in calls.items() for kind in KINDS for call in made
        if applies(kind, call)
    ]  # fmt: skip


def class_of(call: Call) -> tuple[str, str, bool]:
    """Calls of one class: same function, same product, both read or both change something. The
    reconciler needs a cloud of its own for each case: its products are one class."""
    product = call.product if call.function != CLEANUP else "*"
    return (call.function, product, call.reads)


def representatives(calls: Calls, seed: int) -> list[Case]:
    """One call of each class in every way; which one is drawn with the seed."""
    chance = random.Random(seed)
    classes: dict[tuple[str, str, bool], list[tuple[str, Call]]] = {}
    for workflow, made in calls.items():
        for call in made:
            classes.setdefault(class_of(call), []).append((workflow, call))
    found = []
    for members in classes.values():
        for kind in KINDS:
            fitting = [(workflow, call) for workflow, call in members if applies(kind, call)]
            if fitting:
                workflow, call = chance.choice(fitting)
                found.append(Case(workflow, (Fault(call, kind),)))
    return found


def pairs(calls: Calls, count: int, seed: int) -> list[Case]:
    """Two faults at once. The second may hit a later attempt: its number is drawn up to twice as
    high as a clean run gets."""
    chance = random.Random(seed)
    faults = {
        workflow: [Fault(call, kind) for kind in KINDS for call in made if applies(kind, call)]
        for workflow, made in calls.items()
    }  # fmt: skip
    return [_pair(chance, faults) for _ in range(count)]


def _pair(chance: random.Random, faults: dict[str, list[Fault]]) -> Case:
    # By the number of calls, so that long workflows are drawn more often than short ones; those
    # that need a cloud of their own are slow.
    weights = [len(made) // (4 if WORKFLOWS[name].alone else 1) for name, made in faults.items()]
    workflow = chance.choices(list(faults), weights)[0]
    first, second = chance.choice(faults[workflow]), chance.choice(faults[workflow])
    most = Counter((f.call.function, f.call.product, f.call.action, f.kind)
                   for f in faults[workflow])  # fmt: skip
    of_kind = most[second.call.function, second.call.product, second.call.action, second.kind]
    later = chance.randrange(2) * of_kind
    call = replace(second.call, nth=second.call.nth + later, place=second.call.place + later)
    return Case(workflow, (first, replace(second, call=call)))


def batches(cases: Iterable[Case]) -> list[list[Case]]:
    """Cases that are run side by side: the slow ones together, as a batch lasts as long as its
    slowest."""
    waiting = sorted(cases, key=lambda case: case.waits)
    alone = [[case] for case in waiting if WORKFLOWS[case.workflow].alone]
    shared = [case for case in waiting if not WORKFLOWS[case.workflow].alone]
    return alone + [shared[at : at + BATCH] for at in range(0, len(shared), BATCH)]


def sequences(cases: Sequence[Case]) -> Counter[tuple[str, str]]:
    """How many cases there are by workflow and kind (`pair` for two)."""
    return Counter((case.workflow, kind_of(case)) for case in cases)


def kind_of(case: Case) -> str:
    return case.faults[0].kind if len(case.faults) == 1 else "pair" if case.faults else "none"
