"""Valid tickets and deliveries that fit config/rules.toml and config/templates.toml.

`alice` asks, `carol` and `dave` approve; the application is `orders`, its reader `orders-reader`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from shared import rules, templates, timestamps
from shared.policies import Assets

ROOT = Path(__file__).parents[2]
ACCOUNT_ID = "1234567890123456"
NOW = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
ASSETS = Assets(ACCOUNT_ID, "cn-hangzhou", "akwarden-audit", "akwarden-digests")
RULES = rules.load((ROOT / "config" / "rules.toml").read_text(encoding="utf-8"))
_MOST = rules.Limit(rules.MOST_GRANTS, rules.MOST_GRANTS)
LIFTED = rules.Limits(_MOST, _MOST, _MOST)  # for tests in which one person asks for everything
TEMPLATES = templates.load((ROOT / "config" / "templates.toml").read_text(encoding="utf-8"))


def with_list(application: str, people: Iterable[str], known: rules.Rules = RULES) -> rules.Rules:
    """These rules, and in each environment a list of those who may approve for the application."""
    lists = {application: frozenset(f"{one}@example.com" for one in people)}
    return replace(known, environments={
        name: replace(one, approvers_of_application={**one.approvers_of_application, **lists})
        for name, one in known.environments.items()})  # fmt: skip


def person(user: str, **changes: Any) -> dict[str, Any]:
    """A principal as a source sends it."""
    return {"id": user, "email": f"{user}@example.com"} | changes


def approval(user: str, at: datetime = NOW - timedelta(hours=1), **changes: Any) -> dict[str, Any]:
    """An approval by that person."""
    content = {"approver": person(user), "decision": "approve", "at": timestamps.text(at)}
    return content | changes


def approved_ticket(
    now: datetime = NOW, account_id: str = ACCOUNT_ID, **changes: Any
) -> dict[str, Any]:
    """A `data` object that is approved at `now`; a change to `...` leaves the field out."""
    content = {
        "id": "REQ-1042",
        "url": "https://tickets.example.com/REQ-1042",
        "title": "AccessKey for the orders service",
        "status": "approved",
        "requester": person("alice", name="Alice Example"),
        "approvals": [
            approval("carol", now - timedelta(hours=2), comment="Agreed with the data owner."),
            approval("dave", now - timedelta(hours=1), comment=""),
        ],
        "application": "orders",
        "environment": "prod",
        "use_case": "on-premises",
        "purpose": "The order service in our own data centre writes its logs to SLS.",
        "permissions": [
            {
                "template": "sls-logstore-write",
                "parameters": {"project": "orders-logs", "logstore": "application"},
            }
        ],
        "consumers": [f"acs:ram::{account_id}:role/orders-reader"],
        "network": {"source_ips": ["198.51.100.7"]},
        "ttl_seconds": 30 * 86_400,
        "necessity_confirmed": True,
        "alternative_considered": "The data centre has no identity provider with OIDC yet.",
    }
    return {name: value for name, value in (content | changes).items() if value is not ...}


def approved_delivery(
    now: datetime = NOW, type: str = "accesskey.ticket.approved", **changes: Any
) -> dict[str, Any]:
    """The JSON of a whole webhook; changes are those of the ticket in it."""
    data = approved_ticket(now, **changes)
    return {"type": type, "timestamp": timestamps.text(now), "data": data}


def approved_body(**changes: Any) -> bytes:
    """The bytes of a whole webhook, to be signed as they are."""
    return json.dumps(approved_delivery(**changes)).encode()


def self_service_ticket(now: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """A ticket for the existing RAM user `heidi` to manage its own keys; creates no key."""
    content: dict[str, Any] = {
        "environment": "dev",
        "use_case": "cli",
        "approvals": [approval("carol", now - timedelta(hours=1))],
        "permissions": [
            {"template": "self-service-access-key-manage", "parameters": {"user_name": "heidi"}}
        ],
        "consumers": [],
        "network": {"source_ips": []},
        "ttl_seconds": 7 * 86_400,
    }
    return approved_ticket(now, **(content | changes))
