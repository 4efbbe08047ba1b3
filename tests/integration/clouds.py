"""Two clouds in this process: the emulator, and one whose answers are spoiled on their way."""

from __future__ import annotations

import functools
import json
import socket
import threading
import traceback
from collections.abc import Iterator
from typing import Any

from emulator import gateway
from emulator.choices import Choices
from emulator.cloud import Cloud
from emulator.ram.state import AccessKey, User
from emulator.server import Server

ACCOUNT = "1234567890123456"
ADMIN_ID = "LTAI5tAdministrator00001"
ADMIN_SECRET = "administratorSecret00000000001"
ADDRESS = "198.51.100.7"


class LocalCloud:
    """The emulator; adapters reach it by the real host names, as a proxy."""

    def __init__(self) -> None:
        self.cloud = Cloud(ACCOUNT, ADMIN_ID, ADMIN_SECRET, choices=calm())
        self.server = Server(0, functools.partial(gateway.handle, self.cloud))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self.server.port

    def fault(self, kind: str, action: str, **more: Any) -> None:
        """The next call of that action goes wrong; all of them with `times=0`."""
        self.cloud.faults.add({"kind": kind, "action": action, **more})

    def calls(self, action: str) -> list[dict[str, Any]]:
        """How often it was asked for that action, and how it answered."""
        return [call for call in self.cloud.history.since() if call["action"] == action]

    def stranger(self) -> tuple[str, str]:
        """AccessKey id and secret of a user who may do nothing."""
        ram = self.cloud.ram
        user = User(ram.new_id(), "stranger")
        ram.users[user.name] = user
        key = AccessKey(ram.new_access_key_id(), ram.new_secret(), user.id,
                        status_since=[(0.0, "Active")])  # fmt: skip
        ram.keys[key.id] = key
        return key.id, key.secret

    def secrets(self) -> list[str]:
        """Every secret it ever gave out, and the administrator's."""
        return [ADMIN_SECRET, *(str(entry["value"]) for entry in self.cloud.secrets)]

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class SpoiltCloud:
    """Answers every request with the same bytes and hangs up; counts the requests."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.requests: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for connection in self._accepted():
            with connection:
                connection.settimeout(5)
                self.requests.append(_request(connection))
                connection.sendall(self._answer)

    def _accepted(self) -> Iterator[socket.socket]:
        while True:
            try:
                yield self._listener.accept()[0]
            except OSError:
                return

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)


def _request(connection: socket.socket) -> bytes:
    """Head and body, so that the client is not cut off while it still sends."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)
    return received


def answer(content: object, *, cut_bytes: int = 0, **headers: str) -> bytes:
    """A 200 with that JSON, less its last bytes."""
    body = json.dumps(content).encode()
    lines = [f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items()]
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n{''.join(lines)}\r\n"
    )
    return head.encode() + body[: len(body) - cut_bytes]


def calm() -> Choices:
    choices = Choices()
    choices.calm()
    return choices


def shown(err: BaseException | None) -> str:
    """All that an error could bring into a log: texts, attributes, causes, contexts, trace."""
    text = ""
    while err is not None:
        text += f"{err} {err!r} {vars(err)!r} {err.args!r}"
        text += "".join(traceback.format_exception(err))
        err = err.__cause__ or err.__context__
    return text
