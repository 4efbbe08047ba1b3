"""What somebody filled in, field by field, as the content of a ticket; pure.

Approval forms and chat requests hold texts only. Here they get the ticket's types; whether the
content is allowed is decided where every ticket is (`tickets`, `approvals`, `policies`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from shared.fields import Refused

_SEPARATORS = re.compile(r"[\s,;，；、]+")
_DURATION = re.compile(r"([0-9]{1,5})\s*(h|d|w|小时|天|周)?", re.IGNORECASE)
_SECONDS = {"h": 3600, "小时": 3600, "d": 86_400, "天": 86_400, "w": 604_800, "周": 604_800}
_YES = frozenset({"yes", "y", "true", "1", "confirmed", "是", "确认", "已确认"})
_ROLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_WHOLE = re.compile(r"[0-9]{1,4}")
_ASSIGNMENT = re.compile(r"([a-z][a-z0-9_]{0,31})\s*[=:：]\s*([^\s,;，；]+)")

ACTIONS = {"": "approved", "issue": "approved", "extend": "extended", "amend": "amended"}
TEXTS = ("application", "environment", "use_case", "purpose", "alternative_considered", "replaces")
NUMBERS = ("rotation_days", "rotation_wait_days")
OTHERS = ("permissions", "template", "consumers", "source_ips", "ttl", "necessity_confirmed",
          "action", "beneficiary")  # fmt: skip
# What is none of these is a parameter of the template.
NAMES = frozenset({*TEXTS, *NUMBERS, *OTHERS})


def event_type(fields: Mapping[str, str]) -> str:
    """The type of delivery that the form's `action` asks for: issue (if it is left out), extend or
    amend. Raises Refused."""
    asked = fields.get("action", "").strip().casefold()
    if asked not in ACTIONS:
        raise Refused("invalid_value", "action")
    return f"accesskey.ticket.{ACTIONS[asked]}"


def content(fields: Mapping[str, str], *, account_id: str) -> dict[str, Any]:
    """The part of a ticket's content that its requester fills in; raises Refused."""
    found: dict[str, Any] = {
        name: fields[name].strip() for name in TEXTS if fields.get(name, "").strip()
    }
    found |= {name: _number(fields[name].strip(), name)
              for name in NUMBERS if fields.get(name, "").strip()}  # fmt: skip
    found["permissions"] = _permissions(fields)
    found["consumers"] = [_arn(name, account_id) for name in _listed(fields, "consumers")]
    found["network"] = {"source_ips": _listed(fields, "source_ips")}
    found["ttl_seconds"] = seconds(fields.get("ttl", ""))
    found["necessity_confirmed"] = _said_yes(fields.get("necessity_confirmed", ""))
    if email := fields.get("beneficiary", "").strip():
        found["beneficiary"] = {"id": email, "email": email}
    return found


def for_somebody_known(content: dict[str, Any], known: Callable[[str], str]) -> dict[str, Any]:
    """The content with the address of who is to get the key, if that is somebody else: `known` says
    it of whoever was named, and of nobody an empty one. Raises Refused."""
    if "beneficiary" not in content:
        return content
    email = known(content["beneficiary"]["email"])
    if not email:
        raise Refused("beneficiary_unknown", "beneficiary")
    return content | {"beneficiary": {"id": email, "email": email}}


def seconds(text: str) -> int:
    """A lifetime such as `12h`, `30d` or `4w`; a number alone counts days. Raises Refused."""
    if not text.strip():
        raise Refused("missing_field", "ttl")
    given = _DURATION.fullmatch(text.strip())
    if not given:
        raise Refused("invalid_value", "ttl")
    return int(given[1]) * _SECONDS[(given[2] or "d").lower()]


def _number(text: str, where: str) -> int:
    if not _WHOLE.fullmatch(text):
        raise Refused("invalid_value", where)
    return int(text)


def _said_yes(text: str) -> bool:
    """A checkbox gives its label, or a list of one."""
    return text.strip().strip("[]\"' ").casefold() in _YES


def _listed(fields: Mapping[str, str], name: str) -> list[str]:
    return [one for one in _SEPARATORS.split(fields.get(name, "").strip()) if one]


def _arn(name: str, account_id: str) -> str:
    """A role's name alone means one of this account."""
    return f"acs:ram::{account_id}:role/{name}" if _ROLE.fullmatch(name) else name


def _permissions(fields: Mapping[str, str]) -> list[dict[str, Any]]:
    """One template with the fields that are named like its parameters; or, in `permissions`, a
    line for each: the template's name, then `parameter=value`."""
    parameters = {name: text.strip() for name, text in fields.items()
                  if name not in NAMES and text.strip()}  # fmt: skip
    if template := fields.get("template", "").strip():
        return [{"template": template, "parameters": parameters}]
    if parameters:
        raise Refused("missing_field", "template")
    lines = [line.strip() for line in fields.get("permissions", "").splitlines() if line.strip()]
    if not lines:
        raise Refused("missing_field", "permissions")
    return [_of_line(line, f"permissions[{index}]") for index, line in enumerate(lines)]


def _of_line(line: str, where: str) -> dict[str, Any]:
    template, _, rest = line.partition(" ")
    given = _ASSIGNMENT.findall(rest)
    if _ASSIGNMENT.sub("", rest).strip(" ,;，；") or len(dict(given)) != len(given):
        raise Refused("invalid_value", f"{where}.parameters")
    return {"template": template, "parameters": dict(given)}
