"""Bodies of HTTP/1.1 requests, read whole: by Content-Length or in chunks.

Source: RFC 9112, sections 6 and 7. What does not follow it is refused instead of being guessed at:
the next request on the connection would begin at the wrong byte.
"""

from __future__ import annotations

import re
from email.message import Message
from io import BufferedIOBase

MAX_BYTES = 64 * 1024 * 1024  # above every product's limit, so that each words its own refusal
_LENGTH = re.compile(r"[0-9]{1,15}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})[ \t]*(;[^\r\n]*)?\r?\n")
_LINE_BYTES = 8192


class Unreadable(Exception):
    """A body whose end is unknown; after the answer the connection must be closed."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def read(headers: Message, stream: BufferedIOBase) -> bytes:
    """The body's bytes, empty if there is none; raises Unreadable."""
    if "Transfer-Encoding" in headers:
        if _listed(headers, "Transfer-Encoding") != ["chunked"]:
            raise Unreadable(501, "UnsupportedTransferEncoding", "Only chunked is supported.")
        return _chunks(stream)
    lengths = set(_listed(headers, "Content-Length"))
    if not lengths:
        return b""
    text = lengths.pop()
    if lengths or not _LENGTH.fullmatch(text):
        raise Unreadable(400, "InvalidContentLength", "The Content-Length header is invalid.")
    return _exactly(stream, int(text))


def _listed(headers: Message, name: str) -> list[str]:
    """The members of a header, which may be repeated or comma-separated."""
    values = headers.get_all(name) or []
    return [member.strip().lower() for value in values for member in value.split(",")]


def _exactly(stream: BufferedIOBase, size: int, before: int = 0) -> bytes:
    if before + size > MAX_BYTES:
        raise Unreadable(413, "EntityTooLarge", "The request body is too large.")
    content = stream.read(size)
    if len(content) < size:
        raise Unreadable(400, "IncompleteBody", "The request body ended before its length.")
    return content


def _chunks(stream: BufferedIOBase) -> bytes:
    body = bytearray()
    while True:
        found = _CHUNK_SIZE.fullmatch(stream.readline(_LINE_BYTES))
        if not found:
            raise _bad_chunk()
        size = int(found[1], 16)
        if size == 0:
            _skip_trailers(stream)
            return bytes(body)
        body += _exactly(stream, size, len(body))
        if stream.readline(3).strip(b"\r\n"):
            raise _bad_chunk()


def _skip_trailers(stream: BufferedIOBase) -> None:
    for _ in range(100):
        line = stream.readline(_LINE_BYTES)
        if line in (b"\r\n", b"\n"):
            return
        if not line.endswith(b"\n"):
            break
    raise _bad_chunk()


def _bad_chunk() -> Unreadable:
    return Unreadable(400, "InvalidChunk", "The chunked body is malformed.")
