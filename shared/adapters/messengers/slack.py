"""Slack: chat.postMessage with a bot token, into the channel or to a person.

Source: Slack, "chat.postMessage": a user's id as `channel` opens the app's conversation with them;
an answer of status 200 says by `ok` whether it was done.
"""

from __future__ import annotations

from shared import vendor_secrets
from shared.adapters.tea import Endpoint
from shared.adapters.vendor import VendorApi
from shared.audiences import SLACK, Address, Audience
from shared.chat.messages import escaped
from shared.errors import CloudRefused, CloudUnknown, NotFound
from shared.notices import Notice
from shared.people import People
from shared.secrecy import Secret

HOST = "slack.com"
ACTION = "PostMessage"
SERVERS_FAULT = ("internal_error", "fatal_error", "service_unavailable", "request_timeout")


class Messenger:
    """`secret` is JSON: `{"bot_token"}`, a token with the scope `chat:write`."""

    def __init__(
        self, audience: Audience, people: People, secret: Secret, endpoint: Endpoint
    ) -> None:
        self._audience, self._people = audience, people
        self._token = Secret(vendor_secrets.members(secret, "Slack", "bot_token")["bot_token"])
        self._api = VendorApi(HOST, endpoint)

    def send(self, address: Address, notice: Notice, text: str) -> None:
        block = {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}
        body = {"channel": self._channel(address), "text": escaped(text), "blocks": [block],
                "unfurl_links": False, "unfurl_media": False}  # fmt: skip
        headers = {"Authorization": f"Bearer {self._token.reveal()}"}
        answer = self._api.call(
            ACTION, "POST", "/api/chat.postMessage", headers=headers, body=body, tries=1)
        if answer.get("ok") is not True:
            code = str(answer.get("error") or "")[:64]
            if not code or code in SERVERS_FAULT:
                raise CloudUnknown(ACTION)
            raise CloudRefused(ACTION, code, 200, "")

    def _channel(self, address: Address) -> str:
        if not address.person:
            return self._audience.channel
        for account in self._people.accounts(SLACK, address.person):
            return account.rpartition("/")[2]  # of `T…/U…`
        raise NotFound(ACTION, "NoAccount", 404, "")
