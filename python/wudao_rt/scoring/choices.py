"""Multiple choice: which of several texts fits a question best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from wudao_rt import _core
from wudao_rt.data.blanks import SpecialIds
from wudao_rt.errors import ShapeError
from wudao_rt.generation.prompts import PromptLike, read_ids
from wudao_rt.generation.special import special_of
from wudao_rt.ops.types import Array
from wudao_rt.scoring.rows import batches
from wudao_rt.scoring.score import score
from wudao_rt.tasks import ChoiceRow, Mode, collate_choices, multiple_choice

if TYPE_CHECKING:
    from wudao_rt.glm import GLM


def score_choices(
    model: GLM,
    questions: Sequence[PromptLike],
    choices: Sequence[Sequence[PromptLike]],
    mode: Mode = "bi",
    special: SpecialIds | None = None,
) -> list[Array]:
    """Compute the log-probability of each choice of each question, without end mark or length penalty.

    bi: all choices of a question stand in one row, at its first mask or at a [MASK] put behind it; a block-diagonal
    mask hides them from each other. uni: the question is read left to right, each choice in a row of its own.

    Args:
        questions: texts or token ids.
        choices: texts or token ids, for each question.
        mode: as in `score`.
        special: ids of the command tokens; default those of the model's tokenizer.

    Returns:
        For each question the sums of log p, float64, one per choice; the answer is the arg-max.

    Raises:
        ShapeError: lists of unequal length, no choices, an empty or too long text.
    """
    if len(questions) != len(choices):
        raise ShapeError(f"score_choices: choices: expected a list for each of {len(questions)} questions, got "
                         f"{len(choices)}. Give lists of one length.")
    special = special_of("score_choices", model, special)
    if mode == "uni":
        return [_one_by_one(model, q, c, special) for q, c in zip(questions, choices, strict=True)]
    rows = [_row(model, i, q, c, special) for i, (q, c) in enumerate(zip(questions, choices, strict=True))]
    found: list[Array] = [np.empty(0)] * len(rows)
    for chosen in batches([len(row.ids) for row in rows]):
        values = _core.log_probs(model.core, _batch([rows[i] for i in chosen]))
        for value, i in zip(values, chosen, strict=True):
            found[i] = np.array([value[slots].sum() for slots in rows[i].slots])
    return found


def _one_by_one(model: GLM, question: PromptLike, choices: Sequence[PromptLike], special: SpecialIds) -> Array:
    scores = score(model, [question] * len(choices), choices, "uni", special=special)
    return np.array([one.log_prob for one in scores])


def _row(
    model: GLM, number: int, question: PromptLike, choices: Sequence[PromptLike], special: SpecialIds
) -> ChoiceRow:
    op = "score_choices"
    if len(choices) == 0:
        raise ShapeError(f"{op}: choices[{number}]: expected at least one, got none. Fill the choices.")
    ids = read_ids(op, f"questions[{number}]", model, question)
    answers = [np.array(read_ids(op, f"choices[{number}][{i}]", model, c, False)) for i, c in enumerate(choices)]
    row = multiple_choice(np.array(ids), answers, special)
    rows = model.config.max_positions + (1 if model.config.block_positions else 0)
    if max(row.positions.max(), row.block_positions.max()) >= rows:
        raise ShapeError(f"{op}: questions[{number}]: expected at most {rows} tokens, command tokens included, and "
                         f"{rows - 1} per choice (max_positions), got more. Shorten it.")
    return row


def _batch(rows: Sequence[ChoiceRow]) -> dict[str, Array]:
    batch = collate_choices(rows)
    targets, loss_mask = np.zeros_like(batch.ids), np.zeros(batch.ids.shape)
    for b, row in enumerate(rows):
        for slots, wanted in zip(row.slots, row.targets, strict=True):
            targets[b, slots], loss_mask[b, slots] = wanted, 1.0
    return {"ids": batch.ids, "positions": batch.positions, "block_positions": batch.block_positions,
            "mask": batch.mask, "targets": targets, "loss_mask": loss_mask}
