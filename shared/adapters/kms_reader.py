"""GetSecretValue with the standard library alone, for the functions that must answer fast.

The official SDK's import alone is most of an ingress function's time budget (docs/adr/0003). The
signature is V3; the published vectors check it in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from http.client import HTTPException
from urllib.parse import quote, urlencode

from shared.errors import CloudError, CloudRefused, CloudUnknown
from shared.secrecy import Secret

ALGORITHM = "ACS3-HMAC-SHA256"
TIMEOUT_SECONDS = 5


def authorization(
    method: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes,
    access_key_id: str, secret: Secret,
) -> str:  # fmt: skip
    """The Authorization header of a V3 signature over all given headers (lower-case names)."""
    def encoded(text: str) -> str:
        return quote(text, safe="-_.~")

    canonical_query = "&".join(f"{encoded(k)}={encoded(v)}" for k, v in sorted(query.items()))
    signed = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical = "\n".join(
        [method, "/", canonical_query, lines, signed, hashlib.sha256(body).hexdigest()]
    )
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={access_key_id},SignedHeaders={signed},Signature={signature}"


class KmsReader:
    """Reads secrets' current values, and nothing else."""

    def __init__(
        self, *, region: str, protocol: str, access_key_id: str, secret: Secret,
        security_token: Secret,
    ) -> None:  # fmt: skip
        self._host = f"kms.{region}.aliyuncs.com"
        self._protocol = protocol
        self._access_key_id, self._secret, self._token = access_key_id, secret, security_token

    def get_secret_value(self, name: str) -> Secret:
        """GetSecretValue of the current version; raises CloudRefused or CloudUnknown."""
        query = {"SecretName": name}
        headers = {
            "host": self._host,
            "x-acs-action": "GetSecretValue",
            "x-acs-version": "2016-01-20",
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-content-sha256": hashlib.sha256(b"").hexdigest(),
        }
        if self._token.reveal():
            headers["x-acs-accesskey-id"] = self._access_key_id
            headers["x-acs-security-token"] = self._token.reveal()
        headers["authorization"] = authorization(
            "POST", query, headers, b"", self._access_key_id, self._secret
        )
        url = f"{self._protocol}://{self._host}/?{urlencode(query)}"
        request = urllib.request.Request(url, data=b"", headers=headers, method="POST")  # noqa: S310 (the scheme is a setting with two values)
        return Secret(str(_answer(request)["SecretData"]))


def _answer(request: urllib.request.Request) -> dict[str, object]:
    failure: CloudError
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as response:  # noqa: S310
            content = json.loads(response.read())
        if isinstance(content, dict) and "SecretData" in content:
            return content
        failure = CloudUnknown("GetSecretValue")
    except urllib.error.HTTPError as err:
        failure = _refusal(err)
    except (OSError, ValueError, HTTPException):  # the last: an answer that is cut short
        failure = CloudUnknown("GetSecretValue")
    raise failure


def _refusal(err: urllib.error.HTTPError) -> CloudError:
    if err.code >= 500:
        return CloudUnknown("GetSecretValue")
    try:
        content = json.loads(err.read())
        code, request_id = str(content.get("Code", "")), str(content.get("RequestId", ""))
    except (ValueError, AttributeError, OSError, HTTPException):
        code, request_id = "", ""
    return CloudRefused("GetSecretValue", code or f"Http{err.code}", err.code, request_id)
