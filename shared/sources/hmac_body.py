"""A signature that is an HMAC-SHA256 of the raw body, in one header: Jira's and GitHub's."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence

from shared.errors import ConfigError
from shared.secrecy import Secret

PREFIX = "sha256="
SHORTEST_SECRET = 16


def secrets_of(value: Secret, vendor: str) -> tuple[Secret, ...]:
    """Of the KMS secret: a JSON list of the webhook's secrets, the newest first."""
    try:
        listed = json.loads(value.reveal())
        usable = isinstance(listed, list) and bool(listed) and all(
            isinstance(one, str) and len(one) >= SHORTEST_SECRET for one in listed)
    except ValueError:
        listed, usable = [], False
    if not usable:  # outside the handler: its context would hold the value
        raise ConfigError([f"the secret of {vendor} in KMS must be a JSON list of texts of at "
                           f"least {SHORTEST_SECRET} characters"])  # fmt: skip
    return tuple(map(Secret, listed))


def signed(body: bytes, header: str, secrets: Sequence[Secret]) -> bool:
    """Whether any of the secrets has signed this body; `header` is `sha256=` and hexadecimal."""
    own = (hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()
           for secret in secrets)  # fmt: skip
    given = header.encode(errors="replace")
    # All are compared, whichever fits: no time tells how many there are.
    return sum(hmac.compare_digest(f"{PREFIX}{one}".encode(), given) for one in own) > 0
