"""What was read of the account: each part is known, or why it is not.

A control takes what it needs; what was not read makes it UNKNOWN by itself, so that none can pass
on an error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Protocol, TypeVar

from shared.lifecycle import RotationTerms
from shared.ports import User

T = TypeVar("T")


class NotKnown(Exception):
    """A fact was asked for that could not be read; its text is our own word for why."""


@dataclass(frozen=True)
class Reading(Generic[T]):
    """A value, or the problem with reading it."""

    value: T | None = None
    problem: str = ""

    def get(self) -> T:
        """The value; NotKnown if there is none."""
        if self.value is None:
            raise NotKnown(self.problem or "absent")
        return self.value


@dataclass(frozen=True)
class Practice:
    """Of GetAccountSecurityPracticeReport; None for a field that the answer lacks."""

    root_keys: int | None
    root_mfa: bool | None


@dataclass(frozen=True)
class PasswordRules:
    """Of GetPasswordPolicy; ages in days, 0: no limit. None for a field that the answer lacks."""

    minimum_length: int | None
    lowercase: bool | None
    uppercase: bool | None
    numbers: bool | None
    symbols: bool | None
    reuse_prevention: int | None
    maximum_age_days: int | None
    login_attempts: int | None


@dataclass(frozen=True)
class KeySlot:
    """One of a user's keys in the credential report, which does not tell its id. `last_used_at`
    None: never."""

    number: int
    active: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True)
class Credentials:
    """A row of the report: `password` is whether the user may log in to the console now."""

    user: str
    created_at: datetime
    last_login_at: datetime | None
    has_password: bool
    password: bool
    mfa: bool
    keys: tuple[KeySlot, ...]


@dataclass(frozen=True)
class Report:
    """The credential report; `root` is the account itself. Usage in it is about two hours late."""

    generated_at: datetime
    root: Credentials
    users: tuple[Credentials, ...]


@dataclass(frozen=True)
class Holders:
    """Who a policy is attached to, by name."""

    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class PolicyName:
    """`kind` is `Custom` or `System`."""

    kind: str
    name: str


@dataclass(frozen=True)
class AttachedPolicy:
    """A policy that somebody holds, with its default document."""

    policy: PolicyName
    document: Reading[str]
    holders: Reading[Holders]


@dataclass(frozen=True)
class Facts:
    """All that the controls look at, of this account and region. `own_keys` is
    AllowUserToManageAccessKeys, `key_network` the account's AccessKey policy as JSON; `rotation`
    are our own terms, by which what we cause has its deadline."""

    account_id: str
    region: str
    now: datetime
    report: Reading[Report]
    practice: Reading[Practice]
    own_keys: Reading[bool]
    passwords: Reading[PasswordRules]
    key_network: Reading[str]
    users: Reading[Sequence[User]]
    policies: Reading[Sequence[AttachedPolicy]]
    rotation: RotationTerms


class AccountReader(Protocol):
    """The reads of IMS and RAM, one method per API call and all its pages; they raise CloudError.
    """

    def generate_credential_report(self) -> str:
        """Its state: `STARTED`, `INPROGRESS` or `COMPLETED`."""
        ...

    def get_credential_report(self) -> tuple[str, datetime]:
        """The CSV text, and when it was generated."""
        ...

    def get_account_security_practice_report(self) -> Practice: ...

    def get_security_preference(self) -> bool:
        """AllowUserToManageAccessKeys."""
        ...

    def get_password_policy(self) -> PasswordRules: ...

    def get_access_key_policy_for_account(self) -> str: ...

    def list_users(self, tags: Mapping[str, str]) -> Sequence[User]: ...

    def list_policies(self, kind: str) -> Sequence[PolicyName]:
        """Those that are attached to somebody."""
        ...

    def get_policy(self, policy: PolicyName) -> str | None:
        """The default document; None if the policy is gone."""
        ...

    def list_entities_for_policy(self, policy: PolicyName) -> Holders | None: ...
