"""RAM 2015-05-01."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client

from shared.adapters.tea import Credentials, Endpoint, answer, config, moment, present
from shared.errors import NotFound
from shared.ports import Attached, KeyStatus, ListedPolicy, NewKey, PolicyState, PolicyVersion
from shared.secrecy import Secret

PAGE_SIZE = 1000
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

    def list_policies(self) -> Sequence[ListedPolicy]:
        """ListPolicies of type Custom, all pages."""
        found: list[ListedPolicy] = []
        marker: str | None = None
        while True:
            request = models.ListPoliciesRequest(
                policy_type="Custom", max_items=PAGE_SIZE, marker=marker
            )
            body = answer("ListPolicies", partial(self._client.list_policies, request),
                          repeatable=True).body  # fmt: skip
            listed = present("ListPolicies", body, "policies").policy or []
            found += [
                ListedPolicy(p.policy_name, p.description or "", moment(p.create_date))
                for p in listed
            ]
            if not body.is_truncated:
                return found
            marker = present("ListPolicies", body, "marker")

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

    def update_policy_description(self, name: str, description: str) -> str:
        """UpdatePolicyDescription of a custom policy; NotFound if there is none."""
        return self._change("UpdatePolicyDescription", self._client.update_policy_description,
                            models.UpdatePolicyDescriptionRequest(
            policy_name=name, new_description=description))  # fmt: skip

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

    def detach_policy_from_user(self, policy: Attached, user: str) -> str:
        """DetachPolicyFromUser; NotFound if it is not attached."""
        return self._change("DetachPolicyFromUser", self._client.detach_policy_from_user,
                            models.DetachPolicyFromUserRequest(
            policy_type=policy.kind, policy_name=policy.name, user_name=user))  # fmt: skip

    def list_policies_for_user(self, user: str) -> Sequence[Attached]:
        """ListPoliciesForUser, which has no pages; empty if there is no such user."""
        body = self._listed("ListPoliciesForUser", self._client.list_policies_for_user,
                            models.ListPoliciesForUserRequest(user_name=user))  # fmt: skip
        if body is None:
            return []
        policies = present("ListPoliciesForUser", body, "policies").policy or []
        return [Attached(p.policy_type, p.policy_name) for p in policies]

    def list_entities_for_policy(self, name: str) -> Sequence[str]:
        """ListEntitiesForPolicy of a custom policy; empty if there is none."""
        action = "ListEntitiesForPolicy"
        body = self._listed(action, self._client.list_entities_for_policy,
                            models.ListEntitiesForPolicyRequest(
            policy_name=name, policy_type="Custom"))  # fmt: skip
        if body is None:
            return []
        users = present(action, body, "users").user or []
        groups = present(action, body, "groups").group or []
        roles = present(action, body, "roles").role or []
        return [*(f"user/{u.user_name}" for u in users), *(f"group/{g.group_name}" for g in groups),
                *(f"role/{r.role_name}" for r in roles)]  # fmt: skip

    def list_policy_versions(self, name: str) -> Sequence[PolicyVersion]:
        """ListPolicyVersions of a custom policy: at most five; empty if there is none."""
        body = self._listed("ListPolicyVersions", self._client.list_policy_versions,
                            models.ListPolicyVersionsRequest(
            policy_name=name, policy_type="Custom"))  # fmt: skip
        if body is None:
            return []
        versions = present("ListPolicyVersions", body, "policy_versions").policy_version or []
        return [PolicyVersion(v.version_id, bool(v.is_default_version)) for v in versions]

    def get_policy_version(self, name: str, version: str) -> str | None:
        """GetPolicyVersion of a custom policy: its document, or None if there is none."""
        action = "GetPolicyVersion"
        body = self._listed(action, self._client.get_policy_version,
                            models.GetPolicyVersionRequest(
            policy_name=name, policy_type="Custom", version_id=version))  # fmt: skip
        if body is None:
            return None
        return str(present(action, present(action, body, "policy_version"), "policy_document"))

    def set_default_policy_version(self, name: str, version: str) -> str:
        """SetDefaultPolicyVersion; NotFound if there is no such version."""
        return self._change("SetDefaultPolicyVersion", self._client.set_default_policy_version,
                            models.SetDefaultPolicyVersionRequest(
            policy_name=name, version_id=version))  # fmt: skip

    def create_policy_version(self, name: str, document: str) -> str:
        """CreatePolicyVersion as the default. Not repeated by itself: of five versions each try
        may remove one."""
        request = models.CreatePolicyVersionRequest(
            policy_name=name, policy_document=document, set_as_default=True,
            rotate_strategy="DeleteOldestNonDefaultVersionWhenLimitExceeded",
        )  # fmt: skip
        action = "CreatePolicyVersion"
        body = answer(
            action, lambda: self._client.create_policy_version(request).body, repeatable=False
        )
        return str(present(action, body, "request_id"))

    def delete_policy_version(self, name: str, version: str) -> str:
        """DeletePolicyVersion; the default one cannot be deleted."""
        return self._change("DeletePolicyVersion", self._client.delete_policy_version,
                            models.DeletePolicyVersionRequest(
            policy_name=name, version_id=version))  # fmt: skip

    def list_groups_for_user(self, user: str) -> Sequence[str]:
        """ListGroupsForUser: at most ten; empty if there is no such user."""
        body = self._listed("ListGroupsForUser", self._client.list_groups_for_user,
                            models.ListGroupsForUserRequest(user_name=user))  # fmt: skip
        if body is None:
            return []
        groups = present("ListGroupsForUser", body, "groups").group or []
        return [g.group_name for g in groups]

    def remove_user_from_group(self, user: str, group: str) -> str:
        """RemoveUserFromGroup; NotFound if it is no member."""
        return self._change("RemoveUserFromGroup", self._client.remove_user_from_group,
                            models.RemoveUserFromGroupRequest(
            user_name=user, group_name=group))  # fmt: skip

    def delete_login_profile(self, user: str) -> str:
        """DeleteLoginProfile: no console login any more; NotFound if there was none."""
        return self._change("DeleteLoginProfile", self._client.delete_login_profile,
                            models.DeleteLoginProfileRequest(user_name=user))  # fmt: skip

    def unbind_mfa_device(self, user: str) -> str:
        """UnbindMFADevice; NotFound if none is bound."""
        return self._change("UnbindMFADevice", self._client.unbind_mfadevice,
                            models.UnbindMFADeviceRequest(user_name=user))  # fmt: skip

    def delete_user(self, user: str) -> str:
        """DeleteUser; CloudRefused (`DeleteConflict.User.…`) while it still holds anything."""
        return self._change("DeleteUser", self._client.delete_user,
                            models.DeleteUserRequest(user_name=user))  # fmt: skip

    def _change(self, action: str, call: Callable[[Any], Any], request: Any) -> str:
        """A change that may be sent twice; its request id."""
        body = answer(action, lambda: call(request).body, repeatable=True)
        return str(present(action, body, "request_id"))

    def _listed(self, action: str, call: Callable[[Any], Any], request: Any) -> Any:
        """The body of a list's answer; None if what it is a list of does not exist."""
        try:
            return answer(action, lambda: call(request).body, repeatable=True)
        except NotFound:
            return None

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
        return [KeyStatus(k.access_key_id, k.status, moment(k.create_date)) for k in keys]

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
        created_at = moment(created) or datetime.now(UTC)
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
