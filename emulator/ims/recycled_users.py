"""The recycle bin of users, by numeric user id. A restored user comes back without its rights."""

from __future__ import annotations

import re

from emulator.call import Call
from emulator.clock import iso
from emulator.ims.principals import principal_name
from emulator.ims.product import IMS
from emulator.ram import errors, recycle_bin, users
from emulator.ram.paging import page
from emulator.ram.state import RamState, User
from emulator.rpc import Answer

_FILTER = re.compile(r"UserPrincipalName eq (\S+)")


def described(ram: RamState, user: User) -> Answer:
    recycled_at = user.recycled_at or user.updated_at
    return {
        "UserId": user.id, "UserPrincipalName": principal_name(ram, user),
        "DisplayName": user.display_name, "CreateDate": iso(user.created_at),
        "RecycleDate": iso(recycled_at), "DeleteDate": iso(recycled_at + recycle_bin.RETENTION),
    }  # fmt: skip


def _user(call: Call) -> User:
    ram = call.cloud.ram
    recycle_bin.expire(ram, call.now)
    user = ram.recycled_users.get(call.required("UserId"))
    if user is None:
        raise errors.not_exist("User")
    return user


@IMS.action("ListUsersInRecycleBin")
def list_users_in_recycle_bin(call: Call) -> Answer:
    ram = call.cloud.ram
    recycle_bin.expire(ram, call.now)
    wanted = ""
    if call.text("Filter"):
        found = _FILTER.fullmatch(call.text("Filter"))
        if not found:
            raise errors.wrong_format("Filter")
        wanted = found[1]
    asked = [u for u in ram.recycled_users.values() if wanted in ("", principal_name(ram, u))]
    users_of_page, about = page(call, asked, lambda user: user.id, most=100)
    return about | {"Users": {"User": [described(ram, user) for user in users_of_page]}}


@IMS.action("GetUserInRecycleBin")
def get_user_in_recycle_bin(call: Call) -> Answer:
    return {"User": described(call.cloud.ram, _by_id_or_key(call))}


def _by_id_or_key(call: Call) -> User:
    key_id = call.text("UserAccessKeyId")
    if bool(key_id) == bool(call.text("UserId")):
        raise errors.ambiguous("UserId, UserAccessKeyId")
    if not key_id:
        return _user(call)
    ram = call.cloud.ram
    recycle_bin.expire(ram, call.now)
    key = ram.recycled_keys.get(key_id)
    user = ram.recycled_users.get(key.user_id) if key else None
    if user is None:
        raise errors.not_exist("User")
    return user


@IMS.action("RestoreUserFromRecycleBin", writes=True)
def restore_user_from_recycle_bin(call: Call) -> Answer:
    ram, user = call.cloud.ram, _user(call)
    del ram.recycled_users[user.id]
    try:
        users.add(call, user)
    except Exception:
        ram.recycled_users[user.id] = user  # a refused restoration leaves the bin as it was
        raise
    user.recycled_at, user.updated_at = None, call.now
    return {}


@IMS.action("DeleteUserInRecycleBin", writes=True)
def delete_user_in_recycle_bin(call: Call) -> Answer:
    recycle_bin.purge_user(call.cloud.ram, _user(call))
    return {}
