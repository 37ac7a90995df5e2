"""A batch with what it costs, and what every source of batches can do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from wudao_rt.data.blanks import Batch, Sample, collate
from wudao_rt.data.tokenizer import Tokenizer


@dataclass(frozen=True, eq=False)
class Rows:
    """Hold a batch and its size.

    Args:
        arrays: the batch as the engine takes it.
        tokens: tokens that are not padding.
        pairs: (query, key) pairs that the mask shows, padding left out.
        weight: sum of the loss weights.
        extra_nats: what evaluation adds to the summed loss, for tokens that the vocabulary cannot tell apart.
    """

    arrays: Batch
    tokens: int
    pairs: int
    weight: float
    extra_nats: float = 0.0


def rows_of(samples: Sequence[Sample], pad_id: int) -> Rows:
    """Pad samples to the longest of them and count."""
    arrays = collate(samples, pad_id=pad_id)
    pairs = sum(visible_pairs(len(sample), sample.sep) for sample in samples)
    return Rows(arrays, sum(map(len, samples)), pairs, float(arrays.loss_mask.sum(dtype="float64")))


def visible_pairs(length: int, sep: int) -> int:
    """Return how many (query, key) pairs GLM's mask shows: all rows see Part A, Part B sees itself up to the diagonal.

    Example:
        >>> visible_pairs(5, 2)  # 5 rows see 2 columns; then 1 + 2 + 3
        16
    """
    part_b = length - sep
    return length * sep + part_b * (part_b + 1) // 2


class Source(Protocol):
    """What training asks of its data."""

    tokenizer: Tokenizer
    prompts: tuple[str, ...]

    def batch(self, step: int, done: float = 0.0) -> Rows:
        """Return the batch of a step, counted from 0; `done` is the share of the run that lies before it.

        A function of (seed, step, done) alone.
        """
        ...

    def held_out(self) -> Iterator[Rows]:
        """Yield the held-out texts in a fixed order; empty when there are none."""
        ...
