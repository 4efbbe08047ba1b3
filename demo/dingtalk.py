"""DingTalk as akwarden meets it: signed events of approvals, and the records behind them.

Written from DingTalk's documentation, apart from akwarden's own reading of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

CORP, FORM = "ding0123456789abcdef", "PROC-AKWARDEN-0001"
APP_KEY, APP_SECRET = "dingdemoappkey000001", "demo-app-secret-of-dingtalk-000000000001"
TOKEN, AES_KEY = "demo-token-of-dingtalk", "d3JpdHRlbkZvclRoZURlbW9Pbmx5QWt3YXJkZW4wMDE"
BLOCK = 32
PEOPLE = {name: f"{name}01" for name in ("alice", "bob", "carol", "dave", "erin")}


def channel_secret() -> str:
    """What `akwarden/in-dingtalk` holds."""
    return json.dumps([{"token": TOKEN, "aes_key": AES_KEY, "app_key": APP_KEY}])


def api_secret() -> str:
    """What `akwarden/api-dingtalk` holds."""
    return json.dumps({"app_key": APP_KEY, "app_secret": APP_SECRET})


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(f"{aes_key}=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))


def request(
    event: dict[str, Any], *, token: str = TOKEN, aes_key: str = AES_KEY, app_key: str = APP_KEY,
    at: float | None = None, stamp: str | None = None,
) -> tuple[str, bytes]:  # fmt: skip
    """Query and body of the POST by which DingTalk tells of an event; `stamp` stands for the
    milliseconds as it is."""
    message = json.dumps(event, ensure_ascii=False).encode()
    plain = os.urandom(16) + struct.pack(">I", len(message)) + message + app_key.encode()
    missing = BLOCK - len(plain) % BLOCK
    encryptor = _cipher(aes_key).encryptor()
    sealed = encryptor.update(plain + bytes([missing]) * missing) + encryptor.finalize()
    encrypt = base64.b64encode(sealed).decode()
    timestamp = str(int((at or time.time()) * 1000)) if stamp is None else stamp
    nonce = os.urandom(4).hex()
    signature = _signature(token, timestamp, nonce, encrypt)
    query = urlencode({"signature": signature, "timestamp": timestamp, "nonce": nonce})
    return query, json.dumps({"encrypt": encrypt}).encode()


def _signature(token: str, *others: str) -> str:
    return hashlib.sha1("".join(sorted([token, *others])).encode()).hexdigest()  # noqa: S324


def understood(answer: dict[str, Any]) -> str:
    """What DingTalk reads in an answer: `success`, or it counts the push as failed."""
    encrypt = answer["encrypt"]
    assert answer["msg_signature"] == _signature(
        TOKEN, answer["timeStamp"], answer["nonce"], encrypt)  # fmt: skip
    decryptor = _cipher(AES_KEY).decryptor()
    plain = decryptor.update(base64.b64decode(encrypt)) + decryptor.finalize()
    (length,) = struct.unpack(">I", plain[16:20])
    assert plain[20 + length : -plain[-1]] == APP_KEY.encode()
    return plain[20 : 20 + length].decode()


def finished(record: str, **changes: Any) -> dict[str, Any]:
    """The event of an approval that ended with `agree`."""
    now = int(time.time() * 1000)
    return {
        "EventType": "bpms_instance_change", "eventId": f"ev-{record}", "CorpId": CORP,
        "processInstanceId": record, "processCode": FORM, "type": "finish", "result": "agree",
        "staffId": PEOPLE["alice"], "title": "Alice's AccessKey", "createTime": now - 60_000,
        "finishTime": now,
    } | changes  # fmt: skip


def minute(at: datetime) -> str:
    """DingTalk's dates are as fine as that."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")


def form(application: str) -> dict[str, str]:
    """As somebody fills it in, by the labels of config/sources.toml or by a ticket's own names."""
    return {
        "应用": application, "环境": "prod",
        "用途": "订单系统在自有机房运行，把日志写入 SLS。",
        "有效期": "30天", "来源IP": "198.51.100.7", "use_case": "on-premises",
        "template": "sls-logstore-write", "project": "orders-logs", "logstore": "app",
        "consumers": "orders-reader", "necessity_confirmed": '["是"]', "备注": "谢谢",
    }  # fmt: skip


def instance(fields: dict[str, str], votes: tuple[str, ...] = ("carol", "dave"),
             requester: str = "alice", **changes: Any) -> dict[str, Any]:  # fmt: skip
    """An approval instance as the API shows it: form, and who agreed."""
    now = datetime.now(UTC)
    agreed = minute(now - timedelta(minutes=2))
    return {
        "title": "AccessKey for an application", "status": "COMPLETED", "result": "agree",
        "originatorUserId": PEOPLE[requester], "businessId": "202611270001", "bizAction": "NONE",
        "processCode": FORM, "createTime": minute(now - timedelta(minutes=3)),
        "finishTime": agreed,
        "operationRecords": [
            {"userId": PEOPLE[requester], "date": minute(now - timedelta(minutes=3)),
             "type": "START_PROCESS_INSTANCE", "result": "NONE"},
            *({"userId": PEOPLE[name], "date": agreed, "type": "EXECUTE_TASK_NORMAL",
               "result": "AGREE", "remark": "ok"} for name in votes),
        ],
        "formComponentValues": [
            {"id": f"TextField-{number}", "name": name, "value": value,
             "componentType": "TextField"}
            for number, (name, value) in enumerate(fields.items())
        ],
    } | changes  # fmt: skip
