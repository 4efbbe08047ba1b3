"""The HTTP trigger's event and answer, as built-in FC 3.0 runtimes see them.

Source: Function Compute, "Use an HTTP trigger to invoke a function".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Inbound:
    """One HTTP request: raw body, headers with lower-case names; of a parameter that comes more
    than once, which FC gives as a list, nothing is kept."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = field(default_factory=dict)


def parse(event: bytes) -> Inbound | None:
    """Read the event; None if it is not an HTTP trigger's."""
    try:
        content = json.loads(event)
        http = content["requestContext"]["http"]
        body = content.get("body") or ""
        raw = base64.b64decode(body) if content.get("isBase64Encoded") else body.encode()
        headers = {str(k).lower(): str(v) for k, v in (content.get("headers") or {}).items()}
        given = content.get("queryParameters") or {}
        query = {str(k): v for k, v in given.items() if isinstance(v, str)}
        return Inbound(str(http["method"]), str(http["path"]), headers, raw, query)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def answer(status: int, content: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON answer; always explicit, as FC's inference for other values is not documented."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"},
        "isBase64Encoded": False,
        "body": json.dumps(content, ensure_ascii=False, sort_keys=True),
    }
