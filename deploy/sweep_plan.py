"""Show what the next sweep of akw-cleanup would do, by asking it: nothing is changed.

`python -m deploy.sweep_plan [--everybody]` with an administrator's credentials and the settings, as
`deploy.provision` takes them. With `--everybody` it shows what the daily look would do, at all
users at once. The function answers within its timeout; it reads as it does by its timers.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence

from deploy import invocation
from shared import naming

HEADER = ("WHAT", "WHERE", "WHY")
TAKES_AWAY = ("end grant", "disable key", "remove remains", "retire key", "finish revocation",
              "carry out order")  # fmt: skip
REQUEST = b'{"dry_run": true}'
OF_EVERYBODY = b'{"dry_run": true, "everybody": true}'


def plan(environment: Mapping[str, str], request: bytes = REQUEST) -> list[str]:
    """The plan as lines of a table. RuntimeError if the function failed or refused."""
    answer = invocation.answer_of(environment, naming.CLEANUP_FUNCTION, request)
    if answer.get("status") != "planned":
        said = answer.get("errorMessage") or answer.get("reason") or "no plan"
        raise RuntimeError(f"akw-cleanup: {said}")
    return table([[str(cell) for cell in line] for line in answer["plan"]])


def table(lines: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side under their names, the things that are taken away first; one line that
    says so if there is nothing to do."""
    if not lines:
        return ["nothing to do"]
    shown = [HEADER, *sorted(lines, key=lambda line: (_weight(line[0]), *line))]
    widths = [max(len(line[at]) for line in shown) for at in range(2)]
    counts = Counter(line[0] for line in lines)
    told = ", ".join(f"{count} x {what}" for what, count in sorted(
        counts.items(), key=lambda pair: (_weight(pair[0]), pair[0])))  # fmt: skip
    return [
        *(f"{what:<{widths[0]}}  {where:<{widths[1]}}  {why}".rstrip()
          for what, where, why in shown),
        "", f"{told}; nothing was changed",
    ]  # fmt: skip


def _weight(what: str) -> int:
    return 2 if what in ("leave", "finding") else 0 if what in TAKES_AWAY else 1


def main() -> int:
    """Print the plan; one line for what is wrong."""
    parser = argparse.ArgumentParser(prog="make sweep-plan", description=__doc__.splitlines()[0])
    parser.add_argument("--everybody", action="store_true", help="of the daily look at each user")
    options = parser.parse_args()
    lines = plan(os.environ, OF_EVERYBODY if options.everybody else REQUEST)
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(invocation.told(main))
