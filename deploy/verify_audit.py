"""Verify the audit log: was a row changed, dropped, moved or forged after it was written?

`python -m deploy.verify_audit [--since 2026-09-01T00:00:00Z]` with an auditor's credentials in
ALIBABA_CLOUD_ACCESS_KEY_ID, ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN), and
the settings that the functions get. `deploy/auditor-policy.json` is all that they need to be
allowed. Exit code: 0 nothing found, 1 findings, 2 it could not be read or the settings are wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from shared import bootstrap, digests, examination
from shared.audit_verification import Report
from shared.errors import CloudError, CloudUnknown, ConfigError

CLEAN, FOUND, UNREAD = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Read, verify, print: one line per finding and one of summary."""
    parser = argparse.ArgumentParser(prog="verify-audit")
    parser.add_argument(
        "--since", type=_moment, metavar="TIME",
        help="from the window of this moment on, ISO 8601, UTC unless it says otherwise "
             "(default: since the audit log exists)",
    )  # fmt: skip
    since = parser.parse_args(arguments).since
    try:
        report = examination.examine(bootstrap.auditor(os.environ), since)
    except ConfigError as err:
        return _unread(*err.problems)
    except KeyError as err:
        return _unread(f"{err.args[0]} is required: an auditor's credentials")
    except CloudUnknown:
        return _unread("no answer from the cloud, so nothing is known")
    except CloudError as err:
        return _unread(f"could not be read, so nothing is known: {err}")
    for line in shown(report):
        print(line)
    return FOUND if report.findings else CLEAN


def shown(report: Report) -> list[str]:
    """The report as text."""
    summary = (
        f"{report.rows} rows of {report.attempts} attempts, {report.windows} windows of "
        f"{digests.WINDOW_SECONDS // 60} minutes with a signed digest, "
        f"{report.uncovered} rows not covered yet: "
    )
    count = len(report.findings)
    verdict = f"{count} finding{'' if count == 1 else 's'}" if count else "nothing found"
    if not (count or report.windows):
        verdict += ", but nothing is signed yet"
    return [*map(str, report.findings), summary + verdict]


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        ahead = moment > datetime.now(UTC)
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError("not an ISO 8601 time, such as 2026-09-01") from None
    if ahead:
        raise argparse.ArgumentTypeError("lies in the future")
    return moment


def _unread(*lines: str) -> int:
    print("\n".join(lines), file=sys.stderr)
    return UNREAD


if __name__ == "__main__":
    sys.exit(main())
