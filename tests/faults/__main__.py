"""`python -m tests.faults [--seed S] all [N] | part [N] | pairs N | workflow NAME… | case TEXT…`.

`all` runs every call in every way and N pairs, `part` what every test run covers; both write
docs/faults.md. 1 if anything is violated, or if some fault never came about.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence

from tests.faults import matrix, page, running
from tests.faults.cases import Case, Verdict, parse
from tests.faults.workflows import WORKFLOWS

PAIRS = 200
WRITING = {"all": "every call in every way", "part": "the part that every test run covers"}


def main(argv: Sequence[str] | None = None) -> int:
    options = _arguments(argv)
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    if options.what == "case":
        with running.arenas(1) as clouds:
            verdicts = clouds[0].run([parse(text) for text in options.cases])
    else:
        verdicts = _many(options)
    for line in running.report(verdicts):
        print(line)
    print("\n".join(page.table(verdicts)))
    print(f"{len(verdicts)} runs in {time.monotonic() - began:.0f} s")
    return int(bool(running.report(verdicts)))


def _many(options: argparse.Namespace) -> list[Verdict]:
    with running.arenas() as clouds:
        calls = running.recorded(clouds[0])
        if options.what == "workflow":
            cases = matrix.every({name: calls[name] for name in options.names})
        else:
            cases = matrix.pairs(calls, options.count, options.seed)
        if options.what in WRITING:
            cases += [Case(name) for name in WORKFLOWS]
        if options.what == "all":
            cases += matrix.every(calls)
        if options.what == "part":
            cases += matrix.representatives(calls, options.seed)
        verdicts = running.run(clouds, cases, _tell)
    if options.what == "all":
        verdicts += _over_https()
    if options.what in WRITING:
        page.write(verdicts, calls, options.seed, WRITING[options.what])
    return verdicts


def _over_https() -> list[Verdict]:
    """SLS's SDK repeats differently over https: its calls once more, in every way."""
    with running.arenas(https=True) as clouds:
        calls = running.recorded(clouds[0])
        only = {name: [call for call in made if call.product == "sls"]
                for name, made in calls.items()}  # fmt: skip
        return running.run(clouds, matrix.every(only), _tell)


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    kinds = parser.add_subparsers(dest="what", required=True)
    for name, what in WRITING.items():
        writing = kinds.add_parser(name, help=f"{what}, and some pairs")
        writing.add_argument("count", type=int, nargs="?", default=PAIRS)
    some = kinds.add_parser("pairs", help="so many random pairs")
    some.add_argument("count", type=int)
    flow = kinds.add_parser("workflow", help="every call of these workflows in every way")
    flow.add_argument("names", nargs="+", choices=list(WORKFLOWS))
    one = kinds.add_parser("case", help="cases by their text, side by side")
    one.add_argument("cases", nargs="+")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
