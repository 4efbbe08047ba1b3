"""Calls of Feishu as an app of one company: with a tenant access token, asked for once.

Source: Feishu Open Platform, "Obtain a custom app's tenant_access_token". Every answer has a
`code`; 0 is success. A token is good for half an hour at least, longer than any invocation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared import vendor_secrets
from shared.adapters.tea import Endpoint
from shared.adapters.vendor import VendorApi
from shared.errors import CloudUnknown
from shared.secrecy import Secret

HOST = "open.feishu.cn"
THROTTLED = ("99991400", "230020")  # of an app; of messages to one person or chat
_TOKEN = "/open-apis/auth/v3/tenant_access_token/internal"


class FeishuApp:
    """`secret` is JSON: `{"app_id", "app_secret"}`."""

    def __init__(self, secret: Secret, endpoint: Endpoint) -> None:
        self._secret = secret
        self._api = VendorApi(HOST, endpoint, zero_is_success=True)
        self._token: Secret | None = None

    def call(
        self, action: str, method: str, path: str, *, query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:  # fmt: skip
        """The whole answer; errors as those of `VendorApi`."""
        if self._token is None:
            self._token = self._new_token()
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        return self._api.call(action, method, path, headers=headers, query=query, body=body,
                              throttled=THROTTLED)  # fmt: skip

    def read(
        self, action: str, path: str, query: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        """The `data` of an answer."""
        data = self.call(action, "GET", path, query=query).get("data")
        if not isinstance(data, dict):
            raise CloudUnknown(action)
        return data

    def _new_token(self) -> Secret:
        body = vendor_secrets.members(self._secret, "Feishu", "app_id", "app_secret")
        answer = self._api.call("GetTenantAccessToken", "POST", _TOKEN, body=body,
                                throttled=THROTTLED)  # fmt: skip
        token = answer.get("tenant_access_token")
        if not isinstance(token, str) or not token:
            raise CloudUnknown("GetTenantAccessToken")
        return Secret(token)
