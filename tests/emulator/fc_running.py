"""The fixture functions running on an emulator, and the real SDKs that invoke them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import fc2
import pytest
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from darabonba.runtime import RuntimeOptions

from emulator.cloud import Cloud
from emulator.fc.runtime import FunctionCompute
from emulator.policy.evaluation import NamedPolicy
from emulator.ram.state import AccessKey, Policy, PolicyVersion, Role, User

S_YAML = Path(__file__).with_name("functions_fixture") / "s.yaml"
TRUST = json.dumps({
    "Version": "1",
    "Statement": [{
        "Action": "sts:AssumeRole",
        "Effect": "Allow",
        "Principal": {"Service": ["fc.aliyuncs.com"]},
    }],
})  # fmt: skip
ROLE_ID = "300000000000000001"
WAIT_SECONDS = 20.0


class Functions:
    """The running fixture functions."""

    def __init__(self, emulator: Any) -> None:
        self.emulator = emulator
        self.cloud: Cloud = emulator.cloud
        assert self.cloud.fc is not None
        self.fc: FunctionCompute = self.cloud.fc

    # -- the SDKs ---------------------------------------------------------------------------

    def client(self, *credentials: str, **more: Any) -> Client:
        return Client(self.emulator.config(*credentials, **more))

    def fc2(self, *credentials: str, **more: Any) -> fc2.Client:
        config = self.emulator.config(*credentials)
        return fc2.Client(
            endpoint=f"http://{self.emulator.endpoint}", accessKeyID=config.access_key_id,
            accessKeySecret=config.access_key_secret, **more,
        )  # fmt: skip

    def invoke(
        self, name: str, event: bytes = b"", client: Client | None = None, **headers: Any
    ) -> models.InvokeFunctionResponse:
        return (client or self.client()).invoke_function_with_options(
            name, models.InvokeFunctionRequest(body=BytesIO(event)),
            models.InvokeFunctionHeaders(**headers), RuntimeOptions(autoretry=False),
        )  # fmt: skip

    def result(self, name: str, event: bytes = b"") -> Any:
        """The JSON an invocation answers."""
        return json.loads(self.invoke(name, event).body.read())

    def run(self, name: str, event: bytes = b"") -> Any:
        """The JSON of an invocation past the API, for when the clock has left the SDK's behind."""
        return json.loads(self.fc.pool.invoke(self.fc.specs[name], "1-run", event).body)

    def submit(self, name: str, event: bytes = b"", task_id: str = "", **headers: Any) -> str:
        """Invoke asynchronously; returns the task id."""
        answer = self.invoke(
            name, event, x_fc_invocation_type="Async", x_fc_async_task_id=task_id or None, **headers
        )
        assert answer.status_code == 202
        return str(answer.headers["x-fc-async-task-id"])

    def finished(self, task_id: str) -> dict[str, Any]:
        """The task once it is over."""
        over = ("Succeeded", "Failed", "Stopped", "Expired")
        assert self.until(lambda: self.task(task_id)["state"] in over), self.task(task_id)
        return self.task(task_id)

    def until(self, reached: Callable[[], bool]) -> bool:
        return self.fc.tasks.until(reached, WAIT_SECONDS)

    def task(self, task_id: str) -> dict[str, Any]:
        return next(t for t in self.fc.tasks_described() if t["task_id"] == task_id)

    def last_call(self) -> dict[str, Any]:
        """The newest entry of the history."""
        return self.cloud.history.since()[-1]

    # -- the account ------------------------------------------------------------------------

    def add_user(self, name: str, document: str) -> tuple[str, str]:
        """A user with one policy; returns its AccessKey id and secret."""
        ram, now = self.cloud.ram, self.cloud.clock.now()
        user = User(ram.new_id(), name)
        user.attached[("Custom", name)] = now
        ram.policies[("Custom", name)] = Policy(
            name, versions=[PolicyVersion("v1", document, now)]
        )
        ram.users[name] = user
        key = AccessKey(
            ram.new_access_key_id(), ram.new_secret(), user.id, status_since=[(0.0, "Active")]
        )
        ram.keys[key.id] = key
        assert isinstance(ram.named(user.attached)[0], NamedPolicy)
        return key.id, key.secret


@pytest.fixture(name="loaded", scope="module")
def loaded_fixture(running: Any) -> Iterator[Any]:
    """The module's emulator, with the fixture functions; instances find one SDK imported."""
    fc = FunctionCompute(
        running.cloud, S_YAML, running.server.port,
        preimports=["alibabacloud_sts20150401.client", "there_is_no_such_module"],
    )  # fmt: skip
    running.cloud.fc = fc
    yield running
    fc.stop()


@pytest.fixture(name="functions")
def functions_fixture(loaded: Any, emulator: Any) -> Iterator[Functions]:
    """The functions on a reset emulator whose one role trusts FC."""
    emulator.cloud.fc.reset()
    emulator.cloud.choices.fc_retry_interval_seconds = 0.0
    emulator.cloud.ram.roles["fixture"] = Role(ROLE_ID, "fixture", TRUST)
    yield Functions(emulator)
    emulator.cloud.clock._offset_seconds = 0.0
