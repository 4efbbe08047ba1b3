"""DingTalk's robot as akwarden meets it: people who speak to it, and what it tells them one to one.

Written from DingTalk's documentation, apart from akwarden's own reading of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
import time
from typing import Any

from demo import actors, dingtalk
from demo.stage import Cloud

APP_KEY = "dingdemorobot0000001"  # also the robot's code
APP_SECRET = "demo-app-secret-of-the-robot-00000000002"
FUNCTION = "akw-chatops"
# What a message asks to be answered at. A call of it would be one of no known action in the local
# cloud's history.
SESSION = "http://api.dingtalk.com/robot/sendBySession?session=x"
_numbers = itertools.count(1)
Signed = tuple[dict[str, str], bytes]


def channel_secret() -> str:
    """What `akwarden/in-dingtalk-robot` holds."""
    return json.dumps([APP_SECRET])


def out_secret() -> str:
    """What `akwarden/out-dingtalk-robot` holds."""
    return json.dumps({"app_key": APP_KEY, "app_secret": APP_SECRET})


def typed(name: str, text: str, **changes: Any) -> dict[str, Any]:
    """What DingTalk tells of `@robot <text>` in a group."""
    now = int(time.time() * 1000)
    return {
        "msgId": f"msg{time.time_ns():x}{next(_numbers):x}==", "createAt": now, "msgtype": "text",
        "conversationId": "cidAKWARDEN==", "conversationType": "2", "conversationTitle": "Keys",
        "senderId": "$:LWCP_v1:$x", "senderNick": name, "senderStaffId": f"{name}01",
        "senderCorpId": dingtalk.CORP, "chatbotCorpId": dingtalk.CORP, "robotCode": APP_KEY,
        "chatbotUserId": "$:LWCP_v1:$y", "isInAtList": True, "isAdmin": False,
        "sessionWebhook": SESSION, "sessionWebhookExpiredTime": now + 5_400_000,
        "text": {"content": f" {text}"},
    } | changes  # fmt: skip


def request(
    event: dict[str, Any], *, secret: str = APP_SECRET, at: float | None = None,
    stamp: str | None = None,
) -> Signed:  # fmt: skip
    """Headers and body; the signature is of the time alone, for whose milliseconds `stamp` stands
    as it is."""
    stamp = str(int((at or time.time()) * 1000)) if stamp is None else stamp
    mac = hmac.digest(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256)
    headers = {"Content-Type": "application/json; charset=utf-8", "timestamp": stamp,
               "sign": base64.b64encode(mac).decode()}  # fmt: skip
    return headers, json.dumps(event, ensure_ascii=False).encode()


def send(stage: Cloud, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
    """POST it to the chats' ingress; status and answer."""
    return actors.post(f"{stage.url}/fcapp/{FUNCTION}/dingtalk", body, headers)


def told(stage: Cloud) -> list[tuple[str, str]]:
    """To whom the robot has said what, in order."""
    all = stage.manage("POST", "/vendors/dingtalk", {})["told"]
    return [(one["path"], one["message"]["text"]) for one in all if one["robot"] == APP_KEY]


def play_short(stage: Cloud, seconds: float = 90) -> list[str]:
    """Two questions and something that is not done here; RuntimeError if it goes another way."""
    lines = []
    for text in ("whoami", "list pending", "approve AK-7Q2K-9FXM"):
        before = len(told(stage))
        status, answer = send(stage, *request(typed("alice", text)))
        if status != 200:
            raise RuntimeError(f"DingTalk was answered {status}: {answer.get('reason')}")
        lines.append(f"alice: @akwarden {text}")
        end = time.monotonic() + seconds
        while len(told(stage)) == before:
            if time.monotonic() > end:
                raise RuntimeError(f"nothing was said within {seconds:.0f} s")
            time.sleep(0.1)
        to, said = told(stage)[before]
        lines.append(f"  (to {to} alone) " + said.replace("\n", "\n    "))
    return lines
