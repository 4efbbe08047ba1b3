"""Signatures of SLS: v1 (`LOG ak:signature`) and v4 (`SLS4-HMAC-SHA256 …`).

Source: "Request signatures". v1 leaves `x-log-date` out of the signed headers and uses it instead
of `Date`; v4 signs it, and Host without the port, and escapes query values as RFC 3986 does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote

from emulator.authentication import Proof
from emulator.sls import errors
from emulator.wire import Request

_V1 = re.compile(r"LOG ([^:\s]*):(\S+)")
_V4 = re.compile(
    r"SLS4-HMAC-SHA256 Credential=([^/,\s]*)/(\d{8})/([^/,\s]+)/sls/aliyun_v4_request,"
    r"\s*Signature=([0-9a-f]{64})"
)
_METHODS = {"hmac-sha1": hashlib.sha1, "hmac-sha256": hashlib.sha256}


def proof(request: Request, region: str) -> Proof:
    """Read the claim and check that the body is the signed one, before any key is looked up."""
    if request.headers.get("authorization", "").startswith("SLS4-"):
        return _proof_v4(request, region)
    return _proof_v1(request)


def _proof_v1(request: Request) -> Proof:
    headers = request.headers
    method = headers.get("x-log-signaturemethod", "")
    if not method:
        raise errors.missing_signature_method()
    if method not in _METHODS:
        raise errors.invalid_signature_method(method)
    date = headers.get("x-log-date") or headers.get("date", "")
    if not date:
        raise errors.missing_date()
    try:
        at = parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        raise errors.invalid_date(date) from None
    access_key_id, signature = _claim(_V1, request)
    if request.body or headers.get("content-md5"):  # one SDK sends an empty one without a body
        digest = hashlib.md5(request.body).hexdigest().upper()
        if headers.get("content-md5", "") != digest:
            raise errors.header_invalid("content-md5")
    text = string_to_sign_v1(request, date)
    return Proof(
        access_key_id, signature, lambda secret: sign_v1(secret, text, method), text, at,
        headers.get("x-acs-security-token", ""),
    )


def _proof_v4(request: Request, region: str) -> Proof:
    headers = request.headers
    date = headers.get("x-log-date", "")
    if not date:
        raise errors.missing_date()
    try:
        at = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise errors.invalid_date(date) from None
    access_key_id, day, signed_region, signature = _claim(_V4, request)
    if day != date[:8] or signed_region != region:
        raise errors.header_invalid("authorization")
    if headers.get("x-log-content-sha256", "") != hashlib.sha256(request.body).hexdigest():
        raise errors.header_invalid("x-log-content-sha256")
    text = string_to_sign_v4(request, date, region)
    with_port = string_to_sign_v4(request, date, region, port=True)

    def expected(secret: str) -> str:
        """On the real ports Host has none; elsewhere some SDKs sign it with its port."""
        other = sign_v4(secret, with_port)
        return other if hmac.compare_digest(other, signature) else sign_v4(secret, text)

    return Proof(
        access_key_id, signature, expected, text, at, headers.get("x-acs-security-token", "")
    )


def _claim(pattern: re.Pattern[str], request: Request) -> tuple[str, ...]:
    authorization = request.headers.get("authorization", "")
    if not authorization:
        raise errors.missing_access_key_id()
    found = pattern.fullmatch(authorization)
    if not found:
        raise errors.header_invalid("authorization")
    if not found[1]:
        raise errors.missing_access_key_id()
    return found.groups()


def string_to_sign_v1(request: Request, date: str) -> str:
    """Verb, body hash, type, date, the vendor's headers, and path and query un-encoded."""
    headers = request.headers
    signed = "".join(
        f"{name}:{headers[name]}\n" for name in sorted(headers)
        if _is_vendor(name) and name != "x-log-date"
    )
    resource = unquote(request.path)
    pairs = sorted(request.query)
    if pairs:
        resource += "?" + "&".join(f"{name}={value}" for name, value in pairs)
    return "\n".join([
        request.method, headers.get("content-md5", ""), headers.get("content-type", ""), date,
        signed + resource,
    ])  # fmt: skip


def sign_v1(secret: str, text: str, method: str = "hmac-sha1") -> str:
    digest = hmac.new(secret.encode(), text.encode(), _METHODS[method]).digest()
    return base64.b64encode(digest).decode()


def string_to_sign_v4(request: Request, date: str, region: str, *, port: bool = False) -> str:
    """The algorithm, the time, the scope and the hash of the canonical request.

    `port`: sign Host as it was sent, with its port.
    """
    headers = request.headers
    names = sorted(n for n in headers if _is_vendor(n) or n in ("content-type", "host"))
    query = "&".join(
        name + (f"={quote(value, safe='~')}" if value else "")
        for name, value in sorted(request.query)
    )
    values = {n: headers[n].strip() for n in names}
    if "host" in values and not port:
        values["host"] = request.host
    canonical = "\n".join([
        request.method, unquote(request.path), query,
        "".join(f"{n}:{values[n]}\n" for n in names), ";".join(names),
        headers.get("x-log-content-sha256", ""),
    ])  # fmt: skip
    scope = f"{date[:8]}/{region}/sls/aliyun_v4_request"
    return "\n".join(
        ["SLS4-HMAC-SHA256", date, scope, hashlib.sha256(canonical.encode()).hexdigest()]
    )


def sign_v4(secret: str, text: str) -> str:
    """The key is a chain over date and region, both taken from the string's scope line."""
    day, region, product, terminator = text.split("\n")[2].split("/")
    key = ("aliyun_v4" + secret).encode()
    for link in (day, region, product, terminator):
        key = hmac.new(key, link.encode(), hashlib.sha256).digest()
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def _is_vendor(name: str) -> bool:
    return name.startswith(("x-log-", "x-acs-")) and not name.startswith("x-log-meta-")
