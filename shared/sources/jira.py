"""Jira Cloud's webhooks: a plain body under an HMAC of its bytes.

Only webhooks that an administrator has registered with a secret are signed; Jira Automation's are
not, and are refused. There is no timestamp in the signature: a repeat hints at the record again,
which is read as it is by then. Source: Atlassian, "Webhooks", "Secure webhooks".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from shared import hints, vendor_secrets
from shared.fields import Refused, decoded
from shared.hints import Hint
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import hmac_body
from shared.sources.heard import Heard, event_name

KIND = "jira"
SEALED = False
EVENT = "jira:issue_updated"
TAKEN: Mapping[str, object] = {"status": "taken"}


def channels(value: Secret) -> tuple[Secret, ...]:
    """The webhook's secrets."""
    return vendor_secrets.texts(value, "Jira")


def hear(
    inbound: Inbound, known: Sequence[Secret], place: Place, now: datetime
) -> Heard | Denied:
    """Verify; the issue that the event is about, if its status has changed."""
    if not hmac_body.signed(inbound.body, inbound.headers.get("x-hub-signature", ""), known):
        return Denied("invalid_signature")
    try:
        event = decoded(inbound.body)
    except Refused as refused:
        return refused.denied
    issue = event.get("issue") if isinstance(event, dict) else None
    if not isinstance(event, dict) or not isinstance(issue, dict):
        return Heard(None, TAKEN)  # of another thing than an issue
    if _host(issue.get("self")) != place.tenant:
        return Denied("other_tenant")
    if event.get("webhookEvent") != EVENT or not _moves(event):
        return Heard(None, TAKEN)
    record = issue.get("key")
    if not isinstance(record, str) or not hints.RECORD.fullmatch(record):
        return Denied("invalid_value", "record")
    if record.rpartition("-")[0] not in place.forms:
        return Heard(None, TAKEN)
    told = inbound.headers.get("x-atlassian-webhook-identifier") or event.get("timestamp")
    return Heard(Hint(KIND, record, event_name(told), _withdraws(event, place)), TAKEN)


def _withdraws(event: Mapping[str, Any], place: Place) -> bool:
    """Whether the issue moved to a state by which people take it back."""
    items = event["changelog"]["items"]
    return any(item.get("field") == "status" and item.get("toString") in place.withdrawn
               for item in items if isinstance(item, dict))  # fmt: skip


def _host(url: object) -> str:
    try:
        return urlsplit(url).netloc if isinstance(url, str) else ""
    except ValueError:
        return ""


def _moves(event: Mapping[str, Any]) -> bool:
    """Whether the issue's status is what has changed: approvals move it, and so do withdrawals."""
    changelog = event.get("changelog")
    items = changelog.get("items") if isinstance(changelog, dict) else None
    return isinstance(items, list) and any(
        isinstance(item, dict) and item.get("field") == "status" for item in items)
