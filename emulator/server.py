"""Transport: HTTP/1.1 over threads, direct or as a forward proxy (absolute-form targets, CONNECT).

The standard library's server is enough here: it shows the raw request target, lets a connection be
dropped without an answer (fault injection), and its threads let a slow call wait without
stopping others.
"""

from __future__ import annotations

import base64
import contextlib
import logging
import re
import select
import socket
import ssl
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

from emulator import message_body
from emulator.certificates import Authority
from emulator.wire import Headers, Request, Response

log = logging.getLogger(__name__)

_ABSOLUTE = re.compile(r"https?://[^/?#]*", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"([A-Za-z0-9._-]{1,253}):[0-9]{1,5}")
_LINGER_SECONDS = 2.0
_HANDSHAKE_SECONDS = 20.0
Handle = Callable[[Request], Response]


class Server(ThreadingHTTPServer):
    """Serves `handle` on one port; `start` and `stop` from any thread.

    With an `authority`, CONNECT leads to ourselves over TLS, whatever host it names; there is no
    way through this proxy to anywhere else.
    """

    daemon_threads = True
    request_queue_size = 256  # the default of 5 stalls parallel connects for seconds

    def __init__(
        self, port: int, handle: Handle, host: str = "127.0.0.1", *,
        authority: Authority | None = None,
    ) -> None:
        self.handle = handle
        self.authority = authority
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
    tunnel_source_ip = ""  # where the CONNECT came from; empty outside of a tunnel
    tunnel_instance = ""  # and which function instance said so

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
        """Answer as if connected, prove to be that host, and serve what comes as direct requests.

        A tunnel within a tunnel is refused, as is CONNECT where there is no authority.
        """
        target = _HOST_AND_PORT.fullmatch(self.path)
        if self.server.authority is None or self.tunnel_source_ip:
            self._refuse(501, "ConnectNotSupported", "There is no way on through this port.")
            return
        if not target:
            self._refuse(400, "InvalidRequest", "CONNECT takes a host name and a port.")
            return
        source_ip, instance = self._caller()
        self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self.wfile.flush()
        self._secure(self.server.authority.context(target[1]))
        self.tunnel_source_ip, self.tunnel_instance = source_ip, instance
        self.close_connection = False  # whatever the CONNECT said: it speaks of the tunnel

    def _secure(self, context: ssl.SSLContext) -> None:
        """Go on over TLS; a failed handshake is an OSError and ends the connection."""
        self.connection.settimeout(_HANDSHAKE_SECONDS)
        self.connection = context.wrap_socket(
            self.connection, server_side=True, do_handshake_on_connect=False
        )
        self.rfile = self.connection.makefile("rb", self.rbufsize)
        self.wfile = self.connection.makefile("wb", self.wbufsize)
        self.connection.do_handshake()
        self.connection.settimeout(self.timeout)

    def finish(self) -> None:
        """Close the TLS connection too: the server knows the plain one only."""
        try:
            super().finish()
        finally:
            if isinstance(self.connection, ssl.SSLSocket):
                self.connection.settimeout(0)  # say goodbye, wait for no answer
                with contextlib.suppress(OSError, ValueError):
                    self.connection.unwrap()
                self.connection.close()

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
        source_ip, instance = self._caller()
        return Request(
            self.command, target, Headers(self.headers.items()), body, source_ip,
            secure=bool(self.tunnel_source_ip), instance=instance, abandoned=self._hung_up,
        )

    def _hung_up(self) -> bool:
        """Whether the client has closed the connection. Over TLS its last words are encrypted, but
        a client that waits for an answer says nothing at all."""
        secure = isinstance(self.connection, ssl.SSLSocket)
        poll = select.poll()
        poll.register(self.connection, select.POLLIN)
        return bool(poll.poll(0)) and (secure or not self.connection.recv(1, socket.MSG_PEEK))

    def _caller(self) -> tuple[str, str]:
        """The user name of the proxy URL if it is an address, else the peer's address; and its
        password, by which function instances are known.

        In a tunnel only the CONNECT carries them."""
        if self.tunnel_source_ip:
            return self.tunnel_source_ip, self.tunnel_instance
        scheme, _, value = self.headers.get("Proxy-Authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, password = base64.b64decode(value).decode().rpartition(":")
                return str(ip_address(user)), password
            except ValueError:
                pass
        return str(self.client_address[0]), ""

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
