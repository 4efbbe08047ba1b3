"""`python -m tests.faults [--seed S] [--https] all [N] | part [N] | pairs N | workflow NAME… |
case TEXT… | shape`.

`all` runs every call in every way and N pairs, and then those to SLS once more over https (with
`--https`: only these); `part` what every test run covers. Both write docs/faults.md. 1 if anything
is violated, or if some fault never came about. Run it on a machine that does nothing else: the
clients' timeouts are a second or two.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence

from tests.faults import matrix, page, running
from tests.faults.cases import Case, Verdict, parse
from tests.faults.matrix import Calls
from tests.faults.workflows import WORKFLOWS

PAIRS = 200
WRITING = {"all": "every call in every way", "part": "the part that every test run covers"}


def main(argv: Sequence[str] | None = None) -> int:
    options = _arguments(argv)
    print(f"seed {options.seed}", flush=True)
    began = time.monotonic()
    if options.what == "case":
        with running.arenas(1, https=options.https) as clouds:
            verdicts = clouds[0].run([parse(text) for text in options.cases])
    elif options.what == "shape":
        with running.arenas(1) as clouds:
            page.write_shape(running.recorded(clouds[0]))
        return 0
    else:
        verdicts = _many(options)
    for line in running.report(verdicts):
        print(line)
    print("\n".join(page.table(verdicts)))
    print(f"{len(verdicts)} runs in {time.monotonic() - began:.0f} s")
    return int(bool(running.report(verdicts)))


def _many(options: argparse.Namespace) -> list[Verdict]:
    """One pass; of all there is, two: SLS's SDK repeats differently over https, so that its calls
    are broken once more there."""
    verdicts = _pass(options, https=options.https)
    if options.what == "all" and not options.https:
        verdicts += _pass(options, https=True)
    return verdicts


def _pass(options: argparse.Namespace, *, https: bool) -> list[Verdict]:
    with running.arenas(https=https) as clouds:
        calls = running.recorded(clouds[0])
        cases = _cases(options, calls, https=https)
        verdicts = running.again(clouds, running.run(clouds, cases, _tell), _tell)
    if options.what in WRITING:
        page.write(verdicts, options.seed, WRITING[options.what], https=https)
        if not https:
            page.write_shape(calls)
    return verdicts


def _cases(options: argparse.Namespace, calls: Calls, *, https: bool) -> list[Case]:
    only = {name: [call for call in made if call.product == "sls" or not https]
            for name, made in calls.items()}  # fmt: skip
    if options.what == "workflow":
        return matrix.every({name: only[name] for name in options.names})
    if options.what == "all" and https:
        return matrix.every(only)
    cases = matrix.pairs(only, options.count, options.seed)
    if options.what in WRITING:
        cases += [Case(name) for name in WORKFLOWS]
    if options.what == "all":
        cases += matrix.every(only)
    if options.what == "part":
        cases += matrix.representatives(only, options.seed)
    return cases


def _tell(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    parser.add_argument("--https", action="store_true", help="SLS is spoken to over https")
    kinds = parser.add_subparsers(dest="what", required=True)
    for name, what in WRITING.items():
        writing = kinds.add_parser(name, help=f"{what}, and some pairs")
        writing.add_argument("count", type=int, nargs="?", default=PAIRS)
    some = kinds.add_parser("pairs", help="so many random pairs")
    some.add_argument("count", type=int)
    flow = kinds.add_parser("workflow", help="every call of these workflows in every way")
    flow.add_argument("names", nargs="+", choices=list(WORKFLOWS))
    kinds.add_parser("shape", help="only count the calls of clean runs anew, on the page")
    one = kinds.add_parser("case", help="cases by their text, side by side")
    one.add_argument("cases", nargs="+")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
