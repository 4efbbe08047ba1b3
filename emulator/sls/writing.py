"""PutLogs: a group is stored as a whole or refused as a whole; a repetition is stored again."""

from __future__ import annotations

import re

from emulator.call import Call
from emulator.errors import ProductError
from emulator.sls import compression, documents, errors
from emulator.sls.logstores import HASH_KEYS, found
from emulator.sls.protobuf import LogGroup, decode_group
from emulator.sls.state import LogStore, Shard
from emulator.wire import Request, Response

_KEY = re.compile(r"[A-Za-z0-9_]{1,128}")
_HASH_KEY = re.compile(r"[0-9a-fA-F]{1,32}")
_RESERVED = {"__time__", "__source__", "__topic__", "__partition_time__", "__extract_others__",
             "_extract_others_", "__rowid__"}  # fmt: skip
_OLDEST_SECONDS = 168 * 3600
_NEWEST_SECONDS = 15 * 60


def put_balanced(call: Call) -> Response:
    """PutLogs to `…/shards/lb`: shards take turns."""
    store = found(call)
    return _put(call, store, store.shards[store.next_seq % len(store.shards)])


def put_routed(call: Call) -> Response:
    """PutLogs to `…/shards/route?key=`: the shard whose range holds the 128-bit hash key."""
    store = found(call)
    key = call.parameters.get("key", "")
    if not _HASH_KEY.fullmatch(key):
        raise errors.parameter_invalid("The parameter key is invalid.")
    position = int(key.ljust(32, "0"), 16) % HASH_KEYS
    return _put(call, store, next(s for s in store.shards if s.begin <= position < s.end))


def _put(call: Call, store: LogStore, shard: Shard) -> Response:
    headers, body = call.request.headers, call.request.body
    content_type = headers.get("content-type", "").split(";")[0].strip()
    if not content_type:
        raise errors.missing_content_type()
    if content_type != "application/x-protobuf":
        raise errors.invalid_content_type(content_type)
    if len(body) > errors.MAX_BODY_BYTES:
        raise errors.post_body_too_large(len(body))
    group = decode_group(compression.request_body(headers, body))
    now = call.cloud.clock.time()
    _check(group, now)
    if store.settings["appendMeta"]:
        group = _with_meta(group, call.caller.source_ip, now)
    store.append(shard, group, now, call.request_id)
    return documents.done()


def text(request: Request) -> str:
    """A request's rows as `name=value` lines, for fault rules that aim by them; none if they
    cannot be read."""
    try:
        group = decode_group(compression.request_body(request.headers, request.body))
    except ProductError:
        return ""
    return "\n".join(f"{name}={value}" for log in group.logs for name, value in log.contents)


def _check(group: LogGroup, now: float) -> None:
    for name, value in (("topic", group.topic), ("source", group.source)):
        if len(value.encode()) > 128:
            raise errors.post_body_invalid(f"The {name} of logs is longer than 128 bytes.")
    for log in group.logs:
        if log.time >= 1 << 32:
            raise errors.invalid_timestamp()
        if not now - _OLDEST_SECONDS <= log.time <= now + _NEWEST_SECONDS:
            raise errors.post_body_invalid("The post data time is out of range")
        for key, _ in log.contents:
            if not _KEY.fullmatch(key) or key in _RESERVED:
                raise errors.invalid_key(key)


def _with_meta(group: LogGroup, client_ip: str, now: float) -> LogGroup:
    """appendMeta: an independent clock and address beside each log."""
    meta = (("__client_ip__", client_ip), ("__receive_time__", str(int(now))))
    return LogGroup(group.logs, group.topic, group.source, (*group.tags, *meta))
