"""Both signature schemes, refusals in FC's words, and RAM's decision on each call."""

from __future__ import annotations

import json
from email.utils import formatdate
from typing import Any

import pytest
from fc2.auth import Auth
from fc2.fc_exceptions import FcError

from emulator.fc import signature
from emulator.sts.state import new_session
from emulator.wire import Headers, Request
from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    ROLE_ID,
    Functions,
    functions_fixture,
    loaded_fixture,
)

SIGNED = {
    "date": "Mon, 23 Nov 2026 16:59:40 GMT",
    "content-type": "application/json",
}
ASYNC = {
    "x-fc-invocation-type": "Async",
    "X-Fc-Stateful-Async-Invocation-Id": "tkt-42",
    "x-fc-security-token": "TOK",
}
ONLY_ECHO = json.dumps({"Version": "1", "Statement": [{
    "Effect": "Allow", "Action": "fc:InvokeFunction",
    "Resource": "acs:fc:*:*:functions/echo",
}]})  # fmt: skip


@pytest.mark.parametrize(
    ("method", "target", "headers", "expected"),
    [
        ("POST", "/2016-08-15/services/akb/functions/issue/invocations", ASYNC,
         "8b83G3/mg7rcsiFNYrFjFJzo9zBiqPy4iO+bbPz2xvQ="),
        ("GET", "/2016-08-15/proxy/akb/hook/a%20b?k=2&k=1&e=", {},
         "loRp3uvC72iJrpxz3yiGgbFpSr/bN1Oj/x6psslyvMY="),
    ],
)  # fmt: skip
def test_signature_vectors(
    method: str, target: str, headers: dict[str, str], expected: str
) -> None:
    """The documented string to sign gives these values (example key, computed independently)."""
    request = Request(method, target, Headers({**SIGNED, **headers}.items()))

    signed = signature.sign("example-secret", signature.string_to_sign(request))

    assert signed == expected


def test_signature_of_the_sdk_on_a_new_path() -> None:
    """fc2's own signer and ours agree on a 2023-03-30 path."""
    path = "/2023-03-30/functions/broker-issue/invocations"
    request = Request("POST", path, Headers({**SIGNED, **ASYNC}.items()))

    signed = signature.sign("example-secret", signature.string_to_sign(request))

    by_sdk = Auth("LTAIEXAMPLE", "example-secret").sign_request("POST", path, {**SIGNED, **ASYNC})
    assert by_sdk == f"FC LTAIEXAMPLE:{signed}"


def _refused(functions: Functions, client: Any = None) -> tuple[int, str]:
    """What the 3.0 API answers to an invocation of `echo`."""
    with pytest.raises(Exception) as caught:  # noqa: PT011
        functions.invoke("echo", client=client)
    err: Any = caught.value
    return err.status_code, err.code


def _refused_fc2(client: Any, headers: dict[str, str] | None = None) -> tuple[int, str]:
    with pytest.raises(FcError) as caught:
        client.invoke_function("legacy", "echo", headers=headers or {})
    return caught.value.status_code, caught.value.err_code


def test_wrong_secret(functions: Functions) -> None:
    """403 SignatureNotMatch with either scheme; no call is counted as made."""
    key_id = functions.emulator.config().access_key_id

    assert _refused(functions, functions.client(key_id, "wrong")) == (403, "SignatureNotMatch")
    assert _refused_fc2(functions.fc2(key_id, "wrong")) == (403, "SignatureNotMatch")
    assert functions.last_call()["changed"] is False


def test_unknown_or_disabled_key(functions: Functions) -> None:
    """403 InvalidAccessKeyID for both."""
    key_id, secret = functions.add_user("somebody", ONLY_ECHO)
    functions.cloud.ram.keys[key_id].status_since = [(0.0, "Inactive")]

    refused = (403, "InvalidAccessKeyID")
    assert _refused(functions, functions.client(key_id, secret)) == refused
    assert _refused_fc2(functions.fc2("LTAI5tNobody", "secret")) == refused


def test_clock_off_by_more_than_15_minutes(functions: Functions) -> None:
    """403; within the window the same request passes."""
    now = functions.cloud.clock.time()

    late = _refused_fc2(functions.fc2(), {"date": formatdate(now - 16 * 60, usegmt=True)})
    in_time = functions.fc2().invoke_function(
        "legacy", "echo", b"x", headers={"date": formatdate(now - 14 * 60, usegmt=True)}
    )

    assert late == (403, "AccessDenied")
    assert in_time.data == b"x"


def test_request_without_authorization(functions: Functions) -> None:
    """400 MissingRequiredHeader, in the shape of the API that was called."""
    import requests

    base = f"http://{functions.emulator.endpoint}"
    new = requests.post(f"{base}/2023-03-30/functions/echo/invocations", timeout=10)
    old = requests.post(
        f"{base}/2016-08-15/services/legacy/functions/echo/invocations", timeout=10
    )

    assert (new.status_code, new.json()["Code"]) == (400, "MissingRequiredHeader")
    assert new.json()["RequestId"] == new.headers["X-Fc-Request-Id"]
    assert (old.status_code, old.json()["ErrorCode"]) == (400, "MissingRequiredHeader")


def test_request_without_date(functions: Functions) -> None:
    """400 MissingRequiredHeader, although the signature covers an empty date."""
    import requests

    answer = requests.post(
        f"http://{functions.emulator.endpoint}/2016-08-15/services/s/functions/f/invocations",
        headers={"Authorization": "FC LTAI:c2ln"}, timeout=10,
    )  # fmt: skip

    assert (answer.status_code, answer.json()["ErrorCode"]) == (400, "MissingRequiredHeader")


def _old_scheme_on_new_path(functions: Functions) -> Any:
    client = functions.fc2()
    path = "/2023-03-30/functions/echo/invocations"
    headers = client._build_common_headers("POST", path, {})
    return client._do_request("POST", path, headers, body=b"x")


def test_old_signature_on_new_path_is_a_choice(functions: Functions) -> None:
    """Accepted by default; refused as a wrong signature where the choice says so."""
    accepted = _old_scheme_on_new_path(functions)

    functions.cloud.choices.fc_signature_on_2023_paths = False
    with pytest.raises(FcError) as caught:
        _old_scheme_on_new_path(functions)

    assert accepted.content == b"x"
    assert caught.value.status_code == 403
    assert json.loads(caught.value.message)["Code"] == "SignatureNotMatch"


def test_policy_decides_and_the_history_cites_it(functions: Functions) -> None:
    """InvokeFunction is asked on the function's ARN; a refusal names action and resource."""
    client = functions.client(*functions.add_user("somebody", ONLY_ECHO))
    functions.invoke("echo", client=client)
    allowed = functions.last_call()

    with pytest.raises(Exception) as caught:  # noqa: PT011
        functions.invoke("logs", client=client)

    err: Any = caught.value
    refused = functions.last_call()
    arn = f"acs:fc:cn-hangzhou:{functions.cloud.account_id}:functions"
    assert [(d["resource"], d["effect"], d["policy"]) for d in allowed["decisions"]] == [
        (f"{arn}/echo", "Allow", "Custom:somebody")
    ]
    assert (allowed["product"], allowed["action"], allowed["changed"]) == (
        "fc", "InvokeFunction", True
    )  # fmt: skip
    assert (err.status_code, err.code) == (403, "AccessDenied")
    assert f"'fc:InvokeFunction' on resource '{arn}/logs'" in err.message
    assert [d["effect"] for d in refused["decisions"]] == ["ImplicitDeny"]
    assert (refused["code"], refused["changed"]) == ("AccessDenied", False)


def test_function_of_fc_2_is_a_resource_of_its_service(functions: Functions) -> None:
    """The permission is asked on services/<service>/functions/<function>."""
    client = functions.fc2(*functions.add_user("somebody", ONLY_ECHO))

    assert _refused_fc2(client) == (403, "AccessDenied")
    assert functions.last_call()["decisions"][0]["resource"] == (
        f"acs:fc:cn-hangzhou:{functions.cloud.account_id}:services/legacy/functions/echo"
    )


def _session(functions: Functions, seconds: float) -> tuple[Any, Any]:
    """Both SDKs with temporary credentials that end in `seconds`."""
    cloud = functions.cloud
    session = new_session(
        "fixture", ROLE_ID, "test", cloud.clock.time() + seconds,
        policies=(cloud.ram.named({("System", "AdministratorAccess"): cloud.clock.now()})[0],),
    )  # fmt: skip
    cloud.ram.roles["fixture"].attached[("System", "AdministratorAccess")] = cloud.clock.now()
    cloud.sessions[session.access_key_id] = session
    pair = (session.access_key_id, session.secret)
    return (
        functions.client(*pair, security_token=session.token),
        functions.fc2(*pair, securityToken=session.token),
    )


def test_temporary_credentials_pass_until_they_expire(functions: Functions) -> None:
    """Both schemes carry a security token; an expired one is 403."""
    new, old = _session(functions, 3600)
    expired_new, expired_old = _session(functions, -1)

    assert functions.invoke("echo", b"x", new).body.read() == b"x"
    assert old.invoke_function("legacy", "echo", b"x").data == b"x"
    assert _refused(functions, expired_new) == (403, "AccessDenied")
    assert _refused_fc2(expired_old) == (403, "AccessDenied")


def test_temporary_credentials_without_their_token(functions: Functions) -> None:
    """403: the pair alone proves nothing."""
    _, old = _session(functions, 3600)
    old.auth.security_token = ""

    assert _refused_fc2(old) == (403, "AccessDenied")
