"""Feishu as akwarden meets it: signed events of approvals, and the records behind them.

Written from Feishu's documentation, apart from akwarden's own reading of it; the tests compare its
requests with Feishu's own SDK.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

TENANT, FORM = "2ca1d211f64f6438", "7C468A54-8745-2245-9675-08B7C63E7A85"
APP_ID, APP_SECRET = "cli_demoakwarden0001", "demo-app-secret-of-feishu-00000000000001"
ENCRYPT_KEY, TOKEN = "demo-encrypt-key-of-feishu", "demo-verification-token-of-feishu"
BLOCK = 16
PEOPLE = {name: f"u{name}" for name in ("alice", "bob", "carol", "dave", "erin")}


def channel_secret() -> str:
    """What `akwarden/in-feishu` holds."""
    return json.dumps([{"encrypt_key": ENCRYPT_KEY, "verification_token": TOKEN}])


def api_secret() -> str:
    """What `akwarden/api-feishu` holds."""
    return json.dumps({"app_id": APP_ID, "app_secret": APP_SECRET})


def request(
    event: dict[str, Any], *, encrypt_key: str = ENCRYPT_KEY, at: float | None = None,
    stamp: str | None = None,
) -> tuple[dict[str, str], bytes]:  # fmt: skip
    """Headers and body of the POST by which Feishu tells of an event."""
    return sealed(json.dumps(event).encode(), encrypt_key=encrypt_key, at=at, stamp=stamp)


def sealed(
    plain: bytes, *, encrypt_key: str = ENCRYPT_KEY, at: float | None = None,
    stamp: str | None = None,
) -> tuple[dict[str, str], bytes]:  # fmt: skip
    """The same of any text; `stamp` stands for the seconds as it is."""
    missing, start = BLOCK - len(plain) % BLOCK, os.urandom(BLOCK)
    key = hashlib.sha256(encrypt_key.encode()).digest()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(start)).encryptor()
    sealed = start + encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()
    body = json.dumps({"encrypt": base64.b64encode(sealed).decode()}).encode()
    timestamp = str(int(at or time.time())) if stamp is None else stamp
    nonce = os.urandom(8).hex()
    signed = (timestamp + nonce + encrypt_key).encode() + body
    return {
        "Content-Type": "application/json", "X-Lark-Request-Timestamp": timestamp,
        "X-Lark-Request-Nonce": nonce, "X-Lark-Signature": hashlib.sha256(signed).hexdigest(),
    }, body  # fmt: skip


def changed(record: str, status: str = "APPROVED", **changes: Any) -> dict[str, Any]:
    """The event of an instance that got another status, in the envelope of v1."""
    event = {
        "type": "approval_instance", "app_id": APP_ID, "tenant_key": TENANT,
        "approval_code": FORM, "instance_code": record, "status": status,
        "operate_time": str(int(time.time() * 1000)),
    } | changes  # fmt: skip
    return {"uuid": f"{record}-{status}", "token": TOKEN, "ts": f"{time.time():.6f}",
            "type": "event_callback", "event": event}  # fmt: skip


def in_v2(content: dict[str, Any]) -> dict[str, Any]:
    """The same event in the envelope of v2."""
    event = {k: v for k, v in content["event"].items()
             if k not in ("type", "app_id", "tenant_key")}  # fmt: skip
    header = {"event_id": content["uuid"], "token": content["token"], "app_id": APP_ID,
              "event_type": "approval.instance.status_changed_v4",
              "tenant_key": content["event"]["tenant_key"],
              "create_time": str(int(time.time() * 1000))}  # fmt: skip
    return {"schema": "2.0", "header": header, "event": event}


def instance(fields: dict[str, str], votes: tuple[str, ...] = ("carol", "dave"),
             requester: str = "alice", **changes: Any) -> dict[str, Any]:  # fmt: skip
    """An approval instance as the API shows it: form, and who passed it."""
    now = int(time.time() * 1000)
    passed = now - 120_000
    return {
        "approval_code": FORM, "approval_name": "AccessKey", "start_time": now - 180_000,
        "end_time": passed, "user_id": PEOPLE[requester], "open_id": f"ou_{requester}",
        "serial_number": "202611270001", "status": "APPROVED", "reverted": False,
        "task_list": [
            {"id": str(n), "user_id": PEOPLE[name], "open_id": f"ou_{name}", "status": "APPROVED",
             "type": "AND", "start_time": str(now - 180_000), "end_time": str(passed)}
            for n, name in enumerate(votes)
        ],
        "timeline": [
            {"type": "START", "create_time": str(now - 180_000), "user_id": PEOPLE[requester],
             "open_id": f"ou_{requester}"},
            *({"type": "PASS", "create_time": str(passed), "user_id": PEOPLE[name],
               "open_id": f"ou_{name}", "task_id": str(n)} for n, name in enumerate(votes)),
        ],
        "form": json.dumps([
            {"id": f"widget{number}", "custom_id": "", "name": name, "type": "input",
             "value": value} for number, (name, value) in enumerate(fields.items())
        ], ensure_ascii=False),
    } | changes  # fmt: skip
