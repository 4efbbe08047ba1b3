"""RAM 2015-05-01."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client

from shared.adapters.tea import Credentials, Endpoint, answer, config, present
from shared.errors import NotFound
from shared.ports import KeyStatus, NewKey, PolicyState
from shared.secrecy import Secret

HOST = "ram.aliyuncs.com"  # explicit: the SDK computes wrong hosts for regions it does not know


class RamAdapter:
    """Implements `ports.Ram`; `UserName` and `PolicyName` are the plain names."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials) -> None:
        self._client = Client(config(HOST, endpoint, credentials))

    def get_policy(self, name: str) -> PolicyState | None:
        """GetPolicy of a custom policy; None if there is none."""
        request = models.GetPolicyRequest(policy_name=name, policy_type="Custom")
        try:
            body = answer(
                "GetPolicy", lambda: self._client.get_policy(request).body, repeatable=True
            )
        except NotFound:
            return None
        policy = present("GetPolicy", body, "policy")
        version = present("GetPolicy", body, "default_policy_version")
        return PolicyState(
            policy.policy_name, policy.description or "", version.policy_document
        )  # fmt: skip

    def create_policy(self, name: str, document: str, description: str) -> str:
        """CreatePolicy; AlreadyExists if the name is taken. Not repeated by itself: two tries of
        one creator would look like two creators, and the lease is won by creating."""
        request = models.CreatePolicyRequest(
            policy_name=name, policy_document=document, description=description
        )
        body = answer(
            "CreatePolicy", lambda: self._client.create_policy(request).body, repeatable=False
        )
        return str(present("CreatePolicy", body, "request_id"))

    def delete_policy(self, name: str) -> str:
        """DeletePolicy; NotFound if it is gone already. Not repeated by itself: a lease's marker
        may be another holder's by the time of the second try."""
        request = models.DeletePolicyRequest(policy_name=name)
        body = answer(
            "DeletePolicy", lambda: self._client.delete_policy(request).body, repeatable=False
        )
        return str(present("DeletePolicy", body, "request_id"))

    def attach_policy_to_user(self, policy: str, user: str) -> str:
        """AttachPolicyToUser; AlreadyExists if it is attached."""
        request = models.AttachPolicyToUserRequest(
            policy_type="Custom", policy_name=policy, user_name=user
        )
        body = answer(
            "AttachPolicyToUser", lambda: self._client.attach_policy_to_user(request).body,
            repeatable=True,
        )  # fmt: skip
        return str(present("AttachPolicyToUser", body, "request_id"))

    def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None:
        """ListAccessKeys: at most two, so it has no pages; None if there is no such user."""
        request = models.ListAccessKeysRequest(user_name=user)
        try:
            body = answer(
                "ListAccessKeys", lambda: self._client.list_access_keys(request).body,
                repeatable=True,
            )  # fmt: skip
        except NotFound:
            return None
        keys = present("ListAccessKeys", body, "access_keys").access_key or []
        return [KeyStatus(k.access_key_id, k.status, _date(k.create_date)) for k in keys]

    def create_access_key(self, user: str) -> NewKey:
        """CreateAccessKey, sent once and never again: it has no client token, and a second key is
        worse than none. CloudUnknown means that a key may exist whose secret nobody has."""
        request = models.CreateAccessKeyRequest(user_name=user)
        response = answer(
            "CreateAccessKey", lambda: self._client.create_access_key(request), repeatable=False
        )
        key = present("CreateAccessKey", response.body, "access_key")
        key_id, secret, created = (
            str(present("CreateAccessKey", key, name))
            for name in ("access_key_id", "access_key_secret", "create_date")
        )
        # A key with an odd date is a key all the same: losing it here would orphan it.
        created_at = _date(created) or datetime.now(UTC)
        return NewKey(key_id, Secret(secret), created_at, str(response.body.request_id or ""))

    def update_access_key(self, user: str, access_key_id: str, status: str) -> str:
        """UpdateAccessKey to `Active` or `Inactive`."""
        request = models.UpdateAccessKeyRequest(
            user_name=user, user_access_key_id=access_key_id, status=status
        )
        body = answer(
            "UpdateAccessKey", lambda: self._client.update_access_key(request).body,
            repeatable=True,
        )  # fmt: skip
        return str(present("UpdateAccessKey", body, "request_id"))

    def delete_access_key(self, user: str, access_key_id: str) -> str:
        """DeleteAccessKey; NotFound if it is gone already."""
        request = models.DeleteAccessKeyRequest(user_name=user, user_access_key_id=access_key_id)
        body = answer(
            "DeleteAccessKey", lambda: self._client.delete_access_key(request).body,
            repeatable=True,
        )  # fmt: skip
        return str(present("DeleteAccessKey", body, "request_id"))


def _date(text: str) -> datetime | None:
    """`2026-01-02T03:04:05Z`; None for anything else."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        return None
