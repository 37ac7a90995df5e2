"""Read token files, memory-mapped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import DataError
from .header import HEADER_BYTES, checksum, read_header


class TokenDataset:
    """Documents of token ids in a file: header (4096 bytes), ids, document ends (int64), domains (uint8).

    Args:
        path: what `write_tokens` made.
        verify: compare the checksum of the whole content.

    Raises:
        DataError: no such file, not a token file, cut short, or changed since it was written.

    Example:
        >>> import tempfile, pathlib
        >>> from wudao_rt.data.token_file import write_tokens
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "toy.bin"
        >>> write_tokens(path, [([3, 1, 2], "verse")], vocab_size=4)[0]
        array([3, 1, 2], dtype=int32)
    """

    def __init__(self, path: Path | str, verify: bool = True) -> None:
        self.path = Path(path)
        about = read_header(self.path)
        self._about = about
        tokens, documents = about["tokens"], about["documents"]
        dtype = np.dtype(about["dtype"])
        ends_at = HEADER_BYTES + tokens * dtype.itemsize
        domains_at = ends_at + 8 * documents
        if self.path.stat().st_size != domains_at + documents:
            raise self._broken("its size does not fit its header")
        if verify and checksum(self.path) != about["sha256"]:
            raise self._broken("its checksum differs")
        self._tokens = _mapped(self.path, dtype, HEADER_BYTES, tokens)
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


def _mapped(path: Path, dtype: np.dtype, offset: int, count: int) -> np.ndarray:
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=(count,)) if count else np.empty(0, dtype)
