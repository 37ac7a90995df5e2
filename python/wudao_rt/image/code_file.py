"""Files of codes: a header that says what is in them, a checksum, and the codes as they lie in memory.

    bytes 0-7      WUDAOVQC
    bytes 8-11     length L of the header, little-endian
    bytes 12-      L bytes of JSON in UTF-8: format 1, dtype ("<u2" or "<u4"), shape [N, h, w], codes M (all numbers lie
                   below it), tokenizer (its fingerprint, SHA-256), sha256 (of the codes' bytes), names (of the
                   pictures, N of them, or none), and perhaps records (SHA-256 of what is known of the pictures)
    from the next multiple of 64 on: N h w numbers, little-endian, picture after picture, row after row
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from wudao_rt.data.errors import DataError
from wudao_rt.errors import ShapeError, shown
from wudao_rt.files import reason, write_whole
from wudao_rt.ops.types import Array

_MAGIC, _FORMAT, _LINE = b"WUDAOVQC", 1, 64
_LONGEST = 2**30  # of a header


@dataclass(frozen=True, eq=False)
class CodeFile:
    """Hold the codes of pictures as they lie in a file.

    Args:
        codes: (N, h, w) integers, mapped into memory.
        book: how many codes the tokenizer has.
        tokenizer: its fingerprint.
        names: of the pictures; none where they have none.
        records: SHA-256 of the file of their records; empty where there is none.
    """

    codes: Array
    book: int
    tokenizer: str
    names: tuple[str, ...]
    records: str = ""


def write_codes(
    path: Path | str, codes: Array, book: int, tokenizer: str, names: Sequence[str] = (), records: str = ""
) -> None:
    """Write codes to a file, whole or not at all.

    Args:
        path: the file.
        codes: integers (N, h, w) from 0 to book - 1.
        book: how many codes the tokenizer has.
        tokenizer: its fingerprint.
        names: of the pictures, N of them or none.
        records: SHA-256 of the file of their records, if there is one.

    Raises:
        ShapeError: another shape, a number that is no code, or another number of names.
        DataError: the file cannot be written.
    """
    array = np.asarray(codes)
    if array.ndim != 3 or array.dtype.kind not in "iu":
        raise ShapeError(f"write_codes: codes: expected integers (pictures, height, width), got {array.dtype} "
                         f"{array.shape}. Use .reshape or .astype.")
    if array.size and not (array.min() >= 0 and array.max() < book):
        raise ShapeError(f"write_codes: codes: expected numbers from 0 to {book - 1}, got {array.min()} to "
                         f"{array.max()}. Are they of another tokenizer?")
    if names and len(names) != len(array):
        raise ShapeError(f"write_codes: names: expected {len(array)}, one for each picture, got {len(names)}. Give all "
                         "or none.")
    kind = "<u2" if book <= 2**16 else "<u4"
    content = np.ascontiguousarray(array, kind).tobytes()
    about = {"format": _FORMAT, "dtype": kind, "shape": list(array.shape), "codes": book, "tokenizer": tokenizer,
             "sha256": sha256(content).hexdigest(), "names": list(names)}
    about |= {"records": records} if records else {}
    text = json.dumps(about, ensure_ascii=False).encode()
    head = _MAGIC + len(text).to_bytes(4, "little") + text
    try:
        write_whole(Path(path), head.ljust(_start(len(text)), b"\0") + content)
    except OSError as error:
        raise DataError(f"data: {path}: expected to write codes, got: {reason(error)}. Choose another place."
                        ) from error


def read_codes(path: Path | str) -> CodeFile:
    """Open a file of codes; the codes stay on the disk until they are looked at, all are compared with the checksum.

    Raises:
        DataError: no such file, or one that is no file of codes, cut short or changed.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            mark, length = file.read(len(_MAGIC)), int.from_bytes(file.read(4), "little")
            if mark != _MAGIC or length > min(size, _LONGEST):
                raise _not_codes(path, "other bytes at its beginning")
            about = _checked(path, file.read(length), size - _start(length))
    except OSError as error:
        raise DataError(f"data: {path}: expected a file of codes, got: {reason(error)}. Check the path.") from error
    shape = tuple(about["shape"])
    codes = np.memmap(path, about["dtype"], "r", _start(length), shape) if np.prod(shape) else np.zeros(shape, "<u2")
    if sha256(codes.tobytes()).hexdigest() != about["sha256"]:
        raise _not_codes(path, "codes whose checksum differs")
    if codes.size and codes.max() >= about["codes"]:
        raise _not_codes(path, f"the code {codes.max()} of a tokenizer that has {about['codes']}")
    return CodeFile(codes, about["codes"], about["tokenizer"], tuple(about["names"]), str(about.get("records", "")))


def _start(length: int) -> int:
    """Return where the codes begin behind a header of that length."""
    return -(-(len(_MAGIC) + 4 + length) // _LINE) * _LINE


def _checked(path: Path, text: bytes, size: int) -> dict[str, Any]:
    """Return the header, if it describes `size` bytes of codes."""
    try:
        about = json.loads(text)
    except (ValueError, RecursionError):
        raise _not_codes(path, "a header that is not JSON") from None
    match about:
        case {"format": 1, "dtype": "<u2" | "<u4" as kind, "shape": [int(n), int(h), int(w)], "codes": int(),
              "tokenizer": str(), "sha256": str(), "names": list()} if min(n, h, w) >= 0:
            if n * h * w * int(kind[2]) != size:
                raise _not_codes(path, f"{size} bytes of codes for {n} x {h} x {w}")
            return about
    raise _not_codes(path, f"a header of {shown(about)}")


def _not_codes(path: Path, why: str) -> DataError:
    return DataError(f"data: {path}: expected a whole file of codes, got {why}. Encode the pictures again.")
