"""What operators keep in KMS for a vendor: JSON, read strictly, and never told in an error.

`null`, a number or an empty text would else become a key that anybody can guess.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from shared.errors import ConfigError
from shared.secrecy import Secret

SHORTEST = 16  # characters of what signs


def texts(value: Secret, vendor: str) -> tuple[Secret, ...]:
    """A JSON list of signing secrets, the newest first; ConfigError."""
    found = _parsed(value)
    if isinstance(found, list) and found and all(_is_text(one, SHORTEST) for one in found):
        return tuple(map(Secret, found))
    raise ConfigError([f"the secret of {vendor} in KMS must be a JSON list of texts of at least "
                       f"{SHORTEST} characters"])  # fmt: skip


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


def _is_text(value: object, least: int) -> bool:
    return isinstance(value, str) and len(value.strip()) >= least
