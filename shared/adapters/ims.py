"""IMS 2019-08-15: what RAM's older API cannot do, namely tags at creation and key networks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from alibabacloud_ims20190815 import models
from alibabacloud_ims20190815.client import Client

from shared import naming
from shared.adapters.tea import Credentials, Endpoint, answer, config, moment, present
from shared.errors import CloudUnknown, NotFound
from shared.ports import KeyStatus, LastUse, User

HOST = "ims.aliyuncs.com"
PAGE_SIZE, BIN_PAGE_SIZE = 1000, 100  # the most that each list allows
NEVER_USED = ("N/A", "")


class ImsAdapter:
    """Implements `ports.Ims`; users are named plainly and addressed as `<name>@<domain>`."""

    def __init__(self, endpoint: Endpoint, credentials: Credentials, domain: str) -> None:
        self._client = Client(config(HOST, endpoint, credentials))
        self._domain = domain

    def get_user(self, user: str) -> User | None:
        """GetUser with its tags; None if there is none."""
        request = models.GetUserRequest(user_principal_name=self._principal(user))
        try:
            body = answer("GetUser", lambda: self._client.get_user(request).body, repeatable=True)
        except NotFound:
            return None
        return _user(present("GetUser", body, "user"))

    def get_user_of_access_key(self, access_key_id: str) -> User | None:
        """GetUser by UserAccessKeyId, with its tags; None if the key is nobody's."""
        request = models.GetUserRequest(user_access_key_id=access_key_id)
        try:
            body = answer("GetUser", lambda: self._client.get_user(request).body, repeatable=True)
        except NotFound:
            return None
        return _user(present("GetUser", body, "user"))

    def list_users(self, tags: Mapping[str, str]) -> Sequence[User]:
        """ListUsers that carry all these tags, frozen ones too, all pages."""
        found: list[User] = []
        marker: str | None = None
        while True:
            request = models.ListUsersRequest(
                tag=[models.ListUsersRequestTag(key=k, value=v) for k, v in tags.items()],
                status="active,freeze", max_items=PAGE_SIZE, marker=marker,
            )  # fmt: skip
            body = answer("ListUsers", partial(self._client.list_users, request),
                          repeatable=True).body  # fmt: skip
            users = present("ListUsers", body, "users").user or []
            found += [_user(user) for user in users]
            if not body.is_truncated:
                return found
            marker = present("ListUsers", body, "marker")

    def create_user(self, user: str, display_name: str, tags: Mapping[str, str]) -> str:
        """CreateUser: user and grant in one atomic call, and no login profile."""
        request = models.CreateUserRequest(
            user_principal_name=self._principal(user),
            display_name=display_name,
            tag=[models.CreateUserRequestTag(key=k, value=v) for k, v in tags.items()],
        )
        body = answer("CreateUser", lambda: self._client.create_user(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("CreateUser", body, "request_id"))

    def tag_resources(self, user: str, tags: Mapping[str, str]) -> str:
        """TagResources of one user: at most 20 tags, which replace those of the same keys."""
        request = models.TagResourcesRequest(
            resource_type="user", resource_principal_name=[self._principal(user)],
            tag=[models.TagResourcesRequestTag(key=k, value=v) for k, v in tags.items()],
        )  # fmt: skip
        body = answer("TagResources", lambda: self._client.tag_resources(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("TagResources", body, "request_id"))

    def set_access_key_policy(
        self, user: str, access_key_id: str, source_ips: Sequence[str]
    ) -> str:
        """SetAccessKeyPolicy: only these addresses may use the key."""
        document = {
            "Version": 1,
            "Status": "Active",
            "Statements": [{"Type": "ClassicWhiteList", "IPList": list(source_ips)}],
        }
        request = models.SetAccessKeyPolicyRequest(
            user_principal_name=self._principal(user),
            user_access_key_id=access_key_id,
            access_key_policy=json.dumps(document),
        )
        body = answer(
            "SetAccessKeyPolicy", lambda: self._client.set_access_key_policy(request).body,
            repeatable=True,
        )  # fmt: skip
        return str(present("SetAccessKeyPolicy", body, "request_id"))

    def get_access_key_policy(self, user: str, access_key_id: str) -> str:
        """GetAccessKeyPolicy: the text as it comes."""
        request = models.GetAccessKeyPolicyRequest(
            user_principal_name=self._principal(user), user_access_key_id=access_key_id
        )
        body = answer("GetAccessKeyPolicy",
                      lambda: self._client.get_access_key_policy(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("GetAccessKeyPolicy", body, "access_key_policy"))

    def list_access_keys(self, user: str) -> Sequence[KeyStatus] | None:
        """ListAccessKeys: at most two, so it has no pages; None if there is no such user."""
        request = models.ListAccessKeysRequest(user_principal_name=self._principal(user))
        try:
            body = answer("ListAccessKeys",
                          lambda: self._client.list_access_keys(request).body,
                          repeatable=True)  # fmt: skip
        except NotFound:
            return None
        keys = present("ListAccessKeys", body, "access_keys").access_key or []
        return [
            KeyStatus(key.access_key_id, key.status, moment(key.create_date),
                      moment(key.update_date))
            for key in keys
        ]  # fmt: skip

    def get_access_key_last_used(self, user: str, access_key_id: str) -> LastUse:
        """GetAccessKeyLastUsed. A date that is absent, or is none, is unknown: CloudUnknown. The
        pages do not say how "never" is written; `N/A` and an empty text are taken for it."""
        action = "GetAccessKeyLastUsed"
        request = models.GetAccessKeyLastUsedRequest(
            user_principal_name=self._principal(user), user_access_key_id=access_key_id
        )
        body = answer(action, lambda: self._client.get_access_key_last_used(request).body,
                      repeatable=True)  # fmt: skip
        used = present(action, body, "access_key_last_used")
        date = present(action, used, "last_used_date")
        if date in NEVER_USED:
            return LastUse(None)
        at = moment(date)
        if at is None:
            raise CloudUnknown(action)
        return LastUse(at, used.service_name or "")

    def restore_access_key_from_recycle_bin(self, user_id: str, access_key_id: str) -> str:
        """RestoreAccessKeyFromRecycleBin; NotFound if it is not there (any more)."""
        request = models.RestoreAccessKeyFromRecycleBinRequest(
            user_id=user_id, user_access_key_id=access_key_id
        )
        body = answer("RestoreAccessKeyFromRecycleBin",
                      lambda: self._client.restore_access_key_from_recycle_bin(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("RestoreAccessKeyFromRecycleBin", body, "request_id"))

    def list_users_in_recycle_bin(self, user: str) -> Sequence[str]:
        """ListUsersInRecycleBin of that name, all pages: their numeric ids."""
        found: list[str] = []
        marker: str | None = None
        while True:
            request = models.ListUsersInRecycleBinRequest(
                filter=f"UserPrincipalName eq {self._principal(user)}",
                max_items=BIN_PAGE_SIZE, marker=marker,
            )  # fmt: skip
            body = answer("ListUsersInRecycleBin",
                          partial(self._client.list_users_in_recycle_bin, request),
                          repeatable=True).body  # fmt: skip
            users = present("ListUsersInRecycleBin", body, "users").user or []
            found += [user.user_id for user in users]
            if not body.is_truncated:
                return found
            marker = present("ListUsersInRecycleBin", body, "marker")

    def delete_user_in_recycle_bin(self, user_id: str) -> str:
        """DeleteUserInRecycleBin: nobody can restore it; NotFound if it is not there."""
        request = models.DeleteUserInRecycleBinRequest(user_id=user_id)
        body = answer("DeleteUserInRecycleBin",
                      lambda: self._client.delete_user_in_recycle_bin(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("DeleteUserInRecycleBin", body, "request_id"))

    def list_access_keys_in_recycle_bin(self, user_id: str) -> Sequence[str] | None:
        """ListAccessKeysInRecycleBin: at most three; None if no user has that id."""
        request = models.ListAccessKeysInRecycleBinRequest(user_id=user_id)
        try:
            body = answer("ListAccessKeysInRecycleBin",
                          lambda: self._client.list_access_keys_in_recycle_bin(request).body,
                          repeatable=True)  # fmt: skip
        except NotFound:
            return None
        keys = present("ListAccessKeysInRecycleBin", body, "access_keys").access_key or []
        return [key.access_key_id for key in keys]

    def delete_access_key_in_recycle_bin(self, user_id: str, access_key_id: str) -> str:
        """DeleteAccessKeyInRecycleBin: nobody can restore it; NotFound if it is not there."""
        request = models.DeleteAccessKeyInRecycleBinRequest(
            user_id=user_id, user_access_key_id=access_key_id
        )
        body = answer("DeleteAccessKeyInRecycleBin",
                      lambda: self._client.delete_access_key_in_recycle_bin(request).body,
                      repeatable=True)  # fmt: skip
        return str(present("DeleteAccessKeyInRecycleBin", body, "request_id"))

    def _principal(self, user: str) -> str:
        return naming.principal_name(user, self._domain)


def _user(found: Any) -> User:
    tags = found.tags.tag if found.tags else None
    name = found.user_principal_name.split("@")[0]
    return User(found.user_id, name, {t.tag_key: t.tag_value for t in tags or []},
                moment(found.create_date))  # fmt: skip
