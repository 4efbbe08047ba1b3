"""The report, looked at in a real browser: it sorts, escapes, and fetches nothing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.report_page import Report, page
from shared.inventory import NEVER, UNKNOWN, Entry
from tests.unit.fakes import BEGAN

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine's PATH")

PLAIN = Entry(
    "orders", "prod", "akw-orders-prod", "LTAI5tOrders", "Active", BEGAN - timedelta(days=40),
    BEGAN - timedelta(days=1), "Sls", BEGAN + timedelta(days=20), ("standard-webhooks", "OPS-1"),
    "alice", ("carol@example.com", "dave@example.com"), ("sls-logstore-write",), BEGAN,
)  # fmt: skip
ENTRIES = [
    PLAIN,
    replace(PLAIN, application="billing", user="akw-billing-prod", key_id="LTAI5tBilling",
            created_at=BEGAN - timedelta(days=95), used=NEVER, service=""),
    replace(PLAIN, application="search", user="akw-search-prod", key_id="LTAI5tSearch",
            created_at=BEGAN - timedelta(days=2), used=UNKNOWN, service="",
            expires_at=BEGAN + timedelta(days=3)),
]  # fmt: skip
HOSTILE = '<img src="https://evil.example/x" onerror="document.title=1">'
OLD = '{"count": 30, "first": [{"resource": "user/old/key 1", "why": "made on 2026-01-01"}]}'
POSTURE = [("key-age", "fail", "high", OLD), ("root-mfa", "unknown", "high", "unread"),
           ("direct-attachment", "fail", "low; by design", "")]  # fmt: skip


def report(*entries: Entry) -> Report:
    findings = [("user/akw-x-prod", "bad_signature", "")]
    return Report("1234567890123456", entries or ENTRIES, POSTURE, findings, BEGAN)


def run(path: Path, *arguments: str, fragment: str = "") -> str:
    """The browser on the page of that file; what it prints."""
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return subprocess.run(
        [str(CHROMIUM), "--headless", "--disable-gpu", "--disable-dev-shm-usage", *sandbox,
         f"--user-data-dir={path.parent / 'profile'}", *arguments,
         f"{path.as_uri()}{fragment}"],
        capture_output=True, text=True, timeout=120, check=True,
    ).stdout  # fmt: skip


def shown(tmp_path: Path, made: Report, fragment: str = "") -> str:
    """The page's DOM once its script has run."""
    path = tmp_path / "report.html"
    path.write_text(page(made), encoding="utf-8")
    return run(path, "--dump-dom", fragment=fragment)


def keys_in(dom: str) -> list[str]:
    body = dom.partition('id="keys"')[2].partition("</table>")[0]
    return re.findall(r"<code>(LTAI5t\w+)</code>", body)


@browser
@pytest.mark.parametrize(("fragment", "order"), [
    ("", ["Orders", "Billing", "Search"]), ("#sort=age", ["Search", "Orders", "Billing"]),
    ("#sort=-age", ["Billing", "Orders", "Search"]),
    ("#sort=application", ["Billing", "Orders", "Search"]),
    ("#sort=ends", ["Search", "Orders", "Billing"]),
    ("#sort=used", ["Search", "Billing", "Orders"]), ("#sort=nothing", ["Orders", "Billing",
                                                                        "Search"]),
])  # fmt: skip
def test_table_sorts_in_a_browser(tmp_path: Path, fragment: str, order: list[str]) -> None:
    """By what a cell means, not by how it is spelt: ages and dates as numbers."""
    assert [f"LTAI5t{name}" for name in order] == keys_in(shown(tmp_path, report(), fragment))


@browser
def test_hostile_text_is_only_text(tmp_path: Path) -> None:
    """Whoever can name a user or write a row does not script the auditor's browser."""
    strange = replace(PLAIN, application=HOSTILE, requester=HOSTILE, status=HOSTILE,
                      templates=(HOSTILE,), ticket=("s", HOSTILE))  # fmt: skip
    made = replace(report(strange), posture=[(HOSTILE,) * 4], findings=[(HOSTILE,) * 3])

    dom = shown(tmp_path, made, "#sort=age")

    assert "<title>AccessKeys of akwarden</title>" in dom
    assert "<img" not in dom
    assert 10 <= dom.count("&lt;img src=")


@browser
def test_page_can_be_seen(tmp_path: Path) -> None:
    """A picture of it is more than a blank page."""
    path = tmp_path / "report.html"
    path.write_text(page(report()), encoding="utf-8")
    picture = tmp_path / "report.png"

    run(path, f"--screenshot={picture}", "--window-size=1280,900")

    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000


def test_page_names_no_address_and_no_other_file() -> None:
    """Nothing that a browser could fetch, and a policy that would forbid it."""
    text = page(report())

    assert re.findall(r'(?:src|href|action)=|url\(|@import|https?:', text) == []
    assert "default-src &#x27;none&#x27;" in text


def test_unknown_is_shown_as_unknown() -> None:
    """Neither an age nor a use is made up."""
    dark = replace(PLAIN, created_at=None, used=UNKNOWN)
    text = page(report(dark))

    assert '<td data-v="-1" class="bad">unknown</td>' in text
    assert 2 == text.count(">unknown</td>") - text.count('data-v="unknown"')


def test_numbers_are_counted_from_the_entries() -> None:
    """Keys, the oldest, what ends soon, what was never used, what fails."""
    text = page(report())

    numbers = re.findall(r"<div><b>(-?\d+)</b>", text)
    assert ["3", "95", "1", "1", "1"] == numbers


def test_empty_report_says_so() -> None:
    made = Report("1", [], [], [], BEGAN)

    assert 3 == page(made).count("<p>none</p>")
