"""The command line's contract: `ready`, many calls a second, a clean end; no trace on stderr."""

from __future__ import annotations

import http.client
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest


class Running:
    """An emulator as its own process, on ports that it chose."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "emulator", "--port", "0", "--management-port", "0",
             "--account-id", "1234567890123456", "--access-key-id", "LTAI5tProcess",
             "--access-key-secret", "secret", "--calm"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        self.port = int(self.process.stdout.readline().split()[1])
        assert self.process.stdout.readline() == "ready\n"

    def close(self) -> tuple[int, str]:
        """Exit code and what was written to stderr."""
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors


@pytest.fixture
def running() -> Iterator[Running]:
    emulator = Running()
    yield emulator
    emulator.process.kill()
    emulator.process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_it_cleanly_under_load(running: Running, number: signal.Signals) -> None:
    """Code 0 within seconds and nothing on stderr, whichever thread takes the signal."""
    ended = threading.Event()
    answered = threading.Semaphore(0)

    def call() -> None:
        while not ended.is_set():
            try:
                connection = http.client.HTTPConnection("127.0.0.1", running.port, timeout=5)
                connection.request("GET", "/?Version=2015-04-01")
                connection.getresponse().read()
                connection.close()
                answered.release()
            except (OSError, http.client.HTTPException):
                return

    callers = [threading.Thread(target=call) for _ in range(20)]
    with socket.create_connection(("127.0.0.1", running.port)):  # one that never says a word
        for caller in callers:
            caller.start()
        for _ in range(200):
            assert answered.acquire(timeout=5)

        running.process.send_signal(number)
        code, errors = running.close()

    ended.set()
    for caller in callers:
        caller.join()
    assert (code, errors) == (0, "")


def test_port_in_use_is_said_in_one_line(running: Running) -> None:
    """A second emulator on the same port ends with code 2 and no trace."""
    second = subprocess.run(
        [sys.executable, "-m", "emulator", "--port", str(running.port), "--management-port", "0",
         "--account-id", "1", "--access-key-id", "a", "--access-key-secret", "b"],
        capture_output=True, text=True, timeout=10, check=False,
    )  # fmt: skip

    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert "in use" in second.stderr
