"""Feishu: the app's bot writes into the chat, or to a person.

Source: Feishu Open Platform, "Send message": of one `uuid` one message is sent within an hour.
"""

from __future__ import annotations

import hashlib
import json

from shared.adapters.feishu_app import FeishuApp
from shared.adapters.feishu_chat import SEND, text_of
from shared.adapters.tea import Endpoint
from shared.audiences import FEISHU, Address, Audience
from shared.chat.messages import Reply
from shared.errors import NotFound
from shared.notices import Notice
from shared.people import People
from shared.secrecy import Secret

_MESSAGES = "/open-apis/im/v1/messages"
# By how an id begins; one that begins otherwise is a user_id.
_UNION, _OPEN = "on_", "ou_"


class Messenger:
    """`secret` is JSON: `{"app_id", "app_secret"}`, of the app whose bot writes."""

    def __init__(
        self, audience: Audience, people: People, secret: Secret, endpoint: Endpoint
    ) -> None:
        self._audience, self._people = audience, people
        self._app = FeishuApp(secret, endpoint)

    def send(self, address: Address, notice: Notice, text: str) -> None:
        kind, to = self._receiver(address)
        self._app.call(SEND, "POST", _MESSAGES, query={"receive_id_type": kind}, body={
            "receive_id": to, "msg_type": "text", "uuid": _once(notice, to),
            "content": json.dumps(text_of(Reply(text)))})  # fmt: skip

    def _receiver(self, address: Address) -> tuple[str, str]:
        if not address.person:
            return "chat_id", self._audience.channel
        accounts = self._people.accounts(FEISHU, address.person)
        if not accounts:
            raise NotFound(SEND, "NoAccount", 404, "")
        # An open_id is another one for each app, and the approvals' app may be another.
        best = min(accounts, key=lambda one: (not one.startswith(_UNION), one.startswith(_OPEN)))
        kinds = {_UNION: "union_id", _OPEN: "open_id"}
        return kinds.get(best[:3], "user_id"), best


def _once(notice: Notice, to: str) -> str:
    return hashlib.sha256(f"{notice.id}\n{to}".encode()).hexdigest()[:40]
