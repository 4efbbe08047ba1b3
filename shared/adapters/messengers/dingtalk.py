"""DingTalk: a robot writes to people one to one, or into a group."""

from __future__ import annotations

from shared.adapters.dingtalk_app import DingTalkApp
from shared.adapters.tea import Endpoint
from shared.audiences import DINGTALK, Address, Audience
from shared.errors import NotFound
from shared.notices import Notice
from shared.people import People
from shared.secrecy import Secret


class Messenger:
    """`secret` is JSON: `{"app_key", "app_secret"}`, of an app with a robot."""

    def __init__(
        self, audience: Audience, people: People, secret: Secret, endpoint: Endpoint
    ) -> None:
        self._audience, self._people = audience, people
        self._app = DingTalkApp(secret, endpoint)

    def send(self, address: Address, notice: Notice, text: str) -> None:
        robot = self._audience.robot
        if not address.person:
            self._app.to_group(robot, self._audience.channel, text)
            return
        accounts = self._people.accounts(DINGTALK, address.person)[:1]
        if not accounts:
            raise NotFound("BatchSendMessages", "NoAccount", 404, "")
        self._app.to_person(robot, accounts[0], text)
