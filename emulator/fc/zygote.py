"""The parent of all function instances: imports third-party packages once, then forks quickly.

Executed by path with `control-fd module…`; single-threaded, holds no credentials, imports nothing
of any function's code. Every instance leads its own process group; all of them end when the
control socket closes, so that not even a SIGKILL of the emulator leaves one behind.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import importlib.util
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

WORKER = Path(__file__).with_name("worker.py")
_REAP_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


def main(control: socket.socket, preimports: list[str]) -> None:
    """Serve `fork` and `kill` requests, one JSON line each, until the emulator is gone."""
    worker = _worker()
    for name in preimports:
        try:
            importlib.import_module(name)
        except ImportError:
            continue  # not installed: a function that needs it will say so itself
    gc.freeze()
    children: set[int] = set()
    try:
        while True:
            ready, _, _ = select.select([control], [], [], _REAP_SECONDS)
            _reap(children)
            if not ready:
                continue
            text, fds, _, _ = socket.recv_fds(control, 4096, 2)
            if not text:
                return
            control.sendall(json.dumps(_answer(json.loads(text), fds, children, control, worker))
                            .encode())  # fmt: skip
    finally:
        for pid in children:
            _kill(pid, signal.SIGKILL)
        for pid in children:
            os.waitpid(pid, 0)


def _worker() -> ModuleType:
    """Load the worker's code without making it importable by name."""
    found = importlib.util.spec_from_file_location("fc_bootstrap", WORKER)
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _answer(
    request: dict[str, Any], fds: list[int], children: set[int], control: socket.socket,
    worker: ModuleType,
) -> dict[str, Any]:
    if request["do"] == "fork":
        channel, output = fds
        pid = os.fork()
        if pid == 0:
            _become_worker(control, channel, output, bool(request["cold"]), worker)
        os.close(channel)
        os.close(output)
        children.add(pid)
        return {"pid": pid}
    killed = request["pid"] in children and _kill(request["pid"], request["signal"])
    return {"killed": killed}


def _become_worker(
    control: socket.socket, channel: int, output: int, cold: bool, worker: ModuleType
) -> None:
    """In the child: never returns."""
    try:
        control.close()
        os.setsid()
        _end_with_parent()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        if cold:
            os.set_inheritable(channel, True)
            command = [sys.executable, "-I", str(WORKER), str(channel)]
            os.execv(sys.executable, command)  # noqa: S606  (our own file)
        worker.serve(socket.socket(fileno=channel))
    finally:
        os._exit(1)


def _end_with_parent() -> None:
    """Ask Linux to end this process with its parent; elsewhere the closed channel ends it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _kill(pid: int, number: int) -> bool:
    """Signal a child's process group; a child is not reaped elsewhere, so its pid is its own."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        try:
            os.kill(pid, number)  # between fork and setsid
        except ProcessLookupError:
            return False
    return True


def _reap(children: set[int]) -> None:
    """Collect what has ended, and end what it left behind in its group."""
    for pid in list(children):
        if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            _kill(pid, signal.SIGKILL)  # not collected yet, so the number is still its group's
            os.waitpid(pid, 0)
            children.discard(pid)


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])), sys.argv[2:])
