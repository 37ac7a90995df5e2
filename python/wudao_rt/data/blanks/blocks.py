"""From a text and its hidden spans to one row: Part A with masks, Part B with the spans."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wudao_rt.data.blanks.sample import Sample
from wudao_rt.data.blanks.spans import Spans
from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.errors import ShapeError


@dataclass(frozen=True, eq=False)
class _PartA:
    ids: np.ndarray  # the text with one mask for each span
    masks: np.ndarray  # index of each span's mask, spans in ascending order


def block_sample(ids: np.ndarray, spans: Spans, order: np.ndarray, mask: int, special: SpecialIds) -> Sample:
    """Hide spans of a text and write them, in a given order, after it.

    Part A is the text with one mask in place of each span; its positions count its own tokens. Part B holds, for each
    span, sop and its tokens, all at the position of its mask, with block positions 1, 2, ...; targets are the tokens
    and eop, all of weight 1 (as in the reference, the text's own loss mask does not enter).

    Args:
        ids: tokens of the text, int (n,).
        spans: hidden spans, ascending and apart from each other.
        order: permutation of the spans in Part B, int (k,).
        mask: id that stands for a span.
        special: command tokens.
    Returns: a sample of n + 2k tokens with sep = n - hidden + k.
    Raises:
        ShapeError: no spans.
    Source: GLM (Du et al., ACL 2022), figure 2.
    Example:
        >>> special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4)
        >>> spans = Spans(np.array([1, 4]), np.array([2, 1]))
        >>> row = block_sample(np.array([1, 10, 11, 12, 13, 0]), spans, np.array([1, 0]), 2, special)
        >>> row.ids.tolist(), row.positions.tolist()
        ([1, 2, 12, 2, 0, 3, 13, 3, 10, 11], [0, 1, 2, 3, 4, 3, 3, 1, 1, 1])
        >>> row.targets[row.slots].tolist(), row.block_positions.tolist()
        ([13, 4, 10, 11, 4], [0, 0, 0, 0, 0, 1, 2, 1, 2, 3])
    """
    if len(spans) == 0:
        raise ShapeError("block_sample: spans: expected at least one, got none. Leave out texts with nothing to hide.")
    part_a = _part_a(ids, spans, mask)
    sep = part_a.ids.size
    pieces = spans.lengths[order] + 1
    within = np.arange(pieces.sum()) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    source = np.repeat(spans.starts[order], pieces) + within
    inputs = np.where(within == 0, special.sop, ids[source - 1])
    targets = ids[np.minimum(source, len(ids) - 1)]
    targets[np.cumsum(pieces) - 1] = special.eop
    return Sample(
        ids=np.concatenate((part_a.ids, inputs)),
        positions=np.concatenate((np.arange(sep), np.repeat(part_a.masks[order], pieces))),
        block_positions=np.concatenate((np.zeros(sep, np.int64), within + 1)),
        sep=sep,
        targets=np.concatenate((part_a.ids, targets)),
        loss_mask=np.concatenate((np.zeros(sep, np.float32), np.ones(within.size, np.float32))),
    )


def _part_a(ids: np.ndarray, spans: Spans, mask: int) -> _PartA:
    steps = np.zeros(len(ids) + 1, np.int64)
    steps[spans.starts + 1] += 1
    steps[spans.ends] -= 1  # a span of one token cancels itself: its mask takes its place
    kept = np.cumsum(steps)[:-1] == 0
    masked = ids.copy()
    masked[spans.starts] = mask
    return _PartA(masked[kept], np.cumsum(kept)[spans.starts] - 1)
