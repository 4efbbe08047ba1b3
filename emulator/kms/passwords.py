"""GetRandomPassword."""

from __future__ import annotations

import secrets as entropy
import string

from emulator.call import Call
from emulator.kms import errors
from emulator.kms.parameters import integer
from emulator.kms.product import KMS
from emulator.rpc import Answer

_KINDS = {
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
}


@KMS.action("GetRandomPassword", group="secret-list")
def get_random_password(call: Call) -> Answer:
    """8 to 128 characters; every kind left in occurs unless RequireEachIncludedType is false."""
    length = integer(call, "PasswordLength", 32, 8, 128)
    excluded = set(call.text("ExcludeCharacters"))
    kinds = [
        [c for c in characters if c not in excluded]
        for name, characters in _KINDS.items()
        if not call.boolean(name)
    ]
    kinds = [kind for kind in kinds if kind]
    if not kinds:
        raise errors.parameter_invalid("ExcludeCharacters")
    alphabet = [character for kind in kinds for character in kind]
    chosen = [entropy.choice(alphabet) for _ in range(length)]
    if call.boolean("RequireEachIncludedType", default=True):
        chosen[: len(kinds)] = [entropy.choice(kind) for kind in kinds]
        entropy.SystemRandom().shuffle(chosen)
    password = "".join(chosen)
    call.cloud.remember_secret("random-password", call.caller.arn, password)
    return {"RandomPassword": password}
