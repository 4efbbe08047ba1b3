"""The canonical ticket: whatever the source, this is what akwarden understands of a request.

Parsing is strict, because what a field cannot be, nobody has to handle later: names fit RAM,
texts fit logs, networks are narrow. `docs/ticket.schema.json` says the same to senders.
The canonical form is stored by digest in tags: a new field must be optional and left out of the
canonical form where it is absent, so that old digests stay true.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shared import networks, timestamps
from shared.fields import LINES, Refused, flag, items, members, text, whole
from shared.refusals import Denied
from shared.use_cases import ALTERNATIVES

STATUSES = ("approved", "rejected", "withdrawn", "pending", "revoked")
APPROVE, REJECT = "approve", "reject"
MAX_PERMISSIONS = 5
MAX_CONSUMERS = 10
MAX_ROTATION_DAYS = 90  # "Create an AccessKey" and CIS 1.6: no key gets older
MAX_ROTATION_WAIT_DAYS = 60
MAX_TTL_SECONDS = 10 * 366 * 86_400  # keeps every later date computable; rules.toml is narrower

ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._#-]{0,63}")
# No user-info before the host: the address stands in every audit row.
_URL = re.compile(r"https?://[A-Za-z0-9][A-Za-z0-9.:-]*([/?#][A-Za-z0-9._~:/?#@!$&'()+,;=%\[\]-]*)?")
# `akw-` + application + `-` + environment must fit the 64 characters of a RAM user name and hold
# no more than a policy name may (letters, digits, hyphens): 4 + 39 + 1 + 16 = 60.
# `lock-…` is reserved: the issue role may delete policies named `akw-lock-*`, its leases.
APPLICATION = re.compile(r"(?!lock(-|$))[a-z][a-z0-9]*(-[a-z0-9]+)*")
MAX_APPLICATION = 39
ENVIRONMENT = re.compile(r"[a-z][a-z0-9]*")
MAX_ENVIRONMENT = 16
# ASCII only: two different texts must not look like, or fold to, the same person.
PERSON = re.compile(r" *[A-Za-z0-9][A-Za-z0-9@._+=-]{0,127} *")
# The domain ends with a letter or digit: `example.com.` would be another spelling of a person.
_EMAIL = re.compile(
    r" *[A-Za-z0-9][A-Za-z0-9._+=-]{0,63}@[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])? *"
)
_PURPOSE = re.compile(r"\s*(\S\s*){10,}")
_TEMPLATE = re.compile(r"[a-z][a-z0-9-]{1,63}")
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,31}")
# A RAM user that is none of ours: those have a life of their own.
FOREIGN_USER = re.compile(r"(?!akw-)[A-Za-z0-9._-]{1,64}")
_ROLE = re.compile(r"acs:ram::[0-9]{16}:role/[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True)
class Principal:
    """A person as the source names them; `id` and `email` are lower-cased and stripped."""

    id: str
    email: str
    name: str = ""


@dataclass(frozen=True)
class Approval:
    """One person's decision, `approve` or `reject`; `at` is in UTC."""

    approver: Principal
    decision: str
    at: datetime
    comment: str = ""


@dataclass(frozen=True)
class Permission:
    """A template of config/templates.toml and the texts that fill it."""

    template: str
    parameters: Mapping[str, str]


@dataclass(frozen=True)
class Ticket:
    """A request and its approvals. `source` is the configured name of who sent it.

    `source_ips` are normalised, sorted, each once. `ttl_seconds` counts from the approval.
    `rotation_days` is the oldest that its key may become, `rotation_wait_days` how long a former
    key that is still used is waited for at most; None leaves both to `config/lifecycle.toml`.
    `replaces` is the hand-made RAM user whose keys the application gives up; empty: there is none.
    """

    source: str
    id: str
    url: str
    title: str
    status: str
    requester: Principal
    beneficiary: Principal | None
    approvals: tuple[Approval, ...]
    application: str
    environment: str
    use_case: str
    purpose: str
    permissions: tuple[Permission, ...]
    consumers: tuple[str, ...]
    source_ips: tuple[str, ...]
    ttl_seconds: int
    necessity_confirmed: bool
    alternative_considered: str
    rotation_days: int | None = None
    rotation_wait_days: int | None = None
    replaces: str = ""


_REQUIRED = (
    "id", "url", "title", "status", "requester", "approvals", "application", "environment",
    "use_case", "purpose", "permissions", "consumers", "network", "ttl_seconds",
    "necessity_confirmed",
)  # fmt: skip
_OPTIONAL = ("beneficiary", "alternative_considered", "rotation_days", "rotation_wait_days",
             "replaces")  # fmt: skip


def parse(content: object, *, source: str) -> Ticket | Denied:
    """Read the `data` of a delivery, as `json.loads` gives it; never raises."""
    try:
        return _ticket(content, source)
    except Refused as refused:
        return refused.denied


def canonical(ticket: Ticket) -> dict[str, object]:
    """The ticket as JSON-ready `data`: parsing it again gives an equal ticket."""
    content: dict[str, object] = {
        "id": ticket.id,
        "url": ticket.url,
        "title": ticket.title,
        "status": ticket.status,
        "requester": _principal_content(ticket.requester),
        "approvals": [_approval_content(approval) for approval in ticket.approvals],
        "application": ticket.application,
        "environment": ticket.environment,
        "use_case": ticket.use_case,
        "purpose": ticket.purpose,
        "permissions": [
            {"template": p.template, "parameters": dict(p.parameters)} for p in ticket.permissions
        ],
        "consumers": list(ticket.consumers),
        "network": {"source_ips": list(ticket.source_ips)},
        "ttl_seconds": ticket.ttl_seconds,
        "necessity_confirmed": ticket.necessity_confirmed,
    }
    if ticket.beneficiary is not None:
        content["beneficiary"] = _principal_content(ticket.beneficiary)
    if ticket.alternative_considered:
        content["alternative_considered"] = ticket.alternative_considered
    if ticket.rotation_days is not None:
        content["rotation_days"] = ticket.rotation_days
    if ticket.rotation_wait_days is not None:
        content["rotation_wait_days"] = ticket.rotation_wait_days
    if ticket.replaces:
        content["replaces"] = ticket.replaces
    return content


def digest(ticket: Ticket) -> str:
    """SHA-256 (hex) of the canonical JSON: an approval is for this content and no other."""
    canonical_json = json.dumps(
        canonical(ticket), ensure_ascii=False, separators=(",", ":"), sort_keys=True
    )
    return hashlib.sha256(canonical_json.encode()).hexdigest()


def _ticket(content: object, source: str) -> Ticket:
    given = members(content, "", required=_REQUIRED, optional=_OPTIONAL)
    network = members(given["network"], "network", required=("source_ips",))
    beneficiary = given.get("beneficiary")
    return Ticket(
        source=source,
        id=text(given["id"], "id", most=64, pattern=ID),
        url=text(given["url"], "url", most=500, pattern=_URL),
        title=text(given["title"], "title", least=1, most=200),
        status=_choice(given["status"], "status", STATUSES),
        requester=_principal(given["requester"], "requester"),
        beneficiary=None if beneficiary is None else _principal(beneficiary, "beneficiary"),
        approvals=_approvals(given["approvals"]),
        application=_name(given["application"], "application", APPLICATION, MAX_APPLICATION),
        environment=_name(given["environment"], "environment", ENVIRONMENT, MAX_ENVIRONMENT),
        use_case=_choice(given["use_case"], "use_case", ALTERNATIVES, "unknown_use_case"),
        purpose=_purpose(given["purpose"]),
        permissions=_permissions(given["permissions"]),
        consumers=_consumers(given["consumers"]),
        source_ips=_source_ips(network["source_ips"]),
        ttl_seconds=whole(
            given["ttl_seconds"], "ttl_seconds",
            least=1, most=MAX_TTL_SECONDS, reason="ttl_out_of_range",
        ),
        necessity_confirmed=flag(given["necessity_confirmed"], "necessity_confirmed"),
        alternative_considered=text(
            given.get("alternative_considered", ""), "alternative_considered",
            most=500, pattern=LINES,
        ),
        rotation_days=_days(given, "rotation_days", least=1, most=MAX_ROTATION_DAYS),
        rotation_wait_days=_days(given, "rotation_wait_days", least=0, most=MAX_ROTATION_WAIT_DAYS),
        replaces=text(given["replaces"], "replaces", most=64, pattern=FOREIGN_USER)
        if "replaces" in given else "",
    )  # fmt: skip


def _days(given: Mapping[str, object], where: str, *, least: int, most: int) -> int | None:
    if where not in given:
        return None
    return whole(given[where], where, least=least, most=most, reason="invalid_value")


def _choice(
    value: object, where: str, choices: tuple[str, ...] | Mapping[str, str],
    reason: str = "invalid_value",
) -> str:  # fmt: skip
    chosen = text(value, where, most=64, reason=reason)
    if chosen not in choices:
        raise Refused(reason, where)
    return chosen


def _name(value: object, where: str, pattern: re.Pattern[str], most: int) -> str:
    name = text(value, where, most=500)
    if not pattern.fullmatch(name) or len(name) < 2:
        raise Refused("invalid_value", where)
    if len(name) > most:
        raise Refused("name_too_long", where)
    return name


def _principal(value: object, where: str) -> Principal:
    given = members(value, where, required=("id", "email"), optional=("name",))
    return Principal(
        text(given["id"], f"{where}.id", most=130, pattern=PERSON).strip().casefold(),
        text(given["email"], f"{where}.email", most=130, pattern=_EMAIL).strip().casefold(),
        text(given.get("name", ""), f"{where}.name", most=100),
    )


def _approvals(value: object) -> tuple[Approval, ...]:
    return tuple(
        _approval(item, f"approvals[{index}]")
        for index, item in enumerate(items(value, "approvals", least=0, most=20))
    )


def _approval(value: object, where: str) -> Approval:
    given = members(value, where, required=("approver", "decision", "at"), optional=("comment",))
    at = timestamps.parse(text(given["at"], f"{where}.at", most=40))
    if at is None:
        raise Refused("invalid_value", f"{where}.at")
    return Approval(
        _principal(given["approver"], f"{where}.approver"),
        _choice(given["decision"], f"{where}.decision", (APPROVE, REJECT)),
        at,
        text(given.get("comment", ""), f"{where}.comment", most=1000, pattern=LINES),
    )


def _purpose(value: object) -> str:
    purpose = text(value, "purpose", least=10, most=500, pattern=LINES)
    if not _PURPOSE.fullmatch(purpose):
        raise Refused("invalid_value", "purpose")
    return purpose


def _permissions(value: object) -> tuple[Permission, ...]:
    found = items(
        value, "permissions", least=1, most=MAX_PERMISSIONS, reason="too_many_permissions"
    )
    return tuple(_permission(item, f"permissions[{i}]") for i, item in enumerate(found))


def _permission(value: object, where: str) -> Permission:
    given = members(value, where, required=("template", "parameters"))
    parameters = given["parameters"]
    if not isinstance(parameters, dict):
        raise Refused("wrong_type", f"{where}.parameters")
    if len(parameters) > 10 or not all(_PARAMETER.fullmatch(str(name)) for name in parameters):
        raise Refused("invalid_value", f"{where}.parameters")
    return Permission(
        text(given["template"], f"{where}.template", most=64, pattern=_TEMPLATE),
        {
            name: text(parameters[name], f"{where}.parameters", most=256)
            for name in sorted(parameters)
        },
    )


def _consumers(value: object) -> tuple[str, ...]:
    found = items(value, "consumers", least=0, most=MAX_CONSUMERS, reason="consumers_invalid")
    arns = [
        text(item, f"consumers[{i}]", most=100, pattern=_ROLE, reason="consumers_invalid")
        for i, item in enumerate(found)
    ]
    return tuple(sorted(set(arns)))


def _source_ips(value: object) -> tuple[str, ...]:
    where = "network.source_ips"
    found = items(
        value, where, least=0, most=networks.MAX_SOURCE_IPS, reason="source_ips_invalid"
    )
    texts = [
        text(item, f"{where}[{i}]", most=64, reason="source_ips_invalid")
        for i, item in enumerate(found)
    ]
    normal = networks.normalised(texts)
    if isinstance(normal, int):
        raise Refused("source_ips_invalid", f"{where}[{normal}]")
    return normal


def _principal_content(principal: Principal) -> dict[str, object]:
    content: dict[str, object] = {"id": principal.id, "email": principal.email}
    if principal.name:
        content["name"] = principal.name
    return content


def _approval_content(approval: Approval) -> dict[str, object]:
    content: dict[str, object] = {
        "approver": _principal_content(approval.approver),
        "decision": approval.decision,
        "at": timestamps.text(approval.at),
    }
    if approval.comment:
        content["comment"] = approval.comment
    return content
