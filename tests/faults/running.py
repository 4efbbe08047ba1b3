"""Run many cases on several clouds side by side: more than cores, as most of the time is waited."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue

from tests.faults.arena import Arena
from tests.faults.cases import Case, Verdict
from tests.faults.matrix import Calls, batches
from tests.faults.workflows import WORKFLOWS

ARENAS = 4
MORE_TRIES = 3
Told = Callable[[str], None]


@contextmanager
def arenas(count: int = ARENAS, *, https: bool = False) -> Iterator[list[Arena]]:
    """Some clouds; all of them end, whatever happens."""
    made: list[Arena] = []
    try:
        while len(made) < count:
            made.append(Arena(https=https))
        yield made
    finally:
        for arena in made:
            arena.stop()


def recorded(arena: Arena, times: int = 3) -> Calls:
    """The calls of a clean run of each workflow in which they have one order: of some runs the
    shortest, as a question that is asked again while an index catches up is not in every run."""
    return {
        name: min((arena.recorded(name) for _ in range(times)), key=len)
        for name, flow in WORKFLOWS.items() if not flow.crowded
    }  # fmt: skip


def run(clouds: Sequence[Arena], cases: Sequence[Case], tell: Told) -> list[Verdict]:
    """Run all cases; whoever is free takes the next batch. The slow batches first: they wait, and
    the others fill the time."""
    waiting: SimpleQueue[list[Case]] = SimpleQueue()
    queued = batches(cases)
    for batch in reversed(queued):
        waiting.put(batch)

    def work(arena: Arena) -> list[Verdict]:
        found: list[Verdict] = []
        while not waiting.empty():
            verdicts = arena.run(waiting.get())
            found += verdicts
            bad = sum(bool(verdict.violations) for verdict in verdicts)
            tell(f"{len(verdicts)} cases, {bad} with violations, {waiting.qsize()} batches to go")
            for line in report(verdicts):
                tell(line)
        return found

    with ThreadPoolExecutor(len(clouds)) as pool:
        return [verdict for part in pool.map(work, clouds) for verdict in part]


def again(clouds: Sequence[Arena], verdicts: Sequence[Verdict], tell: Told) -> list[Verdict]:
    """The verdicts, those whose one fault did not come about from another try or two: what a run
    asks again while a log's index catches up, or sends once more, is not in every run."""
    for _ in range(MORE_TRIES):
        missed = [v.case for v in verdicts if v.missed and len(v.case.faults) == 1]
        if missed:
            kept = [v for v in verdicts if v.case not in missed or v.violations]
            verdicts = [*kept, *run(clouds, missed, tell)]
    return list(verdicts)


def command(case: Case) -> str:
    """What runs that one case again."""
    return f"python -m tests.faults case '{case}'"


def report(verdicts: Sequence[Verdict]) -> list[str]:
    """A block of lines for every case that violates something or whose faults never came about."""
    lines = []
    for verdict in verdicts:
        if verdict.violations:
            lines.append(f"VIOLATION {verdict.case}")
            lines += [f"  {name}: {problem}" for name, problems in verdict.violations.items()
                      for problem in problems]  # fmt: skip
            lines.append(f"  again: {command(verdict.case)}")
        elif verdict.missed and len(verdict.case.faults) == 1:
            lines.append(f"MISSED {verdict.case}: the fault never came about")
    return lines
