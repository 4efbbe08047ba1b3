"""Settings: read once from the environment, checked together, all problems reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared.errors import ConfigError


@dataclass(frozen=True)
class Setting:
    """One environment variable; `default` None means required."""

    name: str
    meaning: str
    unit: str
    pattern: str
    default: str | None = None


SETTINGS = (
    Setting("AKWARDEN_REGION", "region of KMS, SLS and the functions (default: FC_REGION)", "",
            r"[a-z]{2}-[a-z0-9-]+"),
    Setting("AKWARDEN_ACCOUNT_ID", "the Alibaba Cloud account (default: FC_ACCOUNT_ID)", "",
            r"\d{16}"),
    Setting("AKWARDEN_UPN_DOMAIN", "domain of RAM users' principal names, as GetDefaultDomain "
            "answers", "", r"[a-z0-9.-]+"),
    Setting("AKWARDEN_KMS_INSTANCE_ID", "the KMS instance that holds the secrets", "",
            r"[A-Za-z0-9-]+"),
    Setting("AKWARDEN_KMS_KEY_ID", "the symmetric key in it that encrypts them", "",
            r"[A-Za-z0-9-]+"),
    Setting("AKWARDEN_AUDIT_PROJECT", "SLS project of the audit log", "", r"[a-z0-9-]{3,63}"),
    Setting("AKWARDEN_AUDIT_LOGSTORE", "logstore of the audit log", "", r"[a-z0-9_-]{2,63}",
            "audit"),
    Setting("AKWARDEN_WEBHOOK_SECRET", "KMS secret that holds the webhook signing secrets, a JSON "
            "list of `whsec_…`", "", r"akw/_system/[a-z-]+", "akw/_system/webhook"),
    Setting("AKWARDEN_LEDGER_SECRET", "KMS secret that holds the key which signs grants", "",
            r"akw/_system/[a-z-]+", "akw/_system/ledger"),
    Setting("AKWARDEN_ISSUE_FUNCTION", "function that issues", "", r"[A-Za-z_][A-Za-z0-9_-]{0,63}",
            "akw-issue"),
    Setting("AKWARDEN_REVOKE_FUNCTION", "function that revokes", "",
            r"[A-Za-z_][A-Za-z0-9_-]{0,63}", "akw-revoke"),
    Setting("AKWARDEN_ISSUE_ROLE", "RAM role of that function", "", r"[A-Za-z0-9.-]{1,64}",
            "akw-issue"),
    Setting("AKWARDEN_MAX_LAG_SECONDS", "longest time until a change in RAM is visible everywhere",
            "seconds", r"\d{1,3}", "30"),
    Setting("AKWARDEN_CONNECT_TIMEOUT_MS", "connecting to a cloud API", "milliseconds", r"\d{3,5}",
            "3000"),
    Setting("AKWARDEN_READ_TIMEOUT_MS", "waiting for a cloud API's answer", "milliseconds",
            r"\d{3,5}", "10000"),
    Setting("AKWARDEN_PROTOCOL", "`https`, or `http` towards a local cloud", "", r"https?",
            "https"),
    Setting("AKWARDEN_FC_ENDPOINT", "host of the FC API (default: <account>.<region>."
            "fc.aliyuncs.com)", "", r"[A-Za-z0-9.:-]+", ""),
)  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """The checked values; one field per setting, in the units their names say."""

    region: str
    account_id: str
    upn_domain: str
    kms_instance_id: str
    kms_key_id: str
    audit_project: str
    audit_logstore: str
    webhook_secret: str
    ledger_secret: str
    issue_function: str
    revoke_function: str
    issue_role: str
    max_lag_seconds: int
    connect_timeout_ms: int
    read_timeout_ms: int
    protocol: str
    fc_endpoint: str

    @property
    def issue_role_arn(self) -> str:
        return f"acs:ram::{self.account_id}:role/{self.issue_role}"


def read(environment: Mapping[str, str]) -> Settings:
    """Read and check every setting; ConfigError names all that are missing or malformed."""
    given = {
        "AKWARDEN_REGION": environment.get("FC_REGION", ""),
        "AKWARDEN_ACCOUNT_ID": environment.get("FC_ACCOUNT_ID", ""),
    } | {name: value for name, value in environment.items() if value}
    values: dict[str, str] = {}
    problems: list[str] = []
    for setting in SETTINGS:
        value = given.get(setting.name) or setting.default
        if not value and setting.default is None:
            problems.append(f"{setting.name} is required: {setting.meaning}")
        elif value and not re.fullmatch(setting.pattern, value, re.ASCII):
            problems.append(f"{setting.name} does not match {setting.pattern}")
        values[setting.name.removeprefix("AKWARDEN_").lower()] = value or ""
    if problems:
        raise ConfigError(problems)
    values["fc_endpoint"] = (
        values["fc_endpoint"] or f"{values['account_id']}.{values['region']}.fc.aliyuncs.com"
    )
    numbers: dict[str, Callable[[str], int]] = dict.fromkeys(
        ("max_lag_seconds", "connect_timeout_ms", "read_timeout_ms"), int
    )
    return Settings(**{k: numbers.get(k, str)(v) for k, v in values.items()})  # type: ignore[arg-type]


# The longest chain of dependent calls of one issue run: three rounds of reads, the lease, six
# rounds of changes, two audit writes, the release. Each may be tried three times.
DEPENDENT_CALLS, TRIES = 13, 3


def check_timeout(settings: Settings, function_timeout_seconds: int) -> None:
    """Refuse a function timeout that cannot hold the typical run with one lag wait and one
    unanswered call: it would be killed in the middle of every hiccup."""
    one_call_seconds = (settings.connect_timeout_ms + settings.read_timeout_ms) / 1000
    needed = settings.max_lag_seconds + one_call_seconds * TRIES + DEPENDENT_CALLS
    if function_timeout_seconds < needed:
        raise ConfigError([
            f"the function's timeout of {function_timeout_seconds} s is below the {needed:.0f} s "
            "that one lag wait and one thrice unanswered call take: raise the timeout or lower "
            "AKWARDEN_READ_TIMEOUT_MS"
        ])  # fmt: skip
