"""Pictures with captions as a language model learns from them: codes, mapped into memory, and what is known of each.

A folder of `pictures.codes`, a file of codes whose names are the ids of the pictures, and `pictures.jsonl`, their
records, whose SHA-256 stands in the head of the first: the two cannot be mixed up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.data.errors import DataError
from wudao_rt.data.pictures import Picture, PictureRecord, fixed_captions, on_white
from wudao_rt.data.pictures.record import read_picture_records, record_lines
from wudao_rt.errors import ShapeError
from wudao_rt.files import reason, write_whole
from wudao_rt.image.code_file import read_codes, write_codes
from wudao_rt.ops.types import Array

if TYPE_CHECKING:
    from wudao_rt.image.tokenizer import VQTokenizer

CODES, RECORDS = "pictures.codes", "pictures.jsonl"
_AT_A_TIME = 64


class CodeDataset:
    """Hold codes and captions of pictures as they lie on the disk.

    Args:
        folder: what `write_code_dataset` or `encode_dataset` filled.
        tokenizer: whose codes they have to be, or its fingerprint; None: any.

    Raises:
        DataError: no such folder; a file that is missing, cut short or changed; codes of another tokenizer.
    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> apple = PictureRecord("apple", "apple", captions=("an apple", "苹果"))
        >>> write_code_dataset(folder, np.zeros((1, 8, 8), int), [apple], book=512, tokenizer="f00d")
        >>> codes, captions = CodeDataset(folder, tokenizer="f00d")[0]
        >>> codes.shape, captions
        ((8, 8), ('an apple', '苹果'))
    """

    def __init__(self, folder: Path | str, tokenizer: VQTokenizer | str | None = None) -> None:
        self.folder = Path(folder)
        file = read_codes(self.folder / CODES)
        wanted = tokenizer if tokenizer is None or isinstance(tokenizer, str) else tokenizer.fingerprint()
        if wanted is not None and file.tokenizer != wanted:
            raise DataError(f"data: {self.folder}: expected codes of the tokenizer {wanted[:12]}..., got those of "
                            f"{file.tokenizer[:12]}... Encode the pictures again with this one.")
        self.codes = file.codes  # (N, h, w)
        self.book, self.tokenizer = file.book, file.tokenizer
        self.records = _records(self.folder / RECORDS, file.records, file.names)

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index: int) -> tuple[Array, tuple[str, ...]]:
        """Return the codes of a picture, (h, w) and not to be written to, and all that its captions can say."""
        return self.codes[index], captions_of(self.records[index])

    def indices(self, split: str = "train") -> Array:
        """Return the places of a split's pictures, int64."""
        return np.array([i for i, record in enumerate(self.records) if record.split == split], np.int64)


def captions_of(record: PictureRecord) -> tuple[str, ...]:
    """Return the captions of a record, or where it has none what its names and keywords make, English first."""
    return record.captions or tuple(text for language in ("en", "zh") for text in fixed_captions(record, language))


def write_code_dataset(
    folder: Path | str, codes: Array, records: Sequence[PictureRecord], book: int, tokenizer: str
) -> None:
    """Write codes and what is known of their pictures.

    Args:
        folder: gets `pictures.codes` and `pictures.jsonl`.
        codes: integers (N, h, w) from 0 to book - 1.
        records: N of them.
        book: how many codes the tokenizer has.
        tokenizer: its fingerprint.

    Raises:
        ShapeError: another shape, a number that is no code, or another number of records.
        DataError: the folder cannot be written.
    """
    if len(records) != len(codes):
        raise ShapeError(f"write_code_dataset: records: expected {len(codes)}, one for each picture, got "
                         f"{len(records)}. Give as many.")
    folder, lines = Path(folder), record_lines(records).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_codes(folder / CODES, codes, book, tokenizer, [record.id for record in records],
                    sha256(lines).hexdigest())
        write_whole(folder / RECORDS, lines)
    except OSError as error:
        raise DataError(f"data: {folder}: expected to write a data set of codes, got: {reason(error)}. Choose another "
                        "place.") from error


def encode_dataset(folder: Path | str, pictures: Iterable[Picture], tokenizer: VQTokenizer) -> CodeDataset:
    """Write the codes of pictures with their captions, and open them.

    Args:
        folder: gets them.
        pictures: of one size; what is transparent becomes white.
        tokenizer: that encodes them.

    Raises:
        ShapeError: a size that does not fit the tokenizer.
        DataError: no pictures, or the folder cannot be written.
    """
    records: list[PictureRecord] = []
    found: list[Array] = []
    waiting: list[Array] = []
    for record, pixels in pictures:
        records.append(record)
        waiting.append(pixels)
        if len(waiting) == _AT_A_TIME:
            found.append(tokenizer.encode(on_white(np.stack(waiting))))
            waiting.clear()
    if waiting:
        found.append(tokenizer.encode(on_white(np.stack(waiting))))
    if not found:
        raise DataError(f"data: {folder}: expected pictures to encode, got none. Check where they come from.")
    write_code_dataset(folder, np.concatenate(found), records, tokenizer.config.codes, tokenizer.fingerprint())
    return CodeDataset(folder, tokenizer)


def _records(path: Path, digest: str, names: Sequence[str]) -> list[PictureRecord]:
    """Return the records of a file that belongs to the codes."""
    try:
        if sha256(path.read_bytes()).hexdigest() != digest:
            raise DataError(f"data: {path}: expected the records that were written with the codes beside them, got "
                            "others. Encode the pictures again.")
        records = list(read_picture_records(path))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"data: {path}: expected records of pictures, got: {reason(error)}. Encode the pictures again."
                        ) from error
    if [record.id for record in records] != list(names):
        raise DataError(f"data: {path}: expected the {len(names)} pictures whose codes lie beside them, got "
                        f"{len(records)} others. Encode the pictures again.")
    return records
