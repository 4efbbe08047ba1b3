"""STS: who am I, and with `roles` the temporary credentials of a role."""

from __future__ import annotations

from emulator.call import Call
from emulator.rpc import Answer
from emulator.sts import roles
from emulator.sts.product import STS

__all__ = ["STS", "get_caller_identity", "roles"]


@STS.action("GetCallerIdentity", None)
def get_caller_identity(call: Call) -> Answer:
    """Needs no permission; so it probes a key without granting it anything."""
    caller = call.caller
    kinds = {"root": "Account", "user": "RAMUser", "session": "AssumedRoleUser"}
    answer: Answer = {
        "IdentityType": kinds[caller.kind],
        "AccountId": caller.account_id,
        "PrincipalId": caller.principal_id or caller.account_id,
        "Arn": caller.arn,
    }
    if caller.kind == "session":
        answer["RoleId"] = caller.principal_id.split(":")[0]
    else:
        answer["UserId"] = caller.principal_id or caller.account_id
    return answer
