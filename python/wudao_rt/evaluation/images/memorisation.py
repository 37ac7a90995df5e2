"""How near what a model draws comes to what it learned, code by code."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from wudao_rt.evaluation.images.drawing import PART, Drawn
from wudao_rt.evaluation.images.intervals import mean_interval
from wudao_rt.evaluation.images.result import Result
from wudao_rt.ops.types import Array


def memorised(drawn: Drawn, learned: Array, seed: int = 0) -> Iterator[Result]:
    """Yield how many codes differ from the nearest picture that was learned, and the share of exact copies.

    Of each text the first picture is taken. Beside them stand the real pictures of the same things: of what was learned
    they are copies, of what was not they tell how near a picture comes that nobody copied.

    Args:
        drawn: pictures of one group.
        learned: codes (N, h, w).
        seed: of the intervals.
    """
    for what, codes, bases in (("drawn", drawn.codes[:, 0], drawn.prompts.bases),
                               ("real", drawn.real_codes, drawn.real_bases)):
        of = {"group": drawn.prompts.group, "set": what}
        distances = nearest(codes, learned)
        share = mean_interval(distances / codes[0].size, bases, seed)
        yield Result.between(PART, "codes unlike the nearest learned picture", share, of)
        yield Result.between(PART, "exact copies of learned pictures", mean_interval(distances == 0, bases, seed), of)


def nearest(codes: Array, learned: Array) -> Array:
    """Return the Hamming distance of each picture to the nearest of others: how many codes differ, int64 (N,).

    Args:
        codes: integers (N, ...).
        learned: integers (M, ...), M at least 1.

    Example:
        >>> nearest(np.array([[1, 2, 3], [7, 8, 9]]), np.array([[1, 2, 4], [7, 8, 9]]))
        array([1, 0])
    """
    known = np.ascontiguousarray(learned.reshape(len(learned), -1).T.astype(np.int32))  # a place a row: read in order
    found = np.empty(len(codes), np.int64)
    for place, one in enumerate(codes.reshape(len(codes), -1)):
        different = np.zeros(known.shape[1], np.int16)
        for row, code in zip(known, one, strict=True):
            different += row != code
        found[place] = different.min()
    return found
