"""AssumeRole: temporary credentials of a role.

Source: STS, AssumeRole. Both the caller's policies and the role's trust policy must allow; the
account itself is refused. A session policy can only take away.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from emulator.call import Call, Denied
from emulator.clock import iso
from emulator.policy.conditions import Context
from emulator.policy.evaluation import ALLOW, NamedPolicy
from emulator.policy.language import MalformedPolicy, parse
from emulator.ram.state import Role
from emulator.rpc import Answer
from emulator.sts import errors, trust
from emulator.sts.product import STS
from emulator.sts.state import Session, new_session

SHORTEST_SECONDS, DEFAULT_SECONDS = 900, 3600
LONGEST_POLICY = 2048
_ROLE_ARN = re.compile(r"acs:ram::([0-9]{1,20}):role/([a-zA-Z0-9.\-]{1,64})")
_SESSION_NAME = re.compile(r"[a-zA-Z0-9.@\-_]{2,64}")
_EXTERNAL_ID = re.compile(r"[a-zA-Z0-9=,.@:/\-_]{2,1224}")


@STS.action("AssumeRole", None, writes=True)
def assume_role(call: Call) -> Answer:
    """Check the form, the caller, the role's trust, then the role's limits; then hand out."""
    if call.caller.kind == "root":
        raise errors.root_refused()
    account_id, name = _role_named(call)
    session_name = _matching(call, "RoleSessionName", _SESSION_NAME)
    policies = _session_policies(call)
    context = _context(call)
    resource = f"acs:ram:*:{account_id}:role/{name}"
    call.authorize([(trust.ACTION, resource)], context=context)
    role = call.cloud.ram.roles.get(name) if account_id == call.cloud.account_id else None
    if role is None:
        raise errors.role_not_exist()
    _check_trust(call, role, resource, context)
    session = _open(call, role, session_name, _seconds(call, role), policies)
    return _described(call, role, session)


def _open(
    call: Call, role: Role, session_name: str, seconds: int, policies: tuple[NamedPolicy, ...]
) -> Session:
    """New credentials, known to authentication at once."""
    session = new_session(
        role.name, role.id, session_name, int(call.cloud.clock.time()) + seconds, policies=policies
    )
    call.cloud.sessions[session.access_key_id] = session
    call.cloud.remember_secret("sts-secret", session.access_key_id, session.secret)
    call.cloud.remember_secret("sts-token", session.access_key_id, session.token)
    return session


def _described(call: Call, role: Role, session: Session) -> Answer:
    answer: Answer = {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "AccessKeySecret": session.secret,
            "SecurityToken": session.token,
            "Expiration": iso(datetime.fromtimestamp(session.expires_at, UTC)),
        },
        "AssumedRoleUser": {
            "Arn": f"acs:ram::{call.cloud.account_id}:role/{role.name}/{session.session_name}",
            "AssumedRoleId": f"{role.id}:{session.session_name}",
        },
    }
    if call.text("SourceIdentity"):
        answer["SourceIdentity"] = call.text("SourceIdentity")
    return answer


def _role_named(call: Call) -> tuple[str, str]:
    found = _ROLE_ARN.fullmatch(call.required("RoleArn"))
    if not found:
        raise errors.malformed("RoleArn")
    return found[1], found[2]


def _matching(call: Call, parameter: str, pattern: re.Pattern[str]) -> str:
    value = call.required(parameter)
    if not pattern.fullmatch(value):
        raise errors.malformed(parameter)
    return value


def _context(call: Call) -> Context:
    """What trust and identity policies can ask about beyond the global keys."""
    context: Context = {}
    if call.text("ExternalId"):
        context["sts:ExternalId"] = (_matching(call, "ExternalId", _EXTERNAL_ID),)
    if call.text("SourceIdentity"):
        context["sts:SourceIdentity"] = (_matching(call, "SourceIdentity", _SESSION_NAME),)
    return context


def _session_policies(call: Call) -> tuple[NamedPolicy, ...]:
    text = call.text("Policy")
    if not text:
        return ()
    if len(text) > LONGEST_POLICY:
        raise errors.policy_size(LONGEST_POLICY)
    try:
        accepted = call.cloud.choices.statement_object_accepted
        return (NamedPolicy("Session", tuple(parse(text, statement_object=accepted))),)
    except MalformedPolicy:
        raise errors.policy_grammar() from None


def _check_trust(call: Call, role: Role, resource: str, context: Context) -> None:
    facts = {**call.cloud.context(call), **context}
    decision = trust.of_identity(role, call.caller, resource, facts)
    call.entry.decisions.append(decision)
    if decision.effect != ALLOW:
        raise Denied(decision)


def _seconds(call: Call, role: Role) -> int:
    text = call.text("DurationSeconds", str(DEFAULT_SECONDS))
    in_range = text.isdecimal() and len(text) < 10
    if not in_range or not SHORTEST_SECONDS <= int(text) <= role.max_session_seconds:
        raise errors.duration_out_of_range(role.max_session_seconds)
    return int(text)
