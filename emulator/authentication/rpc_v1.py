"""V1: HMAC-SHA1 over all parameters, the signature itself a parameter.

Source: "RPC API signature mechanism". Old core SDKs, shell tools and other languages still use it,
by GET, by POST with a query, and by POST with a form.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from urllib.parse import parse_qsl, quote

from emulator import errors
from emulator.authentication import Proof
from emulator.authentication.acs3 import canonical_query, timestamp
from emulator.wire import Request

_MAX_PAIRS = 1000  # tag actions take the most: 50 resources and 20 tags


def form(body: bytes) -> list[tuple[str, str]]:
    """Form pairs; a body that is not text, or of more pairs than any action takes, has none."""
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MAX_PAIRS)
    except ValueError:
        return []


def string_to_sign(method: str, parameters: dict[str, str]) -> str:
    pairs = [(k, v) for k, v in parameters.items() if k != "Signature"]
    return f"{method}&%2F&{quote(canonical_query(pairs), safe='-_.~')}"


def sign(secret: str, text: str) -> str:
    mac = hmac.new(f"{secret}&".encode(), text.encode(), hashlib.sha1)
    return base64.b64encode(mac.digest()).decode()


def proof(request: Request, parameters: dict[str, str]) -> Proof:
    """Read the claim; the unsigned x-acs-* headers of some SDKs are not looked at."""
    for name in ("AccessKeyId", "Signature", "Timestamp", "SignatureNonce", "Action", "Version"):
        if not parameters.get(name):
            raise errors.parameter_missing(name)
    if parameters.get("SignatureMethod", "HMAC-SHA1") != "HMAC-SHA1":
        raise errors.ProductError(
            400, "InvalidSignatureMethod", "Specified SignatureMethod is not valid."
        )
    text = string_to_sign(request.method, parameters)
    return Proof(
        parameters["AccessKeyId"], parameters["Signature"], lambda secret: sign(secret, text), text,
        timestamp(parameters["Timestamp"]), parameters.get("SecurityToken", ""),
        parameters["SignatureNonce"], parameters["Action"], parameters["Version"],
    )  # fmt: skip
