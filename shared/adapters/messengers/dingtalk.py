"""DingTalk: a robot writes to people one to one, or into a group.

Source: DingTalk Open Platform, "Send one-on-one chat messages by a robot in batches"
(POST /v1.0/robot/oToMessages/batchSend), "A robot sends group chat messages"
(POST /v1.0/robot/groupMessages/send), message type `sampleText`.
"""

from __future__ import annotations

import json

from shared import vendor_secrets
from shared.adapters.dingtalk import HOST, THROTTLED
from shared.adapters.tea import Endpoint
from shared.adapters.vendor import VendorApi
from shared.audiences import DINGTALK, Address, Audience
from shared.errors import CloudRefused, CloudUnknown, NotFound, Throttled
from shared.notices import Notice
from shared.people import People
from shared.secrecy import Secret

TO_PEOPLE, TO_GROUP = "/v1.0/robot/oToMessages/batchSend", "/v1.0/robot/groupMessages/send"


class Messenger:
    """`secret` is JSON: `{"app_key", "app_secret"}`, of an app with a robot."""

    def __init__(
        self, audience: Audience, people: People, secret: Secret, endpoint: Endpoint
    ) -> None:
        self._audience, self._people, self._secret = audience, people, secret
        self._api = VendorApi(HOST, endpoint)
        self._token: Secret | None = None

    def send(self, address: Address, notice: Notice, text: str) -> None:
        body: dict[str, object] = {
            "robotCode": self._audience.robot, "msgKey": "sampleText",
            "msgParam": json.dumps({"content": text}, ensure_ascii=False)}  # fmt: skip
        if not address.person:
            self._call("SendGroupMessage", TO_GROUP,
                       body | {"openConversationId": self._audience.channel})  # fmt: skip
            return
        accounts = self._people.accounts(DINGTALK, address.person)[:1]
        if not accounts:
            raise NotFound("BatchSendMessages", "NoAccount", 404, "")
        answer = self._call("BatchSendMessages", TO_PEOPLE, body | {"userIds": accounts})
        if answer.get("invalidStaffIdList"):
            raise CloudRefused("BatchSendMessages", "invalidStaffId", 200, "")
        if answer.get("flowControlledStaffIdList"):
            raise Throttled("BatchSendMessages", "flowControlled", 200, "")

    def _call(self, action: str, path: str, body: dict[str, object]) -> dict[str, object]:
        headers = {"x-acs-dingtalk-access-token": self._access_token().reveal()}
        return self._api.call(action, "POST", path, headers=headers, body=body,
                              throttled=THROTTLED, tries=1)  # fmt: skip

    def _access_token(self) -> Secret:
        if self._token is None:
            given = vendor_secrets.members(self._secret, "DingTalk", "app_key", "app_secret")
            answer = self._api.call(
                "GetAccessToken", "POST", "/v1.0/oauth2/accessToken", throttled=THROTTLED,
                body={"appKey": given["app_key"], "appSecret": given["app_secret"]})
            token = answer.get("accessToken")
            if not isinstance(token, str) or not token:
                raise CloudUnknown("GetAccessToken")
            self._token = Secret(token)
        return self._token
