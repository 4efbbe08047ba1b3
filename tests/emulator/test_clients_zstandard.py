"""PutLogs as the OpenAPI SDK sends it by default: compressed with Zstandard."""

from __future__ import annotations

import pytest
import zstandard

from emulator.errors import ProductError
from emulator.sls import compression
from emulator.wire import Headers

RAW = b'{"event": "key issued"}' * 90


def headers(size: int) -> Headers:
    return Headers([("x-log-compresstype", "zstd"), ("x-log-bodyrawsize", str(size))])


@pytest.mark.parametrize("level", [1, 19])
@pytest.mark.parametrize("known_size", [True, False])
def test_zstd_body_is_inflated(level: int, known_size: bool) -> None:
    """With and without the content's size in the frame, as different clients write it."""
    body = zstandard.ZstdCompressor(level=level, write_content_size=known_size).compress(RAW)

    assert RAW == compression.request_body(headers(len(RAW)), body)


@pytest.mark.parametrize("body", [b"", b"\x28\xb5\x2f\xfd", b"not zstd at all", RAW])
def test_what_is_no_zstd_is_refused(body: bytes) -> None:
    """With the documented code, never with a stack trace."""
    with pytest.raises(ProductError) as refused:
        compression.request_body(headers(len(RAW)), body)

    assert "PostBodyUncompressError" == refused.value.code


def test_larger_than_it_says_is_refused() -> None:
    """The raw size in the header is the most that is inflated."""
    body = zstandard.ZstdCompressor().compress(b"\0" * 5_000_000)

    with pytest.raises(ProductError):
        compression.request_body(headers(10), body)
