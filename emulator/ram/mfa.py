"""Virtual MFA devices: which user has bound one.

Limitation: the two codes must be six digits each, but are not computed; acs:MFAPresent is false
in every call, as AccessKeys carry no MFA.
"""

from __future__ import annotations

import base64
import re
import secrets as entropy

from emulator.call import Call
from emulator.clock import iso
from emulator.ram import directory, errors, names, preference, quotas
from emulator.ram.product import RAM
from emulator.ram.state import MfaDevice, User
from emulator.rpc import Answer

_CODE = re.compile(r"[0-9]{6}")


def authorize(call: Call, user_name: str) -> None:
    """Ask RAM for the running action on the user whose device it is."""
    call.authorize(
        [(f"ram:{call.entry.action}", directory.arn(call, f"user/{user_name or '*'}"))],
        resource_policies=preference.self_management(
            call, user_name, "AllowUserToManageMFADevices"
        ),
    )


def _device(call: Call) -> MfaDevice:
    found = call.cloud.ram.mfa_devices.get(call.required("SerialNumber"))
    if found is None:
        raise errors.not_exist("VirtualMFADevice")
    return found


def bind(call: Call, user: User) -> Answer:
    """Bind the device named by SerialNumber to a user."""
    for parameter in ("AuthenticationCode1", "AuthenticationCode2"):
        if not _CODE.fullmatch(call.required(parameter)):
            raise errors.malformed_authentication_code()
    device = _device(call)
    if user.mfa_device:
        raise errors.already_exists("User.MFADevice")
    if device.user_id:
        raise errors.already_exists("VirtualMFADevice.User")
    device.user_id, device.bound_at = user.id, call.now
    user.mfa_device = device.serial_number
    return {}


def unbind(call: Call, user: User) -> Answer:
    """Take the user's device away; the device itself remains."""
    serial_number = bound(user)
    device = call.cloud.ram.mfa_devices[serial_number]
    device.user_id, device.bound_at, user.mfa_device = "", None, None
    return {"MFADevice": {"SerialNumber": serial_number}}


def bound(user: User) -> str:
    """The serial number of the user's device."""
    if not user.mfa_device:
        raise errors.not_exist("User.MFADevice")
    return user.mfa_device


@RAM.action("CreateVirtualMFADevice", ("mfa/*",), writes=True)
def create_virtual_mfa_device(call: Call) -> Answer:
    """The QR code is not drawn: its field holds the bytes of an empty PNG's signature."""
    cloud, name = call.cloud, names.device_name(call)
    serial_number = f"acs:ram::{cloud.account_id}:mfa/{name}"
    if serial_number in cloud.ram.mfa_devices:
        raise errors.already_exists("VirtualMFADevice")
    if len(cloud.ram.mfa_devices) >= quotas.MFA_DEVICES:
        raise errors.limit_exceeded("VirtualMFADevice")
    seed = base64.b32encode(entropy.token_bytes(35)).decode()
    cloud.ram.mfa_devices[serial_number] = MfaDevice(serial_number, seed)
    cloud.remember_secret("mfa-seed", serial_number, seed)
    return {"VirtualMFADevice": {
        "SerialNumber": serial_number, "Base32StringSeed": seed,
        "QRCodePNG": base64.b64encode(b"\x89PNG\r\n\x1a\n").decode(),
    }}  # fmt: skip


@RAM.action("ListVirtualMFADevices", ("mfa/*",))
def list_virtual_mfa_devices(call: Call) -> Answer:
    ram = call.cloud.ram
    rows: list[Answer] = []
    for device in ram.mfa_devices.values():
        row: Answer = {"SerialNumber": device.serial_number}
        user = ram.user_by_id(device.user_id)
        if user and device.bound_at:
            row["ActivateDate"] = iso(device.bound_at)
            row["User"] = {
                "UserId": user.id, "UserName": user.name, "DisplayName": user.display_name,
            }  # fmt: skip
        rows.append(row)
    return {"VirtualMFADevices": {"VirtualMFADevice": rows}}


@RAM.action("DeleteVirtualMFADevice", ("mfa/*",), writes=True)
def delete_virtual_mfa_device(call: Call) -> Answer:
    device = _device(call)
    if device.user_id:
        raise errors.delete_conflict("VirtualMFADevice.User")
    del call.cloud.ram.mfa_devices[device.serial_number]
    return {}


@RAM.action("BindMFADevice", None, writes=True)
def bind_mfa_device(call: Call) -> Answer:
    authorize(call, call.text("UserName"))
    return bind(call, directory.user(call))


@RAM.action("UnbindMFADevice", None, writes=True)
def unbind_mfa_device(call: Call) -> Answer:
    authorize(call, call.text("UserName"))
    return unbind(call, directory.user(call))


@RAM.action("GetUserMFAInfo", None)
def get_user_mfa_info(call: Call) -> Answer:
    authorize(call, call.text("UserName"))
    serial_number = bound(directory.user(call))
    return {"MFADevice": {"SerialNumber": serial_number, "Type": "VMFA"}}
