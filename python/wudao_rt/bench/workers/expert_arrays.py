"""Weights of experts, the same in every engine: they are too large to be handed around in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np


def experts(ids: Iterable[int], width: int, hidden: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (up (width, hidden), down (hidden, width)) of each expert, float32."""
    for expert in ids:
        rng = np.random.default_rng([7, expert])
        yield (0.02 * rng.standard_normal((width, hidden), np.float32),
               0.02 * rng.standard_normal((hidden, width), np.float32))


def shares(tokens: np.ndarray, ranks: int) -> list[np.ndarray]:
    """Return the tokens of every rank, equally many of each."""
    return np.split(tokens, ranks)
