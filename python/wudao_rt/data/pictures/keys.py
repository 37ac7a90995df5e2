"""The key of a training sample: its caption and its augmentation depend on nothing else."""

from __future__ import annotations

from typing import NamedTuple

from numpy.random import Generator

from ..blanks.keys import Stream, generator


class SampleKey(NamedTuple):
    """Sample number `index` of the global batch of a step; the same whatever rank or process draws it."""

    seed: int
    step: int
    index: int

    def draws(self, stream: Stream) -> Generator:
        """Return the sample's generator for one use of it."""
        return generator(self.seed, stream, self.step, self.index)
