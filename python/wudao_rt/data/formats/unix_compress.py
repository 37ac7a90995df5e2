"""Read Unix `compress` streams (LZW with growing codes), which the standard library cannot."""

from __future__ import annotations

from collections.abc import Iterator

_MAGIC = b"\x1f\x9d"
_CLEAR, _FIRST_BITS = 256, 9


def decompress(data: bytes) -> bytes:
    """Return the content of a `.Z` stream.

    Codes start at nine bits and grow by one each time the table fills; a stream in block mode (flag 0x80) may clear the
    table with code 256.

    Raises:
        ValueError: not such a stream, or a damaged one.

    Source: T. Welch, "A technique for high-performance data compression", 1984.
    """
    if data[:2] != _MAGIC or len(data) < 3:
        raise ValueError("not a Unix compress stream")
    block_mode, most_bits = bool(data[2] & 0x80), data[2] & 0x1F
    table = _fresh(block_mode)
    out, last = [], b""
    for code in _codes(data[3:], most_bits, table):
        if block_mode and code == _CLEAR:
            table[:], last = _fresh(block_mode), b""
            continue
        entry = _entry(table, code, last)
        out.append(entry)
        if last and len(table) < 1 << most_bits:
            table.append(last + entry[:1])
        last = entry
    return b"".join(out)


def _fresh(block_mode: bool) -> list[bytes]:
    return [bytes([value]) for value in range(256)] + ([b""] if block_mode else [])


def _entry(table: list[bytes], code: int, last: bytes) -> bytes:
    if code < len(table):
        return table[code]
    if code == len(table) and last:
        return last + last[:1]
    raise ValueError("damaged Unix compress stream")


def _codes(data: bytes, most_bits: int, table: list[bytes]) -> Iterator[int]:
    """Yield the codes, reading how full the table is between any two of them.

    Codes come in groups of eight, so that a group fills whole bytes; where the width changes, the rest of the group is
    padding.
    """
    position, bits = 0, _FIRST_BITS
    while position < len(data):
        group = data[position : position + bits]
        position, width, word = position + bits, bits, int.from_bytes(group, "little")
        for i in range(min(8, len(group) * 8 // width)):
            code = word >> (i * width) & ((1 << width) - 1)
            yield code
            bits = _next_width(code, width, len(table), most_bits)
            if bits != width or code == _CLEAR:
                break


def _next_width(code: int, width: int, table_size: int, most_bits: int) -> int:
    if code == _CLEAR and table_size == _CLEAR + 1:  # the table has just been cleared
        return _FIRST_BITS
    return width + 1 if table_size >= 1 << width and width < most_bits else width
