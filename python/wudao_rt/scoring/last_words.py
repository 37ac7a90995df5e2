"""Last-word prediction, as in LAMBADA."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from wudao_rt.data.blanks import Sample, SpecialIds
from wudao_rt.generation.prompts import PromptLike, read_ids
from wudao_rt.generation.special import special_of
from wudao_rt.scoring.rows import best_ids, check_room, log_probs
from wudao_rt.tasks import Mode, last_word, split_last_word

if TYPE_CHECKING:
    from wudao_rt.glm import GLM

Passage: TypeAlias = str | tuple[PromptLike, PromptLike]


@dataclass(frozen=True)
class LastWord:
    """Hold one passage's outcome.

    Args:
        correct: whether the arg-max at every slot is the word's token.
        log_prob: of the word, natural logarithm, no end mark.
        token_ids: of the word.
    """

    correct: bool
    log_prob: float
    token_ids: list[int]


def score_last_words(
    model: GLM, passages: Sequence[Passage], mode: Mode = "bi", special: SpecialIds | None = None
) -> list[LastWord]:
    """Predict the last word of each passage.

    Args:
        passages: texts, split at their last white space; or pairs (context, last word) of texts or token ids.
        mode: as in `score`.
        special: ids of the command tokens; default those of the model's tokenizer.

    Returns:
        One entry per passage; a passage that is too long loses its left end.

    Source: Paperno et al. 2016 (LAMBADA); Du et al. 2022 (GLM), section 3.3.
    """
    special = special_of("score_last_words", model, special)
    rows = [_row(model, i, passage, mode, special) for i, passage in enumerate(passages)]
    values, best = log_probs(model, rows), best_ids(model, rows)
    return [_outcome(row, value, ids) for row, value, ids in zip(rows, values, best, strict=True)]


def _row(model: GLM, number: int, passage: Passage, mode: Mode, special: SpecialIds) -> Sample:
    op, name = "score_last_words", f"passages[{number}]"
    context, word = split_last_word(passage) if isinstance(passage, str) else passage
    ids = np.array(read_ids(op, name, model, context, parse_special=False))
    answer = np.array(read_ids(op, name, model, word, parse_special=False))
    row = last_word(ids, answer, special, mode, max_length=model.config.max_positions)
    check_room(op, name, name, model, row)
    return row


def _outcome(row: Sample, values: np.ndarray, best: np.ndarray) -> LastWord:
    wanted = row.targets[row.slots]
    return LastWord(bool(np.array_equal(best, wanted)), float(values.sum()), wanted.tolist())
