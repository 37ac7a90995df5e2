"""Rows for given texts in the blanks of a context."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from wudao_rt.data.blanks import Sample, SpecialIds
from wudao_rt.generation import PartA


def filled(context: PartA, answers: Sequence[Sequence[int]], special: SpecialIds, end: int | None) -> Sample:
    """Build the row that scores one answer per mask, each seeing the ones before it, as generation writes them.

    Args:
        context: Part A.
        answers: tokens of each mask's text, left to right.
        special: command tokens.
        end: id scored after each answer; None scores the answers alone.

    Example:
        >>> special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4)
        >>> row = filled(PartA([1, 2, 9, 2, 0], [1, 3]), [[7], [8, 6]], special, None)
        >>> row.ids.tolist(), row.targets[row.slots].tolist()
        ([1, 2, 9, 2, 0, 3, 7, 3, 8], [7, 8, 6])
    """
    size = len(context.ids)
    pieces = [np.array([special.sop, *answer]) for answer in answers]
    targets = [np.array([*answer, special.eop if end is None else end]) for answer in answers]
    weights = [np.append(np.ones(len(answer)), end is not None) for answer in answers]
    if end is None:  # nothing is asked of the last token
        pieces[-1], targets[-1], weights[-1] = pieces[-1][:-1], targets[-1][:-1], weights[-1][:-1]
    places = [np.full(len(piece), mask) for piece, mask in zip(pieces, context.masks, strict=True)]
    return Sample(
        ids=np.concatenate((context.ids, *pieces)),
        positions=np.concatenate((np.arange(size), *places)),
        block_positions=np.concatenate((np.zeros(size, int), *(np.arange(1, len(piece) + 1) for piece in pieces))),
        sep=size,
        targets=np.concatenate((context.ids, *targets)),
        loss_mask=np.concatenate((np.zeros(size), *weights)),
    )
