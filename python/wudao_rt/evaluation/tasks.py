"""The tasks of `wudao-rt eval`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import numpy as np

from wudao_rt.data import prepare
from wudao_rt.data.blanks import Sample, collate
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.errors import ConfigError
from wudao_rt.evaluation.loss import held_out_loss
from wudao_rt.glm import GLM
from wudao_rt.tasks import last_word, perplexity_windows, split_last_word
from wudao_rt.training.datasets import Rows, report_rows, rows_of, special_ids

_BATCH = 32


def verse(model: GLM, corpus: str = "tang-quatrains", split: str = "report") -> dict[str, Any]:
    """Compute the loss of poems written left to right after the form tag only: hanzi, punctuation and end mark.

    Args:
        model: with a tokenizer that knows VERSE_TOKENS.
        corpus: prepared corpus of verse.
        split: `report` or `untouched`.
    Returns: nats_per_token, tokens, n (poems).
    Raises:
        wudao_rt.data.DataError: the corpus cannot be had, or the vocabulary is not one for verse.
    """
    records = list(prepare(corpus).records(split))
    return held_out_loss(model, report_rows(records, _tokenizer(model), _BATCH)).to_json()


def perplexity(model: GLM, texts: Iterable[str], length: int = 128, overlap: int = 32, mode: str = "bi"
               ) -> dict[str, Any]:
    """Compute the loss of long texts in overlapping windows; every token but the first of a text is scored once.

    Args:
        model: any GLM with a tokenizer.
        texts: long texts.
        length: row length.
        overlap: tokens that each window but the first adds.
        mode: "bi" reads the earlier part of a window in both directions, "uni" left to right.
    Returns: nats_per_token, tokens, n (texts), perplexity (per token).
    Raises:
        ConfigError: windows that the model's positions do not hold.
    """
    tokenizer = _tokenizer(model)
    if length + 1 > model.config.max_positions:
        raise ConfigError(f"eval: length: expected at most {model.config.max_positions - 1}, got {length}. Lower it.")
    special = special_ids(tokenizer)
    encoded = [np.array(ids, np.int32) for ids in tokenizer.encode_batch(list(texts), parse_special=False)]
    encoded = [ids for ids in encoded if len(ids) > 1]
    windows = (w.sample for ids in encoded for w in perplexity_windows(ids, length, overlap, special, mode))
    found = held_out_loss(model, _batches(windows, special.eos))
    return {**found.to_json(), "n": len(encoded), "perplexity": float(np.exp(found.nats_per_token))}


def last_words(model: GLM, texts: Iterable[str], mode: str = "bi") -> dict[str, Any]:
    """Compute how often the last word of a passage is the most likely one, and its loss.

    Args:
        model: any GLM with a tokenizer.
        texts: each line of each text is a passage; those of fewer than two words are left out.
        mode: "bi" or "uni".
    Returns: nats_per_token, tokens, n (passages), accuracy.
    Source: Paperno et al., The LAMBADA dataset (2016).
    """
    tokenizer, longest = _tokenizer(model), model.config.max_positions
    special = special_ids(tokenizer)
    lines = (line for text in texts for line in text.splitlines() if len(line.split()) > 1)
    pairs = [tuple(np.array(tokenizer.encode(part, parse_special=False), np.int32) for part in split_last_word(line))
             for line in lines]
    samples = [last_word(context, answer, special, mode, longest) for context, answer in pairs]
    found = held_out_loss(model, _batches(iter(samples), special.eos))
    right = sum(_all_right(model, sample, special.eos) for sample in samples)
    return {**found.to_json(), "accuracy": right / len(samples) if samples else float("nan")}


def _all_right(model: GLM, sample: Sample, pad_id: int) -> bool:
    batch = collate([sample], pad_id=pad_id)
    logits = model.logits(batch.ids, batch.positions, batch.block_positions, sep=batch.sep)[0]
    return bool((logits[sample.slots].argmax(1) == sample.targets[sample.slots]).all())


def _batches(samples: Iterator[Sample], pad_id: int) -> Iterator[Rows]:
    while part := list(islice(samples, _BATCH)):
        yield rows_of(part, pad_id)


def _tokenizer(model: GLM) -> Tokenizer:
    if model.tokenizer is None:
        raise ConfigError("eval: model: expected a tokenizer in the model's folder, found none. "
                          "Save one with the model.")
    return model.tokenizer
