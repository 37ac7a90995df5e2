"""Read the lazy-load databases in which R packages keep their data sets (`Rdata.rdx`, `Rdata.rdb`)."""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from typing import Any

_SYMBOL, _PAIRLIST, _CHARACTERS, _LOGICALS, _INTEGERS, _STRINGS, _LIST = 1, 2, 9, 10, 13, 16, 19
_NIL, _REFERENCE = 254, 255
_HAS_ATTRIBUTES, _HAS_TAG = 0x200, 0x400


def read_lazy_load(index: bytes, database: bytes) -> dict[str, list[str]]:
    """Return the character vectors of a lazy-load database by name.

    Args:
        index: content of the `.rdx` file, a compressed R list of (offset, length) pairs.
        database: content of the `.rdb` file: each object is four bytes of length, then a zlib stream.

    Raises:
        ValueError: an R type that texts do not need, or a damaged file.
    """
    places = _Reader(gzip.decompress(index)).document()["variables"]
    return {name: _object(database, *place) for name, place in places.items()}


def _object(database: bytes, offset: int, length: int) -> list[str]:
    return _Reader(zlib.decompress(database[offset + 4 : offset + length])).document()


@dataclass
class _Reader:
    """R's XDR serialisation, as far as lists, integers and strings go."""

    data: bytes
    position: int = 0

    def document(self) -> Any:
        """Read the header (format, versions, encoding) and the one value behind it."""
        if self._take(2) != b"X\n":
            raise ValueError("not R's binary serialisation")
        version, _, _ = self._int(), self._int(), self._int()
        if version >= 3:
            self._take(self._int())
        self._symbols: list[str] = []
        return self._value()

    def _value(self) -> Any:
        flags = self._int()
        kind = flags & 0xFF
        if kind == _PAIRLIST:
            return self._pairs(flags)
        readers = {_NIL: lambda: None, _SYMBOL: self._symbol, _CHARACTERS: self._characters, _STRINGS: self._vector,
                   _LIST: self._vector, _INTEGERS: self._integers, _LOGICALS: self._integers,
                   _REFERENCE: lambda: self._symbols[(flags >> 8) - 1]}
        if kind not in readers:
            raise ValueError(f"R type {kind} is not a list, integers or strings")
        value = readers[kind]()
        attributes = self._value() if flags & _HAS_ATTRIBUTES else {}
        names = (attributes or {}).get("names")
        return dict(zip(names, value, strict=True)) if names else value

    def _pairs(self, flags: int) -> dict:
        attributes = self._value() if flags & _HAS_ATTRIBUTES else None
        tag = self._value() if flags & _HAS_TAG else ""
        value, rest = self._value(), self._value()
        return {tag: value, **(rest or {}), **({"": attributes} if attributes else {})}

    def _symbol(self) -> str:
        name = self._value()
        self._symbols.append(name)
        return name

    def _characters(self) -> str:
        length = self._int()
        return self._take(length).decode("utf-8") if length >= 0 else ""

    def _vector(self) -> list:
        return [self._value() for _ in range(self._int())]

    def _integers(self) -> list[int]:
        return [self._int() for _ in range(self._int())]

    def _int(self) -> int:
        return struct.unpack(">i", self._take(4))[0]

    def _take(self, size: int) -> bytes:
        part = self.data[self.position : self.position + size]
        if len(part) != size:
            raise ValueError("damaged R data: it ends early")
        self.position += size
        return part
