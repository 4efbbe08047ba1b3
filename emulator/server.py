"""Transport: HTTP/1.1 over threads, direct or as a forward proxy (absolute-form targets).

The standard library's server is enough here: it shows the raw request target, lets a connection be
dropped without an answer (fault injection), and its threads let a slow call wait without
stopping others.
"""

from __future__ import annotations

import base64
import json
import logging
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from urllib.parse import urlsplit

from emulator.wire import Headers, Request, Response

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 33 * 1024 * 1024  # FC takes 32 MB, SLS 10 MB
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

    def _serve(self) -> None:
        body = self._body()
        if body is None:
            return
        try:
            response = self.server.handle(self._request(body))
        except Exception:  # the outermost edge: a defect of ours must look like the product's 500
            log.exception("defect in the emulator")
            response = Response.json(500, {"Code": "InternalError", "Message": "InternalError"})
        self._answer(response)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve

    def do_CONNECT(self) -> None:
        """HTTPS through the proxy is not spoken (yet); say so instead of hanging."""
        self._answer(Response.json(501, {
            "Code": "ConnectNotSupported",
            "Message": "Use http:// endpoints through this proxy.",
        }))  # fmt: skip

    def _body(self) -> bytes | None:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return self._chunks()
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            status = 413 if length.isdigit() else 400
            self._answer(Response.json(status, {
                "Code": "EntityTooLarge" if status == 413 else "InvalidContentLength",
                "Message": "The request body cannot be read.",
            }))  # fmt: skip
            return None
        self._acknowledge()
        return self.rfile.read(int(length))

    def _acknowledge(self) -> None:
        """Clients behind a proxy send head and body apart and wait for the head's ACK, which the
        kernel holds back for 40 ms (Nagle against delayed ACK)."""
        if hasattr(socket, "TCP_QUICKACK"):
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _chunks(self) -> bytes | None:
        body = b""
        while True:
            try:
                size = int(self.rfile.readline(64).split(b";")[0], 16)
            except ValueError:
                size = MAX_BODY_BYTES + 1
            if len(body) + size > MAX_BODY_BYTES:
                self.close_connection = True
                self._answer(Response.json(400, {"Code": "InvalidChunk", "Message": "Bad chunk."}))
                return None
            body += self.rfile.read(size)
            self.rfile.readline(8)
            if size == 0:
                return body

    def _request(self, body: bytes) -> Request:
        target = self.path
        if target.startswith(("http://", "https://")):
            parts = urlsplit(target)
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return Request(
            self.command, target, Headers(self.headers.items()), body, self._source_ip()
        )

    def _source_ip(self) -> str:
        """The user name of the proxy URL if it is an address, else the peer's address."""
        scheme, _, value = self.headers.get("Proxy-Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user = base64.b64decode(value).decode().split(":")[0]
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
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(response.body)
        self.wfile.flush()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the HTTP parser refuses is answered in the products' JSON, not in HTML."""
        self.close_connection = True
        body = {"Code": "InvalidRequest", "Message": message or "The request cannot be parsed."}
        self.send_response_only(code)
        content = json.dumps(body).encode()
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """No access log: it would hold query strings, and old SDKs put secrets there."""
