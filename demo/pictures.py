"""Take the pictures in docs/: of the report page and of a plan. Invented keys, the real page and
the real table, a real browser.

`python -m demo.pictures` writes docs/report.png and docs/sweep-plan.png with the chromium that is
on the PATH.
"""

from __future__ import annotations

import html
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from deploy import sweep_plan
from deploy.report_page import Report, page
from shared.inventory import NEVER, UNKNOWN, Entry

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
DOCS = Path(__file__).resolve().parents[1] / "docs"
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

PLAN = [
    ("disable key", "akw-reports-dev LTAI5tExample00000000005",
     "key_never_used: never used since it was created 33 days ago"),
    ("disable key", "akw-archive-prod LTAI5tExample00000000010",
     "key_unused: last used 97 days ago"),
    ("end grant", "akw-kiosk-dev LTAI5tExample00000000011", "grant_disabled: disabled 31 days ago"),
    ("restore policy", "akw-orders-prod", "approved text is v1"),
    ("finding", "policy/akw-orders-prod", "policy_drifted"),
    ("finding", "key/LTAI5tExample00000000003", "key_too_old: 103 days old"),
    ("finding", "user/akw-search-prod", "policy_not_ours System:AliyunOSSReadOnlyAccess"),
    ("finding", "user/akw-mailer-prod", "exemption_over key_unused"),
]  # fmt: skip


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


def taken(
    chromium: str, home: str, content: str, picture: str, size: str, anchor: str = ""
) -> None:
    """Open the page and take its picture."""
    path = Path(home) / f"{picture}.html"
    path.write_text(content, encoding="utf-8")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    subprocess.run(  # noqa: S603 (arguments of ours)
        [chromium, "--headless", "--disable-gpu", *sandbox, f"--user-data-dir={home}/profile",
         f"--screenshot={DOCS / picture}", f"--window-size={size}", f"{path.as_uri()}{anchor}"],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip


def main() -> int:
    """Render, open, take the pictures."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        print("no chromium on the PATH", file=sys.stderr)
        return 1
    entries = [entry(number, line) for number, line in enumerate(KEYS)]
    report = page(Report("1234567890123456", entries, POSTURE, FINDINGS, NOW))
    lines = "\n".join(["$ make sweep-plan ARGS=--everybody", *sweep_plan.table(PLAN)])
    terminal = ("<body style='margin:24px;background:#1d1f21;color:#e8e8e8'>"
                f"<pre style='font:15px/1.45 monospace'>{html.escape(lines)}</pre>")  # fmt: skip
    with tempfile.TemporaryDirectory() as home:
        taken(chromium, home, report, "report.png", "1500,1000", "#sort=ends")
        taken(chromium, home, terminal, "sweep-plan.png", "1280,340")
    return 0


if __name__ == "__main__":
    sys.exit(main())
