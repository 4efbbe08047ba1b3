"""What RAM, IMS, KMS and STS share: client settings, patience, and the translation of errors.

The SDKs do not retry unless told to, and must not be told to: a CreateAccessKey sent again after a
read timeout makes a second key. A throttled call was not carried out and may always be repeated;
one without an answer only where repeating it changes nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from alibabacloud_tea_openapi.models import Config
from Tea.exceptions import TeaException

from shared.errors import (
    AlreadyExists,
    CloudError,
    CloudRefused,
    CloudUnknown,
    NotFound,
    NotPermitted,
    Throttled,
)
from shared.secrecy import Secret

T = TypeVar("T")

FIRST_PAUSE_SECONDS, THROTTLED_TRIES, UNKNOWN_TRIES = 0.25, 5, 3
LONGEST_PAUSE_SECONDS = 5.0  # whatever a service asks for: the function's own time is limited
_NOT_FOUND = ("EntityNotExist.", "Forbidden.ResourceNotFound", "InvalidAccessKeyId.NotFound")
_EXISTS = ("EntityAlreadyExists.", "Rejected.ResourceExist")
_NOT_PERMITTED = ("NoPermission", "Forbidden.NoPermission")


@dataclass(frozen=True)
class Endpoint:
    """Where and how to call: `protocol` is `https`, or `http` towards a local cloud.

    `ca_file` names the CAs to trust, empty for those that come with the SDK: it obeys neither
    REQUESTS_CA_BUNDLE nor SSL_CERT_FILE by itself.
    """

    region: str
    protocol: str
    connect_timeout_ms: int
    read_timeout_ms: int
    ca_file: str = ""
    audit_timeout_ms: int = 2000


@dataclass(frozen=True)
class Credentials:
    """Of the invocation, never of the process: FC's environment is read anew for each."""

    access_key_id: str
    secret: Secret
    security_token: Secret | None = None


def config(host: str, endpoint: Endpoint, credentials: Credentials) -> Config:
    """Client settings with explicit credentials: the default chain would ask the network."""
    token = credentials.security_token
    return Config(
        access_key_id=credentials.access_key_id,
        access_key_secret=credentials.secret.reveal(),
        security_token=token.reveal() if token else None,
        endpoint=host,
        region_id=endpoint.region,
        protocol=endpoint.protocol,
        connect_timeout=endpoint.connect_timeout_ms,
        read_timeout=endpoint.read_timeout_ms,
        ca=endpoint.ca_file or None,
    )


def answer(action: str, call: Callable[[], T], *, repeatable: bool) -> T:
    """Call, patiently; raises CloudRefused or CloudUnknown.

    `repeatable` says that doing it twice is the same as doing it once.
    """
    pause = FIRST_PAUSE_SECONDS
    attempt = 1
    while True:
        try:
            return call()
        except TeaException as err:
            failure = translated(action, err)
        # Raised outside the handler: the SDK's exception can hold the raw answer, a new key's
        # secret included, and must not hang on ours as its context.
        if attempt >= _tries(failure, repeatable):
            raise failure
        asked = min(getattr(failure, "retry_after_seconds", 0.0), LONGEST_PAUSE_SECONDS)
        time.sleep(max(pause, asked))
        attempt, pause = attempt + 1, pause * 2


def _tries(failure: CloudError, repeatable: bool) -> int:
    if isinstance(failure, Throttled):
        return THROTTLED_TRIES
    return UNKNOWN_TRIES if repeatable and isinstance(failure, CloudUnknown) else 1


def translated(action: str, err: TeaException) -> CloudError:
    """Our error for an SDK exception: code, status and request id, never its text."""
    code = str(getattr(err, "code", "") or "")
    status = int(getattr(err, "statusCode", 0) or getattr(err, "status_code", 0) or 0)
    request_id = str(getattr(err, "request_id", "") or "")
    if not code or status >= 500 or not status:
        return CloudUnknown(action)
    if status == 429 or code.startswith("Throttling") or code == "Rejected.Throttling":
        throttled = Throttled(action, code, status, request_id)
        throttled.retry_after_seconds = (getattr(err, "retry_after", 0) or 0) / 1000
        return throttled
    for kind, codes in ((NotFound, _NOT_FOUND), (AlreadyExists, _EXISTS),
                        (NotPermitted, _NOT_PERMITTED)):  # fmt: skip
        if code.startswith(codes):
            return kind(action, code, status, request_id)
    return CloudRefused(action, code, status, request_id)


def moment(text: Any) -> datetime | None:
    """`2026-01-02T03:04:05Z`; None for anything else."""
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        return None


def present(action: str, body: Any, name: str) -> Any:
    """A field of the answer that must be there: an unexpected shape parses to None silently."""
    value = getattr(body, name, None) if body is not None else None
    if value is None:
        raise CloudUnknown(action)
    return value
