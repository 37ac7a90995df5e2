"""The sentence objective: whole sentences hidden behind [sMASK]."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.random import Generator

from wudao_rt.data.blanks.blocks import block_sample
from wudao_rt.data.blanks.objectives import Objectives
from wudao_rt.data.blanks.sample import Sample
from wudao_rt.data.blanks.spans import Spans
from wudao_rt.data.blanks.special import SpecialIds

SENTENCE_ENDS = frozenset(".?!;:\u3002\uff1f\uff01\uff1b\u2026\n")


def sentence_end_table(token_texts: Iterable[str]) -> np.ndarray:
    """Mark the tokens whose text holds a sentence end anywhere, so also the point of a decimal, as the reference does.

    Args:
        token_texts: surface of each token id, in order of the ids.
    Returns: bool (V,).
    Example:
        >>> sentence_end_table(["a", "b.", "3.5", "\\n"]).tolist()
        [False, True, True, True]
    """
    return np.array([not SENTENCE_ENDS.isdisjoint(text) for text in token_texts], bool)


def find_sentences(ids: np.ndarray, ends: np.ndarray, special: SpecialIds) -> Spans:
    """Find the sentences of a packed text.

    A sentence runs up to and with a token that ends one; eos drops what is unfinished before it; what follows the last
    end counts as a sentence. A [CLS] at the start of any document is no part of a sentence (in the reference: at the
    start of the text only).

    Args:
        ids: tokens of the text, int (n,).
        ends: table of `sentence_end_table`, bool (V,).
        special: command tokens.
    Returns: sentences in ascending order.
    """
    stops = ends[ids] & (ids != special.eos)
    cuts = np.flatnonzero(stops | (ids == special.eos))
    starts = np.concatenate(([0], cuts + 1))
    finishes = np.append(np.where(stops[cuts], cuts + 1, 0), len(ids))
    inside = np.minimum(starts, len(ids) - 1)
    starts = starts + ((starts < len(ids)) & (ids[inside] == special.cls))
    real = finishes > starts
    return Spans(starts[real], (finishes - starts)[real])


def sentence_blanks(
    rng: Generator, ids: np.ndarray, ends: np.ndarray, special: SpecialIds, rules: Objectives
) -> Sample | None:
    """Hide random sentences until they hold int(sentence_ratio * n) tokens, at least one sentence.

    Args:
        rng: source of the draws.
        ids: tokens of the text, int (n,).
        ends: table of `sentence_end_table`, bool (V,).
        special: command tokens.
        rules: the ratio.
    Returns: a sample of n + 2k tokens, or None for a text without a sentence (the caller then hides tokens).
    """
    sentences = find_sentences(ids, ends, special)
    if len(sentences) == 0:
        return None
    order = rng.permutation(len(sentences))
    target = int(rules.sentence_ratio * len(ids))
    count = int(np.searchsorted(np.cumsum(sentences.lengths[order]), target)) + 1
    chosen = np.sort(order[:count])
    spans = Spans(sentences.starts[chosen], sentences.lengths[chosen])
    return block_sample(ids, spans, rng.permutation(len(spans)), special.smask, special)
