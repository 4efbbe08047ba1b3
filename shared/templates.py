"""Templates make policies; tickets only fill their parameters: `config/templates.toml`, linted.

A template is code that grants rights, so loading it is strict: exact actions, scoped resources,
no way to more rights. Source of the deny-list: RAM's and Cloud Config's published audit rules on
privilege escalation, and our own reading of each API.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.config_tables import Table, read
from shared.errors import ConfigError
from shared.patterns import overlap

Statement = dict[str, Any]  # one RAM policy statement: Effect, Action, Resource, Condition

PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
BUILT_IN = frozenset({"account", "region"})
SELF_SERVICE_PARAMETER = "user_name"

_NAME = re.compile(r"[a-z][a-z0-9-]{1,63}")
_ACTION = re.compile(r"[a-z][a-z0-9-]*:[A-Za-z][A-Za-z0-9]*")
_CONDITION_OPERATORS = re.compile(r"(String|Numeric|Date)[A-Za-z]+|Bool|IpAddress|NotIpAddress")

# What a key's holder could turn into more rights, or into silence. RAM, IMS and STS as a whole.
ESCALATION = (
    "ram:*", "ims:*", "sts:*", "resourcemanager:*", "resourcesharing:*", "cloudsso:*", "ros:*",
    "oos:*", "actiontrail:*", "config:*", "fc:Create*", "fc:Update*", "fc:Put*", "fc:Delete*",
    "ecs:RunInstances", "ecs:CreateInstance", "ecs:AttachInstanceRamRole", "ecs:RunCommand",
    "ecs:InvokeCommand", "ecs:CreateCommand", "ecs:SendFile", "ecs:StartTerminalSession",
    "log:Delete*", "log:*ResourcePolicy", "kms:SetSecretPolicy", "kms:SetKeyPolicy", "kms:Delete*",
    "kms:ScheduleKeyDeletion", "oss:PutBucketPolicy", "oss:DeleteBucketPolicy", "oss:PutBucketAcl",
    "oss:PutObjectAcl",
)  # fmt: skip

# All that a self-service template may hold: a user's care of its own keys.
SELF_SERVICE_ACTIONS = frozenset(
    f"ram:{name}"
    for name in (
        "CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey",
        "GetAccessKeyLastUsed", "ListAccessKeysInRecycleBin",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """What a ticket may fill in: `pattern` must match the whole value."""

    pattern: re.Pattern[str]
    description: str
    example: str
    max_length: int

    def fits(self, value: str) -> bool:
        return len(value) <= self.max_length and bool(self.pattern.fullmatch(value))


@dataclass(frozen=True)
class Template:
    """Statements (all Allow) with `{parameter}`, `{account}` and `{region}` to be filled in.

    `unscoped_actions`: action → why RAM offers no narrower resource than `*` for it.
    """

    name: str
    title: str
    description: str
    self_service: bool
    parameters: Mapping[str, Parameter]
    statements: tuple[Statement, ...]
    unscoped_actions: Mapping[str, str]


def load(text: str) -> dict[str, Template]:
    """Read the file's text; raises ConfigError with all problems at once."""
    root, problems = read(text)
    templates = {}
    for name in root.names():
        if not _NAME.fullmatch(name):
            root.problem(name, "is no template name (a-z, 0-9, hyphens)")
        templates[name] = _template(name, root.table(name))
    root.end()
    if not templates:
        root.problem("", "holds no template")
    if problems:
        raise ConfigError(problems)
    return templates


def _template(name: str, table: Table) -> Template:
    parameters = table.table("parameters")
    unscoped = table.table("unscoped_actions")
    template = Template(
        name=name,
        title=table.text("title"),
        description=table.text("description"),
        self_service=table.flag("self_service"),
        parameters={key: _parameter(parameters.table(key)) for key in parameters.names()},
        unscoped_actions={action: unscoped.text(action) for action in unscoped.names()},
        statements=tuple(_statement(item) for item in table.tables("statements")),
    )
    _lint(template, table)
    table.end()
    return template


def _parameter(table: Table) -> Parameter:
    try:
        pattern = re.compile(table.text("pattern"))
    except re.error as err:
        table.problem("pattern", f"is no regular expression: {err}")
        pattern = re.compile("")
    parameter = Parameter(
        pattern,
        table.text("description"),
        table.text("example"),
        table.whole("max_length", least=1, most=256),
    )
    if not parameter.fits(parameter.example):
        table.problem("example", "does not fit pattern and max_length")
    table.end()
    return parameter


def _statement(table: Table) -> Statement:
    statement: Statement = {
        "Effect": "Allow",
        "Action": list(table.texts("Action")),
        "Resource": list(table.texts("Resource")),
    }
    if table.has("Condition"):
        statement["Condition"] = _condition(table.table("Condition"))
    table.end()
    return statement


def _condition(table: Table) -> dict[str, dict[str, list[str]]]:
    made = {}
    for operator in table.names():
        if not _CONDITION_OPERATORS.fullmatch(operator):
            table.problem(operator, "is no condition operator of RAM")
        keys = table.table(operator)
        made[operator] = {key: list(keys.texts(key)) for key in keys.names()}
    return made


def _lint(template: Template, table: Table) -> None:
    """Refuse what a policy of ours must never hold."""
    used: set[str] = set()
    for index, statement in enumerate(template.statements):
        where = f"statements[{index}]"
        for action in statement["Action"]:
            for fault in _action_faults(template, action):
                table.problem(f"{where}.Action", f"{action} {fault}")
        for resource in statement["Resource"]:
            used |= set(PLACEHOLDER.findall(resource))
            for fault in _resource_faults(template, statement, resource):
                table.problem(f"{where}.Resource", f"{resource} {fault}")
        used |= set(PLACEHOLDER.findall(repr(statement.get("Condition", ""))))
    for name in sorted(used - BUILT_IN - set(template.parameters)):
        table.problem("parameters", f"{{{name}}} is used but not described")
    for name in sorted(set(template.parameters) - used):
        table.problem(f"parameters.{name}", "is never used")
    _lint_unscoped(template, table)
    if template.self_service and set(template.parameters) != {SELF_SERVICE_PARAMETER}:
        table.problem("parameters", f"of a self-service template is {SELF_SERVICE_PARAMETER} alone")


def _lint_unscoped(template: Template, table: Table) -> None:
    unscoped = {
        action
        for statement in template.statements
        if "*" in statement["Resource"]
        for action in statement["Action"]
    }
    for action in sorted(set(template.unscoped_actions) - unscoped):
        table.problem(f"unscoped_actions.{action}", "has no statement on `*`")


def _action_faults(template: Template, action: str) -> list[str]:
    if not _ACTION.fullmatch(action):
        return ["is not one exact action (service:Name, no wildcard)"]
    if template.self_service:
        known = action in SELF_SERVICE_ACTIONS
        return [] if known else ["is not among the actions of self-service"]
    if any(overlap(action.casefold(), pattern.casefold()) for pattern in ESCALATION):
        return ["leads to more rights or to silence and is on the deny-list"]
    return []


def _resource_faults(template: Template, statement: Statement, resource: str) -> list[str]:
    if resource == "*":
        bare = [a for a in statement["Action"] if a not in template.unscoped_actions]
        return [f"needs a reason in unscoped_actions for {action}" for action in bare]
    segments = resource.split(":", 4)
    if len(segments) != 5 or segments[0] != "acs":
        return ["is no resource (acs:service:region:account:id)"]
    _, service, region, account, name = segments
    faults = []
    if region not in ("*", "{region}"):
        faults.append("must have `*` or {region} as its region")
    if account != "{account}":
        faults.append("must have {account} as its account")
    if any(action.partition(":")[0] != service for action in statement["Action"]):
        faults.append("belongs to another service than an action of its statement")
    if not PLACEHOLDER.search(name) or name.lstrip("/").startswith(("*", "?")):
        faults.append("is not scoped by a parameter")
    if template.self_service and name != f"user/{{{SELF_SERVICE_PARAMETER}}}":
        faults.append("of a self-service template must be the one user")
    return faults
