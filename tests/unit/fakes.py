"""A cloud in memory behind the ports, which fails where a test says and remembers what it did.

One class per port, all on one `World`. A fault names a method and which of its calls fails, whether
the service refuses or falls silent, and whether the change was made by then.
"""

from __future__ import annotations

import itertools
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from shared import candidates, limits, orders, reasons
from shared.audit import ENDING_EVENTS, INTENT, NOTE, REMAINS_REMOVED, REVOKED, SERVED, SUCCESS, Row
from shared.broker import Broker
from shared.errors import AlreadyExists, CloudRefused, CloudUnknown, NotFound
from shared.leases import LeaseTerms
from shared.naming import (
    CLEANUP_FUNCTION,
    CURRENT_STAGE,
    RESERVED_VERSION,
    ROTATE_FUNCTION,
)
from shared.ports import (
    Attached,
    KeyStatus,
    LastUse,
    ListedPolicy,
    NewKey,
    PolicyState,
    PolicyVersion,
    SecretState,
    User,
    Version,
)
from shared.secrecy import Secret

BEGAN = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
TERMS = LeaseTerms(lasts_seconds=150, max_lag_seconds=30)
WRITES = {
    "create_user": "CreateUser", "set_access_key_policy": "SetAccessKeyPolicy",
    "create_policy": "CreatePolicy", "delete_policy": "DeletePolicy",
    "attach_policy_to_user": "AttachPolicyToUser", "create_access_key": "CreateAccessKey",
    "update_access_key": "UpdateAccessKey", "delete_access_key": "DeleteAccessKey",
    "create_secret": "CreateSecret", "put_secret_value": "PutSecretValue",
    "update_secret_version_stage": "UpdateSecretVersionStage", "tag_resources": "TagResources",
    "update_policy_description": "UpdatePolicyDescription",
    "create_policy_version": "CreatePolicyVersion",
}  # fmt: skip

REVOKING_WRITES = {
    "detach_policy_from_user": "DetachPolicyFromUser", "delete_user": "DeleteUser",
    "delete_policy_version": "DeletePolicyVersion", "delete_login_profile": "DeleteLoginProfile",
    "remove_user_from_group": "RemoveUserFromGroup", "unbind_mfa_device": "UnbindMFADevice",
    "delete_secret": "DeleteSecret",
    "delete_user_in_recycle_bin": "DeleteUserInRecycleBin",
    "delete_access_key_in_recycle_bin": "DeleteAccessKeyInRecycleBin",
    "restore_access_key_from_recycle_bin": "RestoreAccessKeyFromRecycleBin",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """The `nth` call (from 1) of a port's method fails."""

    method: str
    nth: int
    silent: bool  # CloudUnknown; else CloudRefused
    after: bool  # the change is made all the same


@dataclass
class Key:
    """`visible_at`: a request whose answer was lost may be carried out late."""

    id: str
    user: str
    visible_at: datetime
    created_at: datetime
    status: str = "Active"
    network: tuple[str, ...] = ()
    changed_at: datetime | None = None
    last_used_at: datetime | None = None

    @property
    def shown(self) -> KeyStatus:
        return KeyStatus(self.id, self.status, self.created_at, self.changed_at or self.created_at)


@dataclass
class World:
    """The cloud's records. `log` has every port call and every acknowledged audit write."""

    now: datetime = BEGAN
    faults: set[Fault] = field(default_factory=set)
    users: dict[str, User] = field(default_factory=dict)
    policies: dict[str, PolicyState] = field(default_factory=dict)
    made: dict[str, datetime] = field(default_factory=dict)  # when a policy was
    attached: set[tuple[str, str]] = field(default_factory=set)
    groups: set[tuple[str, str]] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    extra_versions: dict[str, list[str]] = field(default_factory=dict)
    documents: dict[tuple[str, str], str] = field(default_factory=dict)  # of extra versions
    keys: dict[str, Key] = field(default_factory=dict)
    recycled_users: list[User] = field(default_factory=list)
    recycled_names_are_free: bool = True
    deleted_at: dict[str, datetime] = field(default_factory=dict)  # by key id
    recycled_keys: dict[str, str] = field(default_factory=dict)  # key id: the user's numeric id
    binned: dict[str, Key] = field(default_factory=dict)  # the same keys as they were
    secrets: dict[str, SecretState] = field(default_factory=dict)
    versions: dict[str, dict[str, set[str]]] = field(default_factory=dict)
    values: dict[tuple[str, str], str] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    log: list[tuple[Any, ...]] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self._numbers, self.user_numbers = itertools.count(1), itertools.count(1)

    def number(self) -> int:
        return next(self._numbers)

    def sleep(self, seconds: float) -> None:
        with self.lock:
            self.now += timedelta(seconds=seconds)

    def call(self, method: str, action: Callable[[], Any], *about: object) -> Any:
        """Carry a call out, or fail it as a fault says."""
        with self.lock:
            self.calls[method] += 1
            nth = self.calls[method]
            fault = next((f for f in self.faults if (f.method, f.nth) == (method, nth)), None)
            if method in WRITES or method in REVOKING_WRITES:
                name = WRITES.get(method) or REVOKING_WRITES[method]
                self.log.append((name, self.now, *about))
            if fault is None:
                return action()
            if fault.after:
                made = action()
                if isinstance(made, NewKey) and fault.silent:
                    late = self.now + timedelta(seconds=0.9 * TERMS.max_lag_seconds)
                    self.keys[made.id].visible_at = late
            if fault.silent and method in WRITES:
                self.log.append(("unanswered", self.now, method))
            if fault.silent:
                raise CloudUnknown(method)
            raise CloudRefused(method, "InternalRefusal", 400, "request-refused")

    def broker(self, **changes: Any) -> Broker:
        """Everything the saga needs, on this world; sleeping moves its clock."""
        parts: dict[str, Any] = {
            "ims": FakeIms(self), "ram": FakeRam(self), "kms": FakeKms(self),
            "sts": FakeSts(self), "audit_log": FakeAuditLog(self), "lease_terms": TERMS,
            "broker_role": "acs:ram::1234567890123456:role/akw-issue",
            "now": lambda: self.now, "sleep": self.sleep,
        }  # fmt: skip
        return Broker(**(parts | changes))


@dataclass
class FakeIms:
    """`ports.Ims`."""

    world: World

    def get_user(self, user: str) -> User | None:
        found: User | None = self.world.call("get_user", lambda: self.world.users.get(user))
        return found

    def create_user(self, user: str, display_name: str, tags: Mapping[str, str]) -> str:
        def create() -> str:
            world = self.world
            recycled = any(held.name == user for held in world.recycled_users)
            _refuse_existing(user in world.users or
                             (recycled and not world.recycled_names_are_free))  # fmt: skip
            user_id = f"2{next(world.user_numbers):017}"
            world.users[user] = User(user_id, user, dict(tags), world.now)
            return "request-user"

        return str(self.world.call("create_user", create, user))

    def get_user_of_access_key(self, access_key_id: str) -> User | None:
        def owner() -> User | None:
            key = self.world.keys.get(access_key_id)
            return self.world.users.get(key.user) if key else None

        found: User | None = self.world.call("get_user_of_access_key", owner)
        return found

    def list_users(self, tags: Mapping[str, str]) -> Sequence[User]:
        def listed() -> list[User]:
            return [u for u in self.world.users.values() if tags.items() <= u.tags.items()]

        found: list[User] = self.world.call("list_users", listed)
        return found

    def list_users_in_recycle_bin(self, user: str) -> Sequence[str]:
        found: list[str] = self.world.call("list_users_in_recycle_bin", lambda: [
            held.id for held in self.world.recycled_users if held.name == user
        ])  # fmt: skip
        return found

    def delete_user_in_recycle_bin(self, user_id: str) -> str:
        def purge() -> str:
            held = [user for user in self.world.recycled_users if user.id == user_id]
            _refuse_missing(bool(held))
            self.world.recycled_users.remove(held[0])
            for key_id in [k for k, key in self.world.recycled_keys.items() if key == user_id]:
                del self.world.recycled_keys[key_id]
            return "request-user-purged"

        return str(self.world.call("delete_user_in_recycle_bin", purge, user_id))

    def list_access_keys_in_recycle_bin(self, user_id: str) -> Sequence[str] | None:
        def listed() -> list[str] | None:
            known = {u.id for u in (*self.world.users.values(), *self.world.recycled_users)}
            if user_id not in known:
                return None
            return [key for key, owner in self.world.recycled_keys.items() if owner == user_id]

        found: list[str] | None = self.world.call("list_access_keys_in_recycle_bin", listed)
        return found

    def delete_access_key_in_recycle_bin(self, user_id: str, access_key_id: str) -> str:
        def purge() -> str:
            _refuse_missing(self.world.recycled_keys.get(access_key_id) == user_id)
            del self.world.recycled_keys[access_key_id]
            return "request-key-purged"

        return str(self.world.call("delete_access_key_in_recycle_bin", purge, access_key_id))

    def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None:
        def listed() -> list[KeyStatus] | None:
            if user not in self.world.users:
                return None
            return [key.shown for key in self.world.keys.values()
                    if key.user == user and key.visible_at <= self.world.now]  # fmt: skip

        asked_at = self.world.now
        found: list[KeyStatus] | None = self.world.call("list_access_keys", listed)
        self.world.log.append(("ListAccessKeys", asked_at, user))
        return found

    def get_access_key_last_used(self, user: str, access_key_id: str) -> LastUse:
        def used() -> LastUse:
            key = self.world.keys.get(access_key_id)
            _refuse_missing(key is not None and key.user == user)
            return LastUse(key.last_used_at if key else None)

        found: LastUse = self.world.call("get_access_key_last_used", used)
        return found

    def restore_access_key_from_recycle_bin(self, user_id: str, access_key_id: str) -> str:
        def restore() -> str:
            _refuse_missing(self.world.recycled_keys.get(access_key_id) == user_id)
            del self.world.recycled_keys[access_key_id]
            key = self.world.binned.pop(access_key_id)
            key.status, key.changed_at = "Inactive", self.world.now
            self.world.keys[access_key_id] = key
            return "request-restored"

        return str(self.world.call("restore_access_key_from_recycle_bin", restore, access_key_id))

    def tag_resources(self, user: str, tags: Mapping[str, str]) -> str:
        def tag() -> str:
            if user not in self.world.users:
                raise NotFound("TagResources", "EntityNotExist.User", 404, "request-none")
            known = self.world.users[user]
            self.world.users[user] = replace(known, tags={**known.tags, **tags})
            return "request-tags"

        return str(self.world.call("tag_resources", tag, user))

    def set_access_key_policy(
        self, user: str, access_key_id: str, source_ips: Sequence[str]
    ) -> str:
        def restrict() -> str:
            self.world.keys[access_key_id].network = tuple(source_ips)
            return "request-network"

        return str(self.world.call("set_access_key_policy", restrict, access_key_id))

    def get_access_key_policy(self, user: str, access_key_id: str) -> str:
        def read() -> str:
            network = self.world.keys[access_key_id].network
            statements = [{"Type": "ClassicWhiteList", "IPList": list(network)}]
            return json.dumps({"Version": 1, "Status": "Active", "Statements": statements}
                              if network else {})  # fmt: skip

        return str(self.world.call("get_access_key_policy", read))


@dataclass
class FakeRam:
    """`ports.Ram`."""

    world: World

    def get_policy(self, name: str) -> PolicyState | None:
        found: PolicyState | None = self.world.call(
            "get_policy", lambda: self.world.policies.get(name)
        )
        return found

    def list_policies(self) -> Sequence[ListedPolicy]:
        found: list[ListedPolicy] = self.world.call("list_policies", lambda: [
            ListedPolicy(policy.name, policy.description, self.world.made.get(policy.name))
            for policy in self.world.policies.values()
        ])  # fmt: skip
        return found

    def create_policy(self, name: str, document: str, description: str) -> str:
        def create() -> str:
            _refuse_existing(name in self.world.policies)
            self.world.policies[name] = PolicyState(name, description, document)
            self.world.made[name] = self.world.now
            return "request-policy"

        return str(self.world.call("create_policy", create, name))

    def update_policy_description(self, name: str, description: str) -> str:
        def describe() -> str:
            _refuse_missing(name in self.world.policies)
            self.world.policies[name] = replace(
                self.world.policies[name], description=description)
            return "request-description"

        return str(self.world.call("update_policy_description", describe, name))

    def delete_policy(self, name: str) -> str:
        def delete() -> str:
            _refuse_missing(name in self.world.policies)
            _refuse_held(any(policy == name for policy, _ in self.world.attached))
            _refuse_held(bool(self.world.extra_versions.get(name)))
            del self.world.policies[name]
            return "request-delete"

        return str(self.world.call("delete_policy", delete, name))

    def attach_policy_to_user(self, policy: str, user: str) -> str:
        def attach() -> str:
            _refuse_missing(policy in self.world.policies and user in self.world.users)
            _refuse_existing((policy, user) in self.world.attached)
            self.world.attached.add((policy, user))
            return "request-attach"

        return str(self.world.call("attach_policy_to_user", attach, policy))

    def detach_policy_from_user(self, policy: Attached, user: str) -> str:
        def detach() -> str:
            _refuse_missing((policy.name, user) in self.world.attached)
            self.world.attached.remove((policy.name, user))
            return "request-detach"

        return str(self.world.call("detach_policy_from_user", detach, policy.name))

    def list_policies_for_user(self, user: str) -> Sequence[Attached]:
        found: list[Attached] = self.world.call("list_policies_for_user", lambda: [
            Attached("Custom", policy) for policy, holder in self.world.attached if holder == user
        ])  # fmt: skip
        return found

    def list_entities_for_policy(self, name: str) -> Sequence[str]:
        found: list[str] = self.world.call("list_entities_for_policy", lambda: [
            f"user/{holder}" for policy, holder in self.world.attached if policy == name
        ])  # fmt: skip
        return found

    def list_policy_versions(self, name: str) -> Sequence[PolicyVersion]:
        def listed() -> list[PolicyVersion]:
            if name not in self.world.policies:
                return []
            extra = self.world.extra_versions.get(name, [])
            return [PolicyVersion("v1", True), *(PolicyVersion(v, False) for v in extra)]

        found: list[PolicyVersion] = self.world.call("list_policy_versions", listed)
        return found

    def get_policy_version(self, name: str, version: str) -> str | None:
        found: str | None = self.world.call(
            "get_policy_version", lambda: self.world.documents.get((name, version)))
        return found

    def set_default_policy_version(self, name: str, version: str) -> str:
        """The default one is always called `v1`: the two documents change places."""

        def swap() -> str:
            world = self.world
            _refuse_missing((name, version) in world.documents)
            before = world.policies[name].document
            world.policies[name] = replace(
                world.policies[name], document=world.documents[name, version])
            world.documents[name, version] = before
            return "request-default"

        return str(self.world.call("set_default_policy_version", swap, name))

    def create_policy_version(self, name: str, document: str) -> str:
        def create() -> str:
            world = self.world
            version = f"v{len(world.extra_versions.get(name, [])) + 2}"
            world.extra_versions.setdefault(name, []).append(version)
            world.documents[name, version] = world.policies[name].document
            world.policies[name] = replace(world.policies[name], document=document)
            return "request-version"

        return str(self.world.call("create_policy_version", create, name))

    def delete_policy_version(self, name: str, version: str) -> str:
        def delete() -> str:
            _refuse_missing(version in self.world.extra_versions.get(name, []))
            self.world.extra_versions[name].remove(version)
            return "request-version"

        return str(self.world.call("delete_policy_version", delete, version))

    def list_groups_for_user(self, user: str) -> Sequence[str]:
        found: list[str] = self.world.call("list_groups_for_user", lambda: [
            group for member, group in self.world.groups if member == user
        ])  # fmt: skip
        return found

    def remove_user_from_group(self, user: str, group: str) -> str:
        def leave() -> str:
            _refuse_missing((user, group) in self.world.groups)
            self.world.groups.remove((user, group))
            return "request-group"

        return str(self.world.call("remove_user_from_group", leave, group))

    def delete_login_profile(self, user: str) -> str:
        def delete() -> str:
            _refuse_missing(user in self.world.logins)
            self.world.logins.remove(user)
            return "request-login"

        return str(self.world.call("delete_login_profile", delete, user))

    def unbind_mfa_device(self, user: str) -> str:
        return str(self.world.call("unbind_mfa_device", lambda: _refuse_missing(False), user))

    def delete_user(self, user: str) -> str:
        def delete() -> str:
            world = self.world
            _refuse_missing(user in world.users)
            _refuse_held(any(key.user == user for key in world.keys.values()))
            _refuse_held(any(holder == user for _, holder in world.attached))
            _refuse_held(user in world.logins or any(m == user for m, _ in world.groups))
            world.recycled_users.append(world.users.pop(user))
            return "request-user-gone"

        return str(self.world.call("delete_user", delete, user))

    def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None:
        def listed() -> list[KeyStatus] | None:
            if user not in self.world.users:
                return None
            return [
                KeyStatus(key.id, key.status, key.created_at)
                for key in self.world.keys.values()
                if key.user == user and key.visible_at <= self.world.now
            ]

        asked_at = self.world.now
        found: list[KeyStatus] | None = self.world.call("list_access_keys", listed)
        self.world.log.append(("ListAccessKeys", asked_at, user))
        return found

    def create_access_key(self, user: str) -> NewKey:
        def create() -> NewKey:
            mine = [key for key in self.world.keys.values() if key.user == user]
            if len(mine) >= 2:
                raise CloudRefused("CreateAccessKey", "LimitExceeded.User.AccessKey", 409, "r")
            number, now = self.world.number(), self.world.now
            key_id = f"LTAI5tFake{number:014}"
            self.world.keys[key_id] = Key(key_id, user, now, now)
            return NewKey(key_id, Secret(f"secret-{number}"), now, "request-key")

        made: NewKey = self.world.call("create_access_key", create, user)
        return made

    def update_access_key(self, user: str, access_key_id: str, status: str) -> str:
        def update() -> str:
            _refuse_missing(self._is_of(user, access_key_id))
            key = self.world.keys[access_key_id]
            key.status, key.changed_at = status, self.world.now
            return "request-update"

        return str(self.world.call("update_access_key", update, access_key_id))

    def delete_access_key(self, user: str, access_key_id: str) -> str:
        def delete() -> str:
            _refuse_missing(self._is_of(user, access_key_id))
            self.world.binned[access_key_id] = self.world.keys.pop(access_key_id)
            self.world.recycled_keys[access_key_id] = self.world.users[user].id
            self.world.deleted_at[access_key_id] = self.world.now
            return "request-delete-key"

        return str(self.world.call("delete_access_key", delete, access_key_id))

    def _is_of(self, user: str, access_key_id: str) -> bool:
        key = self.world.keys.get(access_key_id)
        return key is not None and key.user == user


@dataclass
class FakeKms:
    """`ports.Kms`."""

    world: World

    def create_secret(
        self, name: str, value: Secret, *, policy: str, tags: Mapping[str, str]
    ) -> str:
        def create() -> str:
            _refuse_existing(name in self.world.secrets)
            self.world.secrets[name] = SecretState(name, dict(tags), "", self.world.now)
            self.world.versions[name] = {RESERVED_VERSION: {CURRENT_STAGE}}
            self.world.values[name, RESERVED_VERSION] = value.reveal()
            return "request-secret"

        return str(self.world.call("create_secret", create, name))

    def list_secrets(self, name: str = "") -> Sequence[SecretState]:
        found: list[SecretState] = self.world.call(
            "list_secrets",
            lambda: [s for s in self.world.secrets.values() if name in ("", s.name)],
        )
        return found

    def describe_secret(self, name: str) -> SecretState | None:
        found: SecretState | None = self.world.call(
            "describe_secret", lambda: self.world.secrets.get(name)
        )
        return found

    def list_secret_version_ids(self, name: str) -> Sequence[Version] | None:
        def listed() -> list[Version] | None:
            if name not in self.world.secrets:
                return None
            found = self.world.versions[name]
            return [Version(version, frozenset(stages)) for version, stages in found.items()]

        versions: list[Version] | None = self.world.call("list_secret_version_ids", listed)
        return versions

    def put_secret_value(self, name: str, version: str, value: Secret, stage: str) -> str:
        def put() -> str:
            _refuse_missing(name in self.world.secrets)
            self._move(name, stage, version)
            self.world.values[name, version] = value.reveal()
            return "request-put"

        return str(self.world.call("put_secret_value", put, version))

    def update_secret_version_stage(self, name: str, stage: str, version: str) -> str:
        def move() -> str:
            _refuse_missing(version in self.world.versions.get(name, {}))
            self._move(name, stage, version)
            return "request-stage"

        return str(self.world.call("update_secret_version_stage", move, version))

    def get_secret_value(self, name: str) -> Secret:
        raise AssertionError("the saga never reads a secret")

    def delete_secret(self, name: str) -> str:
        def delete() -> str:
            _refuse_missing(name in self.world.secrets)
            del self.world.secrets[name], self.world.versions[name]
            return "request-gone"

        return str(self.world.call("delete_secret", delete, name))

    def _move(self, name: str, stage: str, version: str) -> None:
        for stages in self.world.versions[name].values():
            stages.discard(stage)
        self.world.versions[name].setdefault(version, set()).add(stage)


@dataclass
class FakeSts:
    """`ports.Sts`: a key is accepted `lag_seconds` after it was made, and known as long after it
    was deleted."""

    world: World
    lag_seconds: float = 4.0

    def get_caller_identity(self, access_key_id: str, secret: Secret) -> str:
        def identify() -> str:
            lag, key = timedelta(seconds=self.lag_seconds), self.world.keys.get(access_key_id)
            known = self.world.deleted_at.get(access_key_id, BEGAN - lag) + lag > self.world.now
            if key is not None:
                known = self.world.now >= key.created_at + lag
            if not known:
                raise NotFound("Get", "InvalidAccessKeyId.NotFound", 404, "request-no-key")
            if key is not None and key.status != "Active":
                raise CloudRefused("Get", "InvalidAccessKeyId.Inactive", 400, "request-inactive")
            if secret.reveal() != f"secret-{int(access_key_id[-14:])}":
                raise CloudRefused("Get", "SignatureDoesNotMatch", 400, "request-signature")
            return "acs:ram::1234567890123456:user/x"

        return str(self.world.call("get_caller_identity", identify))


@dataclass
class FakeAuditLog:
    """`ports.AuditLog`; `log` gets acknowledged writes only, `rows` what was written. A row can
    be found `lag_seconds` after its own time."""

    world: World
    lag_seconds: float = 0.0

    def put_logs(self, rows: Sequence[Row]) -> None:
        self.world.call("put_logs", lambda: self.world.rows.extend(rows))
        self.world.log.append(("acknowledged", self.world.now, list(rows)))

    def get_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]:
        def found() -> list[Row]:
            latest_ms = (self.world.now.timestamp() - self.lag_seconds) * 1000
            return [
                row for row in self.world.rows
                if since.timestamp() * 1000 <= int(row["time_ms"]) <= latest_ms
                and _asked(row, query)
            ]  # fmt: skip

        rows: list[Row] = self.world.call("get_logs", found)
        return rows

    def select_logs(self, query: str, since: datetime, until: datetime) -> Sequence[Row]:
        statements = {
            candidates.TICKETS_STATEMENT: open_tickets, candidates.ORDERS_STATEMENT: open_orders,
            limits.STATEMENT: partial(granted, now=self.world.now),
        }  # fmt: skip
        rows: list[Row] = self.world.call(
            "select_logs", lambda: statements[query](self.world.rows)
        )
        return rows


@dataclass
class FakeFunctions:
    """`ports.Functions`: tasks by id, with the payloads that were submitted."""

    states: dict[str, str] = field(default_factory=dict)
    payloads: list[bytes] = field(default_factory=list)

    def invoke_async(self, function: str, payload: bytes, task_id: str) -> bool:
        if task_id in self.states:
            return False
        self.states[task_id] = "Enqueued"
        self.payloads.append(payload)
        return True

    def get_async_task(self, function: str, task_id: str) -> str:
        return self.states[task_id]


def open_tickets(rows: Sequence[Row]) -> list[Row]:
    """What `candidates.TICKETS_STATEMENT` selects: an integration test compares the two."""
    found: list[Row] = []
    names = ("ticket_system", "ticket_id", "application", "environment")
    for group in _groups([r for r in rows if r["phase"] != NOTE and r["ticket_id"]], names):
        intents = {r["change_id"] for r in group if r["phase"] == INTENT}
        results = {r["change_id"] for r in group if r["phase"] == "result"}
        worked = [int(r["time_ms"]) for r in group if r["phase"] == INTENT
                  and (r["fc_function"] not in (CLEANUP_FUNCTION, ROTATE_FUNCTION)
                       or r["event_type"] == REVOKED)]
        ended = [int(r["time_ms"]) for r in group if r["phase"] == "result"
                 and r["outcome"] == SUCCESS
                 and r["event_type"] in (*ENDING_EVENTS, REMAINS_REMOVED)]
        doubts = [int(r["time_ms"]) for r in group if (r["phase"], r["event_type"], r["outcome"])
                  == ("result", "key.created", "unknown")]
        over = [int(r["time_ms"]) for r in group if (r["phase"], r["outcome"])
                == ("result", SUCCESS) and r["event_type"] in (REVOKED, REMAINS_REMOVED)]
        strict = [r for r in group if r["event_type"] == REVOKED and reasons.purges(r["reason"])]
        ordered = [int(r["time_ms"]) for r in strict if r["phase"] == INTENT]
        purged = [int(r["time_ms"]) for r in strict if r["phase"] == "result"
                  and r["outcome"] == SUCCESS]
        late = max([0, *worked]) > max([0, *ended]) or max([0, *ordered]) > max([0, *purged])
        doubtful = max([0, *doubts]) > max([0, *over])
        if len(intents) > len(results) or late or doubtful:
            last_ms = str(max(int(r["time_ms"]) for r in group))
            found.append({name: group[0][name] for name in names} | {"last_ms": last_ms})
    return sorted(found, key=lambda row: (-int(row["last_ms"]), row["ticket_id"]))


def open_orders(rows: Sequence[Row]) -> list[Row]:
    """What `candidates.ORDERS_STATEMENT` selects."""
    found: list[Row] = []
    ordered = [r for r in rows if r["event_type"] == orders.EVENT]
    for group in _groups(ordered, ("operation_id",)):
        over = [int(r["time_ms"]) for r in group if r["phase"] == "result"
                and (r["outcome"] == SUCCESS or r["error_code"] == "over_the_cap")]
        begun = {int(r["time_ms"]): r["resources"] for r in group if r["phase"] == INTENT}
        intents = {r["change_id"] for r in group if r["phase"] == INTENT}
        results = {r["change_id"] for r in group if r["phase"] == "result"}
        times = [int(r["time_ms"]) for r in group]
        over_ms, begun_ms = max([0, *over]), max([0, *begun])
        if not over_ms or over_ms < begun_ms or len(intents) > len(results):
            found.append({
                "operation_id": group[0]["operation_id"],
                "resources": begun.get(begun_ms, group[-1]["resources"]),
                "since_ms": str(min(times)), "last_ms": str(max(times)),
                "begun_ms": str(begun_ms), "over_ms": str(over_ms),
            })  # fmt: skip
    return sorted(found, key=lambda row: (int(row["since_ms"]), row["operation_id"]))


def granted(rows: Sequence[Row], now: datetime) -> list[Row]:
    """What `limits.STATEMENT` selects."""
    found: list[Row] = []
    told = [r for r in rows if r["ticket_id"] and r["phase"] != NOTE
            and r["event_type"] in (*SERVED, REVOKED)]
    for group in _groups(told, ("ticket_system", "ticket_id")):
        served = [r for r in group if r["event_type"] in SERVED]
        issued = [r for r in served if (r["phase"], r["outcome"]) == ("result", SUCCESS)]
        intents = {r["change_id"] for r in served if r["phase"] == INTENT}
        results = {r["change_id"] for r in served if r["phase"] == "result"}
        ends = sum((r["event_type"], r["phase"], r["outcome"]) == (REVOKED, "result", SUCCESS)
                   for r in group)
        last_ms = max([0, *(int(r["time_ms"]) for r in served)])
        lately = last_ms >= (now - limits.DAY).timestamp() * 1000
        if (issued or len(intents) > len(results)) and (not ends or lately):
            last = max(served, key=lambda r: int(r["time_ms"]))
            asked = [r["requester_id"] for r in served if r["requester_id"]]
            found.append({
                "ticket_system": last["ticket_system"], "ticket_id": last["ticket_id"],
                "requester": asked[-1], "application": last["application"],
                "last_ms": str(last_ms), "ends": str(ends),
            })  # fmt: skip
    return sorted(found, key=lambda row: (-int(row["last_ms"]), row["ticket_id"]))


def _groups(rows: Sequence[Row], names: Sequence[str]) -> list[list[Row]]:
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return list(groups.values())


def succeeded(world: World, event_type: str) -> list[Row]:
    """Result rows that say the event has happened."""
    return [
        row for row in world.rows
        if (row["event_type"], row["phase"], row["outcome"]) == (event_type, "result", SUCCESS)
    ]  # fmt: skip


def announced(world: World) -> set[tuple[str, str]]:
    """(operation id, API call) of all acknowledged intents."""
    return {
        (row["operation_id"], row["cloud_action"])
        for entry in world.log if entry[0] == "acknowledged"
        for row in entry[2] if row["phase"] == INTENT
    }  # fmt: skip


def _asked(row: Row, query: str) -> bool:
    """The searches there are: an AccessKey, the grants of an order, all rows of a ticket,
    what ended it, what was made lately, and fields that are all so."""
    if "event_type: \"user.created\"" in query:  # the makings of some, and all that ended anything
        if row["event_type"] in (REVOKED, REMAINS_REMOVED):
            return True
        return row["event_type"] in ("user.created", "policy.created") and any(
            row[name] == value for name, value in re.findall(r'(\w+): "([^"]*)"', query)
            if name != "event_type"
        )
    if "access_key_id: " in query:
        return f'access_key_id: "{row["access_key_id"]}"' in query
    if "trigger: " in query:
        return row["event_type"] == REVOKED and f'trigger: "{row["trigger"]}"' in query
    if "ticket_id" not in query:
        return all(row[name] == value for name, value in re.findall(r'(\w+): "([^"]*)"', query))
    if f'ticket_id: "{row["ticket_id"]}"' not in query:
        return False
    if "event_type" not in query:
        return True
    if "rejection.seen" in query:  # of that source alone, whose ids may be another's
        wanted = (f'ticket_system: "{row["ticket_system"]}"', f'"{row["event_type"]}"')
        return all(one in query for one in wanted)
    if "key.rotated" in query:  # a rotation's past: intents too
        return f'"{row["event_type"]}"' in query
    if row["event_type"] == REVOKED:
        return f'event_type: "{REVOKED}"' in query
    return row["phase"] == "result" and f'"{row["event_type"]}"' in query


def _refuse_held(held: bool) -> None:
    if held:
        raise CloudRefused("Delete", "DeleteConflict.Fake", 409, "request-held")


def _refuse_existing(exists: bool) -> None:
    if exists:
        raise AlreadyExists("Create", "EntityAlreadyExists.Fake", 409, "request-exists")


def _refuse_missing(exists: bool) -> None:
    if not exists:
        raise NotFound("Get", "EntityNotExist.Fake", 404, "request-missing")
