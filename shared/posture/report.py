"""The credential report's CSV as facts; pure.

Source: RAM, "Credential report": a header, the account as `<root>` (also written `<root_account>`),
then a row per user. Words are TRUE, FALSE and N/A; a moment that never was is `-`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import datetime

from shared import timestamps
from shared.posture.facts import Credentials, KeySlot, Report

ROOT = ("<root>", "<root_account>")
NEVER = ("-", "N/A", "")
MOST_KEYS = 20  # `additional_access_key_N_*` may follow the two


class Unreadable(Exception):
    """The report is not as its page says; nothing is decided from it."""


def parse(text: str, generated_at: datetime) -> Report:
    """Read it to the end; Unreadable if a column, the account's row or a cell is not as described.
    """
    root: Credentials | None = None
    users: list[Credentials] = []
    try:
        for row in csv.DictReader(io.StringIO(text), strict=True):
            found = _credentials(row)
            if found.user in ROOT:
                root = found
            else:
                users.append(found)
    except (csv.Error, KeyError, ValueError, TypeError, AttributeError) as err:
        raise Unreadable(f"a row or column is missing or malformed: {type(err).__name__}") from None
    if root is None:
        raise Unreadable("the account's own row is missing")
    return Report(generated_at, root, tuple(users))


def _credentials(row: Mapping[str, str]) -> Credentials:
    has_password = _flag(row["password_exist"])
    return Credentials(
        row["user"].split("@", 1)[0], _at(row["user_creation_time"]),
        _maybe(row["user_last_logon"]), has_password,
        has_password and _flag(row["password_active"]), _flag(row["mfa_active"]),
        tuple(slot for number in range(1, MOST_KEYS + 1) if (slot := _slot(row, number))),
    )  # fmt: skip


def _slot(row: Mapping[str, str], number: int) -> KeySlot | None:
    """The key in that column group; None if there is none. The first two must be told of."""
    prefix = f"access_key_{number}" if number <= 2 else f"additional_access_key_{number - 2}"
    if number > 2 and f"{prefix}_exist" not in row:
        return None
    if not _flag(row[f"{prefix}_exist"]):
        return None
    return KeySlot(
        number, _flag(row[f"{prefix}_active"]), _at(row[f"{prefix}_last_rotated"]),
        _maybe(row[f"{prefix}_last_used"]),
    )  # fmt: skip


def _flag(word: str) -> bool:
    """N/A stands where there is nothing that could be so."""
    if word.upper() not in ("TRUE", "FALSE", "N/A"):
        raise ValueError(word)
    return word.upper() == "TRUE"


def _at(text: str) -> datetime:
    moment = timestamps.parse(text)
    if moment is None:
        raise ValueError(text)
    return moment


def _maybe(text: str) -> datetime | None:
    return None if text in NEVER else _at(text)
