"""The password policy as IMS shows it: RAM's, with the rules that only IMS has."""

from __future__ import annotations

from emulator.call import Call
from emulator.ims.product import IMS
from emulator.ram import passwords
from emulator.rpc import Answer

_NAMES = {name: name for name in (*passwords.NUMBERS, *passwords.FLAGS)}


@IMS.action("GetPasswordPolicy")
def get_password_policy(call: Call) -> Answer:
    return {"PasswordPolicy": passwords.policy(call)}


@IMS.action("SetPasswordPolicy", writes=True)
def set_password_policy(call: Call) -> Answer:
    call.cloud.ram.password_policy.update(passwords.asked_for(call, _NAMES))
    return {"PasswordPolicy": passwords.policy(call)}
