"""ServiceNow as akwarden meets it: an item of the catalog, and the ticket that its script sends.

The ticket is written down here apart from the scripts of docs/sources/servicenow.md, which need a
JavaScript engine; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from demo.stage import ACCOUNT

URL = "https://akwarden.service-now.example/"
SOURCE_IP = "198.51.100.7"
CATALOG_ITEM = "0123456789abcdef0123456789abcdef"
VOTED = {"carol": timedelta(minutes=90), "dave": timedelta(minutes=60)}  # so long ago


def variables(application: str) -> dict[str, str]:
    """What somebody has filled in, as the item's variables hold it."""
    return {
        "application": application, "environment": "prod", "use_case": "on-premises",
        "purpose": "Orders run outside Alibaba Cloud and ship their logs to SLS.",
        "permissions": "sls-logstore-write project=orders-logs logstore=app",
        "consumers": "orders-reader", "source_ips": SOURCE_IP, "ttl": "30d",
        "necessity_confirmed": "true", "alternative_considered": "No RAM role is out there.",
    }  # fmt: skip


def user(name: str) -> dict[str, str]:
    """A row of `sys_user`, as far as it is asked for."""
    return {"sys_id": f"sys-{name}", "user_name": name, "email": f"{name}@example.com",
            "name": name.capitalize()}  # fmt: skip


def stamp(ago: timedelta) -> str:
    """A moment as ServiceNow's tables hold it: in UTC, to the second."""
    return f"{datetime.now(UTC) - ago:%Y-%m-%d %H:%M:%S}"


def item(number: str, application: str, **changes: Any) -> dict[str, Any]:
    """A row of `sc_req_item`, approved, that alice has ordered for herself."""
    return {
        "sys_id": f"sys-{number}", "number": number, "short_description": "AccessKey",
        "cat_item": {"sys_id": CATALOG_ITEM}, "approval": "approved", "state": "2",
        "opened_by": user("alice"), "requested_for": user("alice"),
        "variables": variables(application),
    } | changes  # fmt: skip


def approval(
    number: str, name: str, state: str = "approved", **changes: Any
) -> dict[str, Any]:  # fmt: skip
    """A row of `sysapproval_approver` about the item, which its approver has written."""
    return {"sys_id": f"sys-{number}-{name}", "sysapproval": {"sys_id": f"sys-{number}"},
            "state": state, "approver": user(name), "sys_updated_by": name,
            "sys_updated_on": stamp(VOTED.get(name, timedelta(hours=1)))} | changes  # fmt: skip


def delivery(number: str, application: str) -> dict[str, Any]:
    """What is sent of that item once carol and dave have approved."""
    def person(name: str) -> dict[str, str]:
        return {"id": name, "email": f"{name}@example.com", "name": name.capitalize()}

    def sent(ago: timedelta) -> str:
        return stamp(ago).replace(" ", "T") + "Z"

    filled = variables(application)
    texts = ("application", "environment", "use_case", "purpose", "alternative_considered")
    return {
        "type": "accesskey.ticket.approved", "timestamp": sent(timedelta()),
        "data": {
            "id": number, "url": f"{URL}sc_req_item.do?sys_id=sys-{number}", "title": "AccessKey",
            "status": "approved", "requester": person("alice"),
            "approvals": [
                {"approver": person(name), "decision": "approve", "at": sent(ago)}
                for name, ago in VOTED.items()
            ],
            **{name: filled[name] for name in texts},
            "permissions": [{"template": "sls-logstore-write",
                             "parameters": {"project": "orders-logs", "logstore": "app"}}],
            "consumers": [f"acs:ram::{ACCOUNT}:role/orders-reader"],
            "network": {"source_ips": [SOURCE_IP]},
            "ttl_seconds": 30 * 86_400, "necessity_confirmed": True,
        },
    }  # fmt: skip
