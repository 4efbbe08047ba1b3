"""Feishu's approval instances: GET /open-apis/approval/v4/instances/:id, and their codes by time.

Source: Feishu Open Platform, "Obtain details of an approval instance", "Batch obtain the ids of
approval instances".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from shared.adapters.feishu_app import FeishuApp
from shared.adapters.tea import Endpoint
from shared.errors import CloudRefused, CloudUnknown
from shared.places import Place
from shared.secrecy import Secret

PAGE_SIZE = 100
NO_SUCH = "1390003"
_INSTANCES = "/open-apis/approval/v4/instances"


class Adapter:
    """Implements `ports.Records`; `secret` is JSON: `{"app_id", "app_secret"}`."""

    def __init__(self, place: Place, secret: Secret, endpoint: Endpoint) -> None:
        self._place, self._app = place, FeishuApp(secret, endpoint)

    def get(self, record: str) -> Mapping[str, Any] | None:
        try:
            return self._app.read("GetInstance", f"{_INSTANCES}/{record}")
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
                data = self._app.read("ListInstances", _INSTANCES, query)
                if not isinstance(data.get("instance_code_list"), list):
                    raise CloudUnknown("ListInstances")
                found += [str(id) for id in data["instance_code_list"]]
                if not data.get("has_more"):
                    break
                if not data.get("page_token") or data["page_token"] == query.get("page_token"):
                    raise CloudUnknown("ListInstances")  # cut short
                query["page_token"] = str(data["page_token"])
        return found


def _millis(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
