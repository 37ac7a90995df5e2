"""Extra noise of the token objective: [dBLOCK] over some inputs whose targets stay."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from wudao_rt.data.blanks.sample import Sample
from wudao_rt.data.blanks.special import SpecialIds
from wudao_rt.errors import ConfigError


def mask_blocks(rng: Generator, sample: Sample, prob: float, special: SpecialIds) -> Sample:
    """Replace each input token of Part B, sop excepted, by [dBLOCK] with a probability.

    The reference draws this from an unseeded generator; here it is `rng`, so that a run can be repeated.

    Args:
        rng: source of the draws.
        sample: row of the token objective.
        prob: 0..1.
        special: command tokens; `dblock` is needed.
    Returns: the row with new `ids`.
    Raises:
        ConfigError: the vocabulary has no dBLOCK.
    """
    hidden = (rng.random(len(sample)) < prob) & (sample.block_positions > 1)
    return _hide(sample, hidden, special)


def mask_context(
    rng: Generator, sample: Sample, text_length: int, ratio: float, reach: int, special: SpecialIds
) -> Sample:
    """Replace tokens of Part A near the masks by [dBLOCK].

    int(ratio * text_length) tokens are drawn among those at most `reach` places from a mask; all of them when there
    are fewer (the reference fails there). [CLS], eos and the masks themselves stay.

    Args:
        rng: source of the draws.
        sample: row of the token objective.
        text_length: tokens of the text before masking.
        ratio: share of the text, 0..1.
        reach: largest distance to a mask.
        special: command tokens; `dblock` is needed.
    Returns: the row with new `ids`.
    """
    part_a = sample.ids[: sample.sep]
    masks = sample.positions[sample.sep :]
    close = np.zeros(sample.sep + 2 * reach, bool)
    for shift in range(2 * reach + 1):
        close[masks + shift] = True
    close = close[reach : reach + sample.sep] & (part_a != special.cls) & (part_a != special.eos)
    close[masks] = False
    near = np.flatnonzero(close)
    hidden = np.zeros(len(sample), bool)
    hidden[rng.permutation(near)[: int(ratio * text_length)]] = True
    return _hide(sample, hidden, special)


def _hide(sample: Sample, hidden: np.ndarray, special: SpecialIds) -> Sample:
    if special.dblock is None:
        raise ConfigError(
            "token blanks: special: expected an id for dBLOCK, came None. "
            "Set block_mask and context_mask to 0, or use a vocabulary with dBLOCK."
        )
    return replace(sample, ids=np.where(hidden, special.dblock, sample.ids))
