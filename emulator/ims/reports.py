"""The credential report: one CSV row per user, at most every four hours a new one.

Source: IMS, GenerateCredentialReport and GetCredentialReport; RAM, "Credential report" (columns).
Limitation: usage is up to date here; the service says it lags by two hours.
"""

from __future__ import annotations

import base64
from datetime import datetime, timedelta

from emulator.call import Call
from emulator.clock import iso
from emulator.errors import ProductError
from emulator.ims.product import IMS
from emulator.ram import errors, quotas
from emulator.ram.paging import marker, name_of
from emulator.ram.state import AccessKey, CredentialReport, RamState, User
from emulator.rpc import Answer

INTERVAL = timedelta(hours=4)
MOST_LINES = 3501  # 3,500 users and the header
_USER_COLUMNS = (
    "user", "user_creation_time", "user_last_logon", "password_exist", "password_active",
    "password_last_changed", "password_next_rotation", "mfa_active",
)  # fmt: skip
_KEY_COLUMNS = ("exist", "active", "last_rotated", "last_used")


def lines(ram: RamState, account_created_at: datetime) -> list[str]:
    """The report's lines: the header, `<root>`, then the users by name."""
    header = [*_USER_COLUMNS] + [
        f"access_key_{number}_{column}"
        for number in range(1, quotas.KEYS_PER_USER + 1)
        for column in _KEY_COLUMNS
    ]
    login = iso(ram.root_last_login_at) if ram.root_last_login_at else "-"
    root = [
        "<root>", iso(account_created_at), login, "TRUE", "TRUE", "N/A", "N/A",
        _word(ram.root_mfa), *_keys(ram.keys_of(ram.account_id)),
    ]  # fmt: skip
    rows = [header, root, *(_row(ram, ram.users[name]) for name in sorted(ram.users))]
    return [",".join(row) for row in rows]


def _row(ram: RamState, user: User) -> list[str]:
    profile = user.login_profile
    return [
        f"{user.name}@{ram.domain}", iso(user.created_at),
        iso(user.last_login_at) if user.last_login_at else "-",
        _word(profile is not None),
        _word(profile["Status"] == "Active") if profile else "N/A",
        profile["UpdateDate"] if profile else "N/A", "N/A", _word(bool(user.mfa_device)),
        *_keys(ram.keys_of(user.id)),
    ]  # fmt: skip


def _keys(keys: list[AccessKey]) -> list[str]:
    """Four columns for each of the two keys; N/A for a key that is not there."""
    cells: list[str] = []
    for key in keys[: quotas.KEYS_PER_USER]:
        used = iso(key.last_used_at) if key.last_used_at else "-"
        cells += ["TRUE", _word(key.status == "Active"), iso(key.created_at), used]
    while len(cells) < quotas.KEYS_PER_USER * len(_KEY_COLUMNS):
        cells += ["FALSE", "N/A", "N/A", "N/A"]
    return cells


def _word(value: bool) -> str:
    return "TRUE" if value else "FALSE"


@IMS.action("GenerateCredentialReport", writes=True)
def generate_credential_report(call: Call) -> Answer:
    """STARTED for a new one; within four hours the state of the last."""
    ram, last = call.cloud.ram, call.cloud.ram.credential_report
    if last and call.now < last.started_at + INTERVAL:
        return {"State": "COMPLETED" if call.now >= last.ready_at else "INPROGRESS"}
    ready_at = call.now + timedelta(seconds=call.cloud.choices.credential_report_seconds)
    ram.credential_report = CredentialReport(call.now, ready_at, lines(ram, call.now))
    return {"State": "STARTED"}


@IMS.action("GetCredentialReport")
def get_credential_report(call: Call) -> Answer:
    """A page of lines as Base64; IsTruncated is a word, unlike anywhere else."""
    size = call.integer("MaxItems", MOST_LINES, 1, MOST_LINES)
    report = call.cloud.ram.credential_report
    if report is None or call.now < report.ready_at:
        raise ProductError(
            404, call.cloud.choices.credential_report_missing_code,
            "The credential report does not exist.",
        )
    start = _start(call.text("NextToken"), len(report.lines))
    text = "\n".join(report.lines[start : start + size])
    answer: Answer = {
        "Content": base64.b64encode(text.encode()).decode(),
        "GeneratedTime": iso(report.ready_at), "IsTruncated": "false",
    }  # fmt: skip
    if start + size < len(report.lines):
        answer |= {"IsTruncated": "true", "NextToken": marker(str(start + size))}
    return answer


def _start(token: str, count: int) -> int:
    position = name_of(token, "NextToken") or "0"
    if not position.isdecimal() or len(position) > 9 or int(position) >= count:
        raise errors.incorrect("NextToken")
    return int(position)
