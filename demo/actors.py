"""The people and machines of the demo: who asks, who approves, who reads, who must not."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from alibabacloud_kms20160120 import models as kms_models
from alibabacloud_kms20160120.client import Client as KmsClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config
from aliyun.log import GetLogsRequest, LogClient, LogItem, PutLogsRequest
from standardwebhooks.webhooks import Webhook

from demo.stage import ACCOUNT, ADMIN_ID, DIRECT, PROJECT, REGION, Stage

READER, STRANGER = "orders-reader", "payments-reader"
LOG_PROJECT, LOG_STORE, OTHER_LOG_STORE = "orders-logs", "app", "billing"
TRUST = json.dumps({
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow",
                   "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]}}],
})  # fmt: skip


@dataclass(frozen=True)
class Keys:
    """Credentials as a client configures them."""

    access_key_id: str
    secret: str
    token: str = ""

    def config(self, host: str) -> Config:
        return Config(
            access_key_id=self.access_key_id, access_key_secret=self.secret,
            security_token=self.token or None, endpoint=host, protocol="HTTP", region_id=REGION,
        )  # fmt: skip

    def log_client(self) -> LogClient:
        client = LogClient(
            f"http://{REGION}.log.aliyuncs.com", self.access_key_id, self.secret,
            securityToken=self.token or None, source="demo", auth_version="v4", region=REGION,
        )  # fmt: skip
        client.timeout = 10
        return client


def administrator(stage: Stage) -> Keys:
    return Keys(ADMIN_ID, stage.admin_secret)


def prepare(stage: Stage) -> None:
    """Two roles that could read secrets, a log project with two logstores, and the account-wide
    switch that lets every user make keys of its own, unless a policy denies it."""
    admin = administrator(stage)
    with stage.proxied():
        ram = RamClient(admin.config("ram.aliyuncs.com"))
        for role in (READER, STRANGER):
            ram.create_role(ram_models.CreateRoleRequest(
                role_name=role, assume_role_policy_document=TRUST))  # fmt: skip
        ram.set_security_preference(ram_models.SetSecurityPreferenceRequest(
            allow_user_to_manage_access_keys=True))  # fmt: skip
        log = admin.log_client()
        log.create_project(LOG_PROJECT, "the application's own logs")
        for name in (LOG_STORE, OTHER_LOG_STORE):
            log.create_logstore(LOG_PROJECT, name, ttl=30)


def webhook_secret(stage: Stage) -> str:
    """What the ticket system is configured with: read by the administrator, once."""
    with stage.proxied():
        client = KmsClient(administrator(stage).config(f"kms.{REGION}.aliyuncs.com"))
        name = "akwarden/webhook"
        body = client.get_secret_value(kms_models.GetSecretValueRequest(secret_name=name)).body
    return str(json.loads(body.secret_data)[0])


def approved_ticket(ticket_id: str, source_ip: str) -> dict[str, Any]:
    """A ticket as a ticket system sends it once two people have approved."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def person(name: str) -> dict[str, str]:
        return {"id": f"{name}@example.com", "email": f"{name}@example.com"}

    return {
        "type": "accesskey.ticket.approved",
        "timestamp": now,
        "data": {
            "id": ticket_id,
            "url": f"https://tickets.example.com/{ticket_id}",
            "title": "Log shipping for the on-premises order system",
            "status": "approved",
            "requester": {**person("alice"), "name": "Alice"},
            "approvals": [
                {"approver": person(name), "decision": "approve", "at": now, "comment": "ok"}
                for name in ("carol", "dave")
            ],
            "application": "orders",
            "environment": "prod",
            "use_case": "on-premises",
            "purpose": "Orders run outside Alibaba Cloud and ship their logs to SLS.",
            "permissions": [
                {"template": "sls-logstore-write",
                 "parameters": {"project": LOG_PROJECT, "logstore": LOG_STORE}},
            ],
            "consumers": [f"acs:ram::{ACCOUNT}:role/{READER}"],
            "network": {"source_ips": [source_ip]},
            "ttl_seconds": 30 * 86400,
            "necessity_confirmed": True,
            "alternative_considered": "No RAM role outside Alibaba Cloud.",
        },
    }  # fmt: skip


def signed_headers(secret: str, body: bytes, *, at: int | None = None,
                   delivery: str | None = None) -> dict[str, str]:  # fmt: skip
    """Sign as a Standard Webhooks sender does, with the standard's own library."""
    delivery = delivery or f"msg_{uuid.uuid4().hex}"
    stamp = at if at is not None else int(datetime.now(UTC).timestamp())
    signature = Webhook(secret).sign(delivery, datetime.fromtimestamp(stamp, UTC), body.decode())
    return {
        "Content-Type": "application/json",
        "webhook-id": delivery,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature,
    }


def deliver(
    stage: Stage, body: bytes, headers: dict[str, str], path: str = ""
) -> tuple[int, dict[str, Any]]:
    """POST a webhook to the approval function; its status and answer."""
    return post(stage.webhook_url + path, body, headers)


def post(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, Any]]:
    """Status and JSON of an answer, whatever the status."""
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 (loopback)
    try:
        with DIRECT.open(request, timeout=60) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as err:
        return err.code, json.loads(err.read())


def assume(stage: Stage, role: str) -> Keys:
    """Temporary credentials of a role."""
    with stage.proxied():
        client = StsClient(administrator(stage).config(f"sts.{REGION}.aliyuncs.com"))
        body = client.assume_role(sts_models.AssumeRoleRequest(
            role_arn=f"acs:ram::{ACCOUNT}:role/{role}", role_session_name="demo")).body  # fmt: skip
    found = body.credentials
    return Keys(found.access_key_id, found.access_key_secret, found.security_token)


def read_key(stage: Stage, keys: Keys, secret_name: str) -> Keys:
    """Read an AccessKey from KMS, as an application does; the SDK's error if it may not."""
    with stage.proxied():
        client = KmsClient(keys.config(f"kms.{REGION}.aliyuncs.com"))
        request = kms_models.GetSecretValueRequest(secret_name=secret_name)
        document = json.loads(client.get_secret_value(request).body.secret_data)
    return Keys(document["AccessKeyId"], document["AccessKeySecret"])


def identity(stage: Stage, keys: Keys, source_ip: str) -> str:
    """Who these credentials are, according to STS."""
    with stage.proxied(source_ip):
        client = StsClient(keys.config(f"sts.{REGION}.aliyuncs.com"))
        return str(client.get_caller_identity().body.arn)


def write_log(stage: Stage, keys: Keys, source_ip: str, logstore: str) -> None:
    """Write one row to a logstore of the application's project."""
    row = LogItem(int(datetime.now(UTC).timestamp()), contents=[("message", "an order was placed")])
    with stage.proxied(source_ip):
        keys.log_client().put_logs(
            PutLogsRequest(LOG_PROJECT, logstore, topic="", source="orders", logitems=[row])
        )


def make_key(stage: Stage, keys: Keys, source_ip: str) -> None:
    """Try to create one more key for the application's user, with its own key. The account-wide
    switch lets it; two Denies of its policy do not: on managing keys, and on users `akw-*`."""
    with stage.proxied(source_ip):
        client = RamClient(keys.config("ram.aliyuncs.com"))
        client.create_access_key(ram_models.CreateAccessKeyRequest(user_name="akw-orders-prod"))


def put_rows(
    stage: Stage, project: str, logstore: str, rows: list[dict[str, str]],
    keys: Keys | None = None,
) -> None:  # fmt: skip
    """Write rows to any logstore, as an administrator can, or with somebody's keys."""
    now = int(datetime.now(UTC).timestamp())
    items = [LogItem(now, contents=list(row.items())) for row in rows]
    with stage.proxied():
        (keys or administrator(stage)).log_client().put_logs(
            PutLogsRequest(project, logstore, topic="", source="somebody", logitems=items)
        )


def audit_rows(
    stage: Stage, query: str, since: datetime | None = None
) -> list[dict[str, str]]:
    """Audit rows that a search finds, of the last day or since that moment, in the order in which
    each run wrote them."""
    rows: list[dict[str, str]] = []
    now = int(stage.now().timestamp())
    begin = int(since.timestamp()) if since else now - 86400
    while True:
        with stage.proxied():
            response = administrator(stage).log_client().get_logs(GetLogsRequest(
                PROJECT, "audit", begin, now + 900, query=query, line=100, offset=len(rows),
            ))  # fmt: skip
        page = [dict(log.get_contents()) for log in response.get_logs()]
        rows += page
        if len(page) < 100:
            return sorted(rows, key=lambda row: (row["chain_id"], int(row["seq"])))
