"""Zstandard, decompression only: what newer SDKs compress PutLogs with by default.

The standard library has it from Python 3.14 on. Source: RFC 8878. Dictionaries are refused, the
optional checksum is skipped: Content-MD5 or the signature covers the body already.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.sls.entropy_codes import (
    BackwardBits,
    Codes,
    FseTable,
    fse_table,
    huffman_decode,
    read_frequencies,
    read_tree,
)

_MAGIC = 0xFD2FB528
_MAX_BLOCK_BYTES = 128 * 1024
_LITERAL_BITS = (*[0] * 16, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, *range(7, 17))
_MATCH_BITS = (*[0] * 32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, *range(7, 17))


def _bases(widths: tuple[int, ...], first: int) -> tuple[int, ...]:
    """The smallest length of each code: ranges follow one another without a gap."""
    found = [first]
    for width in widths[:-1]:
        found.append(found[-1] + (1 << width))
    return tuple(found)


_LITERAL_BASES, _MATCH_BASES = _bases(_LITERAL_BITS, 0), _bases(_MATCH_BITS, 3)
# By kind (literal length, offset, match length): largest log, predefined log and frequencies.
_KINDS = (
    (9, 6, (4, 3, *[2] * 11, 1, 1, 1, *[2] * 9, 3, 2, *[1] * 5, *[-1] * 4)),
    (8, 5, (*[1] * 6, 2, 2, 2, *[1] * 15, *[-1] * 5)),
    (9, 6, (1, 4, 3, *[2] * 6, *[1] * 37, *[-1] * 7)),
)


@dataclass
class _Frame:
    """What blocks of a frame hand on to the next one."""

    output: bytearray
    limit: int
    codes: Codes | None = None
    tables: list[FseTable | None] = field(default_factory=lambda: [None, None, None])
    offsets: list[int] = field(default_factory=lambda: [1, 4, 8])


def decompress(content: bytes, limit: int) -> bytes:
    """The original of one or more frames; ValueError if malformed or longer than `limit` bytes."""
    output, at = bytearray(), 0
    try:
        while at < len(content):
            magic = int.from_bytes(content[at : at + 4], "little")
            if magic >> 4 == 0x184D2A5:  # a frame to be skipped
                at += 8 + int.from_bytes(content[at + 4 : at + 8], "little")
            elif magic == _MAGIC:
                at = _frame(content, at + 4, output, limit)
            else:
                raise ValueError("no Zstandard frame")
    except (IndexError, TypeError) as err:
        raise ValueError("a frame that ends too early") from err
    return bytes(output)


def _frame(content: bytes, at: int, output: bytearray, limit: int) -> int:
    """Decode one frame whose header begins at `at`; where the next one begins."""
    flags = content[at]
    single = flags >> 5 & 1
    if flags & 0b1011:
        raise ValueError("a dictionary, or a reserved bit")
    at += 1 + (1 - single) + ((1 if single else 0), 2, 4, 8)[flags >> 6]
    frame = _Frame(bytearray(), limit - len(output))
    last = 0
    while not last:
        header = int.from_bytes(content[at : at + 3], "little")
        last, kind, size = header & 1, header >> 1 & 3, header >> 3
        taken = 1 if kind == 1 else size
        block = content[at + 3 : at + 3 + taken]
        if kind == 3 or size > _MAX_BLOCK_BYTES or at + 3 + taken > len(content):
            raise ValueError("a malformed block")
        if kind == 2:
            _compressed(frame, block)
        else:
            frame.output += block * size if kind else block
        if len(frame.output) > limit:
            raise ValueError("more than announced")
        at += 3 + taken
    output += frame.output
    return at + 4 * (flags >> 2 & 1)


def _compressed(frame: _Frame, block: bytes) -> None:
    literals, at = _literals(frame, block)
    count, at = _sequence_count(block, at)
    position = 0
    if count:
        modes = block[at]
        at += 1
        for index in range(3):
            frame.tables[index], at = _table(frame, block, at, modes >> (6 - 2 * index) & 3, index)
        position = _execute(frame, BackwardBits(block[at:]), count, literals)
    frame.output += literals[position:]


def _literals(frame: _Frame, block: bytes) -> tuple[bytes, int]:
    """The literals and where the sequences begin."""
    kind, form = block[0] & 3, block[0] >> 2 & 3
    if kind < 2:
        used = (1, 2, 1, 3)[form]
        size = int.from_bytes(block[:used], "little") >> (3 if used == 1 else 4)
        if size > _MAX_BLOCK_BYTES:
            raise ValueError("too many literals")
        return (block[used : used + 1] * size, used + 1) if kind else (
            block[used : used + size], used + size)  # fmt: skip
    used, width = ((3, 10), (3, 10), (4, 14), (5, 18))[form]
    header = int.from_bytes(block[:used], "little") >> 4
    size, packed = header & ((1 << width) - 1), header >> width
    content, tree_bytes = block[used : used + packed], 0
    if len(content) < packed or size > _MAX_BLOCK_BYTES:
        raise ValueError("malformed literals")
    if kind == 2:
        frame.codes, tree_bytes = read_tree(content)
    if frame.codes is None:
        raise ValueError("no Huffman tree to repeat")
    streams = [content[tree_bytes:]] if form == 0 else _four(content[tree_bytes:])
    each = size if form == 0 else (size + 3) // 4
    sizes = [each] * (len(streams) - 1) + [size - each * (len(streams) - 1)]
    decoded = (huffman_decode(frame.codes, s, n) for s, n in zip(streams, sizes, strict=True))
    return b"".join(decoded), used + packed


def _four(content: bytes) -> list[bytes]:
    """Four streams behind the sizes of the first three."""
    at, streams = 6, list[bytes]()
    for index in range(3):
        size = int.from_bytes(content[2 * index : 2 * index + 2], "little")
        streams.append(content[at : at + size])
        at += size
    return [*streams, content[at:]]


def _sequence_count(block: bytes, at: int) -> tuple[int, int]:
    first = block[at]
    if first < 128:
        return first, at + 1
    if first < 255:
        return ((first - 128) << 8) + block[at + 1], at + 2
    return block[at + 1] + (block[at + 2] << 8) + 0x7F00, at + 3


def _table(
    frame: _Frame, block: bytes, at: int, mode: int, index: int
) -> tuple[FseTable | None, int]:
    """Predefined, one symbol, described here, or that of the block before."""
    max_log, log, frequencies = _KINDS[index]
    if mode == 0:
        return fse_table(frequencies, log), at
    if mode == 1:
        return [(block[at], 0, 0)], at + 1
    if mode == 2:
        found, log, used = read_frequencies(block[at:], max_log)
        return fse_table(found, log), at + used
    return frame.tables[index], at


def _execute(frame: _Frame, bits: BackwardBits, count: int, literals: bytes) -> int:
    """Run the sequences: copy literals, then a match; how many literals were used."""
    tables = [table for table in frame.tables if table]
    if len(tables) < 3:
        raise ValueError("no table to repeat")
    states = [bits.take(len(table).bit_length() - 1) for table in tables]
    position, output = 0, frame.output
    for number in range(count):
        length_code, offset_code, match_code = (
            table[state][0] for table, state in zip(tables, states, strict=True)
        )
        value = (1 << offset_code) + bits.take(offset_code)
        match = _MATCH_BASES[match_code] + bits.take(_MATCH_BITS[match_code])
        length = _LITERAL_BASES[length_code] + bits.take(_LITERAL_BITS[length_code])
        if number < count - 1:
            for index in (0, 2, 1):
                _, width, base = tables[index][states[index]]
                states[index] = base + bits.take(width)
        offset = _offset(frame.offsets, value, length)
        output += literals[position : position + length]
        position += length
        if not 0 < offset <= len(output) or len(output) + match > frame.limit:
            raise ValueError("a match that is out of range")
        _copy(output, offset, match)
    if bits.left or position > len(literals):
        raise ValueError("sequences of another length")
    return position


def _offset(recent: list[int], value: int, literal_length: int) -> int:
    """The distance of a match; values up to 3 stand for one of the last three."""
    if value > 3:
        recent[:] = [value - 3, *recent[:2]]
        return recent[0]
    index = value - 1 + (literal_length == 0)
    offset = recent[0] - 1 if index == 3 else recent[index]
    if index:
        recent[:] = [offset, recent[0], recent[2] if index == 1 else recent[1]]
    return offset


def _copy(output: bytearray, offset: int, length: int) -> None:
    """A match may overlap what it makes: then its period is repeated."""
    source = bytes(output[-offset:][:length])
    output += (source * (length // len(source) + 1))[:length]
