"""Protocol buffers of log groups, decoded and encoded by hand.

The schema has three small messages; a decoder of our own needs no generated code, does not share
the SDK's (an error in it could not show), and tells a parse error from bytes that are no UTF-8.
Source: "Log encoding" (LogGroup, proto2).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.sls import errors


@dataclass(frozen=True)
class Log:
    """One log: seconds since the epoch, its fields in order, nanoseconds if they were sent."""

    time: int
    contents: tuple[tuple[str, str], ...]
    time_ns: int | None = None


@dataclass(frozen=True)
class LogGroup:
    logs: tuple[Log, ...]
    topic: str = ""
    source: str = ""
    tags: tuple[tuple[str, str], ...] = field(default=())


class _Malformed(Exception):
    """The bytes are no message of this schema."""


def decode_group(body: bytes) -> LogGroup:
    """Decode a LogGroup; raises PostBodyInvalid or InvalidEncoding."""
    try:
        return _group(body)
    except _Malformed:
        raise errors.post_body_invalid("Protobuffer content cannot be parsed.") from None
    except UnicodeDecodeError:
        raise errors.invalid_encoding() from None


def _group(body: bytes) -> LogGroup:
    logs: list[Log] = []
    tags: list[tuple[str, str]] = []
    texts = {3: "", 4: ""}
    for number, value in _fields(body):
        if number == 1:
            logs.append(_log(_bytes(value)))
        elif number in texts:
            texts[number] = _bytes(value).decode()
        elif number == 6:
            tags.append(_pair(_bytes(value)))
    return LogGroup(tuple(logs), texts[3], texts[4], tuple(tags))


def _log(body: bytes) -> Log:
    time: int | None = None
    nanoseconds: int | None = None
    contents: list[tuple[str, str]] = []
    for number, value in _fields(body):
        if number == 1:
            time = _integer(value)
        elif number == 2:
            contents.append(_pair(_bytes(value)))
        elif number == 4:
            nanoseconds = _integer(value)
    if time is None:
        raise _Malformed
    return Log(time, tuple(contents), nanoseconds)


def _pair(body: bytes) -> tuple[str, str]:
    found = {number: _bytes(value) for number, value in _fields(body) if number in (1, 2)}
    if len(found) != 2:
        raise _Malformed
    return found[1].decode(), found[2].decode()


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise _Malformed
    return value


def _integer(value: int | bytes) -> int:
    if isinstance(value, bytes):
        raise _Malformed
    return value


def _fields(body: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers with their values: integers for varint and fixed, bytes for delimited."""
    at = 0
    while at < len(body):
        key, at = _varint(body, at)
        number, wire_type = key >> 3, key & 7
        if number == 0:
            raise _Malformed
        if wire_type == 0:
            value, at = _varint(body, at)
            yield number, value
            continue
        if wire_type not in (1, 2, 5):
            raise _Malformed
        size, at = _varint(body, at) if wire_type == 2 else ({1: 8, 5: 4}[wire_type], at)
        chunk = body[at : at + size]
        if len(chunk) != size:
            raise _Malformed
        at += size
        yield number, chunk if wire_type == 2 else int.from_bytes(chunk, "little")


def _varint(body: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(body):
            raise _Malformed
        value |= (body[at] & 0x7F) << shift
        at += 1
        if not body[at - 1] & 0x80:
            return value, at
    raise _Malformed


def encode_group(group: LogGroup) -> bytes:
    """The LogGroup message that `decode_group` reads."""
    parts = [_delimited(1, _encode_log(log)) for log in group.logs]
    parts += [_delimited(3, group.topic.encode()), _delimited(4, group.source.encode())]
    parts += [_delimited(6, _encode_pair(pair)) for pair in group.tags]
    return b"".join(parts)


def encode_group_list(groups: list[LogGroup]) -> bytes:
    """The LogGroupList message of PullLogs."""
    return b"".join(_delimited(1, encode_group(group)) for group in groups)


def _encode_log(log: Log) -> bytes:
    body = b"\x08" + _encode_varint(log.time)
    body += b"".join(_delimited(2, _encode_pair(pair)) for pair in log.contents)
    return body if log.time_ns is None else body + b"\x25" + struct.pack("<I", log.time_ns)


def _encode_pair(pair: tuple[str, str]) -> bytes:
    return _delimited(1, pair[0].encode()) + _delimited(2, pair[1].encode())


def _delimited(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + _encode_varint(len(content)) + content


def _encode_varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)
