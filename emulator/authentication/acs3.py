"""V3: `ACS3-HMAC-SHA256`, parameters in the query, everything about the signature in headers.

Source: "V3 request body and signature mechanism"; the published ECS vector is in the tests.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from urllib.parse import quote

from emulator import errors
from emulator.authentication import Proof
from emulator.wire import Request

_AUTHORIZATION = re.compile(
    r"ACS3-HMAC-SHA256 Credential=([^,\s]+),\s*SignedHeaders=([^,\s]+),\s*Signature=([0-9a-f]+)"
)


# Headers without which nothing can be checked; the codes use the names of V1's parameters.
_NEEDED = {
    "x-acs-date": "Timestamp", "x-acs-signature-nonce": "SignatureNonce",
    "x-acs-action": "Action", "x-acs-version": "Version",
}  # fmt: skip


def canonical_query(pairs: list[tuple[str, str]]) -> str:
    """Sorted `key=value`, RFC 3986 encoded: `%20` for a space although the wire has `+`."""
    encoded = sorted((quote(k, safe="-_.~"), quote(v, safe="-_.~")) for k, v in pairs)
    return "&".join(f"{k}={v}" for k, v in encoded)


def string_to_sign(request: Request, signed: list[str], body_hash: str) -> str:
    """The algorithm name and the hash of the canonical request."""
    headers = "".join(f"{name}:{request.headers.get(name, '').strip()}\n" for name in signed)
    canonical = "\n".join([
        request.method, request.path, canonical_query(request.query),
        headers, ";".join(signed), body_hash,
    ])  # fmt: skip
    return "ACS3-HMAC-SHA256\n" + hashlib.sha256(canonical.encode()).hexdigest()


def sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def proof(request: Request, parameters: dict[str, str]) -> Proof:
    """Read the claim; refuses what is incomplete before any key is looked up."""
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if not found:
        raise errors.signature_incomplete("The Authorization header is malformed.")
    access_key_id, signed_text, signature = found.groups()
    signed = signed_text.split(";")
    present = {n for n in request.headers if n.startswith("x-acs-") or n == "host"}
    if not present <= set(signed) or signed != sorted(signed):
        raise errors.signature_incomplete("SignedHeaders must hold host and every x-acs-* header.")
    body_hash = request.headers.get("x-acs-content-sha256", "")
    if body_hash != hashlib.sha256(request.body).hexdigest():
        raise errors.signature_incomplete("x-acs-content-sha256 is not that of the body.")
    for name, parameter in _NEEDED.items():
        if not request.headers.get(name):
            raise errors.parameter_missing(parameter)
    text = string_to_sign(request, signed, body_hash)
    return Proof(
        access_key_id, signature, lambda secret: sign(secret, text), text,
        timestamp(request.headers["x-acs-date"]),
        request.headers.get("x-acs-security-token", ""),
        request.headers["x-acs-signature-nonce"],
        request.headers["x-acs-action"], request.headers["x-acs-version"],
    )  # fmt: skip


def timestamp(text: str) -> float:
    """Seconds since the epoch of `2026-01-02T03:04:05Z`."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise errors.timestamp_malformed() from None
