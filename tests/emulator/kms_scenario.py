"""What the KMS tests share: a real client, users and sessions with given rights, raw requests."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from alibabacloud_kms20160120 import models as m
from alibabacloud_kms20160120.client import Client
from alibabacloud_tea_openapi.exceptions import ClientException

from emulator.authentication import acs3, rpc_v1
from emulator.policy import language
from emulator.policy.evaluation import NamedPolicy
from emulator.ram.state import AccessKey, Policy, PolicyVersion, Role, User
from emulator.sts.state import new_session
from emulator.wire import Headers, Request

ACCOUNT = "1234567890123456"
ADMIN = ("LTAI5tAdministrator00001", "administratorSecret00000000001")
INSTANCE, KEY, MAC_KEY = "kst-emulator0001", "key-emulator0001", "key-emulator-mac01"
SECRET_ARN = f"acs:kms:cn-hangzhou:{ACCOUNT}:secret"
KEY_ARN = f"acs:kms:cn-hangzhou:{ACCOUNT}:key"
NAME = "broker/alice/g-1"
VALUE = '{"AccessKeyId":"LTAI5tAliceKey0000000001","AccessKeySecret":"aliceSecret"}'
ON_KEY = {"Effect": "Allow", "Action": "kms:*", "Resource": f"{KEY_ARN}/{KEY}"}


def client(emulator: Any, key: tuple[str, ...] = ADMIN) -> Client:
    """An unmodified client; `key` is (id, secret) or (id, secret, security token)."""
    more = {"security_token": key[2]} if len(key) == 3 else {}
    return Client(emulator.config(key[0], key[1], **more))


def allow(action: str | list[str], resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def deny(action: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource}


def _document(statements: tuple[dict[str, Any], ...]) -> str:
    return json.dumps({"Version": "1", "Statement": list(statements)})


def _attach(emulator: Any, holder: Any, statements: tuple[dict[str, Any], ...]) -> None:
    if not statements:
        return
    now, name = emulator.cloud.clock.now(), f"rights-of-{holder.name}"
    emulator.cloud.ram.policies[("Custom", name)] = Policy(
        name, versions=[PolicyVersion("v1", _document(statements), now)]
    )
    holder.attached[("Custom", name)] = now


def a_user(emulator: Any, name: str, *statements: dict[str, Any]) -> tuple[str, str]:
    """A RAM user with these rights; its AccessKey."""
    ram = emulator.cloud.ram
    user = User(ram.new_id(), name)
    _attach(emulator, user, statements)
    ram.users[name] = user
    key = AccessKey(ram.new_access_key_id(), ram.new_secret(), user.id,
                    status_since=[(0.0, "Active")])  # fmt: skip
    ram.keys[key.id] = key
    return key.id, key.secret


def a_session(emulator: Any, role: str, *statements: dict[str, Any],
              session_policy: tuple[dict[str, Any], ...] = ()) -> tuple[str, str, str]:  # fmt: skip
    """A session of a role with these rights, narrowed by the session policy if one is given."""
    cloud = emulator.cloud
    holder = Role(cloud.ram.new_id(), role, "{}")
    _attach(emulator, holder, statements)
    cloud.ram.roles[role] = holder
    narrowed = []
    if session_policy:
        narrowed.append(NamedPolicy("Session", tuple(language.parse(_document(session_policy)))))
    session = new_session(
        role, holder.id, "run", cloud.clock.time() + 900, policies=tuple(narrowed)
    )
    cloud.sessions[session.access_key_id] = session
    return session.access_key_id, session.secret, session.token


def create(sdk: Client, name: str = NAME, value: str = VALUE, version: str = "v1",
           **more: Any) -> Any:  # fmt: skip
    """CreateSecret in the emulator's instance."""
    settings = {"dkmsinstance_id": INSTANCE, "encryption_key_id": KEY, **more}
    request = m.CreateSecretRequest(
        secret_name=name, secret_data=value, version_id=version, **settings
    )
    return sdk.create_secret(request).body


def put(sdk: Client, version: str, value: str = VALUE, name: str = NAME, **more: Any) -> Any:
    request = m.PutSecretValueRequest(
        secret_name=name, version_id=version, secret_data=value, **more
    )
    return sdk.put_secret_value(request).body


def get(sdk: Client, name: str = NAME, **more: Any) -> Any:
    return sdk.get_secret_value(m.GetSecretValueRequest(secret_name=name, **more)).body


def delete(sdk: Client, name: str = NAME, **more: Any) -> Any:
    return sdk.delete_secret(m.DeleteSecretRequest(secret_name=name, **more)).body


def stages(sdk: Client, name: str = NAME, **more: Any) -> dict[str, set[str]]:
    """The labels of each listed version."""
    request = m.ListSecretVersionIdsRequest(secret_name=name, **more)
    listed = sdk.list_secret_version_ids(request).body.version_ids.version_id
    return {v.version_id: set(v.version_stages.version_stage or []) for v in listed}


def encrypt_blob(sdk: Client) -> str:
    """A CiphertextBlob of the symmetric key."""
    request = m.EncryptRequest(key_id=KEY, plaintext=b64("x"))
    return str(sdk.encrypt(request).body.ciphertext_blob)


def refused(status: int, code: str) -> Any:
    """A context in which the SDK must raise exactly this refusal."""
    return pytest.raises(ClientException, check=lambda e: (e.status_code, e.code) == (status, code))


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def raw(emulator: Any, action: str, parameters: dict[str, str], *,
        body: bytes = b"") -> tuple[int, dict[str, Any]]:  # fmt: skip
    """A V3-signed request written by hand, its parameters in the query; status and JSON."""
    target = "/?" + urlencode(parameters)
    headers = {
        "host": emulator.endpoint, "x-acs-action": action, "x-acs-version": "2016-01-20",
        "x-acs-date": _now(), "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
    }  # fmt: skip
    if body:
        headers["content-type"] = "application/x-www-form-urlencoded"
    signed = sorted(headers)
    request = Request("POST", target, Headers(headers.items()), body)
    text = acs3.string_to_sign(request, signed, headers["x-acs-content-sha256"])
    headers["Authorization"] = (
        f"ACS3-HMAC-SHA256 Credential={ADMIN[0]},SignedHeaders={';'.join(signed)},"
        f"Signature={acs3.sign(ADMIN[1], text)}"
    )
    return _exchange(emulator, "POST", target, headers, body)


def raw_v1(emulator: Any, action: str, parameters: dict[str, str], *,
           method: str = "POST") -> tuple[int, dict[str, Any]]:  # fmt: skip
    """A V1-signed request as the old core SDK sends it: everything in the query."""
    pairs = {
        "Action": action, "Version": "2016-01-20", "Format": "JSON", "RegionId": "cn-hangzhou",
        "AccessKeyId": ADMIN[0], "SignatureMethod": "HMAC-SHA1", "SignatureType": "",
        "SignatureVersion": "1.0", "SignatureNonce": uuid.uuid4().hex, "Timestamp": _now(),
        **parameters,
    }  # fmt: skip
    pairs["Signature"] = rpc_v1.sign(ADMIN[1], rpc_v1.string_to_sign(method, pairs))
    return _exchange(emulator, method, "/?" + urlencode(pairs), {}, b"")


def _exchange(emulator: Any, method: str, target: str, headers: dict[str, str],
              body: bytes) -> tuple[int, dict[str, Any]]:  # fmt: skip
    connection = http.client.HTTPConnection(emulator.endpoint, timeout=10)
    connection.request(method, target, body, headers)
    response = connection.getresponse()
    status, answer = response.status, json.loads(response.read())
    connection.close()
    return status, answer
