"""Short texts: a batch of long texts cut into several crops of about one length."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator

from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.data.blanks.text import Text, cut_right
from wudao_rt.errors import ConfigError

SHORTEST_CROP = 32


def crop_length(draw: float, seq_length: int) -> int:
    """Return the crop length that a uniform draw selects from [32, seq_length - 1).

    Raises:
        ConfigError: seq_length below 34, which leaves no choice.
    """
    if seq_length < SHORTEST_CROP + 2:
        raise ConfigError(
            f"short texts: seq_length: expected at least {SHORTEST_CROP + 2}, got {seq_length}. Set short_prob to 0."
        )
    return SHORTEST_CROP + int(draw * (seq_length - 1 - SHORTEST_CROP))


def crop_count(target: int, seq_length: int) -> int:
    """Return how many crops of `target` tokens each text gives, so that a batch keeps its number of tokens."""
    return max(1, (seq_length - 1) // target)


def crop(rng: Generator, text: Text, target: int, ends: np.ndarray, special: SpecialIds) -> Text:
    """Cut one crop: a random start moved left to a sentence or document start, an end moved left to a sentence end.

    A cut that would leave fewer than target // 2 tokens is made at `target` tokens instead. [CLS] of weight 0 is put in
    front. A text of at most `target` tokens is taken whole.

    Args:
        rng: source of the draws.
        text: a text that may begin with [CLS].
        target: tokens of the crop, [CLS] not counted.
        ends: table of `sentence_end_table`, bool (V,).
        special: command tokens.
    Returns: a text of at most target + 1 tokens.
    """
    body = text[1:] if text.ids[0] == special.cls else text
    if len(body) <= target:
        return body.prefixed(special.cls)
    start = int(rng.integers(0, len(body) - target, endpoint=True))
    before = body.ids[:start]
    stops = np.flatnonzero(ends[before] | (before == special.eos))
    start = int(stops[-1]) + 1 if stops.size else 0
    start += int(body.ids[start] == special.cls)  # a document's own [CLS] is written anew below
    return cut_right(body[start:], target, ends).prefixed(special.cls)
