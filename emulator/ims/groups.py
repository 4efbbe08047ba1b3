"""Group membership by principal name; the groups themselves are RAM's."""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.ims import principals
from emulator.ims.product import IMS
from emulator.ram import directory, groups
from emulator.rpc import Answer


def _both(call: Call) -> list[str]:
    return [*principals.resource(call), f"group/{call.text('GroupName')}"]


@IMS.action("AddUserToGroup", _both, writes=True)
def add_user_to_group(call: Call) -> Answer:
    return groups.join(call, principals.user(call), directory.group(call))


@IMS.action("RemoveUserFromGroup", _both, writes=True)
def remove_user_from_group(call: Call) -> Answer:
    return groups.leave(principals.user(call), directory.group(call))


@IMS.action("ListGroupsForUser", principals.resource)
def list_groups_for_user(call: Call) -> Answer:
    user, known = principals.user(call), call.cloud.ram.groups
    return {"Groups": {"Group": [
        {"GroupId": known[name].id, "GroupName": name, "DisplayName": name,
         "Comments": known[name].comments, "JoinDate": iso(joined)}
        for name, joined in user.groups.items()
    ]}}  # fmt: skip
