"""KMS 2016-01-20, Secrets Manager. Pinned >= 3.3.1: older SDKs put SecretData into the URL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial

from alibabacloud_kms20160120 import models
from alibabacloud_kms20160120.client import Client

from shared import naming
from shared.adapters.tea import Credentials, Endpoint, answer, config, moment, present
from shared.errors import NotFound
from shared.ports import SecretState, Version
from shared.secrecy import Secret

PAGE_SIZE = 100


class KmsAdapter:
    """Implements `ports.Kms` within one KMS instance, with one key of it."""

    def __init__(
        self, endpoint: Endpoint, credentials: Credentials, *, instance_id: str, key_id: str
    ) -> None:
        host = f"kms.{endpoint.region}.aliyuncs.com"
        self._client = Client(config(host, endpoint, credentials))
        self._instance_id = instance_id
        self._key_id = key_id

    def create_secret(
        self, name: str, value: Secret, *, policy: str, tags: Mapping[str, str]
    ) -> str:
        """CreateSecret with its policy in the same atomic call. AlreadyExists if the name is taken;
        CloudRefused (`Rejected.ResourceInDeleteWindow`) while an old one is being deleted."""
        request = models.CreateSecretRequest(
            secret_name=name,
            version_id=naming.RESERVED_VERSION,
            secret_data=value.reveal(),
            secret_data_type="text",
            dkmsinstance_id=self._instance_id,
            encryption_key_id=self._key_id,
            policy=policy,
            tags=json.dumps([{"TagKey": k, "TagValue": v} for k, v in tags.items()]),
        )
        body = answer("CreateSecret", lambda: self._client.create_secret(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("CreateSecret", body, "request_id"))

    def list_secrets(self, name: str = "") -> Sequence[SecretState]:
        """ListSecrets with tags, all pages; with a name those of exactly that name (KMS's pages do
        not say whether its filter is exact)."""
        filters = json.dumps([{"Key": "SecretName", "Values": [name]}]) if name else None
        secrets: list[SecretState] = []
        page = 1
        while True:
            request = models.ListSecretsRequest(
                fetch_tags="true", page_number=page, page_size=PAGE_SIZE, filters=filters
            )
            body = answer("ListSecrets", partial(self._client.list_secrets, request),
                          repeatable=True).body  # fmt: skip
            listed = present("ListSecrets", body, "secret_list").secret or []
            for secret in listed:
                tags = secret.tags.tag if secret.tags else None
                secrets.append(SecretState(
                    secret.secret_name, {t.tag_key: t.tag_value for t in tags or []},
                    secret.planned_delete_time or "", moment(secret.create_time),
                ))  # fmt: skip
            if len(listed) < PAGE_SIZE:
                return [secret for secret in secrets if name in ("", secret.name)]
            page += 1

    def describe_secret(self, name: str) -> SecretState | None:
        """DescribeSecret with tags; None if there is none."""
        request = models.DescribeSecretRequest(secret_name=name, fetch_tags="true")
        try:
            body = answer(
                "DescribeSecret", lambda: self._client.describe_secret(request).body,
                repeatable=True,
            )  # fmt: skip
        except NotFound:
            return None
        tags = body.tags.tag if body.tags else None
        return SecretState(
            present("DescribeSecret", body, "secret_name"),
            {t.tag_key: t.tag_value for t in tags or []},
            body.planned_delete_time or "",
        )

    def list_secret_version_ids(self, name: str) -> Sequence[Version] | None:
        """ListSecretVersionIds, unlabelled ones too, all pages; None if there is no secret."""
        versions: list[Version] = []
        page = 1
        while True:
            request = models.ListSecretVersionIdsRequest(
                secret_name=name, include_deprecated="true", page_number=page, page_size=PAGE_SIZE
            )
            try:
                body = answer(
                    "ListSecretVersionIds",
                    partial(self._client.list_secret_version_ids, request), repeatable=True,
                ).body  # fmt: skip
            except NotFound:
                return None
            listed = present("ListSecretVersionIds", body, "version_ids").version_id or []
            for version in listed:
                stages = version.version_stages.version_stage if version.version_stages else None
                versions.append(Version(version.version_id, frozenset(stages or [])))
            if len(listed) < PAGE_SIZE:
                return versions
            page += 1

    def put_secret_value(self, name: str, version: str, value: Secret, stage: str) -> str:
        """PutSecretValue under one stage; the same version and value again is a success."""
        request = models.PutSecretValueRequest(
            secret_name=name, version_id=version, secret_data=value.reveal(),
            secret_data_type="text", version_stages=json.dumps([stage]),
        )  # fmt: skip
        body = answer("PutSecretValue", lambda: self._client.put_secret_value(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("PutSecretValue", body, "request_id"))

    def update_secret_version_stage(self, name: str, stage: str, version: str) -> str:
        """UpdateSecretVersionStage: move a stage label to a version."""
        request = models.UpdateSecretVersionStageRequest(
            secret_name=name, version_stage=stage, move_to_version=version
        )
        body = answer(
            "UpdateSecretVersionStage",
            lambda: self._client.update_secret_version_stage(request).body, repeatable=True,
        )  # fmt: skip
        return str(present("UpdateSecretVersionStage", body, "request_id"))

    def get_secret_value(self, name: str) -> Secret:
        """GetSecretValue of the current version."""
        request = models.GetSecretValueRequest(secret_name=name)
        body = answer("GetSecretValue", lambda: self._client.get_secret_value(request).body,
                      repeatable=True)  # fmt: skip
        return Secret(present("GetSecretValue", body, "secret_data"))

    def delete_secret(self, name: str) -> str:
        """DeleteSecret at once, without a recovery window; NotFound if it is gone. Within a window
        the name would be blocked for 7 to 30 days (KMS, "DeleteSecret")."""
        request = models.DeleteSecretRequest(
            secret_name=name, force_delete_without_recovery="true"
        )
        body = answer("DeleteSecret", lambda: self._client.delete_secret(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("DeleteSecret", body, "request_id"))
