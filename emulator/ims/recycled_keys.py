"""The recycle bin of AccessKeys, by numeric user id.

The pages document neither codes nor the status of a restored key: EntityNotExist.User.AccessKey,
LimitExceeded.User.AccessKey and `choices.restored_key_status` are inferred.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.ims.principals import principal_name
from emulator.ims.product import IMS
from emulator.ram import errors, quotas, recycle_bin
from emulator.ram.state import AccessKey
from emulator.rpc import Answer


def described(key: AccessKey) -> Answer:
    recycled_at = key.recycled_at or key.updated_at
    return {
        "AccessKeyId": key.id, "CreateDate": iso(key.created_at), "RecycleDate": iso(recycled_at),
        "DeleteDate": iso(recycled_at + recycle_bin.RETENTION),
    }  # fmt: skip


def _user_id(call: Call) -> str:
    """UserId, or the caller's own; the account must say whose."""
    own = call.caller.principal_id if call.caller.kind == "user" else ""
    return call.text("UserId") or own or call.required("UserId")


def _key(call: Call, user_id: str = "") -> AccessKey:
    recycle_bin.expire(call.cloud.ram, call.now)
    key = call.cloud.ram.recycled_keys.get(call.required("UserAccessKeyId"))
    if key is None or user_id not in ("", key.user_id):
        raise errors.not_exist("User.AccessKey")
    return key


@IMS.action("ListAccessKeysInRecycleBin")
def list_access_keys_in_recycle_bin(call: Call) -> Answer:
    ram = call.cloud.ram
    recycle_bin.expire(ram, call.now)
    user_id = _user_id(call)
    if ram.user_by_id(user_id) is None and user_id not in ram.recycled_users:
        raise errors.not_exist("User")
    return {"AccessKeys": {"AccessKey": [
        described(key) for key in recycle_bin.keys_of(ram, user_id)
    ]}}  # fmt: skip


@IMS.action("GetAccessKeyInfoInRecycleBin")
def get_access_key_info_in_recycle_bin(call: Call) -> Answer:
    ram, key = call.cloud.ram, _key(call)
    recycled = ram.recycled_users.get(key.user_id)
    user = recycled or ram.user_by_id(key.user_id)
    return {"AccessKey": described(key) | {
        "UserId": key.user_id, "UserRecycled": recycled is not None,
        "UserPrincipalName": principal_name(ram, user) if user else "",
    }}  # fmt: skip


@IMS.action("RestoreAccessKeyFromRecycleBin", writes=True)
def restore_access_key_from_recycle_bin(call: Call) -> Answer:
    """The key comes back, and works again once it is enabled."""
    ram, user_id = call.cloud.ram, _user_id(call)
    key = _key(call, user_id)
    if ram.user_by_id(user_id) is None:
        raise errors.not_exist("User")
    if len(ram.keys_of(user_id)) >= quotas.KEYS_PER_USER:
        raise errors.limit_exceeded("User.AccessKey")
    del ram.recycled_keys[key.id]
    key.status, key.recycled_at = call.cloud.choices.restored_key_status, None
    key.updated_at = call.now
    key.status_since.append((call.cloud.propagation(), key.status))
    ram.keys[key.id] = key
    return {}


@IMS.action("DeleteAccessKeyInRecycleBin", writes=True)
def delete_access_key_in_recycle_bin(call: Call) -> Answer:
    recycle_bin.purge_key(call.cloud.ram, _key(call, _user_id(call)))
    return {}
