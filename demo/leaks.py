"""Search every sink for every secret the local cloud ever gave out, in every common disguise."""

from __future__ import annotations

import base64
import json
import re
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path

from demo import actors
from demo.stage import Stage

SHORTEST = 12  # shorter values (the empty reservation `{}`) are no secrets
# What most disguises consist of. Whatever is made of these stands within one run of them, and the
# runs of a log are few once each is kept once: thousands of disguises are looked for in those.
_RUN = re.compile(rf"[A-Za-z0-9+/=_%.\\-]{{{SHORTEST},}}")


def forms(secret: str) -> set[str]:
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
    return {form for form in found if len(form) >= SHORTEST}


def found_in(sinks: Iterable[tuple[str, str]], secrets: Iterable[str]) -> list[str]:
    """The names of sinks that hold a secret in some form; never the secret."""
    disguises = {form for secret in secrets if len(secret) >= SHORTEST for form in forms(secret)}
    runs = {form for form in disguises if _RUN.fullmatch(form)}
    odd = disguises - runs

    def leaks(text: str) -> bool:
        kept = "\n".join(set(_RUN.findall(text)))
        return any(form in text for form in odd) or any(form in kept for form in runs)

    return [name for name, text in sinks if leaks(text)]


def secrets_of(stage: Stage) -> list[str]:
    """Everything the cloud ever issued or kept, and what the demo's administrator signs with."""
    listed = stage.manage("GET", "/secrets")["secrets"]
    return [entry["value"] for entry in listed] + [stage.admin_secret]


def sinks_of(stage: Stage, replies: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Everything that somebody else than the named reader may come to see."""
    yield from (("HTTP reply", reply) for reply in replies)
    for path in ("/logs", "/tasks", "/history", "/state", "/functions"):
        yield path, json.dumps(stage.manage("GET", path), ensure_ascii=False)
    yield "audit rows", json.dumps(actors.audit_rows(stage, "*"), ensure_ascii=False)
    for file in Path(stage.scratch).rglob("*"):
        if file.is_file():
            yield str(file), file.read_text(encoding="utf-8", errors="replace")


def assert_none(stage: Stage, replies: Iterable[str]) -> None:
    """Fail with the sinks' names if any secret is in one."""
    leaky = found_in(sinks_of(stage, replies), secrets_of(stage))
    if leaky:
        raise AssertionError(f"a secret stands in: {', '.join(leaky)}")
