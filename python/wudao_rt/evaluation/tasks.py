"""The tasks of `wudao-rt eval`."""

from __future__ import annotations

from collections.abc import Iterable
from math import exp
from typing import Any

from wudao_rt.data import prepare
from wudao_rt.data.tokenizer import Tokenizer
from wudao_rt.datasets import VERSE_TOKENS, report_rows
from wudao_rt.errors import ConfigError
from wudao_rt.evaluation.loss import held_out_loss
from wudao_rt.glm import GLM
from wudao_rt.scoring import score_last_words, score_text
from wudao_rt.tasks import Mode

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
    tokenizer = _tokenizer(model)
    if missing := [token for token in VERSE_TOKENS if token not in tokenizer.own_tokens]:
        raise ConfigError(f"eval: model: expected a vocabulary for verse, it has no {missing[0]}. Train with "
                          "data.source = \"verse\", or take another task.")
    records = list(prepare(corpus).records(split))
    return held_out_loss(model, report_rows(records, tokenizer, _BATCH)).to_json()


def perplexity(
    model: GLM, texts: Iterable[str], length: int | None = None, overlap: int | None = None, mode: Mode = "bi"
) -> dict[str, Any]:
    """Compute the loss of long texts in overlapping windows; every token but the first of a text is scored once.

    Args:
        model: any GLM with a tokenizer.
        texts: long texts; those of a single token are left out.
        length: row length; default what the model's positions allow.
        overlap: tokens that each window but the first adds.
        mode: "bi" reads the earlier part of a window in both directions, "uni" left to right.
    Returns: nats_per_token, tokens, n (texts), perplexity (per token).
    Raises:
        ConfigError: windows that the model's positions do not hold.
    """
    tokenizer = _tokenizer(model)
    long_enough = [text for text in texts if len(tokenizer.encode(text, parse_special=False)) > 1]
    found = [score_text(model, text, overlap, length, mode) for text in long_enough]
    _require(found, "a text of at least two tokens")
    tokens = sum(one.tokens for one in found)
    mean = sum(one.nats for one in found) / tokens
    return {"nats_per_token": mean, "tokens": tokens, "n": len(found), "perplexity": exp(mean)}


def last_words(model: GLM, texts: Iterable[str], mode: Mode = "bi") -> dict[str, Any]:
    """Compute how often the last word of a passage is the most likely one, and its loss.

    Args:
        model: any GLM with a tokenizer.
        texts: each line of each text is a passage; those of fewer than two words are left out.
        mode: "bi" or "uni".
    Returns: nats_per_token, tokens, n (passages), accuracy.
    Source: Paperno et al., The LAMBADA dataset (2016).
    """
    lines = [line for text in texts for line in text.splitlines() if len(line.split()) > 1]
    _require(lines, "a line of at least two words")
    found = score_last_words(model, lines, mode)
    tokens = sum(len(one.token_ids) for one in found)
    mean = -sum(one.log_prob for one in found) / tokens
    right = sum(one.correct for one in found) / len(found)
    return {"nats_per_token": mean, "tokens": tokens, "n": len(found), "accuracy": right}


def _require(found: list, what: str) -> None:
    if not found:
        raise ConfigError(f"eval: texts: expected {what}, got none. Give other texts.")


def _tokenizer(model: GLM) -> Tokenizer:
    if model.tokenizer is None:
        raise ConfigError("eval: model: expected a tokenizer in the model's folder, found none. "
                          "Save one with the model.")
    return model.tokenizer
