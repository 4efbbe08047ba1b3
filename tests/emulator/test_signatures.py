"""Published and recomputed signatures: the emulator's own signing against other people's."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from emulator.authentication import acs3, rpc_v1
from emulator.errors import ProductError
from emulator.wire import Headers, Request

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SECRET = "dummySecret0000000000000000001"
RAM_HEADERS = {
    "accept": "application/json",
    "host": "ram.aliyuncs.com",
    "user-agent": "ua/1",
    "x-acs-action": "CreateAccessKey",
    "x-acs-content-sha256": EMPTY,
    "x-acs-credentials-provider": "static_ak",
    "x-acs-date": "2026-01-02T03:04:05Z",
    "x-acs-signature-nonce": "0123456789abcdef0123456789abcdef",
    "x-acs-version": "2015-05-01",
}
STS_HEADERS = RAM_HEADERS | {
    "x-acs-accesskey-id": "STS.NDummy",
    "x-acs-credentials-provider": "static_sts",
    "x-acs-security-token": "tok+/=",
}
ECS_HEADERS = {
    "host": "ecs.cn-shanghai.aliyuncs.com",
    "x-acs-action": "RunInstances",
    "x-acs-content-sha256": EMPTY,
    "x-acs-date": "2023-10-26T10:22:32Z",
    "x-acs-signature-nonce": "3156853299f313e23d1673dc12e1703d",
    "x-acs-version": "2014-05-26",
}
ECS_TARGET = (
    "/?ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd&RegionId=cn-shanghai"
)


def v3(target: str, headers: dict[str, str], signature: str = "0" * 64, **more: str) -> Request:
    """A V3 request that signs all of its headers, less `unsigned`."""
    signed = ";".join(sorted(set(headers) - {more.get("unsigned", "")}))
    authorization = more.get("authorization") or (
        f"ACS3-HMAC-SHA256 Credential=LTAI5tDummyKeyId00000001,SignedHeaders={signed},"
        f"Signature={signature}"
    )
    return Request(
        "POST", target, Headers([*headers.items(), ("Authorization", authorization)]),
        more.get("body", "").encode(),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("target", "headers", "secret", "signature"),
    [
        pytest.param(
            ECS_TARGET, ECS_HEADERS, "YourAccessKeySecret",
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
            id="published-ecs-run-instances",
        ),
        pytest.param(
            "/?UserName=broker+u1", RAM_HEADERS, SECRET,
            "6b402193288d90df58114eddb9216a76a558ec20b234695fbd7f5ae7e25f8409",
            id="sdk-ram-create-access-key",
        ),
        pytest.param(
            "/?UserName=broker+u1", STS_HEADERS, SECRET,
            "5cf370ea56540834e0db9fd6a1099efe789879102e96151ce7feb4bf29d0a427",
            id="sdk-with-security-token",
        ),
    ],
)  # fmt: skip
def test_v3_signature_equals_vector(
    target: str, headers: dict[str, str], secret: str, signature: str
) -> None:
    """V3 signs the canonical request as the published example and the SDK do."""
    proof = acs3.proof(v3(target, headers, signature), {})

    assert proof.expected(secret) == signature == proof.signature


def test_v3_canonical_request_hash_equals_vector() -> None:
    """The string to sign carries the SDK's hash of the canonical request, space as %20."""
    proof = acs3.proof(v3("/?UserName=broker+u1", RAM_HEADERS), {})

    assert proof.string_to_sign.endswith(
        "1c51264aa30ae66ce74f270d92ea01a7d219db8045bc01ddee02f4d8eb2081db"
    )


@pytest.mark.parametrize(
    ("method", "parameters", "secret", "signature"),
    [
        pytest.param(
            "GET",
            {"Action": "CreateUser", "UserPrincipalName": "test@example.onaliyun.com",
             "DisplayName": "test", "SignatureVersion": "1.0", "Format": "JSON",
             "Timestamp": "2021-01-15T06:02:28Z", "AccessKeyId": "testid",
             "SignatureMethod": "HMAC-SHA1", "Version": "2019-08-15",
             "SignatureNonce": "3f6b4e80-56f7-11eb-a256-a9f756ea7e85"},
            "testsecret", "02heLegtw4+BFamznl1Ltj+vJ4A=", id="published-ims-create-user",
        ),
        pytest.param(
            "POST",
            {"Action": "CreateAccessKey", "Format": "json", "Version": "2015-05-01",
             "Timestamp": "2026-01-02T03:04:05Z", "UserName": "broker u1",
             "SignatureNonce": "0123456789abcdef0123456789abcdef",
             "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
             "AccessKeyId": "LTAI5tDummyKeyId00000001"},
            SECRET, "2rmg4iVCCS0XlCbeJhAgnXSecsU=", id="sdk-ram-create-access-key",
        ),
    ],
)  # fmt: skip
def test_v1_signature_equals_vector(
    method: str, parameters: dict[str, str], secret: str, signature: str
) -> None:
    """V1 signs method and sorted parameters as the published example and the SDK do."""
    signed = parameters | {"Signature": signature}
    query = "&".join(f"{k}={quote(v, safe='')}" for k, v in signed.items())
    request = Request(method, f"/?{query}", Headers([("host", "ims.aliyuncs.com")]))

    proof = rpc_v1.proof(request, dict(request.query))

    assert proof.expected(secret) == signature == proof.signature


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (v3("/", RAM_HEADERS, authorization="ACS3-HMAC-SHA256 Credential=x"),
         "IncompleteSignature"),
        (v3("/", RAM_HEADERS, unsigned="host"), "IncompleteSignature"),
        (v3("/", RAM_HEADERS, unsigned="x-acs-action"), "IncompleteSignature"),
        (v3("/", RAM_HEADERS, body="other"), "IncompleteSignature"),
        (v3("/", {k: v for k, v in RAM_HEADERS.items() if k != "x-acs-date"}),
         "MissingTimestamp"),
        (v3("/", RAM_HEADERS | {"x-acs-date": "yesterday"}), "InvalidTimeStamp.Format"),
    ],
    ids=["authorization", "host-unsigned", "action-unsigned", "body-changed", "no-date",
         "bad-date"],
)  # fmt: skip
def test_v3_claim_is_refused_when_incomplete(request_: Request, code: str) -> None:
    """What is not signed is not trusted: host and every x-acs-* header must be."""
    with pytest.raises(ProductError) as raised:
        acs3.proof(request_, {})

    assert raised.value.code == code


V1_PARAMETERS = {
    "AccessKeyId": "a", "Signature": "s", "Timestamp": "2026-01-02T03:04:05Z",
    "SignatureNonce": "n", "Action": "GetUser", "Version": "2015-05-01",
}  # fmt: skip


@pytest.mark.parametrize("missing", sorted(V1_PARAMETERS))
def test_v1_claim_is_refused_without(missing: str) -> None:
    """Each authentication parameter is mandatory, and its absence named."""
    parameters = {k: v for k, v in V1_PARAMETERS.items() if k != missing}

    with pytest.raises(ProductError) as raised:
        rpc_v1.proof(Request("GET", "/", Headers([])), parameters)

    assert raised.value.code == f"Missing{missing}"


def test_v1_other_signature_method_is_refused() -> None:
    """HMAC-SHA1 is the only method of V1."""
    with pytest.raises(ProductError) as raised:
        rpc_v1.proof(
            Request("GET", "/", Headers([])), V1_PARAMETERS | {"SignatureMethod": "NONE"}
        )

    assert raised.value.code == "InvalidSignatureMethod"
