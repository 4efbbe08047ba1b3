"""Slack as akwarden meets it: people who type a slash command, press buttons, fill in windows.

Written from Slack's documentation, apart from akwarden's own reading of it; its signatures are made
by Slack's own library.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from slack_sdk.signature import SignatureVerifier

from demo import actors
from demo.stage import Cloud

TEAM, APP, CHANNEL = "T0AKWARDEN", "A0AKWARDEN", "C0KEYS"
SECRET = "demo-signing-secret-of-slack"
TOKEN = "xoxb-demo-token-of-slacks-bot"  # it opens windows, and writes
FUNCTION = "akw-chatops"
_numbers = itertools.count(1)


def channel_secret() -> str:
    """What `akwarden/in-slack` holds."""
    return json.dumps({"signing_secrets": [SECRET], "bot_token": TOKEN})


def out_secret() -> str:
    """What `akwarden/out-slack` holds."""
    return json.dumps({"bot_token": TOKEN})


def user(name: str) -> str:
    """The id of one of config/people.toml."""
    return f"U{name.upper()}"


def signed(
    body: bytes, *, secret: str = SECRET, at: float | None = None, stamp: str | None = None
) -> dict[str, str]:
    """The headers of a request with that body; `stamp` stands for the seconds as it is."""
    stamp = str(int(at or time.time())) if stamp is None else stamp
    signature = SignatureVerifier(secret).generate_signature(timestamp=stamp, body=body) or ""
    return {"Content-Type": "application/x-www-form-urlencoded", "X-Slack-Signature": signature,
            "X-Slack-Request-Timestamp": stamp}  # fmt: skip


def command(name: str, text: str, **changes: str) -> tuple[bytes, str]:
    """The body of `/accesskey <text>`, and the path to which answers go."""
    number = f"{time.time_ns()}.{next(_numbers)}"
    path = f"/commands/{TEAM}/{number}"
    form = {
        "team_id": TEAM, "api_app_id": APP, "channel_id": CHANNEL, "user_id": user(name),
        "user_name": name, "command": "/accesskey", "text": text, "trigger_id": number,
        "response_url": f"https://hooks.slack.com{path}", "is_enterprise_install": "false",
    } | changes  # fmt: skip
    return urlencode(form).encode(), path


def pressed(name: str, button: dict[str, Any], **changes: Any) -> tuple[bytes, str]:
    """The body that tells of a pressed button, and the path to which answers go."""
    number = f"{time.time_ns()}.{next(_numbers)}"
    path = f"/actions/{TEAM}/{number}"
    content = {
        "type": "block_actions", "api_app_id": APP, "trigger_id": number,
        "user": {"id": user(name), "team_id": TEAM, "username": name},
        "team": {"id": TEAM}, "channel": {"id": CHANNEL},
        "actions": [{"type": "button", "action_id": button["action_id"], "action_ts": number,
                     "value": button["value"]}],
        "response_url": f"https://hooks.slack.com{path}",
    } | changes  # fmt: skip
    return urlencode({"payload": json.dumps(content)}).encode(), path


def windows(stage: Cloud, command_body: bytes) -> list[dict[str, Any]]:
    """The windows that were opened in answer to that command, each with its id and view."""
    trigger = dict(parse_qsl(command_body.decode()))["trigger_id"]
    return [one for one in answers(stage, "/api/views.open") if one["trigger_id"] == trigger]


def filled(
    name: str, window: dict[str, Any], values: dict[str, str], **changes: Any
) -> tuple[bytes, str]:
    """The body that tells of a window which somebody has sent, and the path to which answers go:
    that of the command which opened it."""
    view = window["view"]
    state: dict[str, Any] = {}
    for block in view["blocks"]:
        field, kind = block["block_id"], block["element"]["type"]
        initial = block["element"].get("initial_value", "")
        state[field] = {field: _answer(kind, values.get(field, initial))}
    content = {
        "type": "view_submission", "api_app_id": APP, "trigger_id": str(time.time_ns()),
        "user": {"id": user(name), "team_id": TEAM, "username": name}, "team": {"id": TEAM},
        "view": view | {"id": window["id"], "team_id": TEAM, "app_id": APP, "hash": "1.a",
                        "state": {"values": state}},
        "response_urls": [],
    } | changes  # fmt: skip
    path = urlsplit(json.loads(view["private_metadata"])["response_url"]).path
    return urlencode({"payload": json.dumps(content)}).encode(), path


def _answer(kind: str, value: str) -> dict[str, Any]:
    chosen = {"value": value, "text": {"type": "plain_text", "text": value}} if value else None
    if kind == "static_select":
        return {"type": kind, "selected_option": chosen}
    if kind == "checkboxes":
        return {"type": kind, "selected_options": [chosen] if chosen else []}
    return {"type": kind, "value": value or None}


def send(
    stage: Cloud, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """POST it to the chats' ingress; status and answer."""
    url = f"{stage.url}/fcapp/{FUNCTION}/slack"
    return actors.post(url, body, signed(body) if headers is None else headers)


def answers(stage: Cloud, path: str) -> list[dict[str, Any]]:
    """What was answered to that message since, in order."""
    told = stage.manage("POST", "/vendors/slack", {})["told"]
    return [one["message"] for one in told if one["path"] == path]


def buttons(message: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The buttons of an answer, by what they do."""
    return {element["action_id"]: element for block in message["blocks"]
            if block["type"] == "actions" for element in block["elements"]}  # fmt: skip
