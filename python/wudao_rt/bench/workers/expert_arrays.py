"""Weights of experts, the same in every engine: they are too large to be handed around in files."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np


def experts(count: int, width: int, hidden: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield (up (width, hidden), down (hidden, width)) of each expert, float32."""
    for expert in range(count):
        rng = np.random.default_rng([7, expert])
        yield (0.02 * rng.standard_normal((width, hidden), np.float32),
               0.02 * rng.standard_normal((hidden, width), np.float32))
