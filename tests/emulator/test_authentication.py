"""Every gateway refusal, over real HTTP: by the official SDK where it can be made to err."""

from __future__ import annotations

import http.client
import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client

from emulator.authentication import rpc_v1
from emulator.choices import Choices
from tests.emulator.sdk import allow, ims, key_of, ram, sts

PROBE = {"Action": "GetCallerIdentity", "Version": "2015-04-01", "Format": "json",
         "SignatureMethod": "HMAC-SHA1", "SignatureVersion": "1.0"}  # fmt: skip


@pytest.fixture
def key(emulator: Any) -> tuple[str, str]:
    return key_of(ram(emulator), "u")


def signed(
    emulator: Any, key: tuple[str, str], method: str = "GET", **parameters: str
) -> dict[str, str]:
    """Parameters of a V1 call, signed; anything can be overridden before or (`Signature`) after."""
    now = emulator.cloud.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    claim = PROBE | {"AccessKeyId": key[0], "Timestamp": now, "SignatureNonce": now} | parameters
    text = rpc_v1.string_to_sign(method, claim)
    return {"Signature": rpc_v1.sign(key[1], text)} | claim


def send(
    emulator: Any, parameters: dict[str, str], method: str = "GET", form: bool = False
) -> tuple[int, dict[str, Any]]:
    """Send raw HTTP; the status and the JSON body."""
    text = urlencode(parameters, quote_via=quote)
    connection = http.client.HTTPConnection("127.0.0.1", emulator.server.port, timeout=5)
    if form:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request(method, "/", text, headers)
    else:
        connection.request(method, f"/?{text}")
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()
    return answer.status, content


@pytest.mark.parametrize(("method", "form"), [("GET", False), ("POST", False), ("POST", True)])
def test_v1_is_accepted_in_query_and_form(
    emulator: Any, key: tuple[str, str], method: str, form: bool
) -> None:
    """Old clients sign by GET, by POST with a query, and by POST with a form."""
    status, answer = send(emulator, signed(emulator, key, method), method, form)

    assert (status, answer["IdentityType"]) == (200, "RAMUser")


def test_sdk_with_v1_is_accepted(emulator: Any, key: tuple[str, str]) -> None:
    """The SDK still signs V1 if told to."""
    answer = sts(emulator, *key, signature_algorithm="v2")("GetCallerIdentity")

    assert answer["Arn"] == "acs:ram::1234567890123456:user/u"


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"AccessKeyId": "LTAI5tUnknown"}, 404, "InvalidAccessKeyId.NotFound"),
        ({"AccessKeyId": "STS.unknown"}, 404, "InvalidAccessKeyId.NotFound"),
        ({"Signature": "bm90IGl0"}, 400, "SignatureDoesNotMatch"),
        ({"SecurityToken": "t"}, 400, "InvalidSecurityToken.MismatchWithAccessKey"),
        ({"Timestamp": "now"}, 400, "InvalidTimeStamp.Format"),
        ({"SignatureMethod": "HMAC-MD5"}, 400, "InvalidSignatureMethod"),
        ({"Action": "NoSuchAction"}, 404, "InvalidAction.NotFound"),
        ({"Action": ""}, 400, "MissingAction"),
        ({"Version": "1999-01-01"}, 400, "InvalidVersion"),
        ({"SignatureNonce": ""}, 400, "MissingSignatureNonce"),
    ],
)
def test_gateway_refuses(
    emulator: Any, key: tuple[str, str], changes: dict[str, str], status: int, code: str
) -> None:
    """Each fault of a request has the gateway's documented status and code."""
    answer = send(emulator, signed(emulator, key, **changes))

    assert (answer[0], answer[1]["Code"]) == (status, code)


def test_error_body_has_the_documented_fields(emulator: Any, key: tuple[str, str]) -> None:
    """RequestId is an upper-case UUID; HostId, Code, Message and Recommend are there."""
    _, body = send(emulator, signed(emulator, key, Action="NoSuchAction"))

    assert set(body) == {"RequestId", "HostId", "Code", "Message", "Recommend"}
    assert re.fullmatch(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", body["RequestId"])


def test_other_methods_are_refused(emulator: Any, key: tuple[str, str]) -> None:
    """Only GET and POST are RPC calls."""
    status, body = send(emulator, signed(emulator, key, "DELETE"), "DELETE")

    assert (status, body["Code"]) == (400, "UnsupportedHTTPMethod")


@pytest.mark.parametrize("minutes", [-16, 16])
def test_time_outside_the_window_is_refused(
    emulator: Any, key: tuple[str, str], minutes: int
) -> None:
    """A timestamp may be off by 15 minutes, not by 16."""
    at = emulator.cloud.clock.now() + timedelta(minutes=minutes)

    status, body = send(
        emulator, signed(emulator, key, Timestamp=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    )

    assert (status, body["Code"]) == (400, "InvalidTimeStamp.Expired")


@pytest.mark.parametrize("minutes", [-14, 14])
def test_time_inside_the_window_is_accepted(
    emulator: Any, key: tuple[str, str], minutes: int
) -> None:
    """A timestamp may be off by 14 minutes."""
    at = emulator.cloud.clock.now() + timedelta(minutes=minutes)

    status, _ = send(
        emulator, signed(emulator, key, Timestamp=at.strftime("%Y-%m-%dT%H:%M:%SZ"))
    )

    assert status == 200


def test_nonce_used_twice_is_refused(emulator: Any, key: tuple[str, str]) -> None:
    """A replayed request is refused although its signature is right."""
    parameters = signed(emulator, key)
    assert send(emulator, parameters)[0] == 200

    status, body = send(emulator, parameters)

    assert (status, body["Code"]) == (400, "SignatureNonceUsed")


def test_wrong_secret_is_refused_by_both_schemes(emulator: Any, key: tuple[str, str]) -> None:
    """A signature with another secret does not match, and says what the server signed."""
    for scheme in ({}, {"signature_algorithm": "v2"}):
        refusal = sts(emulator, key[0], "another" * 5, **scheme).refusal("GetCallerIdentity")

        assert refusal == (400, "SignatureDoesNotMatch")


def test_disabled_key_and_deleted_key_differ(emulator: Any, key: tuple[str, str]) -> None:
    """Inactive is 400, gone is 404: a probe can tell the end of a key from its pause."""
    admin, probe = ram(emulator), sts(emulator, *key)
    admin("UpdateAccessKey", UserName="u", UserAccessKeyId=key[0], Status="Inactive")
    disabled = probe.refusal("GetCallerIdentity")
    admin("DeleteAccessKey", UserName="u", UserAccessKeyId=key[0])
    deleted = probe.refusal("GetCallerIdentity")

    assert disabled == (400, "InvalidAccessKeyId.Inactive")
    assert deleted == (404, "InvalidAccessKeyId.NotFound")


def test_changes_of_a_key_take_effect_late(emulator: Any) -> None:
    """Creation, disabling and deletion are seen by authentication after the propagation delay."""
    choices: Choices = emulator.cloud.choices
    choices.key_propagation_min_seconds = choices.key_propagation_max_seconds = 60.0
    admin, clock = ram(emulator), emulator.cloud.clock
    key = key_of(admin, "u")
    probe = sts(emulator, *key)

    assert probe.refusal("GetCallerIdentity") == (404, "InvalidAccessKeyId.NotFound")
    clock.advance(61)
    assert probe("GetCallerIdentity")["IdentityType"] == "RAMUser"
    admin("UpdateAccessKey", UserName="u", UserAccessKeyId=key[0], Status="Inactive")
    assert probe("GetCallerIdentity")["IdentityType"] == "RAMUser"
    clock.advance(61)
    assert probe.refusal("GetCallerIdentity") == (400, "InvalidAccessKeyId.Inactive")
    admin("DeleteAccessKey", UserName="u", UserAccessKeyId=key[0])
    assert probe.refusal("GetCallerIdentity") == (400, "InvalidAccessKeyId.Inactive")
    clock.advance(61)
    assert probe.refusal("GetCallerIdentity") == (404, "InvalidAccessKeyId.NotFound")


def test_purged_key_answers_until_its_deletion_has_spread(emulator: Any) -> None:
    """Emptying the recycle bin does not hurry authentication."""
    admin = ram(emulator)
    key = key_of(admin, "u")
    choices: Choices = emulator.cloud.choices
    choices.key_propagation_min_seconds = choices.key_propagation_max_seconds = 60.0
    user_id = admin("GetUser", UserName="u")["User"]["UserId"]
    admin("DeleteAccessKey", UserName="u", UserAccessKeyId=key[0])
    ims(emulator)("DeleteAccessKeyInRecycleBin", UserId=user_id, UserAccessKeyId=key[0])

    assert sts(emulator, *key)("GetCallerIdentity")["UserId"] == user_id
    emulator.cloud.clock.advance(61)
    assert sts(emulator, *key).refusal("GetCallerIdentity")[1] == "InvalidAccessKeyId.NotFound"


@pytest.fixture
def session(emulator: Any) -> dict[str, Any]:
    """Temporary credentials of a role without policies."""
    key = key_of(ram(emulator), "u", allow("sts:AssumeRole"))
    trust = {"Version": "1", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"RAM": ["acs:ram::1234567890123456:user/u"]}}]}  # fmt: skip
    ram(emulator)("CreateRole", RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))
    arn = "acs:ram::1234567890123456:role/r"
    answer = sts(emulator, *key)("AssumeRole", RoleArn=arn, RoleSessionName="one")
    return dict(answer["Credentials"])


@pytest.mark.parametrize(
    ("token", "code"),
    [("", "MissingSecurityToken"), ("garbage", "InvalidSecurityToken.Malformed")],
)
def test_session_needs_its_token(
    emulator: Any, session: dict[str, Any], token: str, code: str
) -> None:
    """Temporary credentials without their token, or with a made-up one, are refused."""
    key = (session["AccessKeyId"], session["AccessKeySecret"])
    more = {"SecurityToken": token} if token else {}

    status, body = send(emulator, signed(emulator, key, **more))

    assert (status, body["Code"]) == (400, code)


def test_token_of_another_session_is_refused(emulator: Any, session: dict[str, Any]) -> None:
    """A token belongs to one AccessKey id."""
    key = key_of(ram(emulator), "v", allow("sts:AssumeRole"))
    role = "acs:ram::1234567890123456:role/r"
    trust = {"Version": "1", "Statement": [{
        "Effect": "Allow", "Action": "sts:AssumeRole",
        "Principal": {"RAM": ["acs:ram::1234567890123456:root"]}}]}  # fmt: skip
    ram(emulator)("UpdateRole", RoleName="r", NewAssumeRolePolicyDocument=json.dumps(trust))
    other = sts(emulator, *key)("AssumeRole", RoleArn=role, RoleSessionName="two")["Credentials"]

    refusal = sts(
        emulator, session["AccessKeyId"], session["AccessKeySecret"],
        security_token=other["SecurityToken"],
    ).refusal("GetCallerIdentity")  # fmt: skip

    assert refusal == (400, "InvalidSecurityToken.MismatchWithAccessKey")


def test_session_ends_at_its_expiration(emulator: Any, session: dict[str, Any]) -> None:
    """Expiration is printed, and kept to the second's grain."""
    probe = sts(
        emulator, session["AccessKeyId"], session["AccessKeySecret"],
        security_token=session["SecurityToken"],
    )  # fmt: skip
    assert probe("GetCallerIdentity")["IdentityType"] == "AssumedRoleUser"
    expires = datetime.strptime(session["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)

    emulator.cloud.clock.advance(expires.timestamp() - emulator.cloud.clock.time() + 1)

    assert probe.refusal("GetCallerIdentity") == (400, "InvalidSecurityToken.Expired")


def test_malformed_targets_and_bytes_are_refused_not_500(
    emulator: Any, key: tuple[str, str]
) -> None:
    """Whatever is sent, the answer is a refusal of the product, never a crash."""
    for target in ("//[", "/?%ff%fe=%ff", "/?=&&&", "/?Version=2015-05-01&Version=", "/%zz?%"):
        connection = http.client.HTTPConnection("127.0.0.1", emulator.server.port, timeout=5)
        connection.putrequest("GET", target)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        connection.close()

        assert 400 <= answer.status < 500, target


def test_throttled_calls_are_refused(emulator: Any, key: tuple[str, str]) -> None:
    """Above the calls per second of an action: 400 Throttling.User."""
    emulator.cloud.choices.throttling = True
    emulator.cloud.choices.ram_calls_per_second = 1
    admin = ram(emulator)

    codes = [admin.refusal("GetUser", UserName="nobody")[1] for _ in range(12)]

    assert "Throttling.User" in codes


def test_what_a_client_gave_up_before_it_was_begun_is_not_done(emulator: Any) -> None:
    """The change of a call that timed out while it waited for its turn is not made after all."""
    hasty = Client(emulator.config(read_timeout=200))
    with emulator.cloud.lock, pytest.raises(Exception, match="timed out"):
        hasty.create_user(models.CreateUserRequest(user_name="late"))

    for _ in range(3):  # its thread has had the lock by then
        Client(emulator.config()).list_users(models.ListUsersRequest())

    assert "late" not in emulator.cloud.ram.users
    assert [("CreateUser", 499)] == [(call["action"], call["status"]) for call in
                                     emulator.cloud.history.since() if call["writes"] or
                                     call["action"] == "CreateUser"]  # fmt: skip


def test_change_that_its_client_does_not_hear_of_is_made_and_told_apart(emulator: Any) -> None:
    """The client went while the call was being carried out: who judges must know of it."""
    emulator.cloud.faults.add({"kind": "delay", "action": "CreateUser", "seconds": 0.5})
    hasty = Client(emulator.config(read_timeout=200))
    with pytest.raises(Exception, match="timed out"):
        hasty.create_user(models.CreateUserRequest(user_name="late"))

    Client(emulator.config()).create_user(models.CreateUserRequest(user_name="patient"))
    time.sleep(0.5)

    made = {call["parameters"]["UserName"]: call["unheard"]
            for call in emulator.cloud.history.since() if call["changed"]}  # fmt: skip
    assert {"late": True, "patient": False} == made
