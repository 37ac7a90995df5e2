"""Perplexity of a long text in overlapping windows, every token but the first scored once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import exp

import numpy as np

from wudao_rt.data.blanks import Sample, SpecialIds, suffix_sample
from wudao_rt.errors import ConfigError, ShapeError
from wudao_rt.tasks.continuation import Mode, require_mode


@dataclass(frozen=True, eq=False)
class Window:
    """Hold one window: the row to run, and the index in the text of the token that each of its slots scores."""

    sample: Sample
    tokens: np.ndarray


def window_count(tokens: int, seq_length: int, overlap: int) -> int:
    """Return ceil(max(n - W, 0) / overlap) + 1 with W = seq_length - 1.

    Example:
        >>> window_count(40, 21, 8)
        4
    """
    return -(-max(tokens - (seq_length - 1), 0) // overlap) + 1


def perplexity_windows(
    tokens: np.ndarray, seq_length: int, overlap: int, special: SpecialIds, mode: Mode = "bi"
) -> Iterator[Window]:
    """Cut a text into windows of W = seq_length - 1 tokens that start every `overlap` tokens.

    Each window is [CLS] prompt [gMASK] | sop text[:-1], with no eos. The prompt is one token in the first window and in
    every uni window, else the first W - overlap tokens. A later uni window weighs only tokens from W - overlap on; so,
    in both modes, every token but the first is scored exactly once.

    Args:
        tokens: the text, int (n,), n >= 2.
        seq_length: W + 1; rows have at most W + 2 tokens, at positions 0..W + 1.
        overlap: tokens that each window but the first scores, 1..W (bi) or 1..W - 1 (uni).
        special: command tokens; `special.with_one_mask()` for a model without task masks.
        mode: whether the prompt of later windows is read in both directions.
    Returns: the windows, made one at a time.
    Raises:
        ShapeError: a text of fewer than two tokens, or an overlap outside its range.
    Source: GLM (Du et al., ACL 2022), section 3.3.
    """
    require_mode("perplexity", mode)
    width = seq_length - 1
    largest = width if mode == "bi" else width - 1
    if not 1 <= overlap <= largest:
        raise ConfigError(
            f"perplexity: overlap: expected 1 to {largest} with windows of length {seq_length}, got {overlap}. "
            "Change it."
        )
    if len(tokens) < 2:
        raise ShapeError(f"perplexity: tokens: expected at least 2, got {len(tokens)}. Give a longer text.")
    count = window_count(len(tokens), seq_length, overlap)
    return (_window(tokens, index * overlap, width, overlap, special, mode) for index in range(count))


def _window(tokens: np.ndarray, start: int, width: int, overlap: int, special: SpecialIds, mode: Mode) -> Window:
    part = tokens[start : start + width]
    first_scored = 1 if start == 0 else width - overlap
    prompt = 1 if start == 0 or mode == "uni" else first_scored
    context = np.concatenate(([special.cls], part[:prompt], [special.gmask]))
    weights = (np.arange(prompt, len(part)) >= first_scored).astype(np.float32)
    sample = suffix_sample(context, len(context) - 1, special.sop, part[prompt:], weights)
    return Window(sample, np.arange(start + first_scored, start + len(part)))


def mean_loss(nll_sum: float, tokens: int) -> float:
    """Return the loss in nats per token, nll_sum / (tokens - 1): the first token is not scored."""
    return nll_sum / (tokens - 1)


def adjusted_perplexity(nll_sum: float, tokens: int, original_words: int) -> float:
    """Return exp(loss (tokens - 1) / (original_words - 1)), the perplexity per word of the original text.

    Args:
        nll_sum: sum of -log p over the scored tokens, nats.
        tokens: tokens of the text, the first included.
        original_words: words of the text before tokenization, >= 2.
    Example:
        >>> round(adjusted_perplexity(30.0, 16, 11), 6) == round(exp(3.0), 6)
        True
    """
    return exp(mean_loss(nll_sum, tokens) * (tokens - 1) / (original_words - 1))
