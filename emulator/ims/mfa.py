"""Bound MFA devices by principal name; the devices themselves are RAM's."""

from __future__ import annotations

from emulator.call import Call
from emulator.ims import principals
from emulator.ims.product import IMS
from emulator.ram import mfa
from emulator.ram.state import User
from emulator.rpc import Answer


def _user(call: Call) -> User:
    """Authorise, then find the user."""
    mfa.authorize(call, principals.asked_name(call))
    return principals.user_or_caller(call)


@IMS.action("BindMFADevice", None, writes=True)
def bind_mfa_device(call: Call) -> Answer:
    return mfa.bind(call, _user(call))


@IMS.action("UnbindMFADevice", None, writes=True)
def unbind_mfa_device(call: Call) -> Answer:
    return mfa.unbind(call, _user(call))


@IMS.action("GetUserMFAInfo", None)
def get_user_mfa_info(call: Call) -> Answer:
    """Unlike RAM's action of this name, answers also for a user without a device."""
    serial_number = _user(call).mfa_device
    if not serial_number:
        return {"IsMFAEnable": False}
    return {"IsMFAEnable": True, "MFADevice": {"SerialNumber": serial_number, "Type": "VMFA"}}
