"""The entropy codes of Zstandard: finite state entropy (FSE) tables and Huffman trees.

Source: RFC 8878, section 4. ValueError or IndexError for what follows no table.
"""

from __future__ import annotations

from collections.abc import Sequence

FseTable = list[tuple[int, int, int]]  # by state: symbol, bits to read, base of the next state
Codes = list[tuple[int, int]]  # by the next `max_bits` bits: symbol, its length in bits


class BackwardBits:
    """Bits read from the last to the first; the highest set bit of the last byte is a marker."""

    def __init__(self, content: bytes) -> None:
        if not content or not content[-1]:
            raise ValueError("a bit stream without its end marker")
        self._content = content
        self.left = len(content) * 8 - 9 + content[-1].bit_length()

    def peek(self, count: int) -> int:
        """The next bits; zeros beyond the first one."""
        start = self.left - count
        if start < 0:
            return self._at(0, max(self.left, 0)) << min(-start, count)
        return self._at(start, count)

    def take(self, count: int) -> int:
        found = self.peek(count)
        self.left -= count
        return found

    def _at(self, start: int, count: int) -> int:
        octets = self._content[start >> 3 : (start + count + 7) >> 3]
        return (int.from_bytes(octets, "little") >> (start & 7)) & ((1 << count) - 1)


def read_frequencies(content: bytes, max_log: int) -> tuple[list[int], int, int]:
    """(frequency of each symbol, log of the table's size, bytes used); -1: less than one."""
    bits, at = int.from_bytes(content, "little"), 4
    log = (bits & 15) + 5
    if log > max_log:
        raise ValueError("an FSE table that is too large")
    remaining, found = 1 << log, list[int]()
    while remaining > 0:
        width = (remaining + 1).bit_length()
        value = (bits >> at) & ((1 << width) - 1)
        low, threshold = value & ((1 << (width - 1)) - 1), (1 << width) - 2 - remaining
        at += width - 1 if low < threshold else width
        if low < threshold:
            value = low
        elif value >= 1 << (width - 1):
            value -= threshold
        found.append(value - 1)
        remaining -= abs(value - 1)
        repeat = 3 if value == 1 else 0
        while repeat == 3:
            repeat = (bits >> at) & 3
            at += 2
            found += [0] * repeat
    used = (at + 7) // 8
    if remaining or used > len(content) or len(found) > 256:
        raise ValueError("an FSE table that does not add up")
    return found, log, used


def fse_table(frequencies: Sequence[int], log: int) -> FseTable:
    """The decoding table: rare symbols at its end, the others spread over the rest."""
    size = 1 << log
    symbols, upper = [0] * size, size
    for symbol, frequency in enumerate(frequencies):
        if frequency == -1:
            upper -= 1
            symbols[upper] = symbol
    position = 0
    for symbol, frequency in enumerate(frequencies):
        for _ in range(max(frequency, 0)):
            symbols[position] = symbol
            position = (position + (size >> 1) + (size >> 3) + 3) & (size - 1)
            while position >= upper:
                position = (position + (size >> 1) + (size >> 3) + 3) & (size - 1)
    following = [abs(frequency) for frequency in frequencies]
    table: FseTable = []
    for symbol in symbols:
        state = following[symbol]
        following[symbol] += 1
        width = log + 1 - state.bit_length()
        table.append((symbol, width, (state << width) - size))
    return table


def read_tree(content: bytes) -> tuple[Codes, int]:
    """A Huffman tree and the bytes of its description."""
    head = content[0]
    if head >= 128:
        count = head - 127
        used = 1 + (count + 1) // 2
        nibbles = [half for octet in content[1:used] for half in (octet >> 4, octet & 15)]
        return _codes(nibbles[:count]), used
    return _codes(_compressed_weights(content[1 : 1 + head])), 1 + head


def _compressed_weights(content: bytes) -> list[int]:
    """Two states take turns until the bits run out."""
    frequencies, log, used = read_frequencies(content, 6)
    table, bits = fse_table(frequencies, log), BackwardBits(content[used:])
    states, weights, turn = [bits.take(log), bits.take(log)], list[int](), 0
    while len(weights) < 255:
        symbol, width, base = table[states[turn]]
        weights.append(symbol)
        states[turn] = base + bits.take(width)
        turn = 1 - turn
        if bits.left < 0:
            return [*weights, table[states[turn]][0]]
    raise ValueError("too many Huffman weights")


def _codes(weights: list[int]) -> Codes:
    """The lookup table; the last symbol's weight is what the others leave over."""
    total = sum(1 << (weight - 1) for weight in weights if weight)
    max_bits = total.bit_length()
    rest = (1 << max_bits) - total
    if not total or max_bits > 11 or rest & (rest - 1):
        raise ValueError("a Huffman tree that is not complete")
    weights = [*weights, rest.bit_length()]
    codes: Codes = []
    for weight in range(1, max_bits + 1):
        for symbol, own in enumerate(weights):
            if own == weight:
                codes += [(symbol, max_bits + 1 - weight)] * (1 << (weight - 1))
    return codes


def huffman_decode(codes: Codes, content: bytes, count: int) -> bytes:
    """`count` symbols, which must take all bits."""
    bits, width, found = BackwardBits(content), len(codes).bit_length() - 1, bytearray()
    for _ in range(count):
        symbol, length = codes[bits.peek(width)]
        bits.left -= length
        found.append(symbol)
    if bits.left:
        raise ValueError("a Huffman stream of another length")
    return bytes(found)
