"""Every name that akwarden gives, derived from application and environment alone.

Deterministic names are the idempotency key that RAM lacks: "already exists" then means "mine, from
an earlier attempt" or "taken", and the grant on it says which.
"""

from __future__ import annotations

import hashlib

PREFIX = "akw-"
SECRET_PREFIX = "akw/"
ISSUE_FUNCTION = "akw-issue"  # and its role's name: s.yaml and deploy/roles use the same
REVOKE_FUNCTION = "akw-revoke"
FETCH_FUNCTION = "akw-fetch"
DIGEST_LOGSTORE = "digests"  # in the audit project, and as a copy in the digests' own
CLEANUP_FUNCTION = "akw-cleanup"
ROTATE_FUNCTION = "akw-rotate"
COMMAND_FUNCTION, LOOKUP_FUNCTION = "akw-command", "akw-lookup"
CHAT_SECRET = "akwarden/chat"  # the KMS secret that holds the key which signs offers and ballots
LEASE_PREFIX = f"{PREFIX}lock-"
RESERVED_VERSION = "reserve"  # the version a secret is created with, before there is a key
PENDING_STAGE = "AkwPending"
CURRENT_STAGE, PREVIOUS_STAGE = "ACSCurrent", "ACSPrevious"
# Provisioned, denies everything. No application's policy has that name: theirs end in `-<env>`,
# and an application's name is never empty.
QUARANTINE_POLICY = "akw-quarantine"


def channel_secret(kind: str) -> str:
    """The KMS secret by which a vendor's events are verified; the ingress alone reads it."""
    return f"akwarden/in-{kind}"


def api_secret(kind: str) -> str:
    """The KMS secret with which a vendor's records are fetched; the fetching function's alone."""
    return f"akwarden/api-{kind}"


def out_secret(way: str) -> str:
    """The KMS secret with which people are told something: of the functions that notify and, of a
    chat's bot, that answer."""
    return f"akwarden/out-{way}"


def user_name(application: str, environment: str) -> str:
    """The RAM user; at most 64 characters, which the limits of both parts guarantee."""
    return f"{PREFIX}{application}-{environment}"


def policy_name(application: str, environment: str) -> str:
    """The user's one custom policy; RAM policy names take letters, digits and hyphens only."""
    return f"{PREFIX}{application}-{environment}"


def secret_name(application: str, environment: str) -> str:
    """The KMS secret; readers' policies end at the `/`, so that no name is another's prefix."""
    return f"{SECRET_PREFIX}{application}/{environment}"


def application_lease(application: str, environment: str) -> str:
    """What the lease of an application in an environment is called."""
    return f"{application}-{environment}"


def ticket_lease(source: str, ticket_id: str) -> str:
    """What the lease of a ticket is called; without a hyphen, so it is no application's."""
    return "t" + hashlib.sha256(f"{source}\n{ticket_id}".encode()).hexdigest()[:24]


def lease_name(lease: str, number: int) -> str:
    """The marker policy of a lease's n-th holder. No policy of an application has this name:
    `lock` and `lock-…` are reserved among applications."""
    return f"{LEASE_PREFIX}{lease}-{number}"


def place_of(name: str) -> tuple[str, str]:
    """(application, environment) of a user's, policy's or secret's name; empty strings if it is
    none of ours by its form. Environments have no hyphen and no slash."""
    prefix, separator = (SECRET_PREFIX, "/") if name.startswith(SECRET_PREFIX) else (PREFIX, "-")
    ours = name.startswith(prefix) and not name.startswith(LEASE_PREFIX)
    if not ours or name == QUARANTINE_POLICY:
        return "", ""
    application, _, environment = name.removeprefix(prefix).rpartition(separator)
    return (application, environment) if application and environment else ("", "")


def principal_name(user: str, domain: str) -> str:
    """The UPN by which IMS addresses a user."""
    return f"{user}@{domain}"


def display_name(application: str) -> str:
    """IMS wants 1 to 24 characters; it is for people only."""
    return f"akw {application}"[:24].rstrip("-")


def operation_id(source: str, ticket_id: str, action: str) -> str:
    """One id for one approved action of one ticket, the same for every delivery and attempt."""
    digest = hashlib.sha256(f"{source}\n{ticket_id}\n{action}".encode()).hexdigest()
    return f"op-{digest[:24]}"


def task_id(source: str, ticket_id: str, action: str, digest: str, attempt: int) -> str:
    """FC's id of one asynchronous submission: letters, digits, `_`, `-`, at most 128.

    `digest` is that of the delivery's content: a ticket that comes again with other content is
    another task (and the ledger, not this id, decides whether it may do anything).
    """
    key = hashlib.sha256(f"{source}\n{ticket_id}\n{action}\n{digest}".encode()).hexdigest()
    return f"akw-{key[:40]}-{attempt}"
