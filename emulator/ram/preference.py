"""The account's security preference, and what it lets users do to themselves.

Source: RAM and IMS, SetSecurityPreference. `AllowUserToManageAccessKeys` lets every RAM user
manage its own keys unless a policy denies it; such a decision is cited as
`Preference:AllowUserToManageAccessKeys`.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.policy.evaluation import NamedPolicy
from emulator.policy.language import Statement
from emulator.ram import directory
from emulator.ram.product import RAM
from emulator.rpc import Answer

FLAGS = {
    "AllowUserToManageAccessKeys": False,
    "AllowUserToChangePassword": True,
    "AllowUserToManageMFADevices": True,
    "AllowUserToManagePublicKeys": False,
    "EnableSaveMFATicket": False,
}
_SELF_SERVICE = {
    "AllowUserToManageAccessKeys": (
        "ram:CreateAccessKey", "ram:ListAccessKeys", "ram:UpdateAccessKey", "ram:DeleteAccessKey",
        "ram:GetAccessKeyLastUsed",
    ),
    "AllowUserToManageMFADevices": (
        "ram:BindMFADevice", "ram:UnbindMFADevice", "ram:GetUserMFAInfo",
    ),
}  # fmt: skip


def flag(call: Call, name: str) -> bool:
    """One switch as it stands now."""
    return bool(call.cloud.ram.security_preference.get(name, FLAGS[name]))


def self_management(call: Call, user_name: str, name: str) -> list[NamedPolicy]:
    """The allowance that a switch gives the calling user over itself; empty if it gives none."""
    if call.caller.kind != "user" or call.caller.name != user_name or not flag(call, name):
        return []
    resource = directory.arn(call, f"user/{user_name}")
    statement = Statement("Allow", _SELF_SERVICE[name], (), (resource,), (), {})
    return [NamedPolicy(f"Preference:{name}", (statement,))]


def apply(call: Call, flags: dict[str, bool]) -> None:
    """Store the given parameters; absent ones stay as they are."""
    changes: dict[str, object] = {
        name: call.boolean(name) for name in flags if call.text(name)
    }
    if "LoginNetworkMasks" in call.parameters:
        changes["LoginNetworkMasks"] = call.text("LoginNetworkMasks")
    if call.text("LoginSessionDuration"):
        changes["LoginSessionDuration"] = call.integer("LoginSessionDuration", 6, 1, 24)
    call.cloud.ram.security_preference.update(changes)


def described(call: Call) -> Answer:
    """As RAM nests it; IMS adds to this."""
    stored = call.cloud.ram.security_preference
    return {
        "AccessKeyPreference": {
            "AllowUserToManageAccessKeys": flag(call, "AllowUserToManageAccessKeys"),
        },
        "LoginProfilePreference": {
            "AllowUserToChangePassword": flag(call, "AllowUserToChangePassword"),
            "EnableSaveMFATicket": flag(call, "EnableSaveMFATicket"),
            "LoginNetworkMasks": stored.get("LoginNetworkMasks", ""),
            "LoginSessionDuration": stored.get("LoginSessionDuration", 6),
        },
        "MFAPreference": {
            "AllowUserToManageMFADevices": flag(call, "AllowUserToManageMFADevices"),
        },
    }


def _with_public_keys(call: Call) -> Answer:
    allowed = flag(call, "AllowUserToManagePublicKeys")
    keys = {"PublicKeyPreference": {"AllowUserToManagePublicKeys": allowed}}
    return {"SecurityPreference": described(call) | keys}


@RAM.action("GetSecurityPreference")
def get_security_preference(call: Call) -> Answer:
    return _with_public_keys(call)


@RAM.action("SetSecurityPreference", writes=True)
def set_security_preference(call: Call) -> Answer:
    apply(call, FLAGS)
    return _with_public_keys(call)
