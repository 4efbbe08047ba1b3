"""Answers in DingTalk by the robot that was spoken to: a text to one person, and nothing else.

Never to the address that a message brings (`sessionWebhook`): nobody has signed it, and what is
said there everybody in the group reads.
"""

from __future__ import annotations

from shared.adapters.dingtalk_app import DingTalkApp
from shared.adapters.tea import Endpoint
from shared.chat.messages import Reply, fitted
from shared.secrecy import Secret

MOST_TEXT = 3000  # our choice, as no page names a bound: lists have ten lines


class Adapter:
    """Implements `ports.Chat`; `secret` is JSON: `{"app_key", "app_secret"}`."""

    def __init__(self, endpoint: Endpoint, secret: Secret) -> None:
        self._app = DingTalkApp(secret, endpoint)

    def reply(self, path: str, reply: Reply) -> None:
        """To the person whom the path names, whatever the reply says of who may see it; cloud
        errors."""
        _, robot, person = path.split("/")
        self._app.to_person(robot, person, fitted(reply.text, MOST_TEXT))
