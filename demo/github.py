"""GitHub as akwarden meets it: signed webhooks of issues, and the issues behind them.

Written from GitHub's documentation, apart from akwarden's own reading of it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

OWNER, REPOSITORY = "example-org", "accesskeys"
TOKEN = "demo-token-of-github-00000000000000001"
SECRET = "demo-webhook-secret-of-github"
PEOPLE = {name: 1001 + n for n, name in enumerate(("alice", "bob", "carol", "dave", "erin"))}


def channel_secret() -> str:
    """What `akwarden/in-github` holds."""
    return json.dumps([SECRET])


def api_secret() -> str:
    """What `akwarden/api-github` holds."""
    return json.dumps({"token": TOKEN})


def request(
    event: dict[str, Any], *, kind: str = "issue_comment", secret: str = SECRET
) -> tuple[dict[str, str], bytes]:
    """Headers and body of a delivery."""
    body = json.dumps(event, ensure_ascii=False).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json", "X-GitHub-Event": kind,
        "X-GitHub-Delivery": str(uuid.uuid4()), "X-Hub-Signature-256": f"sha256={signature}",
    }, body  # fmt: skip


def commented(number: int, **changes: Any) -> dict[str, Any]:
    """The event of a comment; what it says is in the issue's record."""
    return {
        "action": "created", "issue": {"number": number, "title": "AccessKey"},
        "comment": {"body": "/approve"},
        "repository": {"full_name": f"{OWNER}/{REPOSITORY}"},
    } | changes  # fmt: skip


def body(application: str, **changes: str) -> str:
    """What an issue form makes of the answers."""
    answers = {
        "Application": application, "Environment": "prod", "Use case": "on-premises",
        "Purpose": "The order system in our own data centre writes its logs to SLS.",
        "Permissions": "```text\nsls-logstore-write project=orders-logs logstore=app\n```",
        "Consumers": "orders-reader", "Source IPs": "198.51.100.7", "TTL": "30d",
        "Necessity confirmed": "- [X] yes", "Replaces": "_No response_",
    } | changes  # fmt: skip
    return "\n\n".join(f"### {heading}\n\n{answer}" for heading, answer in answers.items())


def _date(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def author(name: str, kind: str = "User") -> dict[str, Any]:
    return {"__typename": kind, "databaseId": PEOPLE[name]}


def comment(name: str, text: str, minutes_ago: float = 1, edited: bool = False) -> dict[str, Any]:
    at = _date(datetime.now(UTC) - timedelta(minutes=minutes_ago))
    return {"body": text, "createdAt": at, "lastEditedAt": at if edited else None,
            "author": author(name)}  # fmt: skip


def issue(number: int, text: str, votes: tuple[str, ...] = ("carol", "dave"),
          requester: str = "alice", **changes: Any) -> dict[str, Any]:  # fmt: skip
    """An issue as the GraphQL API shows it, with a comment of each vote."""
    created = _date(datetime.now(UTC) - timedelta(minutes=3))
    return {
        "number": number, "url": f"https://github.com/{OWNER}/{REPOSITORY}/issues/{number}",
        "title": "AccessKey for an application", "body": text, "state": "OPEN",
        "stateReason": None, "createdAt": created, "lastEditedAt": None,
        "repository": {"nameWithOwner": f"{OWNER}/{REPOSITORY}"}, "author": author(requester),
        "comments": [comment("alice", "please"),
                     *(comment(name, "/approve\nseen") for name in votes)],
    } | changes  # fmt: skip
