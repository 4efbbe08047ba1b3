"""Settings: read once from the environment, checked together, all problems reported at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from shared import audiences, chat, hints, naming
from shared.errors import ConfigError

_KINDS = "|".join((*hints.KINDS, *hints.CHATS, *hints.UNSIGNED_CHATS, *hints.BUSES))
_WAYS = "|".join(audiences.WAYS)


@dataclass(frozen=True)
class Setting:
    """One environment variable; `default` None means required."""

    name: str
    meaning: str
    unit: str
    pattern: str
    default: str | None = None


SETTINGS = (
    Setting("AKWARDEN_REGION", "region of KMS, SLS and the functions; in a function FC's own "
            "FC_REGION stands in, `s.yaml` takes cn-hangzhou", "", r"[a-z]{2}-[a-z0-9-]+"),
    Setting("AKWARDEN_ACCOUNT_ID", "the Alibaba Cloud account; in a function FC_ACCOUNT_ID stands "
            "in", "", r"\d{16}"),
    Setting("AKWARDEN_UPN_DOMAIN", "domain of RAM users' principal names, as GetDefaultDomain "
            "answers", "", r"[a-z0-9.-]+"),
    Setting("AKWARDEN_KMS_INSTANCE_ID", "the KMS instance that holds the secrets", "",
            r"[A-Za-z0-9-]+"),
    Setting("AKWARDEN_KMS_KEY_ID", "the symmetric key in it that encrypts them", "",
            r"[A-Za-z0-9-]+"),
    Setting("AKWARDEN_AUDIT_PROJECT", "SLS project of the audit log", "", r"[a-z0-9-]{3,63}"),
    Setting("AKWARDEN_AUDIT_LOGSTORE", "logstore of the audit log", "", r"[a-z0-9_-]{2,63}",
            "audit"),
    Setting("AKWARDEN_DIGEST_PROJECT", "SLS project of the digests' copy, another one than the "
            "audit log's", "", r"[a-z0-9-]{3,63}"),
    Setting("AKWARDEN_DIGEST_KEY_ID", "the KMS key of spec HMAC_SHA256 that signs digests", "",
            r"[A-Za-z0-9-]+"),
    Setting("AKWARDEN_WEBHOOK_SECRET", "KMS secret that holds the webhook signing secrets, a JSON "
            "list of `whsec_…`", "", r"akwarden/[a-z-]+", "akwarden/webhook"),
    Setting("AKWARDEN_LEDGER_SECRET", "KMS secret that holds the key which signs grants", "",
            r"akwarden/[a-z-]+", "akwarden/ledger"),
    Setting("AKWARDEN_MAX_LAG_SECONDS", "longest time until a change in RAM is visible everywhere, "
            "at most 40", "seconds", r"\d|[1-3]\d|40", "30"),
    Setting("AKWARDEN_CONNECT_TIMEOUT_MS", "connecting to a cloud API", "milliseconds", r"\d{3,5}",
            "3000"),
    Setting("AKWARDEN_READ_TIMEOUT_MS", "waiting for a cloud API's answer", "milliseconds",
            r"\d{3,5}", "10000"),
    Setting("AKWARDEN_AUDIT_TIMEOUT_MS", "waiting for SLS's answer; its SDK asks up to ten times",
            "milliseconds", r"\d{3,5}", "2000"),
    Setting("AKWARDEN_REVOKE_CAP", "grants that one revocation order may end unless it says "
            "otherwise; leaks have no cap", "grants", r"[1-9]\d{0,3}", "25"),
    Setting("AKWARDEN_ISSUING", "`off` is the kill switch: no ticket issues, extends or amends "
            "until it is `on` again; revoking, rotating and cleaning up go on", "", r"on|off",
            "on"),
    Setting("AKWARDEN_SOURCES", "where approvals come from beside Standard Webhooks, of those in "
            "`config/sources.toml`: names with commas between them and no spaces", "",
            rf"(({_KINDS})(,({_KINDS}))*)?", ""),
    Setting("AKWARDEN_CHAT_APPROVALS", "where requests made in a chat may be approved there: "
            "`off`, `non-production` (where `production = false`) or `all`", "",
            r"off|non-production|all", "non-production"),
    Setting("AKWARDEN_CHAT_REQUESTS", "what one person may ask for in a chat within 24 hours",
            "requests", r"[1-9]\d{0,3}", "10"),
    Setting("AKWARDEN_CHAT_LANGUAGE", "what people are answered and told in: `en` or `zh`", "",
            "|".join(chat.LANGUAGES), "en"),
    Setting("AKWARDEN_BREAK_GLASS", "`on`: those named in `[break_glass]` of `config/rules.toml` "
            "may have access in an incident without approval", "", r"on|off", "off"),
    Setting("AKWARDEN_NOTIFY", "how people are told, unasked, of what happened, of those in "
            "`config/notifications.toml`: names with commas between them and no spaces", "",
            rf"(({_WAYS})(,({_WAYS}))*)?", ""),
    Setting("AKWARDEN_PROTOCOL", "`https`, or `http` towards a local cloud", "", r"https?",
            "https"),
    Setting("REQUESTS_CA_BUNDLE", "PEM file of the CAs to trust, for a proxy with one of its own; "
            "set `SSL_CERT_FILE` to the same file", "", r"[^\0]+", ""),
    Setting("AKWARDEN_ALERT_ACTION_POLICY", "SLS action policy by which alerts reach people; "
            "without one they are seen in SLS alone; read by `make provision`", "",
            r"[A-Za-z0-9._-]{1,64}", ""),
    Setting("AKWARDEN_FC_ENDPOINT", "host of the FC API (default: <account>.<region>."
            "fc.aliyuncs.com)", "", r"[A-Za-z0-9.:-]*", ""),
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
    digest_project: str
    digest_key_id: str
    webhook_secret: str
    ledger_secret: str
    max_lag_seconds: int
    connect_timeout_ms: int
    read_timeout_ms: int
    audit_timeout_ms: int
    revoke_cap: int
    issuing: str
    sources: str
    chat_approvals: str
    chat_requests: int
    chat_language: str
    break_glass: str
    notify: str
    protocol: str
    requests_ca_bundle: str
    alert_action_policy: str
    fc_endpoint: str

    @property
    def issues(self) -> bool:
        return self.issuing == "on"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The sources that are on."""
        return tuple(filter(None, self.sources.split(",")))

    @property
    def ways(self) -> tuple[str, ...]:
        """How people are told of what happened."""
        return tuple(filter(None, self.notify.split(",")))

    @property
    def issue_role_arn(self) -> str:
        return f"acs:ram::{self.account_id}:role/{naming.ISSUE_FUNCTION}"


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
            problems.append(
                f"{setting.name} does not match {setting.pattern} ({setting.meaning})")
        values[setting.name.removeprefix("AKWARDEN_").lower()] = value or ""
    if values["digest_project"] and values["digest_project"] == values["audit_project"]:
        problems.append("AKWARDEN_DIGEST_PROJECT must be another project than the audit log's")
    if problems:
        raise ConfigError(problems)
    values["fc_endpoint"] = (
        values["fc_endpoint"] or f"{values['account_id']}.{values['region']}.fc.aliyuncs.com"
    )
    numbers: dict[str, Callable[[str], int]] = dict.fromkeys(
        ("max_lag_seconds", "connect_timeout_ms", "read_timeout_ms", "audit_timeout_ms",
         "revoke_cap", "chat_requests"), int,
    )  # fmt: skip
    return Settings(**{k: numbers.get(k, str)(v) for k, v in values.items()})  # type: ignore[arg-type]


# The longest chain of dependent calls of one issue run: two rounds of reads before and two under
# the leases, two leases, seven rounds of changes, two readings of the log, three audit writes, two
# releases; about a second each is plenty. The lag is waited for at most three times: at the
# takeover of either lease, and until a new key is accepted.
DEPENDENT_CALLS, LAG_WAITS = 20, 3
CLOUD_TRIES = 3  # of an unanswered call that may be repeated (`adapters/tea.py`)
# Of a call to SLS: ours (`adapters/sls.py`), and in each of them the SDK's own, a second apart.
AUDIT_TRIES, SDK_TRIES, SDK_PAUSE_SECONDS = 2, 10, 1


def retry_seconds(settings: Settings) -> float:
    """The longest that one call can take with all its tries, until it is given up."""
    cloud = CLOUD_TRIES * (settings.connect_timeout_ms + settings.read_timeout_ms) / 1000
    one_request = settings.audit_timeout_ms / 1000 + SDK_PAUSE_SECONDS
    return max(cloud, AUDIT_TRIES * SDK_TRIES * one_request)


def check_timeout(settings: Settings, function_timeout_seconds: int) -> None:
    """Refuse a function timeout that cannot hold a run with every lag wait and one call that is
    tried to the end in vain: it would be killed in the middle of every hiccup."""
    retries = retry_seconds(settings)
    needed = settings.max_lag_seconds * LAG_WAITS + retries + DEPENDENT_CALLS
    if function_timeout_seconds < needed:
        raise ConfigError([
            f"the function's timeout of {function_timeout_seconds} s is below the {needed:.0f} s "
            f"that its lag waits and one call with all its tries ({retries:.0f} s) take: raise the "
            "timeout or lower AKWARDEN_READ_TIMEOUT_MS or AKWARDEN_AUDIT_TIMEOUT_MS"
        ])  # fmt: skip
