"""Rotate one application's key: `python -m deploy.rotate --application orders --environment prod`.

Works with the operator's credentials in ALIBABA_CLOUD_ACCESS_KEY_ID and
ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN) and the settings of the
functions; needs fc:InvokeFunction on akw-rotate, and no other right.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from deploy import invocation
from shared import naming, rotation_runs
from shared.key_text import is_access_key_id
from shared.rotation import ASKED, DISABLE, ENABLE, LEAKED, UNDO, Asked
from shared.rotation_runs import Wish

WORDS = {
    "Create": "a new key was made, stored and made current",
    "Promote": "a key that was stored already was made current",
    "Retire": "a key whose secret nobody has was removed",
    "Disable": "a key was disabled",
    "Enable": "a key works again",
    "Delete": "the former key was deleted",
    "Cut": "the leaked key was cut",
    "TakeBack": "the former key is the current one again",
    "Report": "a finding is on record",
}
DONE, FAILED = 0, 1


def arguments(given: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; exits with 2 and a sentence for what is wrong with it."""
    parser = argparse.ArgumentParser(
        prog="make rotate ARGS='…'", description="Replace one application's key, or undo that."
    )
    parser.add_argument("--application", required=True, metavar="A")
    parser.add_argument("--environment", required=True, metavar="E")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--leaked", metavar="ID", help="this key leaked: cut it at once, then replace")
    how.add_argument("--undo", action="store_true", help="make the former key current again")
    how.add_argument("--disable", action="store_true", help="switch its keys off; keep everything")
    how.add_argument("--enable", action="store_true", help="switch on what --disable switched off")
    options = parser.parse_args(given)
    if options.leaked is not None and not is_access_key_id(options.leaked):
        parser.error("--leaked takes an AccessKey id")
    return options


def wish_of(options: argparse.Namespace) -> Wish:
    """What the options ask for."""
    chosen = {UNDO: options.undo, LEAKED: options.leaked, DISABLE: options.disable,
              ENABLE: options.enable}  # fmt: skip
    why = next((why for why, asked in chosen.items() if asked), ASKED)
    return Wish(options.application, options.environment, Asked(why, options.leaked or ""))


def rotated(environment: Mapping[str, str], wish: Wish) -> int:
    """Ask, print what was done, and return the exit code. RuntimeError if the function failed:
    it can be asked again, and goes on where it was."""
    answer = invocation.answer_of(
        environment, naming.ROTATE_FUNCTION, rotation_runs.payload(wish))
    if answer.get("status") == "refused":
        where = f" ({answer['where']})" if answer.get("where") else ""
        print(f"refused: {answer.get('reason')}{where}; nothing was changed", file=sys.stderr)
        return FAILED
    if answer.get("status") != "rotated":
        said = answer.get("errorMessage") or "no answer"
        raise RuntimeError(f"akw-rotate: {said}; ask again, it goes on where it was")
    steps = [step for step in answer["steps"] if step != "Report"]
    for step in steps:
        print(WORDS[step])
    for finding in answer["findings"]:
        print(f"finding: {finding}")
    if not steps:
        print("nothing was changed: a rotation is under way, or there is nothing to do")
    secret = naming.secret_name(wish.application, wish.environment)
    if wish.asked.why == DISABLE and steps:
        print(f"no key of {secret} works until `--enable`")
    else:
        print(f"readers of {secret} get {answer['current']}")
    return FAILED if answer["findings"] and not steps else DONE


def main() -> int:
    """Rotate as the command line says."""
    return rotated(os.environ, wish_of(arguments(sys.argv[1:])))


if __name__ == "__main__":
    sys.exit(invocation.told(main))
