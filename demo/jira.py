"""Jira Cloud as akwarden meets it: signed webhooks of issues, and the issues behind them.

Written from Atlassian's documentation, apart from akwarden's own reading of it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

HOST, PROJECT = "example.atlassian.net", "AKW"
EMAIL, API_TOKEN = "broker@example.com", "demo-api-token-of-jira-0000000000000001"
SECRET = "demo-webhook-secret-of-jira"
PEOPLE = {name: f"557058:{name}" for name in ("alice", "bob", "carol", "dave", "erin")}
# The custom fields of config/sources.toml, by a ticket's name.
FIELDS = {name: f"customfield_{10031 + number}" for number, name in enumerate((
    "application", "environment", "use_case", "purpose", "permissions", "consumers", "source_ips",
    "ttl", "necessity_confirmed"))}  # fmt: skip


def channel_secret() -> str:
    """What `akwarden/in-jira` holds."""
    return json.dumps([SECRET])


def api_secret() -> str:
    """What `akwarden/api-jira` holds."""
    return json.dumps({"email": EMAIL, "api_token": API_TOKEN})


def request(event: dict[str, Any], *, secret: str = SECRET) -> tuple[dict[str, str], bytes]:
    """Headers and body of a webhook that an administrator has registered with a secret."""
    body = json.dumps(event, ensure_ascii=False).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json; charset=utf-8",
        "X-Hub-Signature": f"sha256={signature}",
        "X-Atlassian-Webhook-Identifier": uuid.uuid4().hex,
    }, body  # fmt: skip


def moved(key: str, **changes: Any) -> dict[str, Any]:
    """The webhook of an issue whose status changed."""
    return {
        "timestamp": int(time.time() * 1000), "webhookEvent": "jira:issue_updated",
        "issue_event_type_name": "issue_generic",
        "issue": {"id": "10001", "key": key, "self": f"https://{HOST}/rest/api/2/10001"},
        "changelog": {"id": "1", "items": [{"field": "status", "fieldId": "status",
                                            "fromString": "Waiting", "toString": "Approved"}]},
    } | changes  # fmt: skip


def form(application: str) -> dict[str, Any]:
    """What somebody filled in, by a ticket's names; a drop-down and a checkbox are objects."""
    return {
        "application": application, "environment": {"value": "prod"},
        "use_case": {"value": "on-premises"},
        "purpose": "The order system in our own data centre writes its logs to SLS.",
        "permissions": "sls-logstore-write project=orders-logs logstore=app",
        "consumers": "orders-reader", "source_ips": "198.51.100.7", "ttl": "30d",
        "necessity_confirmed": [{"value": "Yes"}],
    }  # fmt: skip


def _date(at: datetime) -> str:
    """As Jira writes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _person(name: str) -> dict[str, Any]:
    return {"accountId": PEOPLE[name], "accountType": "atlassian", "displayName": name.title()}


def record(fields: dict[str, Any], votes: tuple[str, ...] = ("carol", "dave"),
           requester: str = "alice", status: str = "Approved",
           created: datetime | None = None) -> dict[str, Any]:  # fmt: skip
    """An issue with one approval that all of `votes` gave, and its changelog."""
    now = datetime.now(UTC)
    begun = created or now - timedelta(minutes=4)
    return {
        "issue": {"key": "", "fields": {
            "summary": "AccessKey for an application", "project": {"key": PROJECT},
            "created": _date(begun), "reporter": _person(requester),
            "creator": _person(requester), "status": {"name": status},
            **{FIELDS[name]: value for name, value in fields.items()},
        }},
        "approvals": [{
            "id": "1", "name": "Security", "finalDecision": "approved",
            "canAnswerApproval": False,
            "createdDate": {"epochMillis": int((now - timedelta(minutes=3)).timestamp() * 1000)},
            "completedDate": {"epochMillis": int((now - timedelta(minutes=2)).timestamp() * 1000)},
            "approvers": [{"approver": _person(name), "approverDecision": "approved"}
                          for name in votes],
        }],
        "changes": [edit("status", now - timedelta(minutes=2))],
    }  # fmt: skip


def edit(field: str, at: datetime) -> dict[str, Any]:
    """An entry of the changelog."""
    return {"id": "1", "created": _date(at), "items": [{"field": field, "fieldId": field}]}
