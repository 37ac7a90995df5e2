"""Texts as token documents, and held-out documents as windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

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
    return encoded_some(texts, tokenizer)[0]


def encoded_some(texts: Sequence[str], tokenizer: Tokenizer) -> tuple[Documents, list[int]]:
    """Return texts as token documents, and the indexes of those that are not empty, which they are."""
    lists = tokenizer.encode_batch(list(texts), parse_special=False)
    kept = [index for index, ids in enumerate(lists) if ids]
    if not kept:
        raise DataError("train: texts: expected at least one text that is not empty, got none. Give files with text.")
    return Documents.from_lists([lists[index] for index in kept]), kept


def share_weights(documents: Documents, domains: Sequence[str], shares: Mapping[str, float]) -> np.ndarray:
    """Return weights of documents, (D,), by which each domain has its share of the tokens that are drawn.

    Args:
        documents: with `domains` their labels, one for each.
        shares: by label; a domain that is not named is never drawn.
    Example:
        >>> share_weights(Documents.from_lists([[1, 2, 3], [4]]), ["a", "b"], {"a": 0.5, "b": 0.5}).tolist()
        [0.16666666666666666, 0.5]
    """
    tokens = dict.fromkeys(domains, 0)
    for domain, size in zip(domains, np.diff(documents.offsets).tolist(), strict=True):
        tokens[domain] += size
    return np.array([shares.get(domain, 0.0) / max(1, tokens[domain]) for domain in domains])


def end_table(tokenizer: Tokenizer) -> np.ndarray:
    """Return which tokens end a sentence, bool (V,)."""
    return sentence_end_table([tokenizer.token(i) for i in range(tokenizer.vocab_size)])
