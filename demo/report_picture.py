"""Take the picture of the report page in docs/: invented keys, the real page, a real browser.

`python -m demo.report_picture` writes docs/report.png with the chromium that is on the PATH.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy.report_page import Report, page
from shared.inventory import NEVER, UNKNOWN, Entry

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
PICTURE = Path(__file__).resolve().parents[1] / "docs" / "report.png"
# application, environment, status, age, last used, service, days left, requester, template
KEYS: list[tuple[str | float, ...]] = [
    ("orders", "prod", "Active", 12, 0.1, "Sls", 48, "alice", "sls-logstore-write"),
    ("billing", "prod", "Active", 87, 0.2, "Oss", 3, "bob", "oss-prefix-read"),
    ("billing", "prod", "Inactive", 93, 6, "Oss", 3, "bob", "oss-prefix-read"),
    ("search", "prod", "Active", 41, 0.1, "Sls", 49, "erin", "sls-logstore-write"),
    ("reports", "dev", "Active", 33, NEVER, "", 27, "frank", "oss-prefix-read"),
    ("mailer", "prod", "Active", 2, 0.5, "Kms", 58, "alice", "sls-logstore-write"),
    ("scanner", "prod", "Active", 64, UNKNOWN, "", 26, "grace", "oss-prefix-read"),
    ("importer", "dev", "Active", 8, 1, "Oss", 22, "bob", "oss-prefix-read"),
    ("kiosk", "prod", "Active", 71, 0.3, "Sls", 19, "heidi", "sls-logstore-write"),
]
POSTURE = [
    ("direct-attachment", "fail", "low; by design", '{"count": 8, "first": [{"resource": '
     '"user/akw-orders-prod", "why": "holds akw-orders-prod itself"}]}'),
    ("two-active-keys", "fail", "high", '{"count": 1, "first": [{"resource": "user/legacy-etl", '
     '"why": "has 2 keys in use"}]}'),
    ("root-mfa", "unknown", "high", '{"count": 1, "first": [{"resource": "account", "why": '
     '"GetAccountSecurityPracticeReport was refused: NoPermission"}]}'),
]  # fmt: skip
FINDINGS = [("user/akw-kiosk-prod", "key_not_ours", "LTAI5tByHand00000000001")]


def entry(number: int, line: tuple[str | float, ...]) -> Entry:
    application, environment, status, age, used, service, left, requester, template = line
    last = used if isinstance(used, str) else NOW - timedelta(days=used)
    return Entry(
        str(application), str(environment), f"akw-{application}-{environment}",
        f"LTAI5tExample{number:011}", str(status), NOW - timedelta(days=float(age)), last,
        str(service), NOW + timedelta(days=float(left)), ("standard-webhooks", f"OPS-10{number}"),
        str(requester), ("carol@example.com", "dave@example.com"), (str(template),),
        NOW - timedelta(hours=number),
    )  # fmt: skip


def main() -> int:
    """Render, open, take the picture."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no chromium on the PATH", file=sys.stderr)
        return 1
    entries = [entry(number, line) for number, line in enumerate(KEYS)]
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "report.html"
        path.write_text(page(Report("1234567890123456", entries, POSTURE, FINDINGS, NOW)),
                        encoding="utf-8")  # fmt: skip
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        subprocess.run(  # noqa: S603 (arguments of ours)
            [chromium, "--headless", "--disable-gpu", *sandbox, f"--user-data-dir={home}/profile",
             f"--screenshot={PICTURE}", "--window-size=1500,1000", f"{path.as_uri()}#sort=ends"],
            check=True, capture_output=True, timeout=120,
        )  # fmt: skip
    return 0


if __name__ == "__main__":
    sys.exit(main())
