"""No process outlives its emulator, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fc2
import pytest

from emulator.fc.instances import Instance
from emulator.fc.logs import Logs
from emulator.fc.processes import Ended, Process
from emulator.fc.runtime import FunctionCompute
from tests.emulator.fc_running import (  # noqa: F401  (the fixtures)
    S_YAML,
    Functions,
    functions_fixture,
    loaded_fixture,
)

ROOT = S_YAML.parents[3]


def _alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and not yet collected does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


def _gone(*pids: int) -> bool:
    return _within(lambda: not any(_alive(pid) for pid in pids))


def _within(reached: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            return False
        threading.Event().wait(0.01)
    return True


def _pids(answer: bytes) -> list[int]:
    return [int(text) for text in answer.split()]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
class TestEnd:
    """What is left after each way of ending."""

    def test_stop_ends_instances_and_their_children(self, emulator: Any) -> None:
        """The zygote, the instance and a child of the instance are gone when `stop` returns."""
        fc = FunctionCompute(emulator.cloud, S_YAML, emulator.server.port, preimports=[])
        zygote = fc.pool._zygote._process.pid
        home = fc.pool._zygote.home
        pids = _pids(fc.pool.invoke(fc.specs["spawns"], "1-a", b"").body)
        assert all(_alive(pid) for pid in (*pids, zygote))

        fc.stop()

        assert _gone(*pids, zygote)
        assert not home.exists()

    def test_killed_instance_takes_its_children_along(self, functions: Functions) -> None:
        """SIGKILL goes to the process group; the next request gets a new process."""
        pids = _pids(functions.invoke("spawns").body.read())

        functions.fc.pool.kill_all()

        assert _gone(*pids)
        assert _pids(functions.invoke("spawns").body.read())[0] not in pids

    def test_instance_killed_while_it_starts_never_runs(self, functions: Functions) -> None:
        """A reset between the decision to start and the fork must not miss the instance."""
        instance = Instance(functions.fc.specs["echo"], "c-1", None, Logs())
        description = {
            "environment": {}, "code": str(S_YAML.parent), "hidden": [], "offset_seconds": 0,
        }  # fmt: skip
        pids: list[int] = []

        def fork(output: Callable[[str], None]) -> Process:
            process = functions.fc.pool._zygote.fork(output)
            pids.append(process.pid)
            instance.kill()
            return process

        with pytest.raises(Ended):
            instance.start(fork, description)

        assert _gone(*pids)

    def test_instance_that_ends_by_itself_leaves_no_child(self, functions: Functions) -> None:
        """Its group is ended when it is collected, whether or not it is asked for again."""
        pids = _pids(functions.invoke("abandons").body.read())

        assert _gone(*pids)

    def test_zygote_that_was_killed_is_replaced(self, functions: Functions) -> None:
        """Its instances die with it; the next request starts another one."""
        before = _pids(functions.invoke("spawns").body.read())
        functions.fc.pool._zygote._process.kill()
        assert _gone(before[0])

        after = _pids(functions.invoke("spawns").body.read())

        assert after[0] != before[0]
        os.kill(before[1], signal.SIGKILL)  # nobody is left who knew of this grandchild

    def test_sigkill_of_the_emulator_leaves_nothing(self) -> None:
        """The closed control socket ends the zygote, which ends the rest."""
        emulator = subprocess.Popen(
            [sys.executable, "-m", "emulator", "--port", "0", "--management-port", "0",
             "--account-id", "1234567890123456", "--access-key-id", "LTAI5tAdministrator",
             "--access-key-secret", "secret", "--calm", "--functions", str(S_YAML)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert emulator.stdout
        port = emulator.stdout.readline().split()[1]
        assert emulator.stdout.readline() == "ready\n"
        client = fc2.Client(
            endpoint=f"http://127.0.0.1:{port}", accessKeyID="LTAI5tAdministrator",
            accessKeySecret="secret",
        )  # fmt: skip
        path = "/2023-03-30/functions/spawns/invocations"
        headers = client._build_common_headers("POST", path, {})
        pids = _pids(client._do_request("POST", path, headers).content)
        assert all(_alive(pid) for pid in pids)

        emulator.kill()
        emulator.wait()
        emulator.stdout.close()

        assert _gone(*pids)

    def test_s_yaml_that_cannot_be_run_ends_with_one_line(self, tmp_path: Path) -> None:
        """The emulator says what is wrong and where, and exits with 2."""
        broken = tmp_path / "s.yaml"
        broken.write_text("edition: 3.0.0\nresources: {f: {component: fc}}\n")

        ended = subprocess.run(
            [sys.executable, "-m", "emulator", "--port", "0", "--management-port", "0",
             "--account-id", "1", "--access-key-id", "k", "--access-key-secret", "s",
             "--functions", str(broken)],
            cwd=ROOT, capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

        assert ended.returncode == 2
        assert ended.stderr == "emulator: resources.f: component fc is not emulated\n"
