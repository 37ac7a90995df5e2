"""Which pictures a training step sees."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..blanks.keys import Stream, generator
from ..errors import DataError
from .record import PictureRecord

SKIN_TONE_WEIGHT = 0.3
"""Half of the emoji pictures are skin tones, near doubles of each other; each is drawn as 0.3 of another picture."""


class PictureSampler:
    """Draw pictures of one split with replacement; a batch is a function of (seed, step) alone.

    Args:
        records: all pictures, in the order of the packed file.
        split: the only split that is drawn from.
        skin_tone: weight of a skin tone beside a weight of 1, 0 <= skin_tone.

    Raises:
        DataError: a weight below 0, or no picture of that split that can be drawn.

    Example:
        >>> sampler = PictureSampler([PictureRecord("a", "a"), PictureRecord("b", "b", split="report")])
        >>> sampler.batch(seed=7, step=0, size=3)
        array([0, 0, 0])
    """

    def __init__(self, records: Sequence[PictureRecord], split: str = "train",
                 skin_tone: float = SKIN_TONE_WEIGHT) -> None:
        if not skin_tone >= 0:
            raise DataError(f"data pictures: skin_tone: expected a weight of 0 or more, got {skin_tone}. "
                            "Choose another.")
        weights = [(skin_tone if one.skin_tone else 1.0) if one.split == split else 0.0 for one in records]
        self._ends = np.cumsum(weights)
        if not self._ends.size or not self._ends[-1] > 0:
            raise DataError(f"data pictures: split: expected pictures to draw from in '{split}', "
                            f"none of {len(records)} is in it. Name another split.")

    def batch(self, seed: int, step: int, size: int) -> np.ndarray:
        """Return the places of a step's pictures, int64 [size]; a smaller batch is the beginning of a larger one."""
        places = generator(seed, Stream.PICTURE, step).random(size) * self._ends[-1]
        return np.searchsorted(self._ends, places, side="right")
