"""Transport: HTTP/1.1 over threads, direct or as a forward proxy (absolute-form targets).

The standard library's server is enough here: it shows the raw request target, lets a connection be
dropped without an answer (fault injection), and its threads let a slow call wait without
stopping others.
"""

from __future__ import annotations

import base64
import logging
import re
import socket
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

from emulator import message_body
from emulator.wire import Headers, Request, Response

log = logging.getLogger(__name__)

_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_LINGER_SECONDS = 2.0
Handle = Callable[[Request], Response]


class Server(ThreadingHTTPServer):
    """Serves `handle` on one port; `start` and `stop` from any thread."""

    daemon_threads = True
    request_queue_size = 256  # the default of 5 stalls parallel connects for seconds

    def __init__(self, port: int, handle: Handle, host: str = "127.0.0.1") -> None:
        self.handle = handle
        super().__init__((host, port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news."""
        log.debug("connection of %s ended", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # one write per answer
    timeout = 120

    server: Server

    def __getattr__(self, name: str) -> Callable[[], None]:
        """Any method reaches the product: each has its own words for one it does not know."""
        if name.startswith("do_"):
            return self._serve
        raise AttributeError(name)

    def _serve(self) -> None:
        self._acknowledge()
        try:
            request = self._request(message_body.read(self.headers, self.rfile))
        except message_body.Unreadable as err:
            self._refuse(err.status, err.code, err.message)
            return
        try:
            response = self.server.handle(request)
        except Exception:  # the outermost edge: a defect of ours must look like the product's 500
            log.exception("defect in the emulator")
            response = Response.json(500, {"Code": "InternalError", "Message": "InternalError"})
        self._answer(response)

    def do_CONNECT(self) -> None:
        """HTTPS through the proxy is not spoken (yet); say so instead of hanging."""
        self._refuse(501, "ConnectNotSupported", "Use http:// endpoints through this proxy.")

    def handle_expect_100(self) -> bool:
        """Let the body come at once: answers are buffered, and curl waits a second for this one."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _acknowledge(self) -> None:
        """Clients behind a proxy send head and body apart and wait for the head's ACK, which the
        kernel holds back for 40 ms (Nagle against delayed ACK)."""
        if hasattr(socket, "TCP_QUICKACK"):
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _request(self, body: bytes) -> Request:
        target = self.path
        if absolute := _ABSOLUTE.match(target):
            target = target[absolute.end() :]
            target = target if target.startswith("/") else f"/{target}"
        return Request(
            self.command, target, Headers(self.headers.items()), body, self._source_ip()
        )

    def _source_ip(self) -> str:
        """The user name of the proxy URL if it is an address, else the peer's address."""
        scheme, _, value = self.headers.get("Proxy-Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, _ = base64.b64decode(value).decode().rpartition(":")
                return str(ip_address(user))
            except ValueError:
                pass
        return str(self.client_address[0])

    def _answer(self, response: Response) -> None:
        if response.drop:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self.send_response_only(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value.replace("\r", " ").replace("\n", " "))
        self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        elif self.request_version == "HTTP/1.0":
            self.send_header("Connection", "keep-alive")  # not the default then: say it
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    def _refuse(self, status: int, code: str, message: str) -> None:
        """Answer what is no request, in the products' JSON, and close: its end is unknown."""
        self.close_connection = True
        self.request_version = self.protocol_version  # garbage counts as HTTP/0.9: no status line
        self._answer(Response.json(status, {"Code": code, "Message": message}))
        self._linger()

    def _linger(self) -> None:
        """Read on for a moment: closing with unread input would reset the connection, and the
        client would lose the answer that it has not read yet."""
        self.connection.shutdown(socket.SHUT_WR)
        self.connection.settimeout(_LINGER_SECONDS)
        deadline = time.monotonic() + _LINGER_SECONDS
        while time.monotonic() < deadline and self.rfile.read1(1 << 20):
            pass

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the HTTP parser refuses; its text is left out, as it repeats what was sent."""
        self._refuse(code, "InvalidRequest", "The request cannot be parsed.")

    def log_message(self, format: str, *args: object) -> None:
        """No access log: it would hold query strings, and old SDKs put secrets there."""
