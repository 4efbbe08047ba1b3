"""HTTP triggers: the event a function gets, and what its answer becomes."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    Functions,
    functions_fixture,
    loaded_fixture,
)


def _call(
    functions: Functions, path: str = "/", method: str = "POST", name: str = "web", **more: Any
) -> requests.Response:
    url = f"http://{functions.emulator.endpoint}/fcapp/{name}{path}"
    return requests.request(method, url, timeout=20, **more)


def test_event_has_the_documented_shape(functions: Functions) -> None:
    """Encoded raw path, decoded path, joined values, Go-canonical header names, text body."""
    answer = _call(
        functions, "/a%20b?p=1&q=x&p=2", data='{"k": "ü"}'.encode(),
        headers={"x-acs-action": "Do", "content-type": "application/json", "user-agent": "own"},
    )  # fmt: skip

    event = answer.json()
    context = event["requestContext"]
    assert (event["version"], event["rawPath"]) == ("v1", "/a%20b")
    assert (event["body"], event["isBase64Encoded"]) == ('{"k": "ü"}', False)
    assert event["queryParameters"] == {"p": "1,2", "q": "x"}
    assert event["headers"]["X-Acs-Action"] == "Do"
    assert event["headers"]["Content-Type"] == "application/json"
    assert context["domainName"] == "web-emulator.cn-hangzhou.fcapp.run"
    assert context["domainPrefix"] == "web-emulator"
    assert context["accountId"] == functions.cloud.account_id
    assert context["requestId"] == answer.headers["X-Fc-Request-Id"]
    assert context["timeEpoch"].isdigit()
    assert context["http"] == {
        "method": "POST", "path": "/a b", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
        "userAgent": "own",
    }  # fmt: skip


def test_binary_body_is_base64(functions: Functions) -> None:
    """What is not UTF-8 is encoded, and flagged."""
    event = _call(functions, data=b"\xff\x00").json()

    assert (event["body"], event["isBase64Encoded"]) == ("/wA=", True)


def test_text_is_base64_by_choice(functions: Functions) -> None:
    """FC documents the flag, not when it is set."""
    functions.cloud.choices.fc_base64_bodies = True

    event = _call(functions, data=b"{}").json()

    assert (event["body"], event["isBase64Encoded"]) == ("e30=", True)


def test_own_answer_is_passed_on(functions: Functions) -> None:
    """Status, headers and body are the function's."""
    answer = _call(functions)

    assert answer.status_code == 201
    assert answer.headers["Content-Type"] == "text/x-own"
    assert answer.headers["X-Own"] == "yes"


def test_plain_value_becomes_200_json(functions: Functions) -> None:
    """A result without statusCode is the body."""
    answer = _call(functions, "/plain")

    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json() == {"just": "a value"}


@pytest.mark.parametrize("path", ["/raise", "/malformed"])
def test_failed_function_answers_the_chosen_status(functions: Functions, path: str) -> None:
    """An exception or an answer that is none: the status is a choice, 502 unless changed."""
    first = _call(functions, path)
    functions.cloud.choices.fc_http_error_status = 500
    second = _call(functions, path)

    assert (first.status_code, second.status_code) == (502, 500)
    assert first.headers["X-Fc-Error-Type"] == "UnhandledInvocationError"


def test_method_that_is_not_listed(functions: Functions) -> None:
    """405; the function does not run."""
    answer = _call(functions, method="PUT")

    assert (answer.status_code, answer.json()["Code"]) == (405, "MethodNotAllowed")
    assert functions.fc.logs() == {}


@pytest.mark.parametrize(
    ("name", "status"), [("nothing", 404), ("echo", 403), ("closed", 403), ("guarded", 403)]
)
def test_address_that_does_not_answer(functions: Functions, name: str, status: int) -> None:
    """No such function, no trigger, switched off, unsigned."""
    answer = _call(functions, name=name)

    assert answer.status_code == status
    assert functions.fc.logs() == {}


def test_real_host_name_through_the_proxy(functions: Functions) -> None:
    """The function's own address works through the proxy, whose user is the caller's address."""
    proxy = f"http://198.51.100.7:x@{functions.emulator.endpoint}"

    answer = requests.get(
        "http://web-emulator.cn-hangzhou.fcapp.run/x", proxies={"http": proxy}, timeout=20
    )

    event = answer.json()
    assert event["rawPath"] == "/x"
    assert event["requestContext"]["http"]["sourceIp"] == "198.51.100.7"
    assert not [name for name in event["headers"] if name.startswith("Proxy")]


def test_any_caller_may_make_it_asynchronous(functions: Functions) -> None:
    """A header turns the request into a task: 202, no body, and the status is never seen."""
    headers = {"X-Fc-Invocation-Type": "Async", "X-Fc-Async-Task-Id": "tkt_1"}

    accepted = _call(functions, "/raise", headers=headers)
    again = _call(functions, "/raise", headers=headers)

    assert (accepted.status_code, accepted.content) == (202, b"")
    assert again.status_code == 409
    assert functions.finished("tkt_1")["state"] == "Failed"
    assert functions.last_call()["action"] == "InvokeHTTPTrigger"


def test_fc_headers_of_a_caller_do_not_reach_the_function(functions: Functions) -> None:
    """Names starting with x-fc- are FC's own."""
    event = _call(functions, headers={"X-Fc-Account-Id": "me"}).json()

    assert "X-Fc-Account-Id" not in event["headers"]


def test_body_over_32_mb_is_refused(functions: Functions) -> None:
    """413."""
    assert _call(functions, data=b"x" * (32 * 1024 * 1024 + 1)).status_code == 413


def _signed(functions: Functions, access_key_id: str, secret: str) -> requests.Response:
    """A request signed as V3 wants it, by the SDK's own signer."""
    from alibabacloud_tea_openapi.utils import Utils
    from darabonba.request import DaraRequest

    request = DaraRequest()
    request.method, request.pathname = "POST", "/fcapp/guarded/"
    request.headers = {
        "host": functions.emulator.endpoint, "x-acs-date": Utils.get_timestamp(),
        "x-acs-signature-nonce": Utils.get_nonce(), "x-acs-action": "Invoke",
        "x-acs-version": "2023-03-30",
        "x-acs-content-sha256": Utils.hash(b"", "ACS3-HMAC-SHA256").hex(),
    }  # fmt: skip
    request.headers["Authorization"] = Utils.get_authorization(
        request, "ACS3-HMAC-SHA256", request.headers["x-acs-content-sha256"], access_key_id, secret
    )
    return _call(functions, name="guarded", headers=request.headers)


def test_guarded_trigger_wants_a_signature(functions: Functions) -> None:
    """authType `function`: a right signature passes, a wrong one is 403."""
    config = functions.emulator.config()

    right = _signed(functions, config.access_key_id, config.access_key_secret)
    wrong = _signed(functions, config.access_key_id, "wrong")

    assert right.status_code == 201
    assert (wrong.status_code, wrong.json()["Code"]) == (403, "SignatureNotMatch")


def test_outage_at_a_guarded_trigger_is_no_403(functions: Functions) -> None:
    """A service that is down does not judge signatures."""
    config = functions.emulator.config()
    functions.cloud.faults.add({"kind": "outage", "product": "fc"})

    answer = _signed(functions, config.access_key_id, config.access_key_secret)

    assert (answer.status_code, answer.json()["Code"]) == (503, "ServiceUnavailable")


def test_history_holds_no_body(functions: Functions) -> None:
    """A webhook's body may hold a secret; the history keeps the path."""
    _call(functions, "/hook", data=b"a secret")

    call = functions.last_call()
    assert (call["principal"], call["parameters"]["path"]) == ("anonymous", "/hook")
    assert "a secret" not in json.dumps(call)
