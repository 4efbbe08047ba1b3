"""System policies: attachable, never changeable. Documents are cut to what this cloud serves.

Source: RAM, "System policies"; names as published, texts ours in their sense.
"""

from __future__ import annotations

import json
from datetime import datetime

from emulator.ram.state import Policy, PolicyVersion, RamState

_READ = ("Get*", "List*", "Describe*", "Query*", "BatchGet*")
_DOCUMENTS: dict[str, tuple[str, list[str]]] = {
    "AdministratorAccess": ("Full access to everything.", ["*"]),
    "ReadOnlyAccess": ("Read access to everything.", [f"*:{verb}" for verb in _READ]),
    "AliyunRAMFullAccess": ("Full access to RAM.", ["ram:*", "ims:*", "sts:*"]),
    "AliyunRAMReadOnlyAccess": ("Read access to RAM.", ["ram:Get*", "ram:List*"]),
    "AliyunSTSAssumeRoleAccess": ("May call AssumeRole.", ["sts:AssumeRole"]),
    "AliyunKMSFullAccess": ("Full access to KMS.", ["kms:*"]),
    "AliyunKMSReadOnlyAccess": (
        "Read access to KMS, not to values.", ["kms:List*", "kms:Describe*", "kms:GetSecretPolicy"],
    ),
    "AliyunKMSCryptoAccess": (
        "May encrypt, decrypt and read secrets.",
        ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:GetSecretValue"],
    ),
    "AliyunLogFullAccess": ("Full access to SLS.", ["log:*"]),
    "AliyunLogReadOnlyAccess": ("Read access to SLS.", ["log:Get*", "log:List*"]),
    "AliyunFCFullAccess": ("Full access to FC.", ["fc:*"]),
    "AliyunFCReadOnlyAccess": ("Read access to FC.", ["fc:Get*", "fc:List*"]),
    "AliyunFCInvocationAccess": ("May invoke functions.", ["fc:InvokeFunction"]),
    "AliyunActionTrailFullAccess": ("Full access to ActionTrail.", ["actiontrail:*"]),
    "AliyunOSSFullAccess": ("Full access to OSS.", ["oss:*"]),
    "AliyunOSSReadOnlyAccess": ("Read access to OSS.", ["oss:Get*", "oss:List*"]),
    "AliyunECSFullAccess": ("Full access to ECS.", ["ecs:*"]),
    "AliyunECSReadOnlyAccess": ("Read access to ECS.", ["ecs:Describe*", "ecs:List*"]),
}  # fmt: skip


def install(ram: RamState, now: datetime) -> None:
    """Put every system policy into a fresh state."""
    for name, (description, actions) in _DOCUMENTS.items():
        statement = {"Effect": "Allow", "Action": actions, "Resource": "*"}
        document = json.dumps({"Version": "1", "Statement": [statement]}, separators=(",", ":"))
        ram.policies[("System", name)] = Policy(
            name, "System", description, versions=[PolicyVersion("v1", document, now)],
            created_at=now, updated_at=now,
        )  # fmt: skip
