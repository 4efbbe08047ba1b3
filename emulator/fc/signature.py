"""`FC <AccessKey id>:<signature>`: HMAC-SHA256 over method, four headers and the path.

Source: FC 2.0, "Signature authentication". The query is signed for `/proxy/` paths only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from emulator.authentication import Proof
from emulator.errors import ProductError
from emulator.fc import refusals
from emulator.wire import Request


def string_to_sign(request: Request) -> str:
    """What both sides sign; header names in lower case, sorted."""
    headers = request.headers
    signed = "".join(f"{n}:{headers[n]}\n" for n in sorted(headers) if n.startswith("x-fc-"))
    resource = unquote(request.path)
    if "/proxy/" in resource:
        pairs = sorted(f"{k}={v}" if v else k for k, v in request.query)
        resource = f"{resource}\n" + "\n".join(pairs)
    return "\n".join([
        request.method, headers.get("content-md5", ""), headers.get("content-type", ""),
        headers.get("date", ""), signed + resource,
    ])  # fmt: skip


def sign(secret: str, text: str) -> str:
    """Base64 of the HMAC-SHA256."""
    return base64.b64encode(hmac.digest(secret.encode(), text.encode(), hashlib.sha256)).decode()


def proof(request: Request) -> Proof:
    """Read the claim of a request whose Authorization starts with `FC `."""
    claim = request.headers.get("authorization", "").removeprefix("FC ")
    access_key_id, _, signature = claim.partition(":")
    if not access_key_id or not signature:
        raise refusals.signature_mismatch()
    text = string_to_sign(request)
    return Proof(
        access_key_id, signature, lambda secret: sign(secret, text), text, _date(request),
        request.headers.get("x-fc-security-token", ""),
    )  # fmt: skip


def _date(request: Request) -> float:
    """Seconds since the epoch of the Date header."""
    if "date" not in request.headers:
        raise refusals.header_missing("Date")
    try:
        return parsedate_to_datetime(request.headers["date"]).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        raise ProductError(400, "InvalidArgument", "the Date header is not a date") from None
