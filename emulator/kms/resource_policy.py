"""Secret policies: resource policies that are united with the caller's identity policies.

Source: KMS, "Overview of secret policies": within the account an Allow on either side is enough
and a Deny on either side is final; only the listed actions take effect.
"""

from __future__ import annotations

import dataclasses
import json
import re
from functools import lru_cache

from emulator.call import Call
from emulator.kms import errors
from emulator.kms.state import KmsState, Secret
from emulator.policy import language
from emulator.policy.conditions import like
from emulator.policy.evaluation import NamedPolicy
from emulator.policy.language import Statement

MAX_BYTES = 32768
EFFECTIVE_ACTIONS = (
    "List*", "Describe*", "PutSecretValue", "Update*", "DeleteSecret", "RestoreSecret",
    "RotateSecret", "TagResource", "UntagResource", "GetSecretValue",
)  # fmt: skip
_PRINCIPAL = re.compile(r"acs:ram::[0-9]+:(\*|root|user/.+|role/.+)")


def default_policy(kms: KmsState) -> str:
    """The policy of a secret that was created without one."""
    return json.dumps({
        "Version": "1",
        "Statement": [{
            "Sid": "kms default secret policy",
            "Effect": "Allow",
            "Principal": {"RAM": [f"acs:ram::{kms.account_id}:*"]},
            "Action": ["kms:*"],
            "Resource": ["*"],
        }],
    }, separators=(",", ":"))  # fmt: skip


def checked(text: str) -> str:
    """The policy text if it is a secret policy, else `InvalidParameter`."""
    if len(text.encode()) > MAX_BYTES:
        raise errors.parameter_invalid("Policy")
    try:
        statements = _parsed(text)
    except language.MalformedPolicy:
        raise errors.parameter_invalid("Policy") from None
    if not all(map(_speaks_of_secrets, statements)):
        raise errors.parameter_invalid("Policy")
    return text


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[Statement, ...]:
    return tuple(language.parse(text, principal=True))


def _speaks_of_secrets(statement: Statement) -> bool:
    """Principals are RAM ARNs, actions are of KMS, the resource is `*`: the secret itself."""
    names = statement.principals.get("RAM", ())
    return (
        set(statement.principals) == {"RAM"}
        and bool(names)
        and all(_PRINCIPAL.fullmatch(name) for name in names)
        and bool(statement.actions)
        and all(action.startswith("kms:") for action in statement.actions)
        and statement.resources == ("*",)
    )


def effective(call: Call, secret: Secret | None, action: str) -> list[NamedPolicy]:
    """The secret's policy as far as it says anything about `action`."""
    if secret is None or not secret.policy:
        return []
    if not any(like(action, pattern) for pattern in EFFECTIVE_ACTIONS):
        return []
    statements = _parsed(secret.policy)
    if not call.cloud.choices.kms_account_principal_means_everyone:
        account = f"acs:ram::{call.cloud.account_id}:*"
        statements = tuple(_without(statement, account) for statement in statements)
    return [NamedPolicy(f"Secret:{secret.name}", statements)]


def _without(statement: Statement, account: str) -> Statement:
    """An Allow for the account opens the secret to identity policies, not to every user.

    A Deny for the account still means every user of it.
    """
    if statement.effect != "Allow":
        return statement
    names = tuple(name for name in statement.principals["RAM"] if name != account)
    return dataclasses.replace(statement, principals={"RAM": names})
