"""Damage to files: what a bad disk, a bad copy or a bad mind does to bytes."""

from __future__ import annotations

import json
import random
from typing import Any

LARGEST = 1 << 16
DTYPES = ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "U64", "BOOL", "F8_E5M2", "F8_E4M3", "C64",
          "F4", "f32", "", "X" * 300, "F\n32", None, 3, ["F32"]]
NUMBERS = [0, 1, -1, 2, 7, 2**31, 2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, 0.5, -0.0, 1e308]
WORDS = ["", "a", "春", "\n", "\x00", "\x1b[31m", "..", "x" * 5000, "__metadata__", "word_embeddings.weight", "\u202e"]


def damaged(rng: random.Random, data: bytes) -> bytes:
    """Return the bytes with one to four defects."""
    for _ in range(rng.randint(1, 4)):
        data = rng.choice(_DEFECTS)(rng, data)[:LARGEST]
    return data


def _cut(rng: random.Random, data: bytes) -> bytes:
    return data[: rng.randint(0, len(data))]


def _flip(rng: random.Random, data: bytes) -> bytes:
    out = bytearray(data or b"\0")
    for _ in range(rng.choice([1, 1, 2, 8])):
        out[rng.randrange(len(out))] ^= 1 << rng.randrange(8)
    return bytes(out)


def _insert(rng: random.Random, data: bytes) -> bytes:
    place = rng.randint(0, len(data))
    more = rng.choice([rng.randbytes(rng.randint(1, 40)), bytes(rng.randint(1, 40)), b"\xff\xfe", b"\r\n", b'"', b"["])
    return data[:place] + more * rng.choice([1, 1, 1, 50]) + data[place:]


def _move(rng: random.Random, data: bytes) -> bytes:
    start, end = sorted(rng.randint(0, len(data)) for _ in range(2))
    place = rng.randint(0, len(data))
    return data[:place] + data[start:end] + data[place + (end - start) * rng.randint(0, 1) :]


_DEFECTS = [_cut, _flip, _flip, _insert, _move]


def lying_header(rng: random.Random, data: bytes) -> bytes:
    """Return a safetensors file whose header tells lies about its tensors, or about itself."""
    length = int.from_bytes(data[:8], "little")
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    for _ in range(rng.randint(1, 3)):
        _lie(rng, header)
    text = json.dumps(header)
    if header and rng.random() < 0.2:  # a name that stands twice
        text = text[:-1] + ", " + json.dumps(dict(rng.choices(list(header.items()), k=2)))[1:]
    if rng.random() < 0.05:
        text = rng.choice(["[" * 9000, '{"a":' * 9000, "null", "{}", "1", '{"x": NaN}', text + " " * 1000])
    raw = text.encode()
    told = rng.choice([len(raw)] * 8 + [0, 1, len(raw) - 1, len(raw) + 1, 2**26, 10**8 + 1, 2**63, 2**64 - 1])
    return told.to_bytes(8, "little") + raw + data[8 + length :]


def _lie(rng: random.Random, header: dict[str, Any]) -> None:
    name = rng.choice(list(header) or [""])
    entry = header.get(name)
    kind = rng.randrange(7)
    if kind == 0:
        header[rng.choice(WORDS)] = header.pop(name, {})
    elif kind == 1:
        header.pop(name, None)
    elif kind == 2:
        header[name] = rng.choice([None, [], 3, "x", {}, {"dtype": "F32"}])
    elif kind == 3:
        header["__metadata__"] = rng.choice([None, {"a": 1}, {"format": "np"}, [], {"x": "y" * 9000}])
    elif isinstance(entry, dict):
        entry[("dtype", "shape", "data_offsets")[kind - 4]] = (_dtype, _shape, _offsets)[kind - 4](rng, entry)


def _dtype(rng: random.Random, entry: dict[str, Any]) -> Any:
    return rng.choice(DTYPES)


def _shape(rng: random.Random, entry: dict[str, Any]) -> Any:
    shape = entry["shape"] if isinstance(entry.get("shape"), list) else []
    changed = [[*shape, 1], [1, *shape], shape[::-1], shape[1:], [], None, 5, [0], [0, 2**62], [2**40, 2**40, 0]]
    return rng.choice([*changed, [rng.choice(NUMBERS) for _ in range(rng.randint(0, 5))], [1] * 100, shape[:1] * 2])


def _offsets(rng: random.Random, entry: dict[str, Any]) -> Any:
    offsets = entry.get("data_offsets")
    start, end = offsets if isinstance(offsets, list) and len(offsets) == 2 else (0, 4)
    lies = [[end, start], [0, 0], [start], None, [start, end, end], [start - 4, end], [start, end + 4]]
    return rng.choice([*lies, [rng.choice(NUMBERS), rng.choice(NUMBERS)]])
