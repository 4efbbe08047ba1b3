"""One function instance, in its own process: loads the handler as FC does and runs requests.

Executed by path or forked from `zygote`; imports the standard library only, so that nothing of the
emulator can be imported by a function. One request at a time comes over a socket as a frame:
two lengths, a JSON head, a body. Source of the behaviour: FC, "Python runtime" pages.
"""

from __future__ import annotations

import datetime
import decimal
import faulthandler
import importlib
import json
import logging
import os
import random
import resource
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any, TextIO

_LENGTHS = struct.Struct("!II")
_LOG_RECORD_BYTES = 128 * 1024
_SIGTERM_EXIT_STATUS = 143


class LoadError(Exception):
    """The handler cannot be loaded; `kind` is FC's errorType."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def send(channel: socket.socket, head: dict[str, Any], body: bytes = b"") -> None:
    """Write one frame."""
    text = json.dumps(head).encode()
    channel.sendall(_LENGTHS.pack(len(text), len(body)) + text + body)


def receive(channel: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Read one frame; EOFError once the other side is gone."""
    head_length, body_length = _LENGTHS.unpack(_exactly(channel, _LENGTHS.size))
    head = json.loads(_exactly(channel, head_length))
    return head, _exactly(channel, body_length)


def _exactly(channel: socket.socket, length: int) -> bytes:
    parts = []
    while length:
        part = channel.recv(min(length, 1 << 20))
        if not part:
            raise EOFError
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def serve(channel: socket.socket) -> None:
    """Run requests until the emulator closes the channel; never returns."""
    status = 0
    try:
        start, _ = receive(channel)
        _prepare(start)
        instance = Instance(start)
        send(channel, {"ready": True, "memory_mb": memory_mb()})
        while True:
            head, event = receive(channel)
            result, body = instance.run(head, event)
            send(channel, {**result, "memory_mb": memory_mb()}, body)
    except (EOFError, ConnectionError):
        pass
    except SystemExit as ended:  # a handler that calls sys.exit ends its process
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        status = 1
    _flush()
    os._exit(status)  # a fork must not run what its parent registered for the end


def memory_mb() -> int:
    """The most memory this process has used so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()


def _say(line: str) -> None:
    """Write a line of the platform's own, past whatever a function has made of `sys.stdout`."""
    _flush()
    os.write(1, f"{line}\n".encode())


def _text(fd: int) -> TextIO:
    return open(fd, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)


def _prepare(start: dict[str, Any]) -> None:
    """Make this process look as FC's: environment, directory, module path, clock, logging."""
    os.environ.clear()
    os.environ.update(start["environment"])
    time.tzset()
    random.seed()
    os.chdir(start["code"])
    sys.path.insert(0, start["code"])
    sys.meta_path.insert(0, _NotDeployed(start["code"], start["hidden"]))
    sys.argv = ["bootstrap"]
    sys.stdout, sys.stderr = _text(1), _text(2)  # a fork's own are bound to its parent's files
    if start["offset_seconds"] > 0:
        import time_machine

        time_machine.travel(time.time() + start["offset_seconds"], tick=True).start()
    signal.signal(signal.SIGTERM, _terminated)


class _NotDeployed:
    """Finds the root modules that `.fcignore` leaves out anywhere but in the code directory."""

    def __init__(self, code: str, names: list[str]) -> None:
        self._code = code
        self._names = frozenset(names)

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in self._names:
            return None
        found = PathFinder.find_spec(name, [place for place in sys.path if place != self._code])
        if found is None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return found


def _terminated(number: int, frame: FrameType | None) -> None:
    """FC ends a request that ran out of time: show where it stood, then go."""
    faulthandler.dump_traceback(file=2, all_threads=True)
    _flush()
    os._exit(_SIGTERM_EXIT_STATUS)


class _Formatter(logging.Formatter):
    """FC's log line, in UTC, cut where FC cuts it."""

    converter = staticmethod(time.gmtime)
    request_id = ""

    def format(self, record: logging.LogRecord) -> str:
        at = self.formatTime(record, "%Y-%m-%dT%H:%M:%S")
        head = f"{at}.{int(record.msecs):03d}Z {self.request_id} [{record.levelname}] "
        line = head + super().format(record)
        return line.encode(errors="backslashreplace")[:_LOG_RECORD_BYTES].decode(errors="ignore")


class _StandardOutput(logging.StreamHandler):  # type: ignore[type-arg]
    """Follows `sys.stdout` where a function replaces it."""

    def __init__(self) -> None:
        super().__init__(sys.stdout)

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stdout
        super().emit(record)


class Instance:
    """What lives as long as the process: the loaded handlers and the logging."""

    def __init__(self, start: dict[str, Any]) -> None:
        self._start = start
        self._handlers: dict[str, Callable[..., Any]] = {}
        self._formatter = _Formatter()
        output = _StandardOutput()
        output.setFormatter(self._formatter)
        root = logging.getLogger()
        root.handlers[:] = [output]
        root.setLevel(logging.INFO)

    def run(self, head: dict[str, Any], event: bytes) -> tuple[dict[str, Any], bytes]:
        """Run one request; `head` names the handler and whether it is the initializer."""
        request_id = self._formatter.request_id = head["request_id"]
        initializing = head["kind"] == "Initialize"
        _say(f"FC {head['kind']} Start RequestId: {request_id}")
        result: dict[str, Any] = {"ok": True, "loaded": True}
        ending = ""
        try:
            context = _context(self._start, request_id)
            handler = self._handler(head["handler"])
            answer = handler(context) if initializing else handler(event, context)
            body = b"" if initializing else encoded(answer)
        except Exception as err:
            result = {"ok": False, "loaded": not isinstance(err, LoadError)}
            body = described(err)
            ending = ", Error: Unhandled function error"
            if err.__cause__ and isinstance(err, LoadError):
                _say(f"{type(err.__cause__).__name__}: {err.__cause__}")
            logging.getLogger().error("%s", body.decode())
        _say(f"FC {head['kind']} End RequestId: {request_id}{ending}")
        return result, body

    def _handler(self, name: str) -> Callable[..., Any]:
        if name not in self._handlers:
            self._handlers[name] = load(name, Path(self._start["code"]))
        return self._handlers[name]


def load(name: str, code: Path) -> Callable[..., Any]:
    """Import `package.module.function` from the code directory; raises LoadError.

    FC looks for each package's `__init__.py`, so a namespace package is not found.
    """
    module_name, _, attribute = name.rpartition(".")
    if not module_name:
        raise LoadError("InvalidHandleName", f"Invalid handler '{name}'")
    place = code
    for package in module_name.split(".")[:-1]:
        place = place / package
        if not (place / "__init__.py").is_file():
            raise LoadError("ImportModuleError", f"Unable to import module '{module_name}'")
    try:
        module = importlib.import_module(module_name)
    except ImportError as err:
        raise LoadError("ImportModuleError", f"Unable to import module '{module_name}'") from err
    except SyntaxError as err:
        raise LoadError("UserCodeSyntaxError", f"Syntax error in module '{module_name}'") from err
    except Exception as err:
        raise LoadError("UserCodeError", f"{type(err).__name__}: {err}") from err
    if not (module.__file__ or "").startswith(f"{code}{os.sep}"):
        raise LoadError("ImportModuleError", f"Unable to import module '{module_name}'")
    try:
        handler: Callable[..., Any] = getattr(module, attribute)
    except AttributeError:
        raise LoadError(
            "HandlerNotFound", f"Handler '{attribute}' is missing on module '{module_name}'"
        ) from None
    return handler


def _context(start: dict[str, Any], request_id: str) -> SimpleNamespace:
    """The context of python3.12: it holds no credentials."""
    return SimpleNamespace(
        request_id=request_id,
        account_id=start["account_id"],
        region=start["region"],
        logger=logging.getLogger(),
        log_project=start["log_project"],
        log_store=start["log_store"],
        function=SimpleNamespace(**start["function"]),
    )


def encoded(answer: object) -> bytes:
    """A return value on the wire: text and bytes as they are, anything else as JSON."""
    if isinstance(answer, bytes):
        return answer
    if isinstance(answer, str):
        return answer.encode()
    return json.dumps(answer, default=_plain, indent=4, sort_keys=True).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if hasattr(value, "to_json"):
        return value.to_json()
    raise TypeError(f"{value!r} is not JSON serializable")


def described(err: Exception) -> bytes:
    """The error body FC answers with; this file's own frames are left out."""
    shown: BaseException = err.__cause__ if isinstance(err, LoadError) and err.__cause__ else err
    frames = [f for f in traceback.extract_tb(shown.__traceback__) if f.filename != __file__]
    stack = [
        [f'File "{f.filename}"', f"line {f.lineno}", f"in {f.name}", f.line or ""] for f in frames
    ]
    body = {
        "errorMessage": str(err),
        "errorType": err.kind if isinstance(err, LoadError) else type(err).__name__,
        "stackTrace": stack,
    }
    return json.dumps(body).encode()


if __name__ == "__main__":
    serve(socket.socket(fileno=int(sys.argv[1])))
