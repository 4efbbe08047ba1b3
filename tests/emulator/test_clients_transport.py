"""Clients of every kind and quality on the wire: each gets an answer, no later one is disturbed."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Iterator

import pytest

from emulator.message_body import MAX_BYTES
from emulator.server import Server
from emulator.wire import Request, Response


def echo(request: Request) -> Response:
    return Response.json(200, {
        "method": request.method, "target": request.target, "body": request.body.decode("latin-1"),
        "source_ip": request.source_ip,
    })  # fmt: skip


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    server = Server(0, echo)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.port
    server.shutdown()
    server.server_close()


def exchange(port: int, sent: bytes) -> bytes:
    """Everything the server answers to `sent` until it closes, after we have stopped sending."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65536):
            received += part
        return received


def head(*lines: str) -> bytes:
    return "\r\n".join((*lines, "", "")).encode("latin-1")


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def document(answer: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found


CHUNKED = ("POST / HTTP/1.1", "Host: x", "Transfer-Encoding: chunked")


def test_chunks_end_with_their_trailers(port: int) -> None:
    """Extensions and trailers belong to the body: the next request begins behind them."""
    body = b"5;name=" + b"v" * 200 + b"\r\nhello\r\nb\r\n wide world"
    trailers = b"\r\n0\r\nX-Checksum: a rather long value\r\nY: z\r\n\r\n"

    answer = exchange(port, head(*CHUNKED) + body + trailers + head("GET /next HTTP/1.1"))

    assert answer.count(b"HTTP/1.1 200") == 2
    assert b'"body":"hello wide world"' in answer
    assert b'"target":"/next"' in answer


@pytest.mark.parametrize("body", [
    b"-5\r\nabc", b"zz\r\n", b"1_0\r\n" + b"a" * 16 + b"\r\n0\r\n\r\n", b"0x1\r\na\r\n0\r\n\r\n",
    b"1\r\naXX0\r\n\r\n", b"\r\n", b"5" * 9000, b"0\r\n" + b"t" * 9000, b"ff\r\nshort",
])  # fmt: skip
def test_malformed_chunks_are_refused(port: int, body: bytes) -> None:
    """A size that is none, or less than was promised: one 400 and the end of the connection."""
    answer = exchange(port, head(*CHUNKED) + body)

    assert status(answer) == 400
    assert b"Connection: close" in answer
    assert document(answer)["Code"] in ("InvalidChunk", "IncompleteBody")


@pytest.mark.parametrize("lengths", [
    ["-1"], ["x"], ["+5"], ["\xb2"], ["9" * 5000], ["1e3"], [""], ["0", "7"], ["1, 2"],
])  # fmt: skip
def test_ambiguous_lengths_are_refused(port: int, lengths: list[str]) -> None:
    """Where the body ends must be beyond doubt."""
    headers = [f"Content-Length: {length}" for length in lengths]

    answer = exchange(port, head("POST / HTTP/1.1", "Host: x", *headers))

    assert status(answer) == 400
    assert document(answer)["Code"] == "InvalidContentLength"


def test_truncated_body_is_no_request(port: int) -> None:
    """FC's old signature does not cover the body: half an event must not run as a whole one."""
    answer = exchange(port, head("POST / HTTP/1.1", "Content-Length: 100") + b'{"half":')

    assert status(answer) == 400
    assert document(answer)["Code"] == "IncompleteBody"


def test_refusal_of_a_huge_body_arrives(port: int) -> None:
    """A client that sends on meanwhile reads the answer, not a connection reset."""
    length = MAX_BYTES + 1
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head("POST / HTTP/1.1", f"Content-Length: {length}"))
        for _ in range(length >> 20):
            connection.sendall(b"a" * (1 << 20))

        answer = connection.recv(65536)

    assert status(answer) == 413


def test_expect_continue_is_answered_at_once(port: int) -> None:
    """Before the body is sent, and without waiting for it."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(head("POST / HTTP/1.1", "Content-Length: 2", "Expect: 100-continue"))

        interim = connection.recv(65536)
        connection.sendall(b"ok")
        final = connection.recv(65536)

    assert status(interim) == 100
    assert document(final)["body"] == "ok"


@pytest.mark.parametrize("target", [
    "http://[", "http://[::1", "http://x:99999/", "http://", "HTTPS://[/?a=b", "//[", "*", "\x00",
])  # fmt: skip
def test_any_target_reaches_the_product(port: int, target: str) -> None:
    """What is no address is the product's to refuse; it is no defect of ours."""
    assert status(exchange(port, head(f"GET {target} HTTP/1.1"))) == 200


def test_absolute_targets_lose_their_authority(port: int) -> None:
    """A forward proxy's request means the same as a direct one."""
    answer = exchange(port, head("GET HTTP://ram.aliyuncs.com?Action=x HTTP/1.1"))

    assert document(answer)["target"] == "/?Action=x"


@pytest.mark.parametrize("method", ["PUT", "TRACE", "PROPFIND", "get"])
def test_any_method_reaches_the_product(port: int, method: str) -> None:
    """Each product has its own words for a method that it does not know."""
    assert document(exchange(port, head(f"{method} / HTTP/1.1")))["method"] == method


@pytest.mark.parametrize("garbage", [
    b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/x\r\n\r\n", b"\x00" * 500 + b"\r\n", b"a b c d\r\n",
    b"\x16\x03\x01\x02\x00\x01\r\n", b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
], ids=range(8))  # fmt: skip
def test_garbage_gets_a_complete_answer(port: int, garbage: bytes) -> None:
    """Status line, JSON and nothing of what was sent: it may hold a secret."""
    answer = exchange(port, garbage)

    assert answer.startswith(b"HTTP/1.1 ")
    assert 400 <= status(answer) < 600
    assert document(answer) == {
        "Code": "InvalidRequest", "Message": "The request cannot be parsed.",
    }  # fmt: skip


def test_http_1_0_keeps_the_connection_only_if_told(port: int) -> None:
    """An old client that asked for it must be told, or it waits for the end of the answer."""
    answer = exchange(port, head("GET / HTTP/1.0", "Connection: keep-alive"))

    assert b"Connection: keep-alive" in answer


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8::1"])
def test_source_address_is_the_proxy_user(port: int, address: str) -> None:
    """`http://198.51.100.7:x@…` as proxy: the caller's address, of both families."""
    credentials = base64.b64encode(f"{address}:x".encode()).decode()

    answer = exchange(
        port, head("GET / HTTP/1.1", f"Proxy-Authorization: Basic {credentials}")
    )

    assert document(answer)["source_ip"] == address


def test_client_that_hung_up_is_known_to_have_gone() -> None:
    """One that waits is not; so a request that nobody waits for need not be begun."""
    arrived, go_on, seen = threading.Event(), threading.Event(), []

    def slow(request: Request) -> Response:
        arrived.set()
        assert go_on.wait(10)
        seen.append(request.abandoned())
        go_on.clear()
        return Response.json(200, {})

    server = Server(0, slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for hangs_up in (False, True):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(head("GET / HTTP/1.1", "Host: x"))
            assert arrived.wait(10)
            arrived.clear()
            if not hangs_up:
                go_on.set()
                assert 200 == status(connection.recv(65536))
    go_on.set()
    while len(seen) < 2:
        assert not arrived.wait(0.01)
    server.shutdown()
    server.server_close()

    assert [False, True] == seen
