"""Which records stand in which batch: shuffled epochs of batches whose records share a group."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from wudao_rt.data.blanks.keys import Stream, generator


class Epochs:
    """Cut records into batches of one group each, so that rows of a batch are equally long and hardly padded.

    In an epoch every group is shuffled and cut into whole batches (what is left over waits for another epoch's
    shuffle; a group smaller than a batch is repeated to fill one), then the batches are shuffled. An epoch is a
    function of (seed, epoch).

    Args:
        groups: record indices of each group, none empty.
        batch: records of a batch.
        seed: run's seed.
        stream: which of the seed's sequences shuffles.
    """

    def __init__(self, groups: list[np.ndarray], batch: int, seed: int, stream: Stream = Stream.PACK) -> None:
        self._groups, self._batch, self._seed, self._stream = groups, batch, seed, stream
        self.batches = sum(max(1, group.size // batch) for group in groups)
        self._epoch = lru_cache(maxsize=2)(self._plan)

    def records(self, step: int) -> np.ndarray:
        """Return the record indices of a step's batch, int64 (batch,)."""
        epoch, index = divmod(step, self.batches)
        return self._epoch(epoch)[index]

    def _plan(self, epoch: int) -> np.ndarray:
        rng = generator(self._seed, self._stream, epoch)
        plans = [self._cut(rng.permutation(group)) for group in self._groups]
        return rng.permutation(np.concatenate(plans))

    def _cut(self, shuffled: np.ndarray) -> np.ndarray:
        count = max(1, shuffled.size // self._batch)
        return np.resize(shuffled, (count, self._batch))
