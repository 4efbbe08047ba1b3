"""Requests as clients outside this repository send them: other SDKs, old habits, bad spelling."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from emulator import management
from emulator.authentication import Proof
from emulator.errors import ProductError
from emulator.wire import Headers, Request
from tests.emulator import sls_scenario
from tests.emulator.conftest import ADMIN_ID, ADMIN_SECRET
from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    Functions,
    functions_fixture,
    loaded_fixture,
)

ENDPOINT = "cn-hangzhou.log.aliyuncs.com"


def v1(emulator: Any, action: str, version: str, *, headers: dict[str, str] | None = None,
       form: bool = False, **parameters: str) -> tuple[int, dict[str, Any]]:  # fmt: skip
    """A V1 request, signed here and not by the emulator's code; Format is left out."""
    method = "POST" if form else "GET"
    pairs = parameters | {
        "Action": action, "Version": version, "AccessKeyId": ADMIN_ID,
        "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0",
        "SignatureNonce": uuid.uuid4().hex,
        "Timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }  # fmt: skip
    canonical = urlencode(sorted(pairs.items()), quote_via=quote, safe="-_.~")
    text = f"{method}&%2F&{quote(canonical, safe='-_.~')}"
    mac = hmac.new(f"{ADMIN_SECRET}&".encode(), text.encode(), hashlib.sha1)
    sent = urlencode(pairs | {"Signature": base64.b64encode(mac.digest()).decode()})
    connection = http.client.HTTPConnection("127.0.0.1", emulator.server.port, timeout=10)
    target = "/" if form else f"/?{sent}"
    connection.request(method, target, sent if form else None, headers or {})
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read())
    connection.close()
    return found


# -- RAM, IMS, STS, KMS -----------------------------------------------------------------------


def test_v1_is_routed_by_its_signed_version(emulator: Any) -> None:
    """The x-acs-version header that some SDKs add to V1 is unsigned: it decides nothing."""
    status, answer = v1(
        emulator, "GetCallerIdentity", "2015-04-01", headers={"x-acs-version": "2016-01-20"}
    )

    assert (status, answer.get("IdentityType")) == (200, "RAMUser")


def test_form_is_read_whatever_the_case_of_its_type(emulator: Any) -> None:
    """Media types are case-insensitive and may carry parameters."""
    kind = {"Content-Type": "Application/X-WWW-Form-URLEncoded; charset=UTF-8"}

    status, answer = v1(emulator, "CreateUser", "2015-05-01", headers=kind, form=True,
                        UserName="u", DisplayName="é + ~*")  # fmt: skip

    assert (status, answer["User"]["DisplayName"]) == (200, "é + ~*")


def test_form_of_very_many_pairs_is_refused(emulator: Any) -> None:
    """More pairs than any action takes are not even looked at."""
    many = {f"x{number}": "" for number in range(2000)}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}

    status, answer = v1(emulator, "ListUsers", "2015-05-01", headers=kind, form=True, **many)

    assert (status, answer["Code"]) == (400, "InvalidVersion")


@pytest.mark.parametrize(("minutes", "accepted"), [(29, False), (31, True)])
def test_nonce_is_remembered_while_its_timestamp_counts(
    emulator: Any, minutes: int, accepted: bool
) -> None:
    """15 minutes either way; then it is forgotten, or a busy emulator would only grow."""
    cloud = emulator.cloud
    request = Request("GET", "/", Headers([]))

    def call(nonce: str) -> None:
        proof = Proof(ADMIN_ID, "s", lambda _: "s", "", cloud.clock.time(), nonce=nonce)
        cloud.authenticate(proof, request, "sts")

    call("first")
    cloud.clock.advance(minutes * 60)
    call("second")

    if accepted:
        call("first")
    else:
        with pytest.raises(ProductError, match="SignatureNonceUsed"):
            call("first")


# -- SLS --------------------------------------------------------------------------------------


def test_project_is_created_at_the_endpoint_itself(emulator: Any) -> None:
    """The OpenAPI SDK sends CreateProject and TagResources without a project in Host."""
    project = {"projectName": "central", "description": ""}
    tags = {"resourceType": "project", "resourceId": ["central"],
            "tags": [{"key": "k", "value": "v"}]}  # fmt: skip

    answers = [
        sls_scenario.raw(emulator, "POST", path, json.dumps(content).encode(), host=ENDPOINT,
                         content_type="application/json", x_log_signaturemethod="hmac-sha256")
        for path, content in (("/", project), ("/tag", tags))
    ]  # fmt: skip

    assert [answer[0] for answer in answers] == [200, 200]
    assert emulator.cloud.sls.projects["central"].tags == {"k": "v"}
    [decision] = emulator.cloud.history.since()[0]["decisions"]
    assert decision["resource"].endswith(":project/central")


def test_project_of_host_and_body_must_agree(emulator: Any) -> None:
    """A project's own host creates that project only."""
    content = json.dumps({"projectName": "one", "description": ""}).encode()

    answer = sls_scenario.raw(emulator, "POST", "/", content, host=f"two.{ENDPOINT}")

    assert sls_scenario.code(answer) == (400, "ParameterInvalid")


def test_empty_content_md5_is_that_of_no_body(emulator: Any) -> None:
    """The OpenAPI SDK sends `content-md5:` and a content type with every GET."""
    answer = sls_scenario.raw(
        emulator, "GET", "/?offset=0&size=100", host=ENDPOINT, content_md5="",
        content_type="application/json",
    )  # fmt: skip

    assert answer[0] == 200


@pytest.mark.parametrize("port_signed", [True, False])
def test_v4_host_is_signed_with_or_without_port(emulator: Any, port_signed: bool) -> None:
    """Away from port 80, SDKs differ in what they sign; what they send is the same."""
    sent = f"{ENDPOINT}:{emulator.server.port}"
    date, empty = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ"), hashlib.sha256(b"").hexdigest()
    signed = {"host": sent if port_signed else ENDPOINT, "x-log-apiversion": "0.6.0",
              "x-log-content-sha256": empty, "x-log-date": date}  # fmt: skip
    lines = "".join(f"{name}:{value}\n" for name, value in signed.items())
    canonical = f"GET\n/\noffset=0&size=9\n{lines}\n{';'.join(signed)}\n{empty}"
    scope = f"{date[:8]}/cn-hangzhou/sls/aliyun_v4_request"
    key = f"aliyun_v4{ADMIN_SECRET}".encode()
    for link in scope.split("/"):
        key = hmac.digest(key, link.encode(), "sha256")
    text = f"SLS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    mac = hmac.digest(key, text.encode(), "sha256").hex()
    claim = f"SLS4-HMAC-SHA256 Credential={ADMIN_ID}/{scope},Signature={mac}"

    connection = http.client.HTTPConnection("127.0.0.1", emulator.server.port, timeout=10)
    connection.request("GET", "/?offset=0&size=9", headers=signed | {
        "host": sent, "authorization": claim,
    })  # fmt: skip
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert answer.status == 200


# -- FC ---------------------------------------------------------------------------------------

INVOKE = "/2023-03-30/functions/echo/invocations"


def fc(emulator: Any, date: str, headers: dict[str, str]) -> tuple[int, str]:
    """Status and code of an invocation with this date, signed as FC 2.0 does."""
    signed = "".join(f"{name}:{value}\n" for name, value in sorted(headers.items()))
    text = f"POST\n\n\n{date}\n{signed}{INVOKE}"
    mac = hmac.new(ADMIN_SECRET.encode(), text.encode(), hashlib.sha256)
    claim = f"FC {ADMIN_ID}:{base64.b64encode(mac.digest()).decode()}"
    connection = http.client.HTTPConnection("127.0.0.1", emulator.server.port, timeout=10)
    connection.request("POST", INVOKE, b"{}", {"Date": date, "Authorization": claim} | headers)
    answer = connection.getresponse()
    found = answer.status, json.loads(answer.read() or b"{}").get("Code", "")
    connection.close()
    return found


@pytest.mark.parametrize("date", [
    "x", "Mon, 32 Nov 2026 25:61:61 GMT", "Mon, 23 Nov 99999999999999999999 22:00:00 GMT",
    "Mon, 01 Jan 0001 00:00:00 +9999", ",",
])  # fmt: skip
def test_dates_that_are_none_are_refused(emulator: Any, date: str) -> None:
    """A Date that no calendar holds is an invalid or an expired one, never a defect."""
    assert fc(emulator, date, {}) in ((400, "InvalidArgument"), (403, "AccessDenied"))


@pytest.mark.parametrize("delay", ["0", "3600", "-1", "1.5", "x", "\xb2", "9" * 5000])
def test_delays_that_are_none_are_refused(functions: Functions, delay: str) -> None:
    """`x-fc-async-delay` is a whole number of seconds below an hour."""
    headers = {"x-fc-async-delay": delay, "x-fc-invocation-type": "Async"}
    now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")

    assert fc(functions.emulator, now, headers) == (400, "InvalidArgument")


# -- the management port ----------------------------------------------------------------------


def manage(emulator: Any, method: str, path: str, body: bytes) -> int:
    return management.handle(emulator.cloud, Request(method, path, Headers([]), body)).status


def test_clock_without_a_number_says_what_it_wants(emulator: Any) -> None:
    """Not the name of a Python exception and a key."""
    request = Request("POST", "/clock", Headers([]), b"{}")

    answer = management.handle(emulator.cloud, request)

    assert 400 == answer.status
    assert b'such as {\\"advance_seconds\\": 600}' in answer.body


@pytest.mark.parametrize("seconds", [b"NaN", b"1e400", b"-1", b"1e15", b'"x"', b"null"])
def test_time_that_cannot_pass_is_refused(emulator: Any, seconds: bytes) -> None:
    """A clock without a date would break every later call, the reset among them."""
    assert manage(emulator, "POST", "/clock", b'{"advance_seconds": ' + seconds + b"}") == 400
    assert manage(emulator, "GET", "/state", b"") == 200


@pytest.mark.parametrize("body", [
    b'{"kind": "error", "nth": "x"}', b'{"kind": "delay", "seconds": "x"}',
    b'{"kind": "error", "status": "x"}', b'{"kind": "error", "status": 99}',
    b'{"kind": "error", "status": true}', b'{"kind": "error", "product": 5}', b"[" * 100_000,
    b"\xff", b"[]",
], ids=range(9))  # fmt: skip
def test_fault_rules_that_are_none_are_refused(emulator: Any, body: bytes) -> None:
    """A rule of wrong types would fail later, inside the calls that it matches."""
    assert manage(emulator, "POST", "/faults", body) == 400
    assert emulator.cloud.faults.listed() == []
