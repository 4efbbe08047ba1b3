"""Who may touch which secret and key, and what a reference to one means.

Permission is asked before existence is told; a secret's own policy takes part where it may. Key
policies are not emulated: a key asks the caller's identity policies only.
"""

from __future__ import annotations

from emulator.call import Call
from emulator.kms import errors, resource_policy
from emulator.kms.parameters import required
from emulator.kms.state import Key, KmsState, Secret


def secret_arn(kms: KmsState, reference: str) -> str:
    """The ARN of a secret named by name or ARN (a name holds no colon)."""
    return reference if reference.startswith("acs:") else kms.arn(f"secret/{reference}")


def find_secret(call: Call, reference: str) -> Secret | None:
    """The secret of this account and region; an ARN of any other names nothing here."""
    name = reference.removeprefix(call.cloud.kms.arn("secret/"))
    return call.cloud.kms.secret(name, call.now)


def authorize_secret(call: Call, action: str, reference: str, secret: Secret | None) -> None:
    """Ask identity policies and, if the secret is there, its own policy."""
    call.authorize(
        [(f"kms:{action}", secret_arn(call.cloud.kms, reference))],
        resource_policies=resource_policy.effective(call, secret, action),
    )


def authorized_secret(
    call: Call, action: str, reference: str, *, in_window: bool = False
) -> Secret:
    """The secret after `kms:<action>` was granted on it.

    Forbidden.ResourceNotFound if there is none; refused inside the deletion window too, unless
    `in_window` says that the action is meant for it.
    """
    secret = find_secret(call, reference)
    authorize_secret(call, action, reference, secret)
    if secret is None:
        raise errors.resource_not_found()
    if not in_window:
        refuse_in_window(call, secret)
    return secret


def refuse_in_window(call: Call, secret: Secret) -> None:
    if secret.planned_delete_at is not None:
        raise errors.secret_in_deletion_window(call.cloud.choices.kms_deletion_window_code)


def named_secret(call: Call, *, in_window: bool = False) -> Secret:
    """The secret of the parameter SecretName, for the call's own action."""
    reference = required(call, "SecretName")
    return authorized_secret(call, call.entry.action, reference, in_window=in_window)


def key_arn(kms: KmsState, reference: str) -> str:
    """The ARN of a key given by id or ARN."""
    return reference if reference.startswith("acs:") else kms.arn(f"key/{reference}")


def authorize_key(call: Call, action: str, reference: str) -> None:
    call.authorize([(f"kms:{action}", key_arn(call.cloud.kms, reference))])


def lookup_key(kms: KmsState, reference: str) -> Key | None:
    """The key of an id or ARN; None if there is none."""
    return kms.keys.get(reference.removeprefix(kms.arn("key/")))


def find_key(call: Call, reference: str) -> Key:
    """The key of an id or ARN; aliases cannot be made here, so none is ever found."""
    kms = call.cloud.kms
    if reference.removeprefix(kms.arn("")).startswith("alias/"):
        raise errors.alias_not_found()
    key = lookup_key(kms, reference)
    if key is None:
        raise errors.key_not_found()
    return key


def usable_key(call: Call, action: str, reference: str, usage: str) -> Key:
    """The key for a cryptographic action: permitted, there, made for it, and enabled."""
    authorize_key(call, action, reference)
    key = find_key(call, reference)
    if key.usage != usage:
        raise errors.operation_unsupported()
    if key.state != "Enabled":
        raise errors.key_state_rejected(key.state)
    return key
