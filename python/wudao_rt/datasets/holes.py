"""Which codes of a picture a training sample has to find: boxes, some rows at the end, or single codes."""

from __future__ import annotations

import numpy as np

from wudao_rt.ops.types import Array

_SINGLE = 0.3  # share of samples whose holes are scattered, as `edit` makes them


def drawn_holes(draws: np.random.Generator, side: int) -> Array:
    """Return bool (side, side), True at holes; at least one of them.

    A box with sides of a quarter of the picture and up, or, in a share of 0.3, each code by itself with a probability
    that is drawn too.

    Example:
        >>> bool(drawn_holes(np.random.default_rng(1), 4).any())
        True
    """
    holes = np.zeros((side, side), bool)
    if draws.random() < _SINGLE:
        holes |= draws.random((side, side)) < draws.uniform(0.1, 0.9)
    else:
        height, width = draws.integers(max(1, side // 4), side + 1, 2)
        top, left = draws.integers(0, side - height + 1), draws.integers(0, side - width + 1)
        holes[top : top + height, left : left + width] = True
    if not holes.any():
        holes[draws.integers(side), draws.integers(side)] = True
    return holes
