"""Last-word prediction, as in LAMBADA."""

from __future__ import annotations

import numpy as np

from wudao_rt.data.blanks import Sample, SpecialIds
from wudao_rt.errors import ShapeError
from wudao_rt.tasks.continuation import Mode, cut_left, require_mode, scored_answer


def split_last_word(text: str) -> tuple[str, str]:
    """Split a passage into the context and its last word with a space in front, to be tokenized apart.

    Raises:
        ShapeError: fewer than two words.
    Example:
        >>> split_last_word("She opened the door .  ")
        ('She opened the door', ' .')
    """
    parts = text.strip().rsplit(maxsplit=1)
    if len(parts) < 2:
        raise ShapeError(f"last_word: text: expected at least two words, got {text!r}. Leave it out.")
    return parts[0].strip(), " " + parts[1]


def last_word(
    context: np.ndarray, answer: np.ndarray, special: SpecialIds, mode: Mode = "bi", max_length: int | None = None
) -> Sample:
    """Build the row that predicts the last word of a passage.

    bi: [CLS] context [gMASK] eos | sop answer[:-1]; uni: [CLS] first-token [gMASK] eos | sop rest-of-context
    answer[:-1]. The word is right when the arg-max at every slot is its target; eop is not scored. Both modes score the
    same slots.

    Args:
        context: tokens of the passage without its last word, int (c,), c >= 1.
        answer: tokens of the last word, int (n,), n >= 1.
        special: command tokens; `special.with_one_mask()` for a model without task masks.
        mode: how the context is read.
        max_length: tokens of the row; a longer context loses its left end.
    Returns: a sample whose `slots` score the answer.
    Raises:
        ShapeError: an empty context or answer, or an unknown mode.
    Source: Paperno et al., The LAMBADA dataset (ACL 2016); GLM (Du et al., ACL 2022), section 3.3.
    """
    require_mode("last_word", mode)
    if len(context) == 0 or len(answer) == 0:
        came = f"{len(context)} and {len(answer)} tokens"
        raise ShapeError(f"last_word: context, answer: expected at least one token each, got {came}. Leave it out.")
    context = cut_left("last_word", np.asarray(context), 3 + len(answer), max_length)
    read = len(context) if mode == "bi" else 1
    part_a = np.concatenate(([special.cls], context[:read], [special.gmask, special.eos]))
    return scored_answer(part_a, len(part_a) - 2, context[read:], np.asarray(answer), special)
