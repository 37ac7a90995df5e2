"""Safetensors files mapped into memory: the arrays lie in the file's own pages, nothing is read before it is used.

The format's library copies every tensor; its header, a table of JSON, is read here with the same checks.
"""

from __future__ import annotations

import json
import math
import mmap
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

_LARGEST_HEADER = 100_000_000  # as the library has it
_BF16 = "BF16"  # NumPy has no such type
_TYPES = {"F64": np.float64, "F32": np.float32, "F16": np.float16, _BF16: np.uint16, "I64": np.int64, "I32": np.int32,
          "I16": np.int16, "I8": np.int8, "U64": np.uint64, "U32": np.uint32, "U16": np.uint16, "U8": np.uint8,
          "BOOL": np.bool_, "C64": np.complex64}


def mapped_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of a file by name, in the order in which they lie there.

    They may be written: a page is copied then, and the file never changes. bfloat16 is widened to float32 (a copy).
    A file that is changed in place while it is mapped changes the arrays, and one that is cut short ends the process
    when they are read; files that are replaced by a rename, as `save` does, are safe.

    Raises:
        OSError: the file cannot be opened or mapped.
        ValueError: it is not a whole safetensors file, with the reason.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        header, start = _header(file, size)
        places = list(_places(header, size - start))
        pages = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_COPY)
    return {name: _array(pages, kind, shape, start + begin) for name, kind, shape, begin in places}


def _header(file: BinaryIO, size: int) -> tuple[dict[str, Any], int]:
    """Return the table of tensors, and where their values begin."""
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _LARGEST_HEADER):
        raise ValueError(f"a header of {length} bytes in a file of {size}")
    table = json.loads(file.read(length).decode("utf-8"))
    if not isinstance(table, dict):
        raise ValueError("a header that is not a JSON object")
    table.pop("__metadata__", None)
    return table, 8 + length


def _places(table: dict[str, Any], size: int) -> Iterator[tuple[str, str, list[int], int]]:
    """Check that the tensors fill `size` bytes without a gap; give name, type, shape and first byte of each."""
    entries = sorted((_entry(name, about) for name, about in table.items()), key=lambda entry: entry[3:])
    at = 0
    for name, kind, shape, begin, end in entries:
        if begin != at or end - begin != math.prod(shape) * np.dtype(_TYPES[kind]).itemsize:
            raise ValueError(f"tensor '{name}' of {kind} {shape} in bytes {begin} to {end}, after {at}")
        yield name, kind, shape, begin
        at = end
    if at != size:
        raise ValueError(f"{size} bytes of values, of which the header names {at}")


def _entry(name: str, about: Any) -> tuple[str, str, list[int], int, int]:
    match about:
        case {"dtype": str(kind), "shape": list(shape), "data_offsets": [int(begin), int(end)]}:
            if kind not in _TYPES:
                raise ValueError(f"tensor '{name}' of type '{kind}'")
            if all(type(n) is int and 0 <= n < 2**63 for n in [*shape, begin, end]):
                return name, kind, shape, begin, end
    raise ValueError(f"tensor '{name}' without type, shape and place")


def _array(pages: mmap.mmap, kind: str, shape: list[int], offset: int) -> np.ndarray:
    array: np.ndarray = np.frombuffer(pages, _TYPES[kind], math.prod(shape), offset).reshape(shape)
    if kind == _BF16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return np.require(array, requirements="A")
