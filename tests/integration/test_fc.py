"""Function Compute through `fc2`, through the FC 3.0 SDK where that is refused, and without any."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import fc2
import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient

from emulator.fc.runtime import FunctionCompute
from shared.adapters import tea
from shared.adapters.fc import FunctionsAdapter, SdkFunctionsAdapter
from shared.adapters.fc_light import LightFunctions
from shared.adapters.light import Caller
from shared.adapters.tea import Credentials, Endpoint
from shared.errors import CloudError, CloudRefused, CloudUnknown, NotPermitted
from shared.secrecy import Secret
from tests.integration.clouds import ACCOUNT, LocalCloud, SpoiltCloud, answer, shown

HOST = f"{ACCOUNT}.cn-hangzhou.fc.aliyuncs.com"
FUNCTION = "worker"
S_YAML = """
edition: 3.0.0
name: tests
resources:
  worker:
    component: fc3
    props:
      region: cn-hangzhou
      functionName: worker
      runtime: python3.12
      code: .
      handler: worker.handler
      timeout: 10
      asyncInvokeConfig: {asyncTask: true, maxAsyncRetryAttempts: 0}
"""
WORKER = "def handler(event, context):\n    return event\n"
TRUST = json.dumps({
    "Version": "1",
    "Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow",
                   "Principal": {"RAM": [f"acs:ram::{ACCOUNT}:root"]}}],
})  # fmt: skip


@pytest.fixture(scope="module")
def functions(
    running: LocalCloud, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FunctionCompute]:
    """One asynchronous function in the local cloud."""
    code = tmp_path_factory.mktemp("code")
    (code / "s.yaml").write_text(S_YAML)
    (code / "worker.py").write_text(WORKER)
    fc = FunctionCompute(running.cloud, code / "s.yaml", running.port, preimports=[])
    running.cloud.fc = fc
    yield fc
    fc.stop()
    running.cloud.fc = None


@pytest.fixture
def cloud(functions: FunctionCompute, local: LocalCloud) -> LocalCloud:
    functions.reset()
    return local


def session(cloud: LocalCloud, endpoint: Endpoint, admin: Credentials, *rights: str) -> Credentials:
    """A role's temporary credentials, as a function has them."""
    ram = RamClient(tea.config("ram.aliyuncs.com", endpoint, admin))
    ram.create_role(ram_models.CreateRoleRequest(
        role_name="approval", assume_role_policy_document=TRUST))  # fmt: skip
    for right in rights:
        ram.attach_policy_to_role(ram_models.AttachPolicyToRoleRequest(
            policy_type="System", policy_name=right, role_name="approval"))  # fmt: skip
    sts = StsClient(tea.config("sts.cn-hangzhou.aliyuncs.com", endpoint, admin))
    given = sts.assume_role(sts_models.AssumeRoleRequest(
        role_arn=f"acs:ram::{ACCOUNT}:role/approval",
        role_session_name="tests")).body.credentials  # fmt: skip
    return Credentials(
        given.access_key_id, Secret(given.access_key_secret), Secret(given.security_token)
    )


@pytest.fixture
def role(cloud: LocalCloud, endpoint: Endpoint, admin: Credentials) -> Credentials:
    return session(cloud, endpoint, admin, "AdministratorAccess")


def plain(credentials: Credentials) -> dict[str, str]:
    token = credentials.security_token
    return {
        "access_key_id": credentials.access_key_id, "secret": credentials.secret.reveal(),
        "security_token": token.reveal() if token else "",
    }  # fmt: skip


def sdk(credentials: Credentials) -> SdkFunctionsAdapter:
    return SdkFunctionsAdapter(
        host=HOST, protocol="http", region="cn-hangzhou",
        **{name: value for name, value in plain(credentials).items() if name != "secret"},
        secret=plain(credentials)["secret"],
    )  # fmt: skip


def adapter(credentials: Credentials) -> FunctionsAdapter:
    return FunctionsAdapter(
        endpoint=f"http://{HOST}", **plain(credentials), fallback=sdk(credentials)
    )


def light(credentials: Credentials) -> LightFunctions:
    token = credentials.security_token or Secret("")
    return LightFunctions(host=HOST, protocol="http", caller=Caller(
        credentials.access_key_id, credentials.secret, token))  # fmt: skip


Kind = Callable[[Credentials], Any]
KINDS = pytest.mark.parametrize("kind", [adapter, sdk, light], ids=["fc2", "sdk", "light"])


@KINDS
def test_task_is_handed_over_once(
    cloud: LocalCloud, functions: FunctionCompute, role: Credentials, kind: Kind
) -> None:
    """The second submission of an id is a False, and the payload arrives byte for byte."""
    fc = kind(role)
    payload = '{"名": "\u00e9"}'.encode()

    first = fc.invoke_async(FUNCTION, payload, "akw-task-1")
    again = fc.invoke_async(FUNCTION, payload, "akw-task-1")

    functions.tasks.until(lambda: functions.tasks_described()[0]["state"] == "Succeeded", 20)
    assert (True, False) == (first, again)
    assert "Succeeded" == fc.get_async_task(FUNCTION, "akw-task-1")
    assert [202, 409] == [call["status"] for call in cloud.calls("InvokeFunction")]


@KINDS
def test_409_counts_whatever_its_code(
    cloud: LocalCloud, role: Credentials, kind: Kind
) -> None:
    """The status is documented, the 3.0 code is not."""
    cloud.fault("error", "InvokeFunction", status=409, code="SomethingNew")

    assert kind(role).invoke_async(FUNCTION, b"{}", "akw-task-1") is False


@KINDS
def test_task_of_nobody_is_refused(cloud: LocalCloud, role: Credentials, kind: Kind) -> None:
    """I6: no record is no state."""
    with pytest.raises(CloudRefused) as raised:
        kind(role).get_async_task(FUNCTION, "akw-none")

    assert 404 == raised.value.status


@KINDS
def test_missing_function_is_refused_by_its_code(
    cloud: LocalCloud, role: Credentials, kind: Kind
) -> None:
    """The code of the service, for the operator."""
    with pytest.raises(CloudRefused) as raised:
        kind(role).invoke_async("none", b"{}", "akw-task-1")

    assert (404, "FunctionNotFound") == (raised.value.status, raised.value.code)


@pytest.mark.parametrize("kind", [adapter, light], ids=["fc2", "light"])
def test_missing_permission_is_not_permitted(
    cloud: LocalCloud, endpoint: Endpoint, admin: Credentials, kind: Kind
) -> None:
    """A role without rights: no fallback, the signature was fine."""
    with pytest.raises(NotPermitted) as raised:
        kind(session(cloud, endpoint, admin)).invoke_async(FUNCTION, b"{}", "akw-task-1")

    assert 403 == raised.value.status
    assert 1 == len(cloud.calls("InvokeFunction"))


@KINDS
@pytest.mark.parametrize("fault", ["drop", "error"])
def test_unanswered_submission_is_unknown(
    cloud: LocalCloud, role: Credentials, fault: str, kind: Kind
) -> None:
    """It may be queued: the sender repeats, and the id tells."""
    cloud.fault(fault, "InvokeFunction", times=0)

    with pytest.raises(CloudUnknown) as raised:
        kind(role).invoke_async(FUNCTION, b"{}", "akw-task-1")

    assert not [text for text in plain(role).values() if text in shown(raised.value)]


@pytest.mark.parametrize(
    "raw",
    [answer({}), answer("x"), answer({"status": None}),
     b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n<no>",
     b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\nConnection: close\r\n\r\n{",
     b"HTTP/1.1 302 Go\r\nLocation: http://elsewhere.example/\r\nContent-Length: 0\r\n"
     b"Connection: close\r\n\r\n"],
    ids=["empty", "text", "none", "html", "cut", "redirect"],
)  # fmt: skip
@pytest.mark.parametrize("kind", [adapter, light], ids=["fc2", "light"])
def test_odd_answer_is_unknown(
    spoilt: Callable[[bytes], SpoiltCloud], admin: Credentials, raw: bytes, kind: Kind
) -> None:
    """Only 202 says queued, only a state is a state, and no redirect gets the token."""
    cloud = spoilt(raw)
    fc = kind(admin)

    with pytest.raises(CloudUnknown):
        fc.invoke_async(FUNCTION, b"{}", "akw-task-1")
    with pytest.raises(CloudUnknown):
        fc.get_async_task(FUNCTION, "akw-task-1")

    assert 2 == len(cloud.requests)


def test_refused_signature_falls_back_with_one_warning(
    cloud: LocalCloud, role: Credentials, caplog: pytest.LogCaptureFixture
) -> None:
    """Where 2023-03-30 paths do not take `fc2`'s signature the 3.0 SDK takes over, loudly."""
    cloud.cloud.choices.fc_signature_on_2023_paths = False
    fc = adapter(role)

    with caplog.at_level(logging.WARNING):
        accepted = fc.invoke_async(FUNCTION, b"{}", "akw-task-1")
        again = fc.invoke_async(FUNCTION, b"{}", "akw-task-1")
        state = fc.get_async_task(FUNCTION, "akw-task-1")

    assert (True, False) == (accepted, again)
    assert state
    warnings = [r for r in caplog.records if r.name == "shared.adapters.fc"]
    assert 1 == len(warnings)
    assert "using the FC 3.0 SDK" in warnings[0].getMessage()


def failing(cloud: LocalCloud, status: int, fc: Any) -> None:
    """Make one call of each kind answer with that status."""
    name = FUNCTION
    if status == 404:
        name = "none"
    else:
        for action in ("InvokeFunction", "GetAsyncTask"):
            cloud.fault("error", action, status=status, code="SomeCode")
    for call in (lambda: fc.invoke_async(name, b"{}", "akw-1"),
                 lambda: fc.get_async_task(name, "akw-1")):  # fmt: skip
        with pytest.raises(CloudError):
            call()


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.parametrize("kind", [adapter, light], ids=["fc2", "light"])
def test_headers_reach_no_log(
    cloud: LocalCloud, role: Credentials, caplog: pytest.LogCaptureFixture, status: int, kind: Kind
) -> None:
    """I4: neither token nor authorization is logged at any level, whatever goes wrong."""
    fc = kind(role)

    with caplog.at_level(logging.DEBUG):
        failing(cloud, status, fc)

    _assert_clean(caplog, role)


@pytest.mark.parametrize("status", [403, 404, 500])
def test_the_librarys_own_logging_is_silenced(
    cloud: LocalCloud, role: Credentials, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    """Even a call through `fc2` itself, in a process where the adapter was made, stays quiet."""
    adapter(role)
    values = plain(role)
    client = fc2.Client(
        endpoint=f"http://{HOST}", accessKeyID=values["access_key_id"],
        accessKeySecret=values["secret"], securityToken=values["security_token"],
    )  # fmt: skip
    if status != 404:
        cloud.fault("error", "InvokeFunction", status=status, code="SomeCode")

    with caplog.at_level(logging.DEBUG), pytest.raises(fc2.FcError):
        client.invoke_function("service", "none", payload=b"{}")

    _assert_clean(caplog, role)


def _assert_clean(caplog: pytest.LogCaptureFixture, role: Credentials) -> None:
    values = plain(role)
    logged = "\n".join(f"{r.getMessage()} {r.args!r} {r.exc_text}" for r in caplog.records)
    assert values["security_token"] not in logged
    assert values["secret"] not in logged
    assert "FC " + values["access_key_id"] not in logged
    assert "x-fc-security-token" not in logged.lower()
    assert "authorization" not in logged.lower()
