"""Many grants, quickly: made by an administrator, but exactly as issuing would leave each of them.

Names, policy, tags and signatures come from the product's own plan and from the real ledger key,
so that whatever looks at ownership finds it; only the audit log knows nothing of them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alibabacloud_ims20190815 import models as ims_models
from alibabacloud_ims20190815.client import Client as ImsClient
from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient

from demo import actors
from demo.stage import DOMAIN, KMS_INSTANCE, KMS_KEY, REGION, Stage
from shared import bootstrap, grants, naming, settings, tickets
from shared.approvals import Approved
from shared.grants import Grant
from shared.secrecy import Secret
from tests.unit.samples import approved_ticket, person

WORKERS = 6


@dataclass(frozen=True)
class Builder:
    """Administrator's clients, and what a plan needs."""

    ram: RamClient
    ims: ImsClient
    kms: KmsClient
    ledger_key: Secret
    assets: Any
    templates: Any

    @classmethod
    def on(cls, stage: Stage) -> Builder:
        admin = actors.administrator(stage)
        kms = KmsClient(admin.config(f"kms.{REGION}.aliyuncs.com"))
        current = settings.read(stage.administrator_environment())
        ledger = kms.get_secret_value(
            kms_models.GetSecretValueRequest(secret_name=current.ledger_secret)
        ).body.secret_data
        return cls(RamClient(admin.config("ram.aliyuncs.com")),
                   ImsClient(admin.config("ims.aliyuncs.com")), kms, Secret(ledger),
                   bootstrap.assets(current), bootstrap.templates())  # fmt: skip

    def plan(self, application: str, requester: str, **changes: Any) -> Grant:
        now = datetime.now(UTC)
        ticket = tickets.parse(
            approved_ticket(now=now, id=f"T-{application}", application=application,
                            requester=person(requester, email=f"{requester}@example.com"),
                            **changes),
            source="standard-webhooks",
        )  # fmt: skip
        assert isinstance(ticket, tickets.Ticket), ticket
        grant = grants.plan(ticket, Approved(("carol", "dave"), now), self.templates, self.assets,
                            self.ledger_key)  # fmt: skip
        assert isinstance(grant, Grant), grant
        return grant

    def make_all(self, plans: Sequence[Grant]) -> None:
        """Several at a time."""
        with ThreadPoolExecutor(max_workers=WORKERS) as pool:
            list(pool.map(self.make, plans))

    def make(self, grant: Grant) -> None:
        """User, policy, key with its network, and the key in its secret."""
        user, policy = grant.user, grant.policy
        self.ims.create_user(ims_models.CreateUserRequest(
            user_principal_name=f"{user}@{DOMAIN}", display_name="built",
            tag=[ims_models.CreateUserRequestTag(key=k, value=v) for k, v in grant.tags.items()],
        ))  # fmt: skip
        self.ram.create_policy(ram_models.CreatePolicyRequest(
            policy_name=policy, policy_document=grant.document,
            description=grant.description))  # fmt: skip
        self.ram.attach_policy_to_user(ram_models.AttachPolicyToUserRequest(
            policy_type="Custom", policy_name=policy, user_name=user))  # fmt: skip
        key = self.ram.create_access_key(
            ram_models.CreateAccessKeyRequest(user_name=user)
        ).body.access_key
        network = {"Version": 1, "Status": "Active", "Statements": [
            {"Type": "ClassicWhiteList", "IPList": list(grant.ticket.source_ips)}]}  # fmt: skip
        self.ims.set_access_key_policy(ims_models.SetAccessKeyPolicyRequest(
            user_principal_name=f"{user}@{DOMAIN}", user_access_key_id=key.access_key_id,
            access_key_policy=json.dumps(network)))  # fmt: skip
        tags = [{"TagKey": k, "TagValue": v} for k, v in grant.secret_tags.items()]
        self.kms.create_secret(kms_models.CreateSecretRequest(
            secret_name=grant.secret, version_id=key.access_key_id,
            secret_data=json.dumps({"AccessKeyId": key.access_key_id,
                                    "AccessKeySecret": key.access_key_secret}),
            secret_data_type="text", tags=json.dumps(tags), dkmsinstance_id=KMS_INSTANCE,
            encryption_key_id=KMS_KEY))  # fmt: skip


def build(stage: Stage, prefix: str, count: int, requester: str) -> list[str]:
    """Grants of `count` applications `<prefix>-<n>`, asked for by one person; their RAM users."""
    with stage.proxied():
        builder = Builder.on(stage)
        plans = [builder.plan(f"{prefix}-{n:04}", requester) for n in range(count)]
        builder.make_all(plans)
    return [naming.user_name(plan.ticket.application, "prod") for plan in plans]
