"""Signature schemes: each reads a request's claim; checking it needs the secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Proof:
    """What a signed request claims.

    `expected(secret)` is the right signature for that secret, `string_to_sign` what the server
    signed (some errors print it). `at` is seconds since the epoch; `nonce` empty where the
    scheme has none.
    """

    access_key_id: str
    signature: str
    expected: Callable[[str], str]
    string_to_sign: str
    at: float
    security_token: str = ""
    nonce: str = ""
    action: str = ""
    version: str = ""
