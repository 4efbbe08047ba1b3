"""Login profiles by principal name."""

from __future__ import annotations

from emulator.call import Call
from emulator.ims import principals
from emulator.ims.product import IMS
from emulator.ram import login
from emulator.ram.state import User
from emulator.rpc import Answer


def _described(call: Call, user: User) -> Answer:
    stored = login.profile(user)
    fields = (*login.FLAGS, "Status", "UpdateDate")
    return {"LoginProfile": {
        "UserPrincipalName": principals.principal_name(call.cloud.ram, user),
    } | {name: stored[name] for name in fields}}  # fmt: skip


@IMS.action("CreateLoginProfile", principals.resource, writes=True)
def create_login_profile(call: Call) -> Answer:
    user = principals.user(call)
    login.create(call, user)
    return _described(call, user)


@IMS.action("GetLoginProfile", principals.resource)
def get_login_profile(call: Call) -> Answer:
    return _described(call, principals.user(call))


@IMS.action("UpdateLoginProfile", principals.resource, writes=True)
def update_login_profile(call: Call) -> Answer:
    user = principals.user(call)
    login.update(call, user)
    return _described(call, user)


@IMS.action("DeleteLoginProfile", principals.resource, writes=True)
def delete_login_profile(call: Call) -> Answer:
    return login.delete(principals.user(call))
