"""An account that is in order but for facts planted by name, each with what it must lead to.

Planted in the emulator's state, at any time in the past; read over HTTP like everything else.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from emulator.cloud import Cloud
from emulator.ram.state import AccessKey, Group, Policy, PolicyVersion, Role, User
from tests.integration.clouds import ACCOUNT

GOOD_PASSWORDS: dict[str, bool | int] = {
    "MinimumPasswordLength": 14, "RequireLowercaseCharacters": True,
    "RequireUppercaseCharacters": True, "RequireNumbers": True, "RequireSymbols": True,
    "PasswordReusePrevention": 5, "MaxPasswordAge": 0, "MaxLoginAttemps": 5,
}  # fmt: skip
NETWORK = {"Version": 1, "Status": "Active",
           "Statements": [{"Type": "ClassicWhiteList", "IPList": ["198.51.100.0/24"]}]}  # fmt: skip
ALWAYS = {  # what the emulator's administrator itself is
    "admin-policy": {"user/administrator"}, "direct-attachment": {"user/administrator"},
}  # fmt: skip


@dataclass
class Account:
    """The emulator's account; each method plants one thing."""

    cloud: Cloud
    keys: int = field(default=0)

    @property
    def now(self) -> datetime:
        return self.cloud.clock.now()

    def days_ago(self, days: float) -> datetime:
        return self.now - timedelta(days=days)

    def in_order(self, users: int = 0) -> None:
        """Everything as the controls want it, and so many users who have nothing."""
        ram = self.cloud.ram
        ram.root_mfa = True
        ram.password_policy.update(GOOD_PASSWORDS)
        ram.account_key_policy = json.dumps(NETWORK)
        for number in range(users):
            self.user(f"person-{number:04}")

    def user(self, name: str, tags: dict[str, str] | None = None, days: float = 200) -> User:
        at = self.days_ago(days)
        user = User(self.cloud.ram.new_id(), name, tags=tags or {}, created_at=at, updated_at=at)
        return self.cloud.ram.users.setdefault(name, user)

    def managed(self, application: str, *, ends_in_days: float = 30, **more: str) -> User:
        """A user of akwarden's."""
        end = self.now + timedelta(days=ends_in_days)
        tags = {"akw:ticket": "T-1", "akw:expires": f"{end:%Y-%m-%dT%H:%M:%SZ}"} | more
        return self.user(f"akw-{application}-prod", tags)

    def key(self, user: User, days: float, *, used: float | None = None,
            status: str = "Active") -> None:  # fmt: skip
        """A key of that age; `used` so many days ago, None: never."""
        self.keys += 1
        at = self.days_ago(days)
        key = AccessKey(
            f"LTAI5tPlanted{self.keys:011}", "planted", user.id, status, at, at,
            None if used is None else self.days_ago(used), status_since=[(0.0, status)],
        )  # fmt: skip
        self.cloud.ram.keys[key.id] = key

    def login(self, user: User, *, last: float | None, mfa: bool = True,
              status: str = "Active") -> None:  # fmt: skip
        """A console password; last used so many days ago, None: never."""
        user.login_profile = {"Status": status, "UpdateDate": "2026-01-01T00:00:00Z"}
        user.last_login_at = None if last is None else self.days_ago(last)
        user.mfa_device = "device" if mfa else None

    def policy(self, name: str, *statements: dict[str, Any]) -> tuple[str, str]:
        document = json.dumps({"Version": "1", "Statement": list(statements)})
        version = PolicyVersion("v1", document, self.now)
        found = Policy(name, versions=[version], created_at=self.now, updated_at=self.now)
        self.cloud.ram.policies["Custom", name] = found
        return "Custom", name

    def group(self, name: str) -> Group:
        return self.cloud.ram.groups.setdefault(name, Group(self.cloud.ram.new_id(), name))

    def role(self, name: str) -> Role:
        return self.cloud.ram.roles.setdefault(name, Role(self.cloud.ram.new_id(), name, "{}"))

    def hold(self, holder: User | Group | Role, policy: tuple[str, str]) -> None:
        holder.attached[policy] = self.now


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


@dataclass(frozen=True)
class Fact:
    """By control: the resources that must be named because of this one, in `leads` as failures, in
    `designed` as something that akwarden causes itself."""

    name: str
    plant: Callable[[Account], object]
    leads: dict[str, set[str]] = field(default_factory=dict)
    designed: dict[str, set[str]] = field(default_factory=dict)


def _setting(**changes: bool | int) -> Callable[[Account], object]:
    return lambda account: account.cloud.ram.password_policy.update(changes)


def _root(**changes: Any) -> Callable[[Account], object]:
    def plant(account: Account) -> None:
        for name, value in changes.items():
            setattr(account.cloud.ram, name, value)

    return plant


def _root_key(account: Account) -> None:
    owner = User(account.cloud.ram.account_id, "<root>")
    account.key(owner, 10, used=1)


def _root_login(account: Account) -> None:
    account.cloud.ram.root_last_login_at = account.days_ago(5)


def _own_keys(account: Account) -> None:
    account.cloud.ram.security_preference["AllowUserToManageAccessKeys"] = True


def _login(name: str, **how: Any) -> Callable[[Account], object]:
    return lambda account: account.login(account.user(name), **how)


def _keys(name: str, *keys: dict[str, Any], login: bool = False) -> Callable[[Account], object]:
    def plant(account: Account) -> None:
        user = account.user(name)
        for key in keys:
            account.key(user, **key)
        if login:
            account.login(user, last=1)

    return plant


def _managed(application: str, *keys: dict[str, Any], **more: Any) -> Callable[[Account], object]:
    """One of ours, with its own policy attached."""

    def plant(account: Account) -> None:
        user = account.managed(application, **more)
        for key in keys:
            account.key(user, **key)
        account.hold(user, account.policy(user.name, allow("log:PostLogStoreLogs", "acs:log:*")))

    return plant


def _managed_login(account: Account) -> None:
    _managed("logged")(account)
    account.login(account.user("akw-logged-prod"), last=None, status="Inactive")


def _extended(account: Account) -> None:
    end = account.now + timedelta(days=9)
    _managed("extended", ends_in_days=-1,
             **{"akw:extended": f"{end:%Y-%m-%dT%H:%M:%SZ} standard-webhooks T-2"},
    )(account)  # fmt: skip


def _borrowed(account: Account) -> None:
    """A policy of ours, attached by hand to somebody else as well."""
    _managed("lent")(account)
    account.hold(account.user("borrower"), ("Custom", "akw-lent-prod"))


def _held(
    kind: str, name: str, *statements: dict[str, Any], system: str = ""
) -> Callable[[Account], object]:
    """A policy of these statements (or a system policy), held by a user, group or role."""

    def plant(account: Account) -> None:
        holder: User | Group | Role = getattr(account, kind)(name)
        account.hold(holder, ("System", system) if system else account.policy(
            f"of-{name}", *statements))  # fmt: skip

    return plant


def _own(application: str) -> dict[str, set[str]]:
    """That its one user holds its own policy."""
    return {"direct-attachment": {f"user/akw-{application}-prod"}}


OURS = f"acs:kms:*:{ACCOUNT}:secret/akw/*"
PASSWORD = {"password policy"}
FACTS = (
    Fact("the account has a key", _root_key, {"root-access-key": {"account"}}),
    Fact("its login has no MFA", _root(root_mfa=False), {"root-mfa": {"account"}}),
    Fact("it logged in", _root_login, {"root-unused": {"account"}}),
    Fact("users manage their own keys", _own_keys, {"own-keys-switch": {"account"}}),
    Fact("keys are used from anywhere", _root(account_key_policy="{}"),
         {"account-key-network": {"account"}}),
    Fact("no upper case", _setting(RequireUppercaseCharacters=False),
         {"password-uppercase": PASSWORD}),
    Fact("no lower case", _setting(RequireLowercaseCharacters=False),
         {"password-lowercase": PASSWORD}),
    Fact("no symbols", _setting(RequireSymbols=False), {"password-symbol": PASSWORD}),
    Fact("no numbers", _setting(RequireNumbers=False), {"password-number": PASSWORD}),
    Fact("short passwords", _setting(MinimumPasswordLength=13), {"password-length": PASSWORD}),
    Fact("passwords again", _setting(PasswordReusePrevention=4), {"password-reuse": PASSWORD}),
    Fact("passwords that expire early", _setting(MaxPasswordAge=90), {"password-age": PASSWORD}),
    Fact("many attempts", _setting(MaxLoginAttemps=6), {"password-attempts": PASSWORD}),
    Fact("login without MFA", _login("a-first", last=1, mfa=False),
         {"console-mfa": {"user/a-first"}}),
    Fact("and one on the last page", _login("z-last", last=1, mfa=False),
         {"console-mfa": {"user/z-last"}}),
    Fact("switched-off login without MFA", _login("switched-off", last=200, mfa=False,
                                                  status="Inactive")),
    Fact("idle login", _login("idle", last=91), {"console-unused": {"user/idle"}}),
    Fact("login that was never used", _login("never-came", last=None),
         {"console-unused": {"user/never-came"}}),
    Fact("login of the last quarter", _login("regular", last=89)),
    Fact("login and key", _keys("both", {"days": 5, "used": 1}, login=True),
         {"console-and-keys": {"user/both"}}),
    Fact("login of an application", _managed_login,
         {"managed-login": {"user/akw-logged-prod"}}, _own("logged")),
    Fact("named like ours", lambda account: account.user("akw-pretender-dev"),
         {"managed-unmarked": {"user/akw-pretender-dev"}}),
    Fact("marked, and not named so", lambda account: account.user("odd", {"akw:ticket": "T"})),
    Fact("old key", _keys("old", {"days": 91, "used": 1}), {"key-age": {"user/old/key 1"}}),
    Fact("key of 89 days", _keys("aging", {"days": 89, "used": 1})),
    Fact("old key and a disabled one", _keys("second", {"days": 95, "used": 2},
                                             {"days": 9, "used": 1, "status": "Inactive"}),
         {"key-age": {"user/second/key 1"}, "key-disabled": {"user/second/key 2"}}),
    Fact("unused key", _keys("unused", {"days": 120, "used": 91}),
         {"key-unused": {"user/unused/key 1"}, "key-age": {"user/unused/key 1"}}),
    Fact("key that was never used", _keys("needless", {"days": 31}),
         {"key-never-used": {"user/needless/key 1"}}),
    Fact("new key that was not used yet", _keys("fresh", {"days": 29})),
    Fact("two keys", _keys("double", {"days": 40, "used": 1}, {"days": 3, "used": 1}),
         {"two-active-keys": {"user/double"}}),
    Fact("disabled key", _keys("parked", {"days": 10, "used": 5, "status": "Inactive"}),
         {"key-disabled": {"user/parked/key 1"}}),
    Fact("rotation", _managed("turning", {"days": 88, "used": 0}, {"days": 1, "used": 0}),
         {}, {"two-active-keys": {"user/akw-turning-prod"}} | _own("turning")),
    Fact("rotation that never ended", _managed("stuck", {"days": 80, "used": 0},
                                               {"days": 30, "used": 0}),
         {"two-active-keys": {"user/akw-stuck-prod"}}, _own("stuck")),
    Fact("its predecessor's grace", _managed("grace", {"days": 85, "used": 5, "status": "Inactive"},
                                             {"days": 5, "used": 0}),
         {}, {"key-disabled": {"user/akw-grace-prod/key 1"}} | _own("grace")),
    Fact("disabled without a successor", _managed("off", {"days": 5, "used": 1,
                                                          "status": "Inactive"}),
         {"key-disabled": {"user/akw-off-prod/key 1"}}, _own("off")),
    Fact("grant that is over", _managed("over", ends_in_days=-2),
         {"direct-attachment": {"user/akw-over-prod"}}),
    Fact("grant that was extended", _extended, {}, _own("extended")),
    Fact("our policy, somebody else's user", _borrowed, {"direct-attachment": {"user/borrower"}},
         _own("lent")),
    Fact("administrator", _held("user", "boss", system="AdministratorAccess"),
         {"admin-policy": {"user/boss"}, "direct-attachment": {"user/boss"}}),
    Fact("administrators of our own making", _held("group", "operators", allow("*", "*")),
         {"admin-policy": {"group/operators"}}),
    Fact("the same in other words", _held("role", "robot", allow(["log:Get*", "*:*"],
                                                                 ["acs:*:*:*:*"])),
         {"admin-policy": {"role/robot"}}),
    Fact("everything denied", _held("role", "barred", {"Effect": "Deny", "Action": "*",
                                                       "Resource": "*"})),
    Fact("policy on a user", _held("user", "direct", allow("oss:GetObject", "*")),
         {"direct-attachment": {"user/direct"}}),
    Fact("reader of all secrets", _held("role", "reader", allow("kms:*", "*")),
         {"secret-readers": {"role/reader"}}),
    Fact("reader of ours", _held("group", "readers", allow("kms:Get*", OURS)),
         {"secret-readers": {"group/readers"}}),
    Fact("reader by leaving out", _held("role", "nearly-all", {
        "Effect": "Allow", "NotAction": ["ram:*"], "Resource": "*"}),
         {"secret-readers": {"role/nearly-all"}}),
    Fact("reader by what Alibaba wrote", _held("role", "crypto", system="AliyunKMSCryptoAccess"),
         {"secret-readers": {"role/crypto"}}),
    Fact("reader of one secret", _held("role", "orders-reader", allow(
        "kms:GetSecretValue", f"acs:kms:*:{ACCOUNT}:secret/akw/orders/prod"))),
    Fact("reader of everything but ours", _held("role", "others-reader", {
        "Effect": "Allow", "Action": "kms:GetSecretValue", "NotResource": [OURS]})),
    Fact("maker of our keys", _held("group", "helpdesk", allow(
        "ram:*AccessKey", f"acs:ram:*:{ACCOUNT}:user/*")), {"key-makers": {"group/helpdesk"}}),
    Fact("maker of keys for akw-*", _held("role", "intruder", allow(
        ["ram:CreateAccessKey"], [f"acs:ram::{ACCOUNT}:user/akw-*"])),
         {"key-makers": {"role/intruder"}}),
    Fact("maker of other keys", _held("role", "app-owner", allow(
        "ram:*", f"acs:ram:*:{ACCOUNT}:user/app-*"))),
    Fact("our own function", _held("role", "akw-issue", allow(
        "ram:CreateAccessKey", f"acs:ram:*:{ACCOUNT}:user/akw-*"))),
)  # fmt: skip
