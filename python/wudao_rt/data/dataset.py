"""Token files: documents of ids in one memory-mapped file with a header, an index and a checksum."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from .errors import DataError

_MAGIC = b"WUDAOTOK"
_FORMAT = 1
_HEADER_BYTES = 4096
_MOST_DOMAINS = 256


class TokenDataset:
    """Documents of token ids in a file: header (4096 bytes), ids, document ends (int64), domains (uint8).

    Args:
        path: what `write_tokens` made.
        verify: compare the checksum of the whole content.

    Raises:
        DataError: no such file, not a token file, cut short, or changed since it was written.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "toy.bin"
        >>> write_tokens(path, [([3, 1, 2], "verse")], vocab_size=4)[0]
        array([3, 1, 2], dtype=int32)
    """

    def __init__(self, path: Path | str, verify: bool = True) -> None:
        self.path = Path(path)
        about = _read_header(self.path)
        self._about = about
        tokens, documents = about["tokens"], about["documents"]
        dtype = np.dtype(about["dtype"])
        ends_at = _HEADER_BYTES + tokens * dtype.itemsize
        domains_at = ends_at + 8 * documents
        if self.path.stat().st_size != domains_at + documents:
            raise self._broken("its size does not fit its header")
        if verify and _checksum(self.path) != about["sha256"]:
            raise self._broken("its checksum differs")
        self._tokens = _mapped(self.path, dtype, _HEADER_BYTES, tokens)
        self._starts = np.concatenate(([0], _mapped(self.path, np.dtype("<i8"), ends_at, documents)))
        self.domain_ids = np.array(_mapped(self.path, np.dtype("u1"), domains_at, documents))

    def __len__(self) -> int:
        return self._about["documents"]

    def __getitem__(self, index: int) -> np.ndarray:
        """Return the ids of one document as int32."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"document {index} of {len(self)}")
        index %= len(self)
        return np.asarray(self._tokens[self._starts[index] : self._starts[index + 1]], dtype=np.int32)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self[i] for i in range(len(self)))

    @property
    def lengths(self) -> np.ndarray:
        """Number of tokens of each document, int64."""
        return np.diff(self._starts)

    @property
    def num_tokens(self) -> int:
        """Number of tokens of all documents."""
        return self._about["tokens"]

    @property
    def vocab_size(self) -> int:
        """Size of the vocabulary that the ids belong to."""
        return self._about["vocab_size"]

    @property
    def tokenizer(self) -> str:
        """Fingerprint of the tokenizer that made the ids; empty if none was given."""
        return self._about["tokenizer"]

    @property
    def domains(self) -> tuple[str, ...]:
        """Domain labels; `domain_ids[i]` is the place of document i's label among them."""
        return tuple(self._about["domains"])

    def to_json(self) -> dict[str, object]:
        """Return the header as plain values."""
        return {"path": str(self.path), **self._about}

    def _broken(self, why: str) -> DataError:
        return DataError(f"data: {self.path}: expected a whole token file, {why}. Remove it and prepare it again.")


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
    file.write(b"\0" * _HEADER_BYTES)
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
    about = {"format": _FORMAT, "dtype": dtype.str, "documents": len(ends), "tokens": ends[-1],
             "vocab_size": vocab_size, "tokenizer": tokenizer, "domains": list(labels), "sha256": "0" * 64}
    _write_header(file, about)


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


def _write_header(file: BinaryIO, about: dict[str, object]) -> None:
    text = json.dumps(about, ensure_ascii=False).encode()
    if len(_MAGIC) + len(text) > _HEADER_BYTES:
        raise DataError("data: token file: domain labels: expected short names, they do not fit the header. "
                        "Use fewer or shorter labels.")
    file.seek(0)
    file.write((_MAGIC + text).ljust(_HEADER_BYTES, b" "))
    file.flush()
    os.fsync(file.fileno())


def _sign(path: Path) -> None:
    about = {**_read_header(path), "sha256": _checksum(path)}
    with path.open("r+b") as file:
        _write_header(file, about)


def _read_header(path: Path) -> dict:
    try:
        with path.open("rb") as file:
            head = file.read(_HEADER_BYTES)
    except OSError as error:
        raise DataError(f"data: {path}: expected a token file, got '{error.strerror}'. "
                        "Prepare the corpus first.") from error
    try:
        about = json.loads(head[len(_MAGIC) :])
    except ValueError:
        about = {}
    if head[: len(_MAGIC)] != _MAGIC or about.get("format") != _FORMAT:
        raise DataError(f"data: {path}: expected a token file of format {_FORMAT}, it is not one. "
                        "Remove it and prepare it again.")
    return about


def _checksum(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        file.seek(_HEADER_BYTES)
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _mapped(path: Path, dtype: np.dtype, offset: int, count: int) -> np.ndarray:
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=(count,)) if count else np.empty(0, dtype)
