"""Rotation by KMS exists for managed secrets only, and those are not emulated."""

from __future__ import annotations

from emulator.call import Call
from emulator.kms import errors
from emulator.kms.access import named_secret
from emulator.kms.parameters import required
from emulator.kms.product import KMS
from emulator.rpc import Answer


@KMS.action("RotateSecret", None, writes=True, group="secret-list")
def rotate_secret(call: Call) -> Answer:
    """Always refused: every secret here is generic."""
    named_secret(call)
    required(call, "VersionId")
    raise errors.operation_unsupported()


@KMS.action("UpdateSecretRotationPolicy", None, writes=True, group="secret-list")
def update_secret_rotation_policy(call: Call) -> Answer:
    """Always refused: every secret here is generic."""
    named_secret(call)
    required(call, "EnableAutomaticRotation")
    raise errors.operation_unsupported()
