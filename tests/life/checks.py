"""What must hold every day, from the cloud's true state and what was written since yesterday."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.ram.state import AccessKey
from shared import naming
from tests.faults import invariants
from tests.life.living import Life

CURRENT = "ACSCurrent"


@dataclass
class Watch:
    """Yesterday's keys by application, and up to where the history has been read. `foreign` are
    keys that somebody made by hand, `ended` applications whose grant may have gone today."""

    seq: int = 0
    before: dict[str, set[str]] = field(default_factory=dict)
    foreign: set[str] = field(default_factory=set)
    created: int = 0

    def problems(
        self, life: Life, tickets: Mapping[str, str], ended: Iterable[str],
    ) -> list[str]:  # fmt: skip
        """Of this day, none if all is well. `tickets` are the live grants' ids by application."""
        history = life.cloud.history.since(self.seq)
        self.seq += len(history)
        self.created += sum(c["action"] == "CreateAccessKey" and c["changed"] for c in history)
        found = [*self._of_keys(life, tickets), *self._gone(life, history, set(ended)),
                 *_unrecorded(life, history), *_strangers(life, tickets)]  # fmt: skip
        self.before = {name: {key.id for key in life.keys(name)} for name in tickets}
        return found

    def _of_keys(self, life: Life, tickets: Mapping[str, str]) -> list[str]:
        """I1 and I2: every key of ours is stored, there are two at most, and the one that readers
        get is there."""
        found = []
        for name in tickets:
            stored = life.stored(name)
            keys = [key for key in life.keys(name) if key.id not in self.foreign]
            found += [f"I1 {name}: {key.id} is not stored" for key in keys if key.id not in stored]
            if len(life.keys(name)) > 2:
                found.append(f"I2 {name}: {len(life.keys(name))} keys")
            current = {version for version, stages in stored.items() if CURRENT in stages}
            if not current <= {key.id for key in keys}:
                found.append(f"I6 {name}: readers get {current}, which is not there")
            if not keys:
                found.append(f"I6 {name}: no key")
        return found

    def _gone(self, life: Life, history: list[dict[str, Any]], ended: set[str]) -> list[str]:
        """I6: a key that was there yesterday went by a revocation, or was not what readers get."""
        found = []
        for name, before in self.before.items():
            now: list[AccessKey] = life.keys(name)
            lost = before - {key.id for key in now} - self.foreign
            if name in ended or not lost:
                continue
            if len(lost) > 1 or not now:
                found.append(f"I6 {name}: {lost} went at once")
        return found


def _unrecorded(life: Life, history: list[dict[str, Any]]) -> list[str]:
    """I3: an acknowledged intent of the same session before every change that akwarden made."""
    intents: set[tuple[str, str, str]] = set()  # session, action, target
    found = []
    for call in sorted((c for c in history if c["changed"]), key=lambda c: int(c["order"])):
        session = call["principal"]
        if ":assumed-role/akw-" not in session:
            continue
        if call["product"] == "sls":
            for row in _rows(life, call):
                if row.get("phase") == "intent":
                    intents.add((session, row["cloud_action"], row.get("access_key_id", "")))
        elif call["product"] in ("ram", "ims", "kms"):
            key_id = call["parameters"].get("UserAccessKeyId", "")
            action = call["action"]
            if not {(session, action, key_id), (session, action, "")} & intents:
                denied = "akw-revoke" in session or "akw-cleanup" in session
                early = denied and action in (
                    "AttachPolicyToUser", "SetAccessKeyPolicy", "UpdateAccessKey")
                if not early:
                    found.append(f"I3 {invariants.told(call)} was not announced")
    return found


def _rows(life: Life, call: Mapping[str, Any]) -> list[dict[str, str]]:
    store = life.cloud.sls.project(life.settings.audit_project).logstores[
        life.settings.audit_logstore]  # fmt: skip
    return [dict(row.fields) for row in _by_request(store).get(call["request_id"], [])]


_INDEX: dict[int, tuple[int, dict[str, list[Any]]]] = {}


def _by_request(store: Any) -> dict[str, list[Any]]:
    """The store's rows by the request that wrote them; read on from where it was."""
    seen, found = _INDEX.get(id(store), (0, {}))
    for row in store.rows[seen:]:
        found.setdefault(row.request_id, []).append(row)
    _INDEX[id(store)] = len(store.rows), found
    return found


def _strangers(life: Life, tickets: Mapping[str, str]) -> list[str]:
    """I5 and I7: users, secrets and policies of ours are those of live grants, and of their
    tickets."""
    users = {name: user for name, user in life.cloud.ram.users.items()
             if naming.place_of(name)[0]}  # fmt: skip
    wanted = {naming.user_name(name, "prod"): ticket for name, ticket in tickets.items()}
    found = [f"I5 {name} is of no live grant" for name in users.keys() - wanted.keys()]
    found += [f"I6 {name} is gone" for name in wanted.keys() - users.keys()]
    found += [f"I5 {name} is of ticket {users[name].tags.get('akw:ticket')}, not {wanted[name]}"
              for name in users.keys() & wanted.keys()
              if users[name].tags.get("akw:ticket") != wanted[name]]  # fmt: skip
    secrets = {secret.name for secret in life.cloud.kms.secrets.values()
               if naming.place_of(secret.name)[0] and secret.planned_delete_at is None}  # fmt: skip
    found += [f"I7 secret {name} is of no live grant" for name in secrets - {
        naming.secret_name(name, "prod") for name in tickets}]  # fmt: skip
    policies = {name for kind, name in life.cloud.ram.policies
                if kind == "Custom" and naming.place_of(name)[0]}  # fmt: skip
    return found + [f"I7 policy {name} is of no live grant" for name in policies - wanted.keys()]


def leaks(life: Life, secrets: Iterable[str]) -> list[str]:
    """I4: no secret in any row or recorded call."""
    store = life.cloud.sls.project(life.settings.audit_project).logstores[
        life.settings.audit_logstore]  # fmt: skip
    text = "\n".join(json.dumps(dict(row.fields)) for row in store.rows)
    text += json.dumps(life.cloud.history.since())
    return [f"I4 a secret of {len(secret)} characters" for secret in secrets if secret in text]


