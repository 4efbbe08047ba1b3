"""Synchronous invocations through the real SDK: results, errors, and what an instance sees."""

from __future__ import annotations

import base64
import json
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from fc2.fc_exceptions import FcError

from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    ROLE_ID,
    S_YAML,
    TRUST,
    Functions,
    functions_fixture,
    loaded_fixture,
)


def _refused(functions: Functions, name: str, **more: Any) -> tuple[int, str, str]:
    with pytest.raises(Exception) as caught:  # noqa: PT011  (the SDK's class differs by status)
        functions.invoke(name, **more)
    err: Any = caught.value
    return err.status_code, err.code, err.message


def test_bytes_come_back_as_they_went(functions: Functions) -> None:
    """The event is bytes and a bytes result is the response body, with FC's headers."""
    event = bytes(range(256))

    answer = functions.invoke("echo", event)

    assert answer.body.read() == event
    assert answer.headers["content-type"] == "application/octet-stream"
    wanted = {"x-fc-request-id", "x-fc-invocation-duration", "x-fc-max-memory-usage",
              "x-fc-instance-id", "x-fc-code-checksum",
              "x-fc-invocation-service-version"}  # fmt: skip
    assert wanted <= set(answer.headers)
    assert "x-fc-error-type" not in answer.headers


def test_value_is_answered_as_sorted_json(functions: Functions) -> None:
    """What is neither text nor bytes is JSON with four spaces, keys sorted, dates as text."""
    answer = functions.invoke("structured")

    assert answer.body.read() == b'{\n    "a": "2026-01-02",\n    "b": 1\n}'


def test_exception_is_a_result_not_a_refusal(functions: Functions) -> None:
    """An uncaught exception answers 200, the error type in a header, the trace in the body."""
    answer = functions.invoke("fails", b"this")

    body = json.loads(answer.body.read())
    assert answer.status_code == 200
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert (body["errorType"], body["errorMessage"]) == ("ValueError", "refused this")
    assert [frame[2] for frame in body["stackTrace"]] == ["in fails"]


def test_timeout_ends_the_process(functions: Functions) -> None:
    """After `timeout` seconds FC answers for the function, which shows its stack and dies."""
    answer = functions.invoke("sleeps", b"30")

    body = json.loads(answer.body.read())
    assert body["errorMessage"].startswith("Function timed out after 1 seconds")
    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert any("in sleeps" in line for line in functions.fc.logs()["sleeps"])
    assert functions.fc.pool.counts() == {}


def test_exit_is_reported(functions: Functions) -> None:
    """A process that ends before it answers is reported with duration and memory."""
    body = functions.result("exits")

    assert body["errorMessage"].startswith(
        "Process exited unexpectedly before completing request (duration: "
    )


@pytest.mark.parametrize(
    ("name", "kind", "message"),
    [
        ("bare", "ImportModuleError", "Unable to import module 'bare.module'"),
        ("broken", "ImportModuleError", "Unable to import module 'broken'"),
        ("missing", "HandlerNotFound", "Handler 'there_is_none' is missing on module 'functions'"),
    ],
)
def test_handler_that_cannot_be_loaded(
    functions: Functions, name: str, kind: str, message: str
) -> None:
    """Each way of not finding a handler has its own error type; nothing stays warm."""
    body = functions.result(name)

    assert (body["errorType"], body["errorMessage"]) == (kind, message)
    assert functions.fc.pool.counts() == {}


def test_dotted_handler_is_loaded_from_packages(functions: Functions) -> None:
    """Each directory with `__init__.py` is a package; relative imports work."""
    assert functions.result("nested") == {"module": "package.nested", "parent": "package"}


def test_log_lines_have_fc_format_and_come_as_tail(functions: Functions) -> None:
    """Prints, log records, and the platform's start and end lines; the tail is base64."""
    answer = functions.invoke("logs", b"this", x_fc_log_type="Tail")

    request_id = answer.headers["x-fc-request-id"]
    lines = base64.b64decode(answer.headers["x-fc-log-result"]).decode().splitlines()
    assert lines == functions.fc.logs()["logs"]
    assert lines[0] == f"FC Invoke Start RequestId: {request_id}"
    assert lines[1] == "printed"
    assert lines[2].endswith(f"Z {request_id} [WARNING] logged this")
    assert lines[3] == f"FC Invoke End RequestId: {request_id}"


def test_warm_instance_is_used_again(functions: Functions) -> None:
    """The second request finds the process of the first; the initializer ran once before both."""
    first = functions.invoke("shows")
    second = functions.result("shows")

    shown = json.loads(first.body.read())
    assert second["pid"] == shown["pid"]
    assert second["calls"] == 2
    assert second["initialized"] == [first.headers["x-fc-request-id"]]


def test_instance_sees_its_environment_and_nothing_else(functions: Functions) -> None:
    """FC's variables, the function's own, a proxy, and three credentials: no other variable."""
    shown = functions.result("shows")

    environment = shown["environment"]
    session = functions.cloud.sessions[environment.pop("ALIBABA_CLOUD_ACCESS_KEY_ID")]
    assert environment.pop("ALIBABA_CLOUD_ACCESS_KEY_SECRET") == session.secret
    assert environment.pop("ALIBABA_CLOUD_SECURITY_TOKEN") == session.token
    instance = environment["FC_INSTANCE_ID"]
    proxy = f"http://203.0.113.9:{instance}@{functions.emulator.endpoint}"
    assert environment.pop("http_proxy") == environment.pop("HTTP_PROXY") == proxy
    assert environment.pop("PLACE") == f"cn-hangzhou/{functions.cloud.account_id}"
    assert environment.pop("OWN") == "yes"
    assert set(environment) - {"LC_CTYPE", "TZ"} == {
        "PATH", "HOME", "TMPDIR", "LANG", "FC_FUNC_CODE_PATH", "FC_ACCOUNT_ID",
        "FC_FUNCTION_HANDLER", "FC_FUNCTION_MEMORY_SIZE", "FC_FUNCTION_NAME", "FC_REGION",
        "FC_CUSTOM_LISTEN_PORT", "FC_INSTANCE_ID", "FC_FUNCTION_VERSION", "SSL_CERT_FILE",
    }  # fmt: skip
    assert shown["directory"] == shown["path"] == str(S_YAML.parent)
    assert shown["modules"], "the SDK should have been imported before the fork"
    assert not shown["sees_emulator"]


def test_instance_reaches_https_if_chosen(functions: Functions) -> None:
    """The proxy for https too, and the one file that `requests` and `ssl` trust."""
    functions.cloud.choices.fc_https = True
    functions.fc.pool.retire()

    environment = functions.result("shows")["environment"]

    assert environment["https_proxy"] == environment["HTTPS_PROXY"] == environment["http_proxy"]
    assert environment["REQUESTS_CA_BUNDLE"] == environment["SSL_CERT_FILE"]
    trusted = Path(environment["SSL_CERT_FILE"]).read_text()
    assert trusted == functions.cloud.authority.pem
    functions.fc.pool.retire()


def test_module_left_out_of_the_package_cannot_be_imported(functions: Functions) -> None:
    """What `.fcignore` lists is not deployed, so an import of it must fail here, too."""
    assert functions.result("shows")["sees_undeployed"] is False


def test_context_has_no_credentials(functions: Functions) -> None:
    """The context of python3.12: ids, region, logs, the function."""
    shown = functions.result("shows")

    assert set(shown["context"]) == {
        "request_id", "account_id", "region", "log_project", "log_store"
    }  # fmt: skip
    assert shown["context"]["log_store"] == "store"
    assert shown["function"] == {
        "name": "shows", "handler": "functions.shows", "memory": 128, "timeout": 10,
        "version_id": "LATEST", "qualifier": "LATEST",
    }  # fmt: skip


def test_function_without_role_has_no_credentials(functions: Functions) -> None:
    """No role, no variables."""
    shown = functions.result("without-role")

    assert not [name for name in shown["environment"] if name.startswith("ALIBABA_CLOUD")]
    assert functions.cloud.sessions == {}


def test_instance_acts_as_its_role(functions: Functions) -> None:
    """An SDK in the function reaches STS under its real host name, as a session of the role."""
    identity = functions.result("identity")

    assert identity["IdentityType"] == "AssumedRoleUser"
    assert identity["RoleId"] == ROLE_ID
    call = next(c for c in functions.cloud.history.since() if c["product"] == "sts")
    assert call["source_ip"] == "203.0.113.9"
    assert functions.cloud.faults.function_of(call["access_key_id"]) == "identity"
    assert functions.cloud.faults.function_of(call["instance"]) == "identity"
    assert {s["kind"] for s in functions.cloud.secrets} == {"session-secret", "session-token"}


def test_requests_at_once_run_in_instances_of_their_own(functions: Functions) -> None:
    """One request at a time per instance; above the reserved concurrency 429."""
    threads = [
        threading.Thread(target=functions.invoke, args=("naps", b"30"), daemon=True)
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    _spin(lambda: len(functions.fc.logs().get("naps", [])) == 2)

    refused = _refused(functions, "naps", event=b"0")

    keys = {s.access_key_id for s in functions.cloud.sessions.values() if s.function == "naps"}
    assert refused[:2] == (429, "ResourceExhausted")
    assert len(keys) == 2
    functions.fc.pool.kill_all()
    for thread in threads:
        thread.join(10)


def _spin(reached: Any) -> None:
    """Wait for another thread."""
    deadline = time.monotonic() + 20
    while not reached():
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


@pytest.mark.parametrize("trust", [None, TRUST.replace("fc.aliyuncs", "ecs.aliyuncs")])
def test_role_that_fc_may_not_assume(functions: Functions, trust: str | None) -> None:
    """Without the role, or without its trust, nothing runs and the answer says why."""
    if trust is None:
        del functions.cloud.ram.roles["fixture"]
    else:
        functions.cloud.ram.roles["fixture"].trust_document = trust

    status, code, message = _refused(functions, "echo")

    assert (status, code) == (403, "AccessDenied")
    assert "role/fixture" in message


@pytest.mark.parametrize("name", ["nothing", "echo$", "legacy$nothing"])
def test_unknown_function(functions: Functions, name: str) -> None:
    """404 FunctionNotFound."""
    assert _refused(functions, name)[:2] == (404, "FunctionNotFound")


def test_time_jump_ends_warm_instances(functions: Functions) -> None:
    """After a jump a new process has the new time, new credentials, and still reaches STS."""
    before = functions.result("shows")
    functions.cloud.clock.advance(40 * 3600)
    assert functions.cloud.fc
    functions.cloud.fc.time_jumped()

    after = functions.run("shows")
    identity = functions.run("identity")

    assert after["pid"] != before["pid"]
    assert abs(after["now"] - functions.cloud.clock.time()) < 5
    assert after["today"][:13] == functions.cloud.clock.now().isoformat()[:13]
    name = "ALIBABA_CLOUD_ACCESS_KEY_ID"
    assert after["environment"][name] != before["environment"][name]
    assert identity["RoleId"] == ROLE_ID


def test_time_jump_lets_a_running_request_finish(functions: Functions) -> None:
    """It ends as it would have, and its instance, which has the old time, is not used again."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(functions.invoke("naps", b"0.2")))
    thread.start()
    _spin(lambda: len(functions.fc.logs().get("naps", [])) == 1)

    functions.fc.time_jumped()

    thread.join(10)
    assert results[0].body.read() == b"woke up"
    assert functions.fc.pool.counts() == {}


def test_true_cold_start_works_as_well(functions: Functions) -> None:
    """A fresh interpreter instead of a fork: same result, nothing imported beforehand."""
    functions.cloud.choices.fc_cold_start = True

    shown = functions.result("shows")

    assert not shown["modules"]
    assert not shown["sees_emulator"]
    assert shown["path"] == str(S_YAML.parent)
    assert functions.result("identity")["RoleId"] == ROLE_ID


@pytest.mark.parametrize("kind", ["kill-before", "kill-after"])
def test_fault_rule_kills_the_calling_instance(functions: Functions, kind: str) -> None:
    """The process dies at its call of STS; its caller learns that it exited."""
    functions.cloud.faults.add({"kind": kind, "product": "sts", "function": "identity"})

    body = functions.result("identity")

    assert body["errorMessage"].startswith("Process exited unexpectedly")
    assert functions.result("identity")["RoleId"] == ROLE_ID


def test_fault_rule_applies_to_fc_itself(functions: Functions) -> None:
    """An injected error is answered instead of running anything."""
    functions.cloud.faults.add({
        "kind": "error", "product": "fc", "action": "InvokeFunction", "status": 503,
        "code": "ResourceThrottled",
    })  # fmt: skip

    refused = _refused(functions, "echo")

    assert refused[:2] == (503, "ResourceThrottled")
    assert functions.last_call()["changed"] is False
    assert functions.fc.logs() == {}


def test_event_over_32_mb_is_refused(functions: Functions) -> None:
    """400 EntityTooLarge; the limit itself passes."""
    limit = 32 * 1024 * 1024
    passed = functions.fc2().invoke_function("legacy", "echo", b"x" * limit)

    with pytest.raises(FcError) as caught:
        functions.fc2().invoke_function("legacy", "echo", b"x" * (limit + 1))

    assert len(passed.data) == limit
    assert (caught.value.status_code, caught.value.err_code) == (400, "EntityTooLarge")


def test_function_of_fc_2_is_reached_over_its_service(functions: Functions) -> None:
    """fc2's path names service and function; the 3.0 name of the same function joins them."""
    old = functions.fc2().invoke_function("legacy", "echo", b"old")
    new = functions.invoke("legacy$echo", b"new")

    assert (old.data, new.body.read()) == (b"old", b"new")
    assert functions.last_call()["parameters"]["functionName"] == "legacy$echo"


@pytest.mark.parametrize(
    ("service", "function", "code"),
    [
        ("unknown", "echo", "ServiceNotFound"),
        ("legacy", "unknown", "FunctionNotFound"),
        ("legacy.7", "echo", "VersionNotFound"),
        ("legacy.prod", "echo", "AliasNotFound"),
    ],
)
def test_unknown_service_function_or_version_of_fc_2(
    functions: Functions, service: str, function: str, code: str
) -> None:
    """A function that the s.yaml makes has no service, so FC 2.0's API does not know it."""
    with pytest.raises(FcError) as caught:
        functions.fc2().invoke_function(service, function, b"")

    assert (caught.value.status_code, caught.value.err_code) == (404, code)


def test_function_error_raises_in_fc2(functions: Functions) -> None:
    """fc2 raises on the error header although the status is 200; the message is the body."""
    client = functions.fc2()
    client.api_version = "2023-03-30"
    path = "/2023-03-30/functions/fails/invocations"
    headers = client._build_common_headers("POST", path, {})

    answer = client._do_request("POST", path, headers, body=b"this")

    assert answer.headers["x-fc-error-type"] == "UnhandledInvocationError"
    assert answer.json()["errorMessage"] == "refused this"


def test_functions_are_described(functions: Functions) -> None:
    """GetFunction and ListFunctions show what the s.yaml says, a page at a time."""
    from alibabacloud_fc20230330 import models

    client = functions.client()
    shown = client.get_function("shows", models.GetFunctionRequest()).body
    first = client.list_functions(models.ListFunctionsRequest(limit=3)).body
    second = client.list_functions(
        models.ListFunctionsRequest(limit=100, next_token=first.next_token)
    ).body

    assert (shown.handler, shown.timeout, shown.runtime) == ("functions.shows", 10, "python3.12")
    assert shown.role == f"acs:ram::{functions.cloud.account_id}:role/fixture"
    listed = [f.function_name for f in first.functions + second.functions]
    assert listed == sorted(functions.fc.specs)


def test_function_cannot_be_made_over_the_api(functions: Functions) -> None:
    """What is not emulated is refused with the code for an unknown path, not ignored."""
    from alibabacloud_fc20230330 import models

    with pytest.raises(Exception) as caught:  # noqa: PT011
        functions.client().create_function(models.CreateFunctionRequest(
            body=models.CreateFunctionInput(function_name="new", runtime="python3.12")
        ))  # fmt: skip

    err: Any = caught.value
    assert (err.status_code, err.code) == (400, "PathNotSupported")
