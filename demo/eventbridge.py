"""EventBridge as akwarden meets it: a publisher on the bus, and the event as the bus delivers it.

Written from EventBridge's documentation, apart from akwarden's own reading of it.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from demo import actors
from demo.stage import ACCOUNT, REGION

SOURCE, BUS = "akwarden.tickets", "default"
FUNCTION = "akw-event"


def published(data: dict[str, Any], kind: str = "approved", /, **changes: Any) -> dict[str, Any]:
    """What a publisher gives to PutEvents."""
    return {
        "id": str(uuid.uuid4()), "source": SOURCE, "specversion": "1.0",
        "type": f"accesskey.ticket.{kind}", "datacontenttype": "application/json",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), "data": data,
    } | changes  # fmt: skip


def delivered(data: dict[str, Any], kind: str = "approved", /, **changes: Any) -> dict[str, Any]:
    """The same with what the bus adds, as the function gets it."""
    return published(data, kind) | {
        "datacontenttype": "application/json;charset=utf-8",
        "aliyunaccountid": ACCOUNT, "aliyunoriginalaccountid": ACCOUNT,
        "aliyuneventbusname": BUS, "aliyunregionid": REGION,
        "aliyunpublishtime": "2026-11-19T21:04:42.179PRC", "aliyunpublishaddr": "172.25.0.1",
    } | changes  # fmt: skip


def ticket(id: str, application: str, source_ip: str = "198.51.100.7") -> dict[str, Any]:
    """An approved one for development: production is not for events unless config/ says so."""
    data: dict[str, Any] = actors.approved_ticket(id, source_ip)["data"]
    return data | {"application": application, "environment": "dev", "ttl_seconds": 7 * 86_400}
