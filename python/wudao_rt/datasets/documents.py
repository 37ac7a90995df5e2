"""Texts as token documents, and held-out documents as windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wudao_rt.config import TrainTable
from wudao_rt.data import DataError
from wudao_rt.data.blanks import Documents, SpecialIds, causal_document, sentence_end_table
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.datasets.rows import Rows, rows_of


def causal_windows(documents: Documents, special: SpecialIds, train: TrainTable) -> Iterator[Rows]:
    """Yield documents cut into windows of `train.length`, each predicted left to right; every token is scored once."""
    window, samples = train.length - 3, []
    for document in range(len(documents)):
        ids = documents.text(document, special.eos).ids[:-1]
        for start in range(0, len(ids), window):
            part = ids[start : start + window]
            samples.append(causal_document(part, special, ended=start + window >= len(ids)))
            if len(samples) == train.batch:
                yield rows_of(samples, special.eos)
                samples = []
    if samples:
        yield rows_of(samples, special.eos)


def encoded(texts: Sequence[str], tokenizer: Tokenizer) -> Documents:
    """Return texts as token documents; special tokens that stand in the text are plain text."""
    lists = [ids for ids in tokenizer.encode_batch(list(texts), parse_special=False) if ids]
    if not lists:
        raise DataError("train: texts: expected at least one text that is not empty, got none. Give files with text.")
    return Documents.from_lists(lists)


def end_table(tokenizer: Tokenizer) -> np.ndarray:
    """Return which tokens end a sentence, bool (V,)."""
    return sentence_end_table([tokenizer.token(i) for i in range(tokenizer.vocab_size)])
