"""Bodies are compressed with lz4 (block format without a size in front), deflate or zstd.

Source: "Public request headers", x-log-compresstype. Answers are compressed with lz4 only, and
sent plain to whoever does not accept it.
"""

from __future__ import annotations

import zlib

import lz4.block
import zstandard

from emulator.sls import errors
from emulator.wire import Headers


def request_body(headers: Headers, body: bytes) -> bytes:
    """The raw body of a write; its size must be what `x-log-bodyrawsize` says."""
    kind = headers.get("x-log-compresstype", "")
    size = headers.get("x-log-bodyrawsize")
    if kind and kind not in ("lz4", "deflate", "zstd"):
        raise errors.invalid_compress_type(kind)
    if size is None:
        if kind:
            raise errors.missing_body_raw_size()
        size = str(len(body))
    if not (size.isascii() and size.isdigit()) or len(size) > 18:
        raise errors.invalid_body_raw_size()
    raw_size = int(size)
    if raw_size > errors.MAX_BODY_BYTES:  # before anything is inflated
        raise errors.post_body_too_large(raw_size)
    raw = _inflate(kind, body, raw_size) if kind else body
    if len(raw) != raw_size:
        raise errors.invalid_body_raw_size()
    return raw


def _inflate(kind: str, body: bytes, raw_size: int) -> bytes:
    try:
        if kind == "lz4":
            return bytes(lz4.block.decompress(body, uncompressed_size=raw_size))
        if kind == "zstd":
            if zstandard.frame_content_size(body) > raw_size:
                raise errors.uncompress_failed()
            return zstandard.ZstdDecompressor().decompress(body, max_output_size=raw_size + 1)
        stream = zlib.decompressobj()
        raw = stream.decompress(body, raw_size + 1)
        if not stream.eof and len(raw) <= raw_size:
            raise errors.uncompress_failed()
        return raw
    except (lz4.block.LZ4BlockError, zlib.error, zstandard.ZstdError, ValueError, MemoryError):
        raise errors.uncompress_failed() from None


def answer_body(headers: Headers, raw: bytes) -> tuple[bytes, dict[str, str]]:
    """Compress an answer if the caller accepts lz4; `x-log-bodyrawsize` is always sent."""
    accepted = [part.split(";")[0].strip() for part in
                headers.get("accept-encoding", "").split(",")]  # fmt: skip
    size = {"x-log-bodyrawsize": str(len(raw))}
    if "lz4" not in accepted or not raw:
        return raw, size
    return lz4.block.compress(raw, store_size=False), {**size, "x-log-compresstype": "lz4"}
