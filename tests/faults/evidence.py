"""What one ticket's story has left behind: its changes in their order, its audit rows, the state.

Pure: from the emulator's `/history` and `/state`, as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Entry = Mapping[str, Any]
SOURCE = "standard-webhooks"
BROKEN_OFF = frozenset({"delay", "drop", "kill-after"})  # acted, and no answer reached the caller


@dataclass(frozen=True)
class Row:
    """One stored audit row: the call that wrote it and what that call knew of it."""

    fields: Mapping[str, str]
    order: int
    acknowledged: bool
    instance: str

    def __getattr__(self, name: str) -> str:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(name) from None


@dataclass(frozen=True)
class Evidence:
    """All that the invariants look at. `changes` are in the order in which they were made;
    `revoked_from` is the place in that order from which the ticket may be revoked, 0 if it never
    may; `swept`: the reconciler has had its turn, so that every intent has a result; `rotates`: a
    second key may be made, and stand beside the first."""

    application: str
    environment: str
    ticket_id: str
    changes: Sequence[Entry]
    rows: Sequence[Row]
    state: Mapping[str, Any]
    revoked_from: int = 0
    purged: bool = False
    swept: bool = False
    rotates: bool = False
    max_lag_seconds: float = 0.0
    ids: frozenset[str] = field(default=frozenset())

    @property
    def user(self) -> str:
        return f"akw-{self.application}-{self.environment}"

    @property
    def secret(self) -> str:
        return f"akw/{self.application}/{self.environment}"


def of(
    application: str, ticket_id: str, history: Sequence[Entry], state: Mapping[str, Any],
    **more: Any,
) -> Evidence:
    """The evidence of one application's ticket among everything that a cloud has seen."""
    names = [f"{application}-", f"akw/{application}/",
             *(lease(one) for one in (ticket_id, later(ticket_id)))]  # fmt: skip
    made = {
        str(entry["made"]) for entry in history if entry["made"] and _names_any(entry, names)
    }
    changes = sorted(
        (entry for entry in history
         if entry["changed"] and entry["product"] in ("ram", "ims", "kms")
         and _names_any(entry, [*names, *made])),
        key=lambda entry: int(entry["order"]),
    )  # fmt: skip
    rows = rows_of(ticket_id, history, state)
    return Evidence(
        application, "prod", ticket_id, changes, rows, state, ids=frozenset(made), **more
    )


def _names_any(entry: Entry, names: Sequence[str]) -> bool:
    text = "\n".join(entry["parameters"].values())
    return any(name in text for name in names)


def unanswered(call: Entry) -> bool:
    """Whether its caller never learnt that it was made."""
    return bool(BROKEN_OFF & set(call["faults"])) or bool(call["unheard"])


def caller(call: Entry) -> str:
    """The function instance that called, or who else did."""
    return str(call["instance"] or call["principal"])


def later(ticket_id: str) -> str:
    """The ticket by which that one's grant is extended."""
    return f"{ticket_id}.2"


def lease(ticket_id: str) -> str:
    """The ticket's lease, by which its markers are told (written from ADR 0002 and the names)."""
    return "lock-t" + hashlib.sha256(f"{SOURCE}\n{ticket_id}".encode()).hexdigest()[:24]


def rows_of(ticket_id: str, history: Sequence[Entry], state: Mapping[str, Any]) -> list[Row]:
    """The audit rows of the ticket, and of its extension, in the order in which they arrived."""
    calls = {entry["request_id"]: entry for entry in history if entry["action"] == "PutLogs"}
    found = []
    for project in state["sls"]["projects"].values():
        for stored in project["logstores"].get("audit", {}).get("rows", []):
            call = calls.get(stored["request_id"])
            its_own = (ticket_id, later(ticket_id))
            if call is None or stored["contents"].get("ticket_id") not in its_own:
                continue
            answered = call["status"] == 200 and not unanswered(call)
            found.append(Row(stored["contents"], int(call["order"]), answered, caller(call)))
    return sorted(found, key=lambda row: row.order)
