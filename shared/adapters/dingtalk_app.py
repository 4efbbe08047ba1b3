"""Calls of DingTalk as an app of one company, with an access token that is asked for once; and what
an app's robot says.

Source: DingTalk Open Platform, "Obtain the access token of an internal app", "Send one-on-one chat
messages by a robot in batches" (POST /v1.0/robot/oToMessages/batchSend), "A robot sends group chat
messages" (POST /v1.0/robot/groupMessages/send), message type `sampleText`. A token is good for two
hours, longer than any invocation. Nothing makes a repeated message known: each is sent once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from shared import vendor_secrets
from shared.adapters.tea import Endpoint
from shared.adapters.vendor import TRIES, VendorApi
from shared.errors import CloudRefused, CloudUnknown, Throttled
from shared.secrecy import Secret

HOST = "api.dingtalk.com"
THROTTLED = ("Forbidden.AccessDenied.QpsLimitForApi",
             "Forbidden.AccessDenied.QpsLimitForAppkeyAndApi")  # fmt: skip
TOKEN = "/v1.0/oauth2/accessToken"
TO_PEOPLE, TO_GROUP = "/v1.0/robot/oToMessages/batchSend", "/v1.0/robot/groupMessages/send"


class DingTalkApp:
    """`secret` is JSON: `{"app_key", "app_secret"}`."""

    def __init__(self, secret: Secret, endpoint: Endpoint) -> None:
        self._secret = secret
        self._api = VendorApi(HOST, endpoint)
        self._token: Secret | None = None

    def call(
        self, action: str, method: str, path: str, *, query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None, tries: int = TRIES,
    ) -> dict[str, Any]:  # fmt: skip
        """The whole answer; errors as those of `VendorApi`."""
        if self._token is None:
            self._token = self._new_token()
        headers = {"x-acs-dingtalk-access-token": self._token.reveal()}
        return self._api.call(action, method, path, headers=headers, query=query, body=body,
                              throttled=THROTTLED, tries=tries)  # fmt: skip

    def to_person(self, robot: str, user: str, text: str) -> None:
        """Say it to one person alone; CloudRefused if there is nobody of that id."""
        answer = self.call("BatchSendMessages", "POST", TO_PEOPLE, tries=1,
                           body=_said(robot, text) | {"userIds": [user]})  # fmt: skip
        if answer.get("invalidStaffIdList"):
            raise CloudRefused("BatchSendMessages", "invalidStaffId", 200, "")
        if answer.get("flowControlledStaffIdList"):
            raise Throttled("BatchSendMessages", "flowControlled", 200, "")

    def to_group(self, robot: str, conversation: str, text: str) -> None:
        """Say it in a group, for all to read."""
        self.call("SendGroupMessage", "POST", TO_GROUP, tries=1,
                  body=_said(robot, text) | {"openConversationId": conversation})  # fmt: skip

    def _new_token(self) -> Secret:
        given = vendor_secrets.members(self._secret, "DingTalk", "app_key", "app_secret")
        body = {"appKey": given["app_key"], "appSecret": given["app_secret"]}
        answer = self._api.call("GetAccessToken", "POST", TOKEN, body=body, throttled=THROTTLED)
        token = answer.get("accessToken")
        if not isinstance(token, str) or not token:
            raise CloudUnknown("GetAccessToken")
        return Secret(token)


def _said(robot: str, text: str) -> dict[str, Any]:
    return {"robotCode": robot, "msgKey": "sampleText",
            "msgParam": json.dumps({"content": text}, ensure_ascii=False)}  # fmt: skip
