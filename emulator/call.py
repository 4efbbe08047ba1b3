"""One authenticated call on its way through a product's action."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from emulator import errors
from emulator.caller import Caller
from emulator.clock import iso
from emulator.history import Decision, Entry
from emulator.policy.conditions import Context
from emulator.policy.evaluation import ALLOW, EXPLICIT_DENY, NamedPolicy, decide
from emulator.wire import Request

if TYPE_CHECKING:
    from emulator.cloud import Cloud


class Denied(Exception):
    """The caller may not do this; each product words it in its own way."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.effect)
        self.decision = decision


@dataclass
class Call:
    """What an action needs to know: the cloud, the caller, the parameters, the history entry.

    `present` is set where `cloud` shows a stale state: rights are decided by the present.
    """

    cloud: Cloud
    request: Request
    caller: Caller
    parameters: dict[str, str]
    request_id: str
    entry: Entry
    present: Cloud | None = None

    @property
    def now(self) -> datetime:
        return self.cloud.clock.now()

    @property
    def today(self) -> str:
        """Now as the wire prints it."""
        return iso(self.now)

    # -- parameters -----------------------------------------------------------------------

    def required(self, name: str) -> str:
        """The parameter's value; `Missing<Name>` if it is absent or empty."""
        value = self.parameters.get(name, "")
        if not value:
            raise errors.parameter_missing(name)
        return value

    def text(self, name: str, default: str = "") -> str:
        return self.parameters.get(name, default)

    def boolean(self, name: str, default: bool = False) -> bool:
        """`true`/`True`/`TRUE` and their opposites: the SDKs send Python's spelling."""
        value = self.parameters.get(name, "").lower()
        if value not in ("", "true", "false"):
            raise errors.ProductError(
                400, "InvalidParameter", f'The specified parameter "{name}" is not valid.'
            )
        return default if value == "" else value == "true"

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.parameters.get(name, "")
        if value == "":
            return default
        if not value.isdecimal() or len(value) > 18 or not low <= int(value) <= high:
            raise errors.ProductError(
                400, "InvalidParameter", f'The specified parameter "{name}" is not valid.'
            )
        return int(value)

    def listed(self, prefix: str) -> list[str]:
        """`prefix.1`, `prefix.2`, … in order."""
        found: list[str] = []
        while (name := f"{prefix}.{len(found) + 1}") in self.parameters:
            found.append(self.parameters[name])
        return found

    def pairs(self, prefix: str = "Tag") -> dict[str, str]:
        """`Tag.1.Key`/`Tag.1.Value`, … as a mapping, in order."""
        found: dict[str, str] = {}
        index = 1
        while (key := self.parameters.get(f"{prefix}.{index}.Key")) is not None:
            found[key] = self.parameters.get(f"{prefix}.{index}.Value", "")
            index += 1
        return found

    def structured(self, name: str) -> object:
        """A JSON parameter, parsed; None if absent."""
        value = self.parameters.get(name, "")
        if not value:
            return None
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise errors.ProductError(
                400, "InvalidParameter", f'The specified parameter "{name}" is not valid.'
            ) from None

    # -- authorisation --------------------------------------------------------------------

    def authorize(
        self,
        needs: Sequence[tuple[str, str]],
        *,
        resource_policies: Sequence[NamedPolicy] = (),
        context: Context | None = None,
    ) -> None:
        """Let the call pass only if every (action, resource) is allowed; raises Denied.

        Every decision is kept in the history, the refusing one included.
        """
        facts = {**self.cloud.context(self), **(context or {})}
        for action, resource in needs:
            decision = self._decide(action, resource, facts, resource_policies)
            self.entry.decisions.append(decision)
            if decision.effect != ALLOW:
                raise Denied(decision)

    def _decide(
        self, action: str, resource: str, facts: Context, resource_policies: Sequence[NamedPolicy]
    ) -> Decision:
        if self.caller.kind == "root":
            return Decision(action, resource, ALLOW, "Root")
        if self.caller.session_policies:
            session = decide(action, resource, facts, self.caller.session_policies)
            if session.effect != ALLOW:
                return session
        policies = [*self.caller.identity_policies(self.present or self.cloud), *resource_policies]
        return decide(action, resource, facts, policies, principal_arns=self.caller.arns)


def denial_detail(caller: Caller, decision: Decision) -> dict[str, str]:
    """The AccessDeniedDetail object of newer 403 answers."""
    kinds = {"user": "SubUser", "session": "AssumedRoleUser", "root": "RootUser"}
    return {
        "AuthAction": decision.action,
        "AuthPrincipalDisplayName": caller.principal_id,
        "AuthPrincipalOwnerId": caller.account_id,
        "AuthPrincipalType": kinds[caller.kind],
        "NoPermissionType": "ExplicitDeny" if decision.effect == EXPLICIT_DENY else "ImplicitDeny",
        "PolicyType": "AccountLevelIdentityBasedPolicy",
    }
