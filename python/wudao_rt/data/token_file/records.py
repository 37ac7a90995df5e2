"""From records and a tokenizer to a token file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ..record import Record
from ..tokenizer import Tokenizer
from .dataset import TokenDataset
from .writing import write_tokens

_BATCH = 2000


def tokenize_records(records: Iterable[Record], tokenizer: Tokenizer, path: Path | str) -> TokenDataset:
    """Write the texts of records as a token file, each text followed by the end mark, labelled by domain.

    Args:
        records: for training, those of the split `train` only.
        tokenizer: text to ids; surface forms of special tokens inside the texts stay plain text.
        path: the file to write.
    """
    return write_tokens(path, _documents(iter(records), tokenizer), tokenizer.vocab_size, tokenizer.fingerprint())


def _documents(records: Iterator[Record], tokenizer: Tokenizer) -> Iterator[tuple[list[int], str]]:
    end = tokenizer.token_id("eos")
    while batch := list(islice(records, _BATCH)):
        ids = tokenizer.encode_batch([record.text for record in batch], parse_special=False)
        yield from (([*document, end], record.domain) for document, record in zip(ids, batch, strict=True))
