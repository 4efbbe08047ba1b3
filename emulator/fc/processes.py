"""The emulator's side of the function processes: start, talk, kill.

`Zygote` owns the one parent process, `Process` one worker of it with its socket and its output.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from emulator.fc import worker

PREIMPORTS = (
    "alibabacloud_ram20150501.client", "alibabacloud_ims20190815.client",
    "alibabacloud_kms20160120.client", "alibabacloud_sts20150401.client", "aliyun.log", "fc2",
    "requests", "standardwebhooks",
)  # fmt: skip
_START_SECONDS = 30.0  # a fork takes milliseconds, a cold interpreter on a busy machine longer
_ZYGOTE = Path(__file__).with_name("zygote.py")


class Ended(Exception):
    """The process has ended before it answered."""


class TimedOut(Exception):
    """The process has not answered in time; it is still alive."""


class Process:
    """One worker. `output` gets each line it prints, from a thread of its own."""

    def __init__(
        self, zygote: Zygote, pid: int, channel: socket.socket, output_fd: int,
        output: Callable[[str], None],
    ) -> None:
        self.pid = pid
        self.memory_mb = 0
        self._zygote = zygote
        self._channel = channel
        self._reader = threading.Thread(target=_read_lines, args=(output_fd, output), daemon=True)
        self._reader.start()

    def start(self, description: dict[str, Any]) -> None:
        """Hand over what the instance is; returns when it is ready for requests."""
        self.ask(description, b"", _START_SECONDS)

    def ask(
        self, head: dict[str, Any], body: bytes, seconds: float
    ) -> tuple[dict[str, Any], bytes]:
        """One request and its answer, within `seconds`; raises Ended or TimedOut."""
        self._channel.settimeout(seconds)
        try:
            worker.send(self._channel, head, body)
            answer, content = worker.receive(self._channel)
        except TimeoutError:
            raise TimedOut from None
        except (EOFError, OSError):
            raise Ended from None
        self.memory_mb = answer["memory_mb"]
        return answer, content

    @property
    def running(self) -> bool:
        """Whether an idle process lives: one that is gone has closed its end of the channel."""
        self._channel.setblocking(False)
        try:
            return bool(self._channel.recv(1, socket.MSG_PEEK))
        except BlockingIOError:
            return True
        except OSError:
            return False

    def terminate(self, grace_seconds: float) -> None:
        """SIGTERM, then SIGKILL to the whole group after the grace."""
        self._zygote.signal(self.pid, signal.SIGTERM)
        self._reader.join(grace_seconds)
        self.kill()

    def kill(self) -> bool:
        """SIGKILL to the whole process group; False if it had ended already."""
        return self._zygote.signal(self.pid, signal.SIGKILL)

    def close(self) -> None:
        """Kill it and let its output drain."""
        self.kill()
        self._channel.close()
        if threading.current_thread() is not self._reader:
            self._reader.join(1.0)


def _read_lines(fd: int, output: Callable[[str], None]) -> None:
    with open(fd, encoding="utf-8", errors="replace", newline="\n") as lines:
        for line in lines:
            output(line.rstrip("\n"))


class Zygote:
    """The parent process of all workers; started at once, ready when its imports are done."""

    def __init__(self, preimports: Sequence[str] = PREIMPORTS) -> None:
        self._lock = threading.Lock()
        self.home = Path(tempfile.mkdtemp(prefix="emulator-fc-"))
        ours, theirs = socket.socketpair()
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", "TZ": "UTC"}
        self._control = ours
        self._process = subprocess.Popen(  # noqa: S603  (our own file, no shell)
            [sys.executable, "-I", str(_ZYGOTE), str(theirs.fileno()), *preimports],
            pass_fds=[theirs.fileno()], env=environment, cwd="/", start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        theirs.close()

    def fork(self, output: Callable[[str], None], *, cold: bool = False) -> Process:
        """A new worker; `cold` makes it a fresh interpreter. Raises Ended if the zygote is gone."""
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        try:
            answer = self._ask({"do": "fork", "cold": cold}, [theirs.fileno(), writing])
        except Ended:
            ours.close()
            os.close(reading)
            raise
        finally:
            theirs.close()
            os.close(writing)
        return Process(self, answer["pid"], ours, reading, output)

    def signal(self, pid: int, number: int) -> bool:
        """Signal a worker's group; False if it is gone."""
        try:
            return bool(self._ask({"do": "kill", "pid": pid, "signal": number}, [])["killed"])
        except Ended:
            return False

    def _ask(self, request: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        with self._lock:
            try:
                socket.send_fds(self._control, [json.dumps(request).encode()], fds)
                text = self._control.recv(4096)
            except OSError:
                raise Ended from None
        if not text:
            raise Ended
        answer: dict[str, Any] = json.loads(text)
        return answer

    def close(self) -> None:
        """End all workers and the parent; returns when no process is left."""
        self._control.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.home, ignore_errors=True)
