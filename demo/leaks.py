"""Search every sink for every secret the local cloud ever gave out, in every common disguise."""

from __future__ import annotations

import base64
import functools
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from demo import actors
from demo.stage import Stage

SHORTEST = 12  # shorter values (the empty reservation `{}`) are no secrets
# What most disguises consist of. Whatever is made of these stands within one run of them, and the
# runs of a log are few once each is kept once. At each place of a run the disguises that begin so
# are looked up, however many thousands there are.
_RUN = re.compile(rf"[A-Za-z0-9+/=_%.\\-]{{{SHORTEST},}}")


@functools.cache
def forms(secret: str) -> frozenset[str]:
    """Raw, hex, base64 at each of its three alignments, URL-encoded, JSON-escaped, reversed."""
    raw = secret.encode()
    found = {secret, secret[::-1], raw.hex(), raw.hex().upper()}
    found |= {urllib.parse.quote(secret, safe=""), urllib.parse.quote_plus(secret)}
    found |= {json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3]}
    for shift in range(3):
        encoded = base64.b64encode(b"\0" * shift + raw).decode()
        # The first and last groups depend on what surrounds the secret.
        found.add(encoded[4:-4] if shift else encoded.rstrip("=")[:-1])
        found.add(base64.urlsafe_b64encode(b"\0" * shift + raw).decode()[4:-4])
    return frozenset(form for form in found if len(form) >= SHORTEST)


def found_in(sinks: Iterable[tuple[str, str]], secrets: Iterable[str]) -> list[str]:
    """The names of sinks that hold a secret in some form; never the secret."""
    disguises = {form for secret in secrets if len(secret) >= SHORTEST for form in forms(secret)}
    runs = {form for form in disguises if _RUN.fullmatch(form)}
    odd = disguises - runs

    heads: dict[str, list[str]] = {}
    for form in runs:
        heads.setdefault(form[:SHORTEST], []).append(form)

    def leaks(text: str) -> bool:
        return any(form in text for form in odd) or any(
            run.startswith(form, at) for run in set(_RUN.findall(text))
            for at in range(len(run) - SHORTEST + 1)
            for form in heads.get(run[at : at + SHORTEST], ())
        )  # fmt: skip

    return [name for name, text in sinks if leaks(text)]


def secrets_of(stage: Stage) -> list[str]:
    """Everything the cloud ever issued or kept, and what the demo's administrator signs with."""
    listed = stage.manage("GET", "/secrets")["secrets"]
    return [entry["value"] for entry in listed] + [stage.admin_secret]


def sinks_of(stage: Stage, replies: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Everything that somebody else than the named reader may come to see."""
    return Search(stage).sinks(replies)


def assert_none(stage: Stage, replies: Iterable[str]) -> None:
    """Fail with the sinks' names if any secret is in one."""
    Search(stage).assert_none(replies)


class Search:
    """Everything that was or is to be seen, searched again and again: each time what is new since.

    That leaves nothing out, because every secret there is is looked for in all that is new, and
    none can stand in a text that is older than itself.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._files: dict[Path, tuple[int, int]] = {}
        self._resets = -1

    def _begin(self, resets: int) -> None:
        """A cloud that was reset is another one, in which everything is new."""
        self._resets = resets
        self._calls = 0
        self._lines: dict[str, int] = {}
        self._rows_since = self._stage.now() - timedelta(days=1)
        self._rows: set[str] = set()

    def assert_none(self, replies: Iterable[str]) -> None:
        """Fail with the sinks' names if any secret is in what is new."""
        leaky = found_in(self.sinks(replies), secrets_of(self._stage))
        if leaky:
            raise AssertionError(f"a secret stands in: {', '.join(leaky)}")

    def sinks(self, replies: Iterable[str]) -> Iterator[tuple[str, str]]:
        """What is new in each place; tasks and the state can change, and are given as a whole."""
        yield from (("HTTP reply", reply) for reply in replies)
        resets = self._stage.manage("GET", "/history?since=999999999")["resets"]
        if resets != self._resets:
            self._begin(resets)
        calls = self._stage.manage("GET", f"/history?since={self._calls}")["calls"]
        under_way = [call["seq"] - 1 for call in calls if not call["status"]]
        self._calls = min([*under_way, self._calls + len(calls)])
        yield "/history", _text(calls)
        logs = self._stage.manage("GET", "/logs")["logs"]
        yield "/logs", _text({name: logs[name][self._lines.get(name, 0):] for name in logs})
        self._lines = {name: len(lines) for name, lines in logs.items()}
        for path in ("/tasks", "/state", "/functions"):
            yield path, _text(self._stage.manage("GET", path))
        yield "audit rows", _text(self._new_rows())
        yield from self._new_files()

    def _new_rows(self) -> list[dict[str, str]]:
        """Rows are searchable a little after they were written, and say themselves when."""
        since, self._rows_since = self._rows_since, self._stage.now() - timedelta(minutes=5)
        rows = actors.audit_rows(self._stage, "*", since)
        new = [row for row in rows if row["event_id"] not in self._rows]
        self._rows = {row["event_id"] for row in rows}
        return new

    def _new_files(self) -> Iterator[tuple[str, str]]:
        for file in Path(self._stage.scratch).rglob("*"):
            if file.is_file():
                status = file.stat()
                if self._files.get(file) != (status.st_mtime_ns, status.st_size):
                    yield str(file), file.read_text(encoding="utf-8", errors="replace")
                self._files[file] = (status.st_mtime_ns, status.st_size)


def _text(content: object) -> str:
    return json.dumps(content, ensure_ascii=False)
