"""Write the inventory of all keys as an HTML page, from the audit log.

`python -m deploy.report [FILE]` (`build/report.html`) with the settings and an auditor's
credentials: `deploy/auditor-policy.json` allows all that it reads. akw-rotate writes the inventory,
a twenty-fourth of the users each hour; akw-posture and akw-cleanup the rest.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from deploy import invocation
from deploy.report_page import Report, page
from shared import audit, bootstrap, inventory
from shared.audit import Row
from shared.errors import CloudError
from shared.ports import AuditLog
from shared.posture import rows as posture_rows
from shared.posture.judging import PASS

# Each user's turn comes once a day; one that failed shows what was seen on the day before.
WINDOW = timedelta(hours=50)
DAY = timedelta(hours=24)
CLOCKS = timedelta(minutes=15)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page and say where it is."""
    parser = argparse.ArgumentParser(prog="report")
    parser.add_argument("file", nargs="?", default="build/report.html", type=Path)
    target: Path = parser.parse_args(arguments).file
    try:
        current, log = bootstrap.audit_log(os.environ)
        report = collect(log, current.account_id, bootstrap.now())
    except CloudError as err:
        return invocation.failed(f"could not be read, so nothing is known: {err}")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(page(report), encoding="utf-8")
    print(f"{len(report.entries)} keys, {len(report.posture)} controls that do not pass, "
          f"{len(report.findings)} findings: {target}")  # fmt: skip
    if not report.entries:
        print("No key is in the inventory: akw-rotate writes each user's once a day, so a key of "
              "today may be in tomorrow's.")  # fmt: skip
    return 0


def collect(log: AuditLog, account_id: str, now: datetime) -> Report:
    """What the log says of the last days. Raises CloudError: half a report would be a wrong one."""
    def search(event: str, back: timedelta) -> Sequence[Row]:
        return log.get_logs(f'event_type: "{event}"', now - back, now + CLOCKS)

    return Report(
        account_id, inventory.latest(search(inventory.EVENT, WINDOW)),
        _posture(search(posture_rows.RESULT, WINDOW)), _findings(search(audit.FINDING, DAY)), now,
    )  # fmt: skip


def _posture(found: Sequence[Row]) -> list[tuple[str, str, str, str]]:
    """The newest result of each control, if it did not pass."""
    newest: dict[str, Mapping[str, str]] = {}
    for row in found:
        before = newest.get(row.get("reason", ""), {})
        if _time_ms(row) >= _time_ms(before):
            newest[row.get("reason", "")] = row
    return [(control, row.get("outcome", ""), row.get("message", ""), row.get("resources", ""))
            for control, row in sorted(newest.items()) if row.get("outcome") != PASS]  # fmt: skip


def _findings(found: Sequence[Row]) -> list[tuple[str, str, str]]:
    return sorted({(row.get("resources", ""), row.get("reason", ""), row.get("message", ""))
                   for row in found})  # fmt: skip


def _time_ms(row: Mapping[str, str]) -> int:
    text = row.get("time_ms", "")
    return int(text) if text.isdecimal() else 0


if __name__ == "__main__":
    sys.exit(invocation.told(main))
