"""The two old file formats, against writers of our own that follow the format's description."""

from __future__ import annotations

import gzip
import random
import struct
import subprocess
import zlib

import pytest
from wudao_rt.data.formats.r_lazy_load import read_lazy_load
from wudao_rt.data.formats.unix_compress import decompress


def _compress(data: bytes, most_bits: int) -> bytes:
    """Write a `.Z` stream without ever clearing the table."""
    table = {bytes([i]): i for i in range(256)}
    out, group, bits, free, word = bytearray(b"\x1f\x9d" + bytes([0x80 | most_bits])), [], 9, 257, b""

    def flush() -> None:
        packed = sum(code << (i * bits) for i, code in enumerate(group))
        size = -(-len(group) * bits // 8) if last else bits
        out.extend(packed.to_bytes(size, "little"))
        group.clear()

    last = False
    for i, byte in enumerate(data + b"\0"):
        last = i == len(data)
        longer = word + bytes([byte])
        if not last and longer in table:
            word = longer
            continue
        group.append(table[word])
        if len(group) == 8 or last:
            flush()
        if free < 1 << most_bits:
            table[longer], free = free, free + 1
            if free > 1 << bits and bits < most_bits:  # the reader's table is one entry behind ours
                if group:
                    flush()
                bits += 1
        word = bytes([byte])
    return bytes(out)


def _texts() -> list[bytes]:
    rng = random.Random(1)
    words = [b"alpha ", b"beta ", b"gamma ", b"delta\n"]
    return [b"a", b"aaaaaaaaaaaa", b"".join(rng.choice(words) for _ in range(4000)), rng.randbytes(5000)]


@pytest.mark.parametrize("text", _texts(), ids=["one", "run", "words", "noise"])
@pytest.mark.parametrize("most_bits", [10, 12, 16])
def test_unix_compress_round_trip(text: bytes, most_bits: int) -> None:
    stream = _compress(text, most_bits)
    assert subprocess.run(["gzip", "-dc"], input=stream, capture_output=True, check=True).stdout == text
    assert decompress(stream) == text


def test_unix_compress_clears_its_table() -> None:
    codes = [ord("a"), ord("b"), 256, ord("c"), ord("d")]
    first = sum(code << (9 * i) for i, code in enumerate(codes[:3])).to_bytes(9, "little")
    second = sum(code << (9 * i) for i, code in enumerate(codes[3:])).to_bytes(3, "little")
    stream = b"\x1f\x9d\x90" + first + second
    assert subprocess.run(["gzip", "-dc"], input=stream, capture_output=True, check=True).stdout == b"abcd"
    assert decompress(stream) == b"abcd"


@pytest.mark.parametrize("stream", [b"", b"\x1f\x8b\x90ab", b"\x1f\x9d", b"\x1f\x9d\x90" + b"\xff" * 9])
def test_damaged_streams_are_refused(stream: bytes) -> None:
    with pytest.raises(ValueError, match="Unix compress"):
        decompress(stream)


def _int(*values: int) -> bytes:
    return struct.pack(f">{len(values)}i", *values)


def _chars(text: str) -> bytes:
    return _int(0x00040009, len(text.encode())) + text.encode()


def _strings(texts: list[str]) -> bytes:
    return _int(16, len(texts)) + b"".join(map(_chars, texts))


def _named(values: bytes, names: list[str], first: bool) -> bytes:
    symbol = _int(1) + _chars("names") if first else _int(0x1FF)
    return values + _int(0x402) + symbol + _strings(names) + _int(254)


def _lazy_load(entries: dict[str, list[str]]) -> tuple[bytes, bytes]:
    header = b"X\n" + _int(3, 0x040201, 0x030500, 5) + b"UTF-8"
    database, places = b"", b""
    for lines in entries.values():
        body = zlib.compress(header + _strings(lines))
        places += _int(13, 2, len(database), len(body) + 4)
        database += _int(len(body)) + body
    variables = _named(_int(0x213, len(entries)) + places, list(entries), first=True)
    both = _int(0x213, 2) + variables + _int(10, 1, 1)
    return gzip.compress(header + _named(both, ["variables", "compressed"], first=False)), database


def test_r_lazy_load_texts_come_back() -> None:
    entries = {"emma": ["EMMA", "", "naïve"], "persuasion": ["Sir Walter"]}
    assert read_lazy_load(*_lazy_load(entries)) == entries


def test_r_lazy_load_refuses_what_it_does_not_know() -> None:
    index, database = _lazy_load({"a": ["b"]})
    with pytest.raises(ValueError, match="not R's binary serialisation"):
        read_lazy_load(gzip.compress(b"A\n"), database)
    with pytest.raises(ValueError, match="R type 14 is not"):
        read_lazy_load(gzip.compress(gzip.decompress(index)[:23] + _int(14)), database)
    with pytest.raises(ValueError, match="ends early"):
        read_lazy_load(gzip.compress(gzip.decompress(index)[:-6]), database)
