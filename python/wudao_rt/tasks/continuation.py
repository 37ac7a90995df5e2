"""The log-probability of a continuation, the context read in both directions or left to right."""

from __future__ import annotations

from typing import Literal

import numpy as np

from wudao_rt.data.blanks import Sample, SpecialIds, suffix_sample
from wudao_rt.errors import ConfigError, ShapeError

Mode = Literal["bi", "uni"]


def continuation(
    context: np.ndarray,
    answer: np.ndarray,
    special: SpecialIds,
    mode: Mode = "bi",
    end: int | None = None,
    max_length: int | None = None,
) -> Sample:
    """Build the row that scores `answer` after `context`.

    bi: [CLS] context [gMASK] | sop answer[:-1]; uni: [CLS] [gMASK] | sop context answer[:-1]. Only the answer weighs.

    Args:
        context: tokens before the answer, int (c,); may be empty.
        answer: tokens to score, int (n,), n >= 1.
        special: command tokens.
        mode: how the context is read.
        end: id scored after the answer (eop or eos); None scores the answer alone.
        max_length: tokens of the row; a longer context loses its left end.
    Returns: a sample whose `slots` score the answer, and the end when given.
    Raises:
        ShapeError: no answer, an unknown mode, or an answer that is too long by itself.
    Example:
        >>> special = SpecialIds(eos=0, cls=1, mask=2, sop=3, eop=4, gmask=6)
        >>> row = continuation(np.array([8, 9]), np.array([10, 11]), special, "uni")
        >>> row.ids.tolist(), row.slots.tolist()
        ([1, 6, 3, 8, 9, 10], [4, 5])
    """
    require_mode("continuation", mode)
    if len(answer) == 0:
        raise ShapeError("continuation: answer: expected at least one token, got none. Give the words to score.")
    answer = np.asarray(answer) if end is None else np.append(answer, end)
    context = cut_left("continuation", np.asarray(context), 2 + len(answer), max_length)
    read, written = (context, context[:0]) if mode == "bi" else (context[:0], context)
    part_a = np.concatenate(([special.cls], read, [special.gmask]))
    return scored_answer(part_a, len(part_a) - 1, written, answer, special)


def scored_answer(
    part_a: np.ndarray, mask_index: int, written: np.ndarray, answer: np.ndarray, special: SpecialIds
) -> Sample:
    """Build Part B = sop + written + answer without its last token, where the answer alone weighs."""
    weights = np.concatenate((np.zeros(len(written), np.float32), np.ones(len(answer), np.float32)))
    return suffix_sample(part_a, mask_index, special.sop, np.concatenate((written, answer)), weights)


def cut_left(op: str, context: np.ndarray, others: int, max_length: int | None) -> np.ndarray:
    """Drop the left end of a context so that it and `others` further tokens fit in `max_length`."""
    if max_length is None:
        return context
    if others > max_length:
        raise ShapeError(f"{op}: answer: expected at most {max_length} tokens in all, got {others}. Raise max_length.")
    return context[max(0, len(context) + others - max_length) :]


def require_mode(op: str, mode: str) -> None:
    """Refuse a mode that is neither bi nor uni."""
    if mode not in ("bi", "uni"):
        raise ConfigError(f"{op}: mode: expected bi or uni, got {mode}. Use bi for a context read in both directions.")
