"""Calls of the cloud with the standard library alone, for the function that must answer fast.

The SDKs' imports alone are several times an ingress function's time budget (docs/adr/0003, 0021).
The signature is V3; the published vectors check it in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.parse import quote, urlencode

from shared.errors import CloudUnknown
from shared.secrecy import Secret

ALGORITHM = "ACS3-HMAC-SHA256"
SERVERS_FAULT = 500


@dataclass(frozen=True)
class Caller:
    """Whose credentials sign."""

    access_key_id: str
    secret: Secret
    security_token: Secret


@dataclass(frozen=True)
class Answer:
    """A whole answer; `content` is its JSON object, empty if it is none. `headers` have
    lower-case names."""

    status: int
    content: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)


def authorization(
    method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes,
    access_key_id: str, secret: Secret,
) -> str:  # fmt: skip
    """The Authorization header of a V3 signature over all given headers (lower-case names)."""
    canonical_query = "&".join(f"{_encoded(k)}={_encoded(v)}" for k, v in sorted(query.items()))
    signed = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    canonical = "\n".join(
        [method, quote(path, safe="/-_.~"), canonical_query, lines, signed,
         hashlib.sha256(body).hexdigest()]
    )  # fmt: skip
    text = f"{ALGORITHM}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    signature = hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()
    return f"{ALGORITHM} Credential={access_key_id},SignedHeaders={signed},Signature={signature}"


def _encoded(text: str) -> str:
    return quote(text, safe="-_.~")


class LightClient:
    """One product's host and API version."""

    def __init__(
        self, host: str, version: str, protocol: str, caller: Caller, timeout_seconds: float
    ) -> None:
        self._host, self._version, self._protocol = host, version, protocol
        self._caller, self._timeout = caller, timeout_seconds

    def call(
        self, action: str, method: str, path: str = "/", *, query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None, body: bytes = b"",
    ) -> Answer:  # fmt: skip
        """Sign, send, once; CloudUnknown where there is no usable answer."""
        query, signed = query or {}, self._headers(action, body) | dict(headers or {})
        signed["authorization"] = authorization(
            method, path, query, signed, body, self._caller.access_key_id, self._caller.secret)
        url = f"{self._protocol}://{self._host}{path}" + (f"?{urlencode(query)}" if query else "")
        data = body if method == "POST" else None
        request = urllib.request.Request(url, data=data, headers=signed, method=method)  # noqa: S310 (the scheme is a setting with two values)
        answer = sent(self._protocol, request, self._timeout)
        if answer is None or answer.status >= SERVERS_FAULT:
            raise CloudUnknown(action)
        return answer

    def _headers(self, action: str, body: bytes) -> dict[str, str]:
        headers = {
            "host": self._host,
            "x-acs-action": action,
            "x-acs-version": self._version,
            "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": os.urandom(16).hex(),
            "x-acs-content-sha256": hashlib.sha256(body).hexdigest(),
        }
        if self._caller.security_token.reveal():
            headers["x-acs-accesskey-id"] = self._caller.access_key_id
            headers["x-acs-security-token"] = self._caller.security_token.reveal()
        return headers


class _Stay(urllib.request.HTTPRedirectHandler):
    """No redirect gets the security token: it is for this host alone."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _opener(protocol: str) -> urllib.request.OpenerDirector:
    """What is needed of `build_opener`, which reads the machine's CAs even for http, each time."""
    opener = urllib.request.OpenerDirector()
    https = protocol == "https"
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(context=_trust()) if https else urllib.request.HTTPHandler(),
        urllib.request.HTTPErrorProcessor(), urllib.request.HTTPDefaultErrorHandler(), _Stay(),
    ):  # fmt: skip
        opener.add_handler(handler)
    return opener


@cache
def _trust() -> ssl.SSLContext:
    """The CAs of SSL_CERT_FILE, else the machine's; read once."""
    return ssl.create_default_context()


def sent(protocol: str, request: urllib.request.Request, timeout_seconds: float) -> Answer | None:
    """Send it once, following nothing; None where there is no whole answer."""
    try:
        with _opener(protocol).open(request, timeout=timeout_seconds) as response:
            return _answer(response)
    except urllib.error.HTTPError as err:
        try:
            with err:
                return _answer(err)
        except (OSError, HTTPException):
            return Answer(err.code, {})  # its status is whole
    except (OSError, ValueError, HTTPException):  # the last: an answer that is cut short
        return None


def _answer(response: Any) -> Answer:
    headers = {name.lower(): value for name, value in response.headers.items()}
    try:
        content = json.loads(response.read())
    except (ValueError, RecursionError):
        content = None
    return Answer(response.status, content if isinstance(content, dict) else {}, headers)
