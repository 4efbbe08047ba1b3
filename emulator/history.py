"""What was called, by whom, and which policy statement decided it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from emulator.wire import Request


@dataclass
class Decision:
    """How one (action, resource) pair was decided.

    `policy` is `Custom:name`, `System:name`, `Session`, `Trust:role`, `Secret:name` or `Root`;
    `statement` the index of the deciding statement, -1 if none matched.
    """

    action: str
    resource: str
    effect: str
    policy: str = ""
    statement: int = -1


@dataclass
class Entry:
    """One call. `secure`: it came over TLS; `changed`: it writes and has succeeded; `faults`: the
    kinds of the rules that fired; `dropped`: it got no answer. `instance`: the function instance
    that called, whatever key signed; `order`: the place of its change among all changes (`seq` is
    that of its arrival); `made`: the id of the user or AccessKey that it created; `unheard`: its
    client had given it up before the change was made."""

    seq: int
    at: float
    product: str
    action: str = ""
    request_id: str = ""
    principal: str = ""
    access_key_id: str = ""
    source_ip: str = ""
    instance: str = ""
    secure: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    writes: bool = False
    changed: bool = False
    order: int = 0
    made: str = ""
    unheard: bool = False
    status: int = 0
    code: str = ""
    faults: list[str] = field(default_factory=list)
    dropped: bool = False


SECRET_PARAMETERS = frozenset(
    {"SecretData", "Plaintext", "Password", "NewPassword", "OldPassword"}
)


class History:
    """The calls of one emulator since its start or last reset."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._changes = 0
        self._lock = threading.Lock()

    def begin(self, at: float, product: str, request: Request) -> Entry:
        """Open the entry of a call; the front end fills it as it learns more."""
        with self._lock:
            entry = Entry(len(self._entries) + 1, at, product, source_ip=request.source_ip,
                          instance=request.instance, secure=request.secure)  # fmt: skip
            self._entries.append(entry)
        return entry

    def commit(self, entry: Entry, request: Request) -> None:
        """The call has made its change, at this very place in the order of all changes."""
        with self._lock:
            self._changes += 1
            entry.changed, entry.order = True, self._changes
            entry.unheard = request.abandoned()

    def since(self, seq: int = 0) -> list[dict[str, Any]]:
        """Entries after `seq`, as JSON-ready mappings."""
        with self._lock:
            entries = self._entries[seq:]
        return [_plain(entry) for entry in entries]

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self._changes = 0


def _plain(entry: Entry) -> dict[str, Any]:
    """Copied by hand: `asdict` copies every leaf of what a suite asks for thousands of times."""
    return vars(entry) | {
        "parameters": dict(entry.parameters), "faults": list(entry.faults),
        "decisions": [dict(vars(decision)) for decision in list(entry.decisions)],
    }  # fmt: skip


def without_secrets(parameters: dict[str, str]) -> dict[str, str]:
    """Parameters fit to be kept: a secret's value is replaced by its name."""
    return {k: ("***" if k in SECRET_PARAMETERS else v) for k, v in parameters.items()}
