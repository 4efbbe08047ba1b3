"""User groups: a group's policies are its members'."""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.ram import directory, errors, names, quotas
from emulator.ram.paging import page
from emulator.ram.product import RAM
from emulator.ram.state import Group, User
from emulator.rpc import Answer


def described(group: Group) -> Answer:
    return {
        "GroupId": group.id, "GroupName": group.name, "Comments": group.comments,
        "CreateDate": iso(group.created_at),
    }  # fmt: skip


def _with_update(group: Group) -> Answer:
    return described(group) | {"UpdateDate": iso(group.updated_at)}


def join(call: Call, user: User, group: Group) -> Answer:
    """Make a user a member."""
    if group.name in user.groups:
        raise errors.already_exists("User.Group")
    if len(user.groups) >= quotas.GROUPS_PER_USER:
        raise errors.limit_exceeded("User.Group")
    user.groups[group.name] = call.now
    return {}


def leave(user: User, group: Group) -> Answer:
    """End a membership."""
    if user.groups.pop(group.name, None) is None:
        raise errors.not_exist("User.Group")
    return {}


@RAM.action("CreateGroup", ("group/*",), writes=True)
def create_group(call: Call) -> Answer:
    ram, name = call.cloud.ram, names.group_name(call)
    comments = names.limited(call, "Comments", 128)
    if name in ram.groups:
        raise errors.already_exists("Group")
    if len(ram.groups) >= quotas.GROUPS:
        raise errors.limit_exceeded("Group")
    group = Group(ram.new_id(), name, comments, created_at=call.now, updated_at=call.now)
    ram.groups[name] = group
    return {"Group": described(group)}


@RAM.action("GetGroup", ("group/{GroupName}",))
def get_group(call: Call) -> Answer:
    return {"Group": _with_update(directory.group(call))}


@RAM.action("ListGroups", ("group/*",))
def list_groups(call: Call) -> Answer:
    found, about = page(call, call.cloud.ram.groups.values(), lambda group: group.name)
    return about | {"Groups": {"Group": [_with_update(group) for group in found]}}


@RAM.action("UpdateGroup", ("group/{GroupName}",), writes=True)
def update_group(call: Call) -> Answer:
    ram, group = call.cloud.ram, directory.group(call)
    old, comments = group.name, names.limited(call, "NewComments", 128)
    new = names.group_name(call, "NewGroupName") if call.text("NewGroupName") else old
    if new != old:
        if new in ram.groups:
            raise errors.already_exists("Group")
        group.name = new
        ram.groups[new] = ram.groups.pop(old)
        for user in ram.users.values():
            if old in user.groups:
                user.groups[new] = user.groups.pop(old)
    if "NewComments" in call.parameters:
        group.comments = comments
    group.updated_at = call.now
    return {"Group": _with_update(group)}


@RAM.action("DeleteGroup", ("group/{GroupName}",), writes=True)
def delete_group(call: Call) -> Answer:
    ram, group = call.cloud.ram, directory.group(call)
    if any(group.name in user.groups for user in ram.users.values()):
        raise errors.delete_conflict("Group.User")
    if group.attached:
        raise errors.delete_conflict("Group.Policy")
    del ram.groups[group.name]
    return {}


@RAM.action("AddUserToGroup", ("user/{UserName}", "group/{GroupName}"), writes=True)
def add_user_to_group(call: Call) -> Answer:
    return join(call, directory.user(call), directory.group(call))


@RAM.action("RemoveUserFromGroup", ("user/{UserName}", "group/{GroupName}"), writes=True)
def remove_user_from_group(call: Call) -> Answer:
    return leave(directory.user(call), directory.group(call))


@RAM.action("ListGroupsForUser", ("user/{UserName}",))
def list_groups_for_user(call: Call) -> Answer:
    user, groups = directory.user(call), call.cloud.ram.groups
    return {"Groups": {"Group": [
        {"GroupId": groups[name].id, "GroupName": name, "Comments": groups[name].comments,
         "JoinDate": iso(joined)}
        for name, joined in user.groups.items()
    ]}}  # fmt: skip


@RAM.action("ListUsersForGroup", ("group/{GroupName}",))
def list_users_for_group(call: Call) -> Answer:
    group = directory.group(call)
    members = [user for user in call.cloud.ram.users.values() if group.name in user.groups]
    found, about = page(call, members, lambda user: user.name)
    return about | {"Users": {"User": [
        {"UserName": user.name, "DisplayName": user.display_name,
         "JoinDate": iso(user.groups[group.name])}
        for user in found
    ]}}  # fmt: skip
