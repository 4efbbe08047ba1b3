"""The one identity state that RAM, IMS and STS speak of."""

from __future__ import annotations

import random
import secrets as entropy
import string
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from emulator.policy import language
from emulator.policy.evaluation import NamedPolicy

_ALPHANUMERIC = string.ascii_letters + string.digits


def _random(length: int, alphabet: str = _ALPHANUMERIC) -> str:
    return "".join(entropy.choice(alphabet) for _ in range(length))


@dataclass
class AccessKey:
    """An AccessKey of a user. `status_since` holds (effective time, status) as authentication
    sees it: a change takes effect a propagation delay after it was made."""

    id: str
    secret: str = field(repr=False)
    user_id: str = ""
    status: str = "Active"
    created_at: datetime = field(default_factory=datetime.now)
    updated_at: datetime = field(default_factory=datetime.now)
    last_used_at: datetime | None = None
    last_used_service: str = ""
    status_since: list[tuple[float, str]] = field(default_factory=list)
    network_policy: str = "{}"
    network_policy_since: list[tuple[float, str]] = field(default_factory=list)
    recycled_at: datetime | None = None

    def network_policy_at(self, now: float) -> str:
        """The network policy as reads and authentication see it: a change takes a moment."""
        known = [policy for since, policy in self.network_policy_since if since <= now]
        return known[-1] if known else "{}"

    def effective_status(self, now: float) -> str:
        """`Active`, `Inactive`, or `` while authentication does not know the key."""
        known = [status for since, status in self.status_since if since <= now]
        return known[-1] if known else ""


@dataclass
class User:
    id: str
    name: str
    display_name: str = ""
    email: str = ""
    mobile_phone: str = ""
    comments: str = ""
    status: str = "active"
    provision_type: str = "Manual"
    created_at: datetime = field(default_factory=datetime.now)
    updated_at: datetime = field(default_factory=datetime.now)
    last_login_at: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)
    groups: dict[str, datetime] = field(default_factory=dict)  # name: joined at
    attached: dict[tuple[str, str], datetime] = field(default_factory=dict)
    login_profile: dict[str, Any] | None = None
    mfa_device: str | None = None
    recycled_at: datetime | None = None


@dataclass
class Group:
    id: str
    name: str
    comments: str = ""
    created_at: datetime = field(default_factory=datetime.now)
    updated_at: datetime = field(default_factory=datetime.now)
    attached: dict[tuple[str, str], datetime] = field(default_factory=dict)


@dataclass
class Role:
    id: str
    name: str
    trust_document: str
    description: str = ""
    max_session_seconds: int = 3600
    created_at: datetime = field(default_factory=datetime.now)
    updated_at: datetime = field(default_factory=datetime.now)
    attached: dict[tuple[str, str], datetime] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class PolicyVersion:
    id: str
    document: str
    created_at: datetime


@dataclass
class Policy:
    """A custom (`Custom`) or system (`System`) policy; key of `attached` dicts is (type, name)."""

    name: str
    type: str = "Custom"
    description: str = ""
    default_version: str = "v1"
    versions: list[PolicyVersion] = field(default_factory=list)
    next_version: int = 2
    created_at: datetime = field(default_factory=datetime.now)
    updated_at: datetime = field(default_factory=datetime.now)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def document(self) -> str:
        """The default version's document."""
        return next(v.document for v in self.versions if v.id == self.default_version)


@dataclass
class MfaDevice:
    """A virtual MFA device; `user_id` is empty while it is bound to nobody."""

    serial_number: str
    seed_value: str = field(repr=False)
    user_id: str = ""
    bound_at: datetime | None = None


@dataclass
class CredentialReport:
    """The lines of a report, header first, as of `started_at`; readable from `ready_at` on."""

    started_at: datetime
    ready_at: datetime
    lines: list[str]


class RamState:
    """Users, keys, groups, roles and policies of the one account.

    Users, keys in use and both recycle bins are kept apart, so that a lookup of a live thing
    can never find a deleted one.
    """

    def __init__(self, account_id: str) -> None:
        self.account_id = account_id
        self.users: dict[str, User] = {}  # by user name
        self.groups: dict[str, Group] = {}
        self.roles: dict[str, Role] = {}
        self.policies: dict[tuple[str, str], Policy] = {}  # by (type, name)
        self.keys: dict[str, AccessKey] = {}  # by AccessKey id
        self.recycled_keys: dict[str, AccessKey] = {}
        self.recycled_users: dict[str, User] = {}  # by user id
        self.purged_keys: dict[str, AccessKey] = {}  # only until authentication forgets them
        self.mfa_devices: dict[str, MfaDevice] = {}  # by serial number
        self.credential_report: CredentialReport | None = None
        self.account_alias = ""
        self.security_preference: dict[str, Any] = {}
        self.password_policy: dict[str, bool | int] = {}
        self.root_mfa = False  # whether the account's own login has an MFA device
        self.root_last_login_at: datetime | None = None
        self.account_key_policy = "{}"
        self.domain = f"{account_id}.onaliyun.com"
        self._parsed: dict[str, tuple[language.Statement, ...]] = {}

    def new_id(self) -> str:
        """An 18-digit id, as of users, groups and roles."""
        return "2" + "".join(random.choice(string.digits) for _ in range(17))

    def new_access_key_id(self) -> str:
        """`LTAI5t` and 18 more: 24 characters, as keys made since 2020."""
        return "LTAI5t" + _random(18)

    def new_secret(self) -> str:
        """30 characters."""
        return _random(30)

    def user_by_id(self, user_id: str) -> User | None:
        return next((u for u in self.users.values() if u.id == user_id), None)

    def keys_of(self, user_id: str) -> list[AccessKey]:
        """The user's live keys, oldest first."""
        found = [key for key in self.keys.values() if key.user_id == user_id]
        return sorted(found, key=lambda key: (key.created_at, key.id))

    def deleted_key(self, access_key_id: str) -> AccessKey | None:
        """A deleted key, in the bin or purged from it: its deletion may not have spread yet."""
        return self.recycled_keys.get(access_key_id) or self.purged_keys.get(access_key_id)

    def named(self, attached: dict[tuple[str, str], datetime]) -> list[NamedPolicy]:
        """The attached policies, parsed (documents were validated when they were stored)."""
        return [
            NamedPolicy(f"{kind}:{name}", self._statements(policy.document))
            for (kind, name) in attached
            if (policy := self.policies.get((kind, name)))
        ]

    def policies_of_user(self, user: User) -> list[NamedPolicy]:
        """The user's own policies and those of its groups."""
        found = self.named(user.attached)
        for group in user.groups:
            found += self.named(self.groups[group].attached)
        return found

    def attachment_count(self, kind: str, name: str) -> int:
        """To how many users, groups and roles a policy is attached."""
        return sum((kind, name) in holder.attached for holder in self.holders())

    def holders(self) -> list[User | Group | Role]:
        """Everything that policies can be attached to."""
        return [*self.users.values(), *self.groups.values(), *self.roles.values()]

    def _statements(self, document: str) -> tuple[language.Statement, ...]:
        if document not in self._parsed:
            self._parsed[document] = tuple(language.parse(document, statement_object=True))
        return self._parsed[document]
