"""DingTalk's approval instances: GET /v1.0/workflow/processInstances, and their ids by time.

Source: DingTalk Open Platform, "Obtain the details of an approval instance", "Obtain the ids of
approval instances".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from shared.adapters.dingtalk_app import DingTalkApp
from shared.adapters.tea import Endpoint
from shared.errors import CloudRefused, CloudUnknown
from shared.places import Place
from shared.secrecy import Secret

PAGE_SIZE = 20
DECIDED = "COMPLETED"
CLOSE = timedelta(days=1)  # around the minute of its beginning, whose time zone no page names
_INSTANCES = "/v1.0/workflow/processInstances"
_IDS = "/v1.0/workflow/processes/instanceIds/query"
# No page names the code for an instance that is not there; what is said is a 400 about the id.
NO_SUCH = ("processInstance.notExist", "processInstanceIdInvalid", "invalidProcessInstanceId")


class Adapter:
    """Implements `ports.Records`; `secret` is JSON: `{"app_key", "app_secret"}`."""

    def __init__(self, place: Place, secret: Secret, endpoint: Endpoint) -> None:
        self._place, self._app = place, DingTalkApp(secret, endpoint)

    def get(self, record: str) -> Mapping[str, Any] | None:
        try:
            answer = self._app.call(
                "GetProcessInstance", "GET", _INSTANCES, query={"processInstanceId": record})
        except CloudRefused as err:
            if err.status == 404 or err.code in NO_SUCH:
                return None
            raise
        result = answer.get("result")
        if not isinstance(result, dict):
            raise CloudUnknown("GetProcessInstance")
        if result.get("status") != DECIDED:
            return result
        return result | {"processCode": self._form(record, result.get("createTime"))}

    def finished(self, since: datetime, until: datetime) -> Sequence[str]:
        return [id for code in self._place.forms for id in self._ids(code, since, until)]

    def _form(self, record: str, begun: object) -> str:
        """The process code of which that instance is; empty if it is none of ours. The instance
        does not say it, and nothing but its form's own list does."""
        try:
            at = datetime.fromisoformat(str(begun))
        except ValueError:
            return ""
        since, until = at - CLOSE, at + CLOSE
        mine = (code for code in self._place.forms if record in self._ids(code, since, until, ()))
        return next(mine, "")

    def _ids(
        self, code: str, since: datetime, until: datetime, statuses: Sequence[str] = (DECIDED,)
    ) -> list[str]:
        """Of the form's instances that were begun in that time, of all statuses if none are
        named."""
        found: list[str] = []
        page: int | None = 0
        while page is not None:
            body: dict[str, object] = {
                "processCode": code, "maxResults": PAGE_SIZE, "nextToken": page,
                "startTime": _millis(since), "endTime": _millis(until),
            }  # fmt: skip
            body |= {"statuses": list(statuses)} if statuses else {}
            answer = self._app.call("ListProcessInstanceIds", "POST", _IDS, body=body)
            result = answer.get("result")
            if not isinstance(result, dict) or not isinstance(result.get("list"), list):
                raise CloudUnknown("ListProcessInstanceIds")
            found += [str(id) for id in result["list"]]
            page = _next(result.get("nextToken"), page)
        return found


def _next(token: object, page: int) -> int | None:
    """The next page's token, None at the end. One that leads nowhere is an answer cut short."""
    if token in (None, ""):
        return None
    text = str(token)
    if not text.isascii() or not text.isdigit() or int(text) <= page:
        raise CloudUnknown("ListProcessInstanceIds")
    return int(text)


def _millis(at: datetime) -> int:
    return int(at.timestamp() * 1000)
