"""GitHub's webhooks of issues: a plain body under an HMAC of its bytes.

There is no timestamp in the signature, and GitHub lets an administrator send a delivery again: that
hints at the issue again, which is read as it is by then. Source: GitHub, "Validating webhook
deliveries", "Webhook events and payloads".
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from shared import hints, vendor_secrets
from shared.fields import Refused, decoded
from shared.hints import Hint
from shared.http_event import Inbound
from shared.places import Place
from shared.refusals import Denied
from shared.secrecy import Secret
from shared.sources import hmac_body
from shared.sources.heard import Heard, event_name

KIND = "github"
SEALED = False
EVENTS = {
    "issue_comment": ("created", "edited", "deleted"),
    "issues": ("opened", "edited", "closed", "reopened"),
}
TAKEN = {"status": "taken"}


def channels(value: Secret) -> tuple[Secret, ...]:
    """The webhook's secrets."""
    return vendor_secrets.texts(value, "GitHub")


def hear(
    inbound: Inbound, known: Sequence[Secret], place: Place, now: datetime
) -> Heard | Denied:
    """Verify; the issue that the event is about, if it is one of our repositories'."""
    headers = inbound.headers
    if not hmac_body.signed(inbound.body, headers.get("x-hub-signature-256", ""), known):
        return Denied("invalid_signature")
    try:
        event = decoded(inbound.body)
    except Refused as refused:
        return refused.denied
    kind = headers.get("x-github-event", "")
    if not isinstance(event, dict) or event.get("action") not in EVENTS.get(kind, ()):
        return Heard(None, TAKEN)  # `ping`, and all that is not about an issue
    repository, issue = event.get("repository"), event.get("issue")
    if not isinstance(repository, dict) or not isinstance(issue, dict):
        return Denied("wrong_type")
    name, number = repository.get("full_name"), issue.get("number")
    if not isinstance(name, str) or name.partition("/")[0] != place.tenant:
        return Denied("other_tenant")
    if name not in place.forms or "pull_request" in issue:
        return Heard(None, TAKEN)
    if not isinstance(number, int) or isinstance(number, bool):
        return Denied("invalid_value", "record")
    record = f"{name.partition('/')[2]}.{number}"
    if not hints.RECORD.fullmatch(record):
        return Denied("invalid_value", "record")
    withdrawn = event["action"] == "closed" and issue.get("state_reason") == "not_planned"
    name_of_event = event_name(headers.get("x-github-delivery", ""))
    return Heard(Hint(KIND, record, name_of_event, withdrawn), TAKEN)
