"""Login profiles: whether a user has a console password. The password itself is not kept.

Limitation: no logging in.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.ram import directory, errors, passwords
from emulator.ram.product import RAM
from emulator.ram.state import User
from emulator.rpc import Answer

FLAGS = ("PasswordResetRequired", "MFABindRequired")


def profile(user: User) -> Answer:
    """The user's stored profile."""
    if user.login_profile is None:
        raise errors.not_exist("User.LoginProfile")
    return user.login_profile


def create(call: Call, user: User) -> Answer:
    """Give a user a console password."""
    if user.login_profile is not None:
        raise errors.already_exists("User.LoginProfile")
    passwords.check(call, user.name)
    user.login_profile = {flag: call.boolean(flag) for flag in FLAGS} | {
        "CreateDate": iso(call.now), "UpdateDate": iso(call.now), "Status": _status(call, "Active"),
    }  # fmt: skip
    return user.login_profile


def update(call: Call, user: User) -> Answer:
    """Change what is given; the rest stays."""
    stored = profile(user)
    if call.text("Password"):
        passwords.check(call, user.name)
    changes = {flag: call.boolean(flag, stored[flag]) for flag in FLAGS}
    stored |= changes | {"Status": _status(call, stored["Status"]), "UpdateDate": iso(call.now)}
    return stored


def delete(user: User) -> Answer:
    profile(user)
    user.login_profile = None
    return {}


def _status(call: Call, default: str) -> str:
    """IMS only: a profile can be switched off without being deleted."""
    value = call.text("Status", default)
    if value not in ("Active", "Inactive"):
        raise errors.incorrect("Status")
    return value


def _described(user: User) -> Answer:
    stored = profile(user)
    fields = (*FLAGS, "CreateDate")
    return {"LoginProfile": {"UserName": user.name} | {name: stored[name] for name in fields}}


@RAM.action("CreateLoginProfile", ("user/{UserName}",), writes=True)
def create_login_profile(call: Call) -> Answer:
    user = directory.user(call)
    create(call, user)
    return _described(user)


@RAM.action("GetLoginProfile", ("user/{UserName}",))
def get_login_profile(call: Call) -> Answer:
    return _described(directory.user(call))


@RAM.action("UpdateLoginProfile", ("user/{UserName}",), writes=True)
def update_login_profile(call: Call) -> Answer:
    update(call, directory.user(call))
    return {}


@RAM.action("DeleteLoginProfile", ("user/{UserName}",), writes=True)
def delete_login_profile(call: Call) -> Answer:
    return delete(directory.user(call))
