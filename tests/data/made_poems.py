"""Invented poems whose hash is what a test wants."""

from __future__ import annotations

import hashlib

_SIMPLE = "一二三四五六七八九十百千山水日月天地人大小上下中左右木火土石田禾口目耳手足心江河春秋白黄青红"


def poem_with_byte(wanted: range, length: int = 5, lines: int = 4, start: int = 0) -> str:
    """Return an invented quatrain whose body's SHA-256 begins with a byte in `wanted`."""
    for number in range(start, start + 100_000):
        digits = iter(hashlib.sha512(str(number).encode()).digest())
        rows = ["".join(_SIMPLE[next(digits) % len(_SIMPLE)] for _ in range(length)) for _ in range(lines)]
        if hashlib.sha256("".join(rows).encode()).digest()[0] in wanted:
            return "".join(row + "，。"[i % 2] for i, row in enumerate(rows))
    raise AssertionError("no such poem among the first hundred thousand")
