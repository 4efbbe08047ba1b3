"""Who may assume a role: its trust policy, asked for a RAM identity or for a cloud service.

Source: RAM, "Trust policy" and "Policy evaluation": for AssumeRole the identity's policies and
the trust policy must both allow. The principal `acs:ram::<account>:root` stands for every RAM
identity of the account.
"""

from __future__ import annotations

from collections.abc import Sequence

from emulator.caller import Caller
from emulator.history import Decision
from emulator.policy.conditions import Context
from emulator.policy.evaluation import NamedPolicy, decide
from emulator.policy.language import parse
from emulator.ram.state import Role

ACTION = "sts:AssumeRole"


def of_identity(role: Role, caller: Caller, resource: str, context: Context) -> Decision:
    """Whether the role trusts a RAM user or another role's session."""
    arns = (*caller.arns, f"acs:ram::{caller.account_id}:root")
    return decide(ACTION, resource, context, _policy(role), principal_arns=arns)


def of_service(role: Role, service: str, resource: str, context: Context) -> Decision:
    """Whether the role trusts a cloud service, such as `fc.aliyuncs.com`."""
    return decide(ACTION, resource, context, _policy(role), service=service)


def _policy(role: Role) -> Sequence[NamedPolicy]:
    statements = parse(role.trust_document, principal=True, statement_object=True)
    return [NamedPolicy(f"Trust:{role.name}", tuple(statements))]
