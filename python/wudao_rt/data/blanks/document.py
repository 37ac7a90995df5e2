"""The document objective: a long stretch hidden behind one [gMASK]."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from wudao_rt.data.blanks.blocks import block_sample
from wudao_rt.data.blanks.objectives import Objectives
from wudao_rt.data.blanks.sample import Sample
from wudao_rt.data.blanks.spans import Spans
from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.data.blanks.suffix import document_suffix
from wudao_rt.errors import ShapeError


def generated_length(draw: float, size: int, min_ratio: float) -> int:
    """Return how many tokens of a text of `size` tokens the document objective hides.

    Uniform on int(min_ratio * size)..size - 2. One draw serves a whole batch, as in the reference, which however
    takes the bounds from the shortest and the longest text of its micro-batch; here they are the text's own, so that a
    sample does not depend on its neighbours. For texts of equal length the two are the same.

    Args:
        draw: uniform on [0, 1).
        size: tokens of the text, >= 3.
        min_ratio: least share hidden.
    Returns: 1..size - 2.
    """
    low = max(1, min(int(min_ratio * size), size - 2))
    return low + int(draw * (size - 1 - low))


def document_blank(
    rng: Generator, ids: np.ndarray, loss_mask: np.ndarray, draw: float, special: SpecialIds, rules: Objectives
) -> Sample:
    """Hide the suffix of a text, or a stretch anywhere in it.

    Args:
        rng: source of the draws of this sample.
        ids: tokens of the text, [CLS] and eos included, int (n,).
        loss_mask: weights of the text's tokens, float (n,); the suffix form alone uses them.
        draw: the batch's uniform draw for the length.
        special: command tokens.
        rules: the ratios.
    Returns: a sample of n + 1 (suffix) or n + 2 (infill) tokens.
    Raises:
        ShapeError: fewer than three tokens.
    """
    if len(ids) < 3:
        raise ShapeError(f"document_blank: ids: expected at least 3 tokens, got {len(ids)}. Leave out empty texts.")
    length = generated_length(draw, len(ids), rules.min_ratio)
    several = bool(np.any(ids[:-1] == special.eos))
    if several or rng.random() < rules.suffix_prob:
        return document_suffix(ids, loss_mask, length, special)
    return document_infill(rng, ids, length, special)


def document_infill(rng: Generator, ids: np.ndarray, length: int, special: SpecialIds) -> Sample:
    """Hide `length` tokens anywhere between the [CLS] and the eos of a text; the answer ends with eop.

    The reference may lay the span over [CLS] or eos; a document's frame is never hidden here.
    """
    first = int(ids[0] == special.cls)
    last = len(ids) - int(ids[-1] == special.eos)
    start = first + int(rng.integers(0, last - first - length, endpoint=True))
    spans = Spans(np.array([start]), np.array([length]))
    return block_sample(ids, spans, np.array([0]), special.gmask, special)
