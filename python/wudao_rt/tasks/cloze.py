"""Cloze questions: a pattern with a mask, and answers that fill it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wudao_rt.data.blanks import Sample, SpecialIds, suffix_sample
from wudao_rt.errors import ConfigError, ShapeError

EXCLUDED = -10000.0
"""Score of a candidate that is only padding."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Hold tokens of a pattern, int (n,), and whether they may be shortened when the row is too long."""

    ids: np.ndarray
    shortenable: bool = False


def mask_indices(ids: np.ndarray, special: SpecialIds) -> np.ndarray:
    """Return the indices of all mask tokens of a context, int64."""
    return np.flatnonzero(np.isin(ids, (special.mask, special.smask, special.gmask)))


def cloze(
    left: Sequence[Segment],
    right: Sequence[Segment],
    answer: np.ndarray,
    special: SpecialIds,
    include_end: bool = True,
    max_length: int | None = None,
    separate: bool = False,
    ended: bool = True,
) -> Sample:
    """Build [CLS] left (SEP) right (eos) | sop answer, the answer standing for the last mask.

    A row that is too long loses, again and again, the last token of the side with more shortenable tokens.

    Args:
        left, right: the pattern; one of their segments holds the mask.
        answer: tokens of the candidate, int (n,); when empty, the slot of a lone sop is scored, e.g. for verbalizers of
            one token, whose ids are gathered there.
        special: command tokens.
        include_end: score eop after the answer.
        max_length: tokens of the row.
        separate: put SEP between the sides.
        ended: put eos after the context.
    Returns: a sample whose `slots` score the answer; `slots[0] == sep` is the slot of sop.
    Raises:
        ShapeError: no mask, or a pattern that cannot be shortened enough.
    Source: GLM (Du et al., ACL 2022), section 2.4; Schick and Schuetze, PET (EACL 2021).
    """
    if separate and special.sep is None:
        raise ConfigError("cloze: special: expected an id for SEP, came None. Set separate to False.")
    scored = np.append(answer, special.eop) if include_end or len(answer) == 0 else np.asarray(answer)
    others = 1 + separate + ended + len(scored)
    left, right = _shorten(left, right, others, max_length)
    parts = [np.array([special.cls]), *left, *([np.array([special.sep])] if separate else []), *right]
    context = np.concatenate([*parts, [special.eos] * ended]).astype(np.int32)
    masks = mask_indices(context, special)
    if masks.size == 0:
        raise ShapeError(
            "cloze: left, right: expected a mask in the pattern, got none. Put the mask in a fixed segment."
        )
    return suffix_sample(context, int(masks[-1]), special.sop, scored.astype(np.int32), np.ones(len(scored)))


def _shorten(
    left: Sequence[Segment], right: Sequence[Segment], others: int, max_length: int | None
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    size = others + sum(len(segment.ids) for segment in (*left, *right))
    excess = 0 if max_length is None else max(0, size - max_length)
    free_left, free_right = (sum(len(s.ids) for s in side if s.shortenable) for side in (left, right))
    if excess > free_left + free_right:
        raise ShapeError(
            f"cloze: max_length: expected at most {max_length} tokens, got {size}. Mark a segment shortenable."
        )
    cut_left = cut_right = 0
    for _ in range(excess):
        if free_left - cut_left > free_right - cut_right:
            cut_left += 1
        else:
            cut_right += 1
    return _drop_last(left, cut_left), _drop_last(right, cut_right)


def _drop_last(side: Sequence[Segment], count: int) -> list[np.ndarray]:
    kept: list[np.ndarray] = []
    for segment in reversed(side):
        dropped = min(count, len(segment.ids)) if segment.shortenable else 0
        kept.append(np.asarray(segment.ids)[: len(segment.ids) - dropped])
        count -= dropped
    return kept[::-1]


def cloze_score(log_probs: np.ndarray, length_penalty: float = 0.0) -> float:
    """Return sum(log p) / n**length_penalty over the n scored tokens of a candidate, eop among them.

    Example:
        >>> cloze_score(np.array([-1.0, -3.0]), length_penalty=1.0)
        -2.0
    """
    return float(np.sum(log_probs) / len(log_probs) ** length_penalty)


def pad_scores(scores: Sequence[Sequence[float]]) -> np.ndarray:
    """Return candidate scores as one array, float64 (B, most candidates); missing ones score -10000."""
    padded = np.full((len(scores), max(map(len, scores))), EXCLUDED)
    for row, known in zip(padded, scores, strict=True):
        row[: len(known)] = known
    return padded
