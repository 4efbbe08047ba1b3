"""The index of the audit logstore: exact match for ids and codes, words for texts."""

from __future__ import annotations

from typing import Any

from shared.audit import FIELDS, NUMBERS

WORDS = [",", " ", "'", '"', ";", "=", "(", ")", "[", "]", "{", "}", "?", "@", "&", "<", ">", "/",
         ":", "\n", "\t", "\r"]  # fmt: skip
TEXTS = frozenset({"message", "reason", "error_message"})
MAX_TEXT_BYTES = 16384  # the default of 2048 would cut long values in SQL


def document() -> dict[str, Any]:
    """As CreateIndex takes it; every field of the audit schema is searchable and usable in SQL."""
    keys = {name: _key(name) for name in FIELDS}
    keys["__tag__:__receive_time__"] = _exact()  # the server's own clock beside ours
    return {
        "line": {"token": WORDS, "caseSensitive": False, "chn": True},
        "keys": keys,
        "max_text_len": MAX_TEXT_BYTES,
    }


def of_digests() -> dict[str, Any]:
    """Of the logstores of digests: found by window; the document itself is only stored."""
    exact = ("schema", "digest", "mac", "key_id")
    return {
        "keys": {name: _exact() for name in exact}
        | {name: {"type": "long", "doc_value": True} for name in ("number", "part", "parts")},
        "max_text_len": MAX_TEXT_BYTES,
    }


def _key(name: str) -> dict[str, Any]:
    if name in NUMBERS:
        return {"type": "long", "doc_value": True}
    if name in TEXTS:
        return {"type": "text", "token": WORDS, "caseSensitive": False, "doc_value": True,
                "chn": True}  # fmt: skip
    return _exact()


def _exact() -> dict[str, Any]:
    return {"type": "text", "token": [], "caseSensitive": True, "doc_value": True, "chn": False}
