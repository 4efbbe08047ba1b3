"""Signatures of SLS: the published vectors, and every refusal of a request's head."""

from __future__ import annotations

import hashlib
from email.utils import formatdate
from typing import Any

import pytest

from emulator.ram.state import AccessKey
from emulator.sls.signature import proof, sign_v1, sign_v4, string_to_sign_v1, string_to_sign_v4
from emulator.sts.state import new_session
from emulator.wire import Headers, Request
from tests.emulator.sls_scenario import ADMIN, PROJECT, client, code, get, put, raw, ready, refusal

PUBLISHED_SECRET = "4fdO2fTDDnZPU/L7CHNdemB2Nsk="


def test_published_get_vector_v1() -> None:
    """The vendor's sample of a GET signs to the published value; its query keeps `k=`."""
    headers = Headers([("x-log-apiversion", "0.6.0"), ("x-log-signaturemethod", "hmac-sha1")])
    request = Request("GET", "/logstores?size=1000&logstoreName=&offset=0", headers)

    text = string_to_sign_v1(request, "Mon, 09 Nov 2015 06:11:16 GMT")

    assert sign_v1(PUBLISHED_SECRET, text) == "jEYOTCJs2e88o+y5F4/S5IsnBJQ="


def test_published_post_vector_v1() -> None:
    """The vendor's sample of a write signs to the published value."""
    headers = Headers([
        ("Content-MD5", "1DD45FA4A70A9300CC9FE7305AF2C494"),
        ("Content-Type", "application/x-protobuf"), ("x-log-apiversion", "0.6.0"),
        ("x-log-bodyrawsize", "50"), ("x-log-compresstype", "lz4"),
        ("x-log-signaturemethod", "hmac-sha1"), ("x-log-date", "not signed"),
    ])  # fmt: skip

    text = string_to_sign_v1(
        Request("POST", "/logstores/test-logstore", headers), "Mon, 09 Nov 2015 06:03:03 GMT"
    )

    assert sign_v1(PUBLISHED_SECRET, text) == "XWLGYHGg2F2hcfxWxMLiNkGki6g="


def test_recorded_put_is_verified_v1() -> None:
    """A request of the SDK, recorded on the wire, proves itself with its secret."""
    body = bytes.fromhex(
        "f0440a2a0880e2cfaa06120e0a086576656e745f696412026531120d0a04757365721205616c69636525"
        "15cd5b071a08616b62726f6b6572220e66633a636e2d68616e677a686f75320b0a06736368656d61120131"
    )
    date = "Mon, 23 Nov 2026 16:53:02 GMT"
    headers = Headers([
        ("Authorization", "LOG LTAI5tTESTID:uZwAma1IIOJheQAtUUyKR6M3N5E="), ("Date", date),
        ("Content-MD5", "67B86DDF9C49D1DFA0E27C75865130F7"), ("x-log-bodyrawsize", "83"),
        ("Content-Type", "application/x-protobuf"), ("x-log-compresstype", "lz4"),
        ("x-log-apiversion", "0.6.0"), ("x-log-signaturemethod", "hmac-sha1"),
        ("x-log-date", date),
    ])  # fmt: skip

    claim = proof(Request("POST", "/logstores/audit/shards/lb", headers, body), "cn-hangzhou")

    assert claim.access_key_id == "LTAI5tTESTID"
    assert claim.expected("TESTSECRET") == claim.signature


def test_sdk_vector_v4() -> None:
    """The vector of the Python SDK's own unit tests."""
    body_hash = hashlib.sha256(b"adasd= -asd zcas").hexdigest()
    headers = Headers([("x-log-content-sha256", body_hash), ("x-log-date", "20220808T032330Z")])

    text = string_to_sign_v4(
        Request("POST", "/logstores", headers), "20220808T032330Z", "cn-shanghai"
    )

    expected = "8a10a5e723cb2e75964816de660b2c16a58af8bc0261f7f0722d832468c76ce8"
    assert sign_v4("zxasdasdasw2", text) == expected


@pytest.mark.parametrize("scheme", [{}, {"auth_version": "v4", "region": "cn-hangzhou"}])
def test_sdk_round_trip(emulator: Any, monkeypatch: pytest.MonkeyPatch, scheme: Any) -> None:
    """Both schemes of the SDK are accepted, with odd characters in query and body."""
    sdk = client(emulator, monkeypatch, **scheme)
    ready(sdk)

    put(sdk, {"event_id": "a b/ü+&=", "user": "中文"}, hashKey="7" + "f" * 31)
    listed = sdk.list_logstore(PROJECT, logstore_name_pattern="a ü/+&=~*'()")
    sdk._get_logs_v2_enabled = False  # v1 puts the statement into the signed query

    assert listed.get_count() == 0
    assert get(sdk, 'event_id: "a b/ü+&="')[0]["user"] == "中文"


@pytest.mark.parametrize("scheme", [{}, {"auth_version": "v4", "region": "cn-hangzhou"}])
def test_session_token(emulator: Any, monkeypatch: pytest.MonkeyPatch, scheme: Any) -> None:
    """A session of a role without policies is known and then denied, in both schemes."""
    session = new_session("r", "1", "s", emulator.cloud.clock.time() + 900)
    emulator.cloud.sessions[session.access_key_id] = session
    sdk = client(emulator, monkeypatch, (session.access_key_id, session.secret),
                 securityToken=session.token, **scheme)  # fmt: skip

    status, error, message = refusal(sdk.get_project, PROJECT)

    assert (status, error) == (401, "Unauthorized")
    assert message == (
        "denied by sts or ram, action: log:GetProject, "
        "resource: acs:log:cn-hangzhou:1234567890123456:project/broker-audit"
    )


def test_expired_token(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An expired session is told so."""
    session = new_session("r", "1", "s", emulator.cloud.clock.time() - 1)
    emulator.cloud.sessions[session.access_key_id] = session
    sdk = client(emulator, monkeypatch, (session.access_key_id, session.secret),
                 securityToken=session.token)  # fmt: skip

    assert refusal(sdk.get_project, PROJECT) == (
        401, "Unauthorized", "The security token you provided has expired.",
    )  # fmt: skip


def test_wrong_token(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session with a token of nobody is told so."""
    session = new_session("r", "1", "s", emulator.cloud.clock.time() + 900)
    emulator.cloud.sessions[session.access_key_id] = session
    sdk = client(emulator, monkeypatch, (session.access_key_id, session.secret),
                 securityToken="CAIS")  # fmt: skip

    assert refusal(sdk.get_project, PROJECT) == (
        401, "Unauthorized", "The security token you provided is invalid.",
    )  # fmt: skip


def test_unknown_key(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is not there."""
    sdk = client(emulator, monkeypatch, ("LTAInobody", "x"))

    assert refusal(sdk.get_project, PROJECT) == (
        401, "Unauthorized", "AccessKeyId not found: LTAInobody",
    )  # fmt: skip


def test_disabled_key(emulator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is disabled."""
    user = emulator.cloud.ram.users["administrator"]
    emulator.cloud.ram.keys["LTAIoff"] = AccessKey(
        "LTAIoff", "s", user.id, status_since=[(0.0, "Inactive")]
    )
    sdk = client(emulator, monkeypatch, ("LTAIoff", "s"))

    assert refusal(sdk.get_project, PROJECT) == (
        401, "Unauthorized", "AccessKeyId is disabled: LTAIoff",
    )  # fmt: skip


@pytest.mark.parametrize("scheme", [{}, {"auth_version": "v4", "region": "cn-hangzhou"}])
def test_wrong_secret(emulator: Any, monkeypatch: pytest.MonkeyPatch, scheme: Any) -> None:
    """A wrong secret does not match, and the answer holds the sent signature only."""
    sdk = client(emulator, monkeypatch, (ADMIN[0], "wrong"), **scheme)

    status, error, message = refusal(sdk.get_project, PROJECT)

    assert (status, error) == (401, "SignatureNotMatch")
    assert message.startswith("signature ")
    assert message.endswith(" not matched")


@pytest.mark.parametrize("chosen", ["RequestTimeExpired", "RequestTimeTooSkewed"])
@pytest.mark.parametrize("scheme", [{}, {"auth_version": "v4", "region": "cn-hangzhou"}])
def test_clock_skew(
    emulator: Any, monkeypatch: pytest.MonkeyPatch, scheme: Any, chosen: str
) -> None:
    """A clock more than 15 minutes off is refused with the chosen one of two documented codes."""
    emulator.cloud.choices.sls_time_skew_code = chosen
    sdk = client(emulator, monkeypatch, **scheme)
    monkeypatch.setattr(emulator.cloud.clock, "_offset_seconds", 16 * 60.0)

    assert refusal(sdk.get_project, PROJECT)[:2] == (400, chosen)


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        ((400, "MissingAPIVersion"), {"drop": ("x-log-apiversion",)}),
        ((400, "InvalidAPIVersion"), {"x_log_apiversion": "0.1.0"}),
        ((400, "MissingSignatureMethod"), {"drop": ("x-log-signaturemethod",)}),
        ((400, "InvalidSignatureMethod"), {"x_log_signaturemethod": "hmac-md5"}),
        ((400, "MissingDate"), {"drop": ("date",)}),
        ((400, "InvalidDateFormat"), {"date": "yesterday"}),
        ((400, "InvalidDateFormat"), {"x_log_date": "Mon, 99 Nov 9999 16:53:02 GMT"}),
        ((400, "MissAccessKeyId"), {"signed": False}),
        ((400, "MissAccessKeyId"), {"authorization": "LOG :c2ln"}),
        ((400, "ParameterInvalid"), {"authorization": "LOG nonsense"}),
        ((400, "ParameterInvalid"), {"authorization": "SLS4-HMAC-SHA256 x",
                                     "x_log_date": "20261123T165339Z"}),
        ((400, "MissingDate"), {"authorization": "SLS4-HMAC-SHA256 x"}),
        ((400, "InvalidDateFormat"), {"authorization": "SLS4-HMAC-SHA256 x",
                                      "x_log_date": "20261399T165339Z"}),
        ((400, "ParameterInvalid"), {"content_md5": "0" * 32}),
    ],
)  # fmt: skip
def test_head_refused(emulator: Any, expected: tuple[int, str], changes: Any) -> None:
    """Each defect of a request's head has its documented code."""
    assert code(raw(emulator, "GET", "/", **changes)) == expected


def test_missing_host(emulator: Any) -> None:
    """A request without Host is recognised by its version header and refused."""
    assert code(raw(emulator, "GET", "/", drop=("host",))) == (400, "MissingHost")


def test_body_that_was_not_signed(emulator: Any) -> None:
    """A changed body does not pass under the old Content-MD5."""
    answer = raw(emulator, "POST", "/", b"{}", content_md5="0" * 32)

    assert code(answer) == (400, "ParameterInvalid")


def test_body_that_was_not_signed_v4(emulator: Any) -> None:
    """A changed body does not pass under the old content hash."""
    claim = "/20261123/cn-hangzhou/sls/aliyun_v4_request,Signature=" + "0" * 64

    answer = raw(
        emulator, "POST", "/", b"{}", x_log_date="20261123T165339Z", x_log_content_sha256="0" * 64,
        authorization="SLS4-HMAC-SHA256 Credential=" + ADMIN[0] + claim,
    )  # fmt: skip

    assert answer[1]["errorMessage"].startswith("Http extend x-log-content-sha256")


def test_hmac_sha256_method(emulator: Any) -> None:
    """v1 with hmac-sha256, as the OpenAPI SDK signs."""
    answer = raw(emulator, "GET", "/", x_log_signaturemethod="hmac-sha256")

    assert code(answer) == (404, "ProjectNotExist")


def test_date_in_either_header(emulator: Any) -> None:
    """x-log-date stands in for Date."""
    date = formatdate(usegmt=True)

    answer = raw(emulator, "GET", "/", drop=("date",), x_log_date=date)

    assert code(answer) == (404, "ProjectNotExist")
