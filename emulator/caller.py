"""Who calls: the account itself, a RAM user, or a session of a role."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from emulator.policy.evaluation import NamedPolicy

if TYPE_CHECKING:
    from emulator.cloud import Cloud


@dataclass(frozen=True)
class Caller:
    """`kind` is `root`, `user` or `session`; `name` the user's or the role's."""

    kind: str
    account_id: str
    access_key_id: str
    name: str = ""
    principal_id: str = ""
    session_name: str = ""
    session_policies: tuple[NamedPolicy, ...] = field(default=())
    source_ip: str = ""

    @property
    def arn(self) -> str:
        """As GetCallerIdentity and the history print it."""
        if self.kind == "root":
            return f"acs:ram::{self.account_id}:root"
        if self.kind == "user":
            return f"acs:ram::{self.account_id}:user/{self.name}"
        return f"acs:ram::{self.account_id}:assumed-role/{self.name}/{self.session_name}"

    @property
    def arns(self) -> tuple[str, ...]:
        """All ARNs under which a resource policy may name this caller."""
        if self.kind == "session":
            return (f"acs:ram::{self.account_id}:role/{self.name}", self.arn)
        return (self.arn,)

    def identity_policies(self, cloud: Cloud) -> list[NamedPolicy]:
        """Policies attached to the user (and its groups) or to the role, as of now."""
        if self.kind == "user" and (user := cloud.ram.users.get(self.name)):
            return cloud.ram.policies_of_user(user)
        if self.kind == "session" and (role := cloud.ram.roles.get(self.name)):
            return cloud.ram.named(role.attached)
        return []
