"""The token objective: short spans hidden all over a text."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from wudao_rt.data.blanks.blocks import block_sample
from wudao_rt.data.blanks.corrupt import mask_blocks, mask_context
from wudao_rt.data.blanks.objectives import Objectives
from wudao_rt.data.blanks.placement import document_bounds, place, share_out, spread
from wudao_rt.data.blanks.sample import Sample
from wudao_rt.data.blanks.spans import Spans, draw_lengths
from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.errors import ShapeError

_ATTEMPTS = 4


def token_blanks(
    rng: Generator, ids: np.ndarray, special: SpecialIds, rules: Objectives, single_span: bool = False
) -> Sample:
    """Hide int(token_ratio * n) tokens or somewhat more, in spans of Poisson lengths in random order.

    Args:
        rng: source of the draws.
        ids: tokens of the text, [CLS] and eos included, int (n,).
        special: command tokens.
        rules: ratios and lengths.
        single_span: hide one span only.
    Returns: a sample of n + 2k tokens; k <= max(1, int(token_ratio * n)) spans.
    Raises:
        ShapeError: the text holds nothing that may be hidden.
    """
    spans = token_spans(rng, ids, special, rules, single_span)
    sample = block_sample(ids, spans, rng.permutation(len(spans)), special.mask, special)
    if rules.context_mask > 0:
        sample = mask_context(rng, sample, len(ids), rules.context_mask, rules.context_range, special)
    if rules.block_mask > 0:
        sample = mask_blocks(rng, sample, rules.block_mask, special)
    return sample


def token_spans(
    rng: Generator, ids: np.ndarray, special: SpecialIds, rules: Objectives, single_span: bool = False
) -> Spans:
    """Choose the spans of the token objective.

    The reference drops a sample when not every drawn length finds a place, so that batches shrink, even to nothing.
    Here lengths are drawn anew (the same distribution, given the text) up to four times; then, as for a text packed of
    many short documents, each length goes to a random document with room for it. At least one token is always hidden,
    where the reference hides none in a text of fewer than 1 / token_ratio tokens; if need be the open end of an
    unfinished text of one word.
    """
    bounds = document_bounds(ids, special) or document_bounds(np.append(ids, special.eos), special)
    if not bounds:
        raise ShapeError(
            f"token_blanks: ids: expected words to hide, got {len(ids)} token(s) without any. Leave it out."
        )
    target = 1 if single_span else max(1, int(rules.token_ratio * len(ids)))
    for _ in range(_ATTEMPTS):
        lengths = rng.permutation(draw_lengths(rng, target, rules.mean_length, rules.max_length)).tolist()
        owners = share_out(lengths, bounds, rules.token_ratio)
        if owners is not None:
            return place(rng, lengths, owners, bounds)
    return place(rng, *spread(rng, lengths, bounds), bounds)
