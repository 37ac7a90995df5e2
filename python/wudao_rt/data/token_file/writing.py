"""Write token files, all or nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ..errors import DataError
from .dataset import TokenDataset
from .header import FORMAT, HEADER_BYTES, checksum, read_header, write_header

_MOST_DOMAINS = 256


def write_tokens(path: Path | str, documents: Iterable[tuple[Sequence[int], str]], vocab_size: int,
                 tokenizer: str = "") -> TokenDataset:
    """Write documents to a token file, all or nothing, and open it.

    Args:
        path: the file; its folder is made if need be.
        documents: (ids, domain label) pairs; read once.
        vocab_size: one more than the highest id that may occur; up to 65536 ids take two bytes each, else four.
        tokenizer: fingerprint to remember.

    Raises:
        DataError: an id outside [0, vocab_size), more than 256 domains, no document, or a disk that is full.
    """
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            _write(file, documents, vocab_size, tokenizer)
        _sign(part)
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"data: {path}: expected to write a token file, got '{error.strerror}'. "
                        "Make room or choose another folder.") from error
    finally:
        part.unlink(missing_ok=True)
    return TokenDataset(path, verify=False)


def _write(file: BinaryIO, documents: Iterable[tuple[Sequence[int], str]], vocab_size: int, tokenizer: str) -> None:
    dtype = np.dtype("<u2" if vocab_size <= 1 << 16 else "<i4")
    file.write(b"\0" * HEADER_BYTES)
    ends: list[int] = []
    labels: dict[str, int] = {}
    domain_ids = bytearray()
    for ids, domain in documents:
        array = _checked(np.asarray(ids, dtype=np.int64), vocab_size, len(ends))
        file.write(array.astype(dtype).tobytes())
        ends.append((ends[-1] if ends else 0) + len(array))
        domain_ids.append(_label(labels, domain))
    if not ends:
        raise DataError("data: token file: expected at least one document, got none. Check the texts.")
    file.write(np.asarray(ends, dtype="<i8").tobytes())
    file.write(bytes(domain_ids))
    about = {"format": FORMAT, "dtype": dtype.str, "documents": len(ends), "tokens": ends[-1],
             "vocab_size": vocab_size, "tokenizer": tokenizer, "domains": list(labels), "sha256": "0" * 64}
    write_header(file, about)


def _checked(ids: np.ndarray, vocab_size: int, document: int) -> np.ndarray:
    if ids.size and not 0 <= ids.min() <= ids.max() < vocab_size:
        raise DataError(f"data: token file: document {document}: expected ids in [0, {vocab_size}), got "
                        f"{ids.min()} to {ids.max()}. Use the vocabulary that made the ids.")
    return ids


def _label(labels: dict[str, int], domain: str) -> int:
    number = labels.setdefault(domain, len(labels))
    if number >= _MOST_DOMAINS:
        raise DataError(f"data: token file: expected at most {_MOST_DOMAINS} domain labels, '{domain}' is one more. "
                        "Use fewer labels.")
    return number


def _sign(path: Path) -> None:
    about = {**read_header(path), "sha256": checksum(path)}
    with path.open("r+b") as file:
        write_header(file, about)
