"""Answers to Slack: a POST to the message's own `response_url`, five times within half an hour.

Source: Slack, "Handling user interaction": response_url; Block Kit, "section", "actions". Texts are
plain ones, so that nothing of them is a mention, a link or a style.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import requests

from shared.adapters.tea import Endpoint
from shared.chat.messages import APPROVE, REJECT, Button, Reply, escaped
from shared.errors import CloudError, CloudRefused, CloudUnknown, Throttled

HOST = "hooks.slack.com"
ACTION = "Respond"
TRIES, PAUSE_SECONDS = 3, 1.0
MOST_TEXT = 3000  # of a section
TOO_MANY, SERVERS_FAULT = 429, 500


class Adapter:
    """Implements `ports.Chat`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._url = f"{endpoint.protocol}://{HOST}"
        self._timeout = (endpoint.connect_timeout_ms / 1000, endpoint.read_timeout_ms / 1000)
        self._session = requests.Session()
        if endpoint.ca_file:
            self._session.verify = endpoint.ca_file

    def reply(self, path: str, reply: Reply) -> None:
        """Post it; CloudRefused once the address is used up, CloudUnknown without an answer."""
        failure: CloudError = CloudUnknown(ACTION)
        for attempt in range(TRIES):
            time.sleep(attempt * PAUSE_SECONDS)
            response = None
            with suppress(requests.RequestException):
                response = self._session.post(
                    self._url + path, json=body(reply), timeout=self._timeout,
                    allow_redirects=False,
                )  # fmt: skip
            if response is not None and response.ok:
                return
            failure = _failure(response)
            if type(failure) is CloudRefused:
                break
        raise failure


def _failure(response: requests.Response | None) -> CloudError:
    if response is None or response.status_code >= SERVERS_FAULT:
        return CloudUnknown(ACTION)
    kind = Throttled if response.status_code == TOO_MANY else CloudRefused
    return kind(ACTION, f"Http{response.status_code}", response.status_code, "")


def body(reply: Reply) -> dict[str, Any]:
    """As Slack takes it."""
    text = reply.text[:MOST_TEXT]
    blocks: list[dict[str, Any]] = [
        {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": False}}]
    if reply.buttons:
        blocks.append({"type": "actions", "elements": [
            _button(one) for one in reply.buttons]})
    return {
        "response_type": "in_channel" if reply.public else "ephemeral", "blocks": blocks,
        "replace_original": reply.replaces, "text": escaped(text),
    }  # fmt: skip


def _button(one: Button) -> dict[str, Any]:
    """Without a style it is a plain one."""
    style = {APPROVE: "primary", REJECT: "danger"}.get(one.action)
    return {
        "type": "button", "action_id": one.action, "value": one.offer,
        "text": {"type": "plain_text", "text": one.label, "emoji": False},
    } | ({"style": style} if style else {})  # fmt: skip
