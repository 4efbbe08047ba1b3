"""Secrets with their versions and labels, keys, and the one KMS instance.

A fresh account holds the instance `kst-emulator0001` with the symmetric key `key-emulator0001` and
the MAC key `key-emulator-mac01`: buying an instance is no API call, so it is there from the start.
"""

from __future__ import annotations

import secrets as entropy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulator.clock import iso

INSTANCE_ID = "kst-emulator0001"
KEY_ID = "key-emulator0001"
MAC_KEY_ID = "key-emulator-mac01"
SYMMETRIC_SPEC = "Aliyun_AES_256"
ENCRYPT_USAGE = "ENCRYPT/DECRYPT"
MAC_USAGE = "GENERATE_VERIFY_MAC"  # as the console names it; the SDK's pages list no MAC usage

CURRENT, PREVIOUS = "ACSCurrent", "ACSPrevious"

_BOUGHT_AT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Version:
    """One stored value; `data` as it was sent, base64 if `data_type` is `binary`."""

    id: str
    data: str = field(repr=False)
    data_type: str
    created_at: datetime
    stages: list[str] = field(default_factory=list)


@dataclass
class Secret:
    """A generic secret; `versions` oldest first. `policy` is a JSON text, empty without instance.

    `planned_delete_at` is set while the secret is in its deletion window.
    """

    name: str
    created_at: datetime
    updated_at: datetime
    type: str = "Generic"
    description: str = ""
    instance_id: str = ""
    key_id: str = ""
    policy: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    versions: list[Version] = field(default_factory=list)
    planned_delete_at: datetime | None = None

    def version(self, version_id: str) -> Version | None:
        return next((v for v in self.versions if v.id == version_id), None)

    def labelled(self, stage: str) -> Version | None:
        """The one version that carries a label."""
        return next((v for v in self.versions if stage in v.stages), None)

    @property
    def stages(self) -> set[str]:
        """All labels in use."""
        return {stage for version in self.versions for stage in version.stages}


@dataclass
class Key:
    """A customer master key; `material` never leaves the emulator."""

    id: str
    spec: str = SYMMETRIC_SPEC
    usage: str = ENCRYPT_USAGE
    instance_id: str = INSTANCE_ID
    state: str = "Enabled"
    description: str = ""
    created_at: datetime = _BOUGHT_AT
    tags: dict[str, str] = field(default_factory=dict)
    material: bytes = field(default_factory=lambda: entropy.token_bytes(32), repr=False)

    @property
    def version_id(self) -> str:
        """Keys are not rotated here, so each has one version."""
        return f"{self.id}-v1"


@dataclass
class Instance:
    """A software key management instance; the quotas are those of its purchase."""

    id: str
    created_at: datetime = _BOUGHT_AT
    status: str = "Connected"
    key_quota: int = 1000
    secret_quota: int = 5000  # what was bought: as many as RAM allows users
    calls_per_second: int = 1000


class KmsState:
    """What KMS holds for one account in one region."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id, self.region = account_id, region
        self.instances = {INSTANCE_ID: Instance(INSTANCE_ID)}
        self.keys = {
            KEY_ID: Key(KEY_ID),
            MAC_KEY_ID: Key(MAC_KEY_ID, "HMAC_SHA256", MAC_USAGE),
        }
        self.secrets: dict[str, Secret] = {}  # by name; ask `secret`, which knows the time

    def arn(self, relative: str) -> str:
        """`acs:kms:<region>:<account>:<relative>`."""
        return f"acs:kms:{self.region}:{self.account_id}:{relative}"

    def purge(self, now: datetime) -> None:
        """Forget secrets whose deletion window is over; their names are free again."""
        self.secrets = {
            name: secret
            for name, secret in self.secrets.items()
            if secret.planned_delete_at is None or now < secret.planned_delete_at
        }

    def secret(self, name: str, now: datetime) -> Secret | None:
        """The secret of that name, one in its deletion window included."""
        self.purge(now)
        return self.secrets.get(name)

    def snapshot(self) -> dict[str, Any]:
        """Everything but values and key material."""
        return {
            "instances": sorted(self.instances),
            "keys": {
                key.id: {"spec": key.spec, "usage": key.usage, "state": key.state,
                         "instance_id": key.instance_id, "tags": dict(key.tags)}
                for key in self.keys.values()
            },
            "secrets": {secret.name: _described(secret) for secret in self.secrets.values()},
        }  # fmt: skip


def _described(secret: Secret) -> dict[str, Any]:
    planned = secret.planned_delete_at
    return {
        "type": secret.type,
        "description": secret.description,
        "instance_id": secret.instance_id,
        "key_id": secret.key_id,
        "policy": secret.policy,
        "tags": dict(secret.tags),
        "created_at": iso(secret.created_at),
        "updated_at": iso(secret.updated_at),
        "planned_delete_at": iso(planned) if planned else None,
        "versions": [
            {"id": v.id, "data_type": v.data_type, "stages": list(v.stages),
             "created_at": iso(v.created_at)}
            for v in secret.versions
        ],
    }  # fmt: skip
