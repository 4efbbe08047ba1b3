"""The one policy of a secret, set and read; `resource_policy` says what it means."""

from __future__ import annotations

from emulator.call import Call
from emulator.kms import errors, resource_policy
from emulator.kms.access import named_secret
from emulator.kms.parameters import required
from emulator.kms.product import KMS
from emulator.rpc import Answer


@KMS.action("SetSecretPolicy", None, writes=True, group="secret-list")
def set_secret_policy(call: Call) -> Answer:
    """Replace the secret's one policy; only secrets in an instance have one."""
    secret = named_secret(call)
    text = resource_policy.checked(required(call, "Policy"))
    if call.text("PolicyName", "default") != "default":
        raise errors.parameter_invalid("PolicyName")
    if not secret.instance_id:
        raise errors.operation_unsupported()
    secret.policy = text
    secret.updated_at = call.now
    return {}


@KMS.action("GetSecretPolicy", None, group="secret-list")
def get_secret_policy(call: Call) -> Answer:
    """Answers during the deletion window too; a policy of another name is not found."""
    secret = named_secret(call, in_window=True)
    if call.text("PolicyName", "default") != "default":
        raise errors.resource_not_found()
    if not secret.instance_id:
        raise errors.operation_unsupported()
    return {"Policy": secret.policy}
