"""GetCursor and PullLogs: groups as they were written, at once and unchanged by any deletion.

A cursor is the base64 of a position within the shard, as the SDK's own arithmetic expects.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

from emulator.call import Call
from emulator.sls import compression, documents, errors
from emulator.sls.logstores import found
from emulator.sls.protobuf import encode_group, encode_group_list
from emulator.sls.state import Shard, StoredGroup
from emulator.wire import Response

_MAX_GROUPS = 1000
_DIGITS = re.compile(rb"\d{1,18}")


def get_cursor(call: Call) -> Response:
    """GetCursor: `begin`, `end`, or the first group received at or after a time."""
    shard = _shard(call)
    wanted = call.parameters.get("from", "")
    position = shard.dropped
    if wanted == "end":
        position += len(shard.groups)
    elif wanted != "begin":
        since = documents.integer(dict(call.parameters), "from")
        position += sum(group.received_at < since for group in shard.groups)
    return Response.json(200, {"cursor": _cursor(position)})


def get_cursor_time(call: Call) -> Response:
    """When the group at a cursor was received."""
    shard = _shard(call)
    position = _position(shard, call.parameters.get("cursor", ""))
    if position >= len(shard.groups):
        raise errors.invalid_cursor(call.parameters["cursor"])
    return Response.json(200, {"cursor_time": int(shard.groups[position].received_at)})


def pull_logs(call: Call) -> Response:
    """PullLogs: at most `count` groups and 10 MB from a cursor on."""
    shard = _shard(call)
    if call.parameters.get("query") or call.parameters.get("processor"):
        raise errors.parameter_invalid("SPL is not supported by PullLogs here")
    count = documents.integer(dict(call.parameters), "count", _MAX_GROUPS)
    if not 1 <= count <= _MAX_GROUPS:
        raise errors.parameter_invalid("The parameter count is invalid.")
    start = _position(shard, call.parameters.get("cursor", ""))
    stop = min(start + count, len(shard.groups))
    if "end_cursor" in call.parameters:
        stop = max(start, min(stop, _position(shard, call.parameters["end_cursor"])))
    groups = list(_up_to_limit(shard.groups[start:stop]))
    raw = encode_group_list([stored.group for stored in groups])
    body, headers = compression.answer_body(call.request.headers, raw)
    return Response(200, body, {
        "Content-Type": "application/x-protobuf", "x-log-count": str(len(groups)),
        "x-log-cursor": _cursor(shard.dropped + start + len(groups)), **headers,
    })  # fmt: skip


def _up_to_limit(groups: list[StoredGroup]) -> Iterator[StoredGroup]:
    """At least one group, then as many as fit."""
    size = 0
    for stored in groups:
        size += len(encode_group(stored.group))
        if size > errors.MAX_BODY_BYTES and size > len(encode_group(stored.group)):
            return
        yield stored


def _shard(call: Call) -> Shard:
    wanted = call.parameters["shard"]
    for shard in found(call).shards:
        if str(shard.id) == wanted:
            return shard
    raise errors.shard_missing(wanted)


def _cursor(position: int) -> str:
    return base64.b64encode(str(position).encode()).decode()


def _position(shard: Shard, cursor: str) -> int:
    """The cursor as an index into `groups`; what has been dropped is before 0, so 0."""
    try:
        digits = base64.b64decode(cursor.strip(), validate=True)
    except ValueError:
        raise errors.invalid_cursor(cursor) from None
    if not _DIGITS.fullmatch(digits):
        raise errors.invalid_cursor(cursor)
    position = int(digits) - shard.dropped
    if position > len(shard.groups):
        raise errors.invalid_cursor(cursor)
    return max(position, 0)
