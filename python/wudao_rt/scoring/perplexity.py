"""The loss of a long text, in windows."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt.data.blanks import SpecialIds
from wudao_rt.errors import ConfigError, InternalError
from wudao_rt.generation.prompts import PromptLike, read_ids
from wudao_rt.generation.special import special_of
from wudao_rt.ops.types import Array
from wudao_rt.scoring.rows import log_probs
from wudao_rt.tasks import Mode, adjusted_perplexity, mean_loss, perplexity_windows

if TYPE_CHECKING:
    from wudao_rt.glm import GLM


@dataclass(frozen=True)
class Perplexity:
    """Hold the log-probability of every token of a text but the first, float64 (n,); that of the first is NaN."""

    log_probs: Array

    @property
    def nats(self) -> float:
        """The sum of -log p."""
        return -float(self.log_probs[1:].sum())

    @property
    def tokens(self) -> int:
        """The number of tokens scored: all but the first."""
        return len(self.log_probs) - 1

    @property
    def nats_per_token(self) -> float:
        """The loss: `nats` / `tokens`."""
        return mean_loss(self.nats, len(self.log_probs))

    @property
    def per_token(self) -> float:
        """The perplexity per token, exp(loss)."""
        return exp(self.nats_per_token)

    def per_word(self, words: int) -> float:
        """Return the perplexity per word of the original text, which had `words` words."""
        return adjusted_perplexity(self.nats, len(self.log_probs), words)


def score_text(
    model: GLM,
    text: PromptLike,
    overlap: int | None = None,
    seq_length: int | None = None,
    mode: Mode = "bi",
    special: SpecialIds | None = None,
) -> Perplexity:
    """Score every token of a text but the first, exactly once, in overlapping windows.

    Args:
        text: text or token ids, of any length from 2 tokens on.
        overlap: tokens that a window scores; default 256, or half a window if that is less.
        seq_length: tokens of a window plus 1; default what the model's positions allow.
        mode: "bi" reads the tokens before a window's scored ones in both directions.
        special: ids of the command tokens; default those of the model's tokenizer.

    Source: Du et al. 2022 (GLM), section 3.3.
    """
    special = special_of("score_text", model, special)
    ids = np.array(read_ids("score_text", "text", model, text, parse_special=False))
    longest = model.config.max_positions - (0 if model.config.block_positions else 1)
    seq_length = seq_length or longest
    if seq_length > longest:
        raise ConfigError(f"perplexity: length: expected at most {longest} (max_positions), got {seq_length}. Lower "
                          "it.")
    overlap = overlap or max(1, min(256, (seq_length - 1) // 2))
    windows = list(perplexity_windows(ids, seq_length, overlap, special, mode))
    found = np.full(len(ids), np.nan)
    for window, values in zip(windows, log_probs(model, [w.sample for w in windows]), strict=True):
        if not np.isnan(found[window.tokens]).all():
            raise InternalError("score_text: windows: expected each token scored once, got one twice.")
        found[window.tokens] = values
    return Perplexity(found)
