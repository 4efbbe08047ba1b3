"""The ledger read back: what a managed user's own records promise, and whether we wrote them; pure.

The user's tags hold the short facts, its policy's Description what the policy is rebuilt from, and
both the one signature (`shared/grants.py`). What is not signed to the letter promises nothing: it
is a finding, never an extension and never a reason to delete.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared import amendment, extension, grants, naming, timestamps
from shared.amendment import Amendment
from shared.extension import Extension
from shared.ports import User
from shared.secrecy import Secret
from shared.tickets import Permission


@dataclass(frozen=True)
class LiveGrant:
    """The grant that a managed user carries; the moments are in UTC.

    `expires_at` is its end as of now; `extension` says which later ticket gave it, None if none
    did,
    `amendment` whose ticket gave it its permissions and addresses, None if the first one did.
    `document_digest` is of the policy as it was approved (`grants.document_digest`).
    `rotation_days` and `rotation_wait_days` are the ticket's own, None where it left them to
    `config/lifecycle.toml`.
    """

    user: str
    application: str
    environment: str
    source: str
    ticket_id: str
    digest: str
    requester: str
    approvers: tuple[str, ...]
    approved_at: datetime
    expires_at: datetime
    permissions: tuple[Permission, ...]
    source_ips: tuple[str, ...]
    document_digest: str
    rotation_days: int | None = None
    rotation_wait_days: int | None = None
    extension: Extension | None = None
    amendment: Amendment | None = None

    @property
    def secret(self) -> str:
        return naming.secret_name(self.application, self.environment)

    @property
    def policy(self) -> str:
        return naming.policy_name(self.application, self.environment)


@dataclass(frozen=True)
class Unreadable:
    """Why a user's records promise nothing: `no_grant` (it is none of ours by its name or tags),
    `policy_missing` or `bad_signature`."""

    reason: str


def read(user: User, description: str | None, ledger_key: Secret) -> LiveGrant | Unreadable:
    """What the user's tags and its policy's Description say (None: there is no such policy).

    Never raises: whoever can edit a tag must not be able to stop a sweep with it.
    """
    application, environment = naming.place_of(user.name)
    if not application or not any(name.startswith(grants.TAG_PREFIX) for name in user.tags):
        return Unreadable("no_grant")
    if description is None:
        return Unreadable("policy_missing")
    if not grants.verified(user.name, user.tags, description, ledger_key):
        return Unreadable("bad_signature")
    try:
        extended = extension.read(user.name, user.tags, ledger_key)
        return _grant(user, application, environment, json.loads(description), extended)
    except (ValueError, TypeError, KeyError):  # signed, yet of no form that this version knows
        return Unreadable("bad_signature")


def _grant(
    user: User, application: str, environment: str, content: Mapping[str, object],
    extended: Extension | None,
) -> LiveGrant:
    facts = {name.removeprefix(grants.TAG_PREFIX): value for name, value in user.tags.items()}
    if facts["format"] != grants.FORMAT or facts["mode"] != grants.APPLICATION:
        raise ValueError
    permissions, source_ips = content["permissions"], content["source_ips"]
    amended, document = amendment.read(content) or (None, facts["document"])
    if not isinstance(permissions, list) or not isinstance(source_ips, list):
        raise TypeError
    return LiveGrant(
        user.name, application, environment, facts["source"], facts["ticket"], facts["digest"],
        facts["requester"],
        tuple(value for name, value in sorted(facts.items()) if name.startswith("approver-")),
        _moment(facts["approved"]),
        extended.expires_at if extended else _moment(facts["expires"]),
        tuple(Permission(template, dict(parameters)) for template, parameters in permissions),
        tuple(source_ips), document,
        _days(facts, "rotation-days"), _days(facts, "rotation-wait-days"), extended, amended,
    )  # fmt: skip


def _moment(text: str) -> datetime:
    moment = timestamps.parse(text)
    if moment is None:
        raise ValueError
    return moment


def _days(facts: Mapping[str, str], name: str) -> int | None:
    return int(facts[name]) if name in facts else None
