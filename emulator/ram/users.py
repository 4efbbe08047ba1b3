"""Users of the account, by user name; IMS addresses the same ones by user principal name."""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.ram import directory, errors, names, quotas, recycle_bin
from emulator.ram.paging import page
from emulator.ram.product import RAM
from emulator.ram.state import User
from emulator.rpc import Answer


def described(user: User) -> Answer:
    """A user as RAM prints it."""
    return {
        "UserId": user.id, "UserName": user.name, "DisplayName": user.display_name,
        "MobilePhone": user.mobile_phone, "Email": user.email, "Comments": user.comments,
        "CreateDate": iso(user.created_at),
    }  # fmt: skip


def _with_update(user: User) -> Answer:
    return described(user) | {"UpdateDate": iso(user.updated_at)}


def add(call: Call, user: User) -> User:
    """Put a new user into the directory; its name must be free, the quota not used up."""
    ram = call.cloud.ram
    _check_free(call, user.name)
    if len(ram.users) >= quotas.USERS:
        raise errors.limit_exceeded("User")
    ram.users[user.name] = user
    call.entry.made = user.id
    return user


def _check_free(call: Call, name: str) -> None:
    ram = call.cloud.ram
    recycle_bin.expire(ram, call.now)
    taken = name in ram.users
    if not call.cloud.choices.recycled_user_name_reusable:
        taken = taken or any(u.name == name for u in ram.recycled_users.values())
    if taken:
        raise errors.already_exists("User")


def check_rename(call: Call, user: User, name: str) -> None:
    """Refuse a new name that another user has."""
    if name != user.name:
        _check_free(call, name)


def rename(call: Call, user: User, name: str) -> None:
    """Give a user another name, checked before; everything else refers to users by id."""
    ram = call.cloud.ram
    del ram.users[user.name]
    user.name = name
    ram.users[name] = user


def change(call: Call, user: User, *, longest_display_name: int = 128) -> None:
    """Apply the New… parameters that are present; all are checked before any is applied."""
    changes = {
        "display_name": ("NewDisplayName",
                         names.display_name(call, "NewDisplayName", longest_display_name)),
        "mobile_phone": ("NewMobilePhone", names.mobile_phone(call, "NewMobilePhone")),
        "email": ("NewEmail", names.email(call, "NewEmail")),
        "comments": ("NewComments", names.limited(call, "NewComments", 128)),
    }  # fmt: skip
    for attribute, (parameter, value) in changes.items():
        if parameter in call.parameters:
            setattr(user, attribute, value)
    user.updated_at = call.now


def remove(call: Call, user: User) -> None:
    """Move a user to the recycle bin; whatever it still holds is a conflict of its own."""
    holds = {
        "User.Group": user.groups,
        "User.AccessKey": call.cloud.ram.keys_of(user.id),
        "User.LoginProfile": user.login_profile,
        "User.MFADevice": user.mfa_device,
        "User.Policy": user.attached,
    }
    for conflict, held in holds.items():
        if held:
            raise errors.delete_conflict(conflict)
    recycle_bin.recycle_user(call.cloud.ram, user, call.now)


@RAM.action("CreateUser", ("user/*",), writes=True)
def create_user(call: Call) -> Answer:
    """Takes no tags; IMS's CreateUser does."""
    user = User(
        call.cloud.ram.new_id(), names.user_name(call), names.display_name(call),
        names.email(call), names.mobile_phone(call), names.limited(call, "Comments", 128),
        created_at=call.now, updated_at=call.now,
    )  # fmt: skip
    return {"User": described(add(call, user))}


@RAM.action("GetUser", ("user/{UserName}",))
def get_user(call: Call) -> Answer:
    user = directory.user(call)
    login = iso(user.last_login_at) if user.last_login_at else ""
    return {"User": _with_update(user) | {"LastLoginDate": login}}


@RAM.action("ListUsers", ("user/*",))
def list_users(call: Call) -> Answer:
    found, about = page(call, call.cloud.ram.users.values(), lambda user: user.name)
    return about | {"Users": {"User": [_with_update(user) for user in found]}}


@RAM.action("UpdateUser", ("user/{UserName}",), writes=True)
def update_user(call: Call) -> Answer:
    user = directory.user(call)
    name = names.user_name(call, "NewUserName") if call.text("NewUserName") else user.name
    check_rename(call, user, name)
    change(call, user)
    rename(call, user, name)
    return {"User": _with_update(user)}


@RAM.action("DeleteUser", ("user/{UserName}",), writes=True)
def delete_user(call: Call) -> Answer:
    remove(call, directory.user(call))
    return {}
