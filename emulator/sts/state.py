"""Sessions: the temporary credentials that AssumeRole and Function Compute hand out."""

from __future__ import annotations

import base64
import secrets as entropy
from dataclasses import dataclass, field

from emulator.policy.evaluation import NamedPolicy

_NO_SIGNS = str.maketrans("", "", "+/=")


@dataclass(frozen=True)
class Session:
    """One set of temporary credentials; `expires_at` in seconds since the epoch.

    `function` names the function instance that got it, if one did.
    """

    access_key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    role_name: str = ""
    role_id: str = ""
    session_name: str = ""
    expires_at: float = 0.0
    policies: tuple[NamedPolicy, ...] = ()
    function: str = ""


def new_session(
    role_name: str,
    role_id: str,
    session_name: str,
    expires_at: float,
    *,
    policies: tuple[NamedPolicy, ...] = (),
    function: str = "",
) -> Session:
    """Fresh credentials: `STS.` and 25 characters, a 44-character secret, a long token."""

    def some(length: int) -> str:
        characters = base64.b64encode(entropy.token_bytes(length)).decode()
        return characters.translate(_NO_SIGNS)[:length]

    return Session(
        "STS." + some(25), some(44), "CAIS" + some(300), role_name, role_id, session_name,
        expires_at, policies, function,
    )  # fmt: skip
