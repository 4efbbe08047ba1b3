"""Create what akwarden needs in an account. Run it again at any time: what exists stays, index and
role policies are brought up to date.

`python -m deploy.provision` with an administrator's credentials in ALIBABA_CLOUD_ACCESS_KEY_ID,
ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN), and the settings that the
functions get. Order: audit log first, then the system secrets, the quarantine, the roles, and last
the dashboard and the alerts.
"""

from __future__ import annotations

import json
import os
import secrets as entropy
import sys
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_tea_openapi.models import Config
from aliyun.log import IndexConfig, LogClient, LogException
from Tea.exceptions import TeaException

from deploy import audit_index, watching
from shared import bootstrap, hints, naming, places
from shared import settings as settings_module
from shared.audiences import Audience
from shared.errors import ConfigError
from shared.people import People
from shared.rules import Rules
from shared.settings import Settings

ROLES = Path(__file__).parent / "roles"
POLICY_PREFIX = "akwarden-"  # not `akw-`: the issue role may attach `akw-*` policies to users
AUDIT_TTL_DAYS = 3650  # SLS keeps it for ever: consumed tickets are remembered by these rows
AGAIN = "what was made so far stays; mend the cause and run this again"
NO_ANSWER = ("LogRequestError", "LogResponseError")  # the SLS SDK's own codes
FUNCTION_LOG_TTL_DAYS = 90
TRUST = json.dumps({
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow",
                   "Principal": {"Service": ["fc.aliyuncs.com"]}}],
})  # fmt: skip

# What is attached to a user whose grant ends, before anything else.
QUARANTINE = json.dumps({
    "Version": "1",
    "Statement": [{"Effect": "Deny", "Action": ["*"], "Resource": ["*"]}],
}, separators=(",", ":"))  # fmt: skip


@dataclass(frozen=True)
class Administrator:
    """Clients with an administrator's credentials."""

    ram: RamClient
    kms: KmsClient
    sls: LogClient

    @classmethod
    def of(cls, settings: Settings, environment: Mapping[str, str]) -> Administrator:
        """From the environment; KeyError if there are no credentials."""
        key_id = environment["ALIBABA_CLOUD_ACCESS_KEY_ID"]
        secret = environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
        token = environment.get("ALIBABA_CLOUD_SECURITY_TOKEN") or None

        def config(host: str) -> Config:
            return Config(access_key_id=key_id, access_key_secret=secret, security_token=token,
                          endpoint=host, protocol=settings.protocol,
                          region_id=settings.region,
                          ca=settings.requests_ca_bundle or None)  # fmt: skip

        log = LogClient(
            f"{settings.protocol}://{settings.region}.log.aliyuncs.com", key_id, secret,
            securityToken=token, source="provision", auth_version="v4", region=settings.region,
        )  # fmt: skip
        return cls(RamClient(config("ram.aliyuncs.com")),
                   KmsClient(config(f"kms.{settings.region}.aliyuncs.com")), log)  # fmt: skip


def provision(
    administrator: Administrator, settings: Settings, tell: Callable[[str], None]
) -> None:
    """Create or correct everything; `tell` gets one line per thing."""
    audit, copy = settings.audit_project, settings.digest_project
    _project(administrator, audit, "akwarden audit", tell)
    _logstore(administrator, audit, settings.audit_logstore, AUDIT_TTL_DAYS, tell)
    _logstore(administrator, audit, "functions", FUNCTION_LOG_TTL_DAYS, tell)
    _index(administrator, audit, settings.audit_logstore, audit_index.document(), tell)
    _mac_key(administrator, settings, tell)
    _project(administrator, copy, "akwarden digests, the copy", tell)
    for project in (audit, copy):
        _logstore(administrator, project, naming.DIGEST_LOGSTORE, AUDIT_TTL_DAYS, tell)
        _index(administrator, project, naming.DIGEST_LOGSTORE, audit_index.of_digests(), tell)
    _secret(administrator, settings, settings.webhook_secret, _new_webhook_secrets, tell)
    _secret(administrator, settings, settings.ledger_secret, lambda: entropy.token_hex(32), tell)
    _secret(administrator, settings, naming.CHAT_SECRET, lambda: entropy.token_hex(32), tell)
    _quarantine(administrator, tell)
    for path in sorted(ROLES.glob("*.json")):
        _role(administrator, settings, path, tell)


def watch(administrator: Administrator, settings: Settings, tell: Callable[[str], None]) -> None:
    """The dashboard and the alerts over the audit log: made, or put right where they differ."""
    sls, project = administrator.sls, settings.audit_project
    wanted = watching.dashboard(settings)
    made = _put(wanted, partial(sls.get_dashboard, project, watching.DASHBOARD),
                partial(sls.create_dashboard, project), partial(sls.update_dashboard, project),
                "DashboardNotExist")  # fmt: skip
    tell(f"dashboard {watching.DASHBOARD}: {made}")
    for job in watching.jobs(settings, bootstrap.lifecycle()):
        made = _put(job, partial(sls.get_alert, project, job["name"]),
                    partial(sls.create_alert, project), partial(sls.update_alert, project),
                    "JobNotExist")  # fmt: skip
        tell(f"alert {job['name']}: {made}")


def _put(
    wanted: dict[str, Any], get: Callable[[], Any], create: Callable[[Any], Any],
    update: Callable[[Any], Any], missing: str,
) -> str:  # fmt: skip
    try:
        known = get().get_entity()
    except LogException as err:
        if str(err.get_error_code()).lower() != missing.lower():
            raise
        create(wanted)
        return "created"
    if not watching.differs(known, wanted):
        return "exists"
    update(wanted)
    return "updated"


# -- the audit log --------------------------------------------------------------------------


def _project(
    administrator: Administrator, name: str, description: str, tell: Callable[[str], None]
) -> None:
    made = _created(
        lambda: administrator.sls.create_project(name, description), "ProjectAlreadyExist"
    )
    tell(f"log project {name}: {made}")


def _logstore(
    administrator: Administrator, project: str, name: str, ttl_days: int,
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Append-only, because `enableModify` is left out."""
    made = _created(
        lambda: administrator.sls.create_logstore(
            project, name, ttl=ttl_days, shard_count=2, append_meta=True,
            mode="standard",
        ),
        "LogStoreAlreadyExist",
    )  # fmt: skip
    tell(f"logstore {project}/{name}, kept {ttl_days} days: {made}")


def _index(
    administrator: Administrator, project: str, logstore: str, document: dict[str, Any],
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    config = IndexConfig()
    config.from_json(document)
    made = _created(
        lambda: administrator.sls.create_index(project, logstore, config), "IndexAlreadyExist"
    )
    if made == "exists":
        administrator.sls.update_index(project, logstore, config)
    tell(f"index of {project}/{logstore}: {made}")


def _created(create: Callable[[], object], exists: str) -> str:
    try:
        create()
    except LogException as err:
        # The documents spell these codes in two ways; the SDK compares without case as well.
        if str(err.get_error_code()).lower() != exists.lower():
            raise
        return "exists"
    return "created"


def _mac_key(
    administrator: Administrator, settings: Settings, tell: Callable[[str], None]
) -> None:
    """Made by hand, as the instance is; ConfigError if the setting names another kind of key."""
    request = kms_models.DescribeKeyRequest(key_id=settings.digest_key_id)
    found: Any = administrator.kms.describe_key(request).body.key_metadata
    if found.key_spec != "HMAC_SHA256":
        raise ConfigError(["AKWARDEN_DIGEST_KEY_ID must name a KMS key of spec HMAC_SHA256"])
    tell(f"digest key {settings.digest_key_id}: exists")


# -- system secrets -------------------------------------------------------------------------


def _new_webhook_secrets() -> str:
    """A JSON list, so that a second secret can be added while the first is still in use."""
    return json.dumps(["whsec_" + b64encode(entropy.token_bytes(32)).decode()])


def _secret(
    administrator: Administrator, settings: Settings, name: str, value: Callable[[], str],
    tell: Callable[[str], None],
) -> None:  # fmt: skip
    """Made once with a random value; an existing one is never touched."""
    try:
        administrator.kms.create_secret(kms_models.CreateSecretRequest(
            secret_name=name, version_id="v1", secret_data=value(), secret_data_type="text",
            dkmsinstance_id=settings.kms_instance_id, encryption_key_id=settings.kms_key_id,
        ))  # fmt: skip
    except TeaException as err:
        if getattr(err, "code", "") != "Rejected.ResourceExist":
            raise
        tell(f"secret {name}: exists")
    else:
        tell(f"secret {name}: created")


# -- policies ---------------------------------------------------------------------------------


def _quarantine(administrator: Administrator, tell: Callable[[str], None]) -> None:
    made = _policy(
        administrator, naming.QUARANTINE_POLICY, QUARANTINE, "akwarden: the end of a grant"
    )
    tell(f"policy {naming.QUARANTINE_POLICY}: {made}")


def _policy(administrator: Administrator, name: str, document: str, description: str) -> str:
    """Make it, or put another document right; says which."""
    made = _exists_or(lambda: administrator.ram.create_policy(ram_models.CreatePolicyRequest(
        policy_name=name, policy_document=document, description=description)))  # fmt: skip
    if made == "exists" and _current_document(administrator, name) != document:
        administrator.ram.create_policy_version(ram_models.CreatePolicyVersionRequest(
            policy_name=name, policy_document=document, set_as_default=True,
            rotate_strategy="DeleteOldestNonDefaultVersionWhenLimitExceeded"))  # fmt: skip
        return "updated"
    return made


# -- roles ----------------------------------------------------------------------------------


def role_document(path: Path, settings: Settings) -> str:
    """A role's least policy with this account's names put in."""
    text = path.read_text(encoding="utf-8")
    for name, value in {
        "account": settings.account_id,
        "region": settings.region,
        "kms_key": settings.kms_key_id,
        "audit_project": settings.audit_project,
        "audit_logstore": settings.audit_logstore,
        "digest_project": settings.digest_project,
        "digest_logstore": naming.DIGEST_LOGSTORE,
        "digest_key": settings.digest_key_id,
        "webhook_secret": settings.webhook_secret,
        "ledger_secret": settings.ledger_secret,
    }.items():
        text = text.replace("{" + name + "}", value)
    return json.dumps(json.loads(text), separators=(",", ":"))


def _role(
    administrator: Administrator, settings: Settings, path: Path, tell: Callable[[str], None]
) -> None:
    role, policy = path.stem, f"{POLICY_PREFIX}{path.stem}"
    made = _exists_or(lambda: administrator.ram.create_role(ram_models.CreateRoleRequest(
        role_name=role, assume_role_policy_document=TRUST,
        description="akwarden function role")))  # fmt: skip
    known = _policy(
        administrator, policy, role_document(path, settings), f"least policy of role {role}"
    )
    _exists_or(lambda: administrator.ram.attach_policy_to_role(ram_models.AttachPolicyToRoleRequest(
        policy_type="Custom", policy_name=policy, role_name=role)))  # fmt: skip
    tell(f"role {role}: {made}; policy {policy}: {known}")


def _current_document(administrator: Administrator, policy: str) -> str:
    request = ram_models.GetPolicyRequest(policy_name=policy, policy_type="Custom")
    body: Any = administrator.ram.get_policy(request).body
    return str(body.default_policy_version.policy_document)


def _exists_or(create: Callable[[], object]) -> str:
    try:
        create()
    except TeaException as err:
        if not str(getattr(err, "code", "")).startswith("EntityAlreadyExists."):
            raise
        return "exists"
    return "created"


def _require_told(
    settings: Settings, rules: Rules, people: People, audiences: Mapping[str, Audience]
) -> None:
    """Raise ConfigError if break-glass is on where it could not work, or would not be seen."""
    if settings.break_glass == "off":
        return
    problems = []
    if rules.break_glass is None:
        problems.append("AKWARDEN_BREAK_GLASS is on, and config/rules.toml has no [break_glass]")
    elif strangers := rules.break_glass.people - set(people.known.values()):
        problems.append("config/rules.toml: break_glass.people: config/people.toml does not know "
                        f"{', '.join(sorted(strangers))}, so that no chat does")  # fmt: skip
    if not any(one.people for one in audiences.values()):
        problems.append("AKWARDEN_BREAK_GLASS is on, and nobody would be told: AKWARDEN_NOTIFY "
                        "needs a way with `people = true` in config/notifications.toml")
    if not set(settings.kinds) & set(hints.CHATS):
        problems.append("AKWARDEN_BREAK_GLASS is on, and there is no chat in AKWARDEN_SOURCES")
    if problems:
        raise ConfigError(problems)


def main() -> int:
    """Provision the account that the environment names; one line for what is wrong."""
    try:
        settings = settings_module.read(os.environ)
        rules, templates = bootstrap.rules(), bootstrap.templates()
        bootstrap.enabled(settings)
        places.require_known(bootstrap.places(), rules.environments.keys(), templates.keys())
        events = bootstrap.enabled(settings).get("eventbridge")
        if events and events.tenant != settings.account_id:
            raise ConfigError(["config/sources.toml: eventbridge.tenant must be "
                               "AKWARDEN_ACCOUNT_ID: events of another account are refused"])
        _require_told(settings, rules, bootstrap.people(), bootstrap.audiences(settings))
        administrator = Administrator.of(settings, os.environ)
        provision(administrator, settings, print)
        watch(administrator, settings, print)
    except ConfigError as err:
        return _failed(*err.problems)
    except KeyError as err:
        return _failed(f"{err.args[0]} is required: an administrator's credentials")
    except LogException as err:
        if err.get_error_code() in NO_ANSWER:
            return _failed("no answer from the cloud (SLS)", AGAIN)
        return _failed(f"SLS refused: {err.get_error_code()}: {err.get_error_message()}", AGAIN)
    except TeaException as err:
        code = getattr(err, "code", "")
        return _failed(f"refused: {code}" if code else "no answer from the cloud", AGAIN)
    return 0


def _failed(*lines: str) -> int:
    print("\n".join(lines), file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
