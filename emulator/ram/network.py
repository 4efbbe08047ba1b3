"""AccessKey network policies: which source addresses may use a key.

Source: IMS, SetAccessKeyPolicy and "AccessKey network access control". Calls here never come
from a VPC, so that a VPCWhiteList statement is checked and kept, but lets nobody in.
"""

from __future__ import annotations

import json
import re
from ipaddress import ip_address, ip_network
from typing import Any

# ConditionsPerAKPolicyQuota and IPItemsPerAKPolicyQuota: GetAccountSummary shows them, no page
# says their values.
MOST_STATEMENTS = 8
MOST_ADDRESSES = 50

_VPC = re.compile(r"AllowAllVPC|vpc-[a-z0-9]{1,64}")


class MalformedKeyPolicy(ValueError):
    """The document is not an AccessKey network policy; the text says why."""


def parse(text: str) -> dict[str, Any]:
    """Validate and normalise a document; `{}` is refused, as the service refuses it."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise MalformedKeyPolicy("not JSON") from None
    if not isinstance(document, dict) or set(document) - {"Version", "Status", "Statements"}:
        raise MalformedKeyPolicy("not an object of Version, Status and Statements")
    version = document.get("Version", 1)
    if type(version) is not int or version != 1:
        raise MalformedKeyPolicy("Version must be the number 1")
    if document.get("Status") not in ("Active", "Inactive"):
        raise MalformedKeyPolicy("Status must be Active or Inactive")
    statements = document.get("Statements")
    if not isinstance(statements, list) or len(statements) > MOST_STATEMENTS:
        raise MalformedKeyPolicy(f"Statements must be a list of at most {MOST_STATEMENTS}")
    if sum(_addresses(statement) for statement in statements) > MOST_ADDRESSES:
        raise MalformedKeyPolicy(f"at most {MOST_ADDRESSES} addresses are possible")
    return {"Version": 1, "Status": document["Status"], "Statements": statements}


def _addresses(statement: Any) -> int:
    """Check one statement; how many addresses it has."""
    if not isinstance(statement, dict) or set(statement) - {"Type", "Value", "IPList"}:
        raise MalformedKeyPolicy("a statement must be an object of Type, Value and IPList")
    kind, addresses = statement.get("Type"), statement.get("IPList")
    if kind not in ("ClassicWhiteList", "VPCWhiteList"):
        raise MalformedKeyPolicy("Type must be ClassicWhiteList or VPCWhiteList")
    if (kind == "VPCWhiteList") != ("Value" in statement):
        raise MalformedKeyPolicy("Value belongs to VPCWhiteList, and only there")
    if kind == "VPCWhiteList" and not _VPC.fullmatch(str(statement["Value"])):
        raise MalformedKeyPolicy("Value must be a VPC id or AllowAllVPC")
    if not isinstance(addresses, list) or not addresses:
        raise MalformedKeyPolicy("IPList must be a list with at least one address")
    for address in addresses:
        _check_address(address)
    return len(addresses)


def _check_address(address: Any) -> None:
    try:
        if not isinstance(address, str) or not address.isascii():
            raise ValueError
        ip_network(address, strict=False)
    except ValueError:
        raise MalformedKeyPolicy("an item of IPList is no IP address or CIDR block") from None


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
