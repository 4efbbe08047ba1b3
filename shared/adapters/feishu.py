"""Feishu's approval instances: GET /open-apis/approval/v4/instances/:id, and their codes by time.

Source: Feishu Open Platform, "Obtain details of an approval instance", "Batch obtain the ids of
approval instances", "Obtain a custom app's tenant_access_token". Every answer has a `code`; 0 is
success.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared import vendor_secrets
from shared.adapters.tea import Endpoint
from shared.adapters.vendor import VendorApi
from shared.errors import CloudRefused, CloudUnknown
from shared.places import Place
from shared.secrecy import Secret

HOST = "open.feishu.cn"
PAGE_SIZE = 100
THROTTLED = ("99991400",)
NO_SUCH = "1390003"
_TOKEN, _INSTANCES = ("/open-apis/auth/v3/tenant_access_token/internal",
                      "/open-apis/approval/v4/instances")  # fmt: skip


class Adapter:
    """Implements `ports.Records`; `secret` is JSON: `{"app_id", "app_secret"}`."""

    def __init__(self, place: Place, secret: Secret, endpoint: Endpoint) -> None:
        self._place, self._secret = place, secret
        self._api = VendorApi(HOST, endpoint, zero_is_success=True)
        self._token: Secret | None = None

    def get(self, record: str) -> Mapping[str, Any] | None:
        try:
            return self._data("GetInstance", f"{_INSTANCES}/{record}")
        except CloudRefused as err:
            if err.status == 404 or err.code == NO_SUCH:
                return None
            raise

    def finished(self, since: datetime, until: datetime) -> Sequence[str]:
        """Feishu does not say which of them are decided: the undecided are seen when they are
        read."""
        found: list[str] = []
        for code in self._place.forms:
            query = {"approval_code": code, "start_time": _millis(since),
                     "end_time": _millis(until), "page_size": str(PAGE_SIZE)}  # fmt: skip
            while True:
                data = self._data("ListInstances", _INSTANCES, query)
                if not isinstance(data.get("instance_code_list"), list):
                    raise CloudUnknown("ListInstances")
                found += [str(id) for id in data["instance_code_list"]]
                if not data.get("has_more"):
                    break
                if not data.get("page_token") or data["page_token"] == query.get("page_token"):
                    raise CloudUnknown("ListInstances")  # cut short
                query["page_token"] = str(data["page_token"])
        return found

    def _data(
        self, action: str, path: str, query: Mapping[str, str] | None = None
    ) -> Mapping[str, Any]:
        if self._token is None:
            self._token = self._new_token()
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        data = self._api.call(
            action, "GET", path, headers=headers, query=query, throttled=THROTTLED).get("data")
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


def _millis(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
