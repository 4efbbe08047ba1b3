"""GetSecretValue without an SDK: its signature is the published one, and KMS takes it."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient

from emulator.ram.state import Role
from shared.adapters import tea
from shared.adapters.kms import KmsAdapter
from shared.adapters.kms_reader import KmsReader
from shared.adapters.light import Caller, authorization
from shared.adapters.tea import Credentials, Endpoint
from shared.errors import CloudRefused, CloudUnknown
from shared.secrecy import Secret
from tests.integration.clouds import (
    ACCOUNT,
    ADMIN_ID,
    ADMIN_SECRET,
    LocalCloud,
    SpoiltCloud,
    answer,
    shown,
)

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
NAME = "akwarden/webhook"
VALUE = '["whsec_hiddenhiddenhidden"]'
ACTION = "GetSecretValue"
TRUST = json.dumps({
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow",
                   "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]}}],
})  # fmt: skip
VECTORS = {
    # Alibaba Cloud, "Request syntax and signature method V3": the RunInstances example.
    "published": (
        {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd",
         "RegionId": "cn-shanghai"},
        {"host": "ecs.cn-shanghai.aliyuncs.com", "x-acs-action": "RunInstances",
         "x-acs-content-sha256": EMPTY, "x-acs-date": "2023-10-26T10:22:32Z",
         "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
         "x-acs-version": "2014-05-26"},
        "YourAccessKeySecret",
        "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
    ),
    # What the RAM SDK signs for the same values; a space in the query is %20.
    "sdk": (
        {"UserName": "broker u1"},
        {"accept": "application/json", "host": "ram.aliyuncs.com", "user-agent": "ua/1",
         "x-acs-action": "CreateAccessKey", "x-acs-content-sha256": EMPTY,
         "x-acs-credentials-provider": "static_ak", "x-acs-date": "2026-01-02T03:04:05Z",
         "x-acs-signature-nonce": "0123456789abcdef0123456789abcdef",
         "x-acs-version": "2015-05-01"},
        "dummySecret0000000000000000001",
        "6b402193288d90df58114eddb9216a76a558ec20b234695fbd7f5ae7e25f8409",
    ),
}  # fmt: skip


def reader(key_id: str = ADMIN_ID, secret: str = ADMIN_SECRET, token: str = "") -> KmsReader:
    return KmsReader(region="cn-hangzhou", protocol="http",
                     caller=Caller(key_id, Secret(secret), Secret(token)))  # fmt: skip


@pytest.fixture
def stored(local: LocalCloud, endpoint: Endpoint, admin: Credentials) -> LocalCloud:
    """With the webhook's secrets in KMS."""
    kms = KmsAdapter(endpoint, admin, instance_id="kst-emulator0001", key_id="key-emulator0001")
    kms.create_secret(NAME, Secret(VALUE), policy="", tags={})
    local.cloud.history.clear()
    return local


@pytest.mark.parametrize("vector", VECTORS)
def test_signature_equals_the_vector(vector: str) -> None:
    """V3, written here from its description."""
    query, headers, secret, signature = VECTORS[vector]

    header = authorization("POST", "/", query, headers, b"", "LTAI5tDummy", Secret(secret))

    signed = ";".join(sorted(headers))
    assert (
        f"ACS3-HMAC-SHA256 Credential=LTAI5tDummy,SignedHeaders={signed},Signature={signature}"
        == header
    )


def test_value_is_read_with_a_key(stored: LocalCloud) -> None:
    """KMS accepts the signature, and each request has a nonce of its own."""
    first, again = (reader().get_secret_value(NAME).reveal() for _ in range(2))

    assert VALUE == first == again


def test_value_is_read_with_a_roles_token(
    stored: LocalCloud, endpoint: Endpoint, admin: Credentials
) -> None:
    """As in a function: the security token is signed with the rest."""
    ram = stored.cloud.ram
    role = Role(ram.new_id(), "reader", TRUST)
    role.attached[("System", "AdministratorAccess")] = stored.cloud.clock.now()
    ram.roles["reader"] = role
    client = StsClient(tea.config("sts.cn-hangzhou.aliyuncs.com", endpoint, admin))
    body = client.assume_role(sts_models.AssumeRoleRequest(
        role_arn=f"acs:ram::{ACCOUNT}:role/reader", role_session_name="tests")).body  # fmt: skip
    given = body.credentials

    value = reader(given.access_key_id, given.access_key_secret, given.security_token)

    assert VALUE == value.get_secret_value(NAME).reveal()


@pytest.mark.parametrize("name", ["akw/none", "akw/a b+c&d=é/%2F"])
def test_secret_that_is_not_there_is_refused(stored: LocalCloud, name: str) -> None:
    """Any name is signed rightly; the refusal is KMS's own."""
    with pytest.raises(CloudRefused) as raised:
        reader().get_secret_value(name)

    assert "SignatureDoesNotMatch" != raised.value.code
    assert stored.calls(ACTION)[0]["request_id"] == raised.value.request_id


@pytest.mark.parametrize(
    ("key", "code"),
    [((ADMIN_ID, "wrong"), "SignatureDoesNotMatch"),
     (("LTAI5tNobody000000000001", "x"), "InvalidAccessKeyId.NotFound")],
)  # fmt: skip
def test_wrong_key_is_refused_by_its_code(
    stored: LocalCloud, key: tuple[str, str], code: str
) -> None:
    """The code, and nothing of what was signed."""
    with pytest.raises(CloudRefused) as raised:
        reader(*key).get_secret_value(NAME)

    assert code == raised.value.code
    assert raised.value.__context__ is None


def test_missing_permission_is_refused(stored: LocalCloud, stranger: Credentials) -> None:
    """403 with its code."""
    with pytest.raises(CloudRefused) as raised:
        reader(stranger.access_key_id, stranger.secret.reveal()).get_secret_value(NAME)

    assert (403, "Forbidden.NoPermission") == (raised.value.status, raised.value.code)


@pytest.mark.parametrize("kind", ["drop", "error"])
def test_unanswered_read_is_unknown(stored: LocalCloud, kind: str) -> None:
    """No retry here: the sender of the webhook repeats."""
    stored.fault(kind, ACTION)

    with pytest.raises(CloudUnknown) as raised:
        reader().get_secret_value(NAME)

    assert ADMIN_SECRET not in shown(raised.value)


CONTENT = {"RequestId": "R", "SecretData": VALUE}
ODD: dict[str, bytes] = {
    "cut_short": answer(CONTENT, cut_bytes=5),
    "cut_in_the_value": answer(CONTENT, cut_bytes=20),
    "no_value": answer({"RequestId": "R"}),
    "list": answer([VALUE]),
    "html": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n<>",
    "no_http": b"hiddenhidden\r\n\r\n",
    "nothing": b"",
    "cut_refusal": b"HTTP/1.1 500 No\r\nContent-Length: 99\r\nConnection: close\r\n\r\nhidden",
}


@pytest.mark.parametrize("case", ODD)
def test_odd_answer_is_unknown_and_shows_nothing(
    spoilt: Callable[[bytes], SpoiltCloud], case: str
) -> None:
    """I4: not even the part of a secret that did arrive is in the error."""
    spoilt(ODD[case])

    with pytest.raises(CloudUnknown) as raised:
        reader().get_secret_value(NAME)

    assert "hidden" not in shown(raised.value)
    assert raised.value.__context__ is None


def test_refusal_without_a_readable_body_has_the_status_as_its_code(
    spoilt: Callable[[bytes], SpoiltCloud],
) -> None:
    """A proxy's page in between."""
    spoilt(b"HTTP/1.1 403 No\r\nContent-Length: 99\r\nConnection: close\r\n\r\n<html>")

    with pytest.raises(CloudRefused) as raised:
        reader().get_secret_value(NAME)

    assert ("Http403", 403) == (raised.value.code, raised.value.status)
