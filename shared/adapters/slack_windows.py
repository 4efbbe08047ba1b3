"""Slack's `views.open`, with the standard library alone, for the ingress (docs/adr/0021).

Source: Slack, "views.open" and "Web API": a bearer token, an answer of status 200 that says `ok` or
an `error`; a `trigger_id` is good for three seconds, so it is tried once.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any

from shared.adapters import light
from shared.errors import CloudRefused, CloudUnknown, Throttled
from shared.secrecy import Secret

HOST, ACTION = "slack.com", "views.open"
TIMEOUT_SECONDS = 2.0  # of the three that the person's client waits for an answer
TOO_MANY = 429


class Windows:
    """The app's windows; `token` is its bot's."""

    def __init__(self, protocol: str, token: Secret) -> None:
        self._protocol, self._token = protocol, token

    def open(self, trigger: str, view: Mapping[str, Any]) -> None:
        """views.open; CloudRefused with Slack's word for it, CloudUnknown without an answer."""
        request = urllib.request.Request(  # noqa: S310 (the scheme is a setting with two values)
            f"{self._protocol}://{HOST}/api/{ACTION}", method="POST",
            data=json.dumps({"trigger_id": trigger, "view": view}).encode(),
            headers={"Authorization": f"Bearer {self._token.reveal()}",
                     "Content-Type": "application/json; charset=utf-8"},
        )  # fmt: skip
        answer = light.sent(self._protocol, request, TIMEOUT_SECONDS)
        if answer is None or answer.status >= light.SERVERS_FAULT:
            raise CloudUnknown(ACTION)
        if answer.content.get("ok") is not True:
            kind = Throttled if answer.status == TOO_MANY else CloudRefused
            code = str(answer.content.get("error") or f"Http{answer.status}")
            raise kind(ACTION, code, answer.status, "")
