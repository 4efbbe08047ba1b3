"""Indexes: which fields queries can use. They count only for rows received afterwards.

Source: CreateIndex, "Create indexes" (token, caseSensitive, chn, doc_value, max_text_len).
"""

from __future__ import annotations

from emulator.call import Call
from emulator.sls import documents, errors
from emulator.sls.logstores import found
from emulator.sls.state import Index
from emulator.wire import Response

_TYPES = ("text", "long", "double", "json")
_KNOWN = {"line", "keys", "max_text_len", "ttl", "log_reduce", "lastModifyTime", "storage",
          "scan_index", "log_reduce_white_list", "log_reduce_black_list"}  # fmt: skip
_RESERVED = {"__time__", "__source__", "__topic__", "__rowid__", "__partition_time__"}


def create(call: Call) -> Response:
    """CreateIndex."""
    store = found(call)
    definition = _definition(documents.body(call))
    if store.index is not None:
        raise errors.index_exists()
    now = call.cloud.clock.time()
    store.index = Index(definition, now, now)
    _note_new(store.index, None, now)
    return documents.done()


def update(call: Call) -> Response:
    """UpdateIndex replaces the whole definition."""
    store = found(call)
    definition = _definition(documents.body(call))
    if store.index is None:
        raise errors.index_missing()
    former = store.index
    now = call.cloud.clock.time()
    store.index = Index(definition, former.created_at, now)
    _note_new(store.index, former, now)
    return documents.done()


def get(call: Call) -> Response:
    store = found(call)
    if store.index is None:
        raise errors.index_missing()
    return Response.json(200, {
        **store.index.definition, "ttl": store.settings["ttl"], "storage": "pg",
        "lastModifyTime": int(store.index.modified_at),
    })  # fmt: skip


def delete(call: Call) -> Response:
    store = found(call)
    if store.index is None:
        raise errors.index_missing()
    store.index = None
    return documents.done()


def _note_new(index: Index, former: Index | None, now: float) -> None:
    """An unchanged field keeps its rows; a new or changed one starts now."""
    for name, key in index.keys.items():
        unchanged = former is not None and former.keys.get(name) == key
        index.key_since[name] = former.key_since[name] if former and unchanged else now
    if index.line is not None:
        kept = former is not None and former.line == index.line
        index.line_since = former.line_since if former and kept else now


def _definition(document: documents.Document) -> documents.Document:
    if not set(document) <= _KNOWN:
        raise errors.index_invalid("redundant key exist in json")
    line, keys = document.get("line"), document.get("keys")
    if line is None and not keys:
        raise errors.index_invalid("Required field line or keys is lacking.")
    definition: documents.Document = {"max_text_len": _max_text_len(document)}
    if line is not None:
        _check_tokens(line)
        definition["line"] = line
    if keys is not None:
        if not isinstance(keys, dict):
            raise errors.index_invalid("Required field keys is of error format.")
        for name, key in keys.items():
            _check_key(name, key)
        definition["keys"] = keys
    return definition


def _max_text_len(document: documents.Document) -> int:
    value = document.get("max_text_len") or 2048
    if not isinstance(value, int) or isinstance(value, bool) or not 64 <= value <= 16384:
        raise errors.index_invalid("max_text_len must be between 64 and 16384")
    return value


def _check_key(name: str, key: object) -> None:
    if not name or name in _RESERVED or len(name.encode()) > 128:
        raise errors.index_invalid(f"key {name} is invalid")
    if not isinstance(key, dict) or key.get("type") not in _TYPES:
        raise errors.index_invalid(f"key {name}: Required field type is lacking or invalid.")
    if key["type"] in ("text", "json"):
        _check_tokens(key)
    for flag in ("doc_value", "chn", "caseSensitive"):
        if not isinstance(key.get(flag, False), bool):
            raise errors.index_invalid(f"key {name}: {flag} is invalid")


def _check_tokens(part: object) -> None:
    tokens = part.get("token") if isinstance(part, dict) else None
    if not isinstance(tokens, list) or not all(isinstance(t, str) and len(t) == 1 for t in tokens):
        raise errors.index_invalid("Required field token is lacking or of error format.")
