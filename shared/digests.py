"""Digests: what one window of the audit log held, signed, each bound to the one before it.

Schema `akw.digest/1`. A document is a function of the window's number, of the rows that SLS
received in it and of the former document alone: whoever makes it again makes the same bytes, so a
window can be digested twice, or by two runs at once, without a fork. A new field needs a new
schema number, and windows that were digested before keep theirs.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from shared.audit import Row
from shared.ports import Received

SCHEMA = "akw.digest/1"
WINDOW_SECONDS = 600
# A window is digested this long after its end. SLS stamps a row when it takes it, so nothing more
# arrives in a window once both clocks (SLS's, the function's) agree to minutes that it is over.
SETTLE_SECONDS = 180
PART_CHARACTERS = 200_000  # SLS recommends values below 1 MB; a search keeps 512 KB of one
NO_SEQ = -1  # stands for a number that is none: such rows are bound too


@dataclass(frozen=True)
class Attested:
    """What a digest says of one attempt: the rows of it that arrived in this window."""

    chain_id: str
    first: int
    last: int
    rows: int
    last_hash: str


@dataclass(frozen=True)
class Digest:
    """A parsed document. `previous` is the digest of the former window's document, empty for the
    first; `digest` is the SHA-256 (hex) of this one's text."""

    number: int
    previous: str
    attempts: tuple[Attested, ...]
    digest: str


@dataclass(frozen=True)
class Stored:
    """A digest as a logstore holds it: the text joined from its parts, None while some are missing
    or contradict each other. `received_at` is when SLS got the last part."""

    number: int | None
    text: str | None
    digest: str
    mac: str
    key_id: str
    received_at: int | None = None

    @property
    def sound(self) -> Digest | None:
        """The document, if it is one and is what `digest` and `number` say; MAC aside."""
        parsed = None if self.text is None else parse(self.text)
        fits = parsed and (parsed.digest, parsed.number) == (self.digest, self.number)
        return parsed if fits else None


def window_of(at_seconds: float) -> int:
    """The number of the window in which that moment lies."""
    return int(at_seconds // WINDOW_SECONDS)


def starts_at(number: int) -> datetime:
    """The first moment of a window, which is the end of the one before."""
    return datetime.fromtimestamp(number * WINDOW_SECONDS, UTC)


def last_settled(now: datetime) -> int:
    """The newest window in which nothing can arrive any more."""
    return window_of(now.timestamp() - SETTLE_SECONDS) - 1


def document(number: int, received: Iterable[Received], previous: str) -> str:
    """The canonical text of a window's digest; an empty window has one too."""
    chains: dict[str, set[tuple[int, str]]] = defaultdict(set)
    for entry in received:
        place = (seq(entry.row), entry.row.get("hash", ""))
        chains[entry.row.get("chain_id", "")].add(place)
    attempts = []
    for chain_id, places in sorted(chains.items()):
        (first, _), (last, last_hash) = min(places), max(places)
        attempts.append({"chain_id": chain_id, "first": first, "last": last,
                         "rows": len(places), "last_hash": last_hash})  # fmt: skip
    return canonical({
        "schema": SCHEMA, "number": number, "previous": previous,
        "start": number * WINDOW_SECONDS, "end": (number + 1) * WINDOW_SECONDS,
        "attempts": attempts,
    })  # fmt: skip


def seq(row: Row) -> int:
    """A row's place in its chain; NO_SEQ if it names none."""
    text = row.get("seq", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else NO_SEQ


def canonical(content: object) -> str:
    """One way to write it down."""
    return json.dumps(content, ensure_ascii=True, separators=(",", ":"), sort_keys=True)


def digest(text: str) -> str:
    """SHA-256 (hex) of a document."""
    return hashlib.sha256(text.encode()).hexdigest()


def message(digest_hex: str) -> bytes:
    """What is signed: documents can be longer than KMS takes (6 KB), their digests are not."""
    return f"{SCHEMA}\n{digest_hex}".encode()


def parse(text: str) -> Digest | None:
    """The document; None if it is none of this schema, written the canonical way."""
    try:
        content = json.loads(text)
        found = _digest(content, text)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return found if canonical(content) == text else None


def _digest(content: dict[str, Any], text: str) -> Digest:
    if content["schema"] != SCHEMA:
        raise ValueError
    number = int(content["number"])
    bounds = (number * WINDOW_SECONDS, (number + 1) * WINDOW_SECONDS)
    if bounds != (content["start"], content["end"]):
        raise ValueError
    attempts = tuple(
        Attested(str(e["chain_id"]), int(e["first"]), int(e["last"]), int(e["rows"]),
                 str(e["last_hash"]))
        for e in content["attempts"]
    )  # fmt: skip
    return Digest(number, str(content["previous"]), attempts, digest(text))


def rows(stored: Stored) -> list[Row]:
    """The rows that hold a digest, one for each part of its text."""
    text = stored.text or ""
    parts = [text[i : i + PART_CHARACTERS] for i in range(0, len(text), PART_CHARACTERS)]
    return [
        {"schema": SCHEMA, "number": str(stored.number), "digest": stored.digest,
         "mac": stored.mac, "key_id": stored.key_id, "part": str(index),
         "parts": str(len(parts)), "document": part}
        for index, part in enumerate(parts)
    ]  # fmt: skip


def assembled(received: Sequence[Received]) -> list[Stored]:
    """The digests that rows hold, in order of their windows. Rows that were sent twice count once;
    rows that say the same of a window but differ in text make a digest without one."""
    groups: dict[tuple[str, ...], dict[str, set[str]]] = {}
    latest: dict[tuple[str, ...], int | None] = {}
    for entry in received:
        named = ("number", "digest", "mac", "key_id", "parts")
        key = tuple(entry.row.get(name, "") for name in named)
        part = entry.row.get("part", "")
        groups.setdefault(key, {}).setdefault(part, set()).add(entry.row.get("document", ""))
        latest[key] = max(latest.get(key) or 0, entry.received_at or 0) or None
    found = [
        Stored(_number(key[0]), _joined(parts, key[4]), key[1], key[2], key[3], latest[key])
        for key, parts in groups.items()
    ]  # fmt: skip
    return sorted(found, key=lambda stored: (stored.number or 0, stored.digest, stored.mac))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _joined(parts: dict[str, set[str]], count: str) -> str | None:
    if set(parts) != {str(index) for index in range(_number(count) or 0)}:
        return None
    if any(len(texts) != 1 for texts in parts.values()):
        return None
    return "".join(next(iter(parts[str(index)])) for index in range(len(parts)))
