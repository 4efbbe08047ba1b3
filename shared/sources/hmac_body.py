"""A signature that is an HMAC-SHA256 of the raw body, in one header: Jira's and GitHub's."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from shared.secrecy import Secret

PREFIX = "sha256="


def signed(body: bytes, header: str, secrets: Sequence[Secret]) -> bool:
    """Whether any of the secrets has signed this body; `header` is `sha256=` and hexadecimal."""
    own = (hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest()
           for secret in secrets)  # fmt: skip
    given = header.encode(errors="replace")
    # All are compared, whichever fits: no time tells how many there are.
    return sum(hmac.compare_digest(f"{PREFIX}{one}".encode(), given) for one in own) > 0
