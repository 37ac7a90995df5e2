"""How often each objective is trained, and with which numbers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wudao_rt.errors import ConfigError


class Objective(Enum):
    """Name what a batch has to predict."""

    TOKENS = "tokens"
    SENTENCES = "sentences"
    DOCUMENT = "document"


@dataclass(frozen=True)
class Objectives:
    """Hold the mixing ratios and the numbers of each objective; the defaults are the reference's.

    Args:
        token_prob, sentence_prob: share of batches with token and with sentence blanks; the rest is the document
            objective.
        suffix_prob: probability that a text of one document hides its suffix rather than a stretch anywhere (the
            reference calls it gpt_infill); a text of several documents always hides its suffix.
        min_ratio: least share of a text that the document objective hides.
        token_ratio, sentence_ratio: share of a text that the blanks hide.
        mean_length, max_length: span lengths are Poisson(mean_length) on 1..max_length - 1.
        block_mask: probability of dBLOCK over an input token of a token blank.
        context_mask, context_range: share of a text whose tokens near a mask become dBLOCK, and how near.
        short_prob: share of batches cut into short texts.
        single_span_prob: share of batches with one token blank in each text.
    Raises:
        ConfigError: a number outside its range.
    """

    token_prob: float = 0.5
    sentence_prob: float = 0.0
    suffix_prob: float = 0.5
    min_ratio: float = 0.5
    token_ratio: float = 0.15
    sentence_ratio: float = 0.15
    mean_length: float = 3.0
    max_length: int = 40
    block_mask: float = 0.0
    context_mask: float = 0.0
    context_range: int = 3
    short_prob: float = 0.0
    single_span_prob: float = 0.0

    def __post_init__(self) -> None:
        for name in vars(self):
            low, high = {"mean_length": (0.1, 100), "max_length": (2, 1000), "context_range": (1, 1000)}.get(
                name, (0, 1)
            )
            if not low <= getattr(self, name) <= high:
                raise ConfigError(
                    f"Objectives: {name}: expected {low}..{high}, got {getattr(self, name)}. Change the config."
                )
        if self.token_prob + self.sentence_prob > 1 + 1e-9:
            came = self.token_prob + self.sentence_prob
            raise ConfigError(
                f"Objectives: token_prob + sentence_prob: expected at most 1, got {came}. Lower one of them."
            )

    def at(self, draw: float) -> Objective:
        """Return the objective that a uniform draw from [0, 1) selects."""
        if draw < self.token_prob:
            return Objective.TOKENS
        return Objective.SENTENCES if draw < self.token_prob + self.sentence_prob else Objective.DOCUMENT
