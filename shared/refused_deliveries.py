"""A delivery whose source had signed it and that was refused all the same, for the audit log.

The ingress may not write there: it hands over why and by which source, and nothing of the body but
its digest. What nobody has signed is a line in the ingress's own log (docs/adr/0031).
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared import naming, timestamps
from shared.errors import CloudError
from shared.refusals import REASONS, Denied

if TYPE_CHECKING:  # an ingress imports what it runs
    from shared.audit import Attempt
    from shared.ports import AuditLog, Functions

log = logging.getLogger(__name__)
FORMAT = "akwarden.refusal/1"
# Told before anything is verified, or of what is no delivery to a source of ours.
_UNPROVEN = frozenset({
    "invalid_signature", "body_too_large", "unknown_path", "source_not_enabled"})  # fmt: skip
_OUR_FAULT = 500  # from this status on the sender has done nothing wrong, and comes again
LONGEST_DELAY = timedelta(days=1)  # maxAsyncEventAgeInSeconds in s.yaml
_WHERE = re.compile(r"[A-Za-z0-9_.\[\]-]{0,128}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_NAMES = {"format", "kind", "reason", "where", "body_sha256", "at"}


@dataclass(frozen=True)
class Refusal:
    """By which source (`kind`), why and where in it, and the SHA-256 (hex) of the body's bytes."""

    kind: str
    reason: str
    where: str
    body_sha256: str
    at: datetime

    def told_at(self, now: datetime) -> datetime:
        """When it was refused; but never the future, nor longer ago than FC keeps an event."""
        return min(now, max(self.at, now - LONGEST_DELAY))


def of(kind: str, denied: Denied, body: bytes, now: datetime) -> Refusal | None:
    """What goes on record; None for what nobody has signed, and for what is not the sender's
    fault."""
    if denied.unproven or denied.reason in _UNPROVEN or REASONS[denied.reason][0] >= _OUR_FAULT:
        return None
    where = denied.where
    if denied.reason == "unknown_field":  # its last name is the sender's
        where = where.rpartition(".")[0]
    if not _WHERE.fullmatch(where):
        where = ""
    return Refusal(kind, denied.reason, where, hashlib.sha256(body).hexdigest(), now)


def task_id(refusal: Refusal) -> str:
    """One for each source, reason and place in an hour, whatever the body: who can sign can make
    as many bodies as they like, and an envelope is another one each time it is sealed."""
    hour = refusal.at.strftime("%Y-%m-%dT%H")
    return naming.task_id(refusal.kind, f"{refusal.reason} {refusal.where}", "refused", hour, 1)


def hand_over(functions: Functions, function: str, refusal: Refusal) -> None:
    """Submit it as a task of `function`, which puts it on record: with one call, as the sender
    waits. If that fails there is no row, and the sender is told the same."""
    try:
        functions.invoke_async(function, payload(refusal), task_id(refusal))
    except CloudError as err:
        log.warning("%s by %s is not on record: %s", refusal.reason, refusal.kind, err)


def payload(refusal: Refusal) -> bytes:
    """The event of the function that writes the row."""
    content = {
        "format": FORMAT, "kind": refusal.kind, "reason": refusal.reason, "where": refusal.where,
        "body_sha256": refusal.body_sha256, "at": timestamps.text(refusal.at),
    }  # fmt: skip
    return json.dumps(content, sort_keys=True).encode()


def of_event(event: bytes, kinds: tuple[str, ...]) -> Refusal | Denied | None:
    """What such an event holds; None if it is of another format, a Denied if it is of ours and not
    as `payload` writes it for one of these sources."""
    content: Any
    try:
        content = json.loads(event)
    except (ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return None
    if set(content) != _NAMES or not all(isinstance(value, str) for value in content.values()):
        return Denied("payload_malformed")
    at = timestamps.parse(content["at"])
    fits = {
        "kind": content["kind"] in kinds, "reason": content["reason"] in REASONS,
        "where": bool(_WHERE.fullmatch(content["where"])),
        "body_sha256": bool(_DIGEST.fullmatch(content["body_sha256"])), "at": at is not None,
    }  # fmt: skip
    wrong = next((name for name, fit in fits.items() if not fit), "")
    if wrong or at is None:
        return Denied("payload_malformed", wrong)
    return Refusal(content["kind"], content["reason"], content["where"], content["body_sha256"], at)


def record(audit_log: AuditLog, attempt: Attempt, refusal: Refusal, now: datetime) -> None:
    """Write its one row. CloudError, to be tried again."""
    from shared import audit  # what the ingress does not run

    attempt.facts["resources"] = f"body/sha256:{refusal.body_sha256}"
    denied = Denied(refusal.reason, refusal.where)
    audit_log.put_logs(
        audit.refusal(attempt, denied, refusal.told_at(now), audit.DELIVERY_REFUSED))
