"""Spans of a text and the random lengths of short ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import exp, lgamma, log

import numpy as np
from numpy.random import Generator


@dataclass(frozen=True, eq=False)
class Spans:
    """Hold spans of a text in ascending order: first token and number of tokens of each, int64 (k,)."""

    starts: np.ndarray
    lengths: np.ndarray

    def __len__(self) -> int:
        return self.starts.size

    @property
    def ends(self) -> np.ndarray:
        """Return the index after each span's last token, int64 (k,)."""
        return self.starts + self.lengths


@lru_cache(maxsize=16)
def length_weights(mean: float, limit: int) -> np.ndarray:
    """Return the probabilities of the lengths 1..limit-1: the Poisson pmf, renormalised, float64 (limit - 1,).

    Source: GLM (Du et al., ACL 2022), section 2.1 (mean 3); the reference cuts at limit = 40.
    """
    weights = np.array([exp(n * log(mean) - mean - lgamma(n + 1)) for n in range(1, limit)])
    weights /= weights.sum()
    weights.flags.writeable = False
    return weights


@lru_cache(maxsize=16)
def _cumulative(mean: float, limit: int) -> np.ndarray:
    return np.cumsum(length_weights(mean, limit))


def draw_lengths(rng: Generator, target: int, mean: float = 3.0, limit: int = 40) -> np.ndarray:
    """Draw span lengths until their sum reaches `target`; the last one is never trimmed.

    Args:
        rng: source of the draws.
        target: tokens to hide at least, >= 1; the sum overshoots it by at most limit - 2.
        mean: mean of the Poisson distribution.
        limit: lengths are 1..limit - 1.
    Returns: lengths, int64 (k,), 1 <= k <= target.
    """
    table = _cumulative(mean, limit)
    picks = np.minimum(np.searchsorted(table, rng.random(target), side="right"), limit - 2) + 1
    return picks[: int(np.searchsorted(np.cumsum(picks), target)) + 1]
