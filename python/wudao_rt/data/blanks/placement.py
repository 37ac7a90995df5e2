"""Where the spans of a token-blank sample lie: in which document of a packed text, and at which place."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from wudao_rt.data.blanks.spans import Spans
from wudao_rt.data.blanks.special import SpecialIds

Bounds = list[tuple[int, int]]


def document_bounds(ids: np.ndarray, special: SpecialIds) -> Bounds:
    """Find the documents of a packed text: (first token, usable length) of each, shortest first.

    Documents end at eos; a [CLS] that begins one is not part of it. The last document, when no eos ends it, gives up
    one token, which leaves the text with an unhidden end.

    Example:
        >>> special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4)
        >>> document_bounds(np.array([1, 8, 9, 0, 1, 7, 7, 7, 7]), special)
        [(1, 2), (5, 3)]
    """
    ends = np.flatnonzero(ids == special.eos)
    starts = np.concatenate(([0], ends + 1))
    ends = np.append(ends, max(len(ids) - 1, starts[-1]))
    starts = starts + ((starts < ends) & (ids[np.minimum(starts, len(ids) - 1)] == special.cls))
    bounds = [(int(start), int(end - start)) for start, end in zip(starts, ends, strict=True)]
    return sorted((bound for bound in bounds if bound[1] > 0), key=lambda bound: bound[1])


def share_out(lengths: list[int], bounds: Bounds, ratio: float) -> list[int] | None:
    """Give lengths in turn to documents, shortest first: each takes its share of the ratio, the longest the rest.

    Args:
        lengths: lengths of the spans.
        bounds: documents as `document_bounds` gives them.
        ratio: share of a document's tokens that may be hidden, except in the longest.
    Returns: the document of each length, ascending, or None when not all lengths fit.
    """
    owners: list[int] = []
    for rank, (_, size) in enumerate(bounds):
        share = size if rank + 1 == len(bounds) else int(size * ratio)
        total = count = 0
        for length in lengths[len(owners) :]:
            if total + length > share or total + length + count > size:
                break
            total, count = total + length, count + 1
        owners += [rank] * count
    return owners if len(owners) == len(lengths) else None


def spread(rng: Generator, lengths: list[int], bounds: Bounds) -> tuple[list[int], list[int]]:
    """Give each length to a document with room for it, drawn in proportion to the room left.

    A length that fits nowhere is cut to the largest room. At least one token is given.

    Args:
        rng: source of the draws.
        lengths: lengths of the spans.
        bounds: documents, each of at least one token.
    Returns: the lengths given, and the document of each, ascending.
    """
    room = np.array([size + 1 for _, size in bounds])  # a span takes its tokens and one gap
    given: list[tuple[int, int]] = []
    for draw, wanted in zip(rng.random(len(lengths)).tolist(), lengths, strict=True):
        length = min(wanted, int(room.max()) - 1)
        if length < 1:
            break
        weights = np.cumsum(np.where(room > length, room, 0))
        owner = int(np.searchsorted(weights, int(draw * weights[-1]), side="right"))
        room[owner] -= length + 1
        given.append((owner, length))
    given.sort(key=lambda pair: pair[0])
    return [length for _, length in given], [owner for owner, _ in given]


def place(rng: Generator, lengths: list[int], owners: list[int], bounds: Bounds) -> Spans:
    """Lay spans into their documents with at least one open token between neighbours.

    A document of `size` tokens with k spans has m = size - sum(lengths) - k + 1 free tokens; k places are drawn from
    0..m and sorted, and span i starts at its place plus the spans before it and one token for each of them. Spans may
    touch the edges of the document.

    Args:
        rng: source of the draws.
        lengths: lengths of the spans, those of one document in random order.
        owners: index in `bounds` of each span's document, ascending.
        bounds: documents (first token, size).
    Returns: the spans, in ascending order in the text.
    """
    firsts, sizes = np.array(bounds).T
    owner, length = np.array(owners), np.array(lengths)
    steps = length + 1
    free = sizes + 1 - np.bincount(owner, steps, minlength=sizes.size).astype(np.int64)
    places = rng.integers(0, free[owner], endpoint=True)
    places = places[np.lexsort((places, owner))]
    before = np.cumsum(steps) - steps
    before -= before[np.searchsorted(owner, owner)]  # counted from the first span of the same document
    starts = firsts[owner] + places + before
    order = np.argsort(starts)
    return Spans(starts[order], length[order])
