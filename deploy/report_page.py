"""The inventory as one HTML page: tables that sort, two small plots, nothing from elsewhere; pure.

Everything that came out of the log is escaped. The page's own policy forbids all but its one script
and its styles, so that it fetches nothing and tells nobody that it was opened.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape

from shared.inventory import NEVER, UNKNOWN, Entry

AGES = (0, 15, 30, 45, 60, 75, 90)  # days; the last column is for all that are older
ENDS = (0, 1, 7, 14, 30, 60, 90)
SOON_DAYS, OLD_DAYS, STALE_HOURS = 7, 90, 26


@dataclass(frozen=True)
class Report:
    """What is shown: the newest entry of each key, the last posture results that did not pass
    (control, result, severity, resources), and the sweep's findings (thing, reason, detail)."""

    account_id: str
    entries: Sequence[Entry]
    posture: Sequence[tuple[str, str, str, str]]
    findings: Sequence[tuple[str, str, str]]
    now: datetime


@dataclass(frozen=True)
class Cell:
    """What is shown, and by what it sorts."""

    shown: str
    sorts: str | float = ""
    kind: str = ""


_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;margin:2rem auto;max-width:100rem;padding:0 1rem}
body{color:#1d2430}
h1{margin-bottom:0}.at{color:#667;margin-top:.2rem}
.numbers{display:flex;gap:2.5rem;margin:1.5rem 0}.numbers b{display:block;font-size:1.9rem}
.plots{display:flex;gap:3rem;flex-wrap:wrap}figure{margin:0}figcaption{font-weight:600}
svg text{font:11px system-ui,sans-serif;fill:#445}svg rect{fill:#4a7ab5}
table{border-collapse:collapse;width:100%;margin:1rem 0 2.5rem;font-size:.86rem}
th,td{text-align:left;padding:.35rem .6rem;border-bottom:1px solid #dde2ea;vertical-align:top}
#keys td{white-space:nowrap}#keys td.wrap{white-space:normal}
th button{all:unset;cursor:pointer;font-weight:600}
th button:focus-visible{outline:2px solid #4a7ab5}
th[aria-sort=ascending] button::after{content:" \\25B2"}
th[aria-sort=descending] button::after{content:" \\25BC"}
code{font-size:.95em}.bad{color:#a4262c;font-weight:600}.dim{color:#778}
"""
_SCRIPT = """
"use strict";
function sort(table, column, descending) {
  const body = table.tBodies[0];
  const key = row => row.cells[column].dataset.v;
  const numeric = [...body.rows].every(row => key(row) !== "" && !isNaN(key(row)));
  const compare = (a, b) => numeric ? key(a) - key(b) : key(a).localeCompare(key(b));
  const rows = [...body.rows].sort((a, b) => descending ? compare(b, a) : compare(a, b));
  body.append(...rows);
  [...table.tHead.rows[0].cells].forEach((cell, i) => cell.setAttribute("aria-sort",
    i === column ? (descending ? "descending" : "ascending") : "none"));
}
document.querySelectorAll("table").forEach(table => {
  [...table.tHead.rows[0].cells].forEach((cell, column) => {
    cell.firstChild.addEventListener("click",
      () => sort(table, column, cell.getAttribute("aria-sort") === "ascending"));
    const wish = location.hash.slice(1).split("=");
    if (wish[0] === "sort" && wish[1] === cell.dataset.name) sort(table, column, false);
    if (wish[0] === "sort" && wish[1] === "-" + cell.dataset.name) sort(table, column, true);
  });
});
"""


def page(report: Report) -> str:
    """The whole page. `#sort=age` (or `#sort=-age`) in its address sorts it by a column."""
    script = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    policy = (f"default-src 'none'; script-src 'sha256-{script}'; style-src 'unsafe-inline'; "
              "base-uri 'none'; form-action 'none'")  # fmt: skip
    return "\n".join([
        "<!doctype html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">',
        '<meta name="referrer" content="no-referrer">',
        "<title>AccessKeys of akwarden</title>", f"<style>{_STYLE}</style>", "</head>", "<body>",
        "<h1>AccessKeys of akwarden</h1>",
        f'<p class="at">account {escape(report.account_id)}, {_moment(report.now)}</p>',
        *_numbers(report), '<div class="plots">',
        _plot("Age of keys in use, in days", AGES, _ages(report)),
        _plot("Days until the grant ends", ENDS, _ends(report)), "</div>",
        "<h2>Keys</h2>", *_keys(report),
        "<h2>Posture: what does not pass</h2>", *_posture(report.posture),
        "<h2>Findings of the last day</h2>", *_findings(report.findings),
        f"<script>{_SCRIPT}</script>", "</body>", "</html>", "",
    ])  # fmt: skip


def _numbers(report: Report) -> Iterable[str]:
    ages, ends = _ages(report), _ends(report)
    numbers = {
        "keys": len(report.entries),
        "days, the oldest in use": int(max(ages, default=0)),
        f"grants that end within {SOON_DAYS} days": sum(0 <= end <= SOON_DAYS for end in ends),
        "keys never used": sum(one.used == NEVER for one in report.entries),
        "controls that fail, not by design": sum(
            result == "fail" and "by design" not in severity
            for _, result, severity, _ in report.posture),
    }
    yield '<div class="numbers">'
    yield from (f"<div><b>{number}</b>{escape(what)}</div>" for what, number in numbers.items())
    yield "</div>"


def _ages(report: Report) -> list[float]:
    return [(report.now - one.created_at).total_seconds() / 86_400 for one in report.entries
            if one.created_at and one.status == "Active"]  # fmt: skip


def _ends(report: Report) -> list[float]:
    """One for each grant, not for each of its keys."""
    grants = {one.user: one.expires_at for one in report.entries}
    return [(end - report.now).total_seconds() / 86_400 for end in grants.values()]


def _plot(title: str, bounds: Sequence[int], values: Sequence[float]) -> str:
    """A histogram as inline SVG: a column from each bound to the next."""
    counts = [0] * len(bounds)
    for value in values:
        counts[max(0, sum(value >= bound for bound in bounds) - 1)] += 1
    most, parts = max([1, *counts]), []
    for at, (bound, count) in enumerate(zip(bounds, counts, strict=True)):
        height, x = round(90 * count / most), 10 + at * 52
        last = at == len(bounds) - 1
        label = f"{bound}+" if last else f"{bound}–{bounds[at + 1]}"
        parts.append(f'<rect x="{x}" y="{110 - height}" width="40" height="{height}"/>'
                     f'<text x="{x + 20}" y="{105 - height}" text-anchor="middle">{count}</text>'
                     f'<text x="{x + 20}" y="126" text-anchor="middle">{label}</text>')  # fmt: skip
    width = 10 + len(bounds) * 52
    named = escape(title)
    return (f'<figure><figcaption>{named}</figcaption><svg role="img" width="{width}" '
            f'height="132" aria-label="{named}">{"".join(parts)}</svg></figure>')  # fmt: skip


def _keys(report: Report) -> list[str]:
    columns = ("application", "environment", "key", "status", "age", "used", "service", "ends",
               "requester", "approvers", "templates", "ticket", "seen")  # fmt: skip
    return _table("keys", columns, [_key(one, report.now) for one in report.entries])


def _key(one: Entry, now: datetime) -> list[Cell]:
    age = None if one.created_at is None else (now - one.created_at).total_seconds() / 86_400
    left = (one.expires_at - now).total_seconds() / 86_400
    stale = (now - one.seen_at).total_seconds() > STALE_HOURS * 3600
    return [
        Cell(one.application, one.application), Cell(one.environment, one.environment),
        Cell(one.key_id, one.key_id, "code"), Cell(one.status, one.status,
                                                  "" if one.status == "Active" else "dim"),
        Cell("unknown", -1, "bad") if age is None else Cell(
            f"{age:.0f} d", age, "bad" if age > OLD_DAYS and one.status == "Active" else ""),
        _used(one.used), Cell(one.service, one.service),
        Cell(f"{one.expires_at:%Y-%m-%d}", left, "bad" if left <= SOON_DAYS else ""),
        Cell(one.requester, one.requester), _several(one.approvers),
        _several(one.templates),
        Cell(one.ticket[1], one.ticket[1]),
        Cell(f"{one.seen_at:%Y-%m-%d %H:%M}", one.seen_at.timestamp(), "bad" if stale else "dim"),
    ]  # fmt: skip


def _several(names: Sequence[str]) -> Cell:
    return Cell(", ".join(names), ",".join(names), "wrap")


def _used(used: datetime | str) -> Cell:
    if isinstance(used, datetime):
        return Cell(f"{used:%Y-%m-%d}", used.timestamp())
    return Cell(used, 0 if used == NEVER else -1, "bad" if used == UNKNOWN else "dim")


def _posture(results: Sequence[tuple[str, str, str, str]]) -> list[str]:
    lines = [[Cell(control, control, "code"), Cell(result, result, "bad"),
              Cell(severity, severity), Cell(_told(resources), resources)]
             for control, result, severity, resources in results]  # fmt: skip
    return _table("posture", ("control", "result", "severity", "resources"), lines)


def _told(resources: str) -> str:
    """The rows' JSON in words; as it is if it is none."""
    try:
        content: Mapping[str, object] = json.loads(resources)
        first = content["first"]
        assert isinstance(first, list)
        named = [f"{one['resource']} ({one['why']})" for one in first]
        more = int(str(content["count"])) - len(named)
    except (ValueError, KeyError, TypeError, AssertionError):
        return resources
    return "; ".join([*named, *([f"and {more} more"] if more > 0 else [])])


def _findings(found: Sequence[tuple[str, str, str]]) -> list[str]:
    lines = [[Cell(cell, cell) for cell in one] for one in found]
    return _table("findings", ("thing", "reason", "detail"), lines)


def _table(name: str, columns: Sequence[str], lines: Sequence[Sequence[Cell]]) -> list[str]:
    if not lines:
        return ["<p>none</p>"]
    head = "".join(f'<th scope="col" data-name="{column}" aria-sort="none"><button>{column}'
                   "</button></th>" for column in columns)  # fmt: skip
    return [
        f'<table id="{name}"><thead><tr>{head}</tr></thead><tbody>',
        *("<tr>" + "".join(map(_cell, line)) + "</tr>" for line in lines), "</tbody></table>",
    ]  # fmt: skip


def _cell(cell: Cell) -> str:
    shown = escape(cell.shown)
    inner = f"<code>{shown}</code>" if cell.kind == "code" else shown
    kind = f' class="{cell.kind}"' if cell.kind in ("bad", "dim", "wrap") else ""
    return f'<td data-v="{escape(str(cell.sorts))}"{kind}>{inner}</td>'


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"
