"""AccessKey network policies: which source addresses may use a key.

Source: IMS, SetAccessKeyPolicy and "AccessKey network access control".
"""

from __future__ import annotations

import json
from ipaddress import ip_address, ip_network
from typing import Any


class MalformedKeyPolicy(ValueError):
    """The document is not an AccessKey network policy; the text says why."""


def parse(text: str) -> dict[str, Any]:
    """Validate and normalise a document; `{}` is refused, as the service refuses it."""
    try:
        document = json.loads(text)
    except ValueError:
        raise MalformedKeyPolicy("not JSON") from None
    if not isinstance(document, dict) or not document:
        raise MalformedKeyPolicy("not an object with Status and Statements")
    if document.get("Version", 1) != 1 or document.get("Status") not in ("Active", "Inactive"):
        raise MalformedKeyPolicy("Version must be 1, Status Active or Inactive")
    statements = document.get("Statements")
    if not isinstance(statements, list):
        raise MalformedKeyPolicy("Statements must be a list")
    for statement in statements:
        _check(statement)
    return {"Version": 1, "Status": document["Status"], "Statements": statements}


def _check(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise MalformedKeyPolicy("a statement must be an object")
    kind, addresses = statement.get("Type"), statement.get("IPList")
    if kind not in ("ClassicWhiteList", "VPCWhiteList"):
        raise MalformedKeyPolicy("Type must be ClassicWhiteList or VPCWhiteList")
    if (kind == "VPCWhiteList") != ("Value" in statement):
        raise MalformedKeyPolicy("Value belongs to VPCWhiteList, and only there")
    if not isinstance(addresses, list) or not addresses:
        raise MalformedKeyPolicy("IPList must be a list with at least one address")
    for address in addresses:
        try:
            ip_network(str(address), strict=False)
        except ValueError:
            raise MalformedKeyPolicy(f"{address} is no IP address or CIDR block") from None


def allowed(text: str, source_ip: str) -> bool:
    """Whether a stored policy lets this address use the key; no or inactive policy: any."""
    document = json.loads(text)
    if document.get("Status") != "Active":
        return True
    networks = [
        network
        for statement in document["Statements"]
        if statement["Type"] == "ClassicWhiteList"
        for network in statement["IPList"]
    ]
    return any(ip_address(source_ip) in ip_network(n, strict=False) for n in networks)
