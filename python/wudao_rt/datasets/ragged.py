"""Many short lists of token ids in two arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np


class Ragged:
    """Hold lists of ids: list i is `tokens[offsets[i]:offsets[i + 1]]`.

    Example:
        >>> Ragged([[5, 6], [], [7]])[2].tolist()
        [7]
    """

    def __init__(self, lists: Sequence[Sequence[int]]) -> None:
        self.sizes = np.fromiter(map(len, lists), np.int64, len(lists))
        self.offsets = np.concatenate(([0], np.cumsum(self.sizes)))
        self.tokens = np.fromiter(chain.from_iterable(lists), np.int32, int(self.offsets[-1]))

    def __len__(self) -> int:
        return self.sizes.size

    def __getitem__(self, index: int) -> np.ndarray:
        return self.tokens[self.offsets[index] : self.offsets[index + 1]]
