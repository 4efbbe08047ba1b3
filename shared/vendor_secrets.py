"""What operators keep in KMS for a vendor: JSON, read strictly, and never told in an error.

`null`, a number or an empty text would else become a key that anybody can guess.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TypeGuard

from shared.errors import ConfigError
from shared.secrecy import Secret

SHORTEST = 16  # characters of what signs


def texts(value: Secret, vendor: str) -> tuple[Secret, ...]:
    """A JSON list of signing secrets, the newest first; ConfigError."""
    found = _parsed(value)
    if _are_texts(found):
        return tuple(map(Secret, found))
    raise ConfigError([f"the secret of {vendor} in KMS must be a JSON list of texts of at least "
                       f"{SHORTEST} characters"])  # fmt: skip


def texts_and_more(
    value: Secret, vendor: str, name: str, more: str
) -> tuple[tuple[Secret, ...], Secret]:
    """Such a list alone, or an object with it as `name` and one more text, which is else empty;
    ConfigError."""
    found = _parsed(value)
    if not isinstance(found, dict):
        return texts(value, vendor), Secret("")
    if set(found) == {name, more} and _are_texts(found[name]) and _is_text(found[more], SHORTEST):
        return tuple(map(Secret, found[name])), Secret(found[more])
    raise ConfigError([f"the secret of {vendor} in KMS must be a JSON list of texts of at least "
                       f"{SHORTEST} characters, or an object with that list as {name}, and with "
                       f"{more}"])  # fmt: skip


def objects(value: Secret, vendor: str, names: Sequence[str]) -> list[dict[str, str]]:
    """A JSON list of objects that have these members, the newest first; ConfigError."""
    found = _parsed(value)
    if isinstance(found, list) and found and all(_has(one, names) for one in found):
        return [{name: one[name] for name in names} for one in found]
    raise ConfigError([f"the secret of {vendor} in KMS must be a JSON list of objects with "
                       f"{', '.join(names)}, none of them empty"])  # fmt: skip


def members(value: Secret, vendor: str, *names: str) -> dict[str, str]:
    """A JSON object that has these members; ConfigError."""
    found = _parsed(value)
    if isinstance(found, dict) and _has(found, names):
        return {name: found[name] for name in names}
    raise ConfigError([f"the API secret of {vendor} in KMS must be a JSON object with "
                       f"{', '.join(names)}, none of them empty"])  # fmt: skip


def _parsed(value: Secret) -> object:
    """None if it is no JSON. Nothing is raised in the handler: its context holds the value."""
    try:
        parsed: object = json.loads(value.reveal())
    except (ValueError, RecursionError):
        return None
    return parsed


def _has(value: object, names: Sequence[str]) -> bool:
    return isinstance(value, dict) and all(_is_text(value.get(name), 1) for name in names)


def _are_texts(value: object) -> TypeGuard[list[str]]:
    """Whether it is a list of what can sign, and not an empty one."""
    return isinstance(value, list) and bool(value) and all(_is_text(one, SHORTEST) for one in value)


def _is_text(value: object, least: int) -> bool:
    return isinstance(value, str) and len(value.strip()) >= least
