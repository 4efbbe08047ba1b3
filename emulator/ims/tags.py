"""Tags of users, by id or by principal name; lists come as `ResourceId.1`, `Tag.1.Key`, …"""

from __future__ import annotations

from emulator.call import Call
from emulator.ims import principals
from emulator.ims.product import IMS
from emulator.ram import errors, quotas, tags
from emulator.ram.state import User
from emulator.rpc import Answer

_IDS, _PRINCIPALS = "ResourceId", "ResourcePrincipalName"


def _resources(call: Call) -> list[str]:
    """Each named user; an id that nobody has is asked about as `user/*`."""
    ram = call.cloud.ram
    by_id = [ram.user_by_id(user_id) for user_id in call.listed(_IDS)]
    named = [user.name if user else "*" for user in by_id]
    named += [principals.bare_name(call, name) for name in call.listed(_PRINCIPALS)]
    return [f"user/{name}" for name in named] or ["user/*"]


def _users(call: Call, *, optional: bool = False) -> list[User]:
    """The named users; ids or principal names, not both."""
    if call.required("ResourceType") != "user":
        raise errors.incorrect("ResourceType")
    ids, names = call.listed(_IDS), call.listed(_PRINCIPALS)
    if (ids and names) or not (ids or names or optional):
        raise errors.ambiguous(f"{_IDS}, {_PRINCIPALS}")
    if len(ids) + len(names) > quotas.TAGGED_RESOURCES_PER_CALL:
        raise errors.wrong_length(_IDS if ids else _PRINCIPALS)
    found = [principals.named(call, name) for name in names]
    for user_id in ids:
        user = call.cloud.ram.user_by_id(user_id)
        if user is None:
            raise errors.not_exist("User")
        found.append(user)
    return found


@IMS.action("TagResources", _resources, writes=True)
def tag_resources(call: Call) -> Answer:
    users = _users(call)
    call.required("Tag.1.Key")
    given = tags.checked(call.pairs(), longest_value=128)
    tags.add_to_all(users, given)
    return {}


@IMS.action("UntagResources", _resources, writes=True)
def untag_resources(call: Call) -> Answer:
    users, keys, everything = _users(call), call.listed("TagKey"), call.boolean("All")
    tags.remove_from_all(users, keys, everything=everything)
    return {}


@IMS.action("ListTagResources", _resources)
def list_tag_resources(call: Call) -> Answer:
    users = _users(call, optional=True) or list(call.cloud.ram.users.values())
    found, token = tags.sliced(
        call, tags.rows_of(users, call.pairs()), call.integer("PageSize", 20, 1, 1000)
    )
    ids = {user.name: user.id for user in users}
    answer: Answer = {
        "IsTruncated": bool(token),
        "TagResources": {"TagResource": [
            {"ResourceId": ids[user.name], "ResourceType": "user", "TagKey": key, "TagValue": value}
            for user, key, value in found
        ]},
    }  # fmt: skip
    return answer | ({"NextToken": token} if token else {})
