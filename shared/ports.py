"""What the use cases ask of the cloud: one method per API call, named after the API.

Every method raises `CloudRefused` (the service answered no: its subclasses say why) or
`CloudUnknown` (nobody knows whether it happened). Gets and lists return None for what does
not exist; lists are complete (all pages). Writes return the service's request id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from shared.audiences import Address
from shared.audit import Row
from shared.chat.messages import Reply
from shared.notices import Notice
from shared.secrecy import Secret


@dataclass(frozen=True)
class User:
    """A RAM user with its tags."""

    id: str
    name: str
    tags: Mapping[str, str]
    created_at: datetime | None = None


@dataclass(frozen=True)
class KeyStatus:
    """One AccessKey as ListAccessKeys shows it; `status` is `Active` or `Inactive`. `changed_at` is
    when that was set last; RAM's own list does not say, that of IMS does."""

    id: str
    status: str
    created_at: datetime | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True)
class LastUse:
    """When an AccessKey was used last, and for which service; `at` None: never."""

    at: datetime | None
    service: str = ""


@dataclass(frozen=True)
class NewKey:
    """The only moment at which a secret is in hand."""

    id: str
    secret: Secret
    created_at: datetime
    request_id: str


@dataclass(frozen=True)
class PolicyState:
    """A custom policy with its default document."""

    name: str
    description: str
    document: str


@dataclass(frozen=True)
class ListedPolicy:
    """A custom policy as a list shows it: without its document."""

    name: str
    description: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class Attached:
    """A policy that a user holds; `kind` is `Custom` or `System`."""

    kind: str
    name: str


@dataclass(frozen=True)
class PolicyVersion:
    """One version of a custom policy; the default one is the one in force."""

    id: str
    is_default: bool


@dataclass(frozen=True)
class SecretState:
    """A KMS secret without its values."""

    name: str
    tags: Mapping[str, str]
    deletes_at: str
    created_at: datetime | None = None


@dataclass(frozen=True)
class Version:
    """One version of a KMS secret; for a key, its id is the AccessKey id."""

    id: str
    stages: frozenset[str]


class Ims(Protocol):
    """IMS 2019-08-15: RAM users with tags, AccessKey network policies."""

    def get_user(self, user: str) -> User | None: ...

    def get_user_of_access_key(self, access_key_id: str) -> User | None:
        """GetUser by a key of the user; None if the key is nobody's (any more)."""
        ...

    def list_users(self, tags: Mapping[str, str]) -> Sequence[User]:
        """Users that carry all these tags, every user if there are none."""
        ...

    def create_user(self, user: str, display_name: str, tags: Mapping[str, str]) -> str: ...

    def tag_resources(self, user: str, tags: Mapping[str, str]) -> str:
        """Give a user these tags, all or none of them; others that it has stay."""
        ...

    def set_access_key_policy(
        self, user: str, access_key_id: str, source_ips: Sequence[str]
    ) -> str: ...

    def get_access_key_policy(self, user: str, access_key_id: str) -> str:
        """The key's network policy as IMS writes it: JSON, `{}` if none was ever set."""
        ...

    def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None:
        """With the moment of each key's last change; None if there is no such user."""
        ...

    def get_access_key_last_used(self, user: str, access_key_id: str) -> LastUse: ...

    def restore_access_key_from_recycle_bin(self, user_id: str, access_key_id: str) -> str: ...

    def list_users_in_recycle_bin(self, user: str) -> Sequence[str]:
        """Ids of deleted users of that name that can still be restored."""
        ...

    def delete_user_in_recycle_bin(self, user_id: str) -> str: ...

    def list_access_keys_in_recycle_bin(self, user_id: str) -> Sequence[str] | None:
        """Ids of a user's deleted keys that can still be restored."""
        ...

    def delete_access_key_in_recycle_bin(self, user_id: str, access_key_id: str) -> str: ...


class Ram(Protocol):
    """RAM 2015-05-01: policies, AccessKeys, and what else a user can hold."""

    def get_policy(self, name: str) -> PolicyState | None: ...

    def list_policies(self) -> Sequence[ListedPolicy]:
        """Every custom policy of the account."""
        ...

    def create_policy(self, name: str, document: str, description: str) -> str: ...

    def update_policy_description(self, name: str, description: str) -> str: ...

    def delete_policy(self, name: str) -> str: ...

    def attach_policy_to_user(self, policy: str, user: str) -> str: ...

    def detach_policy_from_user(self, policy: Attached, user: str) -> str: ...

    def list_policies_for_user(self, user: str) -> Sequence[Attached]: ...

    def list_entities_for_policy(self, name: str) -> Sequence[str]:
        """Who holds the custom policy, as `user/<name>`, `group/<name>` or `role/<name>`."""
        ...

    def list_policy_versions(self, name: str) -> Sequence[PolicyVersion]: ...

    def get_policy_version(self, name: str, version: str) -> str | None:
        """The document of one version of a custom policy; None if there is no such version."""
        ...

    def set_default_policy_version(self, name: str, version: str) -> str: ...

    def create_policy_version(self, name: str, document: str) -> str:
        """A new version that is the default one; the oldest other one goes if there are five."""
        ...

    def delete_policy_version(self, name: str, version: str) -> str: ...

    def list_groups_for_user(self, user: str) -> Sequence[str]: ...

    def remove_user_from_group(self, user: str, group: str) -> str: ...

    def delete_login_profile(self, user: str) -> str: ...

    def unbind_mfa_device(self, user: str) -> str: ...

    def delete_user(self, user: str) -> str: ...

    def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None: ...

    def create_access_key(self, user: str) -> NewKey: ...

    def update_access_key(self, user: str, access_key_id: str, status: str) -> str: ...

    def delete_access_key(self, user: str, access_key_id: str) -> str: ...


class Kms(Protocol):
    """KMS 2016-01-20, Secrets Manager."""

    def create_secret(
        self, name: str, value: Secret, *, policy: str, tags: Mapping[str, str]
    ) -> str: ...

    def list_secrets(self, name: str = "") -> Sequence[SecretState]:
        """Every secret of the account's region, with tags; with a name those of that name."""
        ...

    def describe_secret(self, name: str) -> SecretState | None: ...

    def list_secret_version_ids(self, name: str) -> Sequence[Version] | None: ...

    def put_secret_value(self, name: str, version: str, value: Secret, stage: str) -> str: ...

    def update_secret_version_stage(self, name: str, stage: str, version: str) -> str: ...

    def get_secret_value(self, name: str) -> Secret: ...

    def delete_secret(self, name: str) -> str: ...


class Sts(Protocol):
    """STS 2015-04-01, called with a key that is to be proved."""

    def get_caller_identity(self, access_key_id: str, secret: Secret) -> str: ...


class AuditLog(Protocol):
    """The one logstore of the audit."""

    def put_logs(self, rows: Sequence[Row]) -> None: ...

    def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]: ...

    def select_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]:
        """The rows of an analytic statement (`search | select …`), which names its own limit."""
        ...


class Records(Protocol):
    """The approval records of one vendor, read with akwarden's own credentials there."""

    def get(self, record: str) -> Mapping[str, Any] | None:
        """The record as the vendor's API shows it; None if there is none of that id."""
        ...

    def finished(self, since: datetime, until: datetime) -> Sequence[str]:
        """The ids of records of our forms that were begun in that time and may be decided."""
        ...


@dataclass(frozen=True)
class Received:
    """A stored row without what SLS added; `received_at` is SLS's own clock (whole seconds since
    1970), None where the row does not tell it."""

    row: Row
    received_at: int | None


class AuditReader(Protocol):
    """A logstore as an auditor reads it."""

    def created_at(self) -> datetime:
        """GetLogStore: since when it exists."""
        ...

    def pull_logs(self, since: datetime, until: datetime) -> Sequence[Received]:
        """PullLogs over all shards: what was received in [since, until), also what queries no
        longer show because it was changed or deleted afterwards."""
        ...

    def query_logs(self, since: datetime, until: datetime) -> Sequence[Received]:
        """GetLogs: what queries show of it; `since` and `until` are the writers' clock."""
        ...


class DigestLog(AuditReader, Protocol):
    """A logstore of digests, which can be written too."""

    def put_logs(self, rows: Sequence[Row]) -> None: ...


class Macs(Protocol):
    """KMS 2016-01-20: MACs by the one key that signs digests."""

    @property
    def key_id(self) -> str: ...

    def generate_mac(self, message: bytes) -> str: ...

    def verify_mac(self, message: bytes, mac: str) -> bool: ...


class Messenger(Protocol):
    """One way of telling people what they did not ask for; an address that it does not know is a
    CloudRefused."""

    def send(self, address: Address, notice: Notice, text: str) -> None: ...


class Chat(Protocol):
    """A chat's answers."""

    def reply(self, path: str, reply: Reply) -> None:
        """To the message's own address; at least once."""
        ...


class Functions(Protocol):
    """FC 2023-03-30, asynchronous invocations."""

    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        """Hand over; False if the task id was submitted before."""
        ...

    def get_async_task(self, function: str, task_id: str) -> str:
        """The task's state, as FC names it (`Running`, `Succeeded`, `Failed`, …)."""
        ...
