"""What is written into KMS: the key's document, the reservation before it, the secret's policy."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC

from shared.ports import NewKey
from shared.secrecy import Secret

READ = ["kms:GetSecretValue", "kms:DescribeSecret", "kms:ListSecretVersionIds"]
MANAGE = [
    "kms:DescribeSecret", "kms:ListSecretVersionIds", "kms:PutSecretValue",
    "kms:UpdateSecretVersionStage",
]  # fmt: skip


def key_document(key: NewKey) -> Secret:
    """Flat JSON, all values strings: the shape that Alibaba's own consumers read unchanged (the
    one GetSecretValue returns for a managed RAM secret)."""
    generated = key.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return Secret(json.dumps({
        "AccessKeyId": key.id,
        "AccessKeySecret": key.secret.reveal(),
        "GenerateTimestamp": generated,
    }))  # fmt: skip


def reservation() -> Secret:
    """The first version, before there is a key: an object without anything in it."""
    return Secret("{}")


def secret_policy(readers: Sequence[str], broker_role: str) -> str:
    """Who may do what with this one secret: the readers read, the broker manages, never reads.

    Source: KMS, "Overview of secret policies". Resource is always ["*"]. An identity policy that
    allows kms:GetSecretValue on it still counts, because the two are united: docs/threat-model.md.
    """
    return json.dumps({
        "Version": "1",
        "Statement": [
            {"Sid": "readers", "Effect": "Allow", "Principal": {"RAM": list(readers)},
             "Action": READ, "Resource": ["*"]},
            {"Sid": "broker", "Effect": "Allow", "Principal": {"RAM": [broker_role]},
             "Action": MANAGE, "Resource": ["*"]},
        ],
    }, separators=(",", ":"))  # fmt: skip
