"""AccessKeys by user principal name; without one, the caller's own, the account's included."""

from __future__ import annotations

from emulator.call import Call
from emulator.clock import iso
from emulator.ims import principals
from emulator.ims.product import IMS
from emulator.ram import keys
from emulator.rpc import Answer


def owner(call: Call) -> str:
    """Authorise, then find whose keys are meant: a user's id, or the account's id for root."""
    if call.caller.kind == "root" and not call.text(principals.PARAMETER):
        return call.cloud.account_id
    keys.authorize(call, principals.asked_name(call))
    return principals.user_or_caller(call).id


@IMS.action("CreateAccessKey", None, writes=True)
def create_access_key(call: Call) -> Answer:
    return keys.create(call, owner(call))


@IMS.action("ListAccessKeys", None)
def list_access_keys(call: Call) -> Answer:
    return {"AccessKeys": {"AccessKey": [
        keys.described(key) | {"UpdateDate": iso(key.updated_at)}
        for key in call.cloud.ram.keys_of(owner(call))
    ]}}  # fmt: skip


@IMS.action("UpdateAccessKey", None, writes=True)
def update_access_key(call: Call) -> Answer:
    return keys.update(call, owner(call))


@IMS.action("DeleteAccessKey", None, writes=True)
def delete_access_key(call: Call) -> Answer:
    return keys.delete(call, owner(call))


@IMS.action("GetAccessKeyLastUsed", None)
def get_access_key_last_used(call: Call) -> Answer:
    date, service = keys.last_used(call, owner(call))
    return {"AccessKeyLastUsed": {"LastUsedDate": date, "ServiceName": service}}
