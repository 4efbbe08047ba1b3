"""AccessKeys: two per user, the secret shown once; IMS does the same by user principal name.

A key's creation, change of status and deletion take effect for authentication a moment later
(`choices.key_propagation_*`). Deleting an Active key is allowed: no page documents an error.
Limitation: keys are not disabled by themselves after MaxIdleDaysForAccessKeys.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.ram import directory, errors, preference, quotas, recycle_bin
from emulator.ram.product import RAM
from emulator.ram.state import AccessKey, User
from emulator.rpc import Answer

STATUSES = ("Active", "Inactive")


def authorize(call: Call, user_name: str) -> None:
    """Ask RAM for the running action on the user whose key it is."""
    relative_id = f"user/{user_name or '*'}"
    call.authorize(
        [(f"ram:{call.entry.action}", directory.arn(call, relative_id))],
        resource_policies=preference.self_management(
            call, user_name, "AllowUserToManageAccessKeys"
        ),
    )


def described(key: AccessKey) -> Answer:
    return {"AccessKeyId": key.id, "Status": key.status, "CreateDate": iso(key.created_at)}


def create(call: Call, user_id: str) -> Answer:
    """A new Active key of a user (or of the account: its id); the only look at its secret."""
    ram = call.cloud.ram
    if len(ram.keys_of(user_id)) >= quotas.KEYS_PER_USER:
        raise errors.limit_exceeded("User.AccessKey")
    key = AccessKey(
        ram.new_access_key_id(), ram.new_secret(), user_id, created_at=call.now,
        updated_at=call.now, status_since=[(call.cloud.propagation(), "Active")],
    )  # fmt: skip
    ram.keys[key.id] = key
    call.cloud.remember_secret("access-key", key.id, key.secret)
    call.entry.made = key.id
    return {"AccessKey": described(key) | {"AccessKeySecret": key.secret}}


def owned(call: Call, user_id: str) -> AccessKey:
    """The key named by UserAccessKeyId, if it is this user's."""
    key = call.cloud.ram.keys.get(call.required("UserAccessKeyId"))
    if key is None or key.user_id != user_id:
        raise errors.not_exist("User.AccessKey")
    return key


def update(call: Call, user_id: str) -> Answer:
    status = call.required("Status")
    if status not in STATUSES:
        raise errors.incorrect("Status")
    key = owned(call, user_id)
    key.status, key.updated_at = status, call.now
    key.status_since.append((call.cloud.propagation(), status))
    return {}


def delete(call: Call, user_id: str) -> Answer:
    """Move the key to the recycle bin, whatever its status."""
    key = owned(call, user_id)
    key.status_since.append((call.cloud.propagation(), ""))
    recycle_bin.recycle_key(call.cloud.ram, key, call.now)
    return {}


def last_used(call: Call, user_id: str) -> tuple[str, str]:
    """Date and service of the key's last use; both the same word if it was never used."""
    key = owned(call, user_id)
    if key.last_used_at is None:
        never = call.cloud.choices.unused_key_date
        return never, never
    return iso(key.last_used_at), key.last_used_service


def _user(call: Call) -> User:
    """Authorise, then find the user; in this order, so that no stranger learns who exists."""
    authorize(call, directory.asked_name(call))
    return directory.user_or_caller(call)


@RAM.action("CreateAccessKey", None, writes=True)
def create_access_key(call: Call) -> Answer:
    return create(call, _user(call).id)


@RAM.action("ListAccessKeys", None)
def list_access_keys(call: Call) -> Answer:
    keys = call.cloud.ram.keys_of(_user(call).id)
    return {"AccessKeys": {"AccessKey": [described(key) for key in keys]}}


@RAM.action("UpdateAccessKey", None, writes=True)
def update_access_key(call: Call) -> Answer:
    return update(call, _user(call).id)


@RAM.action("DeleteAccessKey", None, writes=True)
def delete_access_key(call: Call) -> Answer:
    return delete(call, _user(call).id)


@RAM.action("GetAccessKeyLastUsed", None)
def get_access_key_last_used(call: Call) -> Answer:
    return {"AccessKeyLastUsed": {"LastUsedDate": last_used(call, _user(call).id)[0]}}
